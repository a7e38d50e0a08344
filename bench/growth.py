#!/usr/bin/python3
"""Measures the median time of an answer (p50) for several amounts of data. growth.sh starts it.

Few connections, so that no request queues. Every size has a service of its own; in a round each of them runs each work in
turn, while the others are idle.

At every size the load asks for as many different clients and opportunities as the smallest size has, spread over all. A
desk's day does not grow with its history, so what is read fits into memory at any size. ALL=1 asks for all of them: if they do
not fit into memory, that measures the disk.
"""
import contextlib
import os
import statistics
import sys

sys.dont_write_bytecode = True
from measure import Service, query, when_and_where, wrk, write_json  # noqa: E402
from works import WORKS  # noqa: E402

SIZES = [int(n) for n in os.environ["SIZES"].split()]
ROUNDS, SECONDS = int(os.environ["ROUNDS"]), int(os.environ["SECONDS_EACH"])
CONNECTIONS = 2
BAR = 1.25
WARM_UP = int(os.environ.get("WARM_UP", "10"))
if any(n % min(SIZES) or n % 100 for n in SIZES):
    sys.exit("bench: SIZES must be multiples of the smallest and of 100, or the load would ask for the wrong opportunities")
ALL = bool(os.environ.get("ALL"))
STRIDE = {size: 1 if ALL else size // min(SIZES) for size in SIZES}
MEASURED = [w for w in WORKS if w.bar and not w.name.startswith("catalog")]


def measure(service, size, work, seconds, seed):
    """p50 in µs."""
    got = wrk(service.port, work.name, seconds, seed, size, service.token, connections=CONNECTIONS, stride=STRIDE[size])
    service.forget_log()
    return got["p50_us"]


# A partitioned table counts as one.
TABLES = """
select c.relname, sum(pg_table_size(leaf.relid)), sum(pg_indexes_size(leaf.relid))
  from pg_class c, lateral (select p.relid from pg_partition_tree(c.oid) p where p.isleaf union select c.oid where c.relkind = 'r') leaf
 where c.relnamespace = 'gestor'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
 group by 1 order by 2 desc"""


def tables(url):
    """The rows and bytes of each table that has more than a thousand rows: what is stored for a call, and what that takes."""
    found = {}
    for line in query(TABLES, url).splitlines():
        name, table_bytes, index_bytes = line.split("\t")
        rows = int(query(f"select count(*) from gestor.{name}", url))
        if rows > 1000:
            found[name] = {"rows": rows, "table_bytes": int(table_bytes), "index_bytes": int(index_bytes)}
    return found


def main():
    base = os.environ["SERVE_URL"].rpartition("/")[0]
    seen = {w.name: {size: [] for size in SIZES} for w in MEASURED}
    loaded = {size: tables(f"{base}/gestor_{size}") for size in SIZES}
    with contextlib.ExitStack() as stack:
        services = {size: stack.enter_context(Service(url=f"{base}/gestor_{size}")).sign_in() for size in SIZES}
        print(f"warming up, {WARM_UP * len(MEASURED) * len(SIZES)} s ...", flush=True)
        for number in range(ROUNDS + 1):
            for w in MEASURED:
                # Another size begins each round. Round 0 warms up: plans are made, pages are read from disk.
                for size in SIZES[number % len(SIZES):] + SIZES[:number % len(SIZES)]:
                    p50 = measure(services[size], size, w, SECONDS if number else WARM_UP, number)
                    if number:
                        seen[w.name][size].append(p50)
                if number:
                    p50s = "   ".join(f"{n:,}: {seen[w.name][n][-1] / 1000:.2f} ms" for n in SIZES)
                    print(f"{w.name:24} {number:2}   {p50s}", flush=True)
    written = {size: tables(f"{base}/gestor_{size}") for size in SIZES}
    works = []
    for w in MEASURED:
        p50 = {str(size): statistics.median(seen[w.name][size]) for size in SIZES}
        worst = max(p50.values()) / min(p50.values())
        works.append({"name": w.name, "title": w.timed, "p50_us": p50, "rounds": seen[w.name], "worst": worst, "met": worst <= BAR})
    write_json("growth", {**when_and_where(), "all": ALL, "connections": CONNECTIONS, "rounds": ROUNDS, "seconds_each": SECONDS, "sizes": SIZES, "stride": STRIDE,
                          "bar": BAR, "works": works, "tables": {"loaded": loaded, "written": written}})
    print()
    return 0 if all(w["met"] for w in works) else 3


sys.exit(main())
