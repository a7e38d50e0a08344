"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana, luis, boss;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  luis = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
});
after(() => world.end());

const faultsOf = (r) => r.json.errors?.map(({ detail, ...fault }) => fault);
const detailsOf = (r) => (r.json.errors ? r.json.errors.map((e) => e.detail) : [r.json.detail]);

/* Asks in English, in Spanish and without a wish: only titles and details may differ, and they must. */
async function inBoth(who, method, where, body, headers = {}) {
  const ask = (language) => who.request(method, where, body, { ...headers, ...(language && { "accept-language": language }) });
  const r = { en: await ask("en"), es: await ask("es-PE,es;q=0.9,en;q=0.8"), none: await ask() };
  for (const [language, a] of [["en", r.en], ["es", r.es], ["en", r.none]]) {
    assert.ok(a.status >= 400, `${where}: ${a.status}`);
    assert.equal(a.headers["content-language"], language);
    assert.equal(a.headers.vary, "Accept-Language");
    assert.doesNotMatch(a.text, /\{[0-9]\}/);
  }
  const { request_id: a, ...first } = r.en.json;
  const { request_id: b, ...last } = r.none.json;
  assert.deepEqual(first, last, "English is what is not asked for");
  assert.equal(r.es.status, r.en.status);
  assert.equal(r.es.json.code, r.en.json.code);
  assert.equal(r.es.json.type, r.en.json.type);
  assert.notEqual(r.es.json.title, r.en.json.title);
  assert.notEqual(r.es.json.detail, r.en.json.detail);
  assert.deepEqual(faultsOf(r.es), faultsOf(r.en));
  detailsOf(r.es).forEach((detail, i) => assert.notEqual(detail, detailsOf(r.en)[i]));
  return r;
}

/* says(r, status, code, en, es) - the problem, and its detail in both languages. */
function says(r, status, code, en, es) {
  assert.equal(r.en.status, status, r.en.text);
  assert.equal(r.en.json.code, code);
  assert.equal(r.en.json.detail, en);
  assert.equal(r.es.json.detail, es);
}

/* sent(bytes) - the one answer to them: {head, json}. */
async function sent(bytes) {
  const { text } = await lib.raw(world.port, bytes, { quiet: 300 });
  const [head, body] = Buffer.from(text, "latin1").toString("utf8").split("\r\n\r\n");
  return { head, json: JSON.parse(body) };
}

test("Accept-Language: es in any form is Spanish, and the rest English", async () => {
  const language = async (accept) => (await world.anyone.get("/v1/clients", { "accept-language": accept })).headers["content-language"];
  const expected = { es: "es", "es-PE": "es", "es-419": "es", "ES-pe": "es", "es-PE, en;q=0.9": "es", "en;q=0.9, es": "es",
    "en;q=0, *": "es", "fr, es;q=0.1": "es", "es, en": "es",
    en: "en", "en-GB": "en", "*": "en", fr: "en", "es;q=0": "en", "es;q=0.5, en": "en", "es;q=0.5, *": "en", "en, es": "en",
    "": "en", "es;q=much": "en", es_PE: "en" };
  for (const [accept, wanted] of Object.entries(expected)) assert.equal(await language(accept), wanted, accept);
  assert.equal(await language(["en;q=0.3", "es;q=0.4"]), "es", "two lines are one list");
  assert.equal(await language(["es", "bad;"]), "en");
});

test("Accept-Language: what is no problem has no Content-Language", async () => {
  const r = await ana.get("/v1/catalogs/stage", { "accept-language": "es" });
  assert.equal(r.status, 200);
  assert.ok(!("content-language" in r.headers));
});

