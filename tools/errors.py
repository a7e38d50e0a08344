#!/usr/bin/python3
"""Writes docs/errors.md from api/base/messages.def, and checks the rest of the tree against that table.

    tools/errors.py >docs/errors.md
    tools/errors.py --check    checks docs/errors.md, the enums of openapi.yaml, and the codes that the program and
                               deploy/haproxy.cfg use
"""
import glob
import re
import sys

TABLE = "api/base/messages.def"
PAGE = "docs/errors.md"
CONTRACT = "openapi.yaml"
PROXY = "deploy/haproxy.cfg"

# HAProxy's own answers (tools/haproxy.py): the status, the PROBLEM or DETAIL entry whose text it sends, and the seconds of
# Retry-After (0: none). This status replaces the PROBLEM's.
PROXY_ANSWERS = [
    (400, "bad_request", 0),
    (403, "proxy_forbidden", 0),
    (404, "not_found", 0),
    (408, "request_timeout", 0),
    (413, "content_too_large", 0),
    (429, "proxy_too_many", 10),
    (500, "internal", 0),
    (502, "proxy_answer_incomplete", 0),
    (503, "proxy_busy", 1),
    (504, "proxy_answer_late", 0),
]

TOKEN = re.compile(r'\s+|/\*.*?\*/|#[^\n]*|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>\w+)|(?P<mark>[(),])', re.S)


def tokens(text):
    at = 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise ValueError(f"{TABLE}: cannot parse: {text[at:at + 40]!r}")
        at = m.end()
        if m.lastgroup:
            yield m.lastgroup, m.group()


def entries(text):
    """[(kind, argument, …)]; adjacent strings are joined, as in C."""
    found, entry, argument = [], None, []
    for kind, token in tokens(text):
        if token == "(" and entry is not None:
            argument = []
        elif token in (",", ")") and kind == "mark":
            entry.append("".join(argument))
            argument = []
            if token == ")":
                found.append(tuple(entry))
                entry = None
        elif entry is None:
            entry = [token]
        else:
            argument.append(re.sub(r"\\(.)", r"\1", token[1:-1]) if kind == "string" else token)
    return found


def proxy_answers(table):
    """[(status, code, (title en, es), (detail en, es), seconds)] of PROXY_ANSWERS."""
    problems = {e[1]: e for e in table if e[0] == "PROBLEM"}
    details = {e[1]: e for e in table if e[0] == "DETAIL"}
    answers = []
    for status, name, seconds in PROXY_ANSWERS:
        code = details[name][2] if name in details else name
        detail = details[name][3:5] if name in details else problems[code][5:7]
        answers.append((status, code, problems[code][3:5], detail, seconds))
    return answers


def cell(text):
    return text.replace("|", "\\|")


