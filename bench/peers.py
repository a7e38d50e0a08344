#!/usr/bin/python3
"""Compares the service with peers and the floor, in alternating rounds; writes build/bench/peers.json. peers.sh starts it.

    gestor  the service under wrk, as in run.py
    old     an older build of the service on a database of its own schema, if OLD names one
    NAME    a program of bench/peers/ on a copy of the service's database, under the same wrk
    floor   F, by pgbench on that copy. A read: a stored text of the service's answer by a primary key, the cheapest statement that
            returns these bytes. A write: plain inserts of the same rows, with one row of the audit
    bare    H, civetweb alone with the service's answer (bare.c), under the same wrk

A request needs at least the work of F and of H, so the upper bound of the service is 1 / (1/H + 1/F).
Two processor times stand beside each rate: the sum of the processes that took part (server, PostgreSQL, wrk or pgbench), and the
time of the whole machine, which includes the kernel's own work and any other program.
Before the measurements each peer's answers are compared with the service's.
"""
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
from measure import (OUT, Process, Service, ask, children_us, cluster_cpu_us, free_port, machine_us, pgbench,  # noqa: E402
                     query, tree_cpu_us, when_and_where, wrk, write_json)
from works import CONTACT, FORM, WORKS  # noqa: E402

OPPORTUNITIES, ROUNDS, SECONDS = (int(os.environ[k]) for k in ("OPPORTUNITIES", "ROUNDS", "SECONDS_EACH"))
PEERS, OLD, PEERS_URL = os.environ["PEERS"].split(), os.environ["OLD"], os.environ["PEERS_URL"]
COMMANDS = {"gin": [OUT + "peers/gin"], "hyper": [OUT + "peers/hyper"], "fastify": ["node", "bench/peers/fastify/server.js"],
            "bun": ["bench/peers/bun/node_modules/@oven/bun-linux-x64/bin/bun", "bench/peers/bun/server.js"]}
# Seconds in which PostgreSQL makes plans and JavaScript is compiled.
WARM_UP = 3
# Answers of each read to compare, spread over all its keys.
COMPARED = 200


class Peer(Process):
    def __init__(self, name, service):
        self.port, self.token = free_port(), service.token
        env = {"DATABASE_URL": PEERS_URL, "LISTEN": f"127.0.0.1:{self.port}", "JWT_SECRET": service.secret, "NODE_ENV": "production"}
        super().__init__(COMMANDS[name], env, f"{OUT}peers/{name}.log")
        self.wait_for(self.port, "/livez")


# ---- Do the peers give the same answers?

def members(value):
    """The members that a peer must give: no entity tags; of a cursor only whether there is one."""
    if isinstance(value, dict):
        return {k: bool(v) if k == "next" else members(v) for k, v in value.items() if k not in ("etag", "etags")}
    return [members(v) for v in value] if isinstance(value, list) else value


