"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { openapi, operations } = require("./coverage.js");
const { writes, writeNames, send, fingerprint, until, row } = require("./writes.js");

let world, ana, bea, boss, make;
before(async () => {
  world = await lib.world({ env: { GESTOR_POOL_SIZE: "4" } });
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  make = writes(world, { ana, boss });
});
after(() => world.end());

const all = writeNames();

/* Those of accounts and erasures have tests of their own: accounts.test.js, oauth.test.js, erasure.test.js, privacy_rights.test.js. */
const elsewhere = ["draft_put", "draft_delete", "password_put", "client_erase", "advisor_create", "advisor_update", "advisor_password_put",
  "advisor_password_delete", "advisor_secret_create", "advisor_secret_delete", "oauth_token",
  /* A file has its own rehearsal, mode=dry_run: import.test.js. */
  "import_create", "import_cancel"];
test("writes.js has a request for every operation that writes", () => {
  const ids = operations(openapi()).filter((op) => op.method !== "GET").map((op) => op.id);
  assert.deepEqual([...all, ...elsewhere].sort(), ids.sort());
});
/* validateOnly(rq, headers, change) - sends the request with validate_only=true. */
const validateOnly = (rq, headers = {}, change = {}) => send(rq, headers, { ...change, where: `${change.where || rq.where}?validate_only=true` });

/*
 * comparable(preview, real) - both answers without what a preview cannot know: new ids ("0" in the preview), times, tokens, and
 * the entity tags of parts with such ids and times.
 */
function comparable(preview, real, key = "") {
  if (preview === "0" && /(^|_)id$/.test(key) || preview === "" && /^(access_token|refresh_token|secret)$/.test(key)) {
    assert.equal(typeof real, "string");
    return [null, null];
  }
  if (key === "event_id" && /^test-/.test(preview)) return [null, null];
  if (/(^|_)at$|^valid_until$/.test(key) && typeof preview === "string") {
    assert.equal(typeof real, "string");
    return ["instant", "instant"];
  }
  if (key === "etags") {
    assert.deepEqual(Object.keys(preview), Object.keys(real));
    for (const tag of Object.values(preview)) assert.match(tag, /^"[0-9a-f.-]{1,101}"$/);
    return [preview, real].map(({ diagnosis, competitor_offer }) => ({ diagnosis, competitor_offer }));
  }
  if (preview === null || typeof preview !== "object" || real === null || typeof real !== "object") return [preview, real];
  const pairs = Object.keys({ ...preview, ...real }).map((k) => [k, comparable(preview[k], real[k], Array.isArray(preview) ? "" : k)]);
  return [0, 1].map((n) => Object.fromEntries(pairs.filter(([k]) => k in [preview, real][n]).map(([k, v]) => [k, v[n]])));
}
const same = (preview, real, what) => { const [p, r] = comparable(preview, real); assert.deepEqual(p, r, what); };

for (const id of all)
  test(`${id}: validate_only answers what the real request answers afterwards, and stores nothing`, async () => {
    const rq = await make[id](), whole = fingerprint(world.database);
    const headers = rq.tagged ? { "if-match": (await rq.as.get(rq.tagged)).headers.etag } : {};
    const preview = await validateOnly(rq, headers);
    assert.equal(preview.status, rq.method === "DELETE" && id !== "follow_up_delete" ? 204 : 200, preview.text);
    for (const name of ["location", "etag", "idempotent-replayed"]) assert.equal(preview.headers[name], undefined, name);
    assert.equal(preview.headers["cache-control"], "no-store");
    same((await validateOnly(rq)).json, preview.json, "twice the same");
    assert.equal(fingerprint(world.database), whole, "nothing was stored");
    const real = await send(rq, headers, { where: `${rq.where}?validate_only=false` });
    assert.equal(real.status, rq.creates ? 201 : rq.later ? 202 : preview.status, real.text);
    if (id !== "webhook_test" && !rq.later) assert.notEqual(fingerprint(world.database), whole);
    if (preview.status === 204) return;
    same(preview.json, real.json);
    assert.deepEqual(Object.keys(preview.json), Object.keys(real.json), "in the same order");
    if (rq.creates && id === "catalog_item_create") assert.equal(preview.json.code, real.json.code);
    else if (rq.creates && !["session_create", "client_consent_create"].includes(id)) assert.equal(preview.json.id, "0");
    else assert.equal(preview.json.id, real.json.id);
  });

