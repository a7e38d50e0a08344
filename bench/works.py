"""The works to measure: wrk sends each as requests (requests.lua), and pgbench runs the same statements.

The statements are those that the service prepares, in the same order and round trips: a pipeline is one round trip and one
transaction. pgbench has neither NULL nor text variables to compute with, so NULL, 'false' and the like stand in the text, ids
from the transaction before come from currval(), and format() builds a body that holds an id.
"""
import json

from measure import query, statement

CONTACT = '{"origin_phone":"944264648","serial_number":"2505050000125674","ownership_check":{"asked":3,"right":3}}'
FORM = ('{"sub_campaign":"entel","service":{"current_plan":"MAX 39.90","prior_consultation":true},'
        '"actions":[{"action":"migracion-postpago.max-29-90-30gb-y-s-5-por-6-meses","final_state":"no-atendido"},'
        '{"action":"bono-gb.bono-4-gb-por-12-meses","final_state":"atendido"}],'
        '"diagnosis":{"reason":"problema-con-el-uso-del-servicio.problema-de-cobertura.internet.sin-senal-indoor'
        '.escalado-por-celdas-at"},'
        '"competitor_offer":{"plan":"postpago-39-90","offer":"50-x-6-meses","channel":"telefonico","operator":"movistar",'
        '"phone_to_manage":"944264648"},"closure":{"advertising_acceptance":"acepto","stage":"retenido"}}')
CONTEXT = ('{"advisor":%s,"session":1,"address":"127.0.0.1","request":"0123456789abcdef0123456789abcdef",'
           '"operation":"%s"}')


def transaction(operation, *statements):
    """A write of the service: the audit's context and the statements, in one round trip."""
    return "".join(["\\startpipeline\n", statement("audit_context", f":{operation}"), *statements, "\\endpipeline\n"])


# The number of reads that the service records with one statement.
READS = 1000


def recorded(kind):
    """The record of reads: at every thousandth read, one statement stores a thousand entries."""
    now = f"(select array_agg((extract(epoch from clock_timestamp()) * 1000000)::bigint + g) from generate_series(1, {READS}) g)::text"
    return (f"\\set turn random(1, {READS})\n\\if :turn = 1\n"
            + statement("audit_read_store", now, ":reads_advisors", ":reads_sessions", ":reads_addresses", ":reads_requests",
                        ":reads_operations", f":reads_{kind}", f":reads_{kind}_ids", ":reads_clients", "'false'") + "\\endif\n")


def reads(opportunities, advisor):
    """The arrays of recorded(), with ids spread over all records."""
    def array(value):
        return "{" + ",".join(str(value(i)) for i in range(READS)) + "}"
    clients = opportunities // 5
    return {"reads_advisors": array(lambda i: advisor), "reads_sessions": array(lambda i: 1),
            "reads_addresses": array(lambda i: "127.0.0.1"), "reads_requests": array(lambda i: f"{i * 7919:032x}"),
            "reads_operations": array(lambda i: "client_search"), "reads_client": array(lambda i: "client"),
            "reads_opportunity": array(lambda i: "opportunity"), "reads_client_ids": array(lambda i: 1 + i * 7919 % clients),
            "reads_clients": array(lambda i: 1 + i * 7919 % clients), "reads_opportunity_ids": array(lambda i: 1000000 + i * 7919 % opportunities)}


def client_search():
    return "\\set n random(1, :clients)\n" + statement("client_search_phone", "(900000000 + :n)::text")


def opportunity_get():
    return "\\set id 1000000 + 10 * random(0, :opportunities / 10 - 1)\n" + statement("opportunity_get", ":id")


def client_opportunity_list():
    return "\\set client random(1, :opportunities / 100)\n" + statement("client_opportunity_list_newest", ":client", ":limit")


def client_search_document():
    return "\\set n random(1, :clients)\n" + statement("client_search_document", "lpad((:n)::text, 8, '0')", "null")


def opportunity_list():
    return statement("opportunity_list_newest", ":limit")


def opportunity_list_advisor():
    return "\\set n random(1, 50)\n" + statement("opportunity_list_advisor", "('E9' || lpad((:n)::text, 6, '0'))", "100")


def opportunity_list_reason():
    return statement("opportunity_list_reason", ":reasons", ":limit")