test("400: what cannot be read is told in both languages", async () => {
  const post = (body) => inBoth(world.anyone, "POST", "/v1/sessions", body);
  says(await post("{"), 400, "json_invalid", "The body is empty or ends early.", "El cuerpo está vacío o termina antes de tiempo.");
  says(await post("{x}"), 400, "json_invalid", "The body is not well-formed JSON, at line 1, column 2.",
    "El cuerpo no es un JSON bien formado, en la línea 1, columna 2.");
  says(await post('{"a":1,"a":2}'), 400, "json_duplicate_key", "A key stands twice in one object, at line 1, column 10.",
    "Una clave aparece dos veces en un mismo objeto, en la línea 1, columna 10.");
  says(await post("1e999"), 400, "json_invalid", "A number is too large, at line 1, column 5.",
    "Un número es demasiado grande, en la línea 1, columna 5.");
  says(await post(Buffer.from('"\xff"', "latin1")), 400, "json_invalid", "The body is not UTF-8.", "El cuerpo no está en UTF-8.");
  says(await post('"\\u0000"'), 400, "json_invalid", "Text must not hold U+0000, at line 1, column 8.",
    "El texto no debe contener U+0000, en la línea 1, columna 8.");
  says(await post('"\0"'), 400, "json_invalid", "The body must not hold NUL bytes.", "El cuerpo no debe contener bytes NUL.");
  says(await post("[".repeat(40)), 400, "json_too_deep", "Arrays and objects may be nested 32 deep.",
    "Las listas y los objetos pueden anidarse hasta 32 niveles.");
  const get = (where) => inBoth(ana, "GET", where);
  says(await get("/v1/sessions/current?x=1"), 400, "parameter_unknown", "There is no parameter x: this operation has no query parameters.",
    "No existe el parámetro x: esta operación no tiene parámetros de consulta.");
  says(await get("/v1/clients?x=1"), 400, "parameter_unknown",
    "There is no parameter x. The query parameters of this operation are: phone, document_number, document_type, limit, cursor.",
    "No existe el parámetro x. Los parámetros de consulta de esta operación son: phone, document_number, document_type, limit, cursor.");
  says(await get("/v1/clients?limit=1&limit=2"), 400, "parameter_repeated", "limit is given more than once.", "limit se indicó más de una vez.");
  says(await get("/v1/clients?phone=%FF"), 400, "bad_request", "The query must be percent-encoded UTF-8 without NUL.",
    "La consulta debe ser UTF-8 con codificación porcentual, sin NUL.");
  says(await get("/v1/opportunities?cursor=x"), 400, "cursor_invalid",
    "The cursor was altered, or belongs to another list or other filters.", "El cursor fue alterado, o corresponde a otra lista o a otros filtros.");
});

test("400: what the guard refuses is told in both languages, and what the library refuses too", async () => {
  const es = "Accept-Language: es-PE\r\n";
  for (const [language, line, detail] of [["en", "", "exactly one Host header is required"], ["es", es, "Se requiere exactamente un encabezado Host."]]) {
    const r = await sent(`GET /livez HTTP/1.1\r\n${line}\r\n`);
    assert.match(r.head, new RegExp(`^HTTP/1.1 400 [^]*\r\nContent-Language: ${language}\r\nVary: Accept-Language`));
    assert.equal(r.json.code, "bad_request");
    assert.equal(r.json.detail, detail);
  }
  const expectation = await sent(`GET /livez HTTP/1.1\r\nHost: a\r\nExpect: more\r\n${es}\r\n`);
  assert.deepEqual([expectation.json.status, expectation.json.code, expectation.json.detail],
    [417, "expectation_failed", "En Expect solo se admite 100-continue."]);
  const long = await sent(`GET /${"x".repeat(8100)} HTTP/1.1\r\nHost: a\r\n${es}\r\n`);
  assert.deepEqual([long.json.status, long.json.detail], [414, "La dirección solicitada supera los 8000 bytes."]);
  const nothing = await sent(`NOTHING\r\n${es}\r\n`);
  assert.match(nothing.head, /\r\nContent-Language: es\r\n/);
  assert.equal(nothing.json.detail, "La solicitud está mal formada.");
  const odd = await sent(`BREW / HTTP/1.1\r\nHost: a\r\naccept-LANGUAGE:es\r\n\r\n`);
  assert.deepEqual([odd.json.status, odd.json.code, odd.json.title], [501, "method_unknown", "Método no implementado"]);
});

test("401, 403: who may not is told in both languages", async () => {
  says(await inBoth(world.anyone, "GET", "/v1/catalogs"), 401, "token_missing",
    "Sign in with POST /v1/sessions and send the access token as Authorization: Bearer.",
    "Inicie sesión con POST /v1/sessions y envíe el token de acceso en Authorization: Bearer.");
  says(await inBoth(world.anyone, "GET", "/v1/catalogs", undefined, { authorization: "Bearer x" }), 401, "token_invalid",
    "The access token is not valid, or not any more.", "El token de acceso no es válido o ya no está vigente.");
  says(await inBoth(world.anyone, "POST", "/v1/sessions", { username: "E8153375", password: "no-es-esta-clave" }), 401, "credentials_wrong",
    "Username and password do not go together.", "El usuario y la contraseña no coinciden.");
  says(await inBoth(world.anyone, "POST", "/v1/sessions/refresh", { refresh_token: "x" }), 401, "refresh_token_invalid",
    "The refresh token is not valid, or was used before.", "El token de renovación no es válido o ya fue utilizado.");
  const { at } = await lib.opened(ana);
  says(await inBoth(ana, "POST", `${at}/reopening`), 403, "role_forbidden", "This operation is not for your role.", "Su rol no permite esta operación.");
  says(await inBoth(luis, "PUT", `${at}/diagnosis`, { reason: lib.reason }), 403, "not_owner",
    "Only the opportunity's own advisor or a supervisor may change it.", "Solo el asesor de la oportunidad o un supervisor puede modificarla.");
});