test('typification_create, typification_put, opportunity_create: only the ids of new records are "0"', async () => {
  const whole = (await validateOnly(await make.typification_create())).json;
  assert.deepEqual([whole.id, whole.client_id, whole.contact_id, whole.actions[0].id], ["0", "0", "0", "0"]);
  assert.match(whole.advisor.id, /^[0-9]+$/);
  assert.equal(whole.stage.code, "retenido");
  assert.match(whole.closure.closed_at, /Z$/);
  const o = await lib.opened(ana);
  const found = await make.typification_create();
  const { client, ...rest } = found.body;
  assert.ok(client);
  const known = (await validateOnly(found, {}, { body: { ...rest, client_id: o.client.id } })).json;
  assert.deepEqual([known.id, known.client_id, known.contact_id], ["0", o.client.id, "0"]);

  const { json: { id } } = await ana.post(`${o.at}/actions`, row);
  const put = { as: ana, method: "PUT", where: `${o.at}/typification` };
  const replaced = (await validateOnly(put, {}, { body: { actions: [row, row] } })).json;
  assert.deepEqual(replaced.actions.map((a) => a.id), ["0", "0"]);
  const left = (await validateOnly(put, {}, { body: { diagnosis: { reason: lib.reason } } })).json;
  assert.deepEqual(left.actions.map((a) => a.id), [id]);
  assert.deepEqual([left.id, left.client_id, left.contact_id], [o.opportunity.id, o.client.id, o.contact.id]);
  const patch = (await validateOnly({ as: ana, method: "PATCH", where: o.at }, {}, { body: { service: { current_plan: "X" } } })).json;
  assert.equal(patch.actions[0].id, id);

  const next = (await ana.post(`/v1/clients/${o.client.id}/contacts`, lib.newContact())).json;
  const opening = (await validateOnly({ as: ana, method: "POST", where: "/v1/opportunities" }, {}, { body: { contact_id: next.id, sub_campaign: "entel" } })).json;
  assert.deepEqual([opening.id, opening.client_id, opening.contact_id, opening.actions], ["0", o.client.id, next.id, []]);
  const contact = (await validateOnly({ as: ana, method: "POST", where: `/v1/clients/${o.client.id}/contacts` }, {}, { body: lib.newContact() })).json;
  assert.deepEqual([contact.id, contact.client_id, contact.opportunity_id], ["0", o.client.id, null]);
  assert.match(contact.greeting, /CLIENTE DE PRUEBA/);
});

/* ---------------------------------------------------------------- faults */

