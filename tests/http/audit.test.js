"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const lib = require("./lib.js");
const { writes, send, fingerprint } = require("./writes.js");

let world, ana, boss, good, newest;
before(async () => {
  world = await lib.world({ env: { GESTOR_TRUSTED_PROXIES: "192.0.2.0/24" } });
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  good = writes(world, { ana, boss });
});
after(() => world.end());

const mark = () => { newest = world.database.sql("select coalesce(max(id), 0) from audit"); };
/* entries() - the entries written since mark(), oldest first. */
const entries = () => JSON.parse(world.database.sql(`select coalesce(json_agg(x order by x.id), '[]') from audit x where x.id > ${newest}`));
/* The order of the tables that one statement changes is undefined. */
const kinds = (list) => list.map((x) => `${x.action} ${x.object_type}`).sort().join(", ");
const advisorId = (username) => Number(world.database.sql(`select id from advisor where username = '${username}'`));

/* By operation: the rows that its request in writes.js changes. */
const wanted = {
  session_create: "insert session",
  session_refresh: "",
  session_delete: "update session",
  client_create: "insert client",
  client_update: "update client",
  client_merge: "insert client_merge, update client, update contact",
  client_merge_undo: "update client, update client_merge, update contact",
  contact_create: "insert contact",
  client_consent_create: "insert consent",
  contact_void: "update contact",
  contact_update: "update contact",
  opportunity_create: "insert opportunity",
  opportunity_update: "update opportunity",
  action_create: "insert action",
  action_update: "update action",
  action_delete: "delete action",
  diagnosis_put: "update opportunity",
  competitor_offer_put: "update opportunity",
  diagnosis_delete: "update opportunity",
  competitor_offer_delete: "update opportunity",
  closure_put: "insert consent, update opportunity",
  typification_put: "insert action, insert consent, update opportunity",
  catalog_update: "update catalog",
  catalog_item_create: "insert catalog_item",
  catalog_item_update: "update catalog_item",
  catalog_item_replace: "update catalog_item",
  catalog_plan_create: "",
  catalog_plan_apply: "insert catalog_item",
  webhook_create: "insert webhook",
  webhook_update: "update webhook",
  webhook_delete: "delete webhook",
  webhook_secret_rotate: "update webhook",
  webhook_test: "",
  delivery_repeat: "",
  delivery_repeat_all: "",
  opportunity_void: "update opportunity",
  opportunity_transfer: "insert transfer, update opportunity",
  follow_up_put: "update opportunity",
  follow_up_delete: "update opportunity",
  advisor_handover: "insert transfer, update opportunity",
  opportunity_reopen: "insert reopening, update opportunity",
  typification_create: "insert action, insert client, insert consent, insert contact, insert opportunity",
};

test("audit_list: this file covers every operation that writes", async () => {
  const ids = Object.keys(good).sort();
  assert.deepEqual(Object.keys(wanted).sort(), ids);
});

for (const id of Object.keys(wanted))
  test(`${id}: leaves its entries once; validate_only, a refusal and a retry leave none`, async () => {
    const rq = await good[id](), key = `audit-${id}`;
    mark();
    const was = fingerprint(world.database);
    const preview = await rq.as.request(rq.method, `${rq.where}?validate_only=true`, rq.body);
    assert.ok(preview.status < 300, preview.text);
    assert.equal(fingerprint(world.database), was);
    if (rq.tagged) assert.equal((await send(rq, { "if-match": "\"0\"" })).status, 412);
    if (rq.body) assert.ok((await send(rq, {}, { body: { ...rq.body, nobody: 1 } })).status >= 400);
    assert.deepEqual(entries(), []);

    const takesKey = id !== "session_delete";
    const headers = { "x-request-id": `rq-${id}`, ...(takesKey ? { "idempotency-key": key } : {}) };
    const r = await send(rq, headers);
    assert.ok(r.status < 300, r.text);
    const made = entries();
    /* All that is open changes hands. */
    assert.equal(id === "advisor_handover" ? [...new Set(kinds(made).split(", "))].join(", ") : kinds(made), wanted[id]);
    for (const x of made) {
      assert.equal(x.request_id, `rq-${id}`);
      assert.equal(x.operation, id);
      assert.equal(x.address, "127.0.0.1");
      assert.equal(x.db_role, new URL(world.database.serve).username);
      assert.equal(x.advisor_id, advisorId(rq.by || (rq.as === boss ? "E8000001" : "E8153375")));
      assert.equal(x.session_id === null, id === "session_create");
      assert.equal(x.before === null, x.action === "insert");
      assert.equal(x.after === null, x.action === "delete");
      if (x.action === "update") assert.deepEqual(Object.keys(x.before).sort(), Object.keys(x.after).sort());
      if (["opportunity", "action", "consent", "reopening"].includes(x.object_type) && id !== "client_consent_create") assert.ok(x.opportunity_id);
    }
    if (takesKey) {
      const again = await send(rq, { "idempotency-key": key });
      assert.equal(again.headers["idempotent-replayed"], "true", again.text);
      assert.deepEqual(entries(), made);
    }
  });

