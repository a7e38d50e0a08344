#!/usr/bin/python3
"""Measures resident memory when idle, with 1,000 connections and over many requests; and the time until readiness.

small.sh starts it.
"""
import os
import re
import resource
import socket
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
from measure import Service, resident_kb, when_and_where, wrk, write_json  # noqa: E402

OPPORTUNITIES, REQUESTS = int(os.environ["OPPORTUNITIES"]), int(os.environ["REQUESTS"])
STARTS, CONNECTIONS = 10, 1000
BARS = []


def bar(what, value, most):
    BARS.append({"what": what, "value": value, "bar": f"below {most:g}", "met": value < most})
    print(f"{'met   ' if value < most else 'MISSED'}  {value:8.2f}   below {most:g}   {what}", flush=True)


def megabytes(service):
    return resident_kb(service.pid) / 1024


def starts():
    took = []
    for _ in range(STARTS):
        with Service() as service:
            took.append(service.ready_ms)
            time.sleep(1)
            rest = megabytes(service)
    bar(f"time from start until ready, ms, median of {STARTS}", statistics.median(took), 100)
    bar("resident when idle, MB, with the default 512 threads and 4 database connections", rest, 30)
    return took


def connections():
    """Each connection sends one request and stays open."""
    with Service(GESTOR_THREADS=str(CONNECTIONS + 100)) as service:
        service.sign_in()
        opened = []
        for i in range(CONNECTIONS):
            s = socket.create_connection(("127.0.0.1", service.port), timeout=10)
            s.sendall(f"GET /v1/clients?phone=9{i + 1:08d} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\n"
                      f"Authorization: Bearer {service.token}\r\n\r\n".encode())
            if not s.recv(65536).startswith(b"HTTP/1.1 200 "):
                sys.exit("bench: void, for a connection was not answered with 200")
            opened.append(s)
        bar(f"resident with {CONNECTIONS:,} open connections, MB, with GESTOR_THREADS={CONNECTIONS + 100}", megabytes(service), 100)
        for s in opened:
            s.close()


def operations(service):
    """The operations in the service's log."""
    with open(service.log, "rb") as f:
        return set(re.findall(rb'"operation_id":"([a-z_]+)"', f.read()))


MIXED = {b"client_search", b"opportunity_get", b"client_opportunity_list", b"catalog_get", b"typification_create"}


def long_run():
    """A single run of wrk: new connections would use other threads, whose untouched stacks would grow the memory."""
    with Service() as service:
        service.sign_in()
        rate = wrk(service.port, "mixed", 5, 0, OPPORTUNITIES, service.token)
        # A tenth longer, in case it becomes slower; an access token is valid for an hour.
        seconds = min(int(REQUESTS / (rate["requests"] / rate["seconds"]) * 1.1) + 1, 3500)
        seen, result, answered = [], {}, operations(service)
        load = threading.Thread(target=lambda: result.update(
            wrk(service.port, "mixed", seconds, 1, OPPORTUNITIES, service.token)))
        began = time.monotonic()
        load.start()
        while load.is_alive():
            load.join(1)
            seen.append((time.monotonic() - began, megabytes(service)))
            if not MIXED <= answered:
                answered |= operations(service)
            service.forget_log()
        if not result or not MIXED <= answered:
            sys.exit("bench: void, for wrk failed or not every operation was answered")
        done = result["requests"]
        early = next(mb for t, mb in seen if t >= seconds * 0.1)
        bar(f"growth of resident memory over {done:,} requests, MB, after the first tenth ({early:.1f} MB)", max(mb for t, mb in seen if t >= seconds * 0.1) - early, 1)
        if done < REQUESTS:
            BARS.append({"what": "requests done", "value": done, "bar": f"at least {REQUESTS}", "met": False})
        return seen


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    took = starts()
    connections()
    seen = long_run()
    write_json("small", {**when_and_where(), "bars": BARS, "ready_ms": took, "resident": seen})
    print()
    return 0 if all(b["met"] for b in BARS) else 3


sys.exit(main())