test("client_create, typification_create, typification_put: all the faults that the real request gets", async () => {
  const { at } = await lib.opened(ana);
  const whole = fingerprint(world.database);
  const wrong = [
    ["POST", "/v1/clients", {}], ["POST", "/v1/clients", { name: " ", document_type: "dni", document_number: "1", phone: "1", email: "x", gender: 1, otra: true }],
    ["POST", "/v1/clients", { document_type: "nope", birth_date: "2999-01-01" }], ["POST", "/v1/clients", "[]"],
    ["POST", "/v1/typifications", { client_id: "999999999", contact: lib.newContact(), sub_campaign: "entel" }],
    ["POST", "/v1/typifications", { client: lib.newClient(), contact: {}, sub_campaign: "nope", ...lib.form({ actions: [{ action: "bono-gb" }, { final_state: "x" }] }) }],
    ["POST", "/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form({ actions: [], diagnosis: undefined }) }],
    ["PUT", `${at}/typification`, lib.form({ actions: [{ action: row.action }], competitor_offer: undefined, diagnosis: undefined })],
    ["PUT", `${at}/closure`, { stage: "no-retenido", advertising_acceptance: "acepto" }],
    ["PUT", `${at}/closure`, { stage: "x" }], ["PUT", `${at}/diagnosis`, { reason: null }], ["POST", "/v1/opportunities", { contact_id: "999999999", sub_campaign: "entel" }],
  ];
  for (const [method, where, body] of wrong) {
    const rq = { as: ana, method, where, body };
    const validated = await validateOnly(rq), done = await send(rq);
    assert.equal(validated.status, 422, `${where}: ${validated.text}`);
    assert.deepEqual({ ...validated.json, request_id: 0 }, { ...done.json, request_id: 0 });
  }
  assert.equal(fingerprint(world.database), whole);
});

test("client_create, opportunity_create, action_create, closure_put, opportunity_reopen: finds faults that only the database knows, and stores nothing", async () => {
  const o = await lib.opened(ana), finished = await lib.opened(ana), other = await lib.opened(ana), full = await lib.opened(ana);
  assert.equal((await ana.put(`${finished.at}/typification`, lib.form())).status, 200);
  assert.equal((await ana.put(`${full.at}/typification`, { actions: Array(20).fill(row) })).status, 200);
  const { actions, ...incomplete } = lib.form();
  assert.ok(actions);
  const whole = fingerprint(world.database);
  for (const [as, method, where, body, status, code, headers] of [
    [ana, "POST", "/v1/clients", lib.newClient({ document_number: o.client.document_number }), 409, "client_exists"],
    [ana, "PATCH", `/v1/clients/${o.client.id}`, { document_number: other.client.document_number }, 409, "client_exists"],
    [ana, "PATCH", `/v1/clients/${o.client.id}`, { document_type: "ruc" }, 422, "invalid"],
    [ana, "POST", "/v1/typifications", { client: lib.newClient({ document_number: o.client.document_number }), contact: lib.newContact(), sub_campaign: "entel" }, 409, "client_exists"],
    [ana, "POST", "/v1/opportunities", { contact_id: o.contact.id, sub_campaign: "entel" }, 409, "contact_has_opportunity"],
    [ana, "PUT", `${o.at}/typification`, incomplete, 422, "invalid"],
    [ana, "PUT", `${o.at}/closure`, lib.form().closure, 422, "invalid"],
    [ana, "POST", `${full.at}/actions`, row, 409, "actions_full"],
    [bea, "PUT", `${o.at}/diagnosis`, { reason: lib.reason }, 403, "not_owner"],
    [bea, "POST", `${o.at}/actions`, row, 403, "not_owner"],
    [ana, "POST", `${o.at}/reopening`, undefined, 403, "role_forbidden"],
    [boss, "POST", `${o.at}/reopening`, undefined, 409, "opportunity_not_finished"],
    [boss, "PATCH", finished.at, { service: { current_plan: "X" } }, 409, "opportunity_finished"],
    [ana, "PUT", `${finished.at}/closure`, lib.form().closure, 409, "opportunity_finished"],
    [ana, "POST", "/v1/clients/999999999/contacts", lib.newContact(), 404, "not_found"],
    [ana, "DELETE", `${o.at}/actions/999999999`, undefined, 404, "not_found"],
    [ana, "PUT", "/v1/opportunities/999999999/diagnosis", { reason: lib.reason }, 404, "not_found"],
    [ana, "PATCH", `/v1/clients/${o.client.id}`, { gender: "F" }, 412, "precondition_failed", { "if-match": "\"0\"" }],
    [world.anyone, "POST", "/v1/clients", lib.newClient(), 401, "token_missing"],
    [ana, "POST", "/v1/clients", "{", 400, "json_invalid"],
  ]) {
    const r = await validateOnly({ as, method, where, body }, headers);
    assert.equal(r.status, status, `${method} ${where}: ${r.text}`);
    assert.equal(r.json.code, code);
  }
  assert.equal(fingerprint(world.database), whole, "nothing was stored");
});

test("action_create, typification_create: a choice deactivated a moment ago is a fault", async () => {
  const active = (yes) => world.database.sql(`update catalog_item set active = ${yes} where code = '${row.action}'`);
  for (const [id, pointer] of [["action_create", "#/action"], ["typification_create", "#/actions/0/action"]]) {
    const rq = await make[id]();
    assert.equal((await validateOnly(rq)).status, 200);
    active(false);
    try {
      lib.faultAt(await validateOnly(rq), pointer);
    } finally {
      active(true);
    }
    await until("it is a choice again", async () => (await validateOnly(rq)).status === 200);
  }
});

test("client_create: validate_only is true or false, once", async () => {
  const count = () => world.database.sql("select count(*) from client"), was = count();
  for (const value of ["maybe", "True", "1", "yes", "tru%20e", "null"])
    assert.equal(lib.faultAt(await ana.post(`/v1/clients?validate_only=${value}`, lib.newClient()), "#/validate_only").code.length > 0, true);
  assert.equal((await ana.post("/v1/clients?validate_only=true&validate_only=false", lib.newClient())).status, 400);
  assert.equal((await ana.post("/v1/clients?validate_only=true&validate_only=true", lib.newClient())).status, 400);
  assert.equal((await ana.post("/v1/clients?Validate_Only=true", lib.newClient())).status, 400);
  assert.equal((await ana.get("/v1/clients?phone=944264648&validate_only=true")).status, 400);
  for (const yes of ["%76alidate_only=%74rue", "validate_only=true%20", "validate_only=%C2%A0true"])
    assert.equal((await ana.post(`/v1/clients?${yes}`, lib.newClient())).status, 200);
  assert.equal(count(), was);
});

/* -------------------------------------------------------------- sessions */

test("session_create, session_refresh, session_delete: password and token are checked, but no token is issued and no session changed", async () => {
  const body = { username: "E8123497", password: lib.password }, at = "/v1/sessions?validate_only=true";
  const preview = (await world.anyone.post(at, body)).json;
  assert.deepEqual([preview.access_token, preview.refresh_token, preview.token_type, preview.advisor.username], ["", "", "Bearer", "E8123497"]);
  assert.equal((await world.anyone.post(at, { ...body, password: "no-es-esta-clave" })).status, 401);
  assert.equal((await world.anyone.post(at, { ...body, username: "E7654321" })).status, 401);
  const s = (await world.anyone.post("/v1/sessions", body)).json;
  for (let i = 0; i < 3; i++) {
    const r = await world.anyone.post("/v1/sessions/refresh?validate_only=true", { refresh_token: s.refresh_token });
    assert.equal(r.status, 200, r.text);
    assert.deepEqual([r.json.access_token, r.json.refresh_token], ["", ""]);
  }
  assert.equal((await world.anyone.post("/v1/sessions/refresh?validate_only=true", { refresh_token: "otra" })).status, 401);
  const signed = lib.caller(world.base, s.access_token);
  for (let i = 0; i < 2; i++) assert.equal((await signed.delete("/v1/sessions/current?validate_only=true")).status, 204);
  assert.equal((await signed.get("/v1/sessions/current")).status, 200);
  const renewed = await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token });
  assert.equal(renewed.status, 200, renewed.text);
  assert.equal((await world.anyone.post("/v1/sessions/refresh?validate_only=true", { refresh_token: s.refresh_token })).status, 401, "the token was already used");
  /* Security measures apply with validate_only too: reuse of a used token ends its session. */
  assert.equal((await lib.caller(world.base, renewed.json.access_token).get("/v1/sessions/current")).status, 401);
  assert.equal((await signed.delete("/v1/sessions/current?validate_only=true")).status, 401);
});