def anonymous(answer):
    """A new opportunity with its ids and instants replaced by their types."""
    if any(not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", at) for at in (answer["created_at"], answer["updated_at"], answer["closure"]["closed_at"])):
        return "an instant has another form"
    for of, keys in ((answer, ("id", "contact_id", "created_at", "updated_at")), (answer["closure"], ("closed_at",)),
                     *((a, ("id",)) for a in answer["actions"])):
        for key in keys:
            of[key] = type(of[key]).__name__
    return answer


def fetch(server, path, token, body=None):
    """Status and members of an answer. http.client, because peers may send it in chunks."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        link.request("POST" if body else "GET", path, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if body
                     else {"Authorization": f"Bearer {token}"})
        answer = link.getresponse()
        text = answer.read()
        return answer.status, members(json.loads(text)) if answer.status in (200, 201) else text
    finally:
        link.close()


def compare_reads(name, peer, service):
    token = service.token
    for work in (w for w in WORKS if w.peers and w.floor):
        keys = work.floor.keys(OPPORTUNITIES)
        # Not measured, but compared: open opportunities, clients without opportunities, unknown ids.
        paths = [p for _, p in keys[::max(1, len(keys) // COMPARED)]] + (
            [f"/v1/opportunities/{1000000 + n}" for n in range(40)] + ["/v1/opportunities/1"] if work.name == "opportunity_get" else
            [f"/v1/clients/{OPPORTUNITIES // 5 - n}/opportunities" for n in range(40)] + ["/v1/clients/999999999/opportunities"]
            if work.name == "client_opportunity_list" else [])
        for path in paths:
            ours, theirs = fetch(service, path, token), fetch(peer, path, token)
            if ours != theirs and (ours[0], theirs[0]) != (404, 404):
                sys.exit(f"bench: {name} answers {path} differently from the service:\n{theirs}\n{ours}")


def compare_write(name, peer, service):
    """Call it after all comparisons of reads, because it changes what they show."""
    token, body = service.token, f'{{"client_id":"1","contact":{CONTACT},{FORM[1:]}'
    ours, theirs = ((status, anonymous(answer) if status == 201 else answer)
                    for status, answer in (fetch(s, "/v1/typifications", token, body) for s in (service, peer)))
    if ours != theirs or ours[0] != 201:
        sys.exit(f"bench: {name} answers POST /v1/typifications differently from the service:\n{theirs}\n{ours}")
    if fetch(peer, "/v1/opportunities/1000000", token[:-4] + "AAAA")[0] != 401:
        sys.exit(f"bench: {name} accepts a forged token")
    print(f"{name} gives the same answers as the service", flush=True)


# ---- The floor

def store_answers(work, service):
    """Makes a table of the service's own answers by key. Up to 8 KB they stay in the row without compression, the cheapest way to
    read them; PostgreSQL compresses longer ones, here by lz4."""
    link = http.client.HTTPConnection("127.0.0.1", service.port)
    with open(f"{OUT}{work.name}.floor", "w", encoding="utf-8") as f:
        for key, path in work.floor.keys(OPPORTUNITIES):
            link.request("GET", path, headers={"Authorization": f"Bearer {service.token}"})
            answer = link.getresponse()
            body = answer.read().decode()
            if answer.status != 200:
                sys.exit(f"bench: {path} was answered with {answer.status}: {body}")
            f.write(f"{key}\t" + body.replace("\\", "\\\\") + "\n")
    link.close()
    service.forget_log()
    query(f"""set statement_timeout = 0; set client_min_messages = warning;
        create table bench.{work.name} (key {work.floor.kind} primary key, doc text compression lz4 not null) with (toast_tuple_target = 8160);
        \\copy bench.{work.name} from '{OUT}{work.name}.floor'
        vacuum analyze bench.{work.name};""", PEERS_URL)
    os.remove(f"{OUT}{work.name}.floor")


# The rows of a whole call in their final state. currval() gives the ids that an earlier statement made.
INSERTS = """\\set client random(1, :clients)
\\startpipeline
insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
values (:client, :advisor, '944264648', '2505050000125674', 3, 3);
insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage,
    closed_at, current_plan, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan, competitor_offer_id,
    competitor_offer, offer_channel_id, offer_channel, operator_id, operator, phone_to_manage, advertising_acceptance_id, advertising_acceptance)
values (:client, currval('contact_id_seq'), :advisor, :campaign_id, :campaign, :sub_campaign_id, :sub_campaign, :stage_id, :stage,
    now(), 'MAX 39.90', true, :reason_id, :reason, :plan_id, :plan, :offer_id, :offer, :channel_id, :channel, :operator_id, :operator,
    '944264648', :acceptance_id, :acceptance);
insert into action (opportunity_id, action_id, action, final_state_id, final_state)
values (currval('opportunity_id_seq'), :action1_id, :action1, :state1_id, :state1), (currval('opportunity_id_seq'), :action2_id, :action2, :state2_id, :state2);
insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance)
values (:client, currval('opportunity_id_seq'), currval('contact_id_seq'), :advisor, :acceptance_id, :acceptance);
insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action, client_id, opportunity_id, after)
values (:advisor, 1, '127.0.0.1', '0123456789abcdef0123456789abcdef', 'typification_create', 'opportunity', currval('opportunity_id_seq'), 'insert',
    :client, currval('opportunity_id_seq'), :after);
