/*
 * What a record is after something else has happened: its client was erased, a value that it holds
 * was retired, its advisor renamed, an answer in it taken back, a part of it changed by another.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const lib = require("./lib.js");
const { writes, send, fingerprint, hold, pause, until, waiting, row } = require("./writes.js");

let world, ana, bea, boss, chief, make;
before(async () => {
  // It would itself remove what `gestor purge` is to find; and some requests are to wait for a lock.
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000", GESTOR_QUERY_TIMEOUT_MS: "20000" } });
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
  make = writes(world, { ana, boss });
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const by = (key) => ({ "idempotency-key": key });
let numbers = 0;
const newKey = () => `registro-${process.pid}-${++numbers}`;
const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r; };
const refused = (r, status, code) => { assert.deepEqual([r.status, r.json.code], [status, code], r.text); return r; };
const erase = async (client) => ok(await chief.post(`/v1/clients/${client}/erasure`)).json;
const idOf = (username) => sql(`select id from advisor where username = '${username}'`);
const newClientId = async () => ok(await ana.post("/v1/clients", lib.newClient()), 201).json.id;
const newContact = async (client, as = ana, more = {}) => ok(await as.post(`/v1/clients/${client}/contacts`, lib.newContact(more)), 201).json;
const finish = async (o, as = ana) => ok(await as.put(`${o.at}/typification`, lib.form())).json;
const purge = (days) => execFileSync(lib.gestor, ["purge"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.owner, GESTOR_RETENTION_DAYS: String(days) } });
const age = (client, days) => sql(`update client set updated_at = now() - interval '${days} days', created_at = now() - interval '${days} days' where id = ${client};
  update contact set created_at = now() - interval '${days} days' where client_id = ${client};
  update opportunity set created_at = now() - interval '${days} days', updated_at = now() - interval '${days} days' where client_id = ${client}`);

/* --------------------------------------------------- spent keys of the erased */

const keyed = ["client_create", "client_update", "contact_create", "contact_update", "opportunity_create", "opportunity_update", "action_create", "action_update", "action_delete",
  "diagnosis_put", "competitor_offer_put", "closure_put", "typification_put", "opportunity_reopen", "typification_create"];

/* clientOf(id, rq, first) - whose record this write, which was answered with `first`, concerns. */
async function clientOf(id, rq, first) {
  if (id === "client_create") return first.json.id;
  if (first.json && first.json.client_id) return first.json.client_id;
  const [, kind, number] = rq.where.split("/").slice(1);
  return kind === "clients" ? number : (await ana.get(`/v1/${kind}/${number}`)).json.client_id;
}

for (const id of keyed)
  test(`${id}: with the key of an answer whose client was erased: 409 client_erased, nothing is done; after a day the key is free`, async () => {
    const rq = await make[id](), key = newKey(), first = await send(rq, by(key));
    assert.ok(first.status < 300, first.text);
    const client = await clientOf(id, rq, first), document = (await ana.get(`/v1/clients/${client}`)).json.document_number;
    await erase(client);
    const whole = fingerprint(world.database);
    for (const headers of [by(key), by(`"${key}"`), { ...by(key), "if-match": "*" }, { ...by(key), "accept-language": "es" }]) {
      const r = refused(await send(rq, headers), 409, "client_erased");
      for (const name of ["location", "etag", "opportunity-etag"]) assert.equal(r.headers[name], undefined, name);
    }
    if (rq.other) assert.equal(lib.faultAt(await send(rq, by(key), { body: rq.other }), "#/Idempotency-Key").code, "idempotency_key_reused");
    assert.equal(fingerprint(world.database), whole, "nothing was done");
    assert.deepEqual((await ana.get(`/v1/clients?document_number=${document}`)).json.items, [], "the person is not back");
    assert.equal(sql(`select concat_ws(' ', status, location, body) from idempotency where key = '${key}'`), "409", "nothing of the person is kept");

    sql(`update idempotency set created_at = now() - interval '23 hours 59 minutes' where key = '${key}'`);
    refused(await send(rq, by(key)), 409, "client_erased");
    sql(`update idempotency set created_at = now() - interval '24 hours 1 second' where key = '${key}'`);
    const fresh = await send(rq, by(key), rq.other ? { body: rq.other } : {});
    assert.equal(fresh.headers["idempotent-replayed"], undefined);
    if (["client_create", "typification_create"].includes(id)) assert.notEqual(ok(fresh, 201).json.id, first.json.id);
    else refused(fresh, 409, "client_erased");
  });