def opportunity_list_stage():
    return statement("opportunity_list_stage", ":stage", ":limit")


def contact_create():
    return "\\set client random(1, :clients)\n" + transaction(
        "contact_create", statement("contact_create", ":client", ":advisor", ":contact", "'0'"))


def closure_put():
    return ("\\set opportunity 1000007 + 10 * random(0, :opportunities / 10 - 1)\n\\set yes random(0, 1)\n"
            + transaction("closure_put", statement("opportunity_lock", ":opportunity", ":advisor", "'true'"),
                          statement("closure_put", ":opportunity", ":advisor",
                                    """(case when :yes = 1 then '{"advertising_acceptance":"acepto","stage":"en-proceso"}'
                                     else '{"advertising_acceptance":"no-acepto","stage":"en-proceso"}' end)"""),
                          statement("opportunity_saved", ":opportunity")))


def three_writes():
    made = "(select currval('opportunity_id_seq'))"
    return ("\\set client random(1, :clients)\n"
            + transaction("contact_create", statement("contact_create", ":client", ":advisor", ":contact", "'0'"))
            + transaction("opportunity_create", statement(
                "opportunity_create", ":advisor",
                """format('{"contact_id":"%s","sub_campaign":"entel"}', currval('contact_id_seq'))""", "'false'", "'false'"))
            + transaction("typification_put", statement("opportunity_lock", made, ":advisor", "'false'"),
                          statement("typification_put", made, ":advisor", ":form"),
                          statement("opportunity_saved", made)))


def typification_create():
    return ("\\set client random(1, :clients)\n"
            + transaction("typification_create", statement("typification_create", ":advisor", ":client", "'0'",
                                                           *("null" if value is None else f":call{n}" for n, value in enumerate(whole_call())))))


def whole_call():
    """FORM and CONTACT as the service passes them to the statement of a whole call."""
    form, contact = json.loads(FORM), json.loads(CONTACT)
    offer, closure, checked = form["competitor_offer"], form["closure"], contact["ownership_check"]
    codes = [closure["stage"], form["sub_campaign"], form["diagnosis"]["reason"], offer["plan"], offer["offer"], offer["channel"], offer["operator"],
             closure["advertising_acceptance"], *(a[of] for a in form["actions"] for of in ("action", "final_state"))]
    return [f"{{NULL,{','.join(codes)}}}", contact["origin_phone"], contact["serial_number"], checked["asked"], checked["right"],
            form["service"]["current_plan"], None, "true", offer["phone_to_manage"], None]


def chosen():
    """The filters of lists as the service passes them: the ids of an item and of all below it."""
    def ids(catalog, code):
        return query(f"""select array(select i.id from catalog_item i join catalog c on c.id = i.catalog_id
            where c.code = '{catalog}' and (i.code = '{code}' or i.code like '{code}.%') order by i.id)""")
    return {"stage": ids("stage", "retenido").strip("{}"), "reasons": ids("cancellation_reason", "precio-y-contenido")}


def variables(opportunities, advisor):
    names = ["contact_create", "closure_put", "opportunity_create", "typification_put", "typification_create"]
    call = {f"call{n}": value for n, value in enumerate(whole_call()) if value is not None}
    return {"clients": opportunities // 5, "opportunities": opportunities, "advisor": advisor, "limit": 15,
            "contact": CONTACT, "form": FORM, **call, **chosen(), **reads(opportunities, advisor), **{name: CONTEXT % (advisor, name) for name in names}}


class Floor:
    """The keys of a read, for the table of stored answers that bench/peers.py makes.

    kind       the key's type in SQL
    keys       makes the list of keys, each with its path, for a number of opportunities
    drawn      pgbench's command that draws a key with wrk's distribution; key: its expression in SQL"""

    def __init__(self, kind, keys, drawn="", key="0"):
        self.kind, self.keys, self.drawn, self.key = kind, keys, drawn, key


def one(path):
    """A read with a single answer."""
    return Floor("integer", lambda opportunities: [(0, path)])


