#!/usr/bin/python3
"""Turns the .sql files beside the code into C constants (struct statement).

    tools/sql2c.py --out-h build/sql.h --out-c build/sql.c api/*/*.sql

A file consists of sections. A section begins with one of the first two lines:

    -- name: contact_create  ($1 client, $2 advisor)    a statement: sql_contact_create
    -- fragment: address_json                           text that others include
    :{address_json}   :{address_json c x}               includes it; c and x replace %1 and %2 in it

A fragment may include fragments of any file. Comment lines and the final semicolon are dropped. Errors: a duplicate name,
a fragment that is unknown, unused or includes itself, more than one statement in a section, a gap in $1..$n.

Blanks separate the arguments of a fragment. An argument that contains blanks stands between double quotes:
:{ended_lately "s.id = any ($1)" true}

A statement only reads when it begins with select, with or values and none of the WRITES below stands in it as a word, in
whatever role. A select that writes through a function declares it by the comment line `-- writes`. A statement that only
reads has the first three flags of struct statement (api/db/statement.h); one that writes has those that it declares:
`-- writes: repeatable, brief, apart`. The comment lines `-- custom plan`, `-- replica`, `-- binary` and
`-- binary arguments` set the flags of these names. The comment line `-- cursor` adds the same text as a cursor (struct statement).
"""
import argparse
import os
import re
import sys

sys.dont_write_bytecode = True
import cstring  # noqa: E402

ARGS_MAX = 40  # DB_ARGS_MAX in api/db/statement.h
WRITES = re.compile(r"\b(insert|update|delete|merge|truncate|share|lock|call|do|copy|create|alter|drop|"
                    r"grant|revoke|set|nextval|setval|set_config|pg_notify|notify)\b", re.I)
HEAD = re.compile(r"^--\s*(name|fragment):\s*(\S+)(\s.*)?$")
INCLUDE = re.compile(r":\{([^{}]*)\}")
ARGUMENT = re.compile(r'"([^"]+)"|([^\s"]+)')
FLAGS = ("repeatable", "brief", "apart")
# db/stream.c fetches from it.
CURSOR = "declare stream no scroll cursor for "


class Fault(Exception):
    pass


class Section:
    def __init__(self, kind, name, where):
        self.kind, self.name, self.where = kind, name, where
        self.lines, self.numbers, self.writes, self.flags, self.used = [], [], False, (), False
        self.custom_plan = self.replica = self.binary = self.binary_arguments = self.cursor = False


def read(path, sections):
    section = None
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            where, line = f"{path}:{number}", line.rstrip()
            head = HEAD.match(line)
            if head:
                kind, name = head.group(1), head.group(2)
                if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
                    raise Fault(f"{where}: '{name}' is not a valid name")
                if (kind, name) in sections:
                    raise Fault(f"{where}: {name} is already defined at {sections[kind, name].where}")
                section = sections[kind, name] = Section(kind, name, where)
            elif re.match(r"--\s*(name|fragment)\b", line):
                raise Fault(f"{where}: cannot parse: {line}")
            elif section and re.match(r"--\s*writes\b", line):
                said = re.fullmatch(r"--\s*writes(?::\s*(.*))?", line)
                section.writes = True
                section.flags = tuple(re.split(r",\s*", said.group(1))) if said and said.group(1) else ()
                if not said or not set(section.flags) <= set(FLAGS):
                    raise Fault(f"{where}: cannot parse: {line}")
            elif section and section.kind == "name" and line == "-- custom plan":
                section.custom_plan = True
            elif section and section.kind == "name" and line == "-- replica":
                section.replica = True
            elif section and section.kind == "name" and line == "-- binary":
                section.binary = True
            elif section and section.kind == "name" and line == "-- binary arguments":
                section.binary_arguments = True
            elif section and section.kind == "name" and line == "-- cursor":
                section.cursor = True
            elif line.lstrip().startswith("--") or not line:
                continue
            elif section is None:
                raise Fault(f"{where}: text before the first '-- name:'")
            else:
                section.lines.append(line)
                section.numbers.append(number)


def arguments(text, where):
    """What stands between the braces: the fragment's name and its arguments."""
    if ARGUMENT.sub("", text).strip():
        raise Fault(f"{where}: cannot parse: {text}")
    return [quoted or bare for quoted, bare in ARGUMENT.findall(text)]


