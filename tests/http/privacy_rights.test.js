/*
 * The rights of Ley 29733: access, erasure, masks for integrations, and the retention of
 * `gestor purge`. The x-personal marks of the contract must equal the program's table.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const lib = require("./lib.js");
const { openapi } = require("./coverage.js");

let world, ana, boss, chief;
before(async () => {
  // The server's own housekeeping would remove what `gestor purge` must find.
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000" } });
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const whole = (more = {}) => lib.newClient({ name: "NOMBRE QUE SE BORRA", phone: "955111222", email: "alguien@ejemplo.pe", gender: "F", birth_date: "1980-04-05",
  legal_representative: "REPRESENTANTE QUE SE BORRA", sales: { lines: ["955111333"], plan: "CHIP" }, ...more });
/* A client with a finished opportunity and one in process, and a value in every personal member. */
async function person(as = ana, more = {}) {
  const client = (await as.post("/v1/clients", whole(more))).json;
  const made = [];
  for (const closes of [true, false]) {
    const contact = (await as.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ origin_phone: "955111444", serial_number: "9999888877776666" }))).json;
    const r = await as.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" });
    const at = r.headers.location, form = lib.form();
    form.competitor_offer = { ...form.competitor_offer, phone_to_manage: "955111555", additional_line: "955111666" };
    if (!closes) delete form.closure;
    assert.equal((await as.put(`${at}/typification`, form)).status, 200);
    made.push({ contact, at, id: r.json.id });
  }
  return { client, at: `/v1/clients/${client.id}`, finished: made[0], open: made[1] };
}
const secrets = ["NOMBRE QUE SE BORRA", "955111", "alguien@ejemplo.pe", "1980-04-05", "REPRESENTANTE QUE", "9999888877776666"];
const holds = (text, words) => words.filter((w) => text.includes(w));

const integration = async (rights) => (await lib.machine(chief, world.base, { rights })).as;
const all = ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write"];

/* ----------------------------------------------------------------- erasure */

test("client_erase: removes all personal data from every table, and nothing else", async () => {
  const p = await person();
  const before = (await ana.get(p.finished.at)).json, counts = () => world.database.sql("select (select count(*) from client), (select count(*) from contact), (select count(*) from opportunity), (select count(*) from action), (select count(*) from consent)");
  const had = counts();
  assert.equal((await chief.post(`${p.at}/erasure?validate_only=true`)).json.name, "BORRADO");
  assert.equal((await ana.get(p.at)).json.name, "NOMBRE QUE SE BORRA", "validate_only erases nothing");
  const r = await chief.post(`${p.at}/erasure`);
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(Object.keys(r.json).slice(-2), ["erased_at", "advertising"]);
  assert.deepEqual({ ...r.json, erased_at: 0, updated_at: 0 }, { ...p.client, name: "BORRADO", document_number: `BORRADO-${p.client.id}`, phone: null, email: null, gender: null,
    birth_date: null, legal_representative: null, sales: { ...p.client.sales, lines: null, plan: null }, experience: { ...p.client.experience, birthday_today: null }, erased_at: 0, updated_at: 0, advertising: r.json.advertising });
  assert.equal(r.json.advertising.acceptance.code, "acepto", "consent stays");
  assert.match(r.json.erased_at, /^20.*Z$/);
  const tables = world.database.sql("select string_agg(relname, ' ') from pg_class where relnamespace = 'gestor'::regnamespace and relkind in ('r', 'p') and not relispartition").split(" ");
  for (const table of tables)
    assert.deepEqual(holds(world.database.sql(`select coalesce(string_agg(x::text, ' '), '') from ${table} x`), [...secrets, p.client.document_number]), [], table);
  assert.equal(counts(), had);
  const now = (await ana.get(p.finished.at)).json;
  assert.deepEqual({ ...now, updated_at: 0 }, { ...before, competitor_offer: { ...before.competitor_offer, phone_to_manage: null, additional_line: null }, updated_at: 0, etags: now.etags, other_open: [] });
  for (const part of ["actions", "diagnosis", "closure"]) assert.equal(now.etags[part], before.etags[part]);
  assert.deepEqual((await ana.get("/v1/clients?phone=955111222")).json.items, []);
  assert.deepEqual((await ana.get(`/v1/clients?document_number=${p.client.document_number}`)).json.items, []);
  assert.match((await ana.get(`/v1/contacts/${p.open.contact.id}`)).json.greeting, /^Bienvenido BORRADO,/);
});

