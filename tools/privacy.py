#!/usr/bin/python3
"""Checks the tree against db/privacy.txt, the list of all columns that can hold a client's data.

    tools/privacy.py            checks the audit's masks (db/migrations), api/resource/personal.h, the x-personal marks of
                                openapi.yaml and the table of docs/privacy.md
    tools/privacy.py --write    updates the table of docs/privacy.md
    tools/privacy.py --json     prints the list, for tests
"""
import glob
import json
import re
import sys

import yaml

LIST = "db/privacy.txt"
PAGE = "docs/privacy.md"
BEGIN, END = "<!-- db/privacy.txt -->\n", "<!-- end -->\n"


def places():
    """[{table, column, kind, members, left}]"""
    found = []
    with open(LIST, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            m = re.fullmatch(r"(\w+)\.(\w+|\*)\s+(personal|copy|kept|secret)\s+(\S+)\s+(\S.*)", line.rstrip())
            if not m or (m[2] == "*" and m[3] != "kept"):
                sys.exit(f"{LIST}:{number}: cannot parse: {line.rstrip()}")
            found.append({"table": m[1], "column": m[2], "kind": m[3], "left": m[5],
                          "members": [] if m[4] == "-" else m[4].split(",")})
    return found


def audited():
    """{table: set of masked columns}, as the last migration that names the table has it"""
    last = {}
    for path in sorted(glob.glob("db/migrations/*.sql")):
        with open(path, encoding="utf-8") as f:
            for table, columns in re.findall(r"select (?:gestor\.)?audited\('(?:gestor\.)?(\w+)'(?:,\s*(?:'\{|array\[)([^]}]*)[]}])?", f.read()):
                last[table] = {c for c in re.split(r"[',\s]+", columns) if c}
    return last


def marked(members):
    """The members that openapi.yaml marks x-personal, `voided.reason` if the list has it so, and {member: schema} of marked members that a schema leaves unmarked."""
    with open("openapi.yaml", encoding="utf-8") as f:
        schemas = yaml.safe_load(f)["components"]["schemas"]
    yes, no = set(), {}

    def is_marked(s):
        # `false`: a member that this branch of oneOf does not have.
        return isinstance(s, dict) and (s.get("x-personal") is True or "$ref" in s and schemas[s["$ref"].split("/")[-1]].get("x-personal") is True)

    def is_choice(s):
        return not isinstance(s, dict) or "x-catalog" in s or s.get("$ref", "").split("/")[-1] in ("Choice", "ChoiceOrNull", "ReportChoice")

    def walk(s, of):
        if isinstance(s, list):
            for child in s:
                walk(child, of)
        if not isinstance(s, dict):
            return
        if isinstance(s.get("properties"), dict):
            for member, p in s["properties"].items():
                inside = f"{of.lower()}.{member}"
                if is_marked(p):
                    yes.add(inside if inside in members else member)
                elif not is_choice(p) and not of.startswith("Catalog"):
                    no.setdefault(member, of)
        for child in s.values():
            walk(child, of)

    for name, s in schemas.items():
        walk(s, name)
    return yes, {m: of for m, of in no.items() if m in yes}


def table(listed):
    lines = ["| where | shown as | what an erasure leaves |", "| --- | --- | --- |"]
    for p in listed:
        if p["kind"] in ("personal", "copy"):
            shown = ", ".join(f"`{m}`" for m in p["members"]) or "–"
            lines.append(f"| `{p['table']}.{p['column']}` | {shown} | {p['left']} |")
    return "\n".join(lines) + "\n"


def page(listed):
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    return text, before + BEGIN + table(listed) + END + rest.split(END)[1]


def faults(listed):
    members = {m for p in listed for m in p["members"]}
    personal = {}
    for p in listed:
        if p["kind"] in ("personal", "secret"):
            personal.setdefault(p["table"], set()).add(p["column"])
    masks = audited()
    for name in sorted(personal.keys() | masks.keys()):
        if personal.get(name, set()) != masks.get(name, set()):
            yield f"the audit's masks of `{name}` differ in: {sorted(personal.get(name, set()) ^ masks.get(name, set()))}"
    with open("api/resource/personal.h", encoding="utf-8") as f:
        shown = set(re.findall(r"^\tP\(([\w.]+),", f.read(), re.M))
    if shown != members:
        yield f"api/resource/personal.h differs in: {sorted(shown ^ members)}"
    yes, no = marked(members)
    if yes != members:
        yield f"the x-personal marks of openapi.yaml differ in: {sorted(yes ^ members)}"
    for member, of in no.items():
        yield f"openapi.yaml marks {member} x-personal elsewhere, but not in {of}"
    current, wanted = page(listed)
    if current != wanted:
        yield f"the table of {PAGE} is out of date: run tools/privacy.py --write"


def main():
    listed = places()
    if sys.argv[1:] == ["--json"]:
        print(json.dumps(listed))
    elif sys.argv[1:] == ["--write"]:
        text = page(listed)[1]
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        found = list(faults(listed))
        for fault in found:
            print(f"{LIST}: {fault}", file=sys.stderr)
        sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
