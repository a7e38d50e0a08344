#!/usr/bin/python3
"""bench/table.py build/bench/*.json - prints results as Markdown tables, as in docs/performance.md."""
import json
import sys


def rate(n):
    return f"{n:,.0f}" if n is not None else ""


def span(rounds, key):
    return min(r[key] for r in rounds), max(r[key] for r in rounds)


def result(d):
    print(f"{d['at']}, commit {d['commit']}, {d['processors']} processors, {d['opportunities']:,} opportunities, "
          f"{d['connections']} connections, {d['rounds']} rounds of {d['seconds_each']} s each.\n")
    print("| work | S /s | P /s | H /s | share of | min | median | max | bar (aim) |\n" + "| --- " * 9 + "|")
    for w in d["works"]:
        m, r = w["median"], w["ratio"]
        aim = f" ({w['aim']:.2f})" if w["aim"] else ""
        bar = f"{w['bar']:.2f}" if w["bar"] else ""
        print(f"| {w['title']} | {rate(m['S'])} | {rate(m.get('P'))} | {rate(m.get('H'))} | {w['against']} "
              f"| {r['min']:.2f} | **{r['median']:.2f}** | {r['max']:.2f} | {bar}{aim} |")
    unrecorded = "; ".join("{} {:.2f} ({:.2f} to {:.2f})".format(w["title"], w["median"]["unrecorded_ratio"], *span(w["rounds"], "unrecorded_ratio"))
                      for w in d["works"] if "N" in w["median"])
    if unrecorded:
        print(f"\nThe share of a bound whose P does not record reads: {unrecorded}.")
    print("\nMedians of all rounds. Latencies are those of a single request, also for three writes; processor time in µs is that of a unit of S, P or H.\n\n"
          "| work | p50 ms | p99 ms | p99/p50 | S: all | service | PostgreSQL | wrk | P: all | pgbench | H: all | share by processor time | resident MB |\n"
          + "| --- " * 13 + "|")
    for w in d["works"]:
        m = w["median"]
        print(f"| {w['title']} | {m['p50_us'] / 1000:.2f} | {m['p99_us'] / 1000:.2f} | {w['p99_of_p50']:.1f} "
              f"| {m['S_cpu_us']:.0f} | {m['service_cpu_us']:.0f} | {m['database_cpu_us']:.0f} | {m['wrk_cpu_us']:.0f} | {rate(m.get('P_cpu_us'))} "
              f"| {rate(m.get('pgbench_cpu_us'))} | {rate(m.get('H_cpu_us'))} | {m['cpu_ratio']:.2f}{'' if w['quiet'] else ' (busy machine)'} | {w['resident_kb'] / 1024:.0f} |")
    print()
    bars(d)


def bars(d):
    print("| what | value | bar | |\n| --- | --- | --- | --- |")
    for b in d["bars"]:
        print(f"| {b['what']} | {b['value']:.2f} | {b['bar']} | {'met' if b['met'] else '**missed**'} |")


def growth(d):
    print(f"{d['at']}, commit {d['commit']}, {d['processors']} processors, {d['connections']} connections, "
          f"{d['rounds']} rounds of {d['seconds_each']} s each; "
          f"p50 in ms, at most {d['bar']} times the smallest{'; all records are read' if d['all'] else ''}.\n")
    sizes = d["sizes"]
    print("| work | " + " | ".join(f"{n:,}" for n in sizes) + " | most / least |\n" + "| --- " * (len(sizes) + 2) + "|")
    for w in d["works"]:
        print(f"| {w['title']} | " + " | ".join(f"{w['p50_us'][str(n)] / 1000:.2f}" for n in sizes)
              + f" | {w['worst']:.2f} {'' if w['met'] else '**missed**'} |")


    if "tables" in d:
        table_sizes(d["tables"]["written"][str(max(sizes))])


def table_sizes(tables):
    print("\n| table | rows | MB | bytes a row | of that indexes |\n" + "| --- " * 5 + "|")
    for name, t in sorted(tables.items(), key=lambda item: -item[1]["table_bytes"] - item[1]["index_bytes"]):
        both = t["table_bytes"] + t["index_bytes"]
        print(f"| `{name}` | {t['rows']:,} | {both / 1e6:,.0f} | {both / t['rows']:,.0f} | {t['index_bytes'] / t['rows']:,.0f} |")


def small(d):
    print(f"{d['at']}, commit {d['commit']}.\n")
    bars(d)


def peers(d):
    print(f"{d['at']}, commit {d['commit']}, {d['processors']} processors, {d['opportunities']:,} opportunities, "
          f"{d['connections']} connections, {d['rounds']} rounds of {d['seconds_each']} s each.\n")
    print("\n".join(f"- {name}: {of}" for name, of in d["versions"].items()) + "\n")
    print("| work | | /s | µs, processes | µs, machine | p50 ms | p99 ms | Gestor by rate | by processes | by machine |\n" + "| --- " * 10 + "|")
    for w in d["works"]:
        for kind, of in w["kinds"].items():
            m = of["median"]
            ratios = ["**{median:.2f}** ({min:.2f} to {max:.2f})".format(**of[k]) if k in of else "" for k in ("by_rate", "by_cpu", "by_machine")]
            times = [f"{m[k] / 1000:.2f}" if k in m else "" for k in ("p50_us", "p99_us")]
            print("| " + " | ".join([w["title"] if kind == "gestor" else "", PEER_NAMES.get(kind, kind), rate(m["rate"]), f"{m['cpu_us']:.0f}",
                                     f"{m['machine_us']:.0f}", *times, *ratios]) + " |")


PEER_NAMES = {"gestor": "Gestor", "old": "older Gestor", "gin": "gin + pgx", "hyper": "hyper + tokio-postgres", "bun": "Bun",
              "fastify": "Fastify + pg", "floor": "F", "bare": "H", "bound": "1 / (1/H + 1/F)"}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    {"result": result, "growth": growth, "small": small, "peers": peers}[data["kind"]](data)
    print()
