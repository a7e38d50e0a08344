"""The works to measure: wrk sends each as requests (requests.lua), and pgbench runs the same statements.

The statements are those that the service prepares, in the same order and round trips: a pipeline is one round trip and one
transaction. pgbench has neither NULL nor text variables to compute with, so NULL, 'false' and the like stand in the text, ids
from the transaction before come from currval(), and format() builds a body that holds an id.
"""
from measure import statement

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
            + statement("audit_read_add", now, ":reads_advisors", ":reads_sessions", ":reads_addresses", ":reads_requests",
                        ":reads_operations", f":reads_{kind}", f":reads_{kind}_ids", "'false'") + "\\endif\n")


def reads(opportunities, advisor):
    """The arrays of recorded(), with ids spread over all records."""
    def array(value):
        return "{" + ",".join(str(value(i)) for i in range(READS)) + "}"
    clients = opportunities // 5
    return {"reads_advisors": array(lambda i: advisor), "reads_sessions": array(lambda i: 1),
            "reads_addresses": array(lambda i: "127.0.0.1"), "reads_requests": array(lambda i: f"{i * 7919:032x}"),
            "reads_operations": array(lambda i: "client_search"), "reads_client": array(lambda i: "client"),
            "reads_opportunity": array(lambda i: "opportunity"), "reads_client_ids": array(lambda i: 1 + i * 7919 % clients),
            "reads_opportunity_ids": array(lambda i: 1000000 + i * 7919 % opportunities)}


def client_search():
    return "\\set n random(1, :clients)\n" + statement("client_search_phone", "(900000000 + :n)::text", "null", "null", ":limit")


def opportunity_get():
    return "\\set id 1000000 + 10 * random(0, :opportunities / 10 - 1)\n" + statement("opportunity_get", ":id")


def client_opportunity_list():
    return ("\\set client random(1, :opportunities / 100)\n"
            + statement("client_opportunity_list", ":client", "null", "null", ":limit"))


def three_writes():
    made = "(select currval('opportunity_id_seq'))"
    return ("\\set client random(1, :clients)\n"
            + transaction("contact_create", statement("contact_create", ":client", ":advisor", ":contact"))
            + transaction("opportunity_create", statement(
                "opportunity_create", ":advisor",
                """format('{"contact_id":"%s","sub_campaign":"entel"}', currval('contact_id_seq'))"""))
            + transaction("typification_put", statement("opportunity_lock", made, ":advisor", "'false'"),
                          statement("typification_put", made, ":advisor", "'false'", "null", ":form"),
                          statement("opportunity_close", ":stage", made, ":advisor", "'false'"),
                          statement("opportunity_saved", made)))


def typification_create():
    body = """format('{"client_id":"%s","contact":%s,%s', :client::text, :contact::text, substr(:form::text, 2))"""
    return ("\\set client random(1, :clients)\n"
            + transaction("typification_create", statement("typification_create", ":advisor", body),
                          statement("opportunity_close_new", ":stage"), statement("opportunity_created")))


def variables(opportunities, advisor):
    names = ["contact_create", "opportunity_create", "typification_put", "typification_create"]
    return {"clients": opportunities // 5, "opportunities": opportunities, "advisor": advisor, "limit": 15, "stage": "retenido",
            "contact": CONTACT, "form": FORM, **reads(opportunities, advisor), **{name: CONTEXT % (advisor, name) for name in names}}


class Work:
    """name       the work's name in requests.lua, and the function here that makes pgbench's script
    title      for the report
    against    what S is compared with: "bound" = 1 / (1/H + 1/P), "H" or "P"
    bar, aim   the required share of it, and the desired one (None: none)
    path       the request whose answer the bare handler repeats; status: of that answer
    reads      "client" or "opportunity": the kind of record that the service records as read
    requests   how many requests make one transaction of pgbench's script
    script     makes pgbench's script without the record of reads; recorded: with it"""

    def __init__(self, name, title, against, bar, aim, path=None, status=200, reads=None, requests=1):
        self.name, self.title, self.against, self.bar, self.aim = name, title, against, bar, aim
        self.path, self.status, self.reads, self.requests = path, status, reads, requests
        self.script = globals().get(name)
        # A latency is always that of one request.
        self.timed = title if requests == 1 else f"{title}: each of them"

    def recorded(self):
        return self.script() + (recorded(self.reads) if self.reads else "")


CATALOG = "/v1/catalogs/cancellation_reason"
WORKS = [
    Work("client_search", "client_search by phone", "bound", 0.65, 0.90, "/v1/clients?phone=900000001", reads="client"),
    Work("opportunity_get", "opportunity_get, a full one", "bound", 0.70, 0.90, "/v1/opportunities/1000000", reads="opportunity"),
    Work("client_opportunity_list", "client_opportunity_list, 15 of 40", "bound", 0.70, 0.90, "/v1/clients/1/opportunities",
         reads="client"),
    Work("catalog_get", "catalog_get, the reasons' tree, 200", "H", 0.65, 0.85, CATALOG),
    Work("catalog_get_304", "catalog_get, the reasons' tree, 304", "H", 0.65, 0.85, CATALOG, 304),
    Work("three_writes", "the call in three writes", "P", 0.80, None, requests=3),
    Work("typification_create", "typification_create, the call in one", "P", 0.80, None),
]
