"use strict";
/* What people type and paste: each type of field has one normal form, in bodies and queries alike. */
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana, boss, chief;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const made = async (body) => {
  const r = await ana.post("/v1/clients", body);
  assert.equal(r.status, 201, r.text);
  return r.json;
};
const query = (parameters) => "?" + Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
const codeAt = (r, pointer) => lib.faultAt(r, pointer).code;

/* Spellings of the phone 9XXXXXXXX by people, phones and spreadsheets. */
const spelled = (n) => [n, ` ${n} `, `+51${n}`, `51${n}`, `0051${n}`, `(+51) ${n.slice(0, 3)} ${n.slice(3, 6)} ${n.slice(6)}`,
  `${n.slice(0, 3)}-${n.slice(3, 6)}-${n.slice(6)}`, `${n.slice(0, 3)}.${n.slice(3)}`, `${n.slice(0, 3)}/${n.slice(3)}`, `${n.slice(0, 3)}\u2011${n.slice(3)}`,
  `${n.slice(0, 3)}\u2013${n.slice(3)}`, `\u202a${n}\u202c`, `${n.slice(0, 4)}\u200b${n.slice(4)}\ufeff`, `\u00a0+51\u2009${n}\t`, `${n}\r\n`];

/* ------------------------------------------------------------------- phones */

test("client_search: every spelling of a phone finds the client", async () => {
  for (const phone of spelled("944264648")) {
    const r = await ana.get("/v1/clients" + query({ phone }));
    assert.equal(r.status, 200, `${JSON.stringify(phone)}: ${r.text}`);
    assert.deepEqual(r.json.items.map((c) => c.name), ["AMERICA MOVIL PERU S.A.C."]);
  }
  for (const phone of ["94426464", "844264648", "+52944264648", "00944264648", "nueve", "94426464\u0668", "9442646_48"])
    assert.equal(codeAt(await ana.get("/v1/clients" + query({ phone })), "#/phone"), "pattern");
});

test("client_create, contact_create, competitor_offer_put: every spelling of a phone is stored as 9 digits", async () => {
  const { client, at } = await lib.opened(ana);
  for (const phone of spelled("933444555")) {
    const c = await made(lib.newClient({ phone, sales: { lines: ["922333444", phone] } }));
    assert.equal(c.phone, "933444555");
    assert.deepEqual(c.sales.lines, ["922333444", "933444555"]);
    const contact = await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ origin_phone: phone }));
    assert.equal(contact.json.origin_phone, "933444555");
    const offer = await ana.put(`${at}/competitor-offer`, { phone_to_manage: phone, additional_line: phone });
    assert.equal(offer.json.phone_to_manage, "933444555");
    assert.equal(offer.json.additional_line, "933444555");
  }
  assert.equal((await ana.put(`${at}/competitor-offer`, { phone_to_manage: "933444555", additional_line: " " })).json.additional_line, null);
  assert.equal(codeAt(await ana.put(`${at}/competitor-offer`, { phone_to_manage: "" }), "#/phone_to_manage"), "pattern");
  assert.equal(codeAt(await ana.post("/v1/clients", lib.newClient({ sales: { lines: [""] } })), "#/sales/lines/0"), "pattern");
});

test("every accepted spelling matches the document's pattern", async () => {
  const { document } = await lib.loadContract(world.base);
  const { Phone, ContactCreate, ClientCreate, AccountCreate } = document.components.schemas;
  for (const phone of spelled("944264648")) assert.match(phone, new RegExp(Phone.pattern));
  assert.match("2505-0500 0012\u200b5674", new RegExp(ContactCreate.properties.serial_number.pattern));
  assert.match(" 20-46753402-6\u00a0", new RegExp(ClientCreate.properties.document_number.pattern));
  assert.match(" e8\u200b153375\t", new RegExp(AccountCreate.properties.username.pattern));
});

/* ----------------------------------------------------------------- documents */

