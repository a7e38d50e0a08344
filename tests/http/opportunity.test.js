"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana, luis, boss, admin, crm;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  luis = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  admin = await world.signedIn("E8000002");
  crm = await world.signedIn("E8000003");
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const times = (n, make) => Promise.all(Array.from({ length: n }, (_, i) => make(i)));
const statuses = (answers) => answers.map((r) => r.status).sort();
const keys = (object) => Object.keys(object).sort();
const pointers = (r) => { assert.equal(r.status, 422, r.text); return r.json.errors.map((e) => e.pointer); };
const fields = (r) => { assert.equal(r.status, 422, r.text); return r.json.errors.map((e) => e.field); };

const tool = "bono-gb.bono-4-gb-por-12-meses";
const otherTool = "migracion-postpago.max-49-90-50-por-3-meses";
const sections = {
  actions: [{ action: tool, final_state: "atendido" }],
  diagnosis: { reason: lib.reason },
  competitor_offer: { phone_to_manage: "944264648" },
};
/* whole(advisor, more) - a complete opportunity, created in one request: {…, at}. */
async function whole(advisor, more = {}) {
  const r = await advisor.post("/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form(),
    closure: { advertising_acceptance: "acepto", stage: "en-proceso" }, ...more });
  assert.equal(r.status, 201, r.text);
  return { ...r.json, at: `/v1/opportunities/${r.json.id}` };
}
const finished = (advisor) => whole(advisor, { closure: { advertising_acceptance: "acepto", stage: "retenido" } });
const accept = { stage: "retenido", advertising_acceptance: "acepto" };
const countOf = (table, where = "true") => Number(sql(`select count(*) from ${table} where ${where}`));
const stored = () => sql("select (select count(*) from client), (select count(*) from contact), (select count(*) from opportunity), (select count(*) from action), (select count(*) from consent)");

/* Every operation that changes an opportunity, with its status of success. */
const changes = (o) => [
  ["opportunity_update", 200, (who) => who.patch(o.at, { service: { current_plan: "PLAN CAMBIADO" } })],
  ["opportunity_update", 200, (who) => who.patch(o.at, { sub_campaign: "entel" })],
  ["action_create", 201, (who) => who.post(`${o.at}/actions`, { action: otherTool, final_state: "no-atendido" })],
  ["action_update", 200, (who) => who.patch(`${o.at}/actions/${o.actions[0].id}`, { final_state: "no-atendido" })],
  ["diagnosis_put", 200, (who) => who.put(`${o.at}/diagnosis`, { reason: "calidad-de-la-venta.incumplimiento-del-ofrecimiento" })],
  ["competitor_offer_put", 200, (who) => who.put(`${o.at}/competitor-offer`, { phone_to_manage: "955555555" })],
  ["closure_put", 200, (who) => who.put(`${o.at}/closure`, { stage: "en-proceso", advertising_acceptance: "no-acepto" })],
  ["typification_put", 200, (who) => who.put(`${o.at}/typification`, { diagnosis: { reason: lib.reason }, actions: sections.actions })],
  ["typification_put", 200, (who) => who.put(`${o.at}/typification`, { service: { current_plan: null } })],
];

/* ------------------------------------------------------------------ shape */

const choiceKeys = ["code", "label", "levels"];
const advisorKeys = ["full_name", "id", "username"];
const opportunityKeys = ["actions", "advisor", "campaign", "client_id", "closure", "competitor_offer", "contact_id", "created_at", "diagnosis",
  "etags", "follow_up", "id", "missing", "other_open", "reopened", "service", "stage", "sub_campaign", "updated_at", "voided"];

