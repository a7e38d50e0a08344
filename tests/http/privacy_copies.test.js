/*
 * db/privacy.txt lists every place that can hold a client's data. These tests compare it with the database, write a marker
 * into every place, and check that an erasure, by request and by `gestor purge`, leaves the marker nowhere.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const path = require("node:path");
const lib = require("./lib.js");
const { openapi } = require("./coverage.js");
const { until } = require("./writes.js");

const listed = JSON.parse(execFileSync("/usr/bin/python3", [path.join(lib.root, "tools/privacy.py"), "--json"], { cwd: lib.root, encoding: "utf8" }));

let world, sql, ana, chief;
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000", GESTOR_LOG_LEVEL: "debug" } });
  sql = world.database.sql;
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

/* ---------------------------------------------------- the list is complete */

test("db/privacy.txt lists exactly the columns of the schema", () => {
  const columns = sql("select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relnamespace = 'gestor'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped order by 1").split("\n");
  const whole = listed.filter((p) => p.column === "*").map((p) => p.table), named = listed.filter((p) => p.column !== "*").map((p) => `${p.table}.${p.column}`);
  assert.deepEqual(columns.filter((c) => !named.includes(c) && !whole.includes(c.split(".")[0])), [], "add these to db/privacy.txt: are they personal?");
  assert.deepEqual(named.filter((c) => !columns.includes(c)), [], "remove these from db/privacy.txt: the schema lacks them");
  assert.equal(new Set(named).size, named.length);
});

test("in every audited table, the audit masks the columns that the list calls personal or secret, and no other", () => {
  const masks = sql(`select c.relname, split_part(encode(t.tgargs, 'escape'), '\\000', 1) from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where t.tgname = 'audit_change' order by 1`).split("\n").map((line) => line.split("|"));
  const masked = (p) => ["personal", "secret"].includes(p.kind);
  for (const [table, columns] of masks)
    assert.deepEqual(columns.replace(/[{}]/g, "").split(",").filter(Boolean).sort(), listed.filter((p) => p.table === table && masked(p)).map((p) => p.column).sort(), table);
  const audited = masks.map(([table]) => table);
  assert.deepEqual(listed.filter((p) => masked(p) && !audited.includes(p.table)), []);
});

/* ------------------------------------------------------------ the marker */

/* A different marker for each person: in every member of the API, by type, and in each column that no member shows. */
let people = 0;
function person() {
  const n = String(++people + 10), marks = { text: `ZMARCA${n}Z`, phone: `9876543${n}`, serial: `98765432109876${n}`, document: `876543${n}`, day: `1993-07-${n}`, number: 77123400 + Number(n) };
  const { components: { schemas } } = openapi();
  const value = (name, s) => {
    const one = s.$ref ? schemas[s.$ref.split("/").pop()] : s, type = [one.type].flat()[0];
    if (one["x-catalog"]) return undefined;
    if (type === "object") return object(one);
    if (type === "array") return [value(name, one.items)];
    if (type === "boolean") return true;
    if (type === "integer") return name === "asked" || name === "right" ? 2 : marks.number;
    return { phone: marks.phone, serial_number: marks.serial, document_number: marks.document, email: `${marks.text}@ejemplo.pe`, date: marks.day, birth_date: marks.day }[one["x-field"]] ?? marks.text;
  };
  const object = (s) => Object.fromEntries(Object.entries(s.properties).map(([name, p]) => [name, value(name, p)]).filter(([, v]) => v !== undefined));
  const of = (name) => object(schemas[name]);
  return { marks, words: Object.values(marks).map(String), client: { ...of("ClientCreate"), document_type: "dni" }, contact: of("ContactCreate"),
    service: of("ServiceWrite"),
    offer: { ...lib.form().competitor_offer, phone_to_manage: marks.phone, additional_line: marks.phone } };
}

/* Creates a client with a finished and an open opportunity by requests with keys, and reads them. */
async function registered(p) {
  const key = () => ({ "idempotency-key": `clave-${Math.random()}` }), made = [];
  const keep = async (method, where, body) => {
    const headers = key(), r = await ana.request(method, where, body, headers);
    assert.ok(r.status < 300, r.text);
    made.push(() => ana.request(method, where, body, headers));
    return r;
  };
  const client = (await keep("POST", "/v1/clients", p.client)).json, at = `/v1/clients/${client.id}`, opportunities = [];
  for (const closes of [true, false]) {
    const contact = (await keep("POST", `${at}/contacts`, p.contact)).json;
    const o = await keep("POST", "/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel", service: p.service }), there = o.headers.location;
    await keep("PATCH", there, { service: p.service });
    await keep("PUT", `${there}/competitor-offer`, p.offer);
    const { closure, ...form } = lib.form();
    await keep("PUT", `${there}/typification`, { ...form, service: p.service, competitor_offer: p.offer, ...(closes ? { closure } : {}) });
    opportunities.push({ at: there, contact: `/v1/contacts/${contact.id}` });
  }
  await keep("PATCH", at, p.client);
  /* A file that names the client. */
  const file = await chief.post("/v1/imports?kind=clients", Buffer.from(JSON.stringify(p.client)), { "content-type": "application/x-ndjson" });
  assert.equal(file.status, 202, file.text);
  while ((await chief.get(file.headers.location)).json.state !== "done") await new Promise((resolve) => setTimeout(resolve, 20));
  await keep("PATCH", at, {});
  const [, open] = opportunities, unused = (await keep("POST", `${at}/contacts`, p.contact)).json;
  await keep("POST", `/v1/contacts/${unused.id}/voiding`, { reason: p.marks.text });
  await keep("PUT", `${open.at}/follow-up`, { at: new Date(Date.now() + 86400000).toISOString(), note: p.marks.text });
  await keep("POST", `${open.at}/transfer`, { advisor: "E8123497", reason: p.marks.text });
  const answer = await chief.post(`${at}/consents`, { advertising_acceptance: "acepto", source: "CARTA", note: p.marks.text });
  assert.equal(answer.status, 201, answer.text);
  sql(`update opportunity set void_reason = '${p.marks.text}', voided_at = now() where client_id = ${client.id} and closed_at is not null`);
  for (const where of [at, `${at}/contacts`, `${at}/opportunities`, `/v1/clients?phone=${p.marks.phone}`, `/v1/clients?document_number=${p.marks.document}`]) assert.equal((await ana.get(where)).status, 200);
  for (const where of [`${at}/personal-data`, `${at}/audit`]) assert.equal((await chief.get(where)).status, 200);
  /* Every column that the list calls personal has a value. */
  for (const { table, column } of listed.filter((x) => x.kind === "personal" && x.table !== "client"))
    assert.notEqual(sql(`select count("${column}") from "${table}" where ${table === "transfer" ? "opportunity_id in (select id from opportunity where client_id" : "(client_id"} = ${client.id})`), "0", `${table}.${column}: this test does not fill it`);
  for (const { column } of listed.filter((x) => x.kind === "personal" && x.table === "client"))
    assert.equal(sql(`select count("${column}") from client where id = ${client.id}`), "1", `client.${column}: this test does not fill it`);
  return { id: client.id, at, opportunities, repeat: made };
}