test("client_search: blanks and separators in a document number are ignored", async () => {
  for (const document_number of [" 20467534026 ", "20-46753402-6", "20467534026\u200b", "\u00a020 467 534 026", "20.467.534.026\r\n"]) {
    for (const more of [{}, { document_type: "ruc" }, { document_type: " ruc\t" }]) {
      const r = await ana.get("/v1/clients" + query({ document_number, ...more }));
      assert.equal(r.json.items?.length, 1, r.text);
    }
  }
});

test("client_search: a number must have the form of the given type; the message names a lost leading zero", async () => {
  const c = await made(lib.newClient({ document_number: "01234567" }));
  const search = (document_type, document_number, language) => ana.request("GET", "/v1/clients" + query({ document_type, document_number }), undefined, { "Accept-Language": language ?? "en" });
  assert.equal((await search("dni", "01234567")).json.items[0].id, c.id);
  let fault = lib.faultAt(await search("dni", "1234567"), "#/document_number");
  assert.equal(fault.code, "document_number");
  assert.match(fault.detail, /zero lost.*01234567/);
  fault = lib.faultAt(await search("dni", "1234567", "es"), "#/document_number");
  assert.equal(fault.detail, "Un DNI tiene 8 dígitos: ¿se perdió un cero al inicio? Escriba 01234567.");
  for (const [type, number] of [["dni", "123456"], ["dni", "123456789"], ["dni", "A234567"], ["ruc", "20467534025"], ["ruc", "01234567"], ["ce", "1234567890123"], ["pasaporte", "1234567890123"]])
    assert.equal(codeAt(await search(type, number), "#/document_number"), "document_number");
  /* Without a type, any form is accepted. */
  assert.deepEqual((await ana.get("/v1/clients?document_number=1234567")).json.items, []);
  fault = lib.faultAt(await ana.post("/v1/clients", lib.newClient({ document_number: "7654321" })), "#/document_number");
  assert.match(fault.detail, /zero lost.*07654321/);
  fault = lib.faultAt(await ana.patch(`/v1/clients/${c.id}`, { document_type: "dni", document_number: "7654321" }), "#/document_number");
  assert.match(fault.detail, /07654321/);
});

test("client_create: a document number with separators is the same as without", async () => {
  const c = await made(lib.newClient({ document_type: "ce", document_number: "typed-00 1" }));
  assert.equal(c.document_number, "TYPED001");
  assert.equal((await ana.post("/v1/clients", lib.newClient({ document_type: "ce", document_number: " typed001\u200b" }))).json.code, "client_exists");
});

test("contact_create: blanks, hyphens and invisible characters in a serial number are dropped", async () => {
  const { client } = await lib.opened(ana);
  for (const serial_number of ["2505 0500 0012 5674", "2505-0500-0012-5674", "\ufeff2505050000125674\u200b", "2505050000125674\n"]) {
    const r = await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ serial_number }));
    assert.equal(r.status, 201, r.text);
    assert.equal(r.json.serial_number, "2505050000125674");
  }
  for (const serial_number of ["250505000012567", "25050500001256744", "250505000012567x", "", " "])
    assert.equal(codeAt(await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact({ serial_number })), "#/serial_number"), "pattern");
});

/* ------------------------------------------------------------------ accounts */

test("session_create: blanks around a username are dropped; a password is not changed", async () => {
  for (const username of ["E8153375 ", " e8153375", "\tE8153375\u00a0", "\u200bE8153375"])
    assert.equal((await world.anyone.post("/v1/sessions", { username, password: lib.password })).status, 201, JSON.stringify(username));
  for (const password of [lib.password + " ", " " + lib.password, lib.password + "\n", lib.password + "\u200b"])
    assert.equal((await world.anyone.post("/v1/sessions", { username: "E8000002", password })).status, 401);
  const r = await chief.post("/v1/advisors", { username: "E7100001", full_name: "X", role: "advisor", password: "  doce letras\t" });
  assert.equal(r.status, 201, r.text);
  assert.equal((await world.anyone.post("/v1/sessions", { username: "E7100001", password: "doce letras" })).status, 401);
  assert.equal((await world.anyone.post("/v1/sessions", { username: "E7100001", password: "  doce letras\t" })).status, 201);
});

