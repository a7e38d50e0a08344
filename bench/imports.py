#!/usr/bin/python3
"""Compares the desk's latency beside an import of clients with that without one. imports.sh starts it.

The desk is bench/open_loop.c: a fixed rate, each request measured from the time it was due. Phases alternate, and a ratio is
that of two phases of a round, so that what else the machine does affects both. One phase is beside a file that is sent all the time; one begins
when the first rows of an import are stored, and the import still works when the phase ends.
"""
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from measure import OUT, Service, ask, query, when_and_where, write_json  # noqa: E402
from works import CONTACT, FORM  # noqa: E402

OPPORTUNITIES, RATE, ROUNDS, SECONDS, ROWS = (int(os.environ[name]) for name in ("OPPORTUNITIES", "RATE", "ROUNDS", "SECONDS_EACH", "ROWS"))
BAR = 1.5
DESK = OUT + "imports.desk"


def write_desk():
    """The desk's requests: most are searches and opportunities, one of ten is a whole call."""
    draw = random.Random(7)
    clients = OPPORTUNITIES // 5
    with open(DESK, "w", encoding="ascii") as f:
        for n in range(20000):
            if n % 10 == 9:
                f.write(f'POST /v1/typifications {{"client_id":"{draw.randint(1, clients)}","contact":{CONTACT},{FORM[1:]}\n')
            elif n % 3 == 2:
                f.write(f"GET /v1/opportunities/{1000000 + draw.randrange(OPPORTUNITIES)}\n")
            else:
                f.write(f"GET /v1/clients?phone=9{draw.randint(1, clients):08}\n")


def desk(service):
    """A phase of the desk. Returns p50 and p99 in ms."""
    words = ["build/bench/open_loop", f"http://127.0.0.1:{service.port}", service.token, "1", str(RATE), str(SECONDS), DESK]
    # At a real-time priority where that is allowed, because it stands for clients on other machines.
    if subprocess.run(["chrt", "-f", "5", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        words = ["chrt", "-f", "5", *words]
    p50, p99, bad = map(float, subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE).stdout.split())
    if bad:
        sys.exit(f"bench: void, for {bad:.0f} of the desk's requests were refused")
    return p50, p99


class Import:
    """An import of ROWS new clients. seconds: how long sending took; begun: the rows that it had stored when its phase began."""

    made = 0

    def __init__(self, service, token):
        first = Import.made * ROWS  # numbers of its own, of eleven digits
        Import.made += 1
        lines = ["document_type,document_number,name,phone,external_id"]
        lines += [f"ce,C{first + n:011d},CLIENTE NUMERO {n},9{n % 100000000:08},I-{first + n}" for n in range(ROWS)]
        body = ("\n".join(lines) + "\n").encode()
        self.service, self.token = service, token
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", service.port), timeout=120) as s:
            s.sendall((f"POST /v1/imports?kind=clients&mode=valid_only HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                       f"Content-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n").encode())
            s.sendall(body)
            answer = s.recv(65536).decode()
        if not answer.startswith("HTTP/1.1 202 "):
            sys.exit(f"bench: the file was refused: {answer}")
        self.seconds = time.monotonic() - began
        self.id = json.loads(answer.partition("\r\n\r\n")[2])["id"]
        while self.judged() == [0, 0, 0]:
            time.sleep(0.1)
        self.begun = self.judged()[0]

    def judged(self):
        """Rows that were stored, rows that had faults, and whether it has ended."""
        return [int(n) for n in query(f"select created, failed, (finished_at is not null)::int from gestor.import where id = {self.id}",
                                      os.environ["DATABASE_URL"]).split("\t")]

    def cancel(self):
        """Cancels it. Returns the number of rows that it stored meanwhile."""
        created, failed, finished = self.judged()
        if finished or failed:
            sys.exit(f"bench: void, for the import ended before its phase, or had faults: {created} stored, {failed} failed; a larger ROWS")
        ask(self.service.port, "DELETE", f"/v1/imports/{self.id}", (f"Authorization: Bearer {self.token}",))
        return created - self.begun


class Sending:
    """A file that is sent for as long as its phase lasts, and is then cut off."""

    def __init__(self, service, token):
        self.sent, self.socket = 0, socket.create_connection(("127.0.0.1", service.port), timeout=120)
        head = (f"POST /v1/imports?kind=clients&mode=valid_only HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                "Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.socket.sendall(head.encode())
        self.piece("document_type,document_number,name,phone\n")
        self.thread = threading.Thread(target=self.send)
        self.thread.start()

    def piece(self, text):
        self.socket.sendall(f"{len(text):x}\r\n{text}\r\n".encode())

    def send(self):
        while True:
            rows = "".join(f"ce,D{n:011d},CLIENTE NUMERO {n},9{n % 100000000:08}\n" for n in range(self.sent, self.sent + 1000))
            try:
                self.piece(rows)
            except OSError:
                return
            self.sent += 1000

    def cut(self):
        """Returns the number of rows that were sent."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        return self.sent


def main():
    write_desk()
    pairs = []
    with Service(program=os.environ.get("GESTOR_BIN", "build/gestor")).sign_in("E8153377") as service:
        chief = service.token
        service.sign_in()
        desk(service)
        for n in range(ROUNDS):
            got = {}
            for phase in (("without", "beside", "sending") if n % 2 == 0 else ("sending", "beside", "without")):
                if phase == "beside":
                    running = Import(service, chief)
                    got[phase] = desk(service)
                    got["rows_s"], got["sent_s"] = running.cancel() / SECONDS, running.seconds
                elif phase == "sending":
                    running = Sending(service, chief)
                    got[phase] = desk(service)
                    got["sent_rows_s"] = running.cut() / SECONDS
                else:
                    got[phase] = desk(service)
                time.sleep(1)
            got["load"] = os.getloadavg()[0]
            pairs.append(got)
            print(f"p99 without {got['without'][1]:7.2f} ms   beside rows that are stored {got['beside'][1]:7.2f} ms, {got['rows_s']:6.0f} a second   "
                  f"beside a file that is sent {got['sending'][1]:7.2f} ms, {got['sent_rows_s']:6.0f} rows a second   load {got['load']:.1f}", flush=True)
    ratios = {phase: statistics.median(p[phase][1] / p["without"][1] for p in pairs) for phase in ("beside", "sending")}
    met = max(ratios.values()) <= BAR
    print(f"p99 beside an import / without, medians of {ROUNDS}: rows that are stored {ratios['beside']:.2f}, a file that is sent {ratios['sending']:.2f}; "
          f"p99 without {statistics.median(p['without'][1] for p in pairs):.2f} ms; bar {BAR}: {'met' if met else 'missed'}")
    write_json("imports", {**when_and_where(), "opportunities": OPPORTUNITIES, "rate": RATE, "rows": ROWS, "bar": BAR, "ratios": ratios, "pairs": pairs})
    return 0 if met else 3


sys.exit(main())
