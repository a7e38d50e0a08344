#!/usr/bin/python3
"""Measures every work of works.py, in alternating rounds; writes build/bench/result.json.

    S  requests a second of the service (of three_writes: calls, of three requests each), under wrk
    P  transactions a second of the same statements, by pgbench with as many connections as the service has
    N  the same without what the service records of reads, for who does not count that as the database's part
    H  requests a second of civetweb alone with the same bytes (bare.c), under the same wrk

A request is the work of H and of P on the same processors: hence the bound, 1 / (1/H + 1/P). Both have the
processor time of who asks in it, wrk's and pgbench's, which is told beside; S has wrk's, and does by itself what
pgbench does for P, and more.
By processor time: what a unit of P and of H takes together, of all that took part (wrk and pgbench
too), as a share of what one of S takes. The same thing where nothing waits, and less in need of silence.
To be started by run.sh.
"""
import os
import re
import statistics
import sys

sys.dont_write_bytecode = True
from measure import (OUT, Process, Service, children_us, cluster_cpu_us, cpu_us, free_port, pgbench, resident_kb, spent_us, taken,  # noqa: E402
                     wrk, write_json)
from works import WORKS, variables  # noqa: E402

OPPORTUNITIES, ROUNDS, SECONDS = (int(os.environ[k]) for k in ("OPPORTUNITIES", "ROUNDS", "SECONDS_EACH"))


class Bench:
    """One work's rounds."""

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
        """Which are measured; "bound" is of P and H."""
        return {"bound": "SPHN", "H": "SH", "P": "SP"}[self.work.against]

    def script(self, kind):
        return f"{OUT}{self.work.name}.{kind}.sql"

    def record(self):
        """What the bare handler is to say."""
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
        """One after the other, beginning with another each time."""
        ways = {"S": self.measure_s, "P": self.measure_p, "H": self.measure_h, "N": self.measure_n}
        kinds, got = self.kinds(), {}
        for i in range(len(kinds)):
            got.update(ways[kinds[(number + i) % len(kinds)]](seconds, number))
        against = kinds[1:3]
        got["bound"] = 1 / sum(1 / got[k] for k in against)
        got["ratio"] = got["S"] / got["bound"]
        got["cpu_ratio"] = sum(got[k + "_cpu_us"] for k in against) / got["S_cpu_us"]
        # Its answers are as long as the one that the bare handler was given: found is what was asked for.
        if "H" in kinds and abs(got["S_bytes"] / got["H_bytes"] - 1) > 0.25:
            sys.exit(f"bench: void, for the service answers with {got['S_bytes']:.0f} bytes in place of some {got['H_bytes']:.0f}")
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
        self.round(0, 1)  # to warm up; not counted
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
            # Rates and processor time tell the same on a quiet machine; on another, whoever has more threads gets more of it.
            "quiet": abs(middle("ratio") / middle("cpu_ratio") - 1) < 0.25,
            "median": {k: middle(k) for k in keys}, "resident_kb": resident, "rounds": rounds}


def bars(results):
    """What must hold, and whether it does."""
    out = [{"what": f"{r['name']}: S/{r['against']}", "value": r["ratio"]["median"], "bar": f"at least {r['bar']:.2f}",
            "aim": r["aim"], "met": r["ratio"]["median"] >= r["bar"]} for r in results]
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
        sys.exit(f"bench: WORKS has {', '.join(unknown)}, which is not one of {', '.join(names)}")
    results = []
    for work in WORKS:
        if wanted and work.name not in wanted:
            continue
        with Service() as service:
            results.append(Bench(work, service.sign_in()).run())
    out = {**taken(), "opportunities": OPPORTUNITIES, "rounds": ROUNDS, "seconds_each": SECONDS, "connections": 16,
           "works": results, "bars": bars(results)}
    write_json("result", out)
    print()
    for b in out["bars"]:
        print(f"{'met   ' if b['met'] else 'MISSED'}  {b['value']:6.3f}   {b['bar']}   {b['what']}")
    for r in results:
        if not r["quiet"]:
            print(f"{r['name']}: the machine was not quiet: by rates {r['ratio']['median']:.2f}, by processor time {r['median']['cpu_ratio']:.2f}")
    return 0 if all(b["met"] for b in out["bars"]) else 3


sys.exit(main())