test("advisor_create, advisor_update: username and name are stored in normal form", async () => {
  const r = await chief.post("/v1/advisors", { username: " e7100002\u00a0", full_name: "\tPEN\u0303A \u2003 LUZ\u00a0", role: "advisor", password: "doce-letras-y-mas" });
  assert.equal(r.status, 201, r.text);
  assert.equal(r.json.username, "E7100002");
  assert.equal(r.json.full_name, "PEÑA LUZ");
  const at = `/v1/advisors/${r.json.id}`;
  assert.equal((await chief.patch(at, { full_name: " LUZ  PEÑA" })).json.full_name, "LUZ PEÑA");
  for (const [full_name, code] of [["", "blank"], ["\u200b", "blank"], [" \u2800 ", "blank"], ["A\nB", "characters"], ["\u202eJUAN", "characters"], ["A\u0000".replace("\0", "\x07"), "characters"]]) {
    assert.equal(codeAt(await chief.patch(at, { full_name }), "#/full_name"), code);
    assert.equal(codeAt(await chief.post("/v1/advisors", { username: "E7100003", full_name, role: "advisor", password: "doce-letras-y-mas" }), "#/full_name"), code);
  }
  for (const username of ["EB153375", "E715337", "E71533755", " ", "E7153-375"])
    assert.equal(codeAt(await chief.post("/v1/advisors", { username, full_name: "X", role: "advisor", password: "doce-letras-y-mas" }), "#/username"), "pattern");
});

/* --------------------------------------------------------------------- texts */

test("client_create, client_update: a name is stored as one visible line in NFC", async () => {
  const c = await made(lib.newClient({ name: "\tJUAN \u2003PEN\u0303A\u00a0", legal_representative: " ANA\u200b  LUZ " }));
  assert.equal(c.name, "JUAN PEÑA");
  assert.equal(c.legal_representative, "ANA LUZ");
  assert.equal(world.database.sql(`select name is nfc normalized from client where id = ${c.id}`), "t");
  for (const [name, code] of [["", "blank"], [" ", "blank"], ["\u200b", "blank"], ["\u200b\ufeff\u00ad\u2800\u3164", "blank"], ["A\nB", "characters"], ["A\tB", "characters"],
    ["A\u2028B", "characters"], ["\u202eJUAN", "characters"], ["JUAN\u200f", "characters"], ["\u2067A\u2069", "characters"], ["\u061cA", "characters"], ["A\u0085B", "characters"]]) {
    const r = await ana.post("/v1/clients", lib.newClient({ name }));
    assert.equal(codeAt(r, "#/name"), code, JSON.stringify(name));
    assert.equal(r.json.errors.length, 1);
    assert.equal(codeAt(await ana.patch(`/v1/clients/${c.id}`, { name }), "#/name"), code);
  }
  /* The limit of 200 characters applies to the stored form, not to the sent one. */
  assert.equal((await made(lib.newClient({ name: "  " + "n\u0303".repeat(200) + "  " }))).name, "ñ".repeat(200));
  assert.equal(codeAt(await ana.post("/v1/clients", lib.newClient({ name: "n\u0303".repeat(201) })), "#/name"), "too_long");
  const family = "👨\u200d👩\u200d👧";
  assert.equal((await made(lib.newClient({ name: family }))).name, family);
  const es = await ana.request("POST", "/v1/clients", lib.newClient({ name: "A\nB" }), { "Accept-Language": "es" });
  assert.match(lib.faultAt(es, "#/name").detail, /caracteres que no se ven/);
});

