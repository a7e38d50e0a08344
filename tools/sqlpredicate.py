#!/usr/bin/python3
"""
tools/sqlpredicate.py [ROOT] - finds expressions with an effect where PostgreSQL may move, repeat or skip them.
tools/sqlpredicate.py --self-test CASES - tests itself with the cases of that file (tests/tools/sqlpredicate.sql).

It checks the statements of api/**/*.sql, with their fragments expanded, and the functions, views, CHECK constraints and index
predicates of db/migrations as the last migration leaves them. A function has an effect if it is one of EFFECTS, or if it is
one of the schema's and is volatile or calls a function with an effect, directly or indirectly.

A call of such a function is a fault
  in WHERE, ON, HAVING, FILTER, GROUP BY, ORDER BY, LIMIT and OFFSET, in a CHECK constraint and in an index's predicate;
  in FROM, or in a subquery in FROM, where the same FROM also reads rows (the table of an UPDATE or DELETE counts), because the
  planner may run it for rows that the join discards, or not at all if there are no rows;
  in a CTE that is neither MATERIALIZED nor data-modifying, unless the statement is just `select ... from` that CTE;
  in a CTE that nothing reads, because it would not run.

The parser knows only what this needs: tokens, parentheses, and the keywords that begin a clause.
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import sql2c  # noqa: E402

# Functions of the schema that have an effect whatever their declaration says, and PostgreSQL's own.
EFFECTS = {"refuse", "unchanged", "choice", "answer", "pg_notify", "nextval", "setval", "set_config", "pg_sleep",
           "pg_advisory_lock", "pg_advisory_xact_lock", "pg_try_advisory_lock", "pg_try_advisory_xact_lock",
           "pg_terminate_backend", "pg_cancel_backend", "pg_logical_emit_message"}
PREDICATES = {"where", "on", "having", "filter", "group by", "order by", "limit", "offset", "check", "index predicate"}
ADVICE = {
    "from": "call it in a materialized CTE: in its FROM if that reads only parameters, else in its select list; or join the table it reads",
    "cte": "write `as materialized`, so that PostgreSQL runs it once",
    "unread cte": "read it in the statement: PostgreSQL does not run a CTE that nothing reads",
    "check": "a constraint may hold only immutable expressions",
    "index predicate": "an index's predicate may hold only immutable expressions",
    "filter": "call it in the select list of a materialized CTE, and count its rows",
}
PREDICATE_ADVICE = ("decide it from rows that were joined and locked before, `with locked as materialized (select ... for key share) "
                    "select case when ... then refuse(...) end from locked`, or return a status that the C code checks")

# ---------------------------------------------------------------- tokens

TOKEN = re.compile(r"""
    (?P<at>/\*@[^*]*\*/)|(?P<space>\s+|--[^\n]*)|(?P<comment>/\*)|(?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
    |(?P<string>[eE]'(?:[^'\\]|\\.|'')*'|(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*")
    |(?P<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?P<param>\$\d+)|(?P<number>\d[\w.]*)|(?P<punct>::|.)""", re.X | re.S)


class Token:
    def __init__(self, kind, text, where):
        self.kind, self.text, self.where = kind, text, where

    def __repr__(self):
        return self.text


class Group(list):
    """The tokens between parentheses or brackets."""
    kind, text = "group", "()"


def tokens(text, where):
    """The tokens of a text; `where` is the ("file", line) of its beginning, or None if the text has marks (see marked())."""
    at, stack, found = 0, [], []
    file, line = where or ("", 0)
    while at < len(text):
        m = TOKEN.match(text, at)
        kind, part, at = m.lastgroup, m.group(0), m.end()
        if kind == "at":
            mark = part[3:-2]
            if mark == ">":
                stack.append((file, line))
            elif mark == "<":
                file, line = stack.pop()
            else:
                file, line = mark.rsplit(":", 1)
                line = int(line)
        elif kind == "comment":
            depth = 1
            for m in re.compile(r"/\*|\*/|\n").finditer(text, at):
                depth += {"/*": 1, "*/": -1, "\n": 0}[m.group(0)]
                line += m.group(0) == "\n" and where is not None
                at = m.end()
                if depth == 0:
                    break
        elif kind == "dollar":
            end = text.index(part, at)
            found.append(Token("body", text[at:end], (file, line)))
            part, at = text[m.start():end], end + len(part)
        elif kind == "word":
            found.append(Token("word", part.lower(), (file, line)))
        elif kind == "quoted":
            found.append(Token("name", part[1:-1], (file, line)))
        elif kind != "space":
            found.append(Token(kind, part, (file, line)))
        if where is not None and kind not in ("at", "comment"):
            line += part.count("\n")
    return found


def grouped(flat):
    """The tokens, with each parenthesised part as one Group."""
    top = Group()
    stack = [top]
    for t in flat:
        if t.kind == "punct" and t.text in "([":
            g = Group()
            g.where = t.where
            stack[-1].append(g)
            stack.append(g)
        elif t.kind == "punct" and t.text in ")]" and len(stack) > 1:
            stack.pop()
        else:
            stack[-1].append(t)
    return top


def word(items, i):
    """The word at i, or ''."""
    return items[i].text if 0 <= i < len(items) and items[i].kind == "word" else ""


def calls(items):
    """(name, token) of every function called in `items`, at any depth."""
    for i, t in enumerate(items):
        if t.kind == "group":
            yield from calls(t)
        elif t.kind in ("word", "name") and i + 1 < len(items) and items[i + 1].kind == "group":
            k = i
            while k >= 2 and items[k - 1].text == ".":
                k -= 2
            # `insert into t (...)` is not a call.
            if word(items, k - 1) != "into":
                yield t.text, t


# ---------------------------------------------------------------- clauses

JOINS = {"join", "left", "right", "inner", "full", "cross", "natural"}
QUERY = {"select", "with", "insert", "update", "delete", "merge", "values"}
# Words of PL/pgSQL that end a statement or an expression.
BREAKS = {"then", "loop", "else", "elsif", "begin", "declare", "exception", "return", "perform", "if", "while"}


class Fault:
    def __init__(self, token, clause, name=None):
        self.token, self.clause, self.name = token, clause, name or token.text


class Judge:
    """Checks one statement, or the body of one function."""

    def __init__(self, effects):
        self.effects, self.faults, self.ctes = effects, [], []

    def effect(self, items):
        return next(((n, t) for n, t in calls(items) if n in self.effects), None)

    def reads_rows(self, source):
        """Whether an item of FROM reads a table's rows: a table, a CTE or a subquery that does."""
        source = [t for t in source if word([t], 0) not in ("lateral", "only")]
        if not source:
            return False
        if source[0].kind == "group":
            if word(source[0], 0) == "values":
                return False
            return any(self.reads_rows(s) for s in sources(source[0])) if word(source[0], 0) in QUERY else \
                any(self.reads_rows(s) for s in split(source[0]))
        if len(source) > 1 and source[1].kind == "group":
            return False   # a function
        for named in reversed(self.ctes):
            if source[0].text in named:
                return named[source[0].text]
        return True

    def query(self, items):
        """Checks a query: the tokens between two parentheses, or a whole statement."""
        scope, start = {}, 0
        if word(items, 0) == "with":
            start = self.with_clause(items, scope)
        self.ctes.append(scope)
        try:
            self.level(items, start, None)
        finally:
            self.ctes.pop()

    def with_clause(self, items, scope):
        """Checks the CTEs; returns the index of the first token after them."""
        i, written = 1, []
        if word(items, 1) == "recursive":
            i = 2
        self.ctes.append(scope)
        while i < len(items):
            name = items[i].text
            i += 1
            if i < len(items) and items[i].kind == "group":
                i += 1
            i += 1   # as
            materialized = word(items, i) == "materialized"
            while i < len(items) and items[i].kind != "group":
                i += 1
            if i == len(items):
                break
            body = items[i]
            written.append((name, body, materialized))
            self.query(body)
            scope[name] = any(self.reads_rows(s) for s in sources(body)) or word(body, 0) in QUERY - {"select", "with", "values"}
            i += 1
            if i < len(items) and items[i].text == ",":
                i += 1
            else:
                break
        self.ctes.pop()
        for k, (name, body, materialized) in enumerate(written):
            found = self.effect(body)
            modifies = (word(body, 0) if word(body, 0) != "with" else "") in ("insert", "update", "delete", "merge")
            if not found or modifies:
                continue
            if not any(mentions(part, name) for part in [items[i:], *(b for _, b, _ in written[k + 1:])]):
                self.faults.append(Fault(found[1], "unread cte", found[0]))
            elif not materialized and not only_source(items[i:], name):
                self.faults.append(Fault(found[1], "cte", found[0]))
        return i

    def level(self, items, start, inherited):
        clause, cases, verb = inherited or "select list", 0, word(items, start)
        # Parentheses in FROM may hold joins with ON conditions.
        is_query = inherited in (None, "from") or verb in QUERY
        i = start
        while i < len(items):
            t, w, nxt = items[i], word(items, i), word(items, i + 1)
            dotted = i > 0 and items[i - 1].text == "." or i + 1 < len(items) and items[i + 1].text == "."
            if t.kind == "group":
                self.group(t, items, i, clause)
            elif t.text == ";":
                clause, cases = "select list", 0
            elif t.text == "," and clause == "on" and is_query:
                clause = "from"
            elif w and not dotted and is_query:
                if w == "case" and word(items, i - 1) != "end":
                    cases += 1
                elif w == "end" and cases:
                    cases -= 1
                elif w == "with" and nxt not in ("ordinality", "time", "ties") and i > start and clause == "select list" \
                        and self.with_at(items, i):
                    return
                elif not cases or w in ("where", "from"):
                    clause = self.clause_after(items, i, clause)
                    if clause == "from" and w in ("from", "using"):
                        self.from_clause(items, i)
            if t.kind in ("word", "name") and i + 1 < len(items) and items[i + 1].kind == "group" and clause in PREDICATES \
                    and t.text in self.effects:
                self.faults.append(Fault(t, clause))
            i += 1

    def with_at(self, items, i):
        """Checks a WITH inside a function's body: first its statement, then the rest of the body."""
        end = next((k for k in range(i, len(items)) if items[k].text == ";"), len(items))
        if not any(t.kind == "group" for t in items[i:end]):
            return False
        part, rest = Group(items[i:end]), Group(items[end:])
        self.query(part)
        self.level(rest, 0, None)
        return True

    @staticmethod
    def clause_after(items, i, clause):
        w, before, nxt = word(items, i), word(items, i - 1), word(items, i + 1)
        if w in ("select", "set", "values", "returning", "union", "intersect", "except", "insert", "delete", "merge"):
            return "select list"
        if w == "update" and before not in ("for", "key"):
            return "select list"
        if w == "from" and before != "distinct":
            return "from"
        if w == "using" and clause in ("from", "on", "select list") and i + 1 < len(items) and items[i + 1].kind != "group":
            # Only `delete from t using s` and `merge into t using s`, not ORDER BY ... USING or `raise ... using`.
            return "from" if any(word(items, k) in ("delete", "merge") for k in range(max(0, i - 6), i)) else clause
        if w == "where" or w == "having":
            return w
        if w == "on" and nxt == "conflict":
            return "select list"
        if w == "on" and clause == "from":
            return "on"
        if w in JOINS and clause == "on" and not (i + 1 < len(items) and items[i + 1].kind == "group"):
            return "from"
        if w in ("group", "order") and nxt == "by":
            return f"{w} by"
        if w in ("limit", "offset") and clause != "select list":
            return w
        if w in ("for", "window", "into", "do"):
            return "select list"
        if w in BREAKS and before != "end":
            return "select list"
        return clause

    def group(self, g, items, i, clause):
        first = word(g, 0)
        if first == "where" and word(items, i - 1) == "filter":
            self.level(Group(g[1:]), 0, "filter" if clause not in PREDICATES else clause)
        elif word(items, i - 1) == "check":
            self.level(g, 0, "check")
        elif first in QUERY and clause not in PREDICATES:
            self.query(g)
        elif first in QUERY:
            # A subquery in a predicate is evaluated as often as the predicate, so an effect anywhere in it is a fault.
            for name, t in calls(g):
                if name in self.effects:
                    self.faults.append(Fault(t, clause, name))
        else:
            self.level(g, 0, clause)

    def from_clause(self, items, i):
        """Checks the items of a FROM that also reads rows."""
        found = split_sources(items, i + 1)
        target = []
        for k in range(i - 1, -1, -1):
            if word(items, k) in ("update", "delete", "merge") and word(items, k - 1) not in ("for", "do", "key"):
                target = [True]
            if items[k].text == ";" or word(items, k) in ("select", "insert", "update", "delete", "merge"):
                break
        rows = target + [s for s in found if self.reads_rows(s)]
        for s in found:
            others = [r for r in rows if r is not s]
            hit = self.source_effect(s)
            if hit and others:
                self.faults.append(Fault(hit[1], "from", hit[0]))

    def source_effect(self, source):
        """The first effect in an item of FROM, a subquery or a function. ON conditions are checked elsewhere."""
        source = [t for t in source if word([t], 0) not in ("lateral", "only")]
        return self.effect(source)


