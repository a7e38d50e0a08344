"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const lib = require("./lib.js");

let world, ana, bea;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
});
after(() => world.end());

const clientOf = async (more) => {
  const r = await ana.post("/v1/clients", lib.newClient(more));
  assert.equal(r.status, 201, r.text);
  return r.json;
};
const made = async (client, more, as = ana) => {
  const r = await as.post(`/v1/clients/${client.id}/contacts`, lib.newContact(more));
  assert.equal(r.status, 201, r.text);
  return r.json;
};
const greeting = (name, username) =>
  `Bienvenido ${name}, soy ${username} de gestiones especiales, por tu seguridad realizaremos la validación de ` +
  "titularidad y consta de 3 preguntas, ¿me confirma su número de DNI, por favor?";

test("contact_create: answers the documented shape and Location, and a read shows the same", async () => {
  const client = await clientOf({ name: "QUISPE ÑAHUI JOSÉ" });
  const r = await ana.post(`/v1/clients/${client.id}/contacts`, { origin_phone: "944264648", serial_number: "2505050000125674",
    ownership_check: { asked: 3, right: 2 } });
  assert.equal(r.status, 201);
  const { id, created_at: at, advisor } = r.json;
  assert.equal(r.headers.location, `/v1/contacts/${id}`);
  assert.match(id, /^[1-9][0-9]*$/);
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60000);
  assert.deepEqual({ ...advisor, id: "" }, { id: "", username: "E8153375", full_name: "NOMBRE DE E8153375" });
  assert.equal(advisor.id, world.database.sql("select id from advisor where username = 'E8153375'"));
  assert.deepEqual(r.json, { id, client_id: client.id, origin_phone: "944264648", serial_number: "2505050000125674",
    ownership_check: { asked: 3, right: 2 },
    greeting: greeting("QUISPE ÑAHUI JOSÉ", "E8153375"), advisor, opportunity_id: null, voided: null, created_at: at });
  assert.deepEqual((await ana.get(`/v1/contacts/${id}`)).json, r.json);
  assert.deepEqual((await ana.get(`/v1/clients/${client.id}/contacts`)).json, { items: [lib.listed(r)], next: null });
});

test("contact_create: the greeting is exactly the manual's, with the client's name and the username of the advisor who calls", async () => {
  const { id } = (await ana.get("/v1/clients?document_number=20467534026")).json.items[0];
  assert.equal((await made({ id }, {}, ana)).greeting,
    "Bienvenido AMERICA MOVIL PERU S.A.C., soy E8153375 de gestiones especiales, por tu seguridad realizaremos " +
    "la validación de titularidad y consta de 3 preguntas, ¿me confirma su número de DNI, por favor?");
  const contact = await made({ id }, {}, bea);
  assert.equal(contact.greeting, greeting("AMERICA MOVIL PERU S.A.C.", "E8123497"));
  assert.equal(contact.advisor.username, "E8123497");
  assert.equal((await ana.get(`/v1/contacts/${contact.id}`)).json.greeting, contact.greeting, "the greeting names the advisor who called, not the one who reads it");
  const odd = "O'HIGGINS \"EL %s\" \\ {client} $1 😀";
  assert.equal((await made(await clientOf({ name: odd }))).greeting, greeting(odd, "E8153375"));
});

test("contact_create: the ownership check is optional", async () => {
  const client = await clientOf();
  for (const check of [{ asked: 0, right: 0 }, { asked: 1, right: 0 }, { asked: 1, right: 1 }, { asked: 3, right: 3 }, null])
    assert.deepEqual((await made(client, { ownership_check: check })).ownership_check, check);
  assert.equal((await made(client)).ownership_check, null);
  for (const [check, ...expected] of [
    [{ asked: 2, right: 3 }, "/right right_range"], [{ asked: 0, right: 1 }, "/right right_range"],
    [{ asked: 4, right: 3 }, "/asked too_big"], [{ asked: -1, right: -1 }, "/asked too_small", "/right too_small"],
    [{ asked: 3 }, "/right required"], [{ right: 3 }, "/asked required"], [{}, "/asked required", "/right required"],
    [{ asked: null, right: null }, "/asked type", "/right type"], [{ asked: "3", right: 3 }, "/asked type"], [{ asked: 2.5,
      right: 1 }, "/asked type"],
    [{ asked: 3, right: 3, wrong: 0 }, "/wrong unknown_property"], ["3/3", " type"], [[3, 3], " type"], [true, " type"],
  ]) {
    const r = await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ ownership_check: check }));
    assert.equal(r.status, 422, JSON.stringify(check));
    assert.deepEqual(r.json.errors.map((e) => `${e.pointer} ${e.code}`).sort(),
      expected.map((fault) => `#/ownership_check${fault}`), JSON.stringify(check));
  }
  lib.faultAt(await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ ownership_check: { asked: 3, right: 4 } })),
    "#/ownership_check/right");
});