test("client_update: an empty or blank text is stored as null, if null is allowed", async () => {
  const texts = { phone: "944264648", email: "a@b.pe", gender: "F", birth_date: "1980-01-01", legal_representative: "ANA" };
  for (const blank of ["", " ", "\u00a0\t", "\u200b"]) {
    const c = await made(lib.newClient({ ...texts, sales: { plan: "P", activation_date: "2020-01-01" }, summary_360: { trac_profile: "A", segment: "S" }, experience: { overdue_payment: "1" } }));
    const r = await ana.patch(`/v1/clients/${c.id}`, { ...Object.fromEntries(Object.keys(texts).map((name) => [name, blank])),
      sales: { plan: blank, activation_date: blank }, summary_360: { trac_profile: blank, segment: blank }, experience: { overdue_payment: blank } });
    assert.equal(r.status, 200, r.text);
    const { phone, email, gender, birth_date, legal_representative, sales, summary_360: summary, experience } = r.json;
    assert.deepEqual([phone, email, gender, birth_date, legal_representative, sales.plan, sales.activation_date, summary.trac_profile, summary.segment, experience.overdue_payment],
      Array(10).fill(null), JSON.stringify(blank));
    assert.equal((await made(lib.newClient({ gender: blank, email: blank }))).gender, null);
  }
  const c = await made(lib.newClient({ email: " ana@ejemplo.pe\r\n", gender: " F ", sales: { plan: "PREPAGO\u00a0 CHE\u0301VERE" } }));
  assert.deepEqual([c.email, c.gender, c.sales.plan], ["ana@ejemplo.pe", "F", "PREPAGO CHÉVERE"]);
  assert.equal(codeAt(await ana.post("/v1/clients", lib.newClient({ gender: "F\nM" })), "#/gender"), "characters");
});

test("typification_create, typification_put: the whole form is stored in normal form", async () => {
  const client = { ...lib.newClient(), name: " JOSE\u0301 " };
  const r = await ana.post("/v1/typifications", { client, contact: lib.newContact({ origin_phone: "+51 944-264-648", serial_number: "2505 0500 0012 5674" }), sub_campaign: " entel",
    service: { current_plan: " ", activation_date: "" }, actions: [{ action: "bono-gb.bono-4-gb-por-12-meses ", final_state: "" }],
    competitor_offer: { plan: "", phone_to_manage: "944-264-648", additional_line: "" } });
  assert.equal(r.status, 201, r.text);
  const o = r.json.opportunity ?? r.json;
  assert.deepEqual(o.service, { current_plan: null, activation_date: null, prior_consultation: null });
  assert.equal(o.actions[0].final_state, null);
  assert.equal(o.competitor_offer.plan, null);
  assert.equal(o.competitor_offer.phone_to_manage, "944264648");
  const put = await ana.put(`/v1/opportunities/${o.id}/typification`, { service: { current_plan: " PLAN  X" }, diagnosis: { reason: `\t${lib.reason}` }, closure: { stage: " en-proceso ", advertising_acceptance: "" } });
  assert.equal(put.status, 200, put.text);
  assert.equal(put.json.service.current_plan, "PLAN X");
  assert.equal(put.json.diagnosis.reason.code, lib.reason);
  assert.equal(put.json.closure.advertising_acceptance, null);
  assert.equal((await ana.get(`/v1/clients/${o.client_id}`)).json.name, "JOSÉ");
  for (const stage of ["", "  "])
    assert.ok(lib.faultAt(await ana.put(`/v1/opportunities/${o.id}/closure`, { stage }), "#/stage").allowed.length > 0);
  const contact = (await ana.post(`/v1/clients/${o.client_id}/contacts`, lib.newContact())).json;
  assert.equal((await ana.post("/v1/opportunities", { contact_id: ` ${contact.id}\u200b`, sub_campaign: "entel" })).status, 201);
});

test("malformed text is 400: lone surrogates, and invalid UTF-8", async () => {
  for (const name of ['"\\ud800"', '"\\udc00A"', '"A\\u0000"'])
    assert.equal((await ana.request("POST", "/v1/clients", `{"name": ${name}, "document_type": "dni", "document_number": "1"}`)).status, 400);
  for (const bytes of ["%ff", "%c0%80", "%ed%a0%80", "%00"]) assert.equal((await ana.get(`/v1/clients?phone=${bytes}`)).status, 400);
});