/* ------------------------------------------------------ many and random requests */

test("client_create: after many valid and invalid requests the database connections are unchanged", async () => {
  const o = await lib.opened(ana), rq = await make.typification_create(), action = await make.action_delete();
  const tries = [() => validateOnly(rq), () => validateOnly(action), () => ana.post("/v1/clients?validate_only=true", lib.newClient({ document_number: o.client.document_number })),
    () => bea.put(`${o.at}/diagnosis?validate_only=true`, { reason: lib.reason }), () => ana.put(`${o.at}/closure?validate_only=true`, lib.form().closure),
    () => ana.patch(`/v1/clients/${o.client.id}?validate_only=true`, { gender: "F" }, { "if-match": "\"0\"" }), () => ana.patch(`/v1/clients/${o.client.id}?validate_only=true`, { gender: "F" }),
    () => ana.post("/v1/clients/999999999/contacts?validate_only=true", lib.newContact()), () => ana.get(o.at),
    () => ana.patch(o.at, { service: { current_plan: "X" } })];
  const expected = [200, 204, 409, 403, 422, 412, 200, 404, 200, 200];
  await Promise.all(Array.from({ length: 12 }, async (_, n) => {
    for (let i = 0; i < 40; i++) {
      const which = (i * 7 + n) % tries.length;
      assert.equal((await tries[which]()).status, expected[which], String(which));
    }
  }));
  const state = () => lib.sql(world.database.superuser, `select string_agg(distinct state, ' ') || ' ' || (select count(*) from pg_locks l where l.locktype in ('advisory', 'transactionid', 'tuple')
    and l.database = (select oid from pg_database where datname = current_database())) from pg_stat_activity where datname = current_database() and application_name = 'gestor'`);
  /* Housekeeping and the record of reads use a connection now and then, for a moment. What a request left would stay. */
  await until("no connection has work or a lock left", () => state() === "idle 0");
  assert.equal((await send(rq)).status, 201);
  assert.equal((await send(action)).status, 204);
  /* The only warning is about the used token of the test above. */
  const said = world.server.log().split("\n").filter((line) => !line.includes("a used refresh token was presented again"));
  assert.doesNotMatch(said.join("\n"), /"level":"(warn|error)"/);
});

