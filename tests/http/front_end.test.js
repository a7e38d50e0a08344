/* What spares a front end requests and lost work: emptied sections, drafts, lists by ids with the records beside. */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana, luis, boss, admin;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  luis = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  admin = await world.signedIn("E8000002");
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const open = { closure: { advertising_acceptance: "acepto", stage: "en-proceso" } };

for (const [id, path, member, missing] of [["diagnosis_delete", "diagnosis", "diagnosis", "diagnosis.reason"],
  ["competitor_offer_delete", "competitor-offer", "competitor_offer", "competitor_offer.phone_to_manage"]]) {
  test(`${id}: empties the section, once`, async () => {
    const { at } = await lib.opened(ana), empty = (await ana.get(at)).json[member];
    await ana.put(`${at}/typification`, lib.form(open));
    const was = (await ana.get(at)).json;
    assert.deepEqual(was.missing, []);
    assert.equal((await ana.delete(`${at}/${path}`, { "if-match": "\"0\"" })).status, 412);
    assert.equal((await luis.delete(`${at}/${path}`)).json.code, "not_owner");
    const gone = await ana.delete(`${at}/${path}`, { "if-match": was.etags[member] });
    assert.equal(gone.status, 204, gone.text);
    const now = await ana.get(at);
    assert.deepEqual([now.json[member], now.json.missing], [empty, [missing]]);
    assert.equal(gone.headers["opportunity-etag"], now.headers.etag);
    assert.equal((await ana.delete(`${at}/${path}`)).status, 204);
    assert.equal((await ana.get(at)).text, now.text, "an empty section stays as it is, and so does updated_at");
    const whole = await ana.delete(`${at}/${path}?return=opportunity`);
    assert.deepEqual([whole.status, whole.text], [200, now.text]);
  });

  test(`${id}: 409 when the opportunity is finished`, async () => {
    const { at } = await lib.opened(ana);
    await ana.put(`${at}/typification`, lib.form());
    assert.equal((await ana.delete(`${at}/${path}`)).json.code, "opportunity_finished");
  });
}

/* ------------------------------------------------------------------ drafts */

const draft = { diagnosis: { reason: "precio-y-contenido" }, note: "Llamar a las 17:00", phone: "944264648" };

test("draft_put: keeps any object, as it was sent; draft_get shows it; draft_delete removes it", async () => {
  const { at } = await lib.opened(ana), where = `${at}/draft`, before = (await ana.get(at)).text;
  assert.equal((await ana.get(where)).status, 404);
  assert.equal((await ana.delete(where)).status, 404);
  assert.equal((await ana.delete(where, { "if-match": "\"0\"" })).status, 404);
  assert.equal((await ana.put(where, draft, { "if-match": "\"0\"" })).status, 412);
  assert.equal((await ana.put(where, draft, { "if-match": "*" })).status, 412, "there is none yet");
  assert.equal((await ana.put(where, draft)).status, 200);
  const put = await ana.put(where, draft, { "if-match": "*" });
  assert.deepEqual([put.status, put.json], [200, draft]);
  const got = await ana.get(where);
  assert.deepEqual([got.json, got.headers.etag], [draft, put.headers.etag]);
  assert.equal((await ana.get(where, { "if-none-match": got.headers.etag })).status, 304);
  assert.equal((await ana.put(where, {}, { "if-none-match": "*" })).status, 412);
  assert.equal((await ana.put(where, {}, { "if-match": "\"0\"" })).status, 412);
  assert.deepEqual((await ana.put(where, {}, { "if-match": got.headers.etag })).json, {});
  assert.equal((await ana.get(at)).text, before, "the opportunity is as it was");
  assert.equal((await ana.put(`${where}?validate_only=true`, draft)).status, 200);
  assert.deepEqual((await ana.get(where)).json, {});
  assert.equal((await ana.delete(where, { "if-match": got.headers.etag })).status, 412);
  assert.equal((await ana.delete(where)).status, 204);
  assert.equal((await ana.get(where)).status, 404);
});