test("404, 405, 406, 411, 413, 415: what is not to be had is told in both languages", async () => {
  const body = lib.newClient();
  says(await inBoth(ana, "GET", "/v1/nothing"), 404, "not_found", "There is nothing at this address.", "No existe nada en esta dirección.");
  says(await inBoth(ana, "DELETE", "/v1/clients"), 405, "method_not_allowed", "This address does not take that method; see Allow.",
    "Esta dirección no admite ese método; consulte Allow.");
  says(await inBoth(ana, "GET", "/v1/catalogs", undefined, { accept: "text/html" }), 406, "not_acceptable",
    "This operation answers application/json.", "Esta operación responde en application/json.");
  const bare = await sent(`POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept-Language: es\r\n\r\n`);
  assert.deepEqual([bare.json.status, bare.json.detail],
    [411, "Se requiere un cuerpo: indique Content-Length o Transfer-Encoding: chunked."]);
  const large = await inBoth(ana, "POST", "/v1/clients", { ...body, name: "x".repeat(300000) });
  assert.equal(large.en.status, 413);
  assert.match(large.en.json.detail, /^A body may have [0-9]+ bytes\.$/);
  assert.match(large.es.json.detail, /^El cuerpo puede tener hasta [0-9]+ bytes\.$/);
  says(await inBoth(ana, "POST", "/v1/clients", body, { "content-type": "text/plain" }), 415, "media_type_unsupported",
    "The body must be application/json, in UTF-8, not compressed.", "El cuerpo debe ser application/json, en UTF-8 y sin comprimir.");
  says(await inBoth(ana, "PATCH", "/v1/clients/1000000", body, { "content-type": "text/plain" }), 415, "media_type_unsupported",
    "The body must be application/merge-patch+json or application/json, in UTF-8, not compressed.",
    "El cuerpo debe ser application/merge-patch+json o application/json, en UTF-8 y sin comprimir.");
});

test("409: conflicts are told in both languages", async () => {
  const { client, contact, at } = await lib.opened(ana);
  const { document_number } = client;
  says(await inBoth(ana, "POST", "/v1/clients", lib.newClient({ document_number })), 409, "client_exists",
    "There is a client with this document already.", "Ya existe un cliente con este documento.");
  says(await inBoth(ana, "POST", "/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" }), 409, "contact_has_opportunity",
    "One contact yields at most one opportunity.", "De un contacto se genera una oportunidad como máximo.");
  says(await inBoth(boss, "POST", `${at}/reopening`), 409, "opportunity_not_finished",
    "Only a finished opportunity can be reopened.", "Solo se puede reabrir una oportunidad cerrada.");
  assert.equal((await ana.put(`${at}/typification`, lib.form())).status, 200);
  says(await inBoth(ana, "PUT", `${at}/diagnosis`, { reason: lib.reason }), 409, "opportunity_finished",
    "A finished opportunity changes no more; a supervisor may reopen it.",
    "Una oportunidad cerrada ya no se modifica; un supervisor puede reabrirla.");
});

/* faults(r, [[pointer, code, en, es], …]) - the faults of a 422, all of them, in order. */
function faults(r, expected) {
  assert.equal(r.en.status, 422, r.en.text);
  const told = r.en.json.errors.map((e, i) => [e.pointer, e.code, e.detail, r.es.json.errors[i].detail]);
  assert.deepEqual(told, expected);
}