def page(table):
    problems = sorted((e for e in table if e[0] == "PROBLEM"), key=lambda e: (int(e[2]), e[1]))
    faults = sorted((e for e in table if e[0] == "FAULT"), key=lambda e: e[2])
    details = {}
    for _, _, code, en, es in (e for e in table if e[0] == "DETAIL"):
        details.setdefault(code, []).append((en, es))
    out = [f"""# Errors

Made by `tools/errors.py` of `{TABLE}`, where every text stands: do not change it here.

An error is `application/problem+json` (RFC 9457). `code` never changes; `title` and `detail` are for people, in English or,
where `Accept-Language` asks for it, in Spanish (`Content-Language` says which). `type` is `urn:gestor:problem:` and the code.
{{1}}, {{2}} stand for what the text is about.

## Problems

| status | code | English | Spanish |
| --- | --- | --- | --- |"""]
    for _, code, status, title_en, title_es, en, es in problems:
        out.append(f"| {status} | `{code}` | **{cell(title_en)}.** {cell(en)} | **{cell(title_es)}.** {cell(es)} |")
        for more_en, more_es in details.get(code, []):
            out.append(f"| | | {cell(more_en)} | {cell(more_es)} |")
    out.append("""
## The proxy's own answers

What HAProxy answers in front of the service, with the same members. The status may be another than above.

| status | code | English | Spanish |
| --- | --- | --- | --- |""")
    for status, code, _, (en, es), _ in proxy_answers(table):
        out.append(f"| {status} | `{code}` | {cell(en)} | {cell(es)} |")
    out.append("""
## Faults

What `errors` of a 422 (`invalid`) may hold. `pointer` says where in the request, `field` and `label` which field it is;
`allowed`, where it is there, what would do.

| code | English | Spanish |
| --- | --- | --- |""")
    before = None
    for _, _, code, en, es in faults:
        out.append(f"| {'`' + code + '`' if code != before else ''} | {cell(en)} | {cell(es)} |")
        before = code
    out.append("""
## Fields

What `field` and `label` of a fault may be; `missing` of an opportunity lists fields too. A field is a section of the form and a
member's path in it, without the numbers of rows, and has the same name in every request that can hold it. Query parameters of
lists, and members of requests that are not of the form, have no section. A member that is not known has its own name as label.

| field | English | Spanish |
| --- | --- | --- |""")
    out += [f"| `{field}` | {cell(en)} | {cell(es)} |" for _, field, en, es, _, _ in (e for e in table if e[0] == "LABEL")]
    return "\n".join(out) + "\n"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def check(table):
    import yaml  # not in the standard library, so only --check needs it

    faulty = []
    problems = {e[1]: e[2] for e in table if e[0] == "PROBLEM"}
    faults = {e[2] for e in table if e[0] == "FAULT"}
    try:
        made = read(PAGE)
    except FileNotFoundError:
        made = None
    if made != page(table):
        faulty.append(f"{PAGE} differs from {TABLE}: run tools/errors.py >{PAGE}")

    schemas = yaml.safe_load(read(CONTRACT))["components"]["schemas"]
    for schema, codes in (("Problem", set(problems)), ("Fault", faults)):
        listed = schemas[schema]["properties"]["code"].get("enum", [])
        for code in sorted(codes - set(listed)):
            faulty.append(f"{CONTRACT}: {schema}.code does not list {code}")
        for code in sorted(set(listed) - codes):
            faulty.append(f"{CONTRACT}: {schema}.code lists {code}, which {TABLE} does not have")
        if len(set(listed)) != len(listed):
            faulty.append(f"{CONTRACT}: {schema}.code lists a code twice")

    used = set(re.findall(r"x-words: (\w+)", read(CONTRACT)))
    for path in sorted(glob.glob("api/**/*.[ch]", recursive=True)):
        source = read(path)
        used.update(re.findall(r"\bTEXT_(\w+)", source), re.findall(r'"(\w+)"', source))
        for code in re.findall(r'\breply_problem\(\s*&?\w+,\s*"(\w*)"', source):
            if code not in problems:
                faulty.append(f"{path}: {TABLE} has no problem {code}")
    used.update(name for _, name, _ in PROXY_ANSWERS)
    used.update(e[2] for e in table if e[0] == "DETAIL" and e[1] in used)
    faulty += [f"{TABLE}: {e[1]} is used nowhere" for e in table if e[0] not in ("LABEL", "HELP", "SECTION") and e[1] not in used]
    listed = schemas["MissingField"]["enum"]
    labels = {e[1] for e in table if e[0] == "LABEL"}
    faulty += [f"{CONTRACT}: missing lists {field}, which has no label" for field in listed if field not in labels]
    for code in re.findall(r'"code":"(\w+)"', read(PROXY)):
        if code not in problems:
            faulty.append(f"{PROXY}: {TABLE} has no problem {code}")
    return faulty


if __name__ == "__main__":
    found = entries(read(TABLE))
    if not found:
        sys.exit(f"errors.py: {TABLE} has no entry")
    if sys.argv[1:] == ["--check"]:
        faulty = check(found)
        sys.exit("\n".join(faulty) if faulty else 0)
    sys.stdout.write(page(found))
