#!/usr/bin/python3
"""Times the report of a year by every pair of dimensions. reports.sh starts it.

One request at a time, as a supervisor asks. Wall time as the client sees it, and the processor time of the service and of
PostgreSQL. The days' columns are made by the service's housekeeping first.
"""
import itertools
import json
import os
import statistics
import sys
import time

sys.dont_write_bytecode = True
from measure import Service, ask, cluster_cpu_us, cpu_us, query, when_and_where, write_json  # noqa: E402

FROM, TO, ROUNDS = os.environ["FROM"], os.environ["TO"], int(os.environ["ROUNDS"])
BAR_MS = 200
# A level of each tree stands for the tree.
DIMENSIONS = ["day", "week", "month", "hour", "weekday", "advisor", "campaign", "sub_campaign", "stage", "reason", "reason:2", "action", "action:1",
              "final_state", "operator", "plan", "offer", "channel", "advertising_acceptance"]
PAIRS = os.environ["PAIRS"].split() or [",".join(p) for p in itertools.combinations(DIMENSIONS, 2)
                                        if p[0].partition(":")[0] != p[1].partition(":")[0]]


def report(service, pair):
    """Asks for one report. Returns the wall time and the processor times, in ms, and the number of rows; None: it would have too many rows."""
    before, began = (cpu_us(service.pid), cluster_cpu_us()), time.monotonic()
    status, _, body, _ = ask(service.port, "GET", f"/v1/reports/retention?group_by={pair}&from={FROM}&to={TO}",
                             (f"Authorization: Bearer {service.token}",))
    wall = (time.monotonic() - began) * 1000
    if status == 422 and '"too_many"' in body:
        return None
    if status != 200:
        sys.exit(f"bench: the report by {pair} was answered with {status}: {body}")
    return wall, (cpu_us(service.pid) - before[0]) / 1000, (cluster_cpu_us() - before[1]) / 1000, len(json.loads(body)["rows"])


def wait_for_columns():
    """Waits until housekeeping has made the columns of all days."""
    missing = f"""select count(*) from generate_series('{FROM}'::date, '{TO}'::date, interval '1 day') d
        where (select count(*) from gestor.report_day r where r.day = d::date) < 2"""
    while int(query(missing)) > 0:
        time.sleep(1)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    with Service(GESTOR_RATE_ADVISOR="1000000").sign_in("E8153376") as service:
        wait_for_columns()
        taken = query(f"""select sum(r.opportunities) from gestor.report_day r where r.day between '{FROM}' and '{TO}' and r.kind = 3""")
        print(f"{int(taken):,} opportunities, {FROM} to {TO}; {ROUNDS} requests of each of {len(PAIRS)} pairs")
        pairs = []
        for pair in PAIRS:
            if report(service, pair) is None:
                print(f"{pair:32} has more rows than a report may have")
                continue
            got = [report(service, pair) for _ in range(ROUNDS)]
            wall = [g[0] for g in got]
            pairs.append({"group_by": pair, "rows": got[0][3], "wall_ms": wall, "serve_ms": [g[1] for g in got], "postgresql_ms": [g[2] for g in got]})
            print(f"{pair:32} {got[0][3]:6,} rows   p50 {statistics.median(wall):6.1f}   most {max(wall):6.1f} ms   serve "
                  f"{statistics.median(g[1] for g in got):6.1f}   PostgreSQL {statistics.median(g[2] for g in got):6.1f}", flush=True)
    walls = [w for p in pairs for w in p["wall_ms"]]
    p99 = percentile(walls, 0.99)
    print(f"all {len(walls)} requests: p50 {statistics.median(walls):.1f} ms, p99 {p99:.1f} ms, most {max(walls):.1f} ms; bar {BAR_MS} ms: {'met' if p99 < BAR_MS else 'missed'}")
    write_json("reports", {**when_and_where(), "from": FROM, "to": TO, "opportunities": int(taken), "rounds": ROUNDS, "bar_ms": BAR_MS, "p99_ms": p99,
                           "most_ms": max(walls), "pairs": pairs})
    return 0 if p99 < BAR_MS else 3


sys.exit(main())