def expand(section, args, sections, stack):
    """(the section's text with its fragments expanded, whether any part is marked `-- writes`)"""
    if section in stack:
        raise Fault(f"{section.where}: {section.name} includes itself")
    writes = section.writes
    text = re.sub(r";\s*$", "", "\n".join(section.lines))
    if section.kind == "fragment":
        wanted = {int(n) for n in re.findall(r"%([1-9])", text)}
        if wanted != set(range(1, len(args) + 1)):
            raise Fault(f"{stack[-1].where}: {section.name} takes {max(wanted, default=0)} "
                        f"arguments, not {len(args)}")

    def fill(part):
        return re.sub(r"%([1-9])", lambda m: args[int(m.group(1)) - 1], part) if section.kind == "fragment" else part

    filled, end = [], 0
    for match in INCLUDE.finditer(text):
        # Taken apart before they are filled: what an argument holds stays one argument.
        words = [fill(word) for word in arguments(match.group(1), section.where)]
        fragment = sections.get(("fragment", words[0])) if words else None
        if fragment is None:
            raise Fault(f"{section.where}: unknown fragment in {match.group(0)}")
        fragment.used = True
        inner, inner_writes = expand(fragment, words[1:], sections, stack + [section])
        writes = writes or inner_writes
        filled += [fill(text[end:match.start()]), inner]
        end = match.end()
    return "".join(filled) + fill(text[end:]), writes


def statement(section, sections):
    text, writes = expand(section, [], sections, [])
    bare = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*", "''", text)
    if not text.strip():
        raise Fault(f"{section.where}: {section.name} is empty")
    if ";" in bare and "$$" not in bare:
        raise Fault(f"{section.where}: {section.name} is more than one statement")
    numbers = {int(n) for n in re.findall(r"\$(\d+)", bare)}
    nargs = max(numbers, default=0)
    if numbers != set(range(1, nargs + 1)):
        raise Fault(f"{section.where}: {section.name} does not use all of $1..${nargs}")
    if nargs > ARGS_MAX:
        raise Fault(f"{section.where}: {section.name} takes more than {ARGS_MAX} arguments")
    reads = (not writes and not WRITES.search(text)
             and re.match(r"\s*\(*\s*(select|with|values)\b", text, re.I) is not None)
    flags = FLAGS if reads else section.flags
    if section.replica and not reads:
        raise Fault(f"{section.where}: a replica only reads, and {section.name} does not")
    return text, nargs, (*flags, *(name for name in ("custom_plan", "replica", "binary", "binary_arguments") if getattr(section, name)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out-h", required=True)
    parser.add_argument("--out-c", required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()

    sections = {}
    for path in sorted(args.files):
        read(path, sections)
    made = []
    for s in sections.values():
        if s.kind == "name":
            text, nargs, flags = statement(s, sections)
            if s.cursor and flags[:len(FLAGS)] != FLAGS:
                raise Fault(f"{s.where}: a cursor only reads, and {s.name} does not")
            made.append((s.name, cstring.literal(text, "\t\t"), nargs, flags, s.cursor))
    unused = [s for s in sections.values() if s.kind == "fragment" and not s.used]
    if unused:
        raise Fault(f"{unused[0].where}: the fragment {unused[0].name} is unused")
    if not made:
        raise Fault("no statements")

    note = "/* Generated by tools/sql2c.py. */\n"
    with open(args.out_h, "w", encoding="utf-8") as h:
        h.write(note + "#ifndef BUILD_SQL_H\n#define BUILD_SQL_H\n\n#include \"db/statement.h\"\n\n")
        h.writelines(f"extern const struct statement sql_{name};\n" for name, *_ in made)
        h.write("\nextern const struct statement *const sql_all[];\n"
                "extern const int sql_all_count;\n\n#endif\n")
    with open(args.out_c, "w", encoding="utf-8") as c:
        c.write(note + f"#include \"{os.path.basename(args.out_h)}\"\n")
        for name, literal, nargs, flags, cursor in made:
            c.write(f"\nconst struct statement sql_{name} = {{\n\t.name = \"{name}\",\n\t.text =\n"
                    f"{literal},\n\t.nargs = {nargs},\n"
                    + "".join(f"\t.{flag} = true,\n" for flag in flags)
                    + (f"\t.cursor =\n\t\t\"{CURSOR}\"\n{literal},\n" if cursor else "") + "};\n")
        c.write("\nconst struct statement *const sql_all[] = {\n")
        c.writelines(f"\t&sql_{name},\n" for name, *_ in made)
        c.write(f"}};\nconst int sql_all_count = {len(made)};\n")


if __name__ == "__main__":
    try:
        main()
    except (Fault, OSError, UnicodeError, ValueError) as fault:
        sys.exit(f"sql2c: {fault}")
