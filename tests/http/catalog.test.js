"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const lib = require("./lib.js");

let world, ana, mesa;
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000" } });
  ana = await world.signedIn("E8153375");
  mesa = openSession(world.database.owner);
});
after(async () => {
  mesa.close();
  await world.end();
});

/*
 * openSession(url) - one open database session, so that a request can follow a commit at once:
 * run(text) resolves with the rows as soon as the text is committed.
 */
function openSession(url) {
  const child = spawn("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url], { stdio: ["pipe", "pipe", "pipe"] });
  let output = "", complaint = "", asked = 0, waiting = null;
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    const mark = waiting && output.indexOf(waiting.mark);
    if (waiting && mark >= 0) {
      const rows = output.slice(0, mark).trim();
      output = "";
      waiting.resolve(rows);
      waiting = null;
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text) => { complaint += text; });
  child.on("close", () => { if (waiting) waiting.reject(new Error(complaint)); });
  const run = (text) => new Promise((resolve, reject) => {
    const mark = `-- done ${++asked} --\n`;
    waiting = { mark, resolve, reject };
    child.stdin.write(`${text}\n;\n\\echo '${mark.trim()}'\n`);
  });
  run("set search_path = gestor, pg_temp");
  return { run: async (text) => { while (waiting) await new Promise((go) => setImmediate(go)); return run(text); }, close: () => child.stdin.end() };
}

/* ------------------------------------------------- the manual's catalogues */

const leaves = (...labels) => labels.map((label) => [label]);
const escalated = leaves("Escalado por celdas AT", "No escalado por Celdas AT");
const each = (labels, below) => labels.map((label) => [label, below]);

/* Copied from the manual: [catalogue, titles of the levels, items]; an item is [label, items below it]. */
const manual = [
  ["campaign", ["Campaña"], leaves("CONSULTA PREVIA PREPAGO", "RETENCIÓN MÓVIL PREVENTIVA POSTPAGO")],
  ["sub_campaign", ["Sub Campaña"], leaves("ENTEL")],
  ["retention_action", ["Acción", "Detalle", "Detalle2"], [
    ["MIGRACIÓN POSTPAGO", leaves(
      "MAX 29.90 - 30GB Y S/5 POR 6 MESES", "MAX 39.90 - 30GB Y S/5 POR 6 MESES", "MAX 49.90 - 50% POR 3 MESES",
      "MAX 55.90 - 50% POR 12 MESES", "MAX ILIM 69.90 - 50% POR 12 MESES", "MAX ILIM 79.90 - 50% POR 12 MESES",
      "Max 49.90 - 50% + 95 GB AV por 6 meses")],
    ["MIGRACIÓN PREPAGADO/PREPAGO"],
    ["BONO GB", leaves("BONO 4 GB POR 12 MESES")],
  ]],
  ["final_state", ["Estado Final", "Detalle Estado Final"], leaves("ATENDIDO", "NO ATENDIDO")],
  ["cancellation_reason", ["Motivo de Cancelación", "Sub Motivo de Cancelación", "Sub Motivo de Cancelación 1",
    "Sub Motivo de Cancelación 2", "Sub Motivo de Cancelación 3"], [
    ["Calidad de la Venta", leaves("Le vendieron chip con nombre incorrecto",
      "Me dijeron que era servicio postpago pero es prepago", "Incumplimiento del Ofrecimiento")],
    ["Problema con el Uso del servicio", [
      ["Mi Equipo esta fallando"],
      ["Problemas con el otro servicio", leaves("Servicio corporativo movil", "Servicio fijo", "Servicio Postpago Movil")],
      ["Problema de Cobertura", [
        ["Internet", each(["Intermitencia en el servicio indoor", "Intermitencia en el servicio outdoor",
          "Lentitud en Internet indoor", "Lentitud en Internet outdoor", "Sin señal indoor", "Sin señal outdoor"], escalated)],
        ["Internet + Llamadas", each(["Intermitencia en el servicio indoor", "Intermitencia en el servicio outdoor",
          "Sin señal indoor", "Sin señal outdoor"], escalated)],
        ["Llamadas", each(["Intermitencia en el servicio indoor", "Intermitencia en el servicio outdoor",
          "Sin señal indoor"], escalated)],
        ["Mensajes", each(["Sin señal indoor", "Sin señal outdoor"], escalated)],
      ]],
    ]],
    ["Precio y Contenido", [
      ["Contenido Prepago", leaves("Bono prepago no entregado", "Bono Prepago no entregado", "La recarga me dura pocos dias",
        "No recibio bono por recargar", "No recibio su recarga")],
      ["Evaluaciones Crediticias", leaves("Sin facilidades para migrar a postpago",
        "Sin facilidades para migrar a postpago con Equipo")],
    ]],
  ]],
  ["competitor_plan", ["CF Plan Competencia"], leaves("NO INDICA", "POSTPAGO 79.90", "POSTPAGO 69.90", "POSTPAGO 55.90",
    "POSTPAGO 49.90", "POSTPAGO 39.90", "POSTPAGO 29.90", "OTRO PLAN POSTPAGO", "PREPAGO")],
  ["competitor_offer", ["Oferta Competencia"], leaves("NO INDICA", "50% X 12 MESES", "50% X 6 MESES", "50% X 3 MESES",
    "BONO GB", "SIN DESCUENTO", "CON EQUIPO Y DESCUENTO")],
  ["offer_channel", ["Medio Comunicación de la Oferta"], leaves("TELEFONICO", "PRESENCIAL", "DIGITAL", "NO INDICA")],
  ["operator", ["Operador"], leaves("NO INDICA", "MOVISTAR", "BITEL", "ENTEL")],
  ["advertising_acceptance", ["Aceptación Publicitaria"], leaves("ACEPTO", "NO ACEPTO")],
  ["stage", ["Etapa", "Detalle Etapa 1"], leaves("RETENIDO", "NO RETENIDO", "EN PROCESO")],
  ["document_type", ["Tipo de Documento"], leaves("DNI", "CE", "RUC", "PASAPORTE")],
];

