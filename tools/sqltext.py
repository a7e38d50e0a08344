#!/usr/bin/python3
"""
tools/sqltext.py - checks that no SQL text is built at run time.

Outside api/db/ no C string holds SQL. In api/db/ every text sent is a literal, a statement of build/sql.c or an embedded text
of db/; a format may insert only numbers (%d). In SQL, `execute` of a text is allowed in the files that DYNAMIC
lists: migrations write DDL with the names of tables and columns, where a parameter cannot stand.
"""
import pathlib
import re
import sys

# The first words of a statement, in the project's style.
SQL = re.compile(r"\b(select\s+[\w\"*('%$]|insert\s+into\s|update\s+[\w.%]+\s+set\s|delete\s+from\s|truncate\s+[\w.%]+"
                 r"|(create|alter|drop)\s+(table|role|index|schema|function|view|database|user)\b|copy\s+[\w.%]+\s+(from|to)\b"
                 r"|grant\s+\w+\s+on\b|revoke\s+\w+\s+on\b|(?-i:set\s+(local\s+)?[a-z_]+\s+(to|=)\s))", re.I)
SENDS = re.compile(r"\b(PQ(?:exec|execParams|prepare|sendQuery|sendQueryParams|sendPrepare)|connect_exec|execute|query|ask)\s*\(")
# Functions that pass on a text they were given, texts that were generated at build time, and a constant table's literals.
PASSED = {
    "api/db/connect.c": {"sql", "sql_all[i]->text"},
    "api/db/migrate.c": {"sql", "grants_sql", "grant_reading"},
    "api/db/turns.c": {"sql", "before[i]"},
    "api/db/catch_up.c": {"sql", "indexes[i].is_valid", "indexes[i].drop", "indexes[i].create"},
    "api/db/notify.c": {"call->st->text"},
    "api/db/stream.c": {"sql", "config->before->text"},
    "api/db/session.c": {"call->st->text", "sql"},
}
DYNAMIC = {"db/migrations/0006_audit.sql", "db/migrations/0019_audit_by_table.sql", "db/migrations/0022_partitions.sql", "db/migrations/0032_imports.sql", "db/migrations/0039_merge.sql",
           "db/migrations/0042_write_cost.sql", "db/migrations/0043_import_blocks.sql", "db/migrations/0045_desk_speed.sql", "db/migrations/0046_whole_call.sql",
           "db/migrations/0047_import_speed.sql", "db/migrations/0049_import_sure.sql", "db/migrations/0050_events_imports.sql", "db/migrations/0052_update_cost.sql",
           "db/migrations/0059_merged_client_lock.sql", "db/migrations/0060_code_none.sql",
           "db/grants.sql"}

LITERAL = r'"(?:[^"\\\n]|\\.)*"'


def code_of(text):
    """The source with comments blanked, so that line numbers stay."""
    blank = lambda m: m.group(0) if m.group(0)[0] == '"' else re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(LITERAL + r"|'(?:[^'\\\n]|\\.)+'|/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)


def arguments(code, at):
    """The arguments of the call whose parenthesis opens just before `at`."""
    depth, start, found = 1, at, []
    for m in re.compile(LITERAL + r"|'(?:[^'\\\n]|\\.)+'|[(){}\[\],]").finditer(code, at):
        token = m.group(0)
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        if depth == 0 or depth == 1 and token == ",":
            found.append(" ".join(code[start:m.start()].split()))
            start = m.end()
        if depth == 0:
            break
    return found


def c_faults(name, text):
    code, inside = code_of(text), name.startswith("api/db/")
    line = lambda at: code.count("\n", 0, at) + 1
    # Adjacent literals form one string; names between them are macros of numbers.
    for m in re.finditer(rf"{LITERAL}(?:\s*(?:[A-Z_]+\s*)?{LITERAL})*", code):
        if not SQL.search(m.group(0)):
            continue
        if not inside:
            yield line(m.start()), "SQL in a string: move it to a .sql file"
        elif re.search(r"%(?!d)", m.group(0)):
            yield line(m.start()), "SQL format that inserts more than numbers"
    for m in SENDS.finditer(code):
        of_libpq = m.group(1).startswith(("PQ", "connect_"))
        if not inside:
            if of_libpq:
                yield line(m.start()), f"{m.group(1)}: only api/db/ sends statements"
            continue
        given = arguments(code, m.end())
        # A prototype or a definition, not a call.
        if any(re.match(r"(const )?(char|PGconn|struct \w+) \*", a) for a in given):
            continue
        if m.group(1) in ("execute", "query", "ask") and name not in ("api/db/migrate.c", "api/db/catch_up.c"):
            continue
        text_at = {"PQprepare": 2, "PQsendPrepare": 2, "execute": 2, "query": 2, "ask": 2}.get(m.group(1), 1)
        sent = given[text_at] if len(given) > text_at else "?"
        if not re.fullmatch(rf"{LITERAL}(\s*([A-Z_]+\s*)?{LITERAL})*", sent) and sent not in PASSED.get(name, ()):
            yield line(m.start()), f"{m.group(1)} sends {sent}, which is not a literal"


def sql_faults(name, text):
    code = re.sub(r"--[^\n]*", "", text)
    for m in re.finditer(r"\bexecute\b(?!\s+(function|procedure|on)\b)", code, re.I):
        if name not in DYNAMIC:
            yield code.count("\n", 0, m.start()) + 1, "`execute` of a text: write it as a statement"
        elif not re.match(r"execute\s+format\s*\(", code[m.start():], re.I):
            yield code.count("\n", 0, m.start()) + 1, "`execute` of a text that format() did not make"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    failed = False
    for pattern, faults in (("api/**/*.[ch]", c_faults), ("api/**/*.sql", sql_faults), ("db/**/*.sql", sql_faults)):
        for path in sorted(root.glob(pattern)):
            name = str(path.relative_to(root))
            for line, what in faults(name, path.read_text("utf-8")):
                print(f"{name}:{line}: {what}", file=sys.stderr)
                failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