test("client_erase: works once; afterwards every change to the client is 409 client_erased", async () => {
  const p = await person(), spare = (await ana.post(`${p.at}/contacts`, lib.newContact())).json, key = { "idempotency-key": `erase-${p.client.id}` };
  const first = await chief.post(`${p.at}/erasure`, undefined, key), again = await chief.post(`${p.at}/erasure`, undefined, key);
  assert.equal(first.status, 200);
  assert.deepEqual([again.status, again.text, again.headers["idempotent-replayed"]], [200, first.text, "true"]);
  const form = lib.form();
  for (const r of [await chief.post(`${p.at}/erasure`), await ana.patch(p.at, { name: "OTRO" }), await ana.patch(p.at, {}), await ana.post(`${p.at}/contacts`, lib.newContact()),
    await ana.patch(p.at, { name: "OTRO" }, { "if-match": "\"0\"" }), await ana.post("/v1/opportunities", { contact_id: spare.id, sub_campaign: "entel" }),
    await ana.post("/v1/typifications", { client_id: p.client.id, contact: lib.newContact(), sub_campaign: "entel" }), await ana.put(`${p.open.at}/competitor-offer`, form.competitor_offer),
    await ana.put(`${p.open.at}/typification`, form), await ana.put(`${p.open.at}/closure`, form.closure), await ana.post(`${p.open.at}/actions`, form.actions[0]),
    await ana.put(`${p.finished.at}/closure`, form.closure), await boss.post(`${p.finished.at}/reopening`)]) {
    assert.equal(r.status, 409, r.text);
    assert.equal(r.json.code, "client_erased");
  }
  const same = await ana.post("/v1/clients", whole({ document_number: p.client.document_number }));
  assert.equal(same.status, 201, "the document may be registered again");
});

test("client_erase: removes this client's stored responses but keeps their keys used; those of other clients stay", async () => {
  const key = (k) => ({ "idempotency-key": k }), body = whole(), other = lib.newClient();
  const { json: client } = await ana.post("/v1/clients", body, key("erased-1"));
  const { headers: { location: there } } = await ana.post("/v1/clients", other, key("erased-2"));
  assert.equal((await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact(), key("erased-3"))).status, 201);
  assert.equal((await chief.post(`/v1/clients/${client.id}/erasure`)).status, 200);
  assert.equal(world.database.sql("select string_agg(concat_ws(' ', key, status, location, body is not null), ', ' order by key) from idempotency where key like 'erased-%'"),
    `erased-1 409 f, erased-2 201 ${there} t, erased-3 409 f`);
  assert.equal((await ana.post("/v1/clients", other, key("erased-2"))).headers["idempotent-replayed"], "true");
});

test("client_erase, contact_create: simultaneous requests leave no phone behind", async () => {
  for (let round = 0; round < 5; round++) {
    const { json: client } = await ana.post("/v1/clients", lib.newClient());
    const contacts = Array.from({ length: 8 }, () => ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact()));
    const [erased, ...made] = await Promise.all([chief.post(`/v1/clients/${client.id}/erasure`), ...contacts]);
    assert.equal(erased.status, 200, erased.text);
    for (const r of made) assert.ok(r.status === 201 || r.json.code === "client_erased", r.text);
    assert.equal(world.database.sql(`select count(*) from contact where client_id = ${client.id} and origin_phone is not null`), "0");
  }
});

/* ------------------------------------------------------------------ access */

