#!/usr/bin/python3
"""tests/cost/cost.py [--update] - counts (and does not time) what a request costs.

For each hot path it counts instructions and allocations (valgrind's callgrind) and system calls (strace) of the thread that
serves the connection, averaged over many requests in a row. They must agree with tests/cost/figures.json: instructions and
system calls within 10 %, allocations within 2 %. --update rewrites that file.

Not counted: other threads (the log's, the record of reads); PostgreSQL; what depends on the order of events: futex calls,
and the further wake-ups (poll, recvfrom) of an answer that the database sent in several pieces.

Environment: GESTOR_BIN; COST_DATABASE_URL, of the serving role, in a database with the sample data; USERNAME and PASSWORD of
an advisor; COST_DIR, for output.
"""
import glob
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FIGURES = os.path.join(HERE, "figures.json")
KINDS = ("instructions", "allocations", "system_calls")
TOLERANCE = {"instructions": 0.10, "allocations": 0.02, "system_calls": 0.10}
READING = ("poll", "recvfrom")
REQUESTS = 200
WARM_UP = 20
# Differences up to this are chance.
ABSOLUTE = {"instructions": 0, "allocations": 0.5, "system_calls": 0.5}


class Client:
    """One persistent connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.token = None

    def send(self, method, path, body=None, headers=(), expect=(200, 201)):
        """Returns the answer's headers and body; ends the run on an unexpected status."""
        data = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if self.token:
            head.append(f"Authorization: Bearer {self.token}")
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.socket.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        status = int(self.file.readline().split()[1])
        fields, length = {}, 0
        while (line := self.file.readline().decode().rstrip()):
            name, _, value = line.partition(": ")
            fields[name.lower()] = value
        length = int(fields.get("content-length", "0"))
        text = self.file.read(length)
        if status not in expect:
            sys.exit(f"{method} {path}: {status} {text.decode()}")
        return fields, json.loads(text) if text else None

    def sign_in(self):
        body = {"username": os.environ["USERNAME"], "password": os.environ["PASSWORD"]}
        self.token = self.send("POST", "/v1/sessions", body)[1]["access_token"]


CONTACT = {"origin_phone": "944264648", "serial_number": "2505050000125674",
           "ownership_check": {"asked": 3, "right": 3}}
FORM = {
    "sub_campaign": "entel",
    "actions": [{"action": "bono-gb.bono-4-gb-por-12-meses", "final_state": "atendido"}],
    "diagnosis": {"reason": "precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias"},
    "competitor_offer": {"plan": "postpago-39-90", "offer": "50-x-6-meses", "channel": "telefonico",
                         "operator": "movistar", "phone_to_manage": "944264648"},
    "closure": {"advertising_acceptance": "acepto", "stage": "retenido"},
}
# Can be saved any number of times, because the stage is not final.
OPEN_FORM = {**FORM, "closure": {"advertising_acceptance": "acepto", "stage": "en-proceso"}}