\\endpipeline
"""


def insert_values():
    """The choices of FORM with their ids."""
    form, values = json.loads(FORM), {}
    offer, actions = form["competitor_offer"], form["actions"]
    chosen = {"campaign": ("campaign", "consulta-previa-prepago"), "sub_campaign": ("sub_campaign", form["sub_campaign"]),
              "stage": ("stage", form["closure"]["stage"]), "reason": ("cancellation_reason", form["diagnosis"]["reason"]),
              "plan": ("competitor_plan", offer["plan"]), "offer": ("competitor_offer", offer["offer"]),
              "channel": ("offer_channel", offer["channel"]), "operator": ("operator", offer["operator"]),
              "acceptance": ("advertising_acceptance", form["closure"]["advertising_acceptance"])}
    for n, a in enumerate(actions, 1):
        chosen |= {f"action{n}": ("retention_action", a["action"]), f"state{n}": ("final_state", a["final_state"])}
    for name, (catalog, code) in chosen.items():
        values[name + "_id"], values[name] = query(f"""select i.id, i.choice from catalog_item i join catalog c on c.id = i.catalog_id
            where c.code = '{catalog}' and i.code = '{code}'""", PEERS_URL).split("\t")
    offer["phone_to_manage"] = "***648"
    return {**values, "after": json.dumps(form, ensure_ascii=False)}


# ---- The rounds of a work

class Bench:
    def __init__(self, work, servers, service):
        self.work, self.servers, self.service, self.tag = work, servers, service, ""
        self.kinds = ["gestor"] + (["old"] if OLD else []) + (PEERS if work.peers else [])
        self.values = {"clients": OPPORTUNITIES // 5, "opportunities": OPPORTUNITIES, "advisor": service.advisor}
        if work.floor:
            text = work.floor.drawn + f"select doc from bench.{work.name} where key = {work.floor.key};\n"
        elif work.name == "typification_create":
            text = INSERTS
            self.values |= insert_values()
        else:
            return
        self.kinds += ["floor", "bare"]
        with open(f"{OUT}{work.name}.F.sql", "w", encoding="utf-8") as f:
            f.write(text)
        with open(f"{OUT}{work.name}.answer", "wb") as f:
            f.write(service.answer(work.path, 200)[3] if work.path else
                    ask(service.port, "POST", "/v1/typifications", (f"Authorization: Bearer {service.token}",),
                        f'{{"client_id":"1","contact":{CONTACT},{FORM[1:]}')[3])

    def measure(self, kind, seconds, seed):
        server = self.servers.get(kind)
        pids = [server.pid] if server else []
        def spent():
            return cluster_cpu_us() + sum(map(tree_cpu_us, pids)) + children_us()
        cpu, machine = spent(), machine_us()
        if kind == "floor":
            rate, n = pgbench(f"{OUT}{self.work.name}.F.sql", seconds, self.values, PEERS_URL)
            got = {"rate": rate}
        else:
            got = wrk(server.port, self.work.name, seconds, seed, OPPORTUNITIES, server.token)
            if isinstance(server, Service):
                server.settle()
            n = got["requests"] / self.work.requests
            got = {"rate": n / got["seconds"], "p50_us": got["p50_us"], "p99_us": got["p99_us"], "bytes": got["bytes"] / got["requests"]}
        got |= {"cpu_us": (spent() - cpu) / n, "machine_us": (machine_us() - machine) / n}
        if isinstance(server, Service):
            server.forget_log()
        return got

    def round(self, number, seconds):
        """Takes all measurements, beginning with another one each round."""
        turn = number % len(self.kinds)
        seen = {kind: self.measure(kind, seconds, number) for kind in self.kinds[turn:] + self.kinds[:turn]}
        got = {kind: seen[kind] for kind in self.kinds}
        if "floor" in got:
            f, h = got["floor"], got["bare"]
            got["bound"] = {"rate": 1 / (1 / f["rate"] + 1 / h["rate"]), **{k: f[k] + h[k] for k in ("cpu_us", "machine_us")}}
        return got

    def run(self):
        with contextlib.ExitStack() as stack:
            if "bare" in self.kinds:
                port = free_port()
                bare = stack.enter_context(Process([OUT + "bare", f"127.0.0.1:{port}", f"{OUT}{self.work.name}.answer"]))
                bare.port, bare.token = port, self.service.token
                if self.work.path:
                    bare.wait_for(port, self.work.path)
                self.servers["bare"] = bare
            self.round(0, WARM_UP)  # not counted
            rounds = []
            for number in range(1, ROUNDS + 1):
                rounds.append(self.round(number, SECONDS))
                print(f"{self.work.name:24} {number:2}   "
                      + "   ".join(f"{k} {rounds[-1][k]['rate']:.0f}/s {rounds[-1][k]['cpu_us']:.0f} µs" for k in self.kinds), flush=True)
        return summary(self.work, rounds)


def spread(values):
    values = list(values)
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def summary(work, rounds):
    """The medians of each kind, and the service's advantage: its rate divided by the other's, the other's processor time divided by its."""
    kinds = {}
    for kind in rounds[0]:
        kinds[kind] = {"median": {k: statistics.median(r[kind][k] for r in rounds) for k in rounds[0][kind]}}
        if kind != "gestor":
            kinds[kind]["by_rate"] = spread(r["gestor"]["rate"] / r[kind]["rate"] for r in rounds)
            kinds[kind]["by_cpu"] = spread(r[kind]["cpu_us"] / r["gestor"]["cpu_us"] for r in rounds)
            kinds[kind]["by_machine"] = spread(r[kind]["machine_us"] / r["gestor"]["machine_us"] for r in rounds)
    return {"name": work.name, "title": work.title, "kinds": kinds, "rounds": rounds}