test("client_personal_data: all data of the person in one document", async () => {
  const p = await person();
  const r = await chief.get(`${p.at}/personal-data`);
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(r.json.client, (await ana.get(p.at)).json);
  assert.deepEqual(r.json.contacts, (await ana.get(`${p.at}/contacts?limit=100`)).json.items.map(({ etag, ...item }) => item));
  assert.deepEqual(r.json.opportunities, (await ana.get(`${p.at}/opportunities?limit=100`)).json.items.map(({ etag, ...item }) => item));
  assert.deepEqual([r.json.consents.current.advertising_acceptance.code, r.json.consents.history.length, r.json.complete], ["acepto", 1, true]);
  assert.equal(r.json.consents.current.opportunity_id, p.finished.id);
  await boss.post(`${p.finished.at}/reopening`);
  await ana.put(`${p.finished.at}/closure`, { advertising_acceptance: "no-acepto", stage: "retenido" });
  const { consents } = (await chief.get(`${p.at}/personal-data`)).json;
  assert.deepEqual([consents.current.advertising_acceptance.code, ...consents.history.map((c) => c.advertising_acceptance.code)], ["no-acepto", "no-acepto", "acepto"]);
  world.database.sql(`insert into contact (client_id, advisor_id, origin_phone, serial_number) select ${p.client.id}, min(id), '955111444', '9999888877776666' from advisor, generate_series(1, 999) group by generate_series`);
  const long = (await chief.get(`${p.at}/personal-data`)).json;
  assert.deepEqual([long.contacts.length, long.complete], [1000, false]);
  const { json: bare } = await ana.post("/v1/clients", lib.newClient());
  const none = (await chief.get(`/v1/clients/${bare.id}/personal-data`)).json;
  assert.deepEqual(none, { client: bare, merged: [], contacts: [], opportunities: [], consents: { current: null, history: [] }, complete: true });
});

test("client_erase, client_personal_data: only administrators may", async () => {
  const { at } = await person(), some = await integration([...all, "personal_data"]);
  for (const as of [ana, boss, some])
    for (const r of [await as.post(`${at}/erasure`), await as.get(`${at}/personal-data`)]) assert.equal(r.json.code, "role_forbidden");
});

/* ------------------------------------------------------------------- masks */

test("an integration without personal_data sees masks in every answer, but can search by a whole number", async () => {
  const p = await person(), blind = await integration(all), sees = await integration([...all, "personal_data"]);
  const words = secrets.filter((s) => !s.startsWith("NOMBRE")).concat(p.client.document_number);
  for (const where of [p.at, `${p.at}/contacts`, `${p.at}/opportunities`, `/v1/contacts/${p.open.contact.id}`, p.finished.at, `${p.finished.at}/competitor-offer`,
    "/v1/opportunities?limit=100", "/v1/clients?phone=955111222", `/v1/clients?document_number=${p.client.document_number}`]) {
    const r = await blind.get(where), full = await sees.get(where);
    assert.equal(r.status, 200);
    assert.deepEqual(holds(r.text, words), [], where);
    assert.deepEqual(full.json, (await ana.get(where)).json, where);
    assert.notEqual(r.text, full.text, where);
    if (r.json.items) assert.equal(r.json.items.length, full.json.items.length);
    if (!full.headers.etag) continue;
    assert.notEqual(r.headers.etag, full.headers.etag, where);
    assert.equal((await blind.get(where, { "if-none-match": r.headers.etag })).status, 304);
    assert.equal((await blind.get(where, { "if-none-match": full.headers.etag })).status, 200);
  }
  const c = (await blind.get(p.at)).json;
  assert.deepEqual([c.name, c.document_number, c.phone, c.sales.lines, c.email, c.birth_date, c.experience.birthday_today, c.legal_representative, c.gender],
    ["NOMBRE QUE SE BORRA", "***", "***", ["***"], "***", null, null, "***", "F"]);
  assert.deepEqual((({ origin_phone, serial_number }) => [origin_phone, serial_number])((await blind.get(`/v1/contacts/${p.open.contact.id}`)).json), ["***", "***"]);
  assert.deepEqual((({ phone_to_manage, additional_line }) => [phone_to_manage, additional_line])((await blind.get(`${p.finished.at}/competitor-offer`)).json), ["***", "***"]);
});