test("draft_put: 8 KiB and no more; objects only", async () => {
  const { at } = await lib.opened(ana), where = `${at}/draft`, of = (n) => ({ note: "x".repeat(n - 11) });
  assert.equal(JSON.stringify(of(8192)).length, 8192);
  assert.equal((await ana.put(where, of(8192))).status, 200);
  const long = await ana.put(where, of(8193));
  assert.equal(long.json.code, "content_too_large");
  assert.match(long.json.detail, /8192/);
  assert.equal((await ana.put(where, { note: "ñ".repeat(4090) })).status, 200, "bytes count");
  assert.equal((await ana.put(where, { note: "ñ".repeat(4091) })).status, 413);
  assert.equal((await ana.put(where, "[]")).status, 422);
});

test("draft_get: for the opportunity's own advisor alone", async () => {
  const { at } = await lib.opened(ana), where = `${at}/draft`;
  await ana.put(where, draft);
  for (const who of [luis, boss, admin]) {
    assert.equal((await who.get(where)).json.code, "not_owner");
    assert.equal((await who.put(where, {})).json.code, "not_owner");
    assert.equal((await who.delete(where)).json.code, "not_owner");
  }
  assert.equal((await ana.get("/v1/opportunities/999999999/draft")).status, 404);
});

test("draft_get: the draft is gone when the opportunity ends, is voided, or the client is erased", async () => {
  const left = (o) => sql(`select count(*) from draft where opportunity_id = ${o.opportunity.id}`);
  const finished = await lib.opened(ana), voided = await lib.opened(ana), erased = await lib.opened(ana);
  for (const o of [finished, voided, erased]) await ana.put(`${o.at}/draft`, draft);
  await ana.put(`${finished.at}/typification`, lib.form(open));
  assert.equal(left(finished), "1", "an open one keeps it");
  await ana.put(`${finished.at}/closure`, lib.form().closure);
  sql(`update opportunity set voided_at = now(), void_reason = 'X' where id = ${voided.opportunity.id}`);
  await admin.post(`/v1/clients/${erased.client.id}/erasure`);
  for (const o of [finished, voided, erased]) {
    assert.equal(left(o), "0");
    assert.equal((await ana.get(`${o.at}/draft`)).status, 404);
  }
  assert.equal((await ana.put(`${finished.at}/draft`, draft)).json.code, "opportunity_finished");
  await boss.post(`${finished.at}/reopening`);
  assert.equal((await ana.get(`${finished.at}/draft`)).status, 404);
  assert.equal((await ana.put(`${finished.at}/draft`, draft)).status, 200);
});

test("draft_get: a draft that an erasure has not reached yet is not shown", async () => {
  const o = await lib.opened(ana);
  await ana.put(`${o.at}/draft`, draft);
  sql(`insert into contact (client_id, advisor_id, origin_phone, serial_number) select ${o.client.id}, min(id), '955111444', '9999888877776666' from advisor, generate_series(1, 500) group by generate_series`);
  for (let i = 0; i < 250; i++) sql(`insert into opportunity (client_id, advisor_id, campaign_id, campaign, stage_id, stage)
    select client_id, advisor_id, campaign_id, campaign, stage_id, stage from opportunity, generate_series(1, 1) where id = ${o.opportunity.id}`);
  const stopped = await lib.startServer(world.database.serve);
  assert.equal((await lib.caller(stopped.base, admin.token).post(`/v1/clients/${o.client.id}/erasure`)).status, 202);
  assert.equal((await ana.get(`${o.at}/draft`)).status, 404);
  await stopped.stop();
});

/* ---------------------------------------------------- lists by ids, and beside */

test("client_search: by ids, newest first, without those that no client has", async () => {
  const clients = [];
  for (let i = 0; i < 3; i++) clients.push(await ana.get((await ana.post("/v1/clients", lib.newClient())).headers.location));
  const r = await ana.get(`/v1/clients?ids=${[...clients.map((c) => c.json.id), "999999999"].join(",")}`);
  assert.deepEqual(r.json, { items: clients.reverse().map(lib.listed), next: null });
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.equal((await ana.get(`/v1/clients?ids=${hundred}`)).status, 200);
  for (const ids of [[...hundred, 101].join(","), "1,", ",1", "1,,2", "a", "1 2", "9".repeat(19)])
    assert.equal(lib.faultAt(await ana.get(`/v1/clients?ids=${ids}`), "#/ids").code, "pattern", ids);
  for (const more of ["phone=944264648", "document_number=45678912", "limit=5"])
    assert.equal(lib.faultAt(await ana.get(`/v1/clients?ids=1&${more}`), `#/${more.split("=")[0]}`).code, "one_of");
});