test("opportunity_audit_list: the opportunity's history, newest first, page by page", async () => {
  const { at, opportunity } = await lib.opened(ana);
  assert.equal((await ana.put(`${at}/typification`, lib.form())).status, 200);
  assert.equal((await boss.post(`${at}/reopening`)).status, 200);
  const whole = (await boss.get(`${at}/audit`)).json;
  assert.equal(whole.next, null);
  assert.deepEqual(whole.items.map((x) => `${x.action} ${x.object_type} ${x.operation}`).sort(), [
    "insert action typification_put", "insert consent typification_put", "insert opportunity opportunity_create",
    "insert reopening opportunity_reopen", "update opportunity opportunity_reopen",
    "update opportunity typification_put"]);
  const reopened = whole.items.find((x) => x.operation === "opportunity_reopen" && x.action === "update");
  assert.deepEqual(reopened.before.stage, "retenido");
  const { reopened_at: at2, reopened_by: by, ...after } = reopened.after;
  assert.deepEqual(after, { stage: "en-proceso", closed_at: null });
  assert.ok(Date.parse(at2) > 0);
  assert.equal(String(by), reopened.advisor.id);
  assert.equal(reopened.advisor.username, "E8000001");
  assert.equal(reopened.object_id, opportunity.id);
  const filled = whole.items.find((x) => x.operation === "typification_put" && x.after.reason);
  assert.equal(filled.after.reason, lib.reason);
  assert.equal(filled.after.phone_to_manage, "***");

  const pages = [];
  for (let where = `${at}/audit?limit=2`; where;) {
    const r = await boss.get(where);
    assert.equal(r.status, 200, r.text);
    pages.push(...r.json.items);
    where = r.json.next && `${at}/audit?limit=2&cursor=${r.json.next}`;
  }
  assert.deepEqual(pages, whole.items);
  const ids = whole.items.map((x) => x.at);
  assert.deepEqual(ids, [...ids].sort().reverse());
  const { next } = (await boss.get(`${at}/audit?limit=2`)).json;
  assert.equal((await boss.get(`/v1/audit?limit=2&cursor=${next}`)).json.code, "cursor_invalid");
});