test("an integration without personal_data: answers to writes, replays and previews are masked too", async () => {
  const blind = await integration(all), key = { "idempotency-key": `masked-${process.pid}` }, body = whole();
  const words = [...secrets.filter((s) => !s.startsWith("NOMBRE")), body.document_number];
  const preview = await blind.post("/v1/clients?validate_only=true", body), made = await blind.post("/v1/clients", body, key), replayed = await blind.post("/v1/clients", body, key);
  assert.deepEqual([preview.status, made.status, replayed.status, replayed.headers["idempotent-replayed"]], [200, 201, 201, "true"]);
  assert.equal(replayed.text, made.text);
  assert.equal(replayed.headers.etag, made.headers.etag);
  const at = made.headers.location, contact = await blind.post(`${at}/contacts`, lib.newContact({ origin_phone: "955111444", serial_number: "9999888877776666" }));
  const form = lib.form(), open = await blind.post("/v1/opportunities", { contact_id: contact.json.id, sub_campaign: "entel" }), there = open.headers.location;
  form.competitor_offer.phone_to_manage = "955111555";
  const answers = [preview, made, replayed, contact, open, await blind.put(`${there}/competitor-offer`, form.competitor_offer), await blind.put(`${there}/typification`, form),
    await blind.patch(at, { phone: "955111777" }), await blind.post("/v1/typifications", { client: whole({ document_number: body.document_number.replace(/^./, "9") }), contact: lib.newContact(), sub_campaign: "entel", ...form })];
  for (const r of answers) {
    assert.ok(r.status < 300, r.text);
    assert.deepEqual(holds(r.text, words), []);
  }
  assert.equal((await ana.get(at)).json.phone, "955111777", "the stored value is not masked");
  assert.equal((await blind.patch(at, { phone: "***777" })).status, 422, "a mask is no phone");
  const short = await ana.post("/v1/clients", lib.newClient({ document_type: "ce", document_number: `A${process.pid % 1000}`, legal_representative: "ÑUÑO Á" }));
  const shown = (await blind.get(short.headers.location)).json;
  assert.deepEqual([shown.document_number, shown.legal_representative], ["***", "***"], "short values are masked completely");
});

test("opportunity_void, contact_void: why is free text, and only those who see personal data read it", async () => {
  const { json: client } = await ana.post("/v1/clients", lib.newClient()), why = "LLAMA AL 944264648";
  const contact = (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json, o = await lib.opened(ana), blind = await integration(["client_read", "contact_read", "opportunity_read"]);
  assert.equal((await ana.post(`/v1/contacts/${contact.id}/voiding`, { reason: why })).status, 200);
  assert.equal((await ana.put(`${o.at}/diagnosis`, { reason: lib.reason })).status, 200);
  assert.equal((await ana.post(`${o.at}/voiding`, { reason: why })).status, 200);
  for (const [as, shown] of [[ana, why], [blind, "***"]]) {
    assert.equal((await as.get(`/v1/contacts/${contact.id}`)).json.voided.reason, shown);
    assert.deepEqual((await as.get(`/v1/clients/${client.id}/contacts?voided=true`)).json.items.map((c) => c.voided.reason), [shown]);
    const { voided, diagnosis } = (await as.get(o.at)).json;
    assert.deepEqual([voided.reason, diagnosis.reason.code], [shown, lib.reason]);
    assert.equal((await as.get(`/v1/opportunities?voided=true&include=contact&client=${o.client.id}`)).json.items[0].voided.reason, shown);
  }
});

test("the contract's x-personal members equal the program's table", () => {
  const table = [...fs.readFileSync(`${lib.root}/api/resource/personal.h`, "utf8").matchAll(/^\tP\(([a-z_.]+), /gm)].map((m) => m[1]).sort();
  const { components: { schemas } } = openapi(), marked = new Set(), bare = new Set();
  const isMarked = (s) => s["x-personal"] === true || (s.$ref !== undefined && schemas[s.$ref.split("/").pop()]["x-personal"] === true);
  const walk = (s, of) => {
    if (s === null || typeof s !== "object") return;
    for (const [member, p] of Object.entries(s.properties || {})) (isMarked(p) ? marked : bare).add(!isMarked(p) ? `${of}.${member}` : table.includes(`${of.toLowerCase()}.${member}`) ? `${of.toLowerCase()}.${member}` : member);
    for (const child of Object.values(s)) walk(child, of);
  };
  for (const [name, s] of Object.entries(schemas)) walk(s, name);
  assert.deepEqual([...marked].sort(), table);
  assert.deepEqual([...bare].filter((m) => table.includes(m.split(".")[1])), ["CompetitorOffer.plan", "CompetitorOfferWrite.plan", "Catalog.name",
    "CatalogChoices.name", "CatalogPatch.name", "CatalogState.name", "CatalogTree.name", "RetentionRow.plan"], "but for choices");
});

/* --------------------------------------------------------------- retention */

const purge = (days, ...args) => execFileSync(lib.gestor, ["purge", ...args], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.owner, GESTOR_RETENTION_DAYS: String(days) } });
const aged = (id, days, what = "client contact opportunity") => {
  const ago = `now() - interval '${days} days'`;
  if (what.includes("client")) world.database.sql(`update client set updated_at = ${ago}, created_at = ${ago} where id = ${id}`);
  if (what.includes("contact")) world.database.sql(`update contact set created_at = ${ago} where client_id = ${id}`);
  if (what.includes("opportunity")) world.database.sql(`update opportunity set created_at = ${ago}, updated_at = ${ago} where client_id = ${id}`);
};

