#!/usr/bin/python3
"""
tools/circles.py [ROOT] - finds modules of ROOT (api) that include each other, directly or through others.
tools/circles.py --self-test CASES - checks itself with the trees of that file (tests/tools/circles.txt).

A module is x.c and x.h of one folder. A circle is a set of modules each of which reaches every other through `#include "..."`:
none of them can be read, tested or replaced alone. Printed are the modules of each circle and the lines that tie it.
"""
import pathlib
import posixpath
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def module(path):
    return posixpath.splitext(path)[0]


def includes(files):
    """{module: {included module: ["file:line: the line", ...]}} of {path: text}."""
    edges = {module(path): {} for path in files}
    for path, text in sorted(files.items()):
        for m in INCLUDE.finditer(text):
            # The compiler looks beside the file first, and then in api/ (-Iapi).
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), m.group(1)))
            target = module(beside if beside in files else m.group(1))
            if target in edges and target != module(path):
                line = text.count("\n", 0, m.start()) + 1
                edges[module(path)].setdefault(target, []).append(f"{path}:{line}: {m.group(0).strip()}")
    return edges


def reached(edges, start):
    found, todo = set(), [start]
    while todo:
        new = edges[todo.pop()].keys() - found
        found |= new
        todo += new
    return found


def circles(edges):
    """Lists of modules, each list one circle."""
    reach = {m: reached(edges, m) for m in edges}
    return sorted({tuple(sorted(n for n in reach[m] if m in reach[n])) for m in edges if m in reach[m]})


def self_test(path):
    """A case begins with `== title` or `== title: module module, module module`, its circles; `-- file` begins a file of it."""
    cases = re.split(r"^== (.*)\n", pathlib.Path(path).read_text("utf-8"), flags=re.M)[1:]
    failed = 0
    for title, text in zip(cases[::2], cases[1::2]):
        wanted = [tuple(circle.split()) for circle in title.partition(":")[2].split(",") if circle.strip()]
        parts = re.split(r"^-- (.*)\n", text, flags=re.M)[1:]
        got = circles(includes(dict(zip(parts[::2], parts[1::2]))))
        if got != wanted:
            print(f"{path}: {title}\n    found {got or 'nothing'}", file=sys.stderr)
            failed += 1
    if not cases:
        sys.exit(f"{path} holds no case")
    return failed > 0


def main():
    if sys.argv[1:2] == ["--self-test"]:
        return self_test(sys.argv[2])
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "api")
    edges = includes({p.relative_to(root).as_posix(): p.read_text("utf-8") for p in root.rglob("*.[ch]")})
    found = circles(edges)
    for circle in found:
        print(f"circle: {' '.join(circle)}", file=sys.stderr)
        for source in circle:
            for target in sorted(edges[source].keys() & set(circle)):
                print("".join(f"    {root.as_posix()}/{line}\n" for line in edges[source][target]), end="", file=sys.stderr)
    return len(found) > 0


if __name__ == "__main__":
    sys.exit(main())
