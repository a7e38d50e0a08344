#!/usr/bin/python3
"""Measures every work of works.py, in alternating rounds; writes build/bench/result.json. run.sh starts it.

    S  requests a second of the service under wrk (three_writes: calls of three requests each)
    P  transactions a second of the same statements, by pgbench with as many connections as the service's pool has
    N  like P, but without the statement that records reads
    H  requests a second of civetweb alone with the same bytes (bare.c), under the same wrk

A request needs the work of H and of P on the same processors, so the upper bound of S is 1 / (1/H + 1/P). H includes the load
generator's processor time (wrk), and so does P (pgbench); both are reported. S includes wrk, and the service itself does
pgbench's part and more.
The ratio by processor time divides what one unit of P and one of H take, load generators included, by what one of S takes.
Without waiting it equals the ratio of the rates, and other programs on the machine disturb it less.
"""
import os
import re
import statistics
import sys

sys.dont_write_bytecode = True
from measure import (OUT, Process, Service, children_us, cluster_cpu_us, cpu_us, free_port, pgbench, resident_kb, spent_us, when_and_where,  # noqa: E402
                     wrk, write_json)
from works import WORKS, variables  # noqa: E402

OPPORTUNITIES, ROUNDS, SECONDS = (int(os.environ[k]) for k in ("OPPORTUNITIES", "ROUNDS", "SECONDS_EACH"))


class Bench:
    """The rounds of one work."""

    def __init__(self, work, service):
        self.work, self.service = work, service
        self.tag = ""
        if work.path:
            self.record()
        for kind, script in (("P", work.recorded), ("N", work.script)):
            if kind in self.kinds():
                with open(self.script(kind), "w", encoding="utf-8") as f:
                    f.write(script())

    def kinds(self):
        """The measurements that this work needs."""
        return {"bound": "SPHN", "H": "SH", "P": "SP"}[self.work.against]

    def script(self, kind):
        return f"{OUT}{self.work.name}.{kind}.sql"

    def record(self):
        """Stores the service's answer, for the bare handler to repeat."""
        tag = re.search(r"(?i)\r\netag: *(\S+)", self.service.answer(self.work.path, 200)[1])
        self.tag = tag.group(1) if tag else ""
        more = (f"If-None-Match: {self.tag}",) if self.work.status == 304 else ()
        with open(f"{OUT}{self.work.name}.answer", "wb") as f:
            f.write(self.service.answer(self.work.path, self.work.status, *more)[3])

    def wrk(self, port, seconds, seed):
        return wrk(port, self.work.name, seconds, seed, OPPORTUNITIES, self.service.token, self.tag)

    def measure_s(self, seconds, seed):
        service, database, load = cpu_us(self.service.pid), cluster_cpu_us(), children_us()
        got = self.wrk(self.service.port, seconds, seed)
        self.service.settle()
        self.service.forget_log()
        n = got["requests"] / self.work.requests
        service, database, load = cpu_us(self.service.pid) - service, cluster_cpu_us() - database, children_us() - load
        return {"S": n / got["seconds"], "S_bytes": got["bytes"] / got["requests"], "p50_us": got["p50_us"], "p99_us": got["p99_us"], "service_cpu_us": service / n,
                "database_cpu_us": database / n, "wrk_cpu_us": load / n, "S_cpu_us": (service + database + load) / n}

    def measure_p(self, seconds, _):
        spent, load = spent_us(), children_us()
        rate, n = pgbench(self.script("P"), seconds, variables(OPPORTUNITIES, self.service.advisor))
        return {"P": rate, "P_cpu_us": (spent_us() - spent) / n, "pgbench_cpu_us": (children_us() - load) / n}

    def measure_n(self, seconds, _):
        return {"N": pgbench(self.script("N"), seconds, variables(OPPORTUNITIES, self.service.advisor))[0]}

    def measure_h(self, seconds, seed):
        spent = spent_us(self.bare.pid)
        got = self.wrk(self.bare_port, seconds, seed)
        return {"H": got["requests"] / got["seconds"], "H_bytes": got["bytes"] / got["requests"], "H_cpu_us": (spent_us(self.bare.pid) - spent) / got["requests"]}

    def round(self, number, seconds):
        """Takes all measurements, beginning with another one each round."""
        ways = {"S": self.measure_s, "P": self.measure_p, "H": self.measure_h, "N": self.measure_n}
        kinds, got = self.kinds(), {}
        for i in range(len(kinds)):
            got.update(ways[kinds[(number + i) % len(kinds)]](seconds, number))
        against = kinds[1:3]
        got["bound"] = 1 / sum(1 / got[k] for k in against)
        got["ratio"] = got["S"] / got["bound"]
        got["cpu_ratio"] = sum(got[k + "_cpu_us"] for k in against) / got["S_cpu_us"]
        # Answers of another length than the recorded one mean that the records were not found.
        if "H" in kinds and abs(got["S_bytes"] / got["H_bytes"] - 1) > 0.25:
            sys.exit(f"bench: void, for the service's answers have {got['S_bytes']:.0f} bytes, expected {got['H_bytes']:.0f}")
        if "N" in kinds:
            got["unrecorded_ratio"] = got["S"] * (1 / got["N"] + 1 / got["H"])
        return got

    def run(self):
        if "H" not in self.kinds():
            return self.rounds()
        self.bare_port = free_port()
        words = [OUT + "bare", f"127.0.0.1:{self.bare_port}", f"{OUT}{self.work.name}.answer"]
        with Process(words) as self.bare:
            if self.work.status == 200:
                self.bare.wait_for(self.bare_port, self.work.path)
            return self.rounds()

    def rounds(self):
        self.round(0, 1)  # warms up; not counted
        rounds = []
        for number in range(1, ROUNDS + 1):
            got = self.round(number, SECONDS)
            rounds.append(got)
            rates = "   ".join(f"{k} {got[k]:8.0f}/s" for k in self.kinds())
            print(f"{self.work.name:24} {number:2}   {rates}   S/{self.work.against} {got['ratio']:.3f}, by processor time {got['cpu_ratio']:.3f}", flush=True)
        return summary(self.work, rounds, resident_kb(self.service.pid))