test("client_create, contact_create: the key is spent too when `gestor purge` erased the client", async () => {
  const body = lib.newClient(), keys = [newKey(), newKey()], { json: client } = ok(await ana.post("/v1/clients", body, by(keys[0])), 201);
  const contact = lib.newContact(), there = `/v1/clients/${client.id}/contacts`;
  ok(await ana.post(there, contact, by(keys[1])), 201);
  age(client.id, 400);
  assert.match(purge(365), /365 days: 1 erased/);
  const whole = fingerprint(world.database);
  refused(await ana.post("/v1/clients", body, by(keys[0])), 409, "client_erased");
  refused(await ana.post(there, contact, by(keys[1])), 409, "client_erased");
  assert.equal(fingerprint(world.database), whole);
});

test("typification_create, action_create: a choice that was retired meanwhile does not make another answer of it", async () => {
  const code = add("retention_action", "", "HERRAMIENTA DE UN DÍA");
  const o = await lib.opened(ana), body = { action: code }, call = { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", actions: [body] };
  const keys = [newKey(), newKey()], made = ok(await ana.post("/v1/typifications", call, by(keys[0])), 201);
  ok(await ana.post(`${o.at}/actions`, body, by(keys[1])), 201);
  for (const client of [made.json.client_id, o.client.id]) await erase(client);
  retire("retention_action", code);
  refused(await ana.post("/v1/typifications", call, by(keys[0])), 409, "client_erased");
  refused(await ana.post(`${o.at}/actions`, body, by(keys[1])), 409, "client_erased");
});

test("client_erase: kept answers of other clients stay, whatever the operation", async () => {
  const kept = [];
  for (const id of keyed) {
    const rq = await make[id](), key = newKey(), first = await send(rq, by(key));
    assert.ok(first.status < 300, first.text);
    kept.push({ id, rq, key, first });
  }
  const other = await lib.opened(ana);
  ok(await ana.put(`${other.at}/competitor-offer`, lib.form().competitor_offer, by(newKey())));
  await erase(other.client.id);
  await erase(await newClientId());
  for (const { id, rq, key, first } of kept) {
    const again = await send(rq, by(key));
    assert.deepEqual([again.status, again.text, again.headers["idempotent-replayed"]], [first.status, first.text, "true"], id);
    for (const name of ["etag", "opportunity-etag", "location"]) assert.equal(again.headers[name], first.headers[name], `${id}: ${name}`);
  }
});

/* ------------------------------------------------------------- retired values */

const add = (catalog, parent, label) => sql(`insert into catalog_item (catalog_id, parent_id, label)
  select c.id, (select p.id from catalog_item p where p.catalog_id = c.id and p.code = nullif('${parent}', '')), '${label}'
    from catalog c where c.code = '${catalog}' returning code`);
const retire = (catalog, code, active = false) => sql(`update catalog_item set active = ${active} where code = '${code}' and catalog_id = (select id from catalog where code = '${catalog}')`);
const relabel = (catalog, code, label) => sql(`update catalog_item set label = '${label}' where code = '${code}' and catalog_id = (select id from catalog where code = '${catalog}')`);

const at = (o, path) => path.split("/").filter(Boolean).reduce((value, name) => value[name], o);
const offer = (member) => (code) => ({ ...lib.form().competitor_offer, [member]: code });
/* By title: [catalog, pointer of the fault, where the answer has the choice, {save(o, code, query), make()}]. */
const opportunity = () => lib.opened(ana);
const withRow = async () => {
  const o = await lib.opened(ana);
  return { ...o, row: ok(await ana.post(`${o.at}/actions`, row), 201).json.id };
};
const offerOf = { competitor_plan: "plan", competitor_offer: "offer", offer_channel: "channel", operator: "operator" };
const members = {
  "opportunity_update: sub_campaign": { catalog: "sub_campaign", pointer: "#/sub_campaign", shown: "sub_campaign", make: opportunity,
    save: (o, code, query = "") => ana.patch(o.at + query, { sub_campaign: code }) },
  "typification_put: sub_campaign": { catalog: "sub_campaign", pointer: "#/sub_campaign", shown: "sub_campaign", make: opportunity,
    save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { sub_campaign: code }) },
  "diagnosis_put: reason": { catalog: "cancellation_reason", pointer: "#/reason", shown: "reason", make: opportunity, deep: 5,
    save: (o, code, query = "") => ana.put(`${o.at}/diagnosis${query}`, { reason: code }) },
  "typification_put: reason": { catalog: "cancellation_reason", pointer: "#/diagnosis/reason", shown: "diagnosis/reason", make: opportunity, deep: 5,
    save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { diagnosis: { reason: code } }) },
  ...Object.fromEntries(Object.entries(offerOf).flatMap(([catalog, member]) => [
    [`competitor_offer_put: ${member}`, { catalog, pointer: `#/${member}`, shown: member, make: opportunity,
      save: (o, code, query = "") => ana.put(`${o.at}/competitor-offer${query}`, offer(member)(code)) }],
    [`typification_put: ${member}`, { catalog, pointer: `#/competitor_offer/${member}`, shown: `competitor_offer/${member}`, make: opportunity,
      save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { competitor_offer: offer(member)(code) }) }]])),
  "closure_put: advertising_acceptance": { catalog: "advertising_acceptance", pointer: "#/advertising_acceptance", shown: "advertising_acceptance", make: opportunity,
    save: (o, code, query = "") => ana.put(`${o.at}/closure${query}`, { advertising_acceptance: code, stage: "en-proceso" }) },
  "typification_put: advertising_acceptance": { catalog: "advertising_acceptance", pointer: "#/closure/advertising_acceptance", shown: "closure/advertising_acceptance", make: opportunity,
    save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { closure: { advertising_acceptance: code, stage: "en-proceso" } }) },
  "closure_put: stage": { catalog: "stage", pointer: "#/stage", shown: "stage", make: opportunity, parent: "en-proceso", deep: 2,
    save: (o, code, query = "") => ana.put(`${o.at}/closure${query}`, { stage: code }) },
  "typification_put: stage": { catalog: "stage", pointer: "#/closure/stage", shown: "closure/stage", make: opportunity, parent: "en-proceso", deep: 2,
    save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { closure: { stage: code } }) },
  "action_update: action": { catalog: "retention_action", pointer: "#/action", shown: "action", make: withRow, deep: 3,
    save: (o, code, query = "") => ana.patch(`${o.at}/actions/${o.row}${query}`, { action: code }) },
  "action_update: final_state": { catalog: "final_state", pointer: "#/final_state", shown: "final_state", make: withRow, deep: 2,
    save: (o, code, query = "") => ana.patch(`${o.at}/actions/${o.row}${query}`, { final_state: code }) },
  "typification_put: action": { catalog: "retention_action", pointer: "#/actions/1/action", shown: "actions/1/action", make: withRow, deep: 3,
    save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { actions: [row, { action: code, final_state: "atendido" }] }) },
  "typification_put: final_state": { catalog: "final_state", pointer: "#/actions/1/final_state", shown: "actions/1/final_state", make: withRow, deep: 2,
    save: (o, code, query = "") => ana.put(`${o.at}/typification${query}`, { actions: [row, { ...row, final_state: code }] }) },
  "client_update: document_type": { catalog: "document_type", pointer: "#/document_type", shown: "document_type", make: async () => ({ at: `/v1/clients/${await newClientId()}` }),
    save: (o, code, query = "") => ana.patch(o.at + query, { document_type: code }) },
};
/* isRefused(r, m, code, allowed) - the fault of this choice alone. */
function isRefused(r, m, code, allowed) {
  assert.equal(r.status, 422, r.text);
  assert.deepEqual(r.json.errors.map((e) => [e.pointer, e.code]), [[m.pointer, code]], r.text);
  if (allowed) assert.deepEqual(r.json.errors[0].allowed, allowed);
  else assert.ok(r.json.errors[0].allowed.length > 0);
}

