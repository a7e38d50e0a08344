#!/usr/bin/python3
"""Turns build/sql.c back into a psql script that prepares and plans every statement.

    tools/sql_prepare.py build/sql.c
    tools/sql_prepare.py --text NAME build/sql.c    prints the text of one statement

EXPLAIN EXECUTE also checks the role's rights on the tables, without running the statement.
"""
import re
import sys

STATEMENT = re.compile(r'\.name = "(\w+)",\s*\.text =((?:\s*"(?:[^"\\]|\\.)*")+),\s*\.nargs = (\d+)')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(r'\\([0-7]{3}|.)')
# Statements that the command line runs as the schema's owner; the serving role has no right to them.
OWNER_ONLY = {"advisor_add"}
NAMED = {"n": "\n", "t": "\t"}


def character(m):
    c = m.group(1)
    return chr(int(c, 8)) if len(c) == 3 else NAMED.get(c, c)


with open(sys.argv[-1], encoding="utf-8") as f:
    found = STATEMENT.findall(f.read())
if not found:
    sys.exit("sql_prepare.py: no statement found in " + sys.argv[-1])
if sys.argv[1] == "--text":
    for name, literals, nargs in found:
        if name == sys.argv[2]:
            print("".join(ESCAPE.sub(character, s) for s in LITERAL.findall(literals)))
    sys.exit()
print("set search_path to gestor, pg_temp;\nset plan_cache_mode = force_generic_plan;")
for name, literals, nargs in found:
    text = "".join(ESCAPE.sub(character, s) for s in LITERAL.findall(literals))
    nulls = ", ".join(["null"] * int(nargs))
    print(f"\\echo -n '{name} '\nprepare {name} as\n{text};")
    if name in OWNER_ONLY:
        continue
    print(f"explain (costs off) execute {name}{'(' + nulls + ')' if nulls else ''} \\g /dev/null")
print(f"\\echo\n\\echo {len(found)} statements")