def summary(work, rounds, resident):
    def middle(key):
        return statistics.median(r[key] for r in rounds)
    ratios = [r["ratio"] for r in rounds]
    keys = [k for k in rounds[0] if k not in ("bound", "ratio")]
    return {"name": work.name, "title": work.title, "timed": work.timed, "against": work.against, "bar": work.bar, "aim": work.aim,
            "ratio": {"min": min(ratios), "median": middle("ratio"), "max": max(ratios)},
            "p99_of_p50": statistics.median(r["p99_us"] / r["p50_us"] for r in rounds),
            # On a quiet machine both ratios agree; on a busy one, a program with more threads gets more processor time.
            "quiet": abs(middle("ratio") / middle("cpu_ratio") - 1) < 0.25,
            "median": {k: middle(k) for k in keys}, "resident_kb": resident, "rounds": rounds}


def bars(results):
    """The requirements, and whether each is met."""
    out = [{"what": f"{r['name']}: S/{r['against']}", "value": r["ratio"]["median"], "bar": f"at least {r['bar']:.2f}",
            "aim": r["aim"], "met": r["ratio"]["median"] >= r["bar"]} for r in results if r["bar"]]
    search = next((r for r in results if r["name"] == "client_search"), None)
    if search:
        share = search["median"]["service_cpu_us"] / search["median"]["database_cpu_us"]
        out.append({"what": "client_search: the service's processor time / PostgreSQL's", "value": share,
                    "bar": "below 0.80", "aim": None, "met": share < 0.8})
        out.append({"what": "client_search: p99 / p50", "value": search["p99_of_p50"], "bar": "below 5.00", "aim": None,
                    "met": search["p99_of_p50"] < 5})
    return out


def main():
    wanted, names = os.environ.get("WORKS", "").split(), [w.name for w in WORKS]
    unknown = [w for w in wanted if w not in names]
    if unknown:
        sys.exit(f"bench: WORKS has the unknown {', '.join(unknown)}; there are {', '.join(names)}")
    results = []
    for work in WORKS:
        if work.name not in wanted if wanted else not work.bar:
            continue
        with Service() as service:
            results.append(Bench(work, service.sign_in(work.username)).run())
    out = {**when_and_where(), "opportunities": OPPORTUNITIES, "rounds": ROUNDS, "seconds_each": SECONDS, "connections": 16,
           "works": results, "bars": bars(results)}
    write_json("result", out)
    print()
    for b in out["bars"]:
        print(f"{'met   ' if b['met'] else 'MISSED'}  {b['value']:6.3f}   {b['bar']}   {b['what']}")
    for r in results:
        if not r["quiet"]:
            print(f"{r['name']}: the machine was busy: ratio by rates {r['ratio']['median']:.2f}, by processor time {r['median']['cpu_ratio']:.2f}")
    return 0 if all(b["met"] for b in out["bars"]) else 3


sys.exit(main())