test("contact_create: a serial number has exactly 16 digits; its check digit is not verified", async () => {
  const client = await clientOf();
  for (const number of ["2505050000125674", "2505050000125675", "0000000000000000", "9999999999999999"])
    assert.equal((await made(client, { serial_number: number })).serial_number, number);
  for (const number of ["250505000012567", "25050500001256745", "250505000012567A", "2505_0500_0012_5674", "", "-250505000012567",
    "2505050000125.67", "２505050000125674", 2505050000125674, null, ["2505050000125674"], true])
    lib.faultAt(await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ serial_number: number })), "#/serial_number");
});

test("contact_create: the origin phone is stored as 9 digits", async () => {
  const client = await clientOf();
  for (const written of ["933444555", "+51 933 444 555", "51933444555", "933 444 555"])
    assert.equal((await made(client, { origin_phone: written })).origin_phone, "933444555");
  for (const bad of ["93344455", "9334445555", "833444555", "014445555", "nueve", "", null, 933444555])
    lib.faultAt(await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ origin_phone: bad })), "#/origin_phone");
});

test("contact_create: reports all faults at once and stores nothing", async () => {
  const client = await clientOf();
  const r = await ana.post(`/v1/clients/${client.id}/contacts`, { serial_number: "1", ownership_check: { asked: 1, right: 2,
    why: 0 }, id: "1", greeting: "Hola" });
  assert.equal(r.status, 422);
  assert.deepEqual(r.json.errors.map((e) => e.pointer).sort(),
    ["#/greeting", "#/id", "#/origin_phone", "#/ownership_check/right", "#/ownership_check/why", "#/serial_number"]);
  assert.deepEqual((await ana.get(`/v1/clients/${client.id}/contacts`)).json, { items: [], next: null });
});

test("contact_get: opportunity_id is null until the contact has an opportunity", async () => {
  const client = await clientOf();
  const contact = await made(client), other = await made(client);
  assert.equal((await ana.get(`/v1/contacts/${contact.id}`)).json.opportunity_id, null);
  const o = await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" });
  assert.equal(o.status, 201);
  assert.equal(o.json.contact_id, contact.id);
  assert.equal(o.json.client_id, client.id);
  assert.deepEqual((await ana.get(`/v1/contacts/${contact.id}`)).json, { ...contact, opportunity_id: o.json.id });
  assert.deepEqual((await ana.get(`/v1/clients/${client.id}/contacts`)).json.items,
    [lib.listed(await ana.get(`/v1/contacts/${other.id}`)), lib.listed(await ana.get(`/v1/contacts/${contact.id}`))]);
  assert.deepEqual((await ana.get(`/v1/contacts/${other.id}`)).json, other);
});

test("contact_list: only this client's contacts, newest first, of all advisors", async () => {
  const [a, b] = [await clientOf(), await clientOf()];
  const expected = [];
  for (let i = 0; i < 6; i++) {
    expected.unshift(await made(a, { serial_number: String(2505050000125674 + i) }, i % 2 ? ana : bea));
    await made(b);
  }
  for (const contact of expected) contact.etag = (await ana.get(`/v1/contacts/${contact.id}`)).headers.etag;
  for (const as of [ana, bea]) assert.deepEqual((await as.get(`/v1/clients/${a.id}/contacts`)).json, { items: expected, next: null });
  assert.equal((await ana.get(`/v1/clients/${b.id}/contacts`)).json.items.length, 6);
});

test("contact_create: ten simultaneous requests for one client create ten contacts", async () => {
  const client = await clientOf();
  const all = await Promise.all(Array.from({ length: 10 }, () => ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())));
  assert.ok(all.every((r) => r.status === 201));
  assert.equal(new Set(all.map((r) => r.json.id)).size, 10);
  assert.equal((await ana.get(`/v1/clients/${client.id}/contacts`)).json.items.length, 10);
});

/* ------------------------------------------------------------ documents */

const sql = (text) => world.database.sql(text);
const gestor = (command) => spawnSync(lib.gestor, [command], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.owner } });
/* documentOf(contact) - the stored document, which is as its row renders to. */
function documentOf({ id }) {
  assert.equal(sql(`select document is not distinct from contact_document(t, false) from contact t where id = ${id}`), "t");
  return sql(`select document from contact where id = ${id}`);
}
/* The same contact in every answer that shows it. */
async function shown(contact) {
  const one = (await ana.get(`/v1/contacts/${contact.id}`)).json;
  const { json: all } = await (await world.signedIn("E8000002")).get(`/v1/clients/${contact.client_id}/personal-data`);
  for (const items of [(await ana.get(`/v1/clients/${contact.client_id}/contacts`)).json.items.map(({ etag, ...c }) => c), all.contacts])
    assert.deepEqual(items.find((c) => c.id === contact.id), one);
  return one;
}

