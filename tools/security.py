#!/usr/bin/python3
"""Checks docs/security.md: it answers every requirement of tests/asvs.txt once, and every file that it names exists."""
import collections
import os
import pathlib
import re
import sys

PAGE, NUMBERS = "docs/security.md", "tests/asvs.txt"
FILE = re.compile(r"[\w./-]+\.(?:[ch]|def|sql|js|mjs|py|sh|md|yaml|yml|cfg|service|txt|supp)\Z")
BESIDE = {"Makefile", "Dockerfile"}


def main():
    faults = []
    page = pathlib.Path(PAGE).read_text("utf-8")
    files = [f"{where}/{file}"[2:] for where, _, found in os.walk(".") for file in found
             if not re.match(r"\./(\.git|\.local|build)(/|$)|.*/node_modules(/|$)", where)]
    for name in sorted(set(re.findall(r"`([^`\n]+)`", page))):
        if (FILE.match(name) or name in BESIDE) and not any(f == name or f.endswith("/" + name) for f in files):
            faults.append(f"{name} does not exist")
    wanted = [line.split()[0] for line in pathlib.Path(NUMBERS).read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = [line.split("|")[1] for line in page.splitlines() if re.match(r"\| [\d.]+\.\d", line)]
    seen = collections.Counter(number for cell in rows for number in re.findall(r"\d+\.\d+\.\d+", cell))
    faults += [f"{number} is not answered" for number in wanted if number not in seen]
    faults += [f"{number} is answered {times} times" for number, times in seen.items() if times > 1]
    faults += [f"{number} is not in {NUMBERS}" for number in seen if number not in wanted]
    for fault in faults:
        print(f"{PAGE}: {fault}", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
