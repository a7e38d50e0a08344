/*
 * What happens to a record when something around it changes: its client is erased, one of its values
 * retired, its advisor renamed, an answer withdrawn, or another part of it changed by somebody else.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const lib = require("./lib.js");
const { writes, writeNames, send, fingerprint, hold, pause, until, waiting, row } = require("./writes.js");

let world, ana, bea, boss, chief, make;
before(async () => {
  // The server's housekeeping would remove what `gestor purge` must find, and some requests must be able to wait for a lock.
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

/* ---------------------------------------------------------- documents */

/* While a rename of ana is not committed: sends the request, commits, and returns the answer. */
async function besideRename(request) {
  const commit = await hold(world.database, "update advisor set full_name = full_name || ' BIS' where username = 'E8153375'");
  const answer = request();
  await until("the request waits for the rename", () => waiting(world.database) > 0);
  await commit();
  return ok(await answer, 201).json;
}
const rendered = (table, id, render) => assert.equal(sql(`select document is not distinct from ${render} from ${table} r where id = ${id}`), "t");

test("opportunity_create: beside a rename that is not committed yet, the stored document has the name of the record's moment", async () => {
  const o = await lib.opened(ana), contact = ok(await ana.post(`/v1/clients/${o.client.id}/contacts`, lib.newContact()), 201).json;
  const { id } = await besideRename(() => ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" }));
  rendered("opportunity", id, "opportunity_document(r, false)");
});

test("contact_create, typification_create: the same of a contact", async () => {
  const client = await newClientId();
  const { id } = await besideRename(() => ana.post(`/v1/clients/${client}/contacts`, lib.newContact()));
  rendered("contact", id, "contact_document(r, false)");
  const o = await besideRename(() => ana.post("/v1/typifications", { client_id: client, contact: lib.newContact(), sub_campaign: "entel" }));
  rendered("contact", o.contact_id, "contact_document(r, false)");
  /* A change by hand of the advisor waits for the rename too. */
  const commit = await hold(world.database, "update advisor set full_name = full_name || ' BIS' where username = 'E8123497'");
  const changed = hold(world.database, `update contact set advisor_id = ${idOf("E8123497")}, created_at = now() + interval '1 minute' where id = ${id}`);
  await until("the change waits for the rename", () => sql("select count(*) from pg_locks where not granted") !== "0");
  await commit();
  await (await changed)();
  rendered("contact", id, "contact_document(r, false)");
  assert.match(sql(`select document from contact where id = ${id}`), / BIS"/);
});

/* -------------------------------------------- used keys of an erased client */

const keyed = writeNames("session_create", "session_refresh", "session_delete").filter((id) => !id.startsWith("catalog_"));
/* A webhook and its deliveries are of an account, and a handover of two: they have no client's data. */
const ofClient = keyed.filter((id) => !/^(webhook|delivery)_/.test(id) && id !== "advisor_handover");

/* clientOf(id, rq, first) - the client whose record this write changes; `first` is its answer. */
async function clientOf(id, rq, first) {
  /* A merge answers with the client that stays, its undo with the one that is back. */
  if (["client_create", "client_merge", "client_merge_undo"].includes(id)) return first.json.id;
  if (first.json && first.json.client_id) return first.json.client_id;
  const [, kind, number] = rq.where.split("/").slice(1);
  return kind === "clients" ? number : (await ana.get(`/v1/${kind}/${number}`)).json.client_id;
}

for (const id of ofClient)
  test(`${id}: after the client's erasure a retry with the key is 409 client_erased and changes nothing; after a day the key is free`, async () => {
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
    assert.deepEqual((await ana.get(`/v1/clients?document_number=${document}`)).json.items, [], "the retry does not register the person again");
    assert.equal(sql(`select concat_ws(' ', status, location, body) from idempotency where key = '${key}'`), "409", "the stored response has no personal data");

    sql(`update idempotency set created_at = now() - interval '23 hours 59 minutes' where key = '${key}'`);
    refused(await send(rq, by(key)), 409, "client_erased");
    sql(`update idempotency set created_at = now() - interval '24 hours 1 second' where key = '${key}'`);
    const fresh = await send(rq, by(key), rq.other ? { body: rq.other } : {});
    assert.equal(fresh.headers["idempotent-replayed"], undefined);
    if (["client_create", "typification_create"].includes(id)) assert.notEqual(ok(fresh, 201).json.id, first.json.id);
    else if (id === "opportunity_transfer") refused(fresh, 403, "not_owner");
    else if (id === "client_merge_undo") refused(fresh, 409, "client_not_merged");
    else refused(fresh, 409, "client_erased");
  });

test("client_create, contact_create: the same after an erasure by `gestor purge`", async () => {
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

test("typification_create, action_create: the answer is the same if a choice of the request was retired since", async () => {
  const code = add("retention_action", "", "HERRAMIENTA DE UN DÍA");
  const o = await lib.opened(ana), body = { action: code }, call = { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", actions: [body] };
  const keys = [newKey(), newKey()], made = ok(await ana.post("/v1/typifications", call, by(keys[0])), 201);
  ok(await ana.post(`${o.at}/actions`, body, by(keys[1])), 201);
  for (const client of [made.json.client_id, o.client.id]) await erase(client);
  retire("retention_action", code);
  refused(await ana.post("/v1/typifications", call, by(keys[0])), 409, "client_erased");
  refused(await ana.post(`${o.at}/actions`, body, by(keys[1])), 409, "client_erased");
});

test("client_erase: stored responses of other clients stay, for every operation", async () => {
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
/* By title: {catalog, pointer of the fault, shown: where the answer has the choice, make(), save(o, code, query)}. */
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
/* isRefused(r, m, code, allowed) - checks that the choice is the only fault. */
function isRefused(r, m, code, allowed) {
  assert.equal(r.status, 422, r.text);
  assert.deepEqual(r.json.errors.map((e) => [e.pointer, e.code]), [[m.pointer, code]], r.text);
  if (allowed) assert.deepEqual(r.json.errors[0].allowed, allowed);
  else assert.ok(r.json.errors[0].allowed.length > 0);
}

for (const [title, m] of Object.entries(members)) {
  test(`${title}: a record that holds a retired value can keep it unchanged; no other record can choose it`, async () => {
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
      /* Once the record has given the value up, it cannot choose it again. */
      ok(await m.save(o, stays));
      isRefused(await m.save(o, value), m, "choice_unknown");
      retire(m.catalog, value, true);
      assert.equal(at(ok(await m.save(o, value)).json, m.shown).label, "OTRO NOMBRE", "chosen anew");
    } finally {
      retire(m.catalog, value);
      retire(m.catalog, stays);
    }
  });

  test(`${title}: if another request replaces a retired value first, a waiting request cannot save it again`, async () => {
    const parent = m.parent || "", value = add(m.catalog, parent, "SE QUITA"), stays = add(m.catalog, parent, "LO QUE QUEDA");
    try {
      const o = await m.make();
      ok(await m.save(o, value));
      const now = ok(await ana.get(o.at)).json;
      retire(m.catalog, value);
      /* A change by SQL that commits after the request has read the record and before it gets the lock. */
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

  if (m.deep) test(`${title}: a record can also keep a value whose parent was retired, or that has new values below it`, async () => {
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

test("action_create, action_update: a row cannot choose a retired value that another row holds", async () => {
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
  assert.equal(ok(await ana.patch(holds, { final_state: "atendido" })).json.action.code, action, "an absent member stays");
});

test("typification_put: a form can be saved again though all its values were retired; another fault is reported alone", async () => {
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

/* ---------------------------------------------------------------- withdrawals */

const consents = async (client) => (await ana.get(`/v1/clients/${client}/consents?limit=100`)).json.items;
const answers = async (client) => (await consents(client)).map((c) => c.advertising_acceptance && c.advertising_acceptance.code).reverse();
const advertising = async (client) => { const { advertising } = (await ana.get(`/v1/clients/${client}`)).json; return advertising && advertising.acceptance.code; };

for (const [operation, save] of Object.entries({
  closure_put: (as, o, answer, stage = "en-proceso") => as.put(`${o.at}/closure`, { stage, ...(answer === undefined ? {} : { advertising_acceptance: answer }) }),
  typification_put: (as, o, answer, stage = "en-proceso") => as.put(`${o.at}/typification`, { closure: { stage, ...(answer === undefined ? {} : { advertising_acceptance: answer }) } }),
}))
  test(`${operation}: withdrawing an answer leaves one entry, and the client shows no answer`, async () => {
    const o = await lib.opened(ana), id = o.client.id, expected = [];
    const saved = async (answer, entry, as = ana) => {
      ok(await save(as, o, answer));
      if (entry !== undefined) expected.push(entry);
      assert.deepEqual(await answers(id), expected, `after ${answer}`);
      assert.equal(await advertising(id), expected.at(-1) ?? null);
      assert.equal((await ana.get(o.at)).json.closure.advertising_acceptance?.code ?? null, answer ?? null);
    };
    await saved(undefined);
    await saved(null);
    await saved("acepto", "acepto");
    await saved("acepto");
    const was = await ana.get(`/v1/clients/${id}`);
    await saved(undefined, null, boss);
    await saved(undefined);
    await saved(null);
    const [withdrawal] = await consents(id);
    assert.deepEqual({ ...withdrawal, created_at: 0, advisor: withdrawal.advisor.username },
      { advertising_acceptance: null, opportunity_id: o.opportunity.id, contact_id: o.contact.id, advisor: "E8000001", source: null, note: null, created_at: 0 });
    const now = await ana.get(`/v1/clients/${id}`, { "if-none-match": was.headers.etag });
    assert.deepEqual([now.status, now.json.advertising], [200, null]);
    const { consents: ledger } = (await chief.get(`/v1/clients/${id}/personal-data`)).json;
    assert.deepEqual([ledger.current, ledger.history.length], [withdrawal, 2]);
    await saved("acepto", "acepto");
    await saved("no-acepto", "no-acepto");
    await saved(null, null);
    assert.equal(sql(`select count(*) from audit where object_type = 'consent' and client_id = ${id}`), String(expected.length));

    /* A form without a closure, validate_only and a refusal withdraw nothing. */
    await saved("acepto", "acepto");
    ok(await ana.put(`${o.at}/typification`, { diagnosis: { reason: lib.reason } }));
    ok(await ana.put(`${o.at}/closure?validate_only=true`, { stage: "en-proceso" }));
    assert.equal((await save(ana, o, undefined, "retenido")).status, 422);
    assert.deepEqual(await answers(id), expected);
    /* Closing again after a reopening leaves an entry only if the answer differs. */
    const { closure, ...rest } = lib.form();
    assert.ok(closure);
    ok(await ana.put(`${o.at}/typification`, rest));
    ok(await save(ana, o, "acepto", "retenido"));
    ok(await boss.post(`${o.at}/reopening`));
    ok(await save(ana, o, "acepto", "retenido"));
    assert.deepEqual(await answers(id), expected);
    ok(await boss.post(`${o.at}/reopening`));
    ok(await save(ana, o, undefined));
    ok(await save(ana, o, "no-acepto", "no-retenido"));
    assert.deepEqual(await answers(id), [...expected, null, "no-acepto"]);
  });

test("closure_put, typification_create: the newest entry of all opportunities counts, also a withdrawal", async () => {
  const o = await lib.opened(ana), id = o.client.id, call = { client_id: id, contact: lib.newContact(), sub_campaign: "entel" };
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso", advertising_acceptance: "no-acepto" }));
  ok(await ana.post("/v1/typifications", call), 201);
  assert.equal(await advertising(id), "no-acepto", "a call without an answer is no withdrawal");
  const other = ok(await ana.post("/v1/typifications", { ...call, closure: { stage: "en-proceso", advertising_acceptance: "acepto" } }), 201).headers.location;
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso" }));
  assert.deepEqual([await answers(id), await advertising(id)], [["no-acepto", "acepto", null], null]);
  ok(await ana.put(`${other}/closure`, { stage: "en-proceso", advertising_acceptance: "acepto" }));
  assert.deepEqual(await answers(id), ["no-acepto", "acepto", null], "that opportunity's answer did not change");
});

test("closure_put: simultaneous withdrawals of one answer leave one entry", async () => {
  const o = await lib.opened(ana);
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso", advertising_acceptance: "acepto" }));
  for (const r of await Promise.all(Array.from({ length: 12 }, () => ana.put(`${o.at}/closure`, { stage: "en-proceso" })))) ok(r);
  assert.deepEqual(await answers(o.client.id), ["acepto", null]);
});

/* ----------------------------------------- what If-Match is compared with */

/* anotherDay(run) - runs it while the database, which renders what a write answers, has another day than the service, which shows what is read. */
async function anotherDay(run) {
  const day = (days) => sql(`create or replace function today() returns date language sql stable return (now() at time zone 'America/Lima')::date + ${days}`);
  day(1);
  try {
    return await run();
  } finally {
    day(0);
  }
}

test("client_update: changes of derived members cause no 412, but a read with If-None-Match sees them", async () => {
  const o = await lib.opened(ana), there = `/v1/clients/${o.client.id}`;
  const day = sql("select to_char((now() at time zone 'America/Lima')::date, 'MM-DD')");
  ok(await ana.patch(there, { birth_date: `1988-${day}` }));
  const first = (await ana.get(there)).headers.etag;
  const still = async (tag, what) => {
    const r = await ana.get(there, { "if-none-match": tag });
    assert.equal(r.status, 200, `${what}: the read sees it`);
    assert.notEqual(r.headers.etag, tag);
    ok(await ana.patch(`${there}?validate_only=true`, { gender: "F" }, { "if-match": tag }));
    ok(await ana.patch(there, {}, { "if-match": tag }));
    ok(await ana.patch(there, {}, { "if-match": first }));
    assert.equal((await ana.patch(there, {}, { "if-none-match": tag })).status, 412, "for a write the record is unchanged");
    return r.headers.etag;
  };
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso", advertising_acceptance: "acepto" }));
  let tag = await still(first, "the answer about advertising");
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso" }));
  tag = await still(tag, "its withdrawal");
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso", advertising_acceptance: "acepto" }));
  tag = await still(tag, "the answer again");
  sql(`update advisor set full_name = full_name || ' DOS' where username = 'E8153375'`);
  await pause(5);
  ok(await ana.put(`${o.at}/closure`, { stage: "en-proceso", advertising_acceptance: "no-acepto" }));
  tag = await still(tag, "an answer under the advisor's new name");
  const before = await anotherDay(async () => ok(await ana.patch(there, {}, { "if-match": tag })));
  assert.equal(before.json.experience.birthday_today, false);
  assert.equal((await ana.get(there)).json.experience.birthday_today, true);
  tag = before.headers.etag;
  await still(tag, "a birthday");
  ok(await ana.patch(there, { gender: "F" }, { "if-match": tag }));
  const own = (await ana.get(there)).headers.etag;
  ok(await bea.patch(there, { gender: "M" }, { "if-match": own }));
  for (const old of [first, tag, own]) refused(await ana.patch(there, { gender: "F" }, { "if-match": old }), 412, "precondition_failed");
  /* Each member that a change could overwrite. */
  for (const body of [{ name: "OTRO" }, { document_number: lib.newClient().document_number }, { phone: "955000111" }, { email: "x@y.pe" }, { birth_date: null }, { legal_representative: "X" },
    { sales: { plan: "X" } }, { sales: { lines: ["955000112"] } }, { sales: { activation_date: "2020-01-02" } }, { summary_360: { observed: true } }, { summary_360: { segment: "X" } },
    { experience: { expiring_points: 3 } }, { experience: { overdue_payment: "X" } }, { experience: { latam_partner: true } }, { document_type: "ce" }]) {
    const was = (await ana.get(there)).headers.etag;
    ok(await bea.patch(there, body));
    refused(await ana.patch(there, {}, { "if-match": was }), 412, "precondition_failed");
  }
});

/* By operation: [its part in `etags`, method, path, bodies to send one after the other]. */
const reasons = [lib.reason, "precio-y-contenido.contenido-prepago.no-recibio-su-recarga"];
const parts = {
  opportunity_update: ["opportunity", "PATCH", () => "", [{ service: { current_plan: "UNO" } }, { service: { current_plan: "DOS" } }]],
  action_create: ["actions", "POST", () => "/actions", [row, { ...row, final_state: null }]],
  action_update: ["actions", "PATCH", (o) => `/actions/${o.row}`, [{ final_state: "no-atendido" }, { final_state: null }]],
  action_delete: ["actions", "DELETE", (o) => `/actions/${o.row}`, []],
  diagnosis_put: ["diagnosis", "PUT", () => "/diagnosis", reasons.map((reason) => ({ reason }))],
  competitor_offer_put: ["competitor_offer", "PUT", () => "/competitor-offer", [lib.form().competitor_offer, { ...lib.form().competitor_offer, operator: "bitel" }]],
  closure_put: ["closure", "PUT", () => "/closure", ["acepto", "no-acepto"].map((advertising_acceptance) => ({ stage: "en-proceso", advertising_acceptance }))],
};
const write = (as, o, operation, n = 0, headers = {}, query = "") => {
  const [, method, path, bodies] = parts[operation];
  return as.request(method, o.at + path(o) + query, bodies[n], headers);
};

test("opportunity_get: all parts can be saved in any order with the tags of one read", async () => {
  const order = ["opportunity_update", "diagnosis_put", "competitor_offer_put", "closure_put", "action_update"];
  for (let turn = 0; turn < order.length; turn++) {
    const o = await withRow(), { headers: { etag }, json: { etags } } = await ana.get(o.at);
    assert.equal(etags.opportunity, etag);
    for (const operation of [...order.slice(turn), ...order.slice(0, turn)]) {
      const [part] = parts[operation];
      for (const tag of [etags[part], etag]) ok(await write(ana, o, operation, 0, { "if-match": tag }, "?validate_only=true"));
      const r = ok(await write(ana, o, operation, 0, { "if-match": turn % 2 === 0 ? etags[part] : etag }));
      const now = await ana.get(o.at);
      if (operation !== "opportunity_update") assert.equal(r.headers["opportunity-etag"], now.headers.etag, operation);
      else assert.equal(r.headers.etag, now.headers.etag);
      /* The part has changed, so its old tag no longer matches. */
      refused(await write(ana, o, operation, 1, { "if-match": etags[part] }), 412, "precondition_failed");
      refused(await write(boss, o, operation, 1, { "if-match": etag }), 412, "precondition_failed");
    }
  }
});

for (const [operation, [part]] of Object.entries(parts))
  test(`${operation}: 412 if its own part has changed, success if another part has; Opportunity-ETag equals the next read's ETag`, async () => {
    const change = async (o, other) => {
      const r = await write(boss, o, other, 1);
      assert.ok(r.status < 300, r.text);
    };
    for (const other of Object.keys(parts).filter((x) => x !== "action_delete")) {
      const o = await withRow(), { headers: { etag }, json: { etags } } = await ana.get(o.at), own = parts[other][0] === part;
      await change(o, other);
      for (const tag of [etag, etags[part]]) {
        const r = await write(ana, o, operation, 0, { "if-match": tag }, "?validate_only=true");
        if (own) refused(r, 412, "precondition_failed");
        else assert.ok(r.status < 300, `${other}: ${r.text}`);
      }
      const r = await write(ana, o, operation, 0, { "if-match": etag });
      if (own) { refused(r, 412, "precondition_failed"); continue; }
      assert.ok(r.status < 300, `${other}: ${r.text}`);
      const now = await ana.get(o.at);
      if (part === "opportunity") { assert.equal(r.headers.etag, now.headers.etag); continue; }
      assert.equal(r.headers["opportunity-etag"], now.headers.etag);
      if (operation === "action_delete") { assert.equal(r.headers.etag, undefined); continue; }
      const alone = await ana.get(r.headers.location || o.at + parts[operation][2](o));
      assert.deepEqual([r.headers.etag, r.text], [alone.headers.etag, alone.text]);
      if (part !== "actions") assert.equal(r.headers.etag, now.json.etags[part]);
      const next = await ana.put(`${o.at}/typification`, { service: { current_plan: "SIGUE" }, ...lib.form(), closure: { stage: "en-proceso" } }, { "if-match": r.headers["opportunity-etag"] });
      assert.equal(next.status, 200, next.text);
    }
  });

test("action_update, action_delete: a change of other rows changes the grid's tag but not a row's", async () => {
  const o = await withRow(), one = `${o.at}/actions/${o.row}`, { headers: { etag } } = await ana.get(one), { json: { etags } } = await ana.get(o.at);
  ok(await boss.post(`${o.at}/actions`, row), 201);
  refused(await ana.patch(one, { final_state: null }, { "if-match": etags.actions }), 412, "precondition_failed");
  ok(await ana.patch(one, { final_state: null }, { "if-match": etag }));
  refused(await ana.delete(one, { "if-match": etag }), 412, "precondition_failed");
  ok(await ana.delete(one, { "if-match": (await ana.get(o.at)).json.etags.actions }), 204);
});

const sections = { opportunity: { service: { current_plan: "EN EL FORMULARIO" } }, actions: { actions: [row, row] }, diagnosis: { diagnosis: { reason: reasons[1] } },
  competitor_offer: { competitor_offer: lib.form().competitor_offer }, closure: { closure: { stage: "en-proceso", advertising_acceptance: "acepto" } } };
test("typification_put: 412 if one of its sections has changed, 200 if another has; a part's tag is refused for several sections", async () => {
  for (const touched of ["opportunity_update", "action_create", "diagnosis_put", "competitor_offer_put", "closure_put"]) {
    const o = await withRow(), { headers: { etag } } = await ana.get(o.at), [part] = parts[touched];
    assert.ok((await write(boss, o, touched, 1)).status < 300);
    const rest = Object.entries(sections).filter(([name]) => name !== part);
    const form = (list) => Object.assign({}, ...list.map(([, body]) => body));
    for (const body of [sections[part], form(Object.entries(sections))]) refused(await ana.put(`${o.at}/typification`, body, { "if-match": etag }), 412, "precondition_failed");
    for (const [, body] of rest) ok(await ana.put(`${o.at}/typification?validate_only=true`, body, { "if-match": etag }));
    const r = ok(await ana.put(`${o.at}/typification`, form(rest), { "if-match": etag }));
    assert.equal(r.headers.etag, (await ana.get(o.at)).headers.etag);
    assert.equal(r.json.etags.opportunity, r.headers.etag);
  }
  const o = await lib.opened(ana), { etags } = o.opportunity;
  refused(await ana.put(`${o.at}/typification`, { ...sections.diagnosis, ...sections.closure }, { "if-match": etags.diagnosis }), 412, "precondition_failed");
  ok(await ana.put(`${o.at}/typification`, sections.diagnosis, { "if-match": etags.diagnosis }));
});

test("opportunity_update, typification_put: sub campaign and service belong to one part", async () => {
  const o = await lib.opened(ana), { headers: { etag } } = await ana.get(o.at);
  ok(await boss.put(`${o.at}/typification`, { sub_campaign: "entel" }));
  ok(await ana.put(`${o.at}/typification?validate_only=true`, { service: { current_plan: "X" } }, { "if-match": etag }));
  const other = add("sub_campaign", "", "OTRA SUB CAMPAÑA");
  ok(await boss.put(`${o.at}/typification`, { sub_campaign: other }));
  retire("sub_campaign", other);
  refused(await ana.put(`${o.at}/typification`, { service: { current_plan: "X" } }, { "if-match": etag }), 412, "precondition_failed");
  refused(await ana.patch(o.at, { service: { current_plan: "X" } }, { "if-match": etag }), 412, "precondition_failed");
  ok(await ana.put(`${o.at}/diagnosis`, { reason: lib.reason }, { "if-match": etag }));
});

test("closure_put, opportunity_reopen: an old tag of the closure matches only while the closure is unchanged", async () => {
  const o = await lib.opened(ana), first = (await ana.get(o.at)).headers.etag;
  await finish(o);
  const closed = await boss.get(o.at);
  refused(await boss.post(`${o.at}/reopening`, undefined, { "if-match": first }), 412, "precondition_failed");
  ok(await boss.post(`${o.at}/reopening`, undefined, { "if-match": closed.json.etags.closure }));
  refused(await ana.put(`${o.at}/closure`, { stage: "en-proceso" }, { "if-match": closed.headers.etag }), 412, "precondition_failed");
  ok(await ana.put(`${o.at}/diagnosis`, { reason: reasons[1] }, { "if-match": closed.headers.etag }));
});

test("client_search, contact_list, opportunity_list, client_opportunity_list, action_list, advisor_list: each item's etag equals the ETag of the record's own GET", async () => {
  const o = await withRow(), { client } = o;
  await finish(o);
  const lists = { [`/v1/clients?document_number=${client.document_number}`]: "/v1/clients/", [`/v1/clients/${client.id}/contacts`]: "/v1/contacts/", "/v1/opportunities?limit=5": "/v1/opportunities/",
    [`/v1/clients/${client.id}/opportunities`]: "/v1/opportunities/", [`${o.at}/actions`]: `${o.at}/actions/`, "/v1/advisors?limit=3": "/v1/advisors/" };
  for (const [list, one] of Object.entries(lists)) {
    const { items } = ok(await chief.get(list)).json;
    assert.ok(items.length > 0, list);
    for (const item of items) assert.deepEqual(item, lib.listed(await chief.get(one + item.id)), list);
  }
  ok(await ana.patch(`/v1/clients/${client.id}`, { gender: "F" }, { "if-match": (await ana.get(Object.keys(lists)[0])).json.items[0].etag }));
});

/* ------------------------------------------------------- return=opportunity */

for (const operation of Object.keys(parts).filter((id) => id !== "opportunity_update"))
  test(`${operation}: return=opportunity answers the opportunity as the next read shows it; with and without it in replays and validate_only too`, async () => {
    const o = await withRow(), key = newKey(), deleted = operation === "action_delete", status = operation === "action_create" ? 201 : 200;
    const before = await ana.get(o.at);
    const preview = await write(ana, o, operation, 0, { "if-match": before.headers.etag }, "?return=opportunity&validate_only=true");
    assert.equal(preview.status, 200, preview.text);
    for (const name of ["etag", "opportunity-etag", "location"]) assert.equal(preview.headers[name], undefined, name);
    assert.equal(preview.json.id, o.opportunity.id);
    assert.equal((await ana.get(o.at)).headers.etag, before.headers.etag, "nothing was stored");
    const whole = await write(ana, o, operation, 0, by(key), "?return=opportunity"), now = await ana.get(o.at);
    assert.equal(whole.status, status, whole.text);
    assert.deepEqual([whole.text, whole.headers["opportunity-etag"]], [now.text, now.headers.etag]);
    const rows = ({ actions }) => actions.map(({ id, ...rest }) => rest);
    assert.deepEqual(rows(preview.json), rows(whole.json));
    assert.deepEqual(preview.json.actions.map((a) => a.id), whole.json.actions.map((a, n) => (operation === "action_create" && n === whole.json.actions.length - 1 ? "0" : a.id)));
    if (operation === "action_create") assert.equal(whole.headers.location, `${o.at}/actions/${whole.json.actions.at(-1).id}`);
    const part = deleted ? null : await ana.get(whole.headers.location || o.at + parts[operation][2](o));
    assert.equal(whole.headers.etag, deleted ? undefined : part.headers.etag, "ETag is the part's");

    /* A replay does not show a later change. */
    ok(await boss.patch(o.at, { service: { current_plan: "DESPUÉS" } }));
    const again = await write(ana, o, operation, 0, by(key), "?return=opportunity"), alone = await write(ana, o, operation, 0, by(key));
    for (const r of [again, alone]) {
      assert.equal(r.headers["idempotent-replayed"], "true");
      assert.equal(r.headers["opportunity-etag"], now.headers.etag);
      assert.equal(r.headers.location, whole.headers.location);
      assert.equal(r.headers.etag, whole.headers.etag);
    }
    assert.deepEqual([again.status, again.text], [status, now.text]);
    assert.deepEqual([alone.status, alone.text], deleted ? [204, ""] : [status, part.text]);
    for (const query of ["?return=part", "?return=true", "?return=Opportunity"]) lib.faultAt(await write(ana, o, operation, 0, {}, query), "#/return");

    /* First without return=opportunity, then with it and the same key. */
    const p = await withRow(), other = newKey();
    const bare = await write(ana, p, operation, 0, by(other)), stored = await ana.get(p.at);
    assert.equal(bare.status, deleted ? 204 : status, bare.text);
    assert.equal(bare.headers["opportunity-etag"], stored.headers.etag);
    const replayed = await write(ana, p, operation, 0, by(other), "?return=opportunity");
    assert.deepEqual([replayed.status, replayed.text, replayed.headers["idempotent-replayed"]], [status, stored.text, "true"]);
  });

test("opportunity_update, typification_put, opportunity_get: do not have the parameter return", async () => {
  const { at: there } = await lib.opened(ana);
  for (const r of [await ana.patch(`${there}?return=opportunity`, {}), await ana.put(`${there}/typification?return=opportunity`, { sub_campaign: "entel" }), await ana.get(`${there}/diagnosis?return=opportunity`)])
    refused(r, 400, "parameter_unknown");
});

/* ------------------------------------------------------------ renamed advisors */

let accounts = 0;
async function newAccount(more = {}) {
  if (more.role === "integration") return lib.machine(chief, world.base, more);
  const username = `E56${String(++accounts).padStart(5, "0")}`;
  const { id } = ok(await chief.post("/v1/advisors", { username, full_name: "NOMBRE PRIMERO", role: "advisor", password: lib.password, ...more }), 201).json;
  sql(`update advisor set must_change_password = false where id = ${id}`);
  return { id, username, as: lib.caller(world.base, ok(await world.anyone.post("/v1/sessions", { username, password: lib.password }), 201).json.access_token) };
}

test("advisor_update: a record shows the name that the advisor had when it was made, in every answer, after any number of renamings", async () => {
  const { id, username, as } = await newAccount(), names = [], made = [];
  const work = async (name) => {
    const o = await lib.opened(as), reason = `NOMBRE ${name}`;
    await finish(o, as);
    names.push(name);
    made.push({ ...o, reason, client: `/v1/clients/${o.client.id}` });
  };
  await work("NOMBRE PRIMERO");
  ok(await chief.patch(`/v1/advisors/${id}`, { full_name: "NOMBRE SEGUNDO" }));
  await work("NOMBRE SEGUNDO");
  sql(`update advisor set full_name = 'NOMBRE TERCERO', updated_at = now() where id = ${id}`);
  await work("NOMBRE TERCERO");
  ok(await chief.patch(`/v1/advisors/${id}`, { full_name: "NOMBRE PRIMERO" }));
  await work("NOMBRE PRIMERO");
  ok(await chief.patch(`/v1/advisors/${id}`, { full_name: "NOMBRE ÚLTIMO" }));
  assert.equal(ok(await chief.get(`/v1/advisors/${id}`)).json.full_name, "NOMBRE ÚLTIMO");
  assert.equal(sql(`select string_agg(full_name, ', ' order by until) from advisor_name where advisor_id = ${id}`), "NOMBRE PRIMERO, NOMBRE SEGUNDO, NOMBRE TERCERO, NOMBRE PRIMERO");
  assert.equal(ok(await as.get("/v1/sessions/current")).json.advisor.full_name, "NOMBRE ÚLTIMO", "the session shows the current name");

  const listed = (await ana.get(`/v1/opportunities?advisor=${username}`)).json.items;
  assert.equal(listed.length, 4);
  for (const [n, m] of made.entries()) {
    const advisor = { id, username, full_name: names[n] };
    const is = (shown, what) => assert.deepEqual(shown, advisor, `${names[n]}: ${what}`);
    is((await ana.get(m.at)).json.advisor, "opportunity_get");
    is(listed.find((o) => o.id === m.opportunity.id).advisor, "opportunity_list");
    is((await ana.get(`${m.client}/opportunities`)).json.items[0].advisor, "client_opportunity_list");
    const contact = ok(await ana.get(`/v1/contacts/${m.contact.id}`)).json;
    is(contact.advisor, "contact_get");
    assert.match(contact.greeting, new RegExp(`, soy ${username} de `), "the greeting has the username, which never changes");
    is((await ana.get(`${m.client}/contacts`)).json.items[0].advisor, "contact_list");
    is((await ana.get(m.client)).json.advertising.advisor, "client_get");
    is((await ana.get(`/v1/clients?document_number=${(await ana.get(m.client)).json.document_number}`)).json.items[0].advertising.advisor, "client_search");
    is((await ana.get(`${m.client}/consents`)).json.items[0].advisor, "client_consent_list");
    for (const where of [`${m.client}/audit`, `${m.at}/audit`, `/v1/audit?object_type=opportunity&object_id=${m.opportunity.id}`])
      for (const x of (await boss.get(where)).json.items) is(x.advisor, where);
    const { json: all } = await chief.get(`${m.client}/personal-data`);
    for (const shown of [all.contacts[0], all.opportunities[0], all.consents.current, all.consents.history[0], all.client.advertising]) is(shown.advisor, "client_personal_data");
    ok(await boss.get(m.client));
  }
  /* A change of an old record does not change the name in it; the new consent entry has the current name. */
  ok(await boss.post(`${made[0].at}/reopening`));
  const again = ok(await as.put(`${made[0].at}/closure`, { stage: "en-proceso", advertising_acceptance: "no-acepto" }, {})).headers["opportunity-etag"];
  const now = await ana.get(made[0].at);
  assert.deepEqual([now.json.advisor.full_name, now.headers.etag], ["NOMBRE PRIMERO", again]);
  assert.deepEqual((await consents(made[0].client.split("/").pop())).map((c) => c.advisor.full_name), ["NOMBRE ÚLTIMO", "NOMBRE PRIMERO"]);
  assert.equal((await ana.get(made[0].client)).json.advertising.advisor.full_name, "NOMBRE ÚLTIMO");
  /* The same name again, and a change of the role, add no old name. */
  ok(await chief.patch(`/v1/advisors/${id}`, { full_name: "NOMBRE ÚLTIMO" }));
  ok(await chief.patch(`/v1/advisors/${id}`, { role: "supervisor" }));
  assert.equal(sql(`select count(*) from advisor_name where advisor_id = ${id}`), "4");
});

test("audit_read_list, opportunity_get: reads and voidings also show the name of their time", async () => {
  const { id, as } = await newAccount({ role: "admin" }), o = await lib.opened(ana);
  ok(await as.get(o.at));
  ok(await as.post(`/v1/clients/${o.client.id}/erasure`));
  await until("it is recorded", () => sql(`select count(*) from audit_read where advisor_id = ${id} and operation = 'client_erase'`) === "1");
  const { etag } = (await ana.get(o.at)).headers;
  ok(await chief.patch(`/v1/advisors/${id}`, { full_name: "NOMBRE SEGUNDO" }));
  assert.deepEqual([...new Set((await boss.get(`/v1/audit/reads?advisor=${id}`)).json.items.map((x) => x.advisor.full_name))], ["NOMBRE PRIMERO"]);
  const now = await ana.get(o.at);
  assert.deepEqual([now.json.voided.advisor.full_name, now.headers.etag], ["NOMBRE PRIMERO", etag]);
});

/* ------------------------------------------------------------- contact_update */

const check = (asked, right) => ({ ownership_check: asked === null ? null : { asked, right } });

test("contact_update: sets, clears and corrects the ownership check; {} changes nothing", async () => {
  const made = await newContact(await newClientId()), there = `/v1/contacts/${made.id}`;
  assert.equal(made.ownership_check, null);
  for (const body of [check(3, 2), check(3, 3), check(null), check(1, 0), check(0, 0), check(null), check(null), check(3, 2)]) {
    const r = ok(await ana.patch(there, body)), now = await ana.get(there);
    assert.deepEqual(r.json, { ...made, ...body });
    assert.deepEqual([r.text, r.headers.etag], [now.text, now.headers.etag]);
  }
  const whole = fingerprint(world.database), was = await ana.get(there);
  for (const headers of [{}, { "if-match": was.headers.etag }, { "content-type": "application/merge-patch+json" }]) {
    const r = ok(await ana.patch(there, {}, headers));
    assert.deepEqual([r.text, r.headers.etag], [was.text, was.headers.etag]);
  }
  ok(await ana.patch(there, check(3, 2)));
  assert.equal(fingerprint(world.database), whole, "an empty change leaves no entry");
  const entries = (await boss.get(`/v1/audit?object_type=contact&object_id=${made.id}`)).json.items;
  assert.deepEqual(entries.filter((x) => x.action === "update").map((x) => [x.operation, x.before, x.after])[0], ["contact_update", { asked: null, right: null }, { asked: 3, right: 2 }]);
});

test("contact_update: an absent member of the ownership check stays; an incomplete check is refused", async () => {
  const made = await newContact(await newClientId()), there = `/v1/contacts/${made.id}`;
  for (const half of [{ right: 2 }, { asked: 2 }]) {
    const r = await ana.patch(there, { ownership_check: half });
    assert.deepEqual([r.status, r.json.errors?.map((e) => [e.pointer, e.code])], [422, [["#/ownership_check", "required"]]], r.text);
  }
  for (const [part, asked, right] of [[check(2, 1).ownership_check, 2, 1], [{ right: 2 }, 2, 2], [{ asked: 3 }, 3, 2], [{}, 3, 2], [{ asked: null, right: null }, null]])
    assert.deepEqual(ok(await ana.patch(there, { ownership_check: part })).json, { ...made, ...check(asked, right) });
});

test("contact_update: faults of the ownership check, and members that cannot be changed", async () => {
  const made = await newContact(await newClientId()), there = `/v1/contacts/${made.id}`;
  ok(await ana.patch(there, check(3, 2)));
  const whole = fingerprint(world.database);
  for (const [body, ...expected] of [
    [check(2, 3), "#/ownership_check/right right_range"], [check(0, 1), "#/ownership_check/right right_range"], [check(4, 3), "#/ownership_check/asked too_big"],
    [check(3, -1), "#/ownership_check/right too_small"], [{ ownership_check: { asked: 1 } }, "#/ownership_check/right right_range"], [{ ownership_check: { right: null } }, "#/ownership_check required"],
    [{ ownership_check: "3/2" }, "#/ownership_check type"], [{ ownership_check: [3, 2] }, "#/ownership_check type"], [{ ownership_check: { asked: 3, right: 2, wrong: 1 } }, "#/ownership_check/wrong unknown_property"],
    [{ origin_phone: "955000000", serial_number: "2505050000125674", greeting: "x", advisor: null },
      "#/advisor unknown_property", "#/greeting unknown_property", "#/origin_phone unknown_property", "#/serial_number unknown_property"],
  ]) {
    const r = await ana.patch(there, body);
    assert.equal(r.status, 422, JSON.stringify(body));
    assert.deepEqual(r.json.errors.map((e) => `${e.pointer} ${e.code}`).sort(), expected);
  }
  assert.equal(fingerprint(world.database), whole);
});

test("contact_update: allowed to its advisor, supervisors, administrators, and to an integration for its own contacts; the contact's advisor stays", async () => {
  const client = await newClientId(), made = await newContact(client), there = `/v1/contacts/${made.id}`;
  const { as: crm } = await newAccount({ role: "integration", rights: ["client_read", "contact_write"] });
  const { as: blind } = await newAccount({ role: "integration", rights: ["contact_write"] });
  for (const as of [bea, crm])
    for (const [query, headers] of [["", {}], ["?validate_only=true", {}], ["", { "if-match": (await ana.get(there)).headers.etag }], ["", { "if-match": "\"0\"" }], ["", by(newKey())]])
      refused(await as.patch(there + query, check(3, 1), headers), 403, "contact_not_owner");
  refused(await blind.patch(there, check(3, 1)), 403, "role_forbidden");
  for (const [n, as] of [ana, boss, chief].entries()) {
    const r = ok(await as.patch(there, check(3, n)));
    assert.deepEqual([r.json.ownership_check.right, r.json.advisor.username], [n, "E8153375"]);
  }
  const own = await newContact(client, crm), r = ok(await crm.patch(`/v1/contacts/${own.id}`, check(2, 1)));
  assert.deepEqual([r.json.ownership_check, r.json.origin_phone], [{ asked: 2, right: 1 }, "***"]);
  refused(await ana.patch(`/v1/contacts/${own.id}`, check(2, 2)), 403, "contact_not_owner");
  refused(await ana.patch("/v1/contacts/999999999", check(2, 2)), 404, "not_found");
});

test("contact_update: not while its opportunity is finished, and not for an erased client", async () => {
  const o = await lib.opened(ana), there = `/v1/contacts/${o.contact.id}`;
  ok(await ana.patch(there, check(3, 2)));
  await finish(o);
  for (const as of [ana, boss, chief]) refused(await as.patch(there, check(3, 3)), 409, "opportunity_finished");
  refused(await bea.patch(there, check(3, 3)), 403, "contact_not_owner");
  refused(await ana.patch(there, {}), 409, "opportunity_finished");
  ok(await boss.post(`${o.at}/reopening`));
  assert.deepEqual(ok(await ana.patch(there, check(3, 3))).json, { ...o.contact, ...check(3, 3), opportunity_id: o.opportunity.id });
  const spare = await newContact(o.client.id);
  await erase(o.client.id);
  for (const contact of [o.contact, spare]) for (const as of [ana, boss]) refused(await as.patch(`/v1/contacts/${contact.id}`, check(3, 0)), 409, "client_erased");
  assert.deepEqual((await ana.get(there)).json.ownership_check, { asked: 3, right: 3 });
});

test("contact_update: If-Match depends on the ownership check alone: a new opportunity or client name causes no 412", async () => {
  const client = await newClientId(), made = await newContact(client), there = `/v1/contacts/${made.id}`, first = (await ana.get(there)).headers.etag;
  ok(await ana.post("/v1/opportunities", { contact_id: made.id, sub_campaign: "entel" }), 201);
  ok(await ana.patch(`/v1/clients/${client}`, { name: "OTRO NOMBRE" }));
  assert.equal((await ana.get(there, { "if-none-match": first })).status, 200, "a read sees both changes");
  ok(await ana.patch(`${there}?validate_only=true`, check(3, 2), { "if-match": first }));
  ok(await ana.patch(there, check(3, 2), { "if-match": first }));
  refused(await boss.patch(there, check(3, 1), { "if-match": first }), 412, "precondition_failed");
  ok(await boss.patch(there, check(null), { "if-match": (await ana.get(there)).headers.etag }));
  ok(await ana.patch(there, check(3, 3), { "if-match": first }), 200);
});

test("contact_update: waits for a closing in progress, and is then refused", async () => {
  for (const [what, statement] of [["finished", (o) => `update opportunity set (stage_id, stage) = (select i.id, i.choice from catalog_item i where i.code = 'retenido'), closed_at = clock_timestamp() where id = ${o.opportunity.id}`],
    ["voided", (o) => `update opportunity set voided_at = clock_timestamp(), void_reason = 'ERROR' where id = ${o.opportunity.id}`]]) {
    const o = await lib.opened(ana), { closure, ...rest } = lib.form(), there = `/v1/contacts/${o.contact.id}`;
    ok(await ana.put(`${o.at}/typification`, { ...rest, closure: { ...closure, stage: "en-proceso" } }));
    const release = await hold(world.database, statement(o));
    const late = [ana.patch(there, check(3, 2)), boss.patch(there, check(3, 1), { "if-match": "*" })];
    await until("both wait", () => waiting(world.database) === 2);
    await release();
    for (const r of await Promise.all(late)) refused(r, 409, `opportunity_${what}`);
    assert.equal((await ana.get(there)).json.ownership_check, null);
  }
  /* Without a lock by the test: every change that got 200 happened before the closing. */
  for (let round = 0; round < 15; round++) {
    const o = await lib.opened(ana), there = `/v1/contacts/${o.contact.id}`;
    const tries = Array.from({ length: 6 }, (_, n) => ana.patch(there, check(3, n % 4)));
    const [closed, ...all] = await Promise.all([ana.put(`${o.at}/typification`, lib.form()), ...tries]);
    ok(closed);
    for (const r of all) assert.ok(r.status === 200 || r.json.code === "opportunity_finished", r.text);
    const last = sql(`select count(*) from audit where object_type = 'contact' and object_id = ${o.contact.id} and action = 'update' and at > '${closed.json.closure.closed_at}'`);
    assert.equal(last, "0");
  }
});

/* ------------------------------------------------ open opportunities at an erasure */

const codes = (r) => { ok(r); return r.json.items.map((o) => o.id); };

for (const [who, erased] of Object.entries({ client_erase: (client) => erase(client), "gestor purge": (client) => { age(client, 400); assert.match(purge(365), /365 days: 1 erased/); } }))
  test(`${who}: voids open opportunities, which are then listed only with voided=true, and leaves finished ones`, async () => {
    const client = await newClientId(), open = [], call = { client_id: client, contact: lib.newContact(), sub_campaign: "entel" };
    for (let n = 0; n < 2; n++) open.push(ok(await ana.post("/v1/typifications", { ...call, ...lib.form(), closure: undefined }), 201).json);
    const finished = ok(await ana.post("/v1/typifications", { ...call, ...lib.form() }), 201).json, other = (await lib.opened(ana)).opportunity;
    await erased(client);
    const at = (o) => `/v1/opportunities/${o.id}`, { json: person } = await ana.get(`/v1/clients/${client}`);
    for (const o of open) {
      const { voided, ...now } = ok(await ana.get(at(o))).json;
      const advisor = who === "client_erase" ? { id: idOf("E8000002"), username: "E8000002", full_name: "NOMBRE DE E8000002" } : null;
      assert.deepEqual(voided, { at: person.erased_at, advisor, reason: "CLIENTE BORRADO" });
      assert.deepEqual([now.stage.code, now.closure.closed_at, now.updated_at], ["en-proceso", null, person.erased_at]);
      assert.deepEqual([now.actions, now.diagnosis], [o.actions, o.diagnosis]);
    }
    const done = ok(await ana.get(at(finished))).json;
    assert.deepEqual([done.voided, done.stage.code, done.closure.closed_at], [null, "retenido", finished.closure.closed_at]);
    assert.equal((await ana.get(at(other))).json.voided, null);

    const ids = open.map((o) => o.id).reverse();
    const whole = async (query) => {
      const found = [];
      for (let cursor = ""; cursor !== null;) {
        const r = ok(await ana.get(`/v1/opportunities?limit=100&${query}${cursor && `&cursor=${cursor}`}`));
        found.push(...r.json.items.map((o) => o.id));
        cursor = r.json.next;
      }
      return found;
    };
    for (const query of ["stage=en-proceso", "", "advisor=E8153375", "stage=en-proceso&voided=false", `reason=${lib.reason}`]) assert.deepEqual((await whole(query)).filter((id) => ids.includes(id)), [], query);
    assert.ok((await whole("stage=en-proceso")).includes(other.id));
    assert.ok((await whole("stage=retenido")).includes(finished.id));
    for (const query of ["voided=true", "stage=en-proceso&voided=true", "advisor=E8153375&voided=true", `reason=${lib.reason}&stage=en-proceso&voided=true`]) {
      const found = await whole(query);
      assert.deepEqual(found.filter((id) => [...ids, finished.id, other.id].includes(id)), ids, query);
    }
    assert.deepEqual(codes(await ana.get(`/v1/clients/${client}/opportunities`)), [finished.id]);
    assert.deepEqual(codes(await ana.get(`/v1/clients/${client}/opportunities?voided=false`)), [finished.id]);
    assert.deepEqual(codes(await ana.get(`/v1/clients/${client}/opportunities?voided=true`)).sort(), [...ids].sort());
    const page = ok(await ana.get(`/v1/clients/${client}/opportunities?voided=true&limit=1`));
    assert.match(page.headers.link, /voided=true/);
    assert.equal(codes(await ana.get(`/v1/clients/${client}/opportunities?voided=true&limit=1&cursor=${page.json.next}`)).length, 1);
    refused(await ana.get(`/v1/clients/${client}/opportunities?limit=1&cursor=${page.json.next}`), 400, "cursor_invalid");
    for (const query of ["voided=si", "voided=TRUE", "voided=1"]) lib.faultAt(await ana.get(`/v1/opportunities?${query}`), "#/voided");
    assert.deepEqual((await chief.get(`/v1/clients/${client}/personal-data`)).json.opportunities.map((o) => [o.id, o.voided !== null]).sort(), [...ids.map((id) => [id, true]), [finished.id, false]].sort());

    const changed = fingerprint(world.database), form = lib.form();
    for (const as of [ana, boss, chief])
      for (const [method, path, body] of [["PATCH", "", {}], ["PATCH", "", { service: { current_plan: "X" } }], ["POST", "/actions", row], ["PATCH", `/actions/${open[0].actions[0].id}`, { final_state: null }],
        ["DELETE", `/actions/${open[0].actions[0].id}`], ["PUT", "/diagnosis", form.diagnosis], ["PUT", "/competitor-offer", form.competitor_offer], ["PUT", "/closure", form.closure], ["PUT", "/typification", form],
        ...(as === ana ? [] : [["POST", "/reopening"]])])
        refused(await as.request(method, at(open[0]) + path, body), 409, "client_erased");
    assert.equal(fingerprint(world.database), changed);
  });

test("opportunity_update, opportunity_reopen and all other changes: an opportunity voided for another reason is 409 opportunity_voided", async () => {
  const o = await withRow(), form = lib.form(), there = `/v1/contacts/${o.contact.id}`;
  sql(`update opportunity set voided_at = now(), voided_by = ${idOf("E8000001")}, void_reason = 'REGISTRADA POR ERROR' where id = ${o.opportunity.id}`);
  const { voided } = ok(await ana.get(o.at)).json;
  assert.deepEqual([voided.advisor.username, voided.reason], ["E8000001", "REGISTRADA POR ERROR"]);
  for (const [method, path, body] of [["PATCH", "", {}], ["POST", "/actions", row], ["PATCH", `/actions/${o.row}`, { final_state: null }], ["DELETE", `/actions/${o.row}`], ["PUT", "/diagnosis", form.diagnosis],
    ["PUT", "/competitor-offer", form.competitor_offer], ["PUT", "/closure", form.closure], ["PUT", "/typification", form]]) {
    for (const query of ["", "?validate_only=true"]) refused(await ana.request(method, o.at + path + query, body), 409, "opportunity_voided");
    refused(await bea.request(method, o.at + path, body), 403, "not_owner");
  }
  refused(await boss.post(`${o.at}/reopening`), 409, "opportunity_voided");
  refused(await ana.patch(there, check(3, 2)), 409, "opportunity_voided");
  refused(await ana.post("/v1/opportunities", { contact_id: o.contact.id, sub_campaign: "entel" }), 409, "contact_has_opportunity");
});

/* -------------------------------------------------------- simultaneous requests */

test("client_erase, closure_put, client_update, typification_put, contact_update: simultaneous requests for one client cause no deadlock, and each happens before or after the erasure", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_QUERY_TIMEOUT_MS: "20000", GESTOR_CHECK_MS: "600000" } });
  const [a, b, c] = [ana, boss, chief].map((as) => lib.caller(server.base, as.token));
  const { closure, ...rest } = lib.form(), erasures = { first: 0, last: 0 };
  const deadlocks = () => Number(lib.sql(world.database.superuser, "select deadlocks from pg_stat_database where datname = current_database()")), were = deadlocks();
  for (let round = 0; round < (process.env.TEST_PLANNER ? 40 : 200); round++) {
    const o = await lib.opened(ana), there = `/v1/clients/${o.client.id}`, spare = await newContact(o.client.id);
    ok(await ana.put(`${o.at}/typification`, rest));
    const writes = [
      () => a.put(`${o.at}/closure`, { ...closure, advertising_acceptance: round % 3 ? "acepto" : "no-acepto", stage: "en-proceso" }),
      () => a.patch(there, { phone: "955888777", name: "NOMBRE DE NADIE" }),
      () => b.put(`${o.at}/typification`, { ...rest, competitor_offer: { ...rest.competitor_offer, phone_to_manage: "955888666" }, closure: { ...closure, stage: round % 2 ? "retenido" : "en-proceso" } }),
      () => b.patch(`/v1/contacts/${o.contact.id}`, check(3, 2)),
      () => a.post("/v1/opportunities", { contact_id: spare.id, sub_campaign: "entel" }),
      () => a.post("/v1/typifications", { client_id: o.client.id, contact: lib.newContact({ origin_phone: "955888555" }), sub_campaign: "entel", closure: { stage: "en-proceso", advertising_acceptance: "acepto" } }),
    ];
    /* Each round sends the erasure at another place. */
    const all = [...writes.slice(0, round % 7), () => c.post(`${there}/erasure`), ...writes.slice(round % 7)];
    const answered = await Promise.all(all.map((run) => run()));
    for (const [n, r] of answered.entries()) {
      if (n === round % 7) ok(r);
      else assert.ok(r.status < 300 || ["client_erased", "opportunity_finished"].includes(r.json.code), `round ${round}: ${r.text}`);
    }
    const late = answered.filter((r) => r.json.code === "client_erased").length;
    erasures.first += late > 0;
    erasures.last += late < writes.length;

    const person = (await ana.get(there)).json;
    assert.deepEqual([person.name, person.phone], ["BORRADO", null]);
    assert.equal(sql(`select count(*) from contact where client_id = ${o.client.id} and (origin_phone is not null or serial_number is not null)`), "0");
    assert.equal(sql(`select count(*) from opportunity where client_id = ${o.client.id} and (phone_to_manage is not null or erased_at is null
      or (closed_at is null) <> (voided_at is not null))`), "0", "erased, and voided if it was open");
    const ledger = sql(`select count(*) from consent n where n.client_id = ${o.client.id} and n.created_at > '${person.erased_at}'`);
    assert.equal(ledger, "0", "no consent was recorded after the erasure");
  }
  assert.ok(erasures.first > 0 && erasures.last > 0, JSON.stringify(erasures));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.doesNotMatch(server.log(), /40P01|SQLSTATE|"level":"(warn|error)"/);
  assert.equal(deadlocks(), were);
});

test("typification_put: an unchanged grid keeps its rows; a changed one gets new rows, in the given order", async () => {
  const { at } = await lib.opened(ana);
  const [bono, migration] = ["bono-gb.bono-4-gb-por-12-meses", "migracion-postpago.max-49-90-50-por-3-meses"];
  const save = async (actions, more = {}) => {
    const r = await ana.put(`${at}/typification`, { actions, ...more });
    assert.equal(r.status, 200, r.text);
    return r.json;
  };
  const grid = [{ action: bono, final_state: "atendido" }, { action: migration }, { action: bono, final_state: "atendido" }];
  const first = await save(grid), again = await save(grid.map((row) => ({ final_state: null, ...row })), { diagnosis: { reason: lib.reason } });
  assert.deepEqual(again.actions, first.actions);
  assert.equal(again.etags.actions, first.etags.actions);
  assert.equal((await ana.patch(`${at}/actions/${first.actions[1].id}`, { final_state: "no-atendido" })).status, 200);
  for (const other of [grid, [grid[1], grid[0], grid[2]], grid.slice(0, 2), [...grid, grid[0]], []]) {
    const before = (await ana.get(at)).json, now = await save(other);
    assert.deepEqual(now.actions.map((a) => [a.action.code, a.final_state && a.final_state.code]), other.map((a) => [a.action, a.final_state ?? null]));
    assert.ok(now.actions.every((a) => !before.actions.some((b) => b.id === a.id)));
  }
  assert.deepEqual((await save(grid, { closure: { stage: "en-proceso" } })).missing, ["actions.final_state", "closure.advertising_acceptance", "competitor_offer.phone_to_manage"].sort((a, b) => first.missing.indexOf(a) - first.missing.indexOf(b)));
});
