"""Shared by the measurements: the service, wrk, pgbench, processor time and memory.

For scripts that run in the repository's root with OWNER_URL, SERVE_URL (of the measured database) and CLUSTER in the
environment; see bench/lib.sh.
"""
import datetime
import json
import os
import random
import re
import resource
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

OUT = "build/bench/"
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
# The default size of the service's pool (api/config.c), and the settings of its sessions (api/db/connect.c).
POOL_SIZE = 4
SESSION = ("-c search_path=gestor,pg_temp -c timezone=UTC -c datestyle=ISO -c jit=off -c plan_cache_mode=force_generic_plan -c statement_timeout=4000"
           " -c lock_timeout=1000 -c idle_in_transaction_session_timeout=5000 -c client_encoding=UTF8")
PASSWORD = "bench-advisor-of-made-up-data"  # bench/lib.sh
PGBENCH, PSQL = (os.path.join(os.environ.get("POSTGRESQL_BIN", ""), name) for name in ("pgbench", "psql"))  # tools/lib.sh


def free_port():
    """A free port below 32768, where the kernel's ports for outgoing connections begin."""
    while True:
        port = random.randint(20000, 31999)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


def ask(port, method, path, headers=(), body=""):
    """Sends one request on a new connection. Returns status, head, body and the answer's raw bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        s.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        got = b""
        while True:
            head, end, rest = got.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            status = int(head.split()[1]) if end else 0
            if end and len(rest) >= (int(length.group(1)) if length and status != 304 else 0):
                return status, head.decode(), rest.decode(), got
            more = s.recv(65536)
            if not more:
                raise ConnectionError("the answer ends too soon")
            got += more


def when_and_where():
    """When, on which commit and on which machine the measurement was taken."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], text=True, stdout=subprocess.PIPE, check=False).stdout
    def output_of(*words):
        return subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.splitlines()[0].strip()
    with open("/proc/cpuinfo", encoding="ascii") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return {"at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit.strip(),
            "processors": os.cpu_count(), "model": model.group(1) if model else "", "kernel": os.uname().release.partition("-")[0],
            "postgresql": output_of(PGBENCH, "--version").split()[2], "wrk": output_of("wrk", "-v").split()[1]}


def write_json(kind, data):
    with open(f"{OUT}{kind}.json", "w", encoding="utf-8") as f:
        json.dump({"kind": kind, **data}, f, indent=1)


# ---- Processes

def stat(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()


def cpu_us(pid):
    """Processor time of a process, with threads that have ended."""
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) * TICK_US


def cluster_cpu_us():
    """Processor time of all of PostgreSQL's processes. Their parent keeps the sum of those that have ended."""
    with open(os.environ["CLUSTER"] + "/postmaster.pid", encoding="ascii") as f:
        postmaster = int(f.readline())
    with open(f"/proc/{postmaster}/task/{postmaster}/children", encoding="ascii") as f:
        pids = [postmaster, *map(int, f.read().split())]
    total = 0.0
    for pid in pids:
        try:
            total += sum(map(int, stat(pid)[11:15])) * TICK_US
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended: the parent's sum has it next time
    return total


def tree_cpu_us(pid):
    """Processor time of a process and of its children."""
    total = cpu_us(pid)
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            total += sum(tree_cpu_us(int(child)) for child in f.read().split())
    return total


def machine_us():
    """Processor time of the whole machine: user, nice, system and interrupts, without idle and stolen time."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) * TICK_US


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))


class Process:
    """A program that is stopped at the end of a `with`."""

    def __init__(self, words, env=None, log=None):
        self.log = log or os.devnull
        with open(self.log, "ab") as f:
            self.process = subprocess.Popen(words, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stderr=f)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def wait_for(self, port, path, seconds=20.0):
        """Waits until path is answered with 200."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if ask(port, "GET", path)[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        sys.exit(f"bench: {path} was not answered with 200 in time; see {self.log}")