test("opportunity_list: by ids, with the client and the contact of each", async () => {
  const a = await lib.opened(ana), b = await lib.opened(ana);
  sql(`insert into opportunity (id, client_id, advisor_id, campaign_id, campaign, stage_id, stage) overriding system value
    select 905999, client_id, advisor_id, campaign_id, campaign, stage_id, stage from opportunity where id = ${a.opportunity.id}`);
  const plain = await ana.get(`/v1/opportunities?ids=${a.opportunity.id},${b.opportunity.id},905999`);
  assert.equal(plain.json.items.length, 3);
  const beside = await ana.get(`/v1/opportunities?ids=${a.opportunity.id},${b.opportunity.id},905999&include=client,contact`);
  for (const [i, { client, contact, ...item }] of beside.json.items.entries()) {
    assert.deepEqual(item, plain.json.items[i], "the entity tag does not cover what is beside");
    assert.deepEqual(client, lib.listed(await ana.get(`/v1/clients/${item.client_id}`)));
    if (item.id === "905999") assert.equal(contact, null);
    else assert.deepEqual(contact, lib.listed(await ana.get(`/v1/contacts/${item.contact_id}`)));
  }
  const filtered = await ana.get("/v1/opportunities?stage=en-proceso&include=client&limit=2");
  assert.equal(filtered.json.items.length, 2);
  assert.ok(filtered.json.items.every((o) => o.client.id === o.client_id && o.contact === undefined));
  assert.ok(filtered.json.next);
  assert.equal((await ana.get(`/v1/opportunities?cursor=${filtered.json.next}&stage=en-proceso&include=client&limit=2`)).status, 200);
  assert.equal((await ana.get("/v1/opportunities?include=client&reason=precio-y-contenido")).status, 200);
  assert.equal((await ana.get("/v1/opportunities?ids=999999999&include=client")).json.items.length, 0);
  assert.equal(lib.faultAt(await ana.get("/v1/opportunities?ids=1&stage=retenido"), "#/stage").code, "one_of");
  assert.equal(lib.faultAt(await ana.get("/v1/opportunities?include=advisor"), "#/include").code, "not_listed");
});

test("opportunity_list: masks hold inside, and so do rights", async () => {
  const chief = admin, made = await lib.machine(chief, world.base, { rights: ["client_read", "contact_read", "opportunity_read"] });
  const signed = async () => lib.caller(world.base, (await made.token()).access_token);
  const client = (await ana.post("/v1/clients", lib.newClient({ phone: "955222333", email: "a@b.pe" }))).json;
  const contact = (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ origin_phone: "955222333" }))).json;
  const o = (await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" })).json;
  let as = await signed();
  const r = await as.get(`/v1/opportunities?ids=${o.id}&include=client,contact`);
  assert.ok(!r.text.includes("955222333"));
  assert.deepEqual(r.json.items[0].client, lib.listed(await as.get(`/v1/clients/${client.id}`)));
  assert.deepEqual(r.json.items[0].contact, lib.listed(await as.get(`/v1/contacts/${contact.id}`)));
  assert.equal(r.json.items[0].contact.origin_phone, "***");
  assert.equal((await chief.patch(`/v1/advisors/${made.id}`, { rights: ["opportunity_read"] })).status, 200);
  as = await signed();
  assert.equal((await as.get(`/v1/opportunities?ids=${o.id}`)).status, 200);
  for (const include of ["client", "contact", "client,contact"])
    assert.equal((await as.get(`/v1/opportunities?ids=${o.id}&include=${include}`)).json.code, "role_forbidden");
});