def versions():
    def said(*words):
        return subprocess.run(words, text=True, stdout=subprocess.PIPE, check=False).stdout.strip()
    def locked(peer, *names):
        with open(f"bench/peers/{peer}/package.json", encoding="utf-8") as f:
            return ", ".join(f"{n} {v}" for n, v in json.load(f)["dependencies"].items() if n in names)
    debian = {"gin": ["golang-go", "golang-github-gin-gonic-gin-dev", "golang-github-jackc-pgx-v4-dev"],
              "hyper": ["rustc", "librust-hyper-dev", "librust-tokio-postgres-dev"]}
    out = {name: said("dpkg-query", "-W", "-f=${Package} ${Version}, ", *debian[name]).strip(", ") for name in PEERS if name in debian}
    if "fastify" in PEERS:
        out["fastify"] = f"node {said('node', '--version')}, " + locked("fastify", "fastify", "pg", "@fastify/jwt")
    if "bun" in PEERS:
        out["bun"] = locked("bun", "bun", "jose")
    if OLD:
        out["old"] = said(OLD, "--version")
    return out


def wanted():
    names = os.environ.get("WORKS", "").split()
    unknown = set(names) - {w.name for w in WORKS}
    if unknown:
        sys.exit(f"bench: WORKS has the unknown {', '.join(unknown)}; there are {', '.join(w.name for w in WORKS)}")
    # Writes come last, because they change the data.
    works = [w for w in WORKS if (w.name in names if names else w.floor or w.peers or w.against == "P")]
    return sorted(works, key=lambda w: w.against == "P")


def main():
    works, results = wanted(), []
    with contextlib.ExitStack() as stack:
        servers = {"gestor": stack.enter_context(Service()).sign_in()}
        service = servers["gestor"]
        if OLD:
            servers["old"] = stack.enter_context(Service(os.environ["OLD_URL"], OLD, "old")).sign_in()
        print("storing the service's answers for the floor ...", flush=True)
        for work in works:
            if work.floor:
                store_answers(work, service)
        for name in PEERS:
            servers[name] = stack.enter_context(Peer(name, service))
            compare_reads(name, servers[name], service)
        for name in PEERS:
            compare_write(name, servers[name], service)
        query("checkpoint", os.environ["SUPERUSER_URL"])
        for work in works:
            for kind in ("gestor", "old"):
                if kind in servers:
                    servers[kind].sign_in(work.username)
            results.append(Bench(work, dict(servers), service).run())
    write_json("peers", {**when_and_where(), "opportunities": OPPORTUNITIES, "rounds": ROUNDS, "seconds_each": SECONDS, "connections": 16,
                         "versions": versions(), "works": results})


if __name__ == "__main__":
    main()