/* --------------------------------------------------------------------- dates */

test("client_create, opportunity_update: dates have bounds", async () => {
  const birth = async (birth_date) => ana.post("/v1/clients", lib.newClient({ birth_date }));
  assert.equal((await birth("1900-01-01")).status, 201);
  for (const day of ["0027-03-01", "1899-12-31", "0001-01-01"]) assert.equal(codeAt(await birth(day), "#/birth_date"), "date_range");
  const { at } = await lib.opened(ana);
  for (const day of ["1989-12-31", "0027-03-01", "9999-12-31", "2050-01-01"]) {
    assert.equal(codeAt(await ana.post("/v1/clients", lib.newClient({ sales: { activation_date: day } })), "#/sales/activation_date"), "date_range");
    assert.equal(codeAt(await ana.patch(at, { service: { activation_date: day } }), "#/service/activation_date"), "date_range");
  }
  for (const day of ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"]) {
    assert.equal(codeAt(await ana.get(`/v1/opportunities?created_from=${day}`), "#/created_from"), "date_range");
    assert.equal(codeAt(await boss.get(`/v1/audit?from=${day}`), "#/from"), "date_range");
    assert.equal(codeAt(await boss.get(`/v1/audit/reads?to=${day}T00:00:00Z`), "#/to"), "date_range");
  }
  assert.equal((await ana.patch(at, { service: { activation_date: " 1990-01-01 " } })).json.service.activation_date, "1990-01-01");
  assert.equal((await ana.get("/v1/opportunities?created_from=%201900-01-01&created_to=2999-12-31")).status, 200);
});

/* ------------------------------------------------------------------ integers */

test("contact_create, client_create: 3.0 and 1e2 are accepted and stored as integers", async () => {
  const { client } = await lib.opened(ana);
  const contact = (asked, right) => ana.request("POST", `/v1/clients/${client.id}/contacts`, `{"origin_phone": "944264648", "serial_number": "2505050000125674", "ownership_check": {"asked": ${asked}, "right": ${right}}}`);
  for (const [asked, right] of [["3.0", "2"], ["3e0", "2.0"], ["30e-1", "0.2e1"]])
    assert.deepEqual((await contact(asked, right)).json.ownership_check, { asked: 3, right: 2 });
  assert.equal(codeAt(await contact("2.0", "3.0"), "#/ownership_check/right"), "right_range");
  assert.equal(codeAt(await contact("1e300", "0"), "#/ownership_check/asked"), "too_big");
  assert.equal(codeAt(await contact("2.5", "0"), "#/ownership_check/asked"), "type");
  assert.equal((await contact("1e400", "0")).status, 400);
  const r = await ana.request("POST", "/v1/clients", JSON.stringify(lib.newClient({ summary_360: { claro_points: 77 } })).replace(`"claro_points":77`, `"claro_points":1e2`));
  assert.equal(r.json.summary_360.claro_points, 100);
  assert.match(r.text, /"claro_points": ?100[,}]/);
  assert.equal((await ana.get("/v1/opportunities?limit=%2015%20")).status, 200);
  for (const limit of ["15.0", "1e1", "1e300", "0", "101"]) assert.equal((await ana.get(`/v1/opportunities?limit=${limit}`)).status, 422);
});

/* -------------------------------------------------------------------- queries */

