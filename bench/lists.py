#!/usr/bin/python3
"""Measures the median time of every list (p50) for several amounts of data. growth.sh starts it with LISTS=1.

One request at a time, on one connection for each size; the sizes take turns request by request, so that what else the machine does hits all
alike. A hundred different records are asked for, spread over all, each once before the measurement: what a desk asks for is in memory at any size.
A list is measured only at first pages: a later page is one index descent as well.
"""
import contextlib
import http.client
import os
import random
import statistics
import sys
import time

sys.dont_write_bytecode = True
from measure import Service, when_and_where, write_json  # noqa: E402

SIZES = [int(n) for n in os.environ["SIZES"].split()]
ASKED, DIFFERENT = int(os.environ.get("ASKED", "200")), 100
ONLY = os.environ.get("ONLY", "")  # a part of the names of those that are measured
BAR = 1.25

# Of a size: n counts clients, h those with 40 opportunities, o opportunities; a: one of 50 advisors; day: of two years, which differ in nothing.
LISTS = {
    "client_search by phone": "/v1/clients?phone={phone}",
    "client_search by document": "/v1/clients?document_number={n:08d}",
    "client_search by part of a name": "/v1/clients?name=numero+{n}+de",
    "client_opportunity_list": "/v1/clients/{h}/opportunities",
    "contact_list": "/v1/clients/{h}/contacts",
    "client_consent_list": "/v1/clients/{h}/consents",
    "client_audit_list": "/v1/clients/{h}/audit",
    "client_read_list": "/v1/clients/{n}/reads",
    "contact_search": "/v1/contacts",
    "contact_search of an advisor": "/v1/contacts?advisor=E9{a:06d}",
    "contact_search of a day": "/v1/contacts?created_from={day}&created_to={day}",
    "contact_search, without opportunity": "/v1/contacts?without_opportunity=true",
    "opportunity_list": "/v1/opportunities",
    "… of an advisor": "/v1/opportunities?advisor=E9{a:06d}",
    "… of a stage": "/v1/opportunities?stage=retenido",
    "… of two stages": "/v1/opportunities?stage=retenido,no-retenido",
    "… of a reason's subtree": "/v1/opportunities?reason=precio-y-contenido",
    "… of a sub-campaign": "/v1/opportunities?sub_campaign=entel",
    "… of an operator": "/v1/opportunities?operator=movistar",
    "… of a plan": "/v1/opportunities?plan=postpago-39-90",
    "… of an offer": "/v1/opportunities?offer=50-x-6-meses",
    "… of a channel": "/v1/opportunities?channel=telefonico",
    "… of an answer about advertising": "/v1/opportunities?advertising_acceptance=acepto",
    "… of an action": "/v1/opportunities?action=bono-gb",
    "… of a final state": "/v1/opportunities?final_state=atendido",
    "… of a client": "/v1/opportunities?client={h}",
    "… of a day": "/v1/opportunities?created_from={day}&created_to={day}",
    "… of a day's ends": "/v1/opportunities?closed_from={day}&closed_to={day}",
    "… of an advisor, a stage": "/v1/opportunities?advisor=E9{a:06d}&stage=retenido",
    "… of an advisor, a reason's subtree": "/v1/opportunities?advisor=E9{a:06d}&reason=precio-y-contenido",
    "… of an operator, a stage": "/v1/opportunities?operator=movistar&stage=no-retenido",
    "… of an operator, which no open one has, open ones": "/v1/opportunities?operator=movistar&stage=en-proceso",
    "… of an operator, which no open one has, by change": "/v1/opportunities?operator=movistar&stage=en-proceso&sort=updated_at",
    "… of a final state, which no open one has, open ones": "/v1/opportunities?final_state=atendido&stage=en-proceso",
    "… of a final state, which no open one has, by change": "/v1/opportunities?final_state=atendido&stage=en-proceso&sort=updated_at",
    "… of an action, open ones": "/v1/opportunities?action=bono-gb&stage=en-proceso",
    "… of an action, open ones, by change": "/v1/opportunities?action=bono-gb&stage=en-proceso&sort=updated_at",
    "… of a reason's subtree, open ones": "/v1/opportunities?reason=precio-y-contenido&stage=en-proceso",
    "… of a reason's subtree, open ones, by change": "/v1/opportunities?reason=precio-y-contenido&stage=en-proceso&sort=updated_at",
    "… of a month, by end": "/v1/opportunities?created_from=2024-03-01&created_to=2024-03-31&sort=closed_at",
    "… of a month, by change": "/v1/opportunities?created_from=2024-03-01&created_to=2024-03-31&sort=updated_at",
    "… of a month, of an operator, by end": "/v1/opportunities?created_from=2024-03-01&created_to=2024-03-31&operator=movistar&sort=closed_at",
    "… of a month's ends, by change": "/v1/opportunities?closed_from=2024-03-01&closed_to=2024-03-31&sort=updated_at",
    "… until a day, of an advisor, by change": "/v1/opportunities?created_to={day}&advisor=E9{a:06d}&sort=updated_at",
    "… voided ones": "/v1/opportunities?voided=true",
    "… by end": "/v1/opportunities?sort=closed_at",
    "… by change": "/v1/opportunities?sort=updated_at",
    "… with client and contact": "/v1/opportunities?include=client,contact",
    "action_list": "/v1/opportunities/{o}/actions",
    "opportunity_audit_list": "/v1/opportunities/{o}/audit",
    "agenda_list": "/v1/agenda?advisor=E9{a:06d}",
    "audit_list": "/v1/audit",
    "audit_list of an advisor": "/v1/audit?advisor=E9{a:06d}",
    "audit_list of an operation": "/v1/audit?operation=contact_create",
    "audit_list of a record": "/v1/audit?object_type=contact&object_id={contact}",
    "audit_read_list": "/v1/audit/reads",
    "advisor_list": "/v1/advisors",
}