class Work:
    """name       the work's name in requests.lua, and the function here that makes pgbench's script
    title      for the report
    against    what S is compared with: "bound" = 1 / (1/H + 1/P), "H" or "P"
    bar, aim   the required share of it, and the desired one (None: none); a work without a bar is measured if WORKS names it,
               and by bench/peers.py
    path       the request whose answer the bare handler repeats; status: of that answer
    reads      "client" or "opportunity": the kind of record that the service records as read
    requests   how many requests make one transaction of pgbench's script
    floor      the keys of a read; peers: whether the programs of bench/peers/ can do the work
    username   the account that sends the requests
    script     makes pgbench's script without the record of reads; recorded: with it"""

    def __init__(self, name, title, against, bar=None, aim=None, path=None, status=200, reads=None, requests=1, floor=None, peers=False,
                 username="E8153375"):
        self.name, self.title, self.against, self.bar, self.aim = name, title, against, bar, aim
        self.path, self.status, self.reads, self.requests = path, status, reads, requests
        self.floor, self.peers, self.username = floor, peers, username
        self.script = globals().get(name)
        # A latency is always that of one request.
        self.timed = title if requests == 1 else f"{title}: each of them"

    def recorded(self):
        return self.script() + (recorded(self.reads) if self.reads else "")


CATALOG = "/v1/catalogs/cancellation_reason"
NEWEST = "/v1/opportunities"
BY_REASON = "/v1/opportunities?reason=precio-y-contenido"
BY_STAGE = "/v1/opportunities?stage=retenido"
WORKS = [
    Work("client_search", "client_search by phone", "bound", 0.65, 0.90, "/v1/clients?phone=900000001", reads="client", peers=True,
         floor=Floor("text", lambda n: [(f"9{i:08}", f"/v1/clients?phone=9{i:08}") for i in range(1, n // 5 + 1)],
                     "\\set n random(1, :clients)\n", "(900000000 + :n)::text")),
    Work("opportunity_get", "opportunity_get, a full one", "bound", 0.70, 0.90, "/v1/opportunities/1000000", reads="opportunity", peers=True,
         floor=Floor("bigint", lambda n: [(i, f"/v1/opportunities/{i}") for i in range(1000000, 1000000 + n, 10)],
                     "\\set id 1000000 + 10 * random(0, :opportunities / 10 - 1)\n", ":id")),
    Work("client_opportunity_list", "client_opportunity_list, 15 of 40", "bound", 0.70, 0.90, "/v1/clients/1/opportunities",
         reads="client", peers=True,
         floor=Floor("bigint", lambda n: [(i, f"/v1/clients/{i}/opportunities") for i in range(1, n // 100 + 1)],
                     "\\set client random(1, :opportunities / 100)\n", ":client")),
    Work("catalog_get", "catalog_get, the reasons' tree, 200", "H", 0.65, 0.85, CATALOG),
    Work("catalog_get_304", "catalog_get, the reasons' tree, 304", "H", 0.65, 0.85, CATALOG, 304),
    Work("client_search_document", "client_search by document", "bound", path="/v1/clients?document_number=00000001", reads="client",
         floor=Floor("text", lambda n: [(f"{i:08}", f"/v1/clients?document_number={i:08}") for i in range(1, n // 5 + 1)],
                     "\\set n random(1, :clients)\n", "lpad((:n)::text, 8, '0')")),
    Work("opportunity_list", "opportunity_list, the newest 15", "bound", path=NEWEST, reads="opportunity", floor=one(NEWEST)),
    Work("opportunity_list_advisor", "opportunity_list, 100 of an advisor", "bound", path="/v1/opportunities?advisor=E9000001&limit=100",
         reads="opportunity",
         floor=Floor("text", lambda n: [(f"E9{i:06}", f"/v1/opportunities?advisor=E9{i:06}&limit=100") for i in range(1, 51)],
                     "\\set n random(1, 50)\n", "('E9' || lpad((:n)::text, 6, '0'))")),
    Work("opportunity_list_reason", "opportunity_list, 15 by a subtree of reasons", "bound", path=BY_REASON, reads="opportunity",
         floor=one(BY_REASON)),
    Work("opportunity_list_stage", "opportunity_list, 15 by stage", "bound", path=BY_STAGE, reads="opportunity", floor=one(BY_STAGE)),
    Work("three_writes", "the call in three writes", "P", 0.80, requests=3),
    Work("typification_create", "typification_create, the call in one", "P", 0.80, peers=True),
    Work("contact_create", "contact_create", "P"),
    Work("closure_put", "closure_put", "P", username="E8153376"),
]