test("in every operation an empty or blank parameter counts as absent, and a repeated one is 400", async () => {
  assert.equal((await ana.get("/v1/clients?phone=944264648&document_number=&document_type=")).json.items.length, 1);
  assert.equal((await ana.get("/v1/clients?phone=%20&document_number=20467534026&document_type=%C2%A0")).json.items.length, 1);
  const neither = await ana.get("/v1/clients?phone=&document_number=");
  assert.equal(codeAt(neither, "#"), "one_of");
  assert.deepEqual(neither.json.errors[0].allowed, ["phone", "document_number", "external_id", "name"]);
  for (const twice of ["phone=944264648&phone=", "phone=&phone=944264648", "phone=&phone="]) assert.equal((await ana.get(`/v1/clients?${twice}`)).status, 400);
  const { document } = await lib.loadContract(world.base);
  const { client, contact, opportunity } = await lib.opened(ana);
  const ids = { client_id: client.id, contact_id: contact.id, opportunity_id: opportunity.id, advisor_id: "1", catalog: "stage" };
  let asked = 0;
  for (const [path, { get }] of Object.entries(document.paths)) {
    const names = (get?.parameters ?? []).map((p) => (p.$ref ? document.components.parameters[p.$ref.split("/").pop()] : p)).filter((p) => p.in === "query").map((p) => p.name);
    if (names.length === 0 || path === "/v1/clients") continue;
    const where = path.replace(/\{([a-z_]+)\}/g, (_, name) => ids[name]);
    const bare = await chief.get(where);
    const empty = await chief.get(where + "?" + names.map((name, i) => `${name}=${["", "%20", "%E3%80%80"][i % 3]}`).join("&"));
    assert.equal(empty.status, bare.status, `${where}: ${empty.text}`);
    asked++;
  }
  assert.ok(asked >= 8, `${asked} operations`);
  /* validate_only=true works with blanks around it, too. */
  const before = Number(world.database.sql("select count(*) from client"));
  assert.equal((await ana.post("/v1/clients?validate_only=%20true", lib.newClient())).status, 200);
  assert.equal((await ana.post("/v1/clients?validate_only=yes", lib.newClient())).status, 422);
  assert.equal(Number(world.database.sql("select count(*) from client")), before);
});

test("audit_list, audit_read_list, opportunity_list: blanks around an advisor or an id are ignored", async () => {
  for (const advisor of [" e8153375", "E8153375 ", "\u200bE8153375"]) {
    for (const where of ["/v1/opportunities", "/v1/audit", "/v1/audit/reads"]) {
      const r = await boss.get(where + query({ advisor }));
      assert.equal(r.status, 200, r.text);
    }
  }
  const { client } = await lib.opened(ana);
  const r = await boss.get("/v1/audit" + query({ object_type: " client", object_id: ` ${client.id}\t`, operation: "client_create " }));
  assert.equal(r.json.items?.length, 1, r.text);
  assert.equal((await ana.get("/v1/opportunities" + query({ stage: " en-proceso", reason: "\t" }))).status, 200);
  const list = await ana.get("/v1/opportunities" + query({ advisor: " e8153375 ", stage: "", limit: "1" }));
  assert.match(list.headers.link, /advisor=E8153375/);
  assert.ok(!list.headers.link.includes("stage="));
  assert.equal((await ana.get(list.headers.link.match(/<(.*)>/)[1])).status, 200);
});

/* ------------------------------------------------------------- idempotency */

test("Idempotency-Key: two spellings of one request are one request", async () => {
  const body = lib.newClient({ phone: "944264648" });
  const send = (more) => ana.request("POST", "/v1/clients", { ...body, ...more }, { "Idempotency-Key": "typed-1" });
  const first = await send({});
  assert.equal(first.status, 201, first.text);
  const again = await send({ phone: "+51 944-264-648", name: ` ${body.name}\u00a0` });
  assert.equal(again.status, 201, again.text);
  assert.equal(again.json.id, first.json.id);
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.equal((await send({ phone: "944264649" })).json.code, "idempotency_key_reused");
});

/* --------------------------------------------------------------- empty fields */