def path_of(template, size, draw):
    """The path with records of the size: the n-th of as many as the smallest size has."""
    stride = size // min(SIZES)
    client = 1 + stride * (draw % (min(SIZES) // 5))
    names = {"n": min(client, size // 5), "h": 1 + stride * (draw % (min(SIZES) // 100)), "o": 1000000 + 10 * stride * (draw % (min(SIZES) // 10)),
             "a": 1 + draw % 50, "day": f"2024-{1 + draw % 12:02d}-{1 + draw // 12 % 28:02d}"}
    return template.format(**names, phone=900000000 + names["n"], contact=names["o"] - 1000000 + 1)


class Client:
    """A connection that stays open."""

    def __init__(self, service):
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        self.headers = {"Authorization": f"Bearer {service.token}"}

    def ask(self, path):
        """Returns how long the answer took, in ms."""
        began = time.monotonic()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.monotonic() - began) * 1000
        if answer.status != 200:
            sys.exit(f"bench: {path} was answered with {answer.status}: {body.decode()}")
        return took


def main():
    base = os.environ["SERVE_URL"].rpartition("/")[0]
    chance, lists = random.Random(7), []
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(Service(url=f"{base}/gestor_{size}", log=f"service_{size}")).sign_in("E8153376") for size in SIZES]
        clients = dict(zip(SIZES, map(Client, services)))
        for name, template in [item for item in LISTS.items() if ONLY in item[0]]:
            took = {size: [] for size in SIZES}
            draws = [chance.randrange(1 << 30) for _ in range(DIFFERENT)]
            for i, draw in enumerate(draws + chance.choices(draws, k=ASKED)):
                for size in SIZES:
                    ms = clients[size].ask(path_of(template, size, draw))
                    if i >= DIFFERENT:
                        took[size].append(ms)
            p50 = {size: statistics.median(took[size]) for size in SIZES}
            worst = max(p50.values()) / p50[min(SIZES)]
            lists.append({"name": name, "path": template, "p50_ms": p50, "worst": worst, "met": worst <= BAR})
            print(f"{name:50} " + "   ".join(f"{size:,}: {p50[size]:6.2f} ms" for size in SIZES) + f"   {worst:.2f}{'' if worst <= BAR else ' missed'}", flush=True)
    write_json("lists", {**when_and_where(), "asked": ASKED, "sizes": SIZES, "bar": BAR, "lists": lists})
    return 0 if all(one["met"] for one in lists) else 3


sys.exit(main())
