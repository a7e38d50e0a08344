/* The faults of a 422: pointers refer to the request's body; field and label are the same in every operation. */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
});
after(() => world.end());

/* faultsOf(r) - [pointer, field] of each fault. */
const faultsOf = (r) => { assert.equal(r.status, 422, r.text); return r.json.errors.map((e) => [e.pointer, e.field]); };
const call = (more) => ({ client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...more });

test("`field` is the same in every operation, and `pointer` refers to the request's body", async () => {
  const { at, client } = await lib.opened(ana);
  const post = (more) => ana.post("/v1/typifications", call(more));
  for (const [r, pointer, field] of [
    [await ana.post("/v1/clients", lib.newClient({ name: " " })), "#/name", "client.name"],
    [await ana.patch(`/v1/clients/${client.id}`, { name: " " }), "#/name", "client.name"],
    [await post({ client: lib.newClient({ name: " " }) }), "#/client/name", "client.name"],
    [await ana.patch(`/v1/clients/${client.id}`, { sales: { lines: ["944264648", "1"] } }), "#/sales/lines/1", "client.sales.lines"],
    [await ana.get("/v1/clients?phone=1"), "#/phone", "client.phone"],
    [await ana.get("/v1/clients?document_number=20467534026&document_type=nada"), "#/document_type", "client.document_type"],
    [await ana.get("/v1/clients"), "#", "client"],
    [await ana.get("/v1/clients?phone=944264648&limit=0"), "#/limit", "limit"],
    [await ana.post(`/v1/clients/${client.id}/contacts`, { ...lib.newContact(), serial_number: "1" }), "#/serial_number", "contact.serial_number"],
    [await post({ contact: { ...lib.newContact(), serial_number: "1" } }), "#/contact/serial_number", "contact.serial_number"],
    [await post({ contact: { ...lib.newContact(), ownership_check: { asked: 1, right: 2 } } }), "#/contact/ownership_check/right", "contact.ownership_check.right"],
    [await ana.post("/v1/opportunities", { contact_id: "999999999999", sub_campaign: "entel" }), "#/contact_id", "opportunity.contact_id"],
    [await ana.post("/v1/typifications", { ...call(), client: undefined, client_id: "999999999999" }), "#/client_id", "opportunity.client_id"],
    [await ana.patch(at, { sub_campaign: "nada" }), "#/sub_campaign", "opportunity.sub_campaign"],
    [await ana.put(`${at}/typification`, { sub_campaign: "nada" }), "#/sub_campaign", "opportunity.sub_campaign"],
    [await ana.put(`${at}/typification`, { service: { current_plan: 1 } }), "#/service/current_plan", "opportunity.service.current_plan"],
    [await ana.post(`${at}/actions`, { action: "nada" }), "#/action", "actions.action"],
    [await ana.put(`${at}/typification`, { actions: [{ action: "nada" }] }), "#/actions/0/action", "actions.action"],
    [await ana.put(`${at}/diagnosis`, { reason: "nada" }), "#/reason", "diagnosis.reason"],
    [await ana.put(`${at}/typification`, { diagnosis: { reason: "nada" } }), "#/diagnosis/reason", "diagnosis.reason"],
    [await ana.put(`${at}/competitor-offer`, {}), "#/phone_to_manage", "competitor_offer.phone_to_manage"],
    [await ana.put(`${at}/typification`, { competitor_offer: {} }), "#/competitor_offer/phone_to_manage", "competitor_offer.phone_to_manage"],
    [await ana.put(`${at}/closure`, {}), "#/stage", "closure.stage"],
    [await ana.put(`${at}/typification`, { closure: {} }), "#/closure/stage", "closure.stage"],
    [await world.anyone.post("/v1/sessions", { username: "E8153375" }), "#/password", "password"],
  ]) assert.deepEqual(faultsOf(r), [[pointer, field]]);
});