class Service(Process):
    """build/gestor serve, or another build, with its defaults except the limits below, and its log in a file."""

    def __init__(self, url=None, program="build/gestor", log="service", **settings):
        self.port = free_port()
        self.secret = secrets.token_urlsafe(48)
        env = {"DATABASE_URL": url or os.environ["SERVE_URL"], "GESTOR_LISTEN": f"127.0.0.1:{self.port}",
               "GESTOR_JWT_SECRET": self.secret, "GESTOR_ACCESS_TTL_S": "3600",
               # One account sends all of the load: its requests are counted, but never refused.
               "GESTOR_RATE_ADVISOR": "1000000",
               # The load writes any number of contacts for one client, and uses any number of keys.
               "GESTOR_CONTACTS_PER_DAY": "0", "GESTOR_KEYS_MAX": "0", **settings}
        self.started = time.monotonic()
        super().__init__([program, "serve"], env, f"{OUT}{log}.log")
        self.wait_for(self.port, "/readyz")
        self.ready_ms = (time.monotonic() - self.started) * 1000
        self.token = ""

    def sign_in(self, username="E8153375"):
        status, _, body, _ = ask(self.port, "POST", "/v1/sessions", body=json.dumps(
            {"username": username, "password": PASSWORD}))
        if status != 201:
            sys.exit(f"bench: signing in as {username} was answered with {status}: {body}")
        session = json.loads(body)
        self.token, self.advisor = session["access_token"], session["advisor"]["id"]
        return self

    def answer(self, path, status, *headers):
        got = ask(self.port, "GET", path, (f"Authorization: Bearer {self.token}", *headers))
        if got[0] != status:
            sys.exit(f"bench: {path} was answered with {got[0]}: {got[2]}")
        return got

    def settle(self):
        """Waits until the load's work is complete: the service stores the record of reads twice a second, and that belongs to
        the reads' cost. A request that is still in flight voids the run."""
        time.sleep(0.7)
        in_flight = int(re.search(r"^gestor_http_requests_in_flight (\d+)$", ask(self.port, "GET", "/metrics")[2], re.M).group(1))
        if in_flight > 1:  # one is this request for /metrics
            sys.exit(f"bench: void, for {in_flight - 1} requests were not answered in time")

    def forget_log(self):
        """Empties the log, for a second of load writes some megabytes."""
        os.truncate(self.log, 0)


def children_us():
    """Processor time of all child processes that have ended: wrk, pgbench."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (ended.ru_utime + ended.ru_stime) * 1e6


def spent_us(*pids):
    """Processor time of PostgreSQL, of the given processes and of the load generators."""
    return cluster_cpu_us() + sum(map(cpu_us, pids)) + children_us()


# ---- Load

def wrk(port, work, seconds, seed, opportunities, token, tag="", connections=16, stride=1):
    """Runs wrk. Returns requests, seconds, bytes, errors, p50_us, p99_us; an error voids the run.

    A closed loop: each connection sends its next request when the last one is answered."""
    env = {"BENCH_WORK": work, "BENCH_TOKEN": token, "BENCH_TAG": tag, "BENCH_SEED": str(seed),
           "BENCH_OPPORTUNITIES": str(opportunities), "BENCH_STRIDE": str(stride)}
    said = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", "bench/requests.lua",
                           f"http://127.0.0.1:{port}"], env={**os.environ, **env}, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    got = json.loads(said.splitlines()[-1])
    if got["errors"] or not got["requests"]:
        sys.exit(f"bench: void, for {work} had errors:\n{said}")
    return got


def statement(name, *args):
    """The text of a statement as the service prepares it, with its parameters replaced by args (mostly pgbench's variables)."""
    text = subprocess.run(["/usr/bin/python3", "tools/sql_prepare.py", "--text", name, "build/sql.c"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    if not text:
        sys.exit(f"bench: the service has no statement {name}; see bench/works.py")
    if max((int(n) for n in re.findall(r"\$(\d+)", text)), default=0) != len(args):
        sys.exit(f"bench: bench/works.py does not give {name} as many parameters as it has")
    # pgbench takes :null for a variable even inside a string of JSON.
    text = re.sub(r"(?<!:):(?=\w)", ": ", text)
    return re.sub(r"\$(\d+)", lambda m: args[int(m.group(1)) - 1], text) + ";\n"


def connection(url):
    """The environment from which libpq's programs read the URL, so that no password is an argument."""
    url = urllib.parse.urlsplit(url)
    return {**os.environ, "PGUSER": url.username, "PGPASSWORD": url.password, "PGHOST": url.hostname, "PGPORT": str(url.port),
            "PGDATABASE": url.path[1:], "PGOPTIONS": SESSION}


def query(text, url=None):
    """Runs psql. Returns what it prints: a row a line, with tabs between the fields."""
    return subprocess.run([PSQL, "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1"], env=connection(url or os.environ["SERVE_URL"]),
                          check=True, text=True, input=text, stdout=subprocess.PIPE).stdout.strip("\n")


def pgbench(script, seconds, variables, url=None):
    """Runs pgbench. Returns transactions a second, and their number; a failed one voids the run.

    The rate leaves out the first second, in which connections and plans are made, and the last."""
    words = [PGBENCH, "-n", "-M", "prepared", f"-c{POOL_SIZE}", "-j2", "-P1",
             f"-T{seconds + 2}", "-f", script]
    for name, value in variables.items():
        words += ["-D", f"{name}={value}"]
    run = subprocess.run(words, env=connection(url or os.environ["SERVE_URL"]), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    rates = [float(rate) for rate in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", run.stderr, re.M)[1:seconds + 1]]
    done = re.search(r"actually processed: (\d+)", run.stdout)
    if run.returncode or not rates or not done or not re.search(r"failed transactions: 0 ", run.stdout):
        sys.exit(f"bench: void, for pgbench failed:\n{run.stdout}{run.stderr}")
    return statistics.mean(rates), int(done.group(1))
