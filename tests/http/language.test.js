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

const faultsOf = (r) => r.json.errors?.map(({ detail, label, ...fault }) => fault);
const detailsOf = (r) => (r.json.errors ? r.json.errors.map((e) => e.detail) : [r.json.detail]);

/* Sends the request in English, in Spanish and without Accept-Language: exactly titles and details must differ. */
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
  assert.deepEqual(first, last, "English is the default");
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

/* sent(bytes) - the single answer to these bytes: {head, json}. */
async function sent(bytes) {
  const { text } = await lib.raw(world.port, bytes, { quiet: 300 });
  const [head, body] = Buffer.from(text, "latin1").toString("utf8").split("\r\n\r\n");
  return { head, json: JSON.parse(body) };
}

test("Accept-Language: every form of es gets Spanish, everything else English", async () => {
  const language = async (accept) => (await world.anyone.get("/v1/clients", { "accept-language": accept })).headers["content-language"];
  const expected = { es: "es", "es-PE": "es", "es-419": "es", "ES-pe": "es", "es-PE, en;q=0.9": "es", "en;q=0.9, es": "es",
    "en;q=0, *": "es", "fr, es;q=0.1": "es", "es, en": "es",
    en: "en", "en-GB": "en", "*": "en", fr: "en", "es;q=0": "en", "es;q=0.5, en": "en", "es;q=0.5, *": "en", "en, es": "en",
    "": "en", "es;q=much": "en", es_PE: "en", "es-PE,es_PE;q=0.9,en;q=0.1": "es", "es_PE, en;q=0.1": "en" };
  for (const [accept, wanted] of Object.entries(expected)) assert.equal(await language(accept), wanted, accept);
  assert.equal(await language(["en;q=0.3", "es;q=0.4"]), "es", "two lines are one list");
  assert.equal(await language(["bad;", "es"]), "es", "a malformed element is ignored");
});

test("Accept-Language: only problems have Content-Language", async () => {
  const r = await ana.get("/v1/catalogs/stage", { "accept-language": "es" });
  assert.equal(r.status, 200);
  assert.ok(!("content-language" in r.headers));
});

test("400: unreadable requests are explained in both languages", async () => {
  const post = (body) => inBoth(world.anyone, "POST", "/v1/sessions", body);
  says(await post("{"), 400, "json_invalid", "The body is empty or ends early.", "El cuerpo está vacío o termina antes de tiempo.");
  says(await post("{x}"), 400, "json_invalid", "The body is not well-formed JSON, at line 1, column 2.",
    "El cuerpo no es un JSON bien formado, en la línea 1, columna 2.");
  says(await post('{"a":1,"a":2}'), 400, "json_duplicate_key", "A key appears twice in one object, at line 1, column 10.",
    "Una clave aparece dos veces en un mismo objeto, en la línea 1, columna 10.");
  says(await post("1e999"), 400, "json_invalid", "A number is too large, at line 1, column 5.",
    "Un número es demasiado grande, en la línea 1, columna 5.");
  says(await post(Buffer.from('"\xff"', "latin1")), 400, "json_invalid", "The body is not UTF-8.", "El cuerpo no está en UTF-8.");
  says(await post('"\\u0000"'), 400, "json_invalid", "Text must not hold U+0000, at line 1, column 8.",
    "El texto no debe contener U+0000, en la línea 1, columna 8.");
  says(await post('"\0"'), 400, "json_invalid", "The body must not hold NUL bytes.", "El cuerpo no debe contener bytes NUL.");
  says(await post("[".repeat(40)), 400, "json_too_deep", "Arrays and objects may be nested 32 levels deep.",
    "Las listas y los objetos pueden anidarse hasta 32 niveles.");
  const get = (where) => inBoth(ana, "GET", where);
  for (const blank of ["%20", "%0A", "%E2%80%8B"]) {
    const { detail } = (await get(`/v1/sessions/current?${blank}=1`)).en.json;
    assert.equal(detail, `There is no parameter "${decodeURIComponent(blank)}": this operation has no query parameters.`);
  }
  says(await get("/v1/sessions/current?=1"), 400, "parameter_unknown", 'There is no parameter "": this operation has no query parameters.',
    'No existe el parámetro "": esta operación no tiene parámetros de consulta.');
  says(await get("/v1/sessions/current?x=1"), 400, "parameter_unknown", "There is no parameter x: this operation has no query parameters.",
    "No existe el parámetro x: esta operación no tiene parámetros de consulta.");
  says(await get("/v1/clients?x=1"), 400, "parameter_unknown",
    "There is no parameter x. The query parameters of this operation are: phone, document_number, document_type, external_id, name, ids, limit, cursor.",
    "No existe el parámetro x. Los parámetros de consulta de esta operación son: phone, document_number, document_type, external_id, name, ids, limit, cursor.");
  says(await get("/v1/clients?limit=1&limit=2"), 400, "parameter_repeated", "limit is given more than once.", "limit se indicó más de una vez.");
  says(await get("/v1/clients?phone=%FF"), 400, "bad_request", "The query must be percent-encoded UTF-8 without NUL.",
    "La consulta debe ser UTF-8 con codificación porcentual, sin NUL.");
  says(await get("/v1/opportunities?cursor=x"), 400, "cursor_invalid",
    "The cursor was altered, or belongs to another list or other filters. Start again from the first page.",
    "El cursor fue alterado, o corresponde a otra lista o a otros filtros. Empiece de nuevo por la primera página.");
});

