/*
 * Calls that an integration saves on behalf of an advisor (`advisor`), and at the call's own time (`occurred_at`).
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

const rights = ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write", "personal_data", "on_behalf"];
let world, ana, boss, chief, crm, sql;

before(async () => {
  world = await lib.world();
  sql = world.database.sql;
  [ana, boss, chief] = [await world.signedIn("E8153375"), await world.signedIn("E8000001"), await world.signedIn("E8000002")];
  crm = await lib.machine(chief, world.base, { username: "crm-nocturno", rights });
});
after(() => world.end());

const call = (more = {}) => ({ client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form(), ...more });
const save = (more, as = crm.as, query = "", headers = {}) => as.post(`/v1/typifications${query}`, call(more), headers);
const ago = (ms) => new Date(Date.now() - ms).toISOString();
const HOUR = 3600e3, DAY = 24 * HOUR;
const at = (text) => new Date(text).getTime();

test("typification_create: `advisor` makes that advisor the owner of contact and opportunity; the audit records who acted and for whom", async () => {
  const id = sql("select id from advisor where username = 'E8153375'");
  for (const advisor of [id, "E8153375", "e8153375 "]) {
    const r = await save({ advisor });
    assert.equal(r.status, 201, r.text);
    assert.equal(r.json.advisor.username, "E8153375");
    assert.equal((await ana.get(`/v1/contacts/${r.json.contact_id}`)).json.advisor.username, "E8153375");
    assert.equal((await ana.get(`/v1/clients/${r.json.client_id}/consents`)).json.items[0].advisor.username, "E8153375");
    const { items } = (await boss.get(`/v1/opportunities/${r.json.id}/audit`)).json, made = items.find((e) => e.object_type === "opportunity");
    assert.deepEqual([made.advisor.username, String(made.after.advisor_id), made.operation], ["crm-nocturno", id, "typification_create"]);
  }
  const mine = await save({ advisor: "E8153375", ...{ actions: [], diagnosis: undefined, competitor_offer: undefined, closure: undefined } });
  assert.equal((await ana.put(`/v1/opportunities/${mine.json.id}/diagnosis`, { reason: lib.reason })).status, 200, "its owner goes on with it");
  assert.equal((await crm.as.put(`/v1/opportunities/${mine.json.id}/diagnosis`, { reason: lib.reason })).json.code, "not_owner");
});

test("typification_create: `advisor` is an active advisor or supervisor", async () => {
  const before = sql("select count(*) from client");
  sql("insert into advisor (username, full_name, role, active, password_hash) values ('E6200001', 'X', 'advisor', false, 'x')");
  const named = sql("insert into advisor (full_name, role) values ('DE LOS REGISTROS ANTIGUOS', 'advisor') returning id");
  for (const [advisor, code] of [["999999", "not_found"], ["E9999999", "not_found"], ["nadie", "not_found"], ["E6200001", "not_allowed"], ["E8000002", "not_allowed"], ["crm-nocturno", "not_allowed"],
    ["E 81", "not_found"], ["0", "pattern"], ["a_b", "pattern"], ["", "pattern"]])
    assert.equal(lib.faultAt(await save({ advisor }), "#/advisor").code, code, advisor);
  assert.equal((await save({ advisor: "E8000001" })).status, 201, "a supervisor");
  assert.equal(sql(`select count(*) from client`), String(Number(before) + 1), "a refusal stores nothing");
  assert.equal((await save({ advisor: named })).status, 201, "an advisor that only old records name");
});

test("typification_create: `advisor` and `occurred_at` need the right on_behalf, which only integrations have", async () => {
  const plain = await lib.machine(chief, world.base, { rights: rights.filter((r) => r !== "on_behalf") });
  for (const more of [{ advisor: "E8153375" }, { occurred_at: ago(HOUR) }]) {
    for (const as of [ana, boss, chief]) assert.equal((await save(more, as)).json.code, "role_forbidden");
    const r = await save(more, plain.as);
    assert.deepEqual([r.json.code, r.json.detail], ["role_forbidden", "This integration lacks the right on_behalf."]);
    const narrow = lib.caller(world.base, (await crm.token({ scope: "client_write contact_write opportunity_write" })).access_token);
    assert.equal((await save(more, narrow)).json.code, "role_forbidden", "a narrowed token");
  }
});

test("typification_create: `occurred_at` is the time of contact, opportunity, its end and the answer; the audit has the time of saving", async () => {
  const when = ago(3 * DAY), r = await save({ advisor: "E8153375", occurred_at: when });
  assert.equal(r.status, 201, r.text);
  assert.deepEqual([at(r.json.created_at), at(r.json.closure.closed_at)], [at(when), at(when)]);
  assert.equal(at((await ana.get(`/v1/contacts/${r.json.contact_id}`)).json.created_at), at(when));
  assert.equal(at((await ana.get(`/v1/clients/${r.json.client_id}/consents`)).json.items[0].created_at), at(when));
  const { items } = (await boss.get(`/v1/opportunities/${r.json.id}/audit`)).json, made = items.find((e) => e.object_type === "opportunity");
  assert.equal(at(made.after.created_at), at(when));
  assert.ok(Date.now() - at(made.at) < 60000);
  const day = new Date(at(when) - 5 * HOUR).toISOString().slice(0, 10);
  assert.ok((await ana.get(`/v1/opportunities?created_from=${day}&created_to=${day}&advisor=E8153375`)).json.items.some((o) => o.id === r.json.id));
  /* The next call of the same connection is of now. */
  assert.ok(Date.now() - at((await save({})).json.created_at) < 60000);
});