test("422: faults of shape are told in both languages", async () => {
  faults(await inBoth(ana, "POST", "/v1/clients", {
    name: "", document_number: 5, email: "x", birth_date: "2023-02-29", gender: "x".repeat(21), phone: "812345678", other: 1,
    sales: { lines: Array(101).fill("944264648"), plan: [] },
    summary_360: { claro_points: -1, observed: "no" }, experience: { expiring_points: 2147483648 },
  }), [
    ["#/document_type", "required", "document_type is required", "document_type es obligatorio"],
    ["#/name", "blank", "name must not be blank: it needs something that can be seen", "name no debe estar en blanco: escriba algo que se vea"],
    ["#/document_number", "type", "document_number must be a string, not a number", "document_number debe ser un texto, no un número"],
    ["#/phone", "pattern", "a mobile number has 9 digits and begins with 9; +51, 51, 0051, spaces and hyphens are taken",
      "un número móvil tiene 9 dígitos y empieza con 9; se aceptan +51, 51, 0051, espacios y guiones"],
    ["#/email", "format", "email must be an e-mail address", "email debe ser una dirección de correo electrónico"],
    ["#/gender", "too_long", "gender must have at most 20 characters", "gender debe tener como máximo 20 caracteres"],
    ["#/birth_date", "format", "birth_date must be a day that exists, as YYYY-MM-DD",
      "birth_date debe ser una fecha que exista, en la forma AAAA-MM-DD"],
    ["#/sales/lines", "too_many", "lines must have at most 100 items", "lines debe tener como máximo 100 elementos"],
    ["#/sales/plan", "type", "plan must be a string or null, not an array", "plan debe ser un texto o null, no una lista"],
    ["#/summary_360/observed", "type", "observed must be true or false or null, not a string", "observed debe ser true o false o null, no un texto"],
    ["#/summary_360/claro_points", "too_small", "claro_points must be at least 0", "claro_points debe ser como mínimo 0"],
    ["#/experience/expiring_points", "too_big", "expiring_points must be at most 2147483647", "expiring_points debe ser como máximo 2147483647"],
    ["#/other", "unknown_property", "other is not known here", "other no se admite aquí"],
  ]);
  faults(await inBoth(ana, "POST", "/v1/clients", []), [
    ["#", "type", "the body must be an object, not an array", "el cuerpo debe ser un objeto, no una lista"]]);
  faults(await inBoth(ana, "POST", "/v1/clients/1/contacts", { origin_phone: "944264648", serial_number: "1",
    ownership_check: { asked: 2, right: 3 } }), [
    ["#/serial_number", "pattern", "a serial number has exactly 16 digits", "un número de serie tiene exactamente 16 dígitos"],
    ["#/ownership_check/right", "right_range", "right must not be more than were asked", "right no debe superar el número de preguntas realizadas"]]);
  faults(await inBoth(ana, "POST", "/v1/opportunities", { contact_id: "x", sub_campaign: "entel" }), [
    ["#/contact_id", "format", "contact_id must be digits only", "contact_id debe tener solo dígitos"]]);
  faults(await inBoth(ana, "PUT", "/v1/opportunities/1/typification", {}), [
    ["#", "empty_object", "the body must have at least 1 member", "el cuerpo debe tener como mínimo 1 dato"]]);
  faults(await inBoth(ana, "POST", "/v1/typifications", { contact: lib.newContact(), sub_campaign: "entel" }), [
    ["#", "one_of", "give exactly one of client_id, client", "indique exactamente uno de estos: client_id, client"]]);
});

test("422: faults of parameters are told in both languages", async () => {
  const get = (where) => inBoth(ana, "GET", where);
  faults(await get("/v1/clients"), [
    ["#", "one_of", "give exactly one of phone, document_number", "indique exactamente uno de estos: phone, document_number"]]);
  faults(await get("/v1/clients?phone=944264648&document_type=dni"), [
    ["#/document_type", "one_of", "document_type goes with document_number", "document_type solo se admite junto con document_number"]]);
  faults(await get("/v1/clients?document_number=-&limit=x"), [
    ["#/document_number", "pattern", "a document number has up to 20 letters and digits, and no others",
      "un número de documento tiene hasta 20 letras y dígitos, y nada más"],
    ["#/limit", "type", "limit must be an integer", "limit debe ser un número entero"]]);
  faults(await get("/v1/opportunities?advisor=ana"), [
    ["#/advisor", "pattern", "an advisor is named by id, or by username: E and 7 digits", "un asesor se indica por su id o por su usuario: E y 7 dígitos"]]);
});

test("422: faults of choices are told in both languages, titles as the database has them", async () => {
  const { at } = await lib.opened(ana);
  const reason = (code) => inBoth(ana, "PUT", `${at}/diagnosis`, { reason: code });
  faults(await reason("precio-y-contenido"), [
    ["#/reason", "choice_incomplete", "the choice must go on: Sub Motivo de Cancelación is missing", "la selección está incompleta: falta Sub Motivo de Cancelación"]]);
  faults(await reason(`${lib.reason}.mas`), [
    ["#/reason", "choice_too_deep", "the choice must end at Sub Motivo de Cancelación 3: there is nothing below it",
      "la selección debe terminar en Sub Motivo de Cancelación 3: no tiene más niveles"]]);
  const r = await reason("nada");
  assert.equal(r.en.json.errors[0].code, "choice_unknown");
  assert.match(r.en.json.errors[0].detail, /^no such Motivo.* among the legal ones$/);
  assert.match(r.es.json.errors[0].detail, /^el valor no está entre los permitidos para Motivo/);
  assert.ok(r.es.json.errors[0].allowed.includes("precio-y-contenido"));
});