function assertShape(o) {
  assert.deepEqual(keys(o), opportunityKeys);
  assert.deepEqual(keys(o.advisor), advisorKeys);
  assert.deepEqual(keys(o.service), ["activation_date", "current_plan", "prior_consultation"]);
  assert.deepEqual(keys(o.diagnosis), ["reason"]);
  assert.deepEqual(keys(o.competitor_offer), ["additional_line", "channel", "offer", "operator", "phone_to_manage", "plan"]);
  assert.deepEqual(keys(o.closure), ["advertising_acceptance", "closed_at", "stage"]);
  for (const a of o.actions) assert.deepEqual(keys(a), ["action", "final_state", "id"]);
  for (const id of [o.id, o.client_id, o.advisor.id, ...o.actions.map((a) => a.id)]) assert.match(id, /^[1-9][0-9]*$/);
  for (const choice of [o.campaign, o.sub_campaign, o.stage, o.diagnosis.reason, o.closure.stage, o.closure.advertising_acceptance, o.competitor_offer.plan,
    o.competitor_offer.offer, o.competitor_offer.channel, o.competitor_offer.operator, ...o.actions.flatMap((a) => [a.action, a.final_state])]) {
    if (choice === null) continue;
    assert.deepEqual(keys(choice), choiceKeys);
    for (const level of choice.levels) assert.deepEqual(keys(level), ["code", "label"]);
    assert.deepEqual(choice.levels.at(-1), { code: choice.code, label: choice.label });
  }
  assert.equal(o.voided, null);
  assert.deepEqual(keys(o.etags), ["actions", "closure", "competitor_offer", "diagnosis", "opportunity"]);
  const [parts, all] = o.etags.opportunity.slice(1, -1).split("-");
  assert.match(all, /^[0-9a-f]{1,16}$/);
  assert.deepEqual(parts.split(".").slice(1).map((part) => `"${part}"`), ["actions", "diagnosis", "competitor_offer", "closure"].map((part) => o.etags[part]));
  for (const instant of [o.created_at, o.updated_at]) assert.match(instant, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
}

test("opportunity_create: starts in stage EN PROCESO, in the desk's campaign, owned by its creator, with empty sections", async () => {
  const { client, contact, opportunity: o } = await lib.opened(ana);
  assertShape(o);
  assert.equal(o.client_id, client.id);
  assert.equal(o.contact_id, contact.id);
  assert.equal(o.campaign.label, "CONSULTA PREVIA PREPAGO");
  assert.equal(o.sub_campaign.label, "ENTEL");
  assert.deepEqual(o.stage, { code: "en-proceso", label: "EN PROCESO", levels: [{ code: "en-proceso", label: "EN PROCESO" }] });
  assert.deepEqual({ ...o.advisor, id: "" }, { id: "", username: "E8153375", full_name: "NOMBRE DE E8153375" });
  assert.deepEqual(o.service, { current_plan: null, activation_date: null, prior_consultation: null });
  assert.deepEqual(o.actions, []);
  assert.deepEqual(o.diagnosis, { reason: null });
  assert.deepEqual(o.competitor_offer, { plan: null, offer: null, channel: null, operator: null, phone_to_manage: null, additional_line: null });
  assert.deepEqual(o.closure, { advertising_acceptance: null, stage: o.stage, closed_at: null });
  assert.deepEqual(o.missing, ["actions", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"]);
  assert.deepEqual((await ana.get(`/v1/opportunities/${o.id}`)).json, o);
});

test("opportunity_get: shows the whole form, each section as its own operation shows it", async () => {
  const o = await whole(ana, { service: { current_plan: "PREPAGO CHÉVERE", activation_date: "2024-02-29", prior_consultation: true } });
  const r = (await ana.get(o.at)).json;
  assertShape(r);
  assert.deepEqual(r.service, { current_plan: "PREPAGO CHÉVERE", activation_date: "2024-02-29", prior_consultation: true });
  assert.deepEqual((await ana.get(`${o.at}/diagnosis`)).json, r.diagnosis);
  assert.deepEqual((await ana.get(`${o.at}/competitor-offer`)).json, r.competitor_offer);
  assert.deepEqual((await ana.get(`${o.at}/closure`)).json, r.closure);
  assert.deepEqual((await ana.get(`${o.at}/actions/${r.actions[0].id}`)).json, r.actions[0]);
  assert.deepEqual((await ana.get(`${o.at}/actions`)).json, { items: [lib.listed(await ana.get(`${o.at}/actions/${r.actions[0].id}`))], next: null });
  assert.deepEqual(r.missing, []);
  assert.equal(r.competitor_offer.phone_to_manage, "944264648");
  assert.equal(r.competitor_offer.operator.label, "MOVISTAR");
});

test("opportunity_get: the manual's sample, imported from the old application", async () => {
  const r = (await ana.get("/v1/opportunities/905630")).json;
  assertShape(r);
  assert.equal(r.contact_id, null);
  assert.equal(r.campaign.label, "RETENCIÓN MÓVIL PREVENTIVA POSTPAGO");
  assert.equal(r.stage.label, "RETENIDO");
  assert.equal(r.created_at.slice(0, 19), "2025-05-03T05:00:00");
  assert.deepEqual({ ...r.advisor, id: "" }, { id: "", username: null, full_name: "HERMOZA HILDA ANTONIA" });
  assert.deepEqual(r.missing, []);
});

test("client_get, contact_get: have exactly the documented keys", async () => {
  const o = await whole(ana);
  const client = (await ana.get(`/v1/clients/${o.client_id}`)).json;
  assert.deepEqual(keys(client), ["advertising", "birth_date", "created_at", "document_number", "document_type", "email", "erased_at", "experience", "external_id", "gender", "id",
    "legal_representative", "name", "phone", "sales", "summary_360", "updated_at"]);
  assert.deepEqual(keys(client.document_type), ["code", "label", "levels", "operator_code"]);
  assert.deepEqual(keys(client.sales), ["activation_date", "lines", "plan"]);
  assert.deepEqual(keys(client.summary_360), ["claro_points", "mi_claro", "observed", "segment", "trac_profile"]);
  assert.deepEqual(keys(client.experience), ["birthday_today", "expiring_points", "latam_partner", "overdue_payment"]);
  const contact = (await ana.get(`/v1/contacts/${o.contact_id}`)).json;
  assert.deepEqual(keys(contact), ["advisor", "client_id", "created_at", "greeting", "id", "opportunity_id", "origin_phone", "ownership_check", "serial_number", "voided"]);
  assert.deepEqual(keys(contact.advisor), advisorKeys);
  assert.equal(contact.opportunity_id, o.id);
});

/* ----------------------------------------------------------------- missing */

/* Every combination of sections: the saved body, and what a final stage still needs. */
const mixes = [];
for (const rows of [null, [], [{ action: tool, final_state: "atendido" }], [{ action: tool }],
  [{ action: tool, final_state: "atendido" }, { action: otherTool }, { action: tool, final_state: "no-atendido" }, { action: tool, final_state: null }]])
  for (const diagnosis of [null, sections.diagnosis])
    for (const offer of [null, sections.competitor_offer])
      for (const answer of [null, "no-acepto"]) {
        const body = { ...(rows && { actions: rows }), ...(diagnosis && { diagnosis }), ...(offer && { competitor_offer: offer }) };
        const open = (rows || []).flatMap((r, i) => r.final_state ? [] : [`actions/${i}/final_state`]);
        const places = [...((rows || []).length === 0 ? ["actions"] : open), ...(diagnosis ? [] : ["diagnosis/reason"]), ...(offer ? [] : ["competitor_offer/phone_to_manage"]),
          ...(answer ? [] : ["closure/advertising_acceptance"])];
        const fields = places.map((p) => p.replace(/\/[0-9]+/, "").replace("/", "."));
        mixes.push({ body, answer, closing: { stage: "no-retenido", ...(answer && { advertising_acceptance: answer }) }, places, fields, missing: [...new Set(fields)] });
      }

/* Checks a closing: one fault for each missing part, in this order; with nothing missing it succeeds. */
function assertClosed(r, mix, { status = 200, whole = true } = {}) {
  if (mix.missing.length === 0) {
    assert.equal(r.status, status, r.text);
    return;
  }
  // The body of closure_put has no other section, so their faults point to its stage.
  const pointer = (place) => (whole ? `#/${place}` : place === "closure/advertising_acceptance" ? "#/advertising_acceptance" : "#/stage");
  assert.deepEqual(pointers(r), mix.places.map(pointer), JSON.stringify(mix));
  assert.deepEqual(r.json.errors.map((e) => e.field), mix.fields);
  for (const e of r.json.errors) assert.equal(e.code, "missing");
}

test("closure_put: the refusal of a final stage lists all missing parts, the same as `missing`, for every combination of sections", async () => {
  for (const mix of mixes) {
    const { at } = await lib.opened(ana);
    let shown = (await ana.put(`${at}/typification`, { ...mix.body, closure: { ...mix.closing, stage: "en-proceso" } }));
    assert.equal(shown.status, 200, shown.text);
    shown = shown.json;
    assert.deepEqual(shown.missing, mix.missing, JSON.stringify(mix));
    assertClosed(await ana.put(`${at}/closure`, mix.closing), mix, { whole: false });
    const now = (await ana.get(at)).json;
    if (mix.missing.length > 0) assert.deepEqual(now, shown, "nothing of the refused closing was stored");
    else assert.equal(now.stage.code, "no-retenido");
  }
});

test("typification_put: the same when one request saves the sections and closes; a refusal stores nothing", async () => {
  for (const mix of mixes) {
    const { at, opportunity } = await lib.opened(ana);
    assertClosed(await ana.put(`${at}/typification`, { ...mix.body, closure: mix.closing }), mix);
    const now = (await ana.get(at)).json;
    if (mix.missing.length > 0) assert.deepEqual(now, opportunity);
    else assert.deepEqual([now.stage.code, now.missing], ["no-retenido", []]);
  }
  assert.equal(countOf("consent", "opportunity_id in (select id from opportunity where closed_at is null and advertising_acceptance_id is null)"), 0);
});

test("typification_create: the same; a refusal stores no client, contact, opportunity or consent", async () => {
  for (const mix of mixes) {
    const before = stored();
    const r = await ana.post("/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...mix.body, closure: mix.closing });
    assertClosed(r, mix, { status: 201 });
    if (mix.missing.length > 0) assert.equal(stored(), before);
    else assert.equal(r.json.stage.code, "no-retenido");
  }
});

test("typification_put: sections saved earlier count; 20 rows without a final state are 20 faults", async () => {
  const { at } = await lib.opened(ana);
  const rows = Array.from({ length: 20 }, () => ({ action: tool }));
  assert.equal((await ana.put(`${at}/typification`, { actions: rows, diagnosis: sections.diagnosis })).status, 200);
  assert.deepEqual(pointers(await ana.put(`${at}/typification`, { closure: { stage: "retenido" } })),
    [...rows.map((_, i) => `#/actions/${i}/final_state`), "#/competitor_offer/phone_to_manage", "#/closure/advertising_acceptance"]);
  assert.equal((await ana.put(`${at}/typification`, { ...sections, diagnosis: undefined, closure: accept })).status, 200);
});

/* ------------------------------------------------------------------ stages */

test("closure_put: EN PROCESO can be saved repeatedly with sections missing; both final stages finish", async () => {
  const { at } = await lib.opened(ana);
  for (let i = 0; i < 5; i++) {
    const r = await ana.put(`${at}/closure`, { stage: "en-proceso" });
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.closed_at, null);
    assert.equal(r.json.stage.code, "en-proceso");
  }
  for (const stage of ["retenido", "no-retenido"]) {
    const o = await whole(ana);
    const began = Date.now();
    const r = await ana.put(`${o.at}/closure`, { stage, advertising_acceptance: "acepto" });
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.stage.code, stage);
    assert.ok(Math.abs(Date.parse(r.json.closed_at) - began) < 5000);
    const now = (await ana.get(o.at)).json;
    assert.deepEqual(now.stage, r.json.stage);
    assert.deepEqual(now.closure, r.json);
    assert.deepEqual(now.missing, []);
  }
});

test("closure_put: the stage is required", async () => {
  const { at } = await lib.opened(ana);
  assert.equal(lib.faultAt(await ana.put(`${at}/closure`, { advertising_acceptance: "acepto" }), "#/stage").code, "required");
  assert.equal(lib.faultAt(await ana.put(`${at}/closure`, { stage: null }), "#/stage").code, "type");
  assert.equal(lib.faultAt(await ana.put(`${at}/typification`, { closure: {} }), "#/closure/stage").code, "required");
});

test("competitor_offer_put: requires phone_to_manage, stores 9 digits, and sets members left out to null", async () => {
  const { at } = await lib.opened(ana);
  assert.equal(lib.faultAt(await ana.put(`${at}/competitor-offer`, { plan: "prepago" }), "#/phone_to_manage").code, "required");
  for (const phone_to_manage of ["844264648", "94426464", "9442646480", "", "51 844 264 648"])
    lib.faultAt(await ana.put(`${at}/competitor-offer`, { phone_to_manage }), "#/phone_to_manage");
  lib.faultAt(await ana.put(`${at}/competitor-offer`, { phone_to_manage: "944264648", additional_line: "123" }), "#/additional_line");
  const r = await ana.put(`${at}/competitor-offer`, { plan: "postpago-39-90", offer: "sin-descuento", channel: "digital", operator: "bitel",
    phone_to_manage: "+51 944 264 648", additional_line: "51955555555" });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual([r.json.phone_to_manage, r.json.additional_line], ["944264648", "955555555"]);
  assert.deepEqual((await ana.put(`${at}/competitor-offer`, { phone_to_manage: "944264649" })).json,
    { plan: null, offer: null, channel: null, operator: null, phone_to_manage: "944264649", additional_line: null });
});

test("opportunity_update and all other changes: a finished opportunity cannot be changed (409)", async () => {
  const o = await finished(ana);
  const before = (await ana.get(o.at)).json;
  for (const who of [ana, boss, admin])
    for (const [operation, , send] of [...changes(o),
      ["action_delete", 204, (w) => w.delete(`${o.at}/actions/${o.actions[0].id}`)],
      ["closure_put", 200, (w) => w.put(`${o.at}/closure`, accept)],
      ["closure_put", 200, (w) => w.put(`${o.at}/closure`, { stage: "no-retenido", advertising_acceptance: "acepto" })],
      ["typification_put", 200, (w) => w.put(`${o.at}/typification`, lib.form())]]) {
      const r = await send(who);
      assert.equal(r.status, 409, `${operation}: ${r.text}`);
      assert.equal(r.json.code, "opportunity_finished", operation);
    }
  assert.deepEqual((await ana.get(o.at)).json, before);
  assert.equal(countOf("consent", `opportunity_id = ${o.id}`), 1);
  assert.equal((await ana.patch("/v1/opportunities/905630", { sub_campaign: "entel" })).status, 403);
  assert.equal((await boss.patch("/v1/opportunities/905630", { sub_campaign: "entel" })).status, 409);
});

test("opportunity_update and all other changes: only by the owner, a supervisor or an administrator; all may read", async () => {
  for (const who of [luis, crm]) {
    const o = await whole(ana);
    const before = (await ana.get(o.at)).json;
    for (const [operation, , send] of [...changes(o),
      ["action_delete", 204, (w) => w.delete(`${o.at}/actions/${o.actions[0].id}`)],
      // A caller who may not close it does not learn what is missing.
      ["closure_put", 200, (w) => w.put(`${o.at}/closure`, { stage: "retenido" })]]) {
      const r = await send(who);
      assert.equal(r.status, 403, `${operation}: ${r.text}`);
      assert.equal(r.json.code, "not_owner", operation);
    }
    assert.deepEqual((await who.get(o.at)).json, before);
    for (const part of ["/actions", `/actions/${o.actions[0].id}`, "/diagnosis", "/competitor-offer", "/closure"])
      assert.equal((await who.get(o.at + part)).status, 200, part);
    assert.equal((await who.get(`/v1/contacts/${o.contact_id}`)).status, 200);
  }
  for (const who of [ana, boss, admin]) {
    const o = await whole(ana);
    for (const [operation, status, send] of changes(o)) {
      const r = await send(who);
      assert.equal(r.status, status, `${operation}: ${r.text}`);
    }
    const row = (await ana.get(o.at)).json.actions[0];
    assert.equal((await who.delete(`${o.at}/actions/${row.id}`)).status, 204);
    assert.equal((await ana.get(o.at)).json.advisor.username, "E8153375", "a change by a supervisor does not change the owner");
  }
});

test("opportunity_update and all other changes: an unknown opportunity or row is 404, and so is another opportunity's row", async () => {
  const a = await whole(ana), b = await whole(ana);
  for (const [operation, , send] of changes({ ...a, at: "/v1/opportunities/999999999" })) assert.equal((await send(ana)).status, 404, operation);
  const elsewhere = `${a.at}/actions/${b.actions[0].id}`;
  assert.equal((await ana.get(elsewhere)).status, 404);
  assert.equal((await ana.patch(elsewhere, { final_state: "no-atendido" })).status, 404);
  assert.equal((await ana.delete(elsewhere)).status, 404);
  assert.deepEqual((await ana.get(b.at)).json.actions, b.actions);
  assert.equal((await ana.delete(`${a.at}/actions/${a.actions[0].id}`)).status, 204);
  assert.equal((await ana.delete(`${a.at}/actions/${a.actions[0].id}`)).status, 404);
});

/* --------------------------------------------------------------- reopening */

test("opportunity_reopen: only supervisors and administrators may; it is recorded; then the opportunity can be changed and closed again", async () => {
  const o = await finished(ana);
  const closedAt = (await ana.get(o.at)).json.closure.closed_at;
  for (const who of [ana, luis, crm]) assert.equal((await who.post(`${o.at}/reopening`)).status, 403);
  assert.equal(countOf("reopening", `opportunity_id = ${o.id}`), 0);

  const r = await boss.post(`${o.at}/reopening`);
  assert.equal(r.status, 200, r.text);
  assertShape(r.json);
  assert.equal(r.json.stage.code, "en-proceso");
  assert.equal(r.json.closure.closed_at, null);
  assert.equal(r.json.closure.advertising_acceptance.code, "acepto");
  assert.deepEqual(r.json.missing, []);
  assert.equal(r.json.advisor.username, "E8153375");
  assert.deepEqual(r.json.actions, o.actions);
  assert.equal(sql(`select a.username, r.stage ->> 'label', instant(r.closed_at) = '${closedAt}', r.created_at > now() - interval '1 minute'
    from reopening r join advisor a on a.id = r.advisor_id where r.opportunity_id = ${o.id}`), "E8000001|RETENIDO|t|t");

  assert.equal((await boss.post(`${o.at}/reopening`)).json.code, "opportunity_not_finished");
  assert.equal((await ana.delete(`${o.at}/actions/${o.actions[0].id}`)).status, 204);
  assert.deepEqual(fields(await ana.put(`${o.at}/closure`, accept)), ["actions"]);
  assert.equal((await ana.put(`${o.at}/typification`, { actions: sections.actions, closure: { stage: "no-retenido", advertising_acceptance: "acepto" } })).status, 200);
  assert.equal((await admin.post(`${o.at}/reopening`)).status, 200);
  assert.equal(sql(`select string_agg(a.username || ' ' || (r.stage ->> 'code'), ', ' order by r.id) from reopening r join advisor a on a.id = r.advisor_id
    where r.opportunity_id = ${o.id}`), "E8000001 retenido, E8000002 no-retenido");
  assert.equal(countOf("consent", `opportunity_id = ${o.id}`), 1, "the same answer is not recorded again");
});

test("opportunity_reopen: not finished is 409, unknown 404; ten simultaneous requests record one reopening", async () => {
  const open = await whole(ana);
  assert.equal((await boss.post(`${open.at}/reopening`)).status, 409);
  assert.equal((await boss.post("/v1/opportunities/999999999/reopening")).status, 404);
  assert.equal((await ana.post("/v1/opportunities/999999999/reopening")).status, 403);
  const o = await finished(ana);
  assert.deepEqual(statuses(await times(10, (i) => (i % 2 ? boss : admin).post(`${o.at}/reopening`))), [200, ...Array(9).fill(409)]);
  assert.equal(countOf("reopening", `opportunity_id = ${o.id}`), 1);
});

/* ------------------------------------------------------------------- races */

test("opportunity_create: needs a contact, and a contact has one opportunity", async () => {
  const fault = lib.faultAt(await ana.post("/v1/opportunities", { contact_id: "999999999", sub_campaign: "entel" }), "#/contact_id");
  assert.equal(fault.code, "not_found");
  assert.deepEqual(pointers(await ana.post("/v1/opportunities", {})).sort(), ["#/contact_id", "#/sub_campaign"]);
  const o = await lib.opened(ana);
  const again = await ana.post("/v1/opportunities", { contact_id: o.contact.id, sub_campaign: "entel" });
  assert.equal(again.status, 409);
  assert.equal(again.json.code, "contact_has_opportunity");
  assert.equal((await ana.get(`/v1/contacts/${o.contact.id}`)).json.opportunity_id, o.opportunity.id);
  const next = (await ana.post(`/v1/clients/${o.client.id}/contacts`, lib.newContact())).json;
  assert.equal((await ana.post("/v1/opportunities", { contact_id: next.id, sub_campaign: "entel" })).status, 201);
});

test("opportunity_create: of 30 simultaneous requests for one contact, one succeeds", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const contact = (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json;
  const all = await times(30, (i) => (i % 2 ? ana : boss).post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" }));
  assert.deepEqual(statuses(all), [201, ...Array(29).fill(409)]);
  assert.equal(countOf("opportunity", `contact_id = ${contact.id}`), 1);
});

test("closure_put: of 30 simultaneous closings of one opportunity with different stages, one succeeds", async () => {
  for (let round = 0; round < 5; round++) {
    const o = await whole(ana);
    const all = await times(30, (i) => ana.put(`${o.at}/closure`, { stage: i % 2 ? "retenido" : "no-retenido", advertising_acceptance: i % 3 ? "acepto" : "no-acepto" }));
    assert.deepEqual(statuses(all), [200, ...Array(29).fill(409)]);
    assert.deepEqual((await ana.get(o.at)).json.closure, all.find((r) => r.status === 200).json);
  }
});

test("closure_put, action_delete: racing 30 times, an opportunity is never finished without a row", async () => {
  const seen = new Set();
  for (let round = 0; round < 30; round++) {
    const o = await whole(ana);
    const close = () => ana.put(`${o.at}/closure`, accept), drop = () => ana.delete(`${o.at}/actions/${o.actions[0].id}`);
    const [first, second] = await Promise.all(round % 2 ? [close(), drop()] : [drop(), close()]);
    const [closing, dropping] = round % 2 ? [first, second] : [second, first];
    seen.add(`${closing.status} ${dropping.status}`);
    if (closing.status === 200) assert.equal(dropping.status, 409, dropping.text);
    else {
      assert.deepEqual(fields(closing), ["actions"]);
      assert.equal(dropping.status, 204, dropping.text);
    }
  }
  assert.equal(countOf("opportunity o", "contact_id is not null and closed_at is not null and not exists (select from action a where a.opportunity_id = o.id)"), 0, [...seen].join());
});

test("closure_put, action_update: racing 30 times, an opportunity is never finished with an open row", async () => {
  for (let round = 0; round < 30; round++) {
    const o = await whole(ana);
    const close = () => ana.put(`${o.at}/closure`, accept), open = () => ana.patch(`${o.at}/actions/${o.actions[0].id}`, { final_state: null });
    const [first, second] = await Promise.all(round % 2 ? [close(), open()] : [open(), close()]);
    const [closing, opening] = round % 2 ? [first, second] : [second, first];
    if (closing.status === 200) assert.equal(opening.status, 409, opening.text);
    else {
      assert.deepEqual(fields(closing), ["actions.final_state"]);
      assert.equal(opening.status, 200, opening.text);
    }
  }
  assert.equal(countOf("opportunity o", "contact_id is not null and closed_at is not null and exists (select from action a where a.opportunity_id = o.id and a.final_state_id is null)"), 0);
});

test("typification_put: after two simultaneous requests the grid is entirely that of one of them", async () => {
  const grid = (n, action) => Array.from({ length: n }, () => ({ action, final_state: "atendido" }));
  const { at } = await lib.opened(ana);
  for (let round = 0; round < 20; round++) {
    const both = await Promise.all([
      ana.put(`${at}/typification`, { actions: grid(5, tool), competitor_offer: { phone_to_manage: "955555555" } }),
      boss.put(`${at}/typification`, { actions: grid(3, otherTool), competitor_offer: { phone_to_manage: "933333333" } })]);
    assert.deepEqual(statuses(both), [200, 200]);
    const now = (await ana.get(at)).json;
    const wanted = now.competitor_offer.phone_to_manage === "955555555" ? Array(5).fill(tool) : Array(3).fill(otherTool);
    assert.deepEqual(now.actions.map((a) => a.action.code), wanted);
  }
  // With a row added at the same time: the replacing grid, plus the row if it was added later.
  for (let round = 0; round < 20; round++) {
    const [put, added] = await Promise.all([ana.put(`${at}/typification`, { actions: grid(4, tool) }), ana.post(`${at}/actions`, { action: otherTool })]);
    assert.deepEqual([put.status, added.status], [200, 201]);
    const grown = (await ana.get(at)).json.actions.map((a) => a.action.code);
    assert.deepEqual(grown.slice(0, 4), Array(4).fill(tool));
    assert.ok(grown.length === 4 || (grown.length === 5 && grown[4] === otherTool), grown.join());
  }
});

test("action_create, typification_put: at most 20 rows, also with ten simultaneous requests", async () => {
  const { at } = await lib.opened(ana);
  const rows = (n) => Array.from({ length: n }, () => ({ action: tool }));
  assert.deepEqual(pointers(await ana.put(`${at}/typification`, { actions: rows(21) })), ["#/actions"]);
  assert.equal((await ana.put(`${at}/typification`, { actions: rows(20) })).status, 200);
  const r = await ana.post(`${at}/actions`, { action: tool });
  assert.equal(r.status, 409, r.text);
  assert.equal(r.json.code, "actions_full");
  assert.equal((await ana.put(`${at}/typification`, { actions: rows(17) })).status, 200);
  assert.deepEqual(statuses(await times(10, () => ana.post(`${at}/actions`, { action: tool }))), [...Array(3).fill(201), ...Array(7).fill(409)]);
  assert.equal((await ana.get(at)).json.actions.length, 20);
});

test("action_create, action_update, action_delete: the grid keeps its order; Location leads to the row", async () => {
  const { at } = await lib.opened(ana);
  const made = [];
  for (const action of [tool, otherTool, tool]) made.push(await ana.post(`${at}/actions`, { action }));
  assert.equal(made[1].headers.location, `${at}/actions/${made[1].json.id}`);
  assert.deepEqual((await ana.get(made[1].headers.location)).json, made[1].json);
  assert.equal(made[1].json.final_state, null);
  const r = await ana.patch(`${at}/actions/${made[0].json.id}`, { action: otherTool, final_state: "atendido" }, { "content-type": "application/merge-patch+json" });
  assert.deepEqual([r.json.id, r.json.action.code, r.json.final_state.code], [made[0].json.id, otherTool, "atendido"]);
  assert.deepEqual((await ana.patch(`${at}/actions/${made[0].json.id}`, {})).json, r.json);
  assert.equal((await ana.patch(`${at}/actions/${made[0].json.id}`, { final_state: null })).json.final_state, null);
  lib.faultAt(await ana.patch(`${at}/actions/${made[0].json.id}`, { action: null }), "#/action");
  assert.equal((await ana.delete(`${at}/actions/${made[1].json.id}`)).status, 204);
  assert.deepEqual((await ana.get(at)).json.actions.map((a) => a.id), [made[0].json.id, made[2].json.id]);
});

/* --------------------------------------------------------- typification_put */

test("typification_put: a section left out stays as it is; actions replaces the grid", async () => {
  const o = await whole(ana, { service: { current_plan: "UNO", prior_consultation: true } });
  let before = (await ana.get(o.at)).json;
  const same = (now, but) => { for (const k of ["sub_campaign", "service", "actions", "diagnosis", "competitor_offer", "closure", "advisor", "stage", "created_at"])
    if (!but.includes(k)) assert.deepEqual(now[k], before[k], `${k} stays when ${but} is saved`); before = now; };
  for (const [body, but] of [
    [{ sub_campaign: "entel" }, []],
    [{ service: { current_plan: "DOS", prior_consultation: false } }, ["service"]],
    [{ diagnosis: { reason: "calidad-de-la-venta.incumplimiento-del-ofrecimiento" } }, ["diagnosis"]],
    [{ competitor_offer: { phone_to_manage: "955555555", operator: "bitel" } }, ["competitor_offer"]],
    [{ closure: { stage: "en-proceso", advertising_acceptance: "no-acepto" } }, ["closure"]],
    [{ actions: [{ action: otherTool }, { action: tool, final_state: "atendido" }] }, ["actions"]],
    [{ actions: [] }, ["actions"]],
  ]) {
    const r = await ana.put(`${o.at}/typification`, body);
    assert.equal(r.status, 200, r.text);
    assertShape(r.json);
    same(r.json, but);
    assert.deepEqual((await ana.get(o.at)).json, r.json);
  }
  assert.deepEqual(before.actions, []);
  assert.equal(before.service.current_plan, "DOS");
  assert.deepEqual(before.missing, ["actions"]);
});

test("typification_put: the manual's whole form in one request, with actions in the given order", async () => {
  const { at } = await lib.opened(ana);
  const actions = [{ action: otherTool, final_state: "no-atendido" }, { action: "migracion-prepagado-prepago", final_state: "no-atendido" }, { action: tool, final_state: "atendido" }];
  const r = await ana.put(`${at}/typification`, { sub_campaign: "entel", service: { current_plan: "PREPAGO", activation_date: "2020-02-29", prior_consultation: true }, ...lib.form({ actions }) });
  assert.equal(r.status, 200, r.text);
  assertShape(r.json);
  assert.deepEqual(r.json.actions.map((a) => ({ action: a.action.code, final_state: a.final_state.code })), actions);
  assert.equal(r.json.diagnosis.reason.levels.length, 5);
  assert.equal(r.json.stage.code, "retenido");
  assert.equal(r.json.service.activation_date, "2020-02-29");
});

test("typification_put: a fault in one section stores nothing of the others", async () => {
  const { at, opportunity } = await lib.opened(ana);
  for (const fault of [{ diagnosis: { reason: "precio-y-contenido" } }, { competitor_offer: { phone_to_manage: "1" } }, { closure: { stage: "cerrado" } },
    { actions: [{ action: tool }, { action: "bono-gb" }] }, { sub_campaign: "bitel" }, { service: { activation_date: "2025-02-29" } }, { otra: 1 }]) {
    assert.equal((await ana.put(`${at}/typification`, { ...lib.form(), ...fault })).status, 422);
    assert.deepEqual((await ana.get(at)).json, opportunity);
  }
  assert.equal(countOf("consent", `opportunity_id = ${opportunity.id}`), 0);
});

test("typification_put: reports all faults at once; a section cannot be null, and the form cannot be empty", async () => {
  const { at, opportunity } = await lib.opened(ana);
  const r = await ana.put(`${at}/typification`, { sub_campaign: 5, service: { activation_date: "03/05/2025", prior_consultation: "si", plan: "X" },
    actions: [{ action: "bono-gb" }, {}, { action: tool, final_state: "atendida" }], diagnosis: {}, competitor_offer: { operator: "claro", additional_line: "1" },
    closure: { stage: "retenida", advertising_acceptance: true }, otra: null });
  assert.deepEqual(pointers(r).sort(), ["#/actions/0/action", "#/actions/1/action", "#/actions/2/final_state", "#/closure/advertising_acceptance", "#/closure/stage",
    "#/competitor_offer/additional_line", "#/competitor_offer/operator", "#/competitor_offer/phone_to_manage", "#/diagnosis/reason", "#/otra",
    "#/service/activation_date", "#/service/plan", "#/service/prior_consultation", "#/sub_campaign"]);
  for (const section of ["sub_campaign", "service", "actions", "diagnosis", "competitor_offer", "closure"]) {
    const one = await ana.put(`${at}/typification`, { ...lib.form(), [section]: null });
    assert.deepEqual(pointers(one), [`#/${section}`]);
    assert.equal(one.json.errors[0].code, "type");
  }
  assert.equal((await ana.put(`${at}/typification`, {})).status, 422);
  assert.deepEqual((await ana.get(at)).json, opportunity);
});

/* ------------------------------------------------------ typification_create */

test("typification_create: creates client, contact, opportunity and form, and closes it in one request", async () => {
  const body = { client: lib.newClient({ phone: "+51 955 555 555" }), contact: lib.newContact({ ownership_check: { asked: 3, right: 2 } }), sub_campaign: "entel",
    service: { current_plan: "PREPAGO" }, ...lib.form() };
  const r = await crm.post("/v1/typifications", body);
  assert.equal(r.status, 201, r.text);
  assertShape(r.json);
  assert.equal(r.headers.location, `/v1/opportunities/${r.json.id}`);
  assert.deepEqual((await ana.get(r.headers.location)).json, r.json);
  assert.equal(r.json.stage.code, "retenido");
  assert.notEqual(r.json.closure.closed_at, null);
  assert.equal(r.json.advisor.username, "E8000003");
  assert.equal(r.json.campaign.code, "consulta-previa-prepago");
  assert.equal(r.json.service.current_plan, "PREPAGO");
  const client = (await ana.get(`/v1/clients/${r.json.client_id}`)).json;
  assert.equal(client.document_number, body.client.document_number);
  assert.equal(client.phone, "955555555");
  const contact = (await ana.get(`/v1/contacts/${r.json.contact_id}`)).json;
  assert.equal(contact.client_id, client.id);
  assert.equal(contact.opportunity_id, r.json.id);
  assert.deepEqual(contact.ownership_check, { asked: 3, right: 2 });
  assert.equal((await ana.get("/v1/clients?phone=955555555")).json.items.some((c) => c.id === client.id), true);
  assert.equal((await crm.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" })).status, 409);
});

test("typification_create: for an existing client, with only the required members, in stage EN PROCESO", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const r = await ana.post("/v1/typifications", { client_id: client.id, contact: lib.newContact(), sub_campaign: "entel" });
  assert.equal(r.status, 201, r.text);
  assert.equal(r.json.client_id, client.id);
  assert.equal(r.json.stage.code, "en-proceso");
  assert.deepEqual(r.json.missing, ["actions", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"]);
  assert.deepEqual((await ana.get(`/v1/clients/${client.id}/opportunities`)).json.items, [lib.listed(r)]);
  assert.deepEqual((await ana.get(`/v1/clients/${client.id}/contacts`)).json.items.map((c) => c.id), [r.json.contact_id]);
  assert.equal((await ana.put(`/v1/opportunities/${r.json.id}/typification`, lib.form())).status, 200);
});

test("typification_create: needs exactly one of client_id and client; an unknown or duplicate client stores nothing", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const rest = { contact: lib.newContact(), sub_campaign: "entel", ...lib.form() };
  const before = stored();
  for (const who of [{}, { client_id: client.id, client: lib.newClient() }]) {
    const r = await ana.post("/v1/typifications", { ...who, ...rest });
    assert.deepEqual(pointers(r), ["#"]);
    assert.equal(r.json.errors[0].code, "one_of");
    assert.deepEqual(r.json.errors[0].allowed, ["client_id", "client"]);
  }
  const unknown = await ana.post("/v1/typifications", { client_id: "999999999", ...rest });
  assert.deepEqual(pointers(unknown), ["#/client_id"]);
  assert.equal(unknown.json.errors[0].code, "not_found");
  for (const client_id of ["", "x", "-1", 5, null]) lib.faultAt(await ana.post("/v1/typifications", { client_id, ...rest }), "#/client_id");
  const double = await ana.post("/v1/typifications", { client: lib.newClient({ document_number: client.document_number }), ...rest });
  assert.equal(double.status, 409, double.text);
  assert.equal(double.json.code, "client_exists");
  assert.equal(stored(), before);
});

test("typification_create: reports the faults of all parts at once, with pointers into them, and stores nothing", async () => {
  const before = stored();
  const r = await ana.post("/v1/typifications", {
    client: { name: " ", document_type: "ruc", document_number: "20467534027", phone: "1", birth_date: "2025-02-30", summary_360: { claro_points: -1 }, sales: { lines: ["944264648", "x"] } },
    contact: { origin_phone: "44264648", serial_number: "250505000012567", ownership_check: { asked: 2, right: 3 } },
    service: { prior_consultation: 1 }, actions: [{ action: tool, final_state: "atendido" }, { final_state: "retenido" }],
    diagnosis: { reason: "precio-y-contenido.contenido-prepago" }, competitor_offer: {}, closure: { advertising_acceptance: "acepto" } });
  assert.deepEqual(pointers(r).sort(), ["#/actions/1/action", "#/actions/1/final_state", "#/client/birth_date", "#/client/document_number", "#/client/name", "#/client/phone",
    "#/client/sales/lines/1", "#/client/summary_360/claro_points", "#/closure/stage", "#/competitor_offer/phone_to_manage", "#/contact/origin_phone",
    "#/contact/ownership_check/right", "#/contact/serial_number", "#/diagnosis/reason", "#/service/prior_consultation", "#/sub_campaign"]);
  assert.equal(stored(), before);
});

test("typification_create: of 20 simultaneous requests with one new document, one succeeds", async () => {
  const client = lib.newClient();
  const all = await times(20, () => ana.post("/v1/typifications", { client, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() }));
  assert.deepEqual(statuses(all), [201, ...Array(19).fill(409)]);
  assert.equal(countOf("opportunity o join client c on c.id = o.client_id", `document_number = '${client.document_number}'`), 1);
  assert.equal(countOf("contact t", "not exists (select from client c where c.id = t.client_id)"), 0);
});

/* ----------------------------------------------------------------- consent */

test("closure_put, typification_put: each changed advertising answer is recorded with advisor, time and contact", async () => {
  const o = await lib.opened(ana);
  const ledger = () => sql(`select string_agg(a.username || ' ' || (c.advertising_acceptance ->> 'label'), ', ' order by c.id)
    from consent c join advisor a on a.id = c.advisor_id where c.opportunity_id = ${o.opportunity.id}`);
  const save = (who, advertising_acceptance, where = "closure") => who.put(`${o.at}/${where}`, where === "closure" ? { stage: "en-proceso", advertising_acceptance }
    : { closure: { stage: "en-proceso", advertising_acceptance } });
  await ana.put(`${o.at}/closure`, { stage: "en-proceso" });
  assert.equal(ledger(), "");
  for (const where of ["closure", "closure", "typification"]) assert.equal((await save(ana, "acepto", where)).status, 200);
  assert.equal(ledger(), "E8153375 ACEPTO");
  await save(boss, "no-acepto", "typification");
  await save(ana, "no-acepto");
  await ana.put(`${o.at}/typification`, { diagnosis: sections.diagnosis });
  assert.equal(ledger(), "E8153375 ACEPTO, E8000001 NO ACEPTO");
  await save(ana, "acepto");
  assert.equal(ledger(), "E8153375 ACEPTO, E8000001 NO ACEPTO, E8153375 ACEPTO");
  assert.equal((await ana.put(`${o.at}/closure`, { stage: "retenido", advertising_acceptance: "no-acepto" })).status, 422);
  assert.equal(ledger(), "E8153375 ACEPTO, E8000001 NO ACEPTO, E8153375 ACEPTO");
  assert.equal(sql(`select count(*) from consent where opportunity_id = ${o.opportunity.id} and client_id = ${o.client.id} and contact_id = ${o.contact.id}
    and created_at between now() - interval '1 minute' and now()`), "3");
  const call = await finished(crm);
  assert.equal(sql(`select a.username, c.client_id = ${call.client_id}, c.contact_id = ${call.contact_id}, c.advertising_acceptance ->> 'code'
    from consent c join advisor a on a.id = c.advisor_id where c.opportunity_id = ${call.id}`), "E8000003|t|t|acepto");
});

/* ------------------------------------------------------ opportunity_update */

test("opportunity_update: the service is merged: absent members stay, null clears them", async () => {
  const { at } = await lib.opened(ana);
  const patch = async (body, service) => {
    const r = await ana.patch(at, body, { "content-type": "application/merge-patch+json" });
    assert.equal(r.status, 200, r.text);
    assertShape(r.json);
    assert.deepEqual(r.json.service, service);
    assert.deepEqual((await ana.get(at)).json, r.json);
  };
  await patch({ service: { current_plan: "A", activation_date: "2024-02-29", prior_consultation: false } }, { current_plan: "A", activation_date: "2024-02-29", prior_consultation: false });
  await patch({ service: { current_plan: null } }, { current_plan: null, activation_date: "2024-02-29", prior_consultation: false });
  await patch({ service: { prior_consultation: true } }, { current_plan: null, activation_date: "2024-02-29", prior_consultation: true });
  await patch({}, { current_plan: null, activation_date: "2024-02-29", prior_consultation: true });
  await patch({ sub_campaign: "entel" }, { current_plan: null, activation_date: "2024-02-29", prior_consultation: true });
  await patch({ service: {} }, { current_plan: null, activation_date: "2024-02-29", prior_consultation: true });
  await patch({ service: null }, { current_plan: null, activation_date: null, prior_consultation: null });
  await patch({ service: { current_plan: "B" } }, { current_plan: "B", activation_date: null, prior_consultation: null });
  assert.deepEqual(pointers(await ana.patch(at, { sub_campaign: null, service: { current_plan: 1, activation_date: "2025-02-29" }, stage: "retenido", id: "1" })).sort(),
    ["#/id", "#/service/activation_date", "#/service/current_plan", "#/stage", "#/sub_campaign"]);
  const all = await Promise.all([ana.patch(at, { service: { current_plan: "C" } }), ana.patch(at, { service: { prior_consultation: false } }), ana.patch(at, { service: { activation_date: "2025-01-01" } })]);
  assert.deepEqual(statuses(all), [200, 200, 200]);
  assert.deepEqual((await ana.get(at)).json.service, { current_plan: "C", activation_date: "2025-01-01", prior_consultation: false });
});

test("opportunity_update and all other changes: updated_at grows, created_at stays", async () => {
  const o = await whole(ana);
  let last = o.updated_at;
  for (const [operation, status, send] of changes(o)) {
    assert.equal((await send(ana)).status, status, operation);
    const now = (await ana.get(o.at)).json;
    assert.ok(now.updated_at > last, operation);
    assert.equal(now.created_at, o.created_at);
    last = now.updated_at;
  }
});

/* ------------------------------------------------------------ days in Lima */

test("opportunity_list: created_from and created_to are days in America/Lima", async () => {
  const instants = ["2024-02-29 04:59:59.999999+00", "2024-02-29 05:00+00", "2024-03-01 04:59:59.999999+00", "2024-03-01 05:00+00"];
  const made = [];
  for (const instant of instants) {
    const o = await whole(ana);
    sql(`update opportunity set created_at = '${instant}' where id = ${o.id}`);
    made.push(o.id);
  }
  const found = async (query) => (await ana.get(`/v1/opportunities?${query}`)).json.items.map((o) => o.id).filter((id) => made.includes(id)).reverse();
  assert.deepEqual(await found("created_from=2024-02-29&created_to=2024-02-29"), made.slice(1, 3));
  assert.deepEqual(await found("created_to=2024-02-28&created_from=2024-02-28"), made.slice(0, 1));
  assert.deepEqual(await found("created_from=2024-03-01&created_to=2024-03-01"), made.slice(3));
  assert.deepEqual(await found("created_from=2024-02-28&created_to=2024-03-01"), made);
  assert.equal((await ana.get(`/v1/opportunities/${made[0]}`)).json.created_at, "2024-02-29T04:59:59.999999Z");
});

test("client_create, client_get: birthdays are days in America/Lima", async () => {
  const lima = (days) => new Date(Date.now() - 5 * 3600e3 + days * 86400e3).toISOString().slice(0, 10);
  const born = async (birth_date) => ana.post("/v1/clients", lib.newClient({ birth_date }));
  const year = Number(lima(0).slice(0, 4));
  const leap = year - (year % 4) - 40; // Not a century year, so it has a 29 February.
  assert.equal((await born(`${leap}${lima(0).slice(4)}`)).json.experience.birthday_today, true);
  assert.equal((await born(`${leap}${lima(-1).slice(4)}`)).json.experience.birthday_today, false);
  assert.equal((await born(undefined)).json.experience.birthday_today, null);
  assert.equal((await born(lima(0))).json.experience.birthday_today, true);
  assert.equal(lib.faultAt(await born(lima(1)), "#/birth_date").code, "birth_date_future");
});

/* ------------------------------------------------------------------- lists */

test("opportunity_list: filters by owner, stage, sub campaign and any level of the reason", async () => {
  const o = await finished(luis);
  const has = async (query) => (await ana.get(`/v1/opportunities?limit=100&${query}`)).json.items.some((x) => x.id === o.id);
  for (const query of ["advisor=E8123497", "advisor=e8123497", `advisor=${o.advisor.id}`, "stage=retenido", "sub_campaign=entel", "campaign=consulta-previa-prepago",
    "reason=problema-con-el-uso-del-servicio", "reason=problema-con-el-uso-del-servicio.problema-de-cobertura.internet", `reason=${lib.reason}`,
    "advisor=E8123497&stage=retenido&reason=problema-con-el-uso-del-servicio"]) assert.equal(await has(query), true, query);
  for (const query of ["advisor=E8153375", "stage=no-retenido", "stage=en-proceso", "campaign=retencion-movil-preventiva-postpago", "reason=precio-y-contenido",
    "reason=problema-con-el-uso-del-servicio.problema-de-cobertura.llamadas"]) assert.equal(await has(query), false, query);
});

test("client_opportunity_list: newest first, 15 per page, each once", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const made = [];
  for (let i = 0; i < 17; i++) made.unshift((await ana.post("/v1/typifications", { client_id: client.id, contact: lib.newContact(), sub_campaign: "entel" })).json.id);
  const first = await ana.get(`/v1/clients/${client.id}/opportunities`);
  assert.deepEqual(first.json.items.map((o) => o.id), made.slice(0, 15));
  for (const { etag, ...item } of first.json.items) {
    assertShape(item);
    assert.equal(etag, item.etags.opportunity);
  }
  const second = await ana.get(`/v1/clients/${client.id}/opportunities?cursor=${first.json.next}`);
  assert.deepEqual(second.json.items.map((o) => o.id), made.slice(15));
  assert.equal(second.json.next, null);
});