for (const [title, m] of Object.entries(members)) {
  test(`${title} that was retired is kept as it stood by who holds it, and is no choice for anybody else`, async () => {
    const parent = m.parent || "", value = add(m.catalog, parent, "SE RETIRA"), stays = add(m.catalog, parent, "SE QUEDA");
    try {
      const o = await m.make(), other = await m.make(), never = await m.make();
      const was = at(ok(await m.save(o, value)).json, m.shown);
      assert.equal(was.label, "SE RETIRA");
      ok(await m.save(other, stays));
      retire(m.catalog, value);
      relabel(m.catalog, value, "OTRO NOMBRE");
      for (const query of ["?validate_only=true", "", ""]) assert.deepEqual(at(ok(await m.save(o, value, query)).json, m.shown), was);
      for (const one of [other, never])
        for (const query of ["", "?validate_only=true"]) {
          isRefused(await m.save(one, value, query), m, "choice_unknown");
          assert.ok((await m.save(one, value, query)).json.errors[0].allowed.includes(stays));
        }
      /* Given up, it is a new choice. */
      ok(await m.save(o, stays));
      isRefused(await m.save(o, value), m, "choice_unknown");
      retire(m.catalog, value, true);
      assert.equal(at(ok(await m.save(o, value)).json, m.shown).label, "OTRO NOMBRE", "chosen anew");
    } finally {
      retire(m.catalog, value);
      retire(m.catalog, stays);
    }
  });

  test(`${title}: who holds it while another takes it away, before it is saved again, holds it no more`, async () => {
    const parent = m.parent || "", value = add(m.catalog, parent, "SE QUITA"), stays = add(m.catalog, parent, "LO QUE QUEDA");
    try {
      const o = await m.make();
      ok(await m.save(o, value));
      const now = ok(await ana.get(o.at)).json;
      retire(m.catalog, value);
      /* By hand, so that it lies between the first look and the lock. */
      const [table, where] = m.catalog === "document_type" ? ["client", `id = ${now.id}`] : now.actions.length > 0 ? ["action", `opportunity_id = ${now.id}`] : ["opportunity", `id = ${now.id}`];
      const column = { cancellation_reason: "reason", retention_action: "action" }[m.catalog] || m.catalog;
      const release = await hold(world.database, `select 1 from client where id = ${now.client_id || now.id} for update;
        update ${table} set (${column}_id, ${column}) = (select i.id, i.choice from catalog_item i join catalog c on c.id = i.catalog_id where c.code = '${m.catalog}' and i.code = '${stays}')
         where ${where} and ${column} ->> 'code' = '${value}'`);
      const late = m.save(o, value);
      await until("it waits", () => waiting(world.database) === 1);
      await release();
      const r = await late;
      isRefused(r, m, "choice_unknown");
      assert.ok(r.json.errors[0].allowed.includes(stays));
    } finally {
      retire(m.catalog, value);
      retire(m.catalog, stays);
    }
  });

  if (m.deep) test(`${title} whose parent was retired, or that values came below, is kept too`, async () => {
    const above = m.parent || add(m.catalog, "", "ENCIMA"), value = add(m.catalog, above, "DEBAJO"), stays = add(m.catalog, above, "AL LADO");
    try {
      const o = await m.make(), never = await m.make();
      const was = at(ok(await m.save(o, value)).json, m.shown);
      if (!m.parent) {
        retire(m.catalog, above);
        assert.deepEqual(at(ok(await m.save(o, value)).json, m.shown), was);
        isRefused(await m.save(never, value), m, "choice_unknown");
        retire(m.catalog, above, true);
      }
      if (was.levels.length === m.deep) return;
      const below = add(m.catalog, value, "MÁS ABAJO");
      for (const query of ["?validate_only=true", ""]) assert.deepEqual(at(ok(await m.save(o, value, query)).json, m.shown), was);
      isRefused(await m.save(never, value), m, "choice_incomplete", [below]);
      ok(await m.save(o, below));
      isRefused(await m.save(o, value), m, "choice_incomplete", [below]);
    } finally {
      for (const code of [value, stays, ...m.parent ? [] : [above]]) retire(m.catalog, code);
      sql(`update catalog_item set active = false where code like '${value}.%'`);
    }
  });
}