test("400: refusals by the guard and by civetweb are explained in both languages", async () => {
  const es = "Accept-Language: es-PE\r\n";
  for (const [language, line, detail] of [["en", "", "Exactly one Host header is required."], ["es", es, "Se requiere exactamente un encabezado Host."]]) {
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

test("401, 403: the refusal and the next step are explained in both languages", async () => {
  const over = ["Your session is over. Sign in again.", "Su sesión terminó. Vuelva a ingresar."];
  says(await inBoth(world.anyone, "GET", "/v1/catalogs"), 401, "token_missing",
    "You have not signed in. Sign in with your username and password.", "No ha iniciado sesión. Ingrese con su usuario y contraseña.");
  says(await inBoth(world.anyone, "GET", "/v1/catalogs", undefined, { authorization: "Bearer x" }), 401, "token_invalid", ...over);
  says(await inBoth(world.anyone, "POST", "/v1/sessions", { username: "E8153375", password: "no-es-esta-clave" }), 401, "credentials_wrong",
    "The username or the password is wrong. Check both and try again.", "El usuario o la contraseña no son correctos. Revíselos y vuelva a intentarlo.");
  says(await inBoth(world.anyone, "POST", "/v1/sessions/refresh", { refresh_token: "x" }), 401, "refresh_token_invalid", ...over);
  const { at } = await lib.opened(ana);
  says(await inBoth(ana, "POST", `${at}/reopening`), 403, "role_forbidden", "Only a supervisor or an administrator may do this.",
    "Solo un supervisor o un administrador puede hacer esto.");
  says(await inBoth(luis, "PUT", `${at}/diagnosis`, { reason: lib.reason }), 403, "not_owner",
    "This opportunity is another advisor's. Only that advisor or a supervisor may change it.",
    "Esta oportunidad es de otro asesor. Solo ese asesor o un supervisor puede modificarla.");
});

test("412: explains that the data have changed, and what to do", async () => {
  const { at } = await lib.opened(ana);
  says(await inBoth(ana, "PUT", `${at}/diagnosis`, { reason: lib.reason }, { "if-match": '"0"' }), 412, "precondition_failed",
    "These data changed since they were read. Nothing was saved: look at them and save again.",
    "Estos datos cambiaron desde que se leyeron. No se guardó nada: revíselos y vuelva a guardar.");
  const { en, es } = await inBoth(ana, "PUT", `${at}/diagnosis`, { reason: lib.reason }, { "if-match": 'W/"0"' });
  assert.match(en.json.detail, /a weak tag never matches/);
  assert.match(es.json.detail, /etiqueta débil .*nunca coincide/);
});

test("404, 405, 406, 411, 413, 415: explained in both languages", async () => {
  const body = lib.newClient();
  says(await inBoth(ana, "GET", "/v1/nothing"), 404, "not_found", "What you are looking for is not here. Check it and try again.",
    "No encontramos lo que busca. Revise el dato y vuelva a intentarlo.");
  says(await inBoth(ana, "DELETE", "/v1/clients"), 405, "method_not_allowed", "This address does not take that method; see Allow.",
    "Esta dirección no admite ese método; consulte Allow.");
  says(await inBoth(ana, "GET", "/v1/catalogs", undefined, { accept: "text/html" }), 406, "not_acceptable",
    "This operation answers application/json.", "Esta operación responde en application/json.");
  const bare = await sent(`POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept-Language: es\r\n\r\n`);
  assert.deepEqual([bare.json.status, bare.json.detail],
    [411, "Se requiere un cuerpo: indique Content-Length o Transfer-Encoding: chunked."]);
  const large = await inBoth(ana, "POST", "/v1/clients", { ...body, name: "x".repeat(300000) });
  assert.equal(large.en.status, 413);
  assert.match(large.en.json.detail, /^A body may have up to [0-9]+ bytes\.$/);
  assert.match(large.es.json.detail, /^El cuerpo puede tener hasta [0-9]+ bytes\.$/);
  says(await inBoth(ana, "POST", "/v1/clients", body, { "content-type": "text/plain" }), 415, "media_type_unsupported",
    "The body must be application/json, in UTF-8, not compressed.", "El cuerpo debe ser application/json, en UTF-8 y sin comprimir.");
  says(await inBoth(ana, "PATCH", "/v1/clients/1000000", body, { "content-type": "text/plain" }), 415, "media_type_unsupported",
    "The body must be application/merge-patch+json or application/json, in UTF-8, not compressed.",
    "El cuerpo debe ser application/merge-patch+json o application/json, en UTF-8 y sin comprimir.");
});

test("409: conflicts are explained in both languages", async () => {
  const { client, contact, at } = await lib.opened(ana);
  const { document_number } = client;
  const external_id = "CRM-REPETIDO";
  assert.equal((await ana.post("/v1/clients", lib.newClient({ external_id }))).status, 201);
  says(await inBoth(ana, "POST", "/v1/clients", lib.newClient({ external_id })), 409, "client_exists",
    "There is a client with this external_id already. Search by it and use that client.",
    "Ya hay un cliente registrado con este external_id. Búsquelo por ese código y trabaje con esa ficha.");
  says(await inBoth(ana, "POST", "/v1/clients", lib.newClient({ document_number })), 409, "client_exists",
    "There is a client with this document already. Search by the document and use that client.",
    "Ya hay un cliente registrado con este documento. Búsquelo por su documento y trabaje con esa ficha.");
  says(await inBoth(ana, "POST", "/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" }), 409, "contact_has_opportunity",
    "This call has its opportunity already. Go on with that one, or register a new call.",
    "Esta llamada ya tiene su oportunidad. Continúe con ella o registre una nueva llamada.");
  says(await inBoth(boss, "POST", `${at}/reopening`), 409, "opportunity_not_finished",
    "This opportunity is still open, so it need not be reopened.", "Esta oportunidad sigue abierta; no hace falta reabrirla.");
  assert.equal((await ana.put(`${at}/typification`, lib.form())).status, 200);
  says(await inBoth(ana, "PUT", `${at}/diagnosis`, { reason: lib.reason }), 409, "opportunity_finished",
    "This opportunity is closed and cannot be changed. Ask a supervisor to reopen it.",
    "Esta oportunidad está cerrada y no se puede modificar. Pida a un supervisor que la reabra.");
});

/* faults(r, [[pointer, code, en, es], …]) - the faults of a 422, all of them, in order. */
function faults(r, expected) {
  assert.equal(r.en.status, 422, r.en.text);
  const got = r.en.json.errors.map((e, i) => [e.pointer, e.code, e.detail, r.es.json.errors[i].detail]);
  assert.deepEqual(got, expected);
}

test("422: faults of shape are explained in both languages", async () => {
  faults(await inBoth(ana, "POST", "/v1/clients", {
    name: "", document_number: 5, email: "x", birth_date: "2023-02-29", gender: "x".repeat(21), phone: "812345678", other: 1,
    sales: { lines: Array(101).fill("944264648"), plan: [] },
    summary_360: { claro_points: -1, observed: "no" }, experience: { expiring_points: 2147483648 },
  }), [
    ["#/document_type", "required", "Choose the document type.", "Elija el Tipo de Documento."],
    ["#/name", "blank", "Enter the name.", "Ingrese el Nombre."],
    ["#/document_number", "type", "Document number: the value must be a string, not a number.", "Número de Documento: el valor debe ser un texto, no un número."],
    ["#/phone", "pattern", "Phone: enter 9 digits that begin with 9; +51, 51, 0051, spaces and hyphens are taken.",
      "Teléfono: ingrese 9 dígitos que empiecen con 9; se aceptan +51, 51, 0051, espacios y guiones."],
    ["#/email", "format", "E-mail: enter an e-mail address, such as name@example.com.",
      "Correo: ingrese un correo electrónico, como nombre@ejemplo.com."],
    ["#/gender", "too_long", "Gender: use at most 20 characters.", "Género: use como máximo 20 caracteres."],
    ["#/birth_date", "format", "Date of birth: enter a date that exists, as YYYY-MM-DD.",
      "Fecha Nacimiento: ingrese una fecha que exista, en la forma AAAA-MM-DD."],
    ["#/sales/lines", "too_many", "Lines: give at most 100 items.", "Líneas: indique como máximo 100 elementos."],
    ["#/sales/plan", "type", "Plan: the value must be a string or null, not an array.", "Plan: el valor debe ser un texto o null, no una lista."],
    ["#/summary_360/observed", "type", "Observed: the value must be true or false or null, not a string.", "Observado: el valor debe ser true o false o null, no un texto."],
    ["#/summary_360/claro_points", "too_small", "Claro points: the smallest value is 0.", "Claro Punto: el valor mínimo es 0."],
    ["#/experience/expiring_points", "too_big", "Claro points about to expire: the largest value is 2147483647.", "Puntos Claro por Vencer: el valor máximo es 2147483647."],
    ["#/other", "unknown_property", "There is no member other here.", "Aquí no se admite el dato other."],
  ]);
  faults(await inBoth(ana, "POST", "/v1/clients", []), [
    ["#", "type", "Client: the value must be an object, not an array.", "Cliente: el valor debe ser un objeto, no una lista."]]);
  faults(await inBoth(ana, "POST", "/v1/clients/1/contacts", { origin_phone: "944264648", serial_number: "1",
    ownership_check: { asked: 2, right: 3 } }), [
    ["#/serial_number", "pattern", "Serial number: enter exactly 16 digits.", "Serial Number: ingrese exactamente 16 dígitos."],
    ["#/ownership_check/right", "right_range", "There cannot be more right answers than questions.", "No puede haber más respuestas correctas que preguntas."]]);
  faults(await inBoth(ana, "POST", "/v1/opportunities", { contact_id: "x", sub_campaign: "entel" }), [
    ["#/contact_id", "format", "Call: use digits only.", "Contactabilidad: use solo dígitos."]]);
  faults(await inBoth(ana, "PUT", "/v1/opportunities/1/typification", {}), [
    ["#", "empty_object", "Opportunity: give at least 1 member.", "Oportunidad: indique como mínimo 1 dato."]]);
  faults(await inBoth(ana, "POST", "/v1/typifications", { contact: lib.newContact(), sub_campaign: "entel" }), [
    ["#", "one_of", "Give the client that was found, or the data of a new one, but not both.", "Indique el cliente encontrado o los datos de uno nuevo, pero no ambos."]]);
});

test("422: faults of parameters are explained in both languages", async () => {
  const get = (where) => inBoth(ana, "GET", where);
  faults(await get("/v1/clients"), [
    ["#", "one_of", "Search by the phone, by the document number, by the external id or by the name: enter one of them.",
      "Busque por el Teléfono, por el Número de Documento, por el Código Externo o por el Nombre: ingrese uno de ellos."]]);
  faults(await get("/v1/clients?phone=944264648&document_type=dni"), [
    ["#/document_type", "one_of", "Document type goes with Document number only.", "Tipo de Documento solo se usa junto con Número de Documento."]]);
  faults(await get("/v1/clients?document_number=-&limit=x"), [
    ["#/document_number", "pattern", "Enter the document number.", "Ingrese el Número de Documento."],
    ["#/limit", "type", "Rows a page: the value must be an integer.", "Filas por página: el valor debe ser un número entero."]]);
  faults(await get("/v1/opportunities?advisor=ana_1"), [
    ["#/advisor", "pattern", "Advisor: give the account's id, or its username: E and 7 digits, or an integration's name.",
      "Asesor: indique el id de la cuenta o su usuario: E y 7 dígitos, o el nombre de una integración."]]);
});

test("422: faults of choices are explained in both languages, with the level titles from the database", async () => {
  const { at } = await lib.opened(ana);
  const reason = (code) => inBoth(ana, "PUT", `${at}/diagnosis`, { reason: code });
  faults(await reason("precio-y-contenido"), [
    ["#/reason", "choice_incomplete", "Sub Motivo de Cancelación is still to be chosen.", "Falta elegir Sub Motivo de Cancelación."]]);
  faults(await reason(`${lib.reason}.mas`), [
    ["#/reason", "choice_too_deep", "Sub Motivo de Cancelación 3 is the last level: choose nothing below it.",
      "Sub Motivo de Cancelación 3 es el último nivel: no elija nada más."]]);
  const r = await reason("nada");
  assert.equal(r.en.json.errors[0].code, "choice_unknown");
  assert.match(r.en.json.errors[0].detail, /^That option of Motivo de Cancelación is not available; choose another\.$/);
  assert.match(r.es.json.errors[0].detail, /^Esa opción de Motivo de Cancelación no está disponible; elija otra\.$/);
  assert.ok(r.es.json.errors[0].allowed.includes("precio-y-contenido"));
});

test("422: faults of rules and of the database are explained in both languages", async () => {
  const client = (more) => inBoth(ana, "POST", "/v1/clients", lib.newClient(more));
  faults(await client({ document_number: "1", name: "\t", birth_date: "2999-01-01" }), [
    ["#/name", "blank", "Enter the name.", "Ingrese el Nombre."],
    ["#/document_number", "document_number", "A DNI has 8 digits.", "Un DNI tiene 8 dígitos."],
    ["#/birth_date", "birth_date_future", "The date of birth must not be in the future.", "La Fecha Nacimiento no puede ser una fecha futura."]]);
  faults(await client({ document_type: "ruc", document_number: "1" }), [
    ["#/document_number", "document_number", "A RUC has 11 digits, begins with 10, 15, 16, 17 or 20, and ends with its check digit.",
      "Un RUC tiene 11 dígitos, empieza con 10, 15, 16, 17 o 20 y termina en su dígito verificador."]]);
  faults(await client({ document_type: "ce", document_number: "1234567890123" }), [
    ["#/document_number", "document_number", "A CE or a passport has up to 12 letters and digits.", "Un CE o un pasaporte tiene hasta 12 letras y dígitos."]]);
  const made = (await ana.post("/v1/clients", lib.newClient())).json;
  faults(await inBoth(ana, "PATCH", `/v1/clients/${made.id}`, { document_number: "1" }), [
    ["#/document_number", "document_number", "A DNI has 8 digits.", "Un DNI tiene 8 dígitos."]]);
  faults(await inBoth(ana, "PATCH", `/v1/clients/${made.id}`, { document_type: "ruc" }), [
    ["#/document_number", "document_number", "The document number does not fit the document type; correct one of the two.",
      "El Número de Documento no corresponde al Tipo de Documento; corrija uno de los dos."]]);
  faults(await inBoth(ana, "POST", "/v1/opportunities", { contact_id: "999999999999", sub_campaign: "entel" }), [
    ["#/contact_id", "not_found", "There is no such call; register it first.", "No existe esa llamada; regístrela primero."]]);
  faults(await inBoth(ana, "POST", "/v1/typifications", { client_id: "999999999999", contact: lib.newContact(), sub_campaign: "entel" }), [
    ["#/client_id", "not_found", "There is no such client; search for the client again.", "No existe ese cliente; búsquelo de nuevo."]]);
  const { at } = await lib.opened(ana);
  const r = await inBoth(ana, "PUT", `${at}/closure`, { advertising_acceptance: "acepto", stage: "retenido" });
  const needs = [
    ["#/actions", "Before you close, add at least one retention action.", "Para cerrar, agregue al menos una acción de retención."],
    ["#/diagnosis/reason", "Before you close, choose the reason for cancellation.", "Para cerrar, elija el Motivo de Cancelación."],
    ["#/competitor_offer/phone_to_manage", "Before you close, enter the competitor's offer, with the phone to manage.",
      "Para cerrar, ingrese la Oferta de la Competencia con el Teléfono a Gestionar."],
    ["#/closure/advertising_acceptance", "Before you close, choose the client's answer about advertising.",
      "Para cerrar, elija la Aceptación Publicitaria que respondió el cliente."]];
  faults(r, needs.slice(0, 3).map(([, en, es]) => ["#/stage", "missing", en, es]));
  /* The same words when the request alone shows the fault; messages count rows from one. */
  faults(await inBoth(ana, "POST", "/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel",
    actions: [{ action: "migracion-prepagado-prepago", final_state: "atendido" }, { action: "migracion-prepagado-prepago" }],
    closure: { stage: "no-retenido" } }), [
    ["#/actions/1/final_state", "missing", "The final state of action 2 is missing.", "Falta el Estado Final de la acción 2."],
    ...needs.slice(1).map(([pointer, en, es]) => [pointer, "missing", en, es])]);
});

test("422: the fault of an empty field names it by its label", async () => {
  const { at } = await lib.opened(ana);
  const phone = ["Enter the phone to manage.", "Ingrese el Teléfono a Gestionar."], stage = ["Choose the stage.", "Elija la Etapa."];
  faults(await inBoth(ana, "PUT", `${at}/competitor-offer`, {}), [["#/phone_to_manage", "required", ...phone]]);
  faults(await inBoth(ana, "PUT", `${at}/competitor-offer`, { phone_to_manage: null }), [["#/phone_to_manage", "type", ...phone]]);
  faults(await inBoth(ana, "PUT", `${at}/competitor-offer`, { phone_to_manage: "944264648", operator: "nada" }), [["#/operator", "choice_unknown",
    "That option of Operador is not available; choose another.", "Esa opción de Operador no está disponible; elija otra."]]);
  faults(await inBoth(ana, "PUT", `${at}/closure`, {}), [["#/stage", "required", ...stage]]);
  faults(await inBoth(ana, "PUT", `${at}/closure`, { stage: null }), [["#/stage", "type", ...stage]]);
  faults(await inBoth(ana, "PUT", `${at}/typification`, { diagnosis: { reason: "problema-con-el-uso-del-servicio.problema-de-cobertura.internet" } }), [
    ["#/diagnosis/reason", "choice_incomplete", "Sub Motivo de Cancelación 2 is still to be chosen.", "Falta elegir Sub Motivo de Cancelación 2."]]);
});

test("429, 503: the message gives the same number of seconds as Retry-After", async () => {
  const waits = async (who, status, username, patterns) => {
    for (const [language, pattern] of Object.entries(patterns)) {
      const r = await who.post("/v1/sessions", { username, password: "no-es-esta-clave" }, { "accept-language": language });
      assert.equal(r.status, status, r.text);
      assert.equal(r.json.detail.match(pattern)[1], r.headers["retry-after"]);
    }
  };
  for (let i = 0; i < 12; i++) await world.anyone.post("/v1/sessions", { username: "E8999999", password: "no-es-esta-clave" });
  await waits(world.anyone, 429, "E8999999", { en: /^There were too many attempts to sign in\. Wait ([0-9]+) seconds? and try again\.$/,
    es: /^Hubo demasiados intentos de ingreso\. Espere ([0-9]+) segundos? y vuelva a intentarlo\.$/ });
  const server = await lib.startServer("postgresql://gestor_api@127.0.0.1:1/none", { ready: false });
  await waits(lib.caller(server.base), 503, "E8999998", { en: / Wait (1) second and try again\.$/, es: / Espere (1) segundo y vuelva a intentarlo\.$/ });
  await server.stop();
});

test("readyz: an unreachable database is explained in both languages", async () => {
  const server = await lib.startServer("postgresql://gestor_api@127.0.0.1:1/none", { ready: false });
  const r = await inBoth(lib.caller(server.base), "GET", "/readyz");
  says(r, 503, "not_ready", "The database cannot be reached, or its schema is not current.",
    "No hay conexión con la base de datos o su esquema no está actualizado.");
  await server.stop();
});

test("The log is in English", () => {
  assert.doesNotMatch(world.server.log(), /[áéíóúñ]|Solicitud|debe /);
});