test("client_create, client_update, typification_create, typification_put: for random valid requests the preview equals the real answer", async () => {
  let seed = 20251123;
  const chance = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };
  const one = (...from) => from[chance(from.length)];
  const some = (object) => Object.fromEntries(Object.entries(object).filter(() => chance(3) > 0));
  const catalogs = Object.fromEntries((await ana.get("/v1/catalogs")).json.items.map((c) => [c.code, c]));
  const leaf = (items) => { const i = one(...items); return i.items.length ? leaf(i.items) : i.code; };
  const choice = (name) => leaf(catalogs[name].items);
  const phone = () => "9" + String(10000000 + chance(32768) * 2000 + chance(2000));
  const text = () => one("", " ", "TEXTO", "Ñandú \"x\" \\ / \u200b\u00a0", "😀", "\u3000 1e400", "null", "{}").repeat(1 + chance(2)) + "x";
  const client = () => ({ ...lib.newClient(), name: "A" + text(), ...some({ phone: phone(), email: one("a@b.pe", null), gender: one("F", "M", "Ñ"), birth_date: one("1980-02-29", null, "2001-12-31"), legal_representative: text(),
    sales: some({ lines: [phone(), phone()], plan: text(), activation_date: "2020-01-31" }), summary_360: some({ trac_profile: text(), observed: one(true, false, null), claro_points: chance(1000), segment: text(), mi_claro: true }),
    experience: some({ expiring_points: chance(9), overdue_payment: text(), latam_partner: one(true, null) }) }) });
  const contact = () => ({ ...lib.newContact({ origin_phone: phone() }), ...some({ ownership_check: one(null, { asked: 3, right: chance(4) }) }) });
  const sections = (closing) => ({ ...(closing ? {} : { ...some({ service: some({ current_plan: text(), activation_date: "2024-02-29", prior_consultation: one(true, false) }) }) }),
    actions: Array.from({ length: 1 + chance(4) }, () => ({ action: choice("retention_action"), final_state: choice("final_state") })),
    diagnosis: { reason: choice("cancellation_reason") },
    competitor_offer: { plan: choice("competitor_plan"), offer: choice("competitor_offer"), channel: choice("offer_channel"), operator: choice("operator"), phone_to_manage: phone() },
    closure: { advertising_acceptance: choice("advertising_acceptance"), stage: closing ? one("retenido", "no-retenido") : "en-proceso" } });
  const both = async (rq) => {
    const preview = await validateOnly(rq), real = await send(rq);
    assert.equal(preview.status, 200, `${JSON.stringify(rq.body)}: ${preview.text}`);
    assert.ok([200, 201].includes(real.status), real.text);
    same(preview.json, real.json, JSON.stringify(rq.body));
    return real.json;
  };
  for (let round = 0; round < 25; round++) {
    const made = await both({ as: ana, method: "POST", where: "/v1/clients", body: client() });
    const { document_type, document_number, ...patch } = client();
    assert.ok(document_type && document_number);
    await both({ as: bea, method: "PATCH", where: `/v1/clients/${made.id}`, body: some(patch) });
    const whole = await both({ as: ana, method: "POST", where: "/v1/typifications", body: { ...(chance(2) ? { client: client() } : { client_id: made.id }), contact: contact(), sub_campaign: "entel", ...sections(false) } });
    await both({ as: ana, method: "PUT", where: `/v1/opportunities/${whole.id}/typification`, body: some(sections(false)) });
    await both({ as: ana, method: "PUT", where: `/v1/opportunities/${whole.id}/typification`, body: sections(true) });
    await both({ as: boss, method: "POST", where: `/v1/opportunities/${whole.id}/reopening` });
  }
});