test("action_create, action_update: what another row holds is a new choice all the same", async () => {
  const action = add("retention_action", "", "DE LA OTRA FILA"), state = add("final_state", "", "ESTADO DE LA OTRA FILA");
  const o = await withRow(), holds = ok(await ana.post(`${o.at}/actions`, { action, final_state: state }), 201).headers.location, free = `${o.at}/actions/${o.row}`;
  retire("retention_action", action);
  retire("final_state", state);
  isRefused(await ana.patch(free, { action }), { pointer: "#/action" }, "choice_unknown");
  isRefused(await ana.patch(free, { final_state: state }), { pointer: "#/final_state" }, "choice_unknown");
  isRefused(await ana.post(`${o.at}/actions`, { action }), { pointer: "#/action" }, "choice_unknown");
  isRefused(await ana.post(`${o.at}/actions`, { ...row, final_state: state }), { pointer: "#/final_state" }, "choice_unknown");
  const r = await ana.patch(free, { action, final_state: state });
  assert.deepEqual(r.json.errors.map((e) => [e.pointer, e.code]), [["#/action", "choice_unknown"], ["#/final_state", "choice_unknown"]]);
  const kept = ok(await ana.patch(holds, { action, final_state: state })).json;
  assert.deepEqual([kept.action.label, kept.final_state.label], ["DE LA OTRA FILA", "ESTADO DE LA OTRA FILA"]);
  assert.equal(ok(await ana.patch(holds, { final_state: "atendido" })).json.action.code, action, "what is left out stays");
});