test("A fault that the database finds points into the request's body", async () => {
  const { client } = await lib.opened(ana);
  assert.deepEqual(faultsOf(await ana.patch(`/v1/clients/${client.id}`, { document_number: "1" })), [["#/document_number", "client.document_number"]]);
  // Constraints stricter than the service's checks, so that requests reach and violate them.
  world.database.sql(`alter table client drop constraint client_birth_date_past, add constraint client_birth_date_past check (birth_date < '2000-01-01') not valid;
    alter table contact add constraint contact_right_range check ("right" < 2) not valid`);
  const born = { birth_date: "2001-02-03" }, checked = { ...lib.newContact(), ownership_check: { asked: 3, right: 3 } };
  for (const [r, pointer, field] of [[await ana.post("/v1/clients", lib.newClient(born)), "#/birth_date", "client.birth_date"],
    [await ana.patch(`/v1/clients/${client.id}`, born), "#/birth_date", "client.birth_date"],
    [await ana.post("/v1/typifications", call({ client: lib.newClient(born) })), "#/client/birth_date", "client.birth_date"],
    [await ana.post(`/v1/clients/${client.id}/contacts`, checked), "#/ownership_check/right", "contact.ownership_check.right"],
    [await ana.post("/v1/typifications", call({ contact: checked })), "#/contact/ownership_check/right", "contact.ownership_check.right"]])
    assert.deepEqual(faultsOf(r), [[pointer, field]]);
});

test("label: the manual's word in the requested language", async () => {
  const { at } = await lib.opened(ana);
  const label = async (language, part, body) => (await ana.put(`${at}/${part}`, body, { "accept-language": language })).json.errors[0].label;
  for (const [part, body, es, en] of [["competitor-offer", {}, "Teléfono a Gestionar", "Phone to manage"], ["closure", {}, "Etapa", "Stage"],
    ["diagnosis", {}, "Motivo de Cancelación", "Reason for cancellation"], ["diagnosis", { reason: "precio-y-contenido" }, "Motivo de Cancelación", "Reason for cancellation"],
    ["typification", { service: { prior_consultation: 1 } }, "¿Tiene consulta previa?", "Is there a prior consultation?"],
    ["typification", {}, "Oportunidad", "Opportunity"], ["diagnosis", { reason: lib.reason, nada: 1 }, "nada", "nada"]]) {
    assert.equal(await label("es", part, body), es);
    assert.equal(await label("en", part, body), en);
  }
});

test("missing: the opportunity's `missing` and the refusal of its closing name the same fields", async () => {
  const { at } = await lib.opened(ana);
  const all = ["actions", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"];
  assert.deepEqual((await ana.get(at)).json.missing, all);
  assert.deepEqual(faultsOf(await ana.put(`${at}/closure`, { stage: "retenido" })), [...all.slice(0, 3).map((field) => ["#/stage", field]),
    ["#/advertising_acceptance", all[3]]]);
  for (const more of [{}, { final_state: null }]) assert.equal((await ana.post(`${at}/actions`, { action: "bono-gb.bono-4-gb-por-12-meses", ...more })).status, 201);
  assert.deepEqual((await ana.get(at)).json.missing, ["actions.final_state", ...all.slice(1)]);
  const r = await ana.put(`${at}/closure`, { stage: "retenido", advertising_acceptance: "acepto" }, { "accept-language": "es" });
  assert.deepEqual(faultsOf(r), [["#/stage", "actions.final_state"], ["#/stage", "actions.final_state"], ["#/stage", all[1]], ["#/stage", all[2]]]);
  assert.deepEqual(r.json.errors.map((e) => e.detail).slice(0, 2), ["Falta el Estado Final de la acción 1.", "Falta el Estado Final de la acción 2."]);
  assert.deepEqual(faultsOf(await ana.put(`${at}/typification`, { closure: { stage: "retenido" } })), [["#/actions/0/final_state", "actions.final_state"],
    ["#/actions/1/final_state", "actions.final_state"], ...all.slice(1).map((field) => [`#/${field.replace(".", "/")}`, field])]);
});