def split_sources(items, i):
    """The items of the FROM that begins at i, without join conditions."""
    found, current, condition = [], [], False
    while i < len(items):
        w, t = word(items, i), items[i]
        called = i + 1 < len(items) and items[i + 1].kind == "group"
        if w in ("where", "group", "order", "having", "limit", "offset", "returning", "for", "union", "intersect", "except", "window",
                 "loop", "set", "into") or t.text == ";" or w == "on" and word(items, i + 1) == "conflict":
            break
        if t.text == "," or (w in JOINS or w == "outer") and not called:
            if current:
                found.append(current)
            current, condition = [], False
        elif w == "on" or w == "using":
            condition = True
        elif not condition:
            current.append(t)
        i += 1
    if current:
        found.append(current)
    return found


def split(items):
    return split_sources(items, 0)


def sources(query):
    """The items of every FROM of a query, in all parts of a UNION, without the query's own CTEs."""
    found = []
    for i, t in enumerate(query):
        if word(query, i) == "from" and word(query, i - 1) != "distinct":
            found += split_sources(query, i + 1)
    return found


def mentions(items, name):
    return any(mentions(t, name) if t.kind == "group" else t.text == name for t in items)


def only_source(main, name):
    """Whether the statement is just `select ... from name`, without another source or a clause that discards rows."""
    if word(main, 0) != "select":
        return False
    found = sources(main)
    words = {word(main, i) for i in range(len(main))}
    return len(found) == 1 and found[0][0].text == name and not words & {"where", "having", "group", "order", "limit", "offset", "union"}


