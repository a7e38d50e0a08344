#!/usr/bin/python3
"""Writes the problems that HAProxy answers by itself into deploy/haproxy.cfg, from api/base/messages.def.

    tools/haproxy.py            writes the lines between the two marks
    tools/haproxy.py --check    fails when they are not what it would write

errors.py has the list of these answers (PROXY_ANSWERS).
"""
import json
import sys

sys.dont_write_bytecode = True
import errors

BEGIN = "\t# ---- made by tools/haproxy.py of api/base/messages.def (make format)\n"
END = "\t# ---- end of what tools/haproxy.py makes\n"


def argument(text):
    """The text inside a JSON string, as an argument of a converter, in double quotes."""
    inside = json.dumps(text, ensure_ascii=False)[1:-1]
    return '"' + inside.replace("\\", "\\\\").replace('"', '\\"') + '"'


def either(es, en):
    return f"%[var(txn.spanish),iif({argument(es)},{argument(en)})]"


def line(status, code, title, detail, seconds):
    body = (
        f'{{"type":"urn:gestor:problem:{code}","title":"{either(title[1], title[0])}","status":{status},'
        f'"detail":"{either(detail[1], detail[0])}","code":"{code}","request_id":"%[var(txn.request_id)]"}}'
    )
    word = "'" + body.replace("'", "'\\''") + "'"
    headers = "hdr Cache-Control no-store" + (f" hdr Retry-After {seconds}" if seconds else "")
    return f"\thttp-error status {status} content-type application/problem+json lf-string {word} {headers}\n"


def with_answers(text, table):
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "".join(line(*answer) for answer in errors.proxy_answers(table)) + END + after


if __name__ == "__main__":
    now = errors.read(errors.PROXY)
    wanted = with_answers(now, errors.entries(errors.read(errors.TABLE)))
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if now == wanted else f"{errors.PROXY} does not have the texts of {errors.TABLE}: tools/haproxy.py")
    with open(errors.PROXY, "w", encoding="utf-8") as f:
        f.write(wanted)