test("gestor purge: erases clients that were idle too long, and removes old sessions and stored responses", async () => {
  const old = [await person(), await person()], recent = await person(), called = await person(), worked = await person();
  for (const p of old) aged(p.client.id, 400);
  aged(recent.client.id, 300);
  aged(called.client.id, 400, "client opportunity");
  aged(worked.client.id, 400, "client contact");
  const [some] = world.database.sql("select id from advisor where username = 'E8153375'").split("\n");
  world.database.sql(`insert into session (advisor_id, refresh_hash, expires_at, ended_at) values (${some}, '\\x01', now() - interval '31 days', null),
    (${some}, '\\x02', now() + interval '1 day', now() - interval '31 days'), (${some}, '\\x03', now() - interval '29 days', null);
    insert into idempotency (scope, operation, key, request, status, created_at) values ('x', 'x', 'old', '', 200, now() - interval '25 hours')`);
  const dry = purge(365, "--dry-run");
  assert.match(dry, /idle for 365 days: 2 would be erased\n.*30 days: 2 would be removed\n.*day: 1 would be removed/);
  assert.equal((await ana.get(old[0].at)).json.erased_at, null);
  assert.match(purge(0), /all kept.*\n.*: 2 removed\n.*: 1 removed/);
  assert.equal((await ana.get(old[0].at)).json.erased_at, null, "0 keeps");
  assert.match(purge(365), /365 days: 2 erased\n.*: 0 removed\n.*: 0 removed/);
  for (const p of old) assert.equal((await ana.get(p.at)).json.name, "BORRADO");
  for (const p of [recent, called, worked]) assert.equal((await ana.get(p.at)).json.erased_at, null);
  assert.equal(world.database.sql("select string_agg(encode(refresh_hash, 'hex'), ' ') from session where length(refresh_hash) = 1"), "03");
  assert.match(purge(365), /365 days: 0 erased/);
  assert.throws(() => execFileSync(lib.gestor, ["purge", "--nope"], { env: { ...process.env, DATABASE_URL: world.database.owner }, stdio: "pipe" }));
  assert.throws(() => purge(-1), "an invalid setting");
});

test("client_update: an integration without personal_data cannot test guesses of hidden values against entity tags", async () => {
  const blind = await integration(["client_read", "client_write"]), client = (await ana.post("/v1/clients", lib.newClient({ birth_date: "1987-06-05" }))).json;
  const at = `/v1/clients/${client.id}`, tag = (await ana.get(at)).headers.etag;
  for (const query of ["", "?validate_only=true"]) {
    assert.equal((await ana.patch(at + query, {}, { "if-match": tag })).status, 200);
    for (const guess of [tag, `"1", ${tag}`, '"1"']) assert.equal((await blind.patch(at + query, {}, { "if-match": guess })).status, 412);
    for (const guess of [tag, '"1"']) assert.equal((await blind.patch(at + query, {}, { "if-none-match": guess })).status, 200);
    assert.equal((await blind.patch(at + query, {}, { "if-match": "*" })).status, 200);
    assert.equal((await blind.patch(at + query, {}, { "if-none-match": "*" })).status, 412);
  }
});