# ---------------------------------------------------------------- schema and statements

TYPES = {"int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean", "varchar": "text",
         "float8": "double precision", "timestamptz": "timestamp with time zone", "character varying": "text"}
LONG = ("double precision", "character varying", "timestamp with time zone", "timestamp without time zone", "bit varying")


def signature(group):
    """The types of a function's input arguments, normalised."""
    types, current = [], []
    for t in [*group, Token("punct", ",", None)]:
        if t.text != ",":
            current.append(t)
            continue
        words = [("[]" if not x else "") if x.kind == "group" else x.text for x in current]
        for k, x in enumerate(words):
            if x in ("default", "="):
                words = words[:k]
                break
        mode = words[0] if words and words[0] in ("in", "out", "inout", "variadic") else "in"
        words = words[words[:1] == [mode]:]
        text = " ".join(words)
        if text not in LONG and len(words) > 1 and words[1] not in ("", "[]", "."):
            text = " ".join(words[1:])
        text = text.replace("gestor . ", "").strip()
        if current and mode != "out":
            types.append(TYPES.get(text, text))
        current = []
    return ", ".join(types)


class Schema:
    """What the migrations leave: the tokens of functions, views, constraints and indexes, by name."""

    def __init__(self):
        self.functions, self.views, self.checks, self.indexes = {}, {}, {}, {}

    def read(self, file, text):
        statement = Group()
        for t in grouped(tokens(text, (file, 1))):
            if t.text == ";":
                self.take(statement)
                statement = Group()
            else:
                statement.append(t)
        self.take(statement)

    @staticmethod
    def name(items, i):
        """The last part of the (qualified) name at i, and the index after it."""
        while word(items, i) in ("if", "not", "exists", "concurrently", "only"):
            i += 1
        while i + 2 < len(items) and items[i + 1].text == ".":
            i += 2
        return (items[i].text if i < len(items) else ""), i + 1

    def take(self, s):
        verb, i = word(s, 0), 1
        if verb not in ("create", "alter", "drop"):
            return
        while word(s, i) in ("or", "replace", "unique", "temp", "temporary", "materialized", "unlogged"):
            i += 1
        kind = word(s, i)
        name, i = self.name(s, i + 1)
        if kind in ("function", "procedure"):
            group = s[i] if i < len(s) and s[i].kind == "group" else None
            key = (name, signature(group)) if group is not None else None
            if any(t.text == "pg_temp" for t in s[:i]):
                return   # temporary: gone when the migration ends
            if verb == "create":
                self.functions[key] = self.function(s, i + 1)
            elif verb == "drop":
                for k in [k for k in self.functions if k == key or key is None and k[0] == name]:
                    del self.functions[k]
            elif key in self.functions:
                for w in ("volatile", "stable", "immutable"):
                    if any(word(s, k) == w for k in range(i, len(s))):
                        self.functions[key]["volatile"] = w == "volatile"
        elif kind == "view":
            self.views.pop(name, None)
            if verb == "create":
                self.views[name] = Group(s[next((k + 1 for k in range(i, len(s)) if word(s, k) == "as"), i):])
        elif kind == "index":
            self.indexes.pop(name, None)
            where = next((k for k in range(i, len(s)) if word(s, k) == "where"), None)
            if verb == "create" and where:
                self.indexes[name] = Group(s[where + 1:])
        elif kind in ("table", "domain"):
            if verb == "drop":
                self.checks = {k: v for k, v in self.checks.items() if k[0] != name}
            else:
                self.constraints(name, s)

    def function(self, s, i):
        body = next((grouped(tokens(t.text, t.where)) for t in s[i:] if t.kind == "body"), None)
        if body is None:
            at = next((k for k in range(i, len(s)) if word(s, k) in ("return", "begin")), len(s))
            body = Group(s[at + 1:])
        head = {word(s, k) for k in range(i, len(s)) if s[k].kind == "word"}
        return {"body": body, "volatile": not head & {"stable", "immutable"}, "trigger": word(s, i + 1) == "trigger"}

    def constraints(self, table, items):
        for i, t in enumerate(items):
            if word(items, i) == "drop" and word(items, i + 1) == "constraint":
                self.checks.pop((table, self.name(items, i + 2)[0]), None)
            if word(items, i) == "check" and i + 1 < len(items) and items[i + 1].kind == "group":
                named = items[i - 1].text if word(items, i - 2) == "constraint" else f"line {t.where[1]} of {t.where[0]}"
                self.checks[table, named] = items[i + 1]
            if t.kind == "group" and word(items, i - 1) != "check":
                self.constraints(table, t)

    def effects(self):
        """EFFECTS, the schema's volatile functions, and every function that calls one of these."""
        found = set(EFFECTS) | {name for (name, _), f in self.functions.items() if f["volatile"] and not f["trigger"]}
        called = {}
        for (name, _), f in self.functions.items():
            called.setdefault(name, set()).update(n for n, _ in calls(f["body"]))
        while True:
            more = {name for name, others in called.items() if name not in found and others & found}
            if not more:
                return found
            found |= more