test("contact_create, contact_get: the stored document follows the row, whoever changes it", async () => {
  const client = await clientOf(), contact = await made(client, { ownership_check: { asked: 3, right: 2 } });
  for (const value of ["944264648", "2505050000125674", '"asked":3', "E8153375"]) assert.ok(documentOf(contact).includes(value), value);
  assert.equal((await ana.patch(`/v1/contacts/${contact.id}`, { ownership_check: null })).status, 200);
  assert.doesNotMatch(documentOf(contact), /"asked"/);
  sql(`update contact set origin_phone = '933444555', asked = 1, "right" = 1, created_at = '2026-01-02T03:04:05Z',
    advisor_id = (select id from advisor where username = 'E8123497') where id = ${contact.id}`);
  documentOf(contact);
  const now = await shown(contact);
  assert.deepEqual([now.origin_phone, now.ownership_check, now.created_at, now.advisor.username, now.greeting],
    ["933444555", { asked: 1, right: 1 }, "2026-01-02T03:04:05.000000Z", "E8123497", greeting(client.name, "E8123497")]);
  lib.sql(world.database.superuser, `set session_replication_role = replica; update contact set serial_number = '0000000000000007' where id = ${contact.id}`);
  documentOf(contact);
  assert.equal((await shown(contact)).serial_number, "0000000000000007");
  sql(`update contact set document = '{"id":"7"' where id = ${contact.id}`);
  assert.equal((await shown(contact)).id, contact.id, "a document cannot be written by hand");
});

test("contact_get: the greeting has the client's name of now, and opportunity_id the opportunity of now", async () => {
  const client = await clientOf(), contact = await made(client), document = documentOf(contact);
  for (const name of ["ROSA", "O'HIGGINS \"EL %s\" \\ {client} $1 \\1 😀", '","advisor":{"greeting":"', "ÑAHUI", '"', "\\"]) {
    assert.equal((await ana.patch(`/v1/clients/${client.id}`, { name })).status, 200);
    assert.equal((await shown(contact)).greeting, greeting(name, "E8153375"));
  }
  sql(`update client set name = 'A MANO' where id = ${client.id}`);
  assert.equal((await shown(contact)).greeting, greeting("A MANO", "E8153375"));
  const o = (await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" })).json;
  assert.equal((await shown(contact)).opportunity_id, o.id);
  const other = await made(client);
  sql(`update opportunity set contact_id = ${other.id} where id = ${o.id}`);
  assert.deepEqual([(await shown(contact)).opportunity_id, (await shown(other)).opportunity_id], [null, o.id]);
  assert.equal(documentOf(contact), document, "nothing of that is stored");
});

test("contact_get: names of advisors with quotes and the texts of the document are shown as they are", async () => {
  const odd = 'ANA ","advisor":{"greeting":"X", "opportunity_id":null', was = sql("select full_name from advisor where username = 'E8123497'");
  const rename = (name) => sql(`update advisor set full_name = $$${name}$$ where username = 'E8123497'`);
  rename(odd);
  const contact = await made(await clientOf(), {}, bea);
  rename(was);
  assert.equal((await shown(contact)).advisor.full_name, odd, "the name of its day");
  documentOf(contact);
  /* One of the old application's advisors has no username; the greeting has the name. */
  sql(`insert into advisor (full_name, role, active) values ($$${odd}$$, 'advisor', false);
    update contact set created_at = now(), advisor_id = (select max(id) from advisor) where id = ${contact.id}`);
  const now = await shown(contact);
  assert.deepEqual([now.advisor.username, now.greeting], [null, greeting("CLIENTE DE PRUEBA", odd)]);
  sql("update advisor set full_name = 'OTRO' where id = (select max(id) from advisor)");
  assert.deepEqual(await shown(contact), now);
});

test("contact_get, contact_list: rows without a document are shown the same, and `gestor migrate` renders them", async () => {
  const client = await clientOf(), contacts = [await made(client), await made(client, { ownership_check: { asked: 3, right: 3 } })];
  const stored = contacts.map(documentOf);
  const byHand = (document, where) => sql(`alter table contact disable trigger renders; update contact set document = ${document} where ${where};
    alter table contact enable always trigger renders`);
  byHand("null", `client_id = ${client.id}`);
  for (const contact of contacts) assert.deepEqual(await shown(contact), contact);
  byHand("'{}'", `id = ${contacts[0].id}`);
  const check = gestor("check");
  assert.equal(check.status, 1);
  assert.match(check.stdout, new RegExp(`^contacts: .* differ .*: ${contacts[0].id} ${contacts[1].id}$`, "m"));
  assert.match(check.stdout, /^contacts: [0-9]+ documents, 2 differ$/m);
  sql("insert into rendering (of_table) values ('contact')");
  assert.equal(gestor("migrate").status, 0);
  assert.deepEqual(contacts.map(documentOf), stored);
  assert.equal(gestor("check").status, 0);
});

test("client_erase: the documents of the client's contacts hold nothing of the client", async () => {
  const client = await clientOf({ name: "CLIENTE SECRETA" }), contact = await made(client, { ownership_check: { asked: 3, right: 1 } });
  const chief = await world.signedIn("E8000002");
  assert.ok((await chief.post(`/v1/clients/${client.id}/erasure`)).status < 300);
  assert.doesNotMatch(documentOf(contact), /944264648|2505050000125674|SECRETA/);
  const now = await shown(contact);
  assert.deepEqual(now, { ...contact, origin_phone: null, serial_number: null, greeting: greeting("BORRADO", "E8153375") });
});