test("client_audit_list: entries of the client and of its contacts, opportunities and consents; no personal value", async () => {
  const values = { name: "QUISPE MAMANI ROSA", gender: "FEMENINO CIS", phone: "987612345", email: "rosa.quispe@example.com", birth_date: "1971-02-28",
    legal_representative: "HUAMÁN CCORI", document_number: "45879632" };
  const { json: client } = await ana.post("/v1/clients", lib.newClient({ ...values, sales: { lines: ["912345678", "923456789"] } }));
  const where = `/v1/clients/${client.id}`;
  assert.equal((await ana.patch(where, { name: "OTRO NOMBRE", phone: "934567891", sales: { lines: ["945678912"] } })).status, 200);
  const contact = (await ana.post(`${where}/contacts`, lib.newContact({ origin_phone: "956789123", serial_number: "2505050000198765" }))).json;
  const o = (await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" })).json;
  assert.equal((await ana.put(`/v1/opportunities/${o.id}/typification`, lib.form({
    competitor_offer: { ...lib.form().competitor_offer, phone_to_manage: "967891234", additional_line: "978912345" } }))).status, 200);
  const { items } = (await boss.get(`${where}/audit?limit=100`)).json;
  assert.deepEqual([...new Set(items.map((x) => `${x.action} ${x.object_type}`))].sort(),
    ["insert client", "insert consent", "insert contact", "insert opportunity", "update client", "update opportunity"]);
  const made = items.find((x) => x.action === "insert" && x.object_type === "client");
  assert.equal(made.after.document_number, "***");
  assert.equal(made.after.document_type, "dni");
  assert.equal(made.after.name, "***");
  const changed = items.find((x) => x.action === "update" && x.object_type === "client");
  assert.deepEqual(changed.before, { name: "***", phone: "***", lines: ["***", "***"] });
  assert.deepEqual(changed.after, { name: "***", phone: "***", lines: ["***"] });
  const all = world.database.sql("select string_agg(x::text, E'\\n') from audit x");
  for (const value of [...Object.values(values), "QUISPE", "912345678", "923456789", "OTRO NOMBRE", "934567891", "945678912", "956789123",
    "2505050000198765", "967891234", "978912345", "944264648", "2505050000125674", "CLIENTE DE PRUEBA", "argon2id"])
    assert.ok(!all.includes(value), `${value} is in the audit`);
  for (const value of world.database.sql(`select v from client, unnest(lines || array[name, document_number, phone, email, birth_date::text, legal_representative]) v where v is not null
      union select unnest(array[origin_phone, serial_number]) from contact union select encode(refresh_hash, 'hex') from session`).split("\n"))
    assert.ok(!all.includes(value), `${value} is in the audit`);
});

test("audit_list: filters by advisor, object, operation and time, one by one and together", async () => {
  const { client, opportunity, at } = await lib.opened(ana);
  assert.equal((await boss.put(`${at}/diagnosis`, { reason: lib.reason })).status, 200);
  const list = async (query) => {
    const r = await boss.get(`/v1/audit?limit=100&${query}`);
    assert.equal(r.status, 200, r.text);
    return r.json.items;
  };
  const object = `object_type=opportunity&object_id=${opportunity.id}`;
  const all = await list(object);
  assert.deepEqual(all.map((x) => x.operation), ["diagnosis_put", "opportunity_create"]);
  assert.deepEqual(await list(`${object}&advisor=E8000001`), [all[0]]);
  assert.deepEqual(await list(`${object}&advisor=${all[0].advisor.id}`), [all[0]]);
  assert.deepEqual(await list(`${object}&operation=opportunity_create`), [all[1]]);
  assert.deepEqual(await list(`${object}&from=${all[0].at}`), [all[0]]);
  assert.deepEqual(await list(`${object}&to=${all[1].at}`), [all[1]]);
  assert.deepEqual(await list(`${object}&from=${all[1].at}&to=${all[0].at}`), all);
  const day = new Date(Date.now() - 5 * 3600e3).toISOString().slice(0, 10);
  assert.deepEqual(await list(`${object}&from=${day}&to=${day}`), all);
  assert.deepEqual(await list(`${object}&from=2999-01-01`), []);
  assert.deepEqual(await list(`${object}&to=1900-01-01`), []);
  assert.deepEqual(await list(`object_type=opportunity&object_id=${client.id}0000000`), []);
  assert.deepEqual((await list("operation=diagnosis_put&advisor=E8000001"))[0], all[0]);
  assert.ok((await list("advisor=E8153375")).every((x) => x.advisor.username === "E8153375"));
  assert.deepEqual(await list("advisor=E9999999"), []);

  for (const [query, pointer] of [["object_id=1", "#/object_id"], ["from=2026-02-30", "#/from"], ["from=2026-01-01T25:00:00Z", "#/from"],
    ["to=ayer", "#/to"], ["from=2026-01-01T00:00:00", "#/from"], ["object_type=X", "#/object_type"], ["operation=a-b", "#/operation"],
    ["object_type=client&object_id=9999999999999999999", "#/object_id"], ["object_type=client&object_id=x", "#/object_id"], ["advisor=a_b", "#/advisor"]])
    lib.faultAt(await boss.get(`/v1/audit?${query}`), pointer);
});

test("audit_list: a change by hand in the database is recorded under its database role", async () => {
  const { client } = await lib.opened(ana);
  world.database.sql(`update client set gender = 'F' where id = ${client.id}`);
  const [x] = (await boss.get(`/v1/audit?object_type=client&object_id=${client.id}&limit=1`)).json.items;
  assert.deepEqual({ ...x, id: 0, at: 0 }, { id: 0, at: 0, action: "update", object_type: "client", object_id: client.id, advisor: null,
    session_id: null, address: null, request_id: null, operation: null, db_role: "gestor_owner", before: { gender: null }, after: { gender: "***" } });
});

test("audit_list: creating an account leaves an entry", async () => {
  const [x] = (await boss.get("/v1/audit?object_type=advisor&limit=1")).json.items;
  assert.equal(x.action, "insert");
  assert.equal(x.after.password_hash, "***");
});

test("audit_list: nobody can change an entry, not even a superuser", async () => {
  const refused = (statement) => assert.throws(() => lib.sql(world.database.superuser, statement), /only ever added to/);
  refused("update audit set at = now()");
  refused("delete from audit");
  refused("truncate audit");
  for (const change of ["update consent set created_at = now()", "delete from consent", "truncate consent",
    "set session_replication_role = replica; delete from consent"]) refused(change);
  refused("set session_replication_role = replica; delete from audit");
  mark();
  lib.sql(world.database.superuser, "set session_replication_role = replica; update client set gender = 'M' where id = (select min(id) from client)");
  assert.equal(kinds(entries()), "update client");
  assert.equal(entries()[0].db_role, new URL(world.database.superuser).username);
});

test("audit_list: advisors and integrations may not read it; administrators may", async () => {
  const { client, at } = await lib.opened(ana);
  for (const where of ["/v1/audit", `/v1/clients/${client.id}/audit`, `${at}/audit`]) {
    for (const username of ["E8153375", "E8000003"]) {
      const r = await (await world.signedIn(username)).get(where);
      assert.equal(r.status, 403);
      assert.equal(r.json.code, "role_forbidden");
    }
    assert.equal((await (await world.signedIn("E8000002")).get(where)).status, 200);
  }
});

test("audit_list: X-Forwarded-For is trusted only from the configured proxies", async () => {
  const addressAfter = async (base, forwarded) => {
    mark();
    const caller = lib.caller(base, ana.token);
    assert.equal((await caller.post("/v1/clients", lib.newClient(), { "x-forwarded-for": forwarded })).status, 201);
    const [x] = entries();
    return x.address;
  };
  assert.equal(await addressAfter(world.base, "203.0.113.9"), "127.0.0.1");
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_TRUSTED_PROXIES: "127.0.0.1, 192.0.2.0/24" } });
  assert.equal(await addressAfter(server.base, "203.0.113.9"), "203.0.113.9");
  assert.equal(await addressAfter(server.base, "203.0.113.9, 198.51.100.4, 192.0.2.77"), "198.51.100.4");
  assert.equal(await addressAfter(server.base, "2001:db8::9"), "2001:db8::9");
  assert.equal(await addressAfter(server.base, "\"},{"), "127.0.0.1");
  await server.stop();
});