/* How codes are made: lower-case ASCII, words joined by '-', levels by '.', '-2' on a clash. */
function coded(items, above = "") {
  const taken = new Set();
  return items.map(([label, below = []]) => {
    const words = label.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().split(/[^a-z0-9]+/).filter((w) => w !== "");
    const wanted = above + words.join("-");
    let code = wanted;
    for (let n = 2; taken.has(code); n++) code = `${wanted}-${n}`;
    taken.add(code);
    return { code, label, items: coded(below, code + ".") };
  });
}
const expected = new Map(manual.map(([code, levels, items]) => [code, { code, levels, items: coded(items) }]));
const wholeChoices = (items) => items.flatMap((i) => i.items.length === 0 ? [i] : wholeChoices(i.items));
const codes = (items) => items.map((i) => i.code);
const itemsOf = (catalog) => expected.get(catalog).items;
const under = (catalog, code) => code.split(".").reduce((items, _, n, words) =>
  items.find((i) => i.code === words.slice(0, n + 1).join(".")).items, itemsOf(catalog));

/* plain(items) - what catalog_list shows of items: code, label and what is below. */
const plain = (items) => items.map((i) => ({ code: i.code, label: i.label, items: plain(i.items) }));
const shown = async (catalog) => {
  const { json } = await ana.get(`/v1/catalogs/${catalog}`);
  return { ...json, items: plain(json.items) };
};
/* A change is shown by every process within a second, on a machine that is not busy; and not only after GESTOR_CHECK_MS. */
const soon = 30000;
async function until(what, condition, limit) {
  const began = Date.now();
  for (;;) {
    const value = await condition();
    if (value) return Date.now() - began;
    assert.ok(Date.now() - began < limit, `${what}: not within ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const add = (catalog, parent, label) => mesa.run(`insert into catalog_item (catalog_id, parent_id, label)
  select c.id, (select p.id from catalog_item p where p.catalog_id = c.id and p.code = nullif('${parent}', '')), '${label}'
    from catalog c where c.code = '${catalog}' returning code`);
const setActive = (catalog, code, active) => mesa.run(`update catalog_item set active = ${active}
   where code = '${code}' and catalog_id = (select id from catalog where code = '${catalog}')`);
/* Removes what a failed test may have left below a leaf, or the next test would have to choose it. */
const barren = (catalog, leaf) => mesa.run(`update catalog_item set active = false
   where active and code like '${leaf}.%' and catalog_id = (select id from catalog where code = '${catalog}')`);
const remove = (catalog, code) => mesa.run(`delete from catalog_item
   where code = '${code}' and catalog_id = (select id from catalog where code = '${catalog}')`);

/* ------------------------------------------------------- the initial state */

test("catalog_list: exactly the manual's labels, in its order, each with its code and levels", async () => {
  const r = await ana.get("/v1/catalogs");
  assert.equal(r.status, 200);
  assert.deepEqual(Object.keys(r.json).sort(), ["items", "next"]);
  assert.equal(r.json.next, null);
  assert.deepEqual(r.json.items.map((c) => c.code), [...expected.keys()]);
  for (const c of r.json.items) {
    assert.deepEqual(Object.keys(c).sort(), ["code", "items", "levels", "name", "revision"]);
    assert.deepEqual({ code: c.code, levels: c.levels, items: c.items }, expected.get(c.code));
    assert.ok(Number.isInteger(c.revision) && c.name !== "");
  }
});

test("catalog_get: each catalogue as in catalog_list; 404 for others; 401 without a token", async () => {
  for (const c of (await ana.get("/v1/catalogs")).json.items) {
    const r = await ana.get(`/v1/catalogs/${c.code}`);
    assert.equal(r.status, 200);
    assert.deepEqual({ ...r.json, items: plain(r.json.items) }, c);
  }
  for (const none of ["motivos", "stages", "campaign_"]) assert.equal((await ana.get(`/v1/catalogs/${none}`)).status, 404, none);
  assert.equal((await world.anyone.get("/v1/catalogs/campaign")).status, 401);
  assert.equal((await world.anyone.get("/v1/catalogs")).status, 401);
});

test("catalog_get: 44 reasons with distinct codes, though two labels differ only in one capital", async () => {
  const reasons = wholeChoices((await shown("cancellation_reason")).items);
  assert.equal(reasons.length, 44);
  assert.equal(new Set(codes(reasons)).size, 44);
  const label = Object.fromEntries(reasons.map((i) => [i.code, i.label]));
  assert.equal(label["precio-y-contenido.contenido-prepago.bono-prepago-no-entregado"], "Bono prepago no entregado");
  assert.equal(label["precio-y-contenido.contenido-prepago.bono-prepago-no-entregado-2"], "Bono Prepago no entregado");
  assert.equal(label["problema-con-el-uso-del-servicio.problema-de-cobertura.internet-llamadas.sin-senal-outdoor.no-escalado-por-celdas-at"],
    "No escalado por Celdas AT");
  assert.ok(label["problema-con-el-uso-del-servicio.mi-equipo-esta-fallando"]);
});

test("catalog_get: codes that clients rely on", async () => {
  const actions = (await shown("retention_action")).items;
  assert.equal(actions[2].items[0].code, "bono-gb.bono-4-gb-por-12-meses");
  assert.equal(actions[1].code, "migracion-prepagado-prepago");
  assert.deepEqual(actions[1].items, []);
  assert.equal(actions[0].items[0].code, "migracion-postpago.max-29-90-30gb-y-s-5-por-6-meses");
  assert.equal(actions[0].items[6].code, "migracion-postpago.max-49-90-50-95-gb-av-por-6-meses");
  assert.deepEqual(codes((await shown("document_type")).items), ["dni", "ce", "ruc", "pasaporte"]);
  assert.deepEqual(codes((await shown("stage")).items), ["retenido", "no-retenido", "en-proceso"]);
});

test("catalog_get: document types have SUNAT's code, and the operator's code where it is known", () => {
  assert.equal(world.database.sql(`select string_agg(i.code || ' ' || i.sunat_code || ' ' || coalesce(i.operator_code, '-'), ', ' order by i.position)
    from catalog_item i join catalog c on c.id = i.catalog_id where c.code = 'document_type'`),
  "dni 1 -, ce 4 -, ruc 6 4, pasaporte 7 -");
});

/* ----------------------------------------------------- choices, at every depth */

const cover = "problema-con-el-uso-del-servicio.problema-de-cobertura";
const wrong = (level, code, allowed) => ({ level, code, allowed });
const topReasons = codes(itemsOf("cancellation_reason"));
/* The code sent, and which level is at fault and how. */
const reasonFaults = [
  // Unknown, level 1 to 5.
  ["motivo-que-no-hay", wrong(1, "choice_unknown", topReasons)],
  ["precio-y-contenido.nada", wrong(2, "choice_unknown", codes(under("cancellation_reason", "precio-y-contenido")))],
  ["precio-y-contenido.contenido-prepago.nada", wrong(3, "choice_unknown", codes(under("cancellation_reason", "precio-y-contenido.contenido-prepago")))],
  [`${cover}.internet.nada`, wrong(4, "choice_unknown", codes(under("cancellation_reason", `${cover}.internet`)))],
  [`${cover}.internet.sin-senal-indoor.nada`, wrong(5, "choice_unknown", codes(under("cancellation_reason", `${cover}.internet.sin-senal-indoor`)))],
  // Unknown at an early level: the fault names the first wrong level.
  ["nada.problema-de-cobertura.internet.sin-senal-indoor.escalado-por-celdas-at", wrong(1, "choice_unknown", topReasons)],
  ["precio-y-contenido.nada.bono-prepago-no-entregado", wrong(2, "choice_unknown", codes(under("cancellation_reason", "precio-y-contenido")))],
  // Incomplete: level 2 to 5 missing.
  ["calidad-de-la-venta", wrong(2, "choice_incomplete", codes(under("cancellation_reason", "calidad-de-la-venta")))],
  ["problema-con-el-uso-del-servicio", wrong(2, "choice_incomplete", codes(under("cancellation_reason", "problema-con-el-uso-del-servicio")))],
  ["precio-y-contenido.contenido-prepago", wrong(3, "choice_incomplete", codes(under("cancellation_reason", "precio-y-contenido.contenido-prepago")))],
  [cover, wrong(3, "choice_incomplete", codes(under("cancellation_reason", cover)))],
  [`${cover}.internet`, wrong(4, "choice_incomplete", codes(under("cancellation_reason", `${cover}.internet`)))],
  [`${cover}.mensajes.sin-senal-indoor`, wrong(5, "choice_incomplete", codes(under("cancellation_reason", `${cover}.mensajes.sin-senal-indoor`)))],
  // Too deep: goes past a leaf, at each depth that has leaves (2, 3, 5).
  ["calidad-de-la-venta.incumplimiento-del-ofrecimiento.otro", wrong(3, "choice_too_deep", ["calidad-de-la-venta.incumplimiento-del-ofrecimiento"])],
  ["precio-y-contenido.contenido-prepago.no-recibio-su-recarga.otro.mas", wrong(4, "choice_too_deep", ["precio-y-contenido.contenido-prepago.no-recibio-su-recarga"])],
  [`${lib.reason}.otro`, wrong(6, "choice_too_deep", [lib.reason])],
  // The child of another item: legal there, not here.
  ["calidad-de-la-venta.contenido-prepago", wrong(2, "choice_unknown", codes(under("cancellation_reason", "calidad-de-la-venta")))],
  [`${cover}.llamadas.sin-senal-outdoor.escalado-por-celdas-at`, wrong(4, "choice_unknown", codes(under("cancellation_reason", `${cover}.llamadas`)))],
  [`${cover}.mensajes.lentitud-en-internet-indoor.escalado-por-celdas-at`, wrong(4, "choice_unknown", codes(under("cancellation_reason", `${cover}.mensajes`)))],
  // Unusual spellings.
  ["", wrong(1, "choice_unknown", topReasons)],
  [".", wrong(1, "choice_unknown", topReasons)],
  [lib.reason.toUpperCase(), wrong(1, "choice_unknown", topReasons)],
  ["Precio y Contenido", wrong(1, "choice_unknown", topReasons)],
  [`.${lib.reason}`, wrong(1, "choice_unknown", topReasons)],
  [`x ${lib.reason}`, wrong(1, "choice_unknown", topReasons)],
  ["precio-y-contenido.", wrong(2, "choice_unknown", codes(under("cancellation_reason", "precio-y-contenido")))],
  ["precio-y-contenido..contenido-prepago", wrong(2, "choice_unknown", codes(under("cancellation_reason", "precio-y-contenido")))],
  [`${lib.reason}.`, wrong(6, "choice_too_deep", [lib.reason])],
  [`${lib.reason} x`, wrong(5, "choice_unknown", codes(under("cancellation_reason", `${cover}.internet.sin-senal-indoor`)))],
  ["precio-y-contenido.contenido-prepago.bono-prepago-no-entregado-3", wrong(3, "choice_unknown", codes(under("cancellation_reason", "precio-y-contenido.contenido-prepago")))],
  ["precio-y", wrong(1, "choice_unknown", topReasons)],
  // Another catalogue's code.
  ["bono-gb.bono-4-gb-por-12-meses", wrong(1, "choice_unknown", topReasons)],
  ["acepto", wrong(1, "choice_unknown", topReasons)],
];

/* Checks that the answer has this one fault: its pointer, the level at fault, and the codes legal there. */
function assertFault(r, pointer, { level, code, allowed }, sent) {
  assert.equal(r.status, 422, `${sent}: ${r.text}`);
  assert.equal(r.json.code, "invalid");
  assert.deepEqual(r.json.errors.map(({ detail, field, label, ...fault }) => fault), [{ pointer, code, allowed, level }], sent);
  assert.equal(typeof r.json.errors[0].detail, "string");
}

test("diagnosis_put: an invalid or incomplete reason is refused; the fault names the level and the codes legal there", async () => {
  const { at } = await lib.opened(ana);
  for (const [reason, fault] of reasonFaults) assertFault(await ana.put(`${at}/diagnosis`, { reason }), "#/reason", fault, reason);
  assert.deepEqual((await ana.get(`${at}/diagnosis`)).json, { reason: null });
});

test("diagnosis_put: each of the 44 reasons is accepted, and read back with all its levels", async () => {
  const { at } = await lib.opened(ana);
  const walk = async (items, levels) => {
    for (const i of items) {
      const path = [...levels, { code: i.code, label: i.label }];
      if (i.items.length > 0) { await walk(i.items, path); continue; }
      const r = await ana.put(`${at}/diagnosis`, { reason: i.code });
      assert.equal(r.status, 200, r.text);
      assert.deepEqual(r.json, { reason: { code: i.code, label: i.label, levels: path } });
    }
  };
  await walk(itemsOf("cancellation_reason"), []);
});

test("action_create: choices at each depth are accepted in each column", async () => {
  const { at } = await lib.opened(ana);
  const top = codes(itemsOf("retention_action"));
  const states = codes(itemsOf("final_state"));
  const good = "bono-gb.bono-4-gb-por-12-meses";
  for (const [body, pointer, fault] of [
    [{ action: "bono" }, "#/action", wrong(1, "choice_unknown", top)],
    [{ action: "bono-gb" }, "#/action", wrong(2, "choice_incomplete", [good])],
    [{ action: "migracion-postpago" }, "#/action", wrong(2, "choice_incomplete", codes(under("retention_action", "migracion-postpago")))],
    [{ action: "bono-gb.max-49-90-50-por-3-meses" }, "#/action", wrong(2, "choice_unknown", [good])],
    [{ action: `${good}.detalle2` }, "#/action", wrong(3, "choice_too_deep", [good])],
    [{ action: "migracion-prepagado-prepago.plan" }, "#/action", wrong(2, "choice_too_deep", ["migracion-prepagado-prepago"])],
    [{ action: "atendido" }, "#/action", wrong(1, "choice_unknown", top)],
    [{ action: good, final_state: "retenido" }, "#/final_state", wrong(1, "choice_unknown", states)],
    [{ action: good, final_state: "." }, "#/final_state", wrong(1, "choice_unknown", states)],
    [{ action: good, final_state: "atendido.detalle" }, "#/final_state", wrong(2, "choice_too_deep", ["atendido"])],
  ]) assertFault(await ana.post(`${at}/actions`, body), pointer, fault, JSON.stringify(body));
  assert.deepEqual((await ana.get(`${at}/actions`)).json.items, []);
  for (const { code } of wholeChoices(itemsOf("retention_action"))) {
    const r = await ana.post(`${at}/actions`, { action: code });
    assert.equal(r.status, 201, r.text);
    assert.equal(r.json.action.code, code);
  }
});

test("opportunity_update, typification_put, competitor_offer_put, closure_put, opportunity_create, client_create: codes of another catalogue are refused, and each legal code is accepted", async () => {
  const { at, contact } = await lib.opened(ana);
  const offer = (more) => ({ phone_to_manage: "944264648", ...more });
  const places = [
    ["sub_campaign", "#/sub_campaign", (code) => ana.patch(at, { sub_campaign: code })],
    ["sub_campaign", "#/sub_campaign", (code) => ana.put(`${at}/typification`, { sub_campaign: code })],
    ["competitor_plan", "#/plan", (code) => ana.put(`${at}/competitor-offer`, offer({ plan: code }))],
    ["competitor_offer", "#/offer", (code) => ana.put(`${at}/competitor-offer`, offer({ offer: code }))],
    ["offer_channel", "#/channel", (code) => ana.put(`${at}/competitor-offer`, offer({ channel: code }))],
    ["operator", "#/operator", (code) => ana.put(`${at}/competitor-offer`, offer({ operator: code }))],
    ["competitor_plan", "#/competitor_offer/plan", (code) => ana.put(`${at}/typification`, { competitor_offer: offer({ plan: code }) })],
    ["final_state", "#/actions/1/final_state", (code) => ana.put(`${at}/typification`,
      { actions: [{ action: "bono-gb.bono-4-gb-por-12-meses" }, { action: "bono-gb.bono-4-gb-por-12-meses", final_state: code }] })],
    ["retention_action", "#/actions/1/action", (code) => ana.put(`${at}/typification`,
      { actions: [{ action: "bono-gb.bono-4-gb-por-12-meses" }, { action: code }] })],
    ["cancellation_reason", "#/diagnosis/reason", (code) => ana.put(`${at}/typification`, { diagnosis: { reason: code } })],
    ["advertising_acceptance", "#/advertising_acceptance", (code) => ana.put(`${at}/closure`, { stage: "en-proceso", advertising_acceptance: code })],
    ["advertising_acceptance", "#/closure/advertising_acceptance", (code) => ana.put(`${at}/typification`,
      { closure: { stage: "en-proceso", advertising_acceptance: code } })],
  ];
  for (const [catalog, pointer, send] of places) {
    const strange = catalog === "retention_action" ? "acepto" : "bono-gb.bono-4-gb-por-12-meses";
    // competitor_offer has its own BONO GB, a leaf.
    const fault = catalog === "competitor_offer" ? wrong(2, "choice_too_deep", ["bono-gb"]) : wrong(1, "choice_unknown", codes(itemsOf(catalog)));
    assertFault(await send(strange), pointer, fault, catalog);
    assertFault(await send("dni"), pointer, wrong(1, "choice_unknown", codes(itemsOf(catalog))), catalog);
    for (const { code } of wholeChoices(itemsOf(catalog)).slice(0, 9)) assert.equal((await send(code)).status, 200, `${catalog} ${code}`);
  }
  const stages = codes(itemsOf("stage"));
  for (const [stage, fault] of [["cerrado", wrong(1, "choice_unknown", stages)], ["Retenido", wrong(1, "choice_unknown", stages)],
    ["acepto", wrong(1, "choice_unknown", stages)], ["retenido.detalle", wrong(2, "choice_too_deep", ["retenido"])]]) {
    assertFault(await ana.put(`${at}/closure`, { stage }), "#/stage", fault, stage);
    assertFault(await ana.put(`${at}/typification`, { closure: { stage } }), "#/closure/stage", fault, stage);
  }
  assertFault(await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "movistar" }), "#/sub_campaign",
    wrong(1, "choice_unknown", ["entel"]), "opportunity_create");
  assertFault(await ana.post("/v1/clients", lib.newClient({ document_type: "DNI" })), "#/document_type",
    wrong(1, "choice_unknown", ["dni", "ce", "ruc", "pasaporte"]), "client_create");
});

test("opportunity_list: a filter accepts codes of any level, but only of its own catalogue", async () => {
  for (const reason of ["precio-y-contenido", "precio-y-contenido.contenido-prepago", cover, lib.reason])
    assert.equal((await ana.get(`/v1/opportunities?reason=${reason}`)).status, 200, reason);
  const r = await ana.get("/v1/opportunities?reason=bono-gb");
  assert.deepEqual(lib.faultAt(r, "#/reason").allowed, topReasons);
  assert.equal(lib.faultAt(r, "#/reason").level, 1);
});

/* ---------------------------------------------------------------- changes */

test("catalog_get: a change by SQL is served within a second by every process", async () => {
  const other = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "600000" } });
  const there = lib.caller(other.base, ana.token);
  assert.deepEqual(codes((await there.get("/v1/catalogs/operator")).json.items), ["no-indica", "movistar", "bitel", "entel"]);
  assert.equal(await add("operator", "", "WOM PERÚ"), "wom-peru");
  for (const caller of [ana, there]) await until("served", async () =>
    codes((await caller.get("/v1/catalogs/operator")).json.items).join() === "no-indica,movistar,bitel,entel,wom-peru", soon);
  await remove("operator", "wom-peru");
  for (const caller of [ana, there]) await until("served", async () =>
    codes((await caller.get("/v1/catalogs/operator")).json.items).join() === "no-indica,movistar,bitel,entel", soon);
  await other.stop();
});

test("catalog_get: each change increases the revision of its own catalogue only", async () => {
  const sub = "catalog_id = (select id from catalog where code = 'sub_campaign')";
  const others = async () => (await ana.get("/v1/catalogs")).json.items.filter((c) => c.code !== "sub_campaign");
  const asTheyWere = await others();
  let last = (await shown("sub_campaign")).revision;
  for (const change of [
    `insert into catalog_item (catalog_id, label) select id, 'BITEL' from catalog where code = 'sub_campaign'`,
    `update catalog_item set label = 'BITEL PERÚ' where code = 'bitel' and ${sub}`,
    `update catalog_item set position = 0 where code = 'bitel' and ${sub}`,
    `update catalog_item set active = false where code = 'bitel' and ${sub}`,
    `update catalog_item set active = true where code = 'bitel' and ${sub}`,
    `delete from catalog_item where code = 'bitel' and ${sub}`,
    `update catalog set name = 'Subcampaña' where code = 'sub_campaign'`,
    `update catalog set name = 'Sub Campaña', levels = '{Sub Campaña}' where code = 'sub_campaign'`,
  ]) {
    await mesa.run(change);
    let now;
    await until(change, async () => { now = await shown("sub_campaign"); return now.revision > last; }, soon);
    last = now.revision;
  }
  assert.deepEqual(await others(), asTheyWere);
  assert.deepEqual((await shown("sub_campaign")).items, itemsOf("sub_campaign"));
});

test("catalog_get: items are ordered by position; an inactive item and the items below it are not listed", async () => {
  await mesa.run(`update catalog_item set active = false where code = '${cover}'`);
  const problem = async () => (await shown("cancellation_reason")).items[1].items;
  await until("hidden", async () => (await problem()).length === 2, soon);
  assert.deepEqual(codes(await problem()), codes(under("cancellation_reason", "problema-con-el-uso-del-servicio")).slice(0, 2));
  const { at } = await lib.opened(ana);
  assertFault(await ana.put(`${at}/diagnosis`, { reason: lib.reason }), "#/reason",
    wrong(2, "choice_unknown", codes(under("cancellation_reason", "problema-con-el-uso-del-servicio")).slice(0, 2)), "below an inactive item");
  // A filter still finds records that hold it.
  assert.equal((await ana.get(`/v1/opportunities?reason=${cover}`)).status, 200);
  await mesa.run(`update catalog_item set active = true where code = '${cover}'`);
  await until("shown again", async () => (await problem()).length === 3, soon);
  assert.deepEqual((await shown("cancellation_reason")).items, itemsOf("cancellation_reason"));
  await mesa.run("update catalog_item set position = 9 where code = 'dni'");
  await until("moved", async () => codes((await shown("document_type")).items).join() === "ce,ruc,pasaporte,dni", soon);
  await mesa.run("update catalog_item set position = 1 where code = 'dni'");
  await until("moved back", async () => codes((await shown("document_type")).items).join() === "dni,ce,ruc,pasaporte", soon);
});

/*
 * Levels without values today: the operation, the level, its parent item, and how to send a choice.
 * The first request after the commit must be judged by the new values, even before NOTIFY reaches the process.
 * A record may keep a value that it holds, so refusals are tested on a record that holds neither value.
 */
const levelsToCome = [
  ["action_update", "Detalle of MIGRACIÓN PREPAGADO/PREPAGO", "retention_action", "migracion-prepagado-prepago", "#/action", (o, code) => ana.patch(o.row, { action: code })],
  ["typification_put", "Detalle2", "retention_action", "bono-gb.bono-4-gb-por-12-meses", "#/actions/0/action", (o, code) => ana.put(`${o.at}/typification`, { actions: [{ action: code }] })],
  ["action_update", "Detalle Estado Final", "final_state", "no-atendido", "#/final_state", (o, code) => ana.patch(o.row, { final_state: code })],
  ["closure_put", "Detalle Etapa 1", "stage", "en-proceso", "#/stage", (o, code) => ana.put(`${o.at}/closure`, { stage: code })],
];
const pause = (us) => { const end = process.hrtime.bigint() + BigInt(us) * 1000n; while (process.hrtime.bigint() < end); };

for (const [operation, name, catalog, leaf, pointer, send] of levelsToCome)
  test(`${operation}: as soon as a level has its first value, the next request must choose it: ${name}`, async (t) => {
    t.after(() => barren(catalog, leaf));
    const level = leaf.split(".").length + 1;
    const o = await lib.opened(ana);
    const kept = await lib.opened(ana);
    const row = (await ana.post(`${kept.at}/actions`, { action: "bono-gb.bono-4-gb-por-12-meses" })).json;
    o.row = `${kept.at}/actions/${row.id}`;
    const never = await lib.opened(ana);
    never.row = `${never.at}/actions/${(await ana.post(`${never.at}/actions`, { action: "migracion-postpago.max-49-90-50-por-3-meses" })).json.id}`;
    if (catalog === "stage") {
      const detail = await add(catalog, leaf, "OTRO DETALLE");
      assert.equal((await send(never, detail)).status, 200);
      await setActive(catalog, detail, false);
    }
    assert.equal((await send(o, leaf)).status, 200);
    for (let i = 0; i < 50; i++) {
      const taken = async (code) => { const r = await send(o, code); assert.equal(r.status, 200, `${i}: ${code}: ${r.text}`); };
      const refused = async (code, fault) => assertFault(await send(never, code), pointer, fault, `${i}: ${code}`);
      // NOTIFY takes some milliseconds to arrive: these requests come before, with and after it.
      const wait = () => pause((i % 10) * 400);
      const label = `VALOR ${i}`, code = `${leaf}.valor-${i}`;

      assert.equal(await add(catalog, leaf, label), code);
      wait();
      if (i % 2 === 0) await refused(leaf, wrong(level, "choice_incomplete", [code]));
      else await taken(code);
      await refused(leaf, wrong(level, "choice_incomplete", [code]));
      await taken(code);

      await setActive(catalog, code, false);
      wait();
      if (i % 4 < 2) await taken(leaf);
      else await refused(code, wrong(level, "choice_too_deep", [leaf]));
      await taken(leaf);
      await refused(code, wrong(level, "choice_too_deep", [leaf]));
    }
  });

test("diagnosis_put: many simultaneous requests right after a value was added are all judged by it", async (t) => {
  const leaf = "calidad-de-la-venta.incumplimiento-del-ofrecimiento";
  t.after(() => barren("cancellation_reason", leaf));
  for (let i = 0; i < 20; i++) {
    /* A record may keep what it holds: so one opportunity accepts the new value, and another never holds either. */
    const taking = (await lib.opened(ana)).at, never = (await lib.opened(ana)).at;
    const code = await add("cancellation_reason", leaf, `DETALLE ${i}`);
    const all = await Promise.all(Array.from({ length: 16 }, (_, n) => ana.put(`${n % 2 === 0 ? never : taking}/diagnosis`, { reason: n % 2 === 0 ? leaf : code })));
    all.forEach((r, n) => assert.equal(r.status, n % 2 === 0 ? 422 : 200, r.text));
    await setActive("cancellation_reason", code, false);
    const after = await Promise.all(Array.from({ length: 16 }, (_, n) => ana.put(`${n % 2 === 0 ? taking : never}/diagnosis`, { reason: n % 2 === 0 ? leaf : code })));
    after.forEach((r, n) => assert.equal(r.status, n % 2 === 0 ? 200 : 422, r.text));
  }
});

test("opportunity_create, typification_create, opportunity_reopen: opening and reopening still work after EN PROCESO gets a Detalle Etapa 1", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const closed = (await ana.post("/v1/typifications", { client_id: client.id, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() })).json;
  const contact = (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json;
  const detail = await add("stage", "en-proceso", "VOLVER A LLAMAR");
  try {
    const opened = await ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" });
    assert.equal(opened.status, 201, opened.text);
    assert.equal(opened.json.stage.levels[0].code, "en-proceso");
    const whole = await ana.post("/v1/typifications", { client_id: client.id, contact: lib.newContact(), sub_campaign: "entel" });
    assert.equal(whole.status, 201, whole.text);
    const again = await (await world.signedIn("E8000001")).post(`/v1/opportunities/${closed.id}/reopening`);
    assert.equal(again.status, 200, again.text);
    assert.equal(again.json.stage.levels[0].code, "en-proceso");
  } finally {
    await remove("stage", detail);
  }
});

test("closure_put, typification_put: once RETENIDO has a Detalle Etapa 1 it must be chosen, and choosing it finishes the opportunity", async () => {
  const detail = await add("stage", "retenido", "CON DESCUENTO");
  try {
    const { at } = await lib.opened(ana);
    assertFault(await ana.put(`${at}/typification`, lib.form()), "#/closure/stage", wrong(2, "choice_incomplete", [detail]), "retenido");
    const bare = await ana.put(`${at}/closure`, { stage: detail });
    assert.deepEqual(bare.json.errors.map((e) => e.field), ["actions", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"]);
    const r = await ana.put(`${at}/typification`, lib.form({ closure: { advertising_acceptance: "acepto", stage: detail } }));
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.json.stage, { code: detail, label: "CON DESCUENTO", levels: [{ code: "retenido", label: "RETENIDO" }, { code: detail, label: "CON DESCUENTO" }] });
    assert.notEqual(r.json.closure.closed_at, null);
    assert.equal((await ana.put(`${at}/closure`, { stage: "en-proceso" })).status, 409);
    assert.equal((await (await world.signedIn("E8000001")).post(`${at}/reopening`)).status, 200);
  } finally {
    await setActive("stage", detail, false);
  }
});

test("opportunity_get: a record keeps the labels of the day it was saved; codes never change", async () => {
  const { at } = await lib.opened(ana);
  const before = (await ana.put(`${at}/typification`, lib.form())).json;
  const renamed = ["bono-gb", "bono-gb.bono-4-gb-por-12-meses", "atendido", cover, "acepto", "retenido", "movistar"];
  const list = renamed.map((c) => `'${c}'`).join(", ");
  const labels = await mesa.run(`select json_object_agg(id, label) from catalog_item where code in (${list})`);
  await mesa.run(`update catalog_item set label = label || ' NUEVO' where code in (${list})`);
  await until("served", async () => (await shown("operator")).items[1].label === "MOVISTAR NUEVO", soon);
  const actions = (await shown("retention_action")).items[2];
  assert.deepEqual([actions.code, actions.label], ["bono-gb", "BONO GB NUEVO"]);
  assert.deepEqual(codes(actions.items), ["bono-gb.bono-4-gb-por-12-meses"]);
  assert.deepEqual((await ana.get(at)).json, before);
  assert.deepEqual((await ana.get(`${at}/diagnosis`)).json, before.diagnosis);

  const next = await lib.opened(ana);
  const after = (await ana.put(`${next.at}/typification`, lib.form())).json;
  assert.deepEqual(after.actions[0].action, { code: "bono-gb.bono-4-gb-por-12-meses", label: "BONO 4 GB POR 12 MESES NUEVO",
    levels: [{ code: "bono-gb", label: "BONO GB NUEVO" }, { code: "bono-gb.bono-4-gb-por-12-meses", label: "BONO 4 GB POR 12 MESES NUEVO" }] });
  assert.equal(after.diagnosis.reason.levels[1].label, "Problema de Cobertura NUEVO");
  assert.equal(after.diagnosis.reason.levels[2].label, "Internet");
  assert.equal(after.stage.label, "RETENIDO NUEVO");

  await mesa.run(`update catalog_item i set label = l.value from json_each_text('${labels}') l where i.id = l.key::bigint`);
  await assert.rejects(openSession(world.database.owner).run("update catalog_item set code = 'bono-gigas' where code = 'bono-gb'"), /never change/);
  await until("as it was", async () => (await shown("operator")).items[1].label === "MOVISTAR", soon);
});

test("action_get, action_create: a record keeps an item that became inactive; new records cannot choose it", async () => {
  const { at } = await lib.opened(ana);
  const row = (await ana.post(`${at}/actions`, { action: "migracion-prepagado-prepago", final_state: "atendido" })).json;
  await setActive("retention_action", "migracion-prepagado-prepago", false);
  assert.deepEqual((await ana.get(`${at}/actions/${row.id}`)).json, row);
  // A patch without the action makes no new choice.
  assert.equal((await ana.patch(`${at}/actions/${row.id}`, { final_state: "no-atendido" })).status, 200);
  assertFault(await ana.post(`${at}/actions`, { action: "migracion-prepagado-prepago" }), "#/action",
    wrong(1, "choice_unknown", ["migracion-postpago", "bono-gb"]), "inactive");
  await setActive("retention_action", "migracion-prepagado-prepago", true);
  assert.equal((await ana.post(`${at}/actions`, { action: "migracion-prepagado-prepago" })).status, 201);
});
