/*
 * The form contract. The program below that fills in forms knows nothing but what the form says: walk.js.
 */
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
const at = "/v1/forms/typification";
const spanish = { "accept-language": "es-PE" };
const form = async (who, query, headers = spanish) => {
  const r = await who.get(`${at}?${query}`, headers);
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const fieldsOf = (f) => f.sections.flatMap((s) => s.fields);
const fieldOf = (f, name, row = null) => {
  const found = fieldsOf(f).find((x) => x.field === name && (row === null || x.row === row));
  assert.ok(found, `no field ${name}`);
  return found;
};
const sectionOf = (f, code) => f.sections.find((s) => s.code === code);

test("form_get: sections in the manual's order, with its titles and scripts", async () => {
  const { client, contact, opportunity } = await lib.opened(ana);
  const f = await form(ana, `opportunity_id=${opportunity.id}`);
  assert.deepEqual(f.sections.map((s) => [s.code, s.title]), [
    ["client", "Datos del Cliente"], ["contact", "Datos de Llamada"], ["opportunity", "Datos Servicio"], ["actions", "Acciones de Retención"],
    ["diagnosis", "Diagnóstico"], ["competitor_offer", "Oferta de la Competencia"], ["closure", "Cierre Etapa"]]);
  assert.equal(sectionOf(f, "contact").script, contact.greeting, "the greeting of the contact");
  assert.equal(sectionOf(f, "closure").script, "¿Desea seguir recibiendo publicidad de Claro?");
  assert.equal(sectionOf(f, "diagnosis").script, `Entiendo, ${client.name}. ¿Podrías brindarme mayor detalle?`);
  assert.equal(sectionOf(f, "actions").script, null);
  const labels = Object.fromEntries(fieldsOf(f).map((x) => [x.field, x.label]));
  for (const [field, label] of Object.entries({ "contact.origin_phone": "Número origen llamada", "contact.serial_number": "Serial Number",
    "opportunity.sub_campaign": "Sub Campaña", "opportunity.service.prior_consultation": "¿Tiene consulta previa?", "actions.action": "Acción",
    "actions.final_state": "Estado Final", "diagnosis.reason": "Motivo de Cancelación", "competitor_offer.phone_to_manage": "Teléfono a Gestionar",
    "competitor_offer.channel": "Medio Comunicación de la Oferta", "closure.advertising_acceptance": "Aceptación Publicitaria", "closure.stage": "Etapa",
    "client.summary_360.trac_profile": "Perfil Trac", "client.experience.birthday_today": "Feliz Cumpleaños" }))
    assert.equal(labels[field], label);
  assert.equal(fieldOf(f, "client.sales.lines").group, "Información para Ventas");
  assert.deepEqual(fieldOf(f, "diagnosis.reason").levels.slice(0, 2), ["Motivo de Cancelación", "Sub Motivo de Cancelación"]);
});

test("form_get: in English without Accept-Language; the language is named and part of the entity tag", async () => {
  const { opportunity } = await lib.opened(ana);
  const en = await ana.get(`${at}?opportunity_id=${opportunity.id}`), es = await ana.get(`${at}?opportunity_id=${opportunity.id}`, spanish);
  assert.equal(en.headers["content-language"], "en");
  assert.equal(es.headers["content-language"], "es");
  assert.equal(es.headers.vary, "Accept-Language");
  assert.notEqual(en.headers.etag, es.headers.etag);
  assert.equal(fieldOf(en.json, "competitor_offer.phone_to_manage").label, "Phone to manage");
  assert.match(sectionOf(en.json, "contact").script, /^Welcome, CLIENTE DE PRUEBA\. I am E8153375/);
});

test("form_get: the form of an opportunity, from the first save to the last", async () => {
  const { opportunity: o } = await lib.opened(ana), query = `opportunity_id=${o.id}`;
  let f = await form(ana, query);
  assert.deepEqual(f.write, { operation: "typification_put", method: "PUT", href: `/v1/opportunities/${o.id}/typification`, if_match: o.etags.opportunity });
  assert.deepEqual(f.missing, ["actions", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"]);
  assert.deepEqual(f.next, { section: "actions", field: "actions.action" });
  assert.deepEqual(f.can_close, { retenido: false, "no-retenido": false });
  assert.deepEqual(f.sections.filter((s) => s.complete).map((s) => s.code), ["client", "contact", "opportunity"]);
  assert.deepEqual(fieldsOf(f).filter((x) => x.required !== "no" && x.visible).map((x) => [x.field, x.required]), [
    ["opportunity.sub_campaign", "now"], ["actions.action", "now"], ["actions.final_state", "to_close"], ["diagnosis.reason", "to_close"],
    ["competitor_offer.phone_to_manage", "now"], ["closure.advertising_acceptance", "to_close"], ["closure.stage", "now"]]);
  assert.equal(fieldOf(f, "opportunity.sub_campaign").value, "entel");
  assert.equal(fieldOf(f, "closure.stage").value, "en-proceso");
  assert.equal(fieldOf(f, "actions.action").pointer, "#/actions/0/action");
  assert.equal(sectionOf(f, "actions").max_rows, 20);

  await ana.put(f.write.href, { actions: [{ action: "bono-gb.bono-4-gb-por-12-meses" }] }, { "if-match": f.write.if_match });
  f = await form(ana, query);
  assert.deepEqual(f.missing, ["actions.final_state", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"]);
  assert.deepEqual(f.next, { section: "actions", field: "actions.final_state" });

  const { stage, ...answer } = lib.form().closure;
  await ana.put(f.write.href, { ...lib.form(), closure: { ...answer, stage: "en-proceso" } });
  f = await form(ana, query);
  assert.deepEqual(f.missing, []);
  assert.deepEqual(f.can_close, { retenido: true, "no-retenido": true });
  assert.deepEqual(f.next, { section: "closure", field: "closure.stage" });
  assert.ok(f.sections.every((s) => s.complete));

  await ana.put(f.write.href, { closure: { ...answer, stage } });
  f = await form(ana, query);
  assert.equal(f.write, null);
  assert.equal(f.next, null);
  assert.deepEqual(f.can_close, { retenido: false, "no-retenido": false });
  assert.ok(fieldsOf(f).every((x) => !x.visible && x.options === null));
  assert.equal(fieldOf(f, "closure.stage").value, "retenido");
});

test("form_get: of a client, of a contact, of a new client", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient({ phone: "944264648", sales: { plan: "PLAN", lines: ["944264648"] } }))).json;
  let f = await form(ana, `client_id=${client.id}`);
  assert.deepEqual(f.write, { operation: "typification_create", method: "POST", href: "/v1/typifications", if_match: null });
  assert.equal(fieldOf(f, "opportunity.client_id").value, client.id);
  assert.equal(fieldOf(f, "client.phone").value, "944264648");
  assert.deepEqual(fieldOf(f, "client.sales.lines").value, ["944264648"]);
  assert.equal(fieldOf(f, "client.document_type").value, "dni");
  assert.ok(sectionOf(f, "client").fields.every((x) => !x.visible));
  assert.deepEqual(f.next, { section: "contact", field: "contact.origin_phone" });
  assert.equal(fieldOf(f, "contact.ownership_check.right").depends_on, "contact.ownership_check.asked");
  assert.deepEqual([fieldOf(f, "contact.serial_number").pattern, fieldOf(f, "contact.serial_number").min_length], ["^[0-9]{16}$", 16]);

  const contact = (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json;
  f = await form(ana, `contact_id=${contact.id}`);
  assert.equal(f.write.operation, "opportunity_create");
  assert.equal(fieldOf(f, "opportunity.contact_id").value, contact.id);
  assert.equal(fieldOf(f, "contact.origin_phone").value, contact.origin_phone);
  assert.deepEqual(fieldsOf(f).filter((x) => x.visible).map((x) => x.pointer),
    ["#/contact_id", "#/service/current_plan", "#/service/activation_date", "#/service/prior_consultation", "#/sub_campaign"]);
  assert.equal((await form(luis, `contact_id=${contact.id}`)).write, null, "another's contact");
  assert.notEqual((await form(boss, `contact_id=${contact.id}`)).write, null);
  const o = (await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" })).json;
  f = await form(ana, `contact_id=${contact.id}`);
  assert.equal(f.write.href, `/v1/opportunities/${o.id}/typification`);

  f = await form(ana, "");
  assert.equal(f.write.operation, "typification_create");
  assert.equal(fieldOf(f, "client.document_number").depends_on, "client.document_type");
  assert.deepEqual(f.next, { section: "client", field: "client.name" });
  assert.match(sectionOf(f, "contact").script, /^Bienvenido \{client\}, soy E8153375 /);
  assert.equal(fieldsOf(f).find((x) => x.field === "opportunity.client_id"), undefined);
});

test("form_get: refusals", async () => {
  const { client, opportunity } = await lib.opened(ana);
  const both = await ana.get(`${at}?client_id=${client.id}&opportunity_id=${opportunity.id}`);
  assert.equal(both.status, 422);
  assert.equal(both.json.errors[0].code, "one_of");
  assert.deepEqual(both.json.errors[0].allowed, ["opportunity_id", "contact_id", "client_id"]);
  for (const id of ["opportunity_id", "contact_id", "client_id"]) {
    assert.equal((await ana.get(`${at}?${id}=999999999`)).status, 404);
    assert.equal((await ana.get(`${at}?${id}=x`)).status, 422);
  }
  assert.equal((await ana.get(`${at}?options=all`)).status, 422);
});

test("form_get: another's, a finished, a voided opportunity and an erased client are only shown", async () => {
  const { client, opportunity: o } = await lib.opened(ana);
  assert.equal((await form(luis, `opportunity_id=${o.id}`)).write, null);
  assert.notEqual((await form(boss, `opportunity_id=${o.id}`)).write, null);
  await admin.post(`/v1/clients/${client.id}/erasure`);
  const f = await form(ana, `opportunity_id=${o.id}`);
  assert.equal(f.write, null);
  assert.equal((await form(ana, `client_id=${client.id}`)).write, null);
  assert.equal(fieldOf(f, "client.phone").value, null);
});

test("form_get: the first paint takes three requests; inline below 60 KB, 304 afterwards", async () => {
  const signed = await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password });
  const desk = lib.caller(world.base, signed.json.access_token);
  const { items: [client] } = (await desk.get("/v1/clients?phone=944264648")).json;
  const first = await desk.get(`${at}?client_id=${client.id}`, spanish);
  const bytes = Buffer.byteLength(first.text);
  assert.ok(bytes < 60 * 1024, `${bytes} bytes`);
  const again = await desk.get(`${at}?client_id=${client.id}`, { ...spanish, "if-none-match": first.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.text, "");
  const codes = await desk.get(`${at}?client_id=${client.id}&options=codes`, spanish);
  assert.ok(codes.text.length < first.text.length);
  assert.ok(fieldOf(codes.json, "diagnosis.reason").options.includes(lib.reason));

  const { opportunity: o } = await lib.opened(ana);
  await ana.put(`/v1/opportunities/${o.id}/typification`, lib.form({ closure: { stage: "en-proceso" },
    actions: Array.from({ length: 5 }, () => ({ action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" })) }));
  const full = await ana.get(`${at}?opportunity_id=${o.id}`, spanish);
  assert.ok(Buffer.byteLength(full.text) < 60 * 1024, `${Buffer.byteLength(full.text)} bytes with 5 rows`);
  console.log(`form_get: inline ${bytes} bytes, codes ${Buffer.byteLength(codes.text)}, of an opportunity with 5 rows ${Buffer.byteLength(full.text)}`);
});

test("form_get: an account without personal_data sees masks", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient({ phone: "944264648", sales: { lines: ["944264648"] }, birth_date: "1990-01-01" }))).json;
  sql("update advisor set rights = array_remove(rights, 'personal_data') where username = 'E8000003'");
  try {
    const json = await world.tokenOf("E8000003");
    const f = await form(lib.caller(world.base, json.access_token), `client_id=${client.id}`);
    assert.equal(fieldOf(f, "client.phone").value, "***");
    assert.equal(fieldOf(f, "client.document_number").value, "***");
    assert.deepEqual(fieldOf(f, "client.sales.lines").value, ["***"]);
    assert.equal(fieldOf(f, "client.birth_date").value, null);
    assert.ok(!JSON.stringify(f).includes("944264648"));
  } finally {
    sql("update advisor set rights = array_append(rights, 'personal_data') where username = 'E8000003'");
  }
});