def hot_paths(client):
    """{name: a function that sends the request once}"""
    found = client.send("GET", "/v1/clients?phone=944264648")[1]["items"][0]["id"]
    whole = {"client_id": found, "contact": CONTACT, **FORM}
    opportunity = client.send("POST", "/v1/typifications", whole)[1]["id"]
    # This client appears in no other request.
    other = client.send("POST", "/v1/clients", {"name": "CLIENTE DE PRUEBA", "document_type": "dni", "document_number":
                                                f"{time.time_ns() // 1000000 % 100000000:08d}"})[1]["id"]
    unfinished = client.send("POST", "/v1/typifications", {"client_id": other, "contact": CONTACT, **OPEN_FORM})[1]["id"]
    tag = client.send("GET", "/v1/catalogs/cancellation_reason")[0]["etag"]
    contacts = (client.send("POST", f"/v1/clients/{other}/contacts", CONTACT)[1]["id"] for _ in itertools.count())
    # Each opportunity_create needs a contact of its own; they are made before counting begins.
    waiting = list(itertools.islice(contacts, 2 * REQUESTS + 3 * WARM_UP))
    return {
        "client_search": lambda: client.send("GET", "/v1/clients?phone=944264648"),
        "opportunity_get": lambda: client.send("GET", f"/v1/opportunities/{opportunity}"),
        "client_opportunity_list": lambda: client.send("GET", f"/v1/clients/{found}/opportunities"),
        "catalog_get": lambda: client.send("GET", "/v1/catalogs/cancellation_reason"),
        "catalog_get 304": lambda: client.send("GET", "/v1/catalogs/cancellation_reason",
                                               headers=[f"If-None-Match: {tag}"], expect=(304,)),
        "contact_create": lambda: client.send("POST", f"/v1/clients/{found}/contacts", CONTACT),
        "opportunity_create": lambda: client.send("POST", "/v1/opportunities", {"contact_id": waiting.pop(), "sub_campaign": "entel"}),
        "typification_put": lambda: client.send("PUT", f"/v1/opportunities/{unfinished}/typification", OPEN_FORM),
        "typification_create": lambda: client.send("POST", "/v1/typifications", whole),
    }


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """The service under another program (valgrind, strace); ends with the with-block."""

    def __init__(self, *words):
        self.port = free_port()
        env = dict(os.environ, DATABASE_URL=os.environ["COST_DATABASE_URL"],
                   GESTOR_CONTACTS_PER_DAY="0", GESTOR_RATE_ADVISOR="1000000", GESTOR_LISTEN=f"127.0.0.1:{self.port}", GESTOR_THREADS="4", GESTOR_POOL_SIZE="1",
                   GESTOR_QUERY_TIMEOUT_MS="20000", GESTOR_JWT_SECRET="counted-0123456789-abcdefghijklmnopqrst")
        with open(os.path.join(os.environ["COST_DIR"], "service.log"), "ab") as log:
            self.process = subprocess.Popen([*words, os.environ["GESTOR_BIN"], "serve"], env=env,
                                            stderr=log, stdin=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(600):
            try:
                Client(self.port).send("GET", "/readyz")
                # So that start-up work (connections, catalogues) is not counted.
                time.sleep(2)
                return self
            except (OSError, SystemExit, IndexError):
                time.sleep(0.1)
        sys.exit("the service does not become ready")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def control(pid, *words):
    subprocess.run(["callgrind_control", *words, str(pid)], check=True, stdout=subprocess.DEVNULL)


def thread_costs(path):
    """(instructions, allocations) of the thread of a callgrind dump"""
    instructions = allocations = 0
    names, callee = {}, None
    with open(path, encoding="utf-8", errors="replace") as dump:
        for line in dump:
            if line.startswith("cfn="):
                key, _, name = line[4:].strip().partition(" ")
                if name:
                    names[key] = name
                callee = names[key]
            elif line.startswith("fn="):
                key, _, name = line[3:].strip().partition(" ")
                if name:
                    names[key] = name
            elif line.startswith("calls=") and re.fullmatch(r"(malloc|calloc|realloc)('\d+)?", callee):
                allocations += int(line[6:].split()[0])
            elif line.startswith("totals:"):
                instructions = int(line.split()[1])
    return instructions, allocations


def count_instructions(figures):
    out = os.path.join(os.environ["COST_DIR"], "callgrind")
    words = ["valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}"]
    with Server(*words) as server:
        client = Client(server.port)
        client.sign_in()
        pid = server.process.pid
        for name, once in hot_paths(client).items():
            for _ in range(WARM_UP):
                once()
            control(pid, "--zero")
            for _ in range(REQUESTS):
                once()
            for old in glob.glob(out + ".*"):
                os.remove(old)
            control(pid, "--dump")
            costs = max(thread_costs(f) for f in glob.glob(out + ".*-*"))
            figures[name]["instructions"] = round(costs[0] / REQUESTS)
            figures[name]["allocations"] = round(costs[1] / REQUESTS, 1)


def count_system_calls(figures, made):
    out = os.path.join(os.environ["COST_DIR"], "strace")
    with Server("strace", "-D", "-f", "-q", "-o", out, "-e", "trace=!futex") as server:
        client = Client(server.port)
        client.sign_in()
        for name, once in hot_paths(client).items():
            for _ in range(WARM_UP):
                once()
            fewest = min((calls_of_four(out, once) for _ in range(REQUESTS // 4)), key=len)
            figures[name]["system_calls"] = len(fewest) / 4
            made[name] = fewest


def calls_of_four(out, once):
    """System calls of four requests, of the thread that made most. Of waits and reads that follow one another, two count."""
    time.sleep(0.02)
    before = os.path.getsize(out)
    for _ in range(4):
        once()
    time.sleep(0.02)
    calls, last = {}, {}
    with open(out, encoding="utf-8", errors="replace") as trace:
        trace.seek(before)
        for line in trace:
            thread, _, what = line.partition(" ")
            name = what.lstrip().partition("(")[0]
            if "resumed>" in what:
                continue
            pair = last.get(thread, ["", ""])
            again = all(call in READING for call in (*pair, name))
            last[thread] = [pair[1], name]
            calls.setdefault(thread, []).extend([name] * (not again))
    return max(calls.values(), key=len)


def main():
    client_names = ("client_search", "opportunity_get", "client_opportunity_list", "catalog_get",
                    "catalog_get 304", "contact_create", "opportunity_create", "typification_put", "typification_create")
    figures, made = {name: {} for name in client_names}, {}
    count_instructions(figures)
    count_system_calls(figures, made)
    if "--update" in sys.argv:
        with open(FIGURES, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=2)
            f.write("\n")
    with open(FIGURES, encoding="utf-8") as f:
        committed = json.load(f)
    wrong = set(committed) ^ set(figures)
    print(f"{'request':26}" + "".join(f"{kind:>26}" for kind in KINDS))
    for name, now in figures.items():
        row = f"{name:26}"
        for kind in KINDS:
            was = committed.get(name, {}).get(kind, 0)
            off = abs(now[kind] - was) > max(was * TOLERANCE[kind], ABSOLUTE[kind])
            if off:
                wrong.add(f"{name}: {kind}")
                if kind == "system_calls":
                    print(f"four requests of {name} made {' '.join(made[name])}")
            row += f"{now[kind]:>14} ({was:>8}){'!' if off else ' '}"
        print(row)
    if wrong:
        sys.exit("differs too much from tests/cost/figures.json (in brackets): " + ", ".join(sorted(wrong))
                 + "\nIf the change is intended: make check STEPS=cost COST=--update")


main()