test("typification_put: the whole form is saved again though all that it holds was retired; a fault elsewhere is told alone", async () => {
  const codes = Object.fromEntries(["sub_campaign", "retention_action", "final_state", "cancellation_reason", ...Object.keys(offerOf), "advertising_acceptance"]
    .map((catalog) => [catalog, add(catalog, "", `TODO ${catalog}`)]));
  const o = await lib.opened(ana), never = await lib.opened(ana);
  const form = { sub_campaign: codes.sub_campaign, actions: [{ action: codes.retention_action, final_state: codes.final_state }], diagnosis: { reason: codes.cancellation_reason },
    competitor_offer: { ...Object.fromEntries(Object.entries(offerOf).map(([catalog, member]) => [member, codes[catalog]])), phone_to_manage: "944264648" },
    closure: { advertising_acceptance: codes.advertising_acceptance, stage: "en-proceso" } };
  ok(await ana.put(`${o.at}/typification`, form));
  for (const [catalog, code] of Object.entries(codes)) retire(catalog, code);
  const again = ok(await ana.put(`${o.at}/typification`, form)).json;
  assert.equal(again.competitor_offer.operator.label, "TODO operator");
  const faults = (r) => { assert.equal(r.status, 422, r.text); return r.json.errors.map((e) => `${e.pointer} ${e.code}`).sort(); };
  assert.equal(faults(await ana.put(`${never.at}/typification`, form)).length, 9);
  assert.deepEqual(faults(await ana.put(`${o.at}/typification`, { ...form, diagnosis: { reason: codes.operator } })), ["#/diagnosis/reason choice_unknown"]);
  assert.deepEqual(faults(await ana.put(`${o.at}/typification`, { ...form, competitor_offer: { ...form.competitor_offer, phone_to_manage: "1" } })), ["#/competitor_offer/phone_to_manage pattern"]);
  const closed = ok(await ana.put(`${o.at}/typification`, { ...form, closure: { ...form.closure, stage: "retenido" } })).json;
  assert.equal(closed.stage.code, "retenido");
  ok(await boss.post(`${o.at}/reopening`));
  ok(await ana.put(`${o.at}/closure`, { ...form.closure, stage: "no-retenido" }));
});