test("an empty field has one fault, which asks for the value; for a choice it lists the legal codes", async () => {
  const spanish = { "accept-language": "es" };
  const detailsOf = async (method, path, body) => {
    const r = await ana.request(method, path, body, spanish);
    assert.equal(r.status, 422, r.text);
    return r.json.errors.map((e) => [e.pointer, e.detail]);
  };
  const { at } = await lib.opened(ana);
  assert.deepEqual(await detailsOf("POST", "/v1/typifications", { client: { name: "", document_type: "", document_number: "" }, contact: { origin_phone: " ", serial_number: "" }, sub_campaign: "",
    actions: [{ action: "", final_state: "" }], diagnosis: { reason: " " }, competitor_offer: { phone_to_manage: "\u200b", plan: "" }, closure: { stage: "", advertising_acceptance: "" } }), [
    ["#/client/name", "Ingrese el Nombre."], ["#/client/document_type", "Elija el Tipo de Documento."], ["#/client/document_number", "Ingrese el Número de Documento."],
    ["#/contact/origin_phone", "Ingrese el Número origen llamada."], ["#/contact/serial_number", "Ingrese el Serial Number."], ["#/sub_campaign", "Elija la Sub Campaña."],
    ["#/actions/0/action", "Elija la Acción."], ["#/diagnosis/reason", "Elija el Motivo de Cancelación."], ["#/competitor_offer/phone_to_manage", "Ingrese el Teléfono a Gestionar."],
    ["#/closure/stage", "Elija la Etapa."]]);
  assert.deepEqual(await detailsOf("POST", "/v1/clients", lib.newClient({ document_number: "" })), [["#/document_number", "Ingrese el Número de Documento."]]);
  assert.deepEqual(await detailsOf("POST", "/v1/clients", lib.newClient({ document_number: "Ñ" })), [["#/document_number", "Número de Documento: use hasta 20 letras y dígitos, y nada más."]]);
  assert.deepEqual(await detailsOf("POST", "/v1/opportunities", { contact_id: "", sub_campaign: "entel" }), [["#/contact_id", "Ingrese la Contactabilidad."]]);
  const stage = lib.faultAt(await ana.put(`${at}/closure`, { stage: "" }, spanish), "#/stage");
  assert.deepEqual([stage.code, stage.level, stage.allowed], ["choice_unknown", 1, ["retenido", "no-retenido", "en-proceso"]]);
  const role = await chief.post("/v1/advisors", { username: "", full_name: "", role: "", password: lib.password }, spanish);
  assert.deepEqual(role.json.errors.map((e) => e.detail), ["Ingrese el Usuario.", "Ingrese el Nombre completo.", "Elija el Rol."]);
});

test("client_update: a document number without a type is checked against the client's type", async () => {
  const client = await made(lib.newClient());
  const detail = async (body) => lib.faultAt(await ana.patch(`/v1/clients/${client.id}`, body), "#/document_number").detail;
  assert.equal(await detail({ document_number: "1234567" }), "A DNI has 8 digits: was a zero lost at its beginning? Write 01234567.");
  assert.equal(await detail({ document_number: "123" }), "A DNI has 8 digits.");
  assert.equal(await detail({ document_type: "ruc" }), "The document number does not fit the document type; correct one of the two.");
});

test("the fault of an unknown member has its name exactly as sent", async () => {
  const r = await ana.patch("/v1/clients/1", { "año/mes~1.x": 1 });
  assert.deepEqual(r.json.errors.map((e) => [e.pointer, e.label, e.detail]), [["#/a%C3%B1o~1mes~01.x", "año/mes~1.x", "There is no member año/mes~1.x here."]]);
  const derived = await ana.patch("/v1/clients/1", { experience: { birthday_today: true } }, { "accept-language": "es" });
  assert.equal(lib.faultAt(derived, "#/experience/birthday_today").label, "Feliz Cumpleaños");
});

test("audit_list, audit_read_list: an end before the beginning is refused", async () => {
  for (const path of ["/v1/audit", "/v1/audit/reads"]) {
    for (const [from, to] of [["2026-11-26", "2026-11-25"], ["2026-11-26T10:00:00Z", "2026-11-26T09:59:59.5Z"]])
      assert.equal(codeAt(await boss.get(path + query({ from, to })), "#/to"), "range_reversed");
    for (const [from, to] of [["2026-11-26", "2026-11-26"], ["2026-11-26T10:00:00.5Z", "2026-11-26T10:00:00Z"], ["2026-11-26", "2026-11-26T09:00:00Z"]])
      assert.equal((await boss.get(path + query({ from, to }))).status, 200);
  }
});