def marked(sections):
    """Marks every line with its file and number, so that a token's place is known after fragments are expanded."""
    for s in sections.values():
        file = s.where.rsplit(":", 1)[0]
        s.lines = [f"/*@{file}:{n}*/{line}" for n, line in zip(s.numbers, s.lines)]
        if s.kind == "fragment" and s.lines:
            s.lines[0] = "/*@>*/" + s.lines[0]
            s.lines[-1] += "/*@<*/"


def judge(effects, items, clause=None):
    j = Judge(effects)
    if clause:
        j.level(items, 0, clause)
    else:
        j.query(items)
    return j.faults


def schema_faults(schema, effects):
    for (name, _), f in schema.functions.items():
        yield from ((fault, f"function {name}") for fault in judge(effects, f["body"]))
    for name, body in schema.views.items():
        yield from ((fault, f"view {name}") for fault in judge(effects, body))
    for (table, name), body in schema.checks.items():
        yield from ((fault, f"constraint {name} of {table}") for fault in judge(effects, body, "check"))
    for name, body in schema.indexes.items():
        yield from ((fault, f"index {name}") for fault in judge(effects, body, "index predicate"))


def statement_faults(sections, effects):
    marked(sections)
    for s in sections.values():
        if s.kind == "name":
            text, _ = sql2c.expand(s, [], sections, [])
            yield from ((fault, s.name) for fault in judge(effects, grouped(tokens(text, None))))