test("typification_create: `occurred_at` may be 7 days old, and a little ahead of the clock", async () => {
  for (const when of [ago(7 * DAY - 60000), ago(0), ago(-30000)]) {
    const r = await save({ occurred_at: when });
    assert.equal(r.status, 201, r.text);
    assert.ok(at(r.json.created_at) <= Date.now());
  }
  for (const when of [ago(7 * DAY + 60000), ago(-120000), "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]) {
    const fault = lib.faultAt(await save({ occurred_at: when }), "#/occurred_at");
    assert.deepEqual([fault.code, fault.field], ["date_range", "opportunity.occurred_at"]);
  }
  for (const when of ["ayer", "2026-11-20", "", "2026-11-20T10:00:00"]) assert.equal(lib.faultAt(await save({ occurred_at: when }), "#/occurred_at").code, "format");
  assert.equal((await save({ occurred_at: ago(HOUR), advisor: "E8153375" }, crm.as, "?validate_only=true")).status, 200);
});

test("typification_create: an answer of an older call does not replace a newer one", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json, of = { client: undefined, client_id: client.id };
  const now = await save({ ...of, closure: { advertising_acceptance: "no-acepto", stage: "en-proceso" } }, ana);
  assert.equal(now.status, 201, now.text);
  assert.equal((await save({ ...of, occurred_at: ago(DAY) })).status, 201);
  assert.equal((await ana.get(`/v1/clients/${client.id}`)).json.advertising.acceptance.code, "no-acepto");
});

test("typification_create: the daily limit of contacts counts the call's day; a retry with the key changes nothing", async () => {
  const few = await lib.startServer(world.database.serve, { env: { GESTOR_CONTACTS_PER_DAY: "2" } }), as = lib.caller(few.base, crm.as.token);
  const client = (await ana.post("/v1/clients", lib.newClient())).json, of = { client: undefined, client_id: client.id };
  const two = { ...of, occurred_at: ago(2 * DAY) }, key = { "idempotency-key": "ayer-1" };
  const first = await as.post("/v1/typifications", call(two), key);
  assert.equal(first.status, 201, first.text);
  assert.equal((await save(two, as)).status, 201);
  assert.equal((await save(two, as)).json.code, "too_many_contacts");
  for (let i = 0; i < 2; i++) assert.equal((await save(of, as)).status, 201, "today has its own");
  assert.equal((await save(of, as)).json.code, "too_many_contacts");
  assert.equal((await save({ ...of, occurred_at: ago(4 * DAY) }, as)).status, 201, "another day, though today is full");
});

test("the serving role cannot set another time: only within 7 days, for an integration that has the right", async () => {
  const { execFileSync } = require("node:child_process");
  const run = (audit, when) => execFileSync("psql", ["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", world.database.serve, "-c",
    `begin; set local search_path = gestor; select set_config('gestor.audit', '${audit}', true), set_config('gestor.occurred_at', '${when}', true);
     insert into contact (client_id, advisor_id, origin_phone, serial_number) select (select min(id) from client), ${crm.id}, '944264648', '2505050000125674' returning created_at; rollback`], { stdio: "pipe" });
  run(`{"advisor": ${crm.id}}`, ago(DAY));
  const anas = sql("select id from advisor where username = 'E8153375'");
  for (const [audit, when] of [[`{"advisor": ${crm.id}}`, ago(8 * DAY)], [`{"advisor": ${crm.id}}`, ago(-HOUR)], [`{"advisor": ${anas}}`, ago(DAY)], ["", ago(DAY)]])
    assert.throws(() => run(audit, when), /a call may be at most 7 days old/);
  assert.equal((await ana.get("/v1/forms/typification?client_id=1&options=codes")).text.includes("occurred_at"), false, "no form asks for it");
});