/* found(words, id) - [place, words] for each place that has one of the words. */
async function found(words, id) {
  const tables = sql("select string_agg(relname, ' ') from pg_class where relnamespace = 'gestor'::regnamespace and relkind in ('r', 'p') and not relispartition").split(" "), where = [];
  for (const table of tables) where.push([table, sql(`select coalesce(string_agg(x::text, ' '), '') from "${table}" x`)]);
  for (const name of [`/v1/clients/${id}`, `/v1/clients/${id}/personal-data`, `/v1/clients/${id}/audit`, `/v1/clients/${id}/reads`, `/v1/clients/${id}/erasure`, "/metrics", "/v1/opportunities?voided=true&limit=100"])
    where.push([name, (await chief.get(name)).text]);
  where.push(["the log", world.server.log()]);
  return where.map(([name, text]) => [name, words.filter((w) => text.includes(w))]).filter(([, w]) => w.length > 0);
}

const purge = () => execFileSync(lib.gestor, ["purge"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.owner, GESTOR_RETENTION_DAYS: "365" } });
const ways = {
  client_erase: async (c) => { assert.equal((await chief.post(`${c.at}/erasure`)).status, 200); },
  "gestor purge": async (c) => {
    const ago = "now() - interval '400 days'";
    sql(`update client set updated_at = ${ago}, created_at = ${ago} where id = ${c.id}; update contact set created_at = ${ago} where client_id = ${c.id};
      update opportunity set created_at = ${ago}, updated_at = ${ago} where client_id = ${c.id}`);
    /* An empty patch stores a response but leaves the client unchanged, and so idle. */
    const body = {}, headers = { "idempotency-key": `inactivo-${c.id}` }, was = await ana.patch(c.at, body, headers);
    assert.equal(was.status, 200);
    c.repeat.push(() => ana.patch(c.at, body, headers));
    assert.match(purge(), /365 days: 1 erased/);
  },
};

for (const [name, erase] of Object.entries(ways))
  test(`${name}: removes the marker from every place`, async () => {
    const p = person(), c = await registered(p);
    await until("reads are recorded", () => sql(`select count(*) > 0 from audit_read where client_id = ${c.id}`) === "t");
    const before = await found(p.words, c.id);
    for (const place of ["client", "client_phone", "contact", "opportunity", "idempotency", "import_row"]) assert.ok(before.some(([where]) => where === place), `the marker was in ${place}`);
    for (const place of ["audit", "audit_read", "the log", "/metrics"]) assert.ok(!before.some(([where]) => where === place), `${place} never has it: ${JSON.stringify(before)}`);
    await erase(c);
    assert.deepEqual(await found(p.words, c.id), []);
    for (const { at, contact } of c.opportunities)
      for (const where of [at, contact, `${at}/competitor-offer`]) {
        const { text } = await ana.get(where);
        assert.deepEqual(p.words.filter((w) => text.includes(w)), [], where);
      }
    for (const [n, again] of c.repeat.entries()) {
      const r = await again();
      assert.deepEqual([r.status, r.json.code], [409, "client_erased"], `request ${n}: ${r.text}`);
    }
    assert.deepEqual(await found(p.words, c.id), [], "the same requests do not bring it back");
    assert.equal(sql(`select count(*) from erasure where client_id = ${c.id} and done_at is not null and said is null`), "1");
    const left = sql(`select num_nonnulls(${listed.filter((x) => x.table === "client" && x.kind === "personal" && x.left === "null").map((x) => `"${x.column}"`).join(", ")}) from client where id = ${c.id}`);
    assert.equal(left, "0", "columns that cannot hold the marker, such as booleans and days, are null");
    assert.equal(sql(`select count(*) from opportunity where client_id = ${c.id} and num_nonnulls(${listed.filter((x) => x.table === "opportunity" && x.kind === "personal" && x.left === "null").map((x) => `"${x.column}"`).join(", ")}) > 0`), "0");
  });