def report(found):
    """One line for each place, with all statements that include it."""
    places = {}
    for fault, what in found:
        file, line = fault.token.where
        places.setdefault((file, line, fault.name, fault.clause), {})[what] = True
    for (file, line, name, clause), whats in sorted(places.items()):
        what = {"from": "in a FROM with rows", "cte": "in a CTE that is not MATERIALIZED",
                "unread cte": "in a CTE that nothing reads"}.get(clause, f"in {clause.upper()}")
        yield f"{file}:{line}: {name}() {what} ({', '.join(whats)}): {ADVICE.get(clause, PREDICATE_ADVICE)}"


def tree(root):
    schema, sections = Schema(), {}
    for path in sorted((root / "db/migrations").glob("*.sql")):
        schema.read(str(path.relative_to(root)), path.read_text("utf-8"))
    for path in sorted((root / "api").glob("**/*.sql")):
        sql2c.read(str(path.relative_to(root)) if root == pathlib.Path(".") else str(path), sections)
    effects = schema.effects()
    return [*statement_faults(sections, effects), *schema_faults(schema, effects)]


# ---------------------------------------------------------------- self-test

def self_test(path):
    """A case begins with `-- good: what` or `-- bad: clause function, ...: what`; the text before the first is their schema."""
    parts = re.split(r"^-- (good|bad):\s*(.*)$", pathlib.Path(path).read_text("utf-8"), flags=re.M)
    failed, line = 0, parts[0].count("\n") + 1
    for kind, title, text in zip(parts[1::3], parts[2::3], parts[3::3]):
        wanted = sorted(w.strip() for w in title.split(":")[0].split(",")) if kind == "bad" else []
        schema = Schema()
        schema.read(path, parts[0])
        # A case is either a definition or a statement.
        if re.match(r"\s*(create|alter|drop)\b", text):
            schema.read(path, text)
            found = [fault for fault, _ in schema_faults(schema, schema.effects())]
        else:
            found = judge(schema.effects(), grouped(tokens(re.sub(r";\s*$", "", text), (path, line))))
        got = sorted({f"{f.clause} {f.name}" for f in found})
        if got != wanted:
            print(f"{path}:{line}: {title}\n    found {got or 'nothing'}, expected {wanted or 'nothing'}", file=sys.stderr)
            failed += 1
        line += text.count("\n")
    if len(parts) < 4:
        sys.exit(f"{path} holds no case")
    return failed > 0


def main():
    if sys.argv[1:2] == ["--self-test"]:
        return self_test(sys.argv[2])
    lines = list(report(tree(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
    for line in lines:
        print(line, file=sys.stderr)
    return len(lines) > 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (sql2c.Fault, OSError, UnicodeError) as fault:
        sys.exit(f"sqlpredicate: {fault}")