test("422: faults of rules and of the database are told in both languages", async () => {
  const client = (more) => inBoth(ana, "POST", "/v1/clients", lib.newClient(more));
  faults(await client({ document_number: "1", name: "\t", birth_date: "2999-01-01" }), [
    ["#/name", "blank", "name must not be blank: it needs something that can be seen", "name no debe estar en blanco: escriba algo que se vea"],
    ["#/document_number", "document_number", "a DNI has 8 digits", "un DNI tiene 8 dígitos"],
    ["#/birth_date", "birth_date_future", "birth_date must not be in the future", "birth_date no debe ser una fecha futura"]]);
  faults(await client({ document_type: "ruc", document_number: "1" }), [
    ["#/document_number", "document_number", "a RUC has 11 digits, begins with 10, 15, 16, 17 or 20, and ends with its check digit",
      "un RUC tiene 11 dígitos, empieza con 10, 15, 16, 17 o 20 y termina en su dígito verificador"]]);
  faults(await client({ document_type: "ce", document_number: "1234567890123" }), [
    ["#/document_number", "document_number", "a CE or a passport has up to 12 letters and digits", "un CE o un pasaporte tiene hasta 12 letras y dígitos"]]);
  const made = (await ana.post("/v1/clients", lib.newClient())).json;
  faults(await inBoth(ana, "PATCH", `/v1/clients/${made.id}`, { document_number: "1" }), [
    ["#/document_number", "document_number", "document_number does not fit its document_type", "document_number no corresponde a su document_type"]]);
  faults(await inBoth(ana, "POST", "/v1/opportunities", { contact_id: "999999999999", sub_campaign: "entel" }), [
    ["#/contact_id", "not_found", "there is no such contact: register it first", "no existe ese contacto: debe registrarlo primero"]]);
  faults(await inBoth(ana, "POST", "/v1/typifications", { client_id: "999999999999", contact: lib.newContact(), sub_campaign: "entel" }), [
    ["#/client_id", "not_found", "there is no such client", "no existe ese cliente"]]);
  const { at } = await lib.opened(ana);
  const r = await inBoth(ana, "PUT", `${at}/closure`, { advertising_acceptance: "acepto", stage: "retenido" });
  const needs = [
    ["#/actions", "a final stage needs at least one retention action", "para cerrar falta al menos una acción de retención"],
    ["#/diagnosis", "a final stage needs the diagnosis: why the client leaves", "para cerrar falta el diagnóstico: el Motivo de Cancelación"],
    ["#/competitor_offer", "a final stage needs the competitor's offer", "para cerrar falta la oferta de la competencia"],
    ["#/advertising_acceptance", "a final stage needs the client's answer to advertising", "para cerrar falta la respuesta del cliente sobre la publicidad"]];
  faults(r, needs.slice(0, 3).map(([pointer, en, es]) => [pointer, "missing", en, es]));
  /* The same words where the request itself tells; people count rows from one. */
  faults(await inBoth(ana, "POST", "/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel",
    actions: [{ action: "migracion-prepagado-prepago", final_state: "atendido" }, { action: "migracion-prepagado-prepago" }],
    closure: { stage: "no-retenido" } }), [
    ["#/actions/1/final_state", "missing", "a final stage needs the final state of action 2", "para cerrar falta el Estado Final de la acción 2"],
    ...needs.slice(1).map(([pointer, en, es]) => [pointer, "missing", en, es])]);
});

test("readyz: a database that is away is told in both languages", async () => {
  const server = await lib.startServer("postgresql://gestor_api@127.0.0.1:1/none", { ready: false });
  const r = await inBoth(lib.caller(server.base), "GET", "/readyz");
  says(r, 503, "not_ready", "The database cannot be reached, or its schema is not current.",
    "No hay conexión con la base de datos o su esquema no está actualizado.");
  await server.stop();
});

test("The log stays English", () => {
  assert.doesNotMatch(world.server.log(), /[áéíóúñ]|Solicitud|debe /);
});