/* The partitions of the month, in which all entries of this file are. */
const part = (table) => world.database.sql(`select part from partitions_of('${table}') where now() >= low and now() < high`);

test("audit_list: each filter reads an index, and partitions from the newest on", async () => {
  const plan = (where) => world.database.sql(`set enable_indexscan = on; set enable_bitmapscan = off; set enable_seqscan = off; set enable_sort = off;
    explain select * from audit x where ${where} and (x.at, x.id) < ('infinity', 9223372036854775807) order by x.at desc, x.id desc limit 16`);
  for (const [where, index] of [["true", "pkey"], ["x.at >= now() - interval '1 day'", "pkey"], ["x.advisor_id = 1", "advisor_id_at_id_idx"],
    ["x.operation = 'a'", "operation_at_id_idx"], ["x.object_type = 'client' and x.object_id = 1", "object_type_object_id_at_id_idx"],
    ["x.client_id = 1", "client_id_at_id_idx"], ["x.opportunity_id = 1", "opportunity_id_at_id_idx"]]) {
    const text = plan(where);
    assert.match(text, new RegExp(`Index (Only )?Scan (Backward )?using ${part("audit")}_${index} `), where);
    /* Append reads a partition after the other and stops at the limit. Merge Append would begin in all of them. */
    assert.match(text, /->  Append/, where);
    assert.doesNotMatch(text, /Merge Append/, where);
  }
});

test("audit_list: an invalid list of proxies stops the start, and the message says what is valid", () => {
  for (const proxies of ["localhost", "10.0.0.0/33", "10.0.0.1,", "::1"]) {
    const r = spawnSync(lib.gestor, ["serve"], { encoding: "utf8", timeout: 5000, env: { DATABASE_URL: "postgresql://x@127.0.0.1:1/x",
      GESTOR_JWT_SECRET: lib.serverKey, GESTOR_LISTEN: "127.0.0.1:1", GESTOR_TRUSTED_PROXIES: proxies } });
    assert.notEqual(r.status, 0);
    assert.match(r.stderr, /GESTOR_TRUSTED_PROXIES must be IPv4 addresses or blocks/);
  }
});

test("audit_list: of two advisors who change one object at once, each has an entry", async () => {
  const { at, opportunity } = await lib.opened(ana);
  mark();
  const reasons = [lib.reason, "precio-y-contenido.contenido-prepago.no-recibio-su-recarga"];
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    (i % 2 ? ana : boss).put(`${at}/diagnosis`, { reason: reasons[i % 2] }, { "x-request-id": `turn-${i}` })));
  assert.ok(answers.every((r) => r.status === 200));
  const made = entries();
  assert.ok(made.length >= 1 && made.length <= 20);
  for (const [i, x] of made.entries()) {
    const turn = Number(x.request_id.slice(5));
    assert.equal(x.object_id, Number(opportunity.id));
    assert.equal(x.advisor_id, advisorId(turn % 2 ? "E8153375" : "E8000001"), "the entry names the right advisor");
    assert.equal(x.after.reason, reasons[turn % 2]);
    assert.equal(x.before.reason, i === 0 ? null : made[i - 1].after.reason, "one change follows the other");
  }
});
