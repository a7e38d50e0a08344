/* Plans: a file in, the difference out, and its application as a whole. */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const lib = require("./lib.js");

let world, ana, chief;
before(async () => {
  world = await lib.world({ env: { GESTOR_QUERY_TIMEOUT_MS: "30000" } });
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const csv = { "content-type": "text/csv" };
const head = "code,label,parent,position,valid_from,valid_until,operator_code";
const ok = (r, status) => { assert.equal(r.status, status, r.text); return r; };
const planOf = (catalog, body, query = "", headers = csv) => chief.post(`/v1/catalogs/${catalog}/plans${query}`, body, headers);
const plan = async (...args) => ok(await planOf(...args), 201).json;
const apply = (p) => chief.post(`/v1/catalogs/${p.catalog}/plans/${p.id}/application`);
const get = async (catalog, query = "", headers = {}) => ok(await ana.get(`/v1/catalogs/${catalog}${query}`, headers), 200);
const briefly = (p) => p.changes.map((c) => [c.action, c.code]);
const wrongs = (p) => p.errors.map((e) => [e.line, e.column, e.code]);
const revision = async (catalog) => (await get(catalog)).json.revision;
const catalogs = ["campaign", "sub_campaign", "retention_action", "final_state", "cancellation_reason", "competitor_plan", "competitor_offer",
  "offer_channel", "operator", "advertising_acceptance", "stage", "document_type"];

test("catalog_plan_create: what GET gives, plans take unchanged, in both forms, also with retire_missing", async () => {
  ok(await chief.post("/v1/catalogs/operator/items", { label: "=HYPERLINK(\"x\"), \"Y\"; -1", valid_from: "2027-01-01", operator_code: "7" }), 201);
  ok(await chief.post("/v1/catalogs/operator/items", { label: "'+51", valid_until: "2020-01-01" }), 201);
  ok(await chief.post("/v1/catalogs/operator/items", { label: "-5%" }), 201);
  const shown = (await get("operator", "?include=inactive", { accept: "text/csv" })).text;
  assert.ok(shown.includes("'-5%") && !/[,"\n][=+-]/.test(shown), "no cell begins like a formula");
  for (const catalog of catalogs)
    for (const query of ["", "?include=inactive"])
      for (const missing of ["", "?retire_missing=true"]) {
        const { text } = await get(catalog, query, { accept: "text/csv" });
        assert.equal(text.split("\n")[0], head);
        for (const [body, headers] of [[text, csv], [(await get(catalog, query)).text, {}]]) {
          const p = await plan(catalog, body, missing, headers);
          assert.deepEqual([p.changes, p.warnings, p.errors], [[], [], []], `${catalog} ${query} ${missing}`);
        }
      }
});

test("catalog_plan_create, catalog_plan_get, catalog_plan_apply: every kind of change, shown first, then made as shown", async () => {
  const before = await get("competitor_offer", "?include=inactive");
  ok(await chief.patch("/v1/catalogs/competitor_offer/items/50-x-3-meses", { valid_until: "2020-01-01" }), 200);
  const base = await revision("competitor_offer");
  const r = await planOf("competitor_offer", [head,
    "no-indica,NO INDICA,,1,,,",
    "50-x-12-meses,50% X 12 MESES (NUEVO),,3,,,",
    "50-x-6-meses,50% X 6 MESES,,2,,,",
    "50-x-3-meses,50% X 3 MESES,,4,,,",
    "bono-gb,BONO GB,,5,2027-01-01,,G",
    ",REGALO,,6,,,",
    ",OTRO REGALO,,,,2027-12-31,",
  ].join("\n"), "?retire_missing=true");
  const p = ok(r, 201).json;
  assert.equal(r.headers.location, `/v1/catalogs/competitor_offer/plans/${p.id}`);
  assert.deepEqual([p.catalog, p.base_revision, p.applied, p.errors], ["competitor_offer", base, null, []]);
  const retired = p.changes.filter((c) => c.action === "retire");
  assert.deepEqual(p.changes.filter((c) => c.action !== "retire"), [
    { action: "rename", code: "50-x-12-meses", before: { label: "50% X 12 MESES" }, after: { label: "50% X 12 MESES (NUEVO)" } },
    { action: "reposition", code: "50-x-12-meses", before: { position: 2 }, after: { position: 3 } },
    { action: "reposition", code: "50-x-6-meses", before: { position: 3 }, after: { position: 2 } },
    { action: "restore", code: "50-x-3-meses", before: { valid_until: "2020-01-01T05:00:00.000000Z" }, after: { valid_until: null } },
    { action: "rename", code: "bono-gb", before: { operator_code: null }, after: { operator_code: "G" } },
    { action: "redate", code: "bono-gb", before: { valid_from: null }, after: { valid_from: "2027-01-01T05:00:00.000000Z" } },
    { action: "add", code: "regalo", before: null, after: { label: "REGALO", parent: null, position: 6, valid_from: null, valid_until: null, operator_code: null } },
    { action: "add", code: "otro-regalo", before: null, after: { label: "OTRO REGALO", parent: null, position: 8, valid_from: null, valid_until: "2027-12-31T05:00:00.000000Z", operator_code: null } },
  ]);
  assert.deepEqual(retired.map((c) => c.code), ["sin-descuento", "con-equipo-y-descuento"]);
  assert.deepEqual((await chief.get(r.headers.location)).json, p);
  assert.equal(await revision("competitor_offer"), base, "nothing is changed yet");
  const rehearsal = ok(await chief.post(`${r.headers.location}/application?validate_only=true`), 200).json;
  assert.notEqual(rehearsal.applied, null);
  assert.equal(await revision("competitor_offer"), base);

  const done = ok(await apply(p), 200).json;
  assert.deepEqual({ ...done, applied: null }, p);
  const now = (await get("competitor_offer", "?include=inactive")).json;
  assert.equal(done.applied.revision, now.revision);
  for (const c of p.changes) {
    const item = now.items.find((i) => i.code === c.code);
    for (const [name, value] of Object.entries(c.after)) assert.deepEqual(item[name], value, `${c.code} ${name}`);
  }
  assert.deepEqual(now.items.filter((i) => i.active).map((i) => i.code), ["no-indica", "50-x-6-meses", "50-x-12-meses", "50-x-3-meses", "regalo", "otro-regalo"]);
  const { json: log } = await chief.get("/v1/catalogs/competitor_offer/revisions?limit=100");
  assert.deepEqual(log.items.filter((c) => c.operation === "catalog_plan_apply").map((c) => `${c.action} ${c.code}`).sort(),
    p.changes.map((c) => `${c.action} ${c.code}`).sort());
  // Applied a second time: the catalogue has moved on.
  const twice = await apply(p);
  assert.deepEqual([twice.status, twice.json.code], [409, "plan_outdated"]);
  assert.equal(await revision("competitor_offer"), now.revision);
  assert.deepEqual((await get("competitor_offer", `?as_of=${done.expires_at.replace(/T.*/, "T00:00:00Z")}`, {}).catch(() => null)) === null, false);
  assert.equal(before.status, 200);
});

test("catalog_plan_apply: 409 when the catalogue moved on; a key repeats the answer; a faulty plan is refused; an expired one is gone", async () => {
  const p = await plan("operator", `label\nUNO\nDOS`), other = await plan("operator", `label\nTRES`);
  const at = `/v1/catalogs/operator/plans/${p.id}/application`;
  const first = ok(await chief.post(at, undefined, { "idempotency-key": "aplicar-1" }), 200);
  const again = ok(await chief.post(at, undefined, { "idempotency-key": "aplicar-1" }), 200);
  assert.deepEqual([again.text, again.headers["idempotent-replayed"]], [first.text, "true"]);
  assert.deepEqual([(await apply(other)).json.code, (await chief.post(at)).json.code], ["plan_outdated", "plan_outdated"]);
  const faulty = await plan("operator", `label,parent\nCUATRO,no-hay`);
  assert.deepEqual([(await apply(faulty)).status, (await apply(faulty)).json.code], [409, "plan_faulty"]);
  const old = await plan("operator", `label\nCINCO`);
  world.database.sql(`update catalog_plan set expires_at = now() - interval '1 second' where id = ${old.id}`);
  assert.deepEqual([(await apply(old)).status, (await chief.get(`/v1/catalogs/operator/plans/${old.id}`)).status], [404, 404]);
  assert.equal((await chief.get(`/v1/catalogs/stage/plans/${p.id}`)).status, 404, "a plan belongs to its catalogue");
  assert.equal((await ana.post(at)).status, 403);
});

test("catalog_plan_create: the habits of spreadsheets", async () => {
  const lines = ["code;label;parent;position;valid_from;valid_until;operator_code;;", `;"NÚMERO; ""UNO""";;40;;;;;`, ";NÚMERO\u00a0 DOS;;41;;;;;", ";;;;;;;;", `;"  Ñandú
  dos ";;42;;;;;`];
  const wanted = [["add", "numero-uno"], ["add", "numero-dos"]];
  const text = lines.slice(0, 4).join("\r\n") + "\r\n";
  for (const body of [text, "\ufeff" + text, text.replaceAll("\r\n", "\n"), text.replaceAll("\r\n", "\r"), text.normalize("NFD"), text.replaceAll(";", ",").replace("NÚMERO, ", "NÚMERO, "),
    text.replace("code;label", "Code; LABEL "), text.trimEnd()]) {
    const p = await plan("offer_channel", body);
    assert.deepEqual([briefly(p), wrongs(p)], [wanted, []], JSON.stringify(body));
    assert.match(p.changes[0].after.label, /^NÚMERO[;,] "UNO"$/u);
    assert.equal(p.changes[1].after.label, "NÚMERO DOS");
    assert.deepEqual(p.changes.map((c) => c.after.position), [40, 41]);
  }
  // Columns in any order, and only some: the others stay.
  const some = await plan("operator", "position,code\n9,movistar\n");
  assert.deepEqual(some.changes, [{ action: "reposition", code: "movistar", before: { position: 2 }, after: { position: 9 } }]);
  assert.deepEqual((await plan("operator", "label\n  bitel\n")).changes.map((c) => [c.action, c.code, c.after]), [["rename", "bitel", { label: "bitel" }]]);
  // A line break in a cell is a fault of that line, and lines are counted as an editor counts them.
  const broken = await plan("offer_channel", `label\n"UNO\nDOS"\nTRES\n" ",\n"CUATRO\n`);
  assert.deepEqual(wrongs(broken).slice(0, 1), [[2, "label", "characters"]]);
  assert.deepEqual(wrongs(broken).at(-1), [6, null, "quote_open"]);
});

test("catalog_plan_create: every faulty line is reported, with line and column, in both languages", async () => {
  const body = [head,
    "entel,,,,,,",                            // 2: no label
    "entel,ENTEL,,x,,,",                      // 3: no number; the code again
    "nuevo,NUEVO,,2000000,,,",                // 4
    "otro,OTRO,,1,mañana,,",                  // 5
    "mas,MÁS,,1,2027-02-30,2027-01-01T00:00:00Z,", // 6
    "rev,REV,,1,2027-02-01,2027-01-01,",      // 7
    "a.b,HIJO,a,1,,,",                        // 8: no such parent, and no level
    ",MOVISTAR,bitel,1,,,",                   // 9: no level below
    ",Movístar ,,1,,,",                       // 10: it is movistar: a rename
    "movistar,OTRO NOMBRE,,1,,,",             // 11: the same code as line 10
    "Mayus,MAYÚS,,1,,,",                      // 12
    ",¿?,,1,,,",                              // 13
    "igual,BITEL,,1,,,",                      // 14: a sibling's label
    "bitel,BITEL,entel,1,,,",                 // 15: it never moves
    "larga," + "L".repeat(401) + ",,1,,,",    // 16
    "op,OP,,1,,,A-1",                         // 17
    "extra,EXTRA,,1,,,,de más",               // 18
    "sin-label,,,1,,,",                       // 19
    "n,Ñ\u0007,,1,,,",                        // 20
    "none,NADA,,1,,,",                        // 21: the word of filters
  ].join("\n");
  const p = await plan("operator", body);
  assert.deepEqual(wrongs(p), [[2, "label", "required"], [3, "code", "row_repeated"], [3, "position", "type"], [4, "position", "too_big"], [5, "valid_from", "pattern"],
    [6, "valid_from", "pattern"], [7, "valid_until", "validity_reversed"], [8, "parent", "parent_unknown"], [8, "parent", "too_deep"], [9, "parent", "too_deep"],
    [11, "code", "row_repeated"], [12, "code", "code_form"], [13, "code", "code_needed"], [14, "label", "label_taken"], [15, "parent", "place_stays"],
    [16, "label", "too_long"], [17, "operator_code", "pattern"], [18, null, "cells_extra"], [19, "label", "required"], [20, "label", "characters"], [21, "code", "pattern"]]);
  assert.deepEqual(briefly(p), [["rename", "movistar"], ["reposition", "movistar"]]);
  assert.equal(p.errors[1].detail, "Line 2 has the same code; leave one of the two.");
  const es = await plan("operator", body, "", { ...csv, "accept-language": "es" });
  assert.deepEqual(wrongs(es), wrongs(p));
  assert.equal(es.errors[1].detail, "La línea 2 tiene el mismo código; deje solo una de las dos.");
  assert.ok(es.errors.every((e, n) => e.detail !== "" && e.detail !== p.errors[n].detail));
  for (const [text, wanted] of [["", [[1, null, "column_missing"]]], ["\n\n", [[1, null, "column_missing"]]], ["position\n1", [[1, null, "column_missing"]]],
    ["label,nombre\nX,Y", [[1, null, "column_unknown"]]], ["label,label\nX,Y", [[1, "label", "column_repeated"]]], ["\"label\nX", [[1, null, "quote_open"]]]])
    assert.deepEqual(wrongs(await plan("operator", text)), wanted, JSON.stringify(text));
  const latin = await plan("operator", Buffer.from("label\nTEL\xc9FONO\n", "latin1"));
  assert.deepEqual(wrongs(latin), [[2, "label", "type"]]);
  assert.equal((await planOf("operator", Buffer.from("label\nX\0\n"))).status, 400);
  assert.equal((await planOf("operator", "label", "", { "content-type": "text/html" })).headers.accept, "text/csv, application/json");
  assert.equal((await planOf("no_hay", "label\nX")).status, 404);
});

test("catalog_plan_create: a tree with new branches; what it leaves out stays; faults of its shape are 422", async () => {
  const p = await plan("cancellation_reason", { items: [
    { label: "Mudanza", items: [{ label: "A otra ciudad", items: [{ label: "Sin cobertura allá" }] }, { label: "Al extranjero", valid_from: "2027-01-01" }] },
    { code: "precio-y-contenido", items: [{ label: "evaluaciones crediticias", position: 1 }, { label: "Evaluacion crediticia" }] }] }, "", {});
  assert.deepEqual(p.errors, []);
  assert.deepEqual(p.changes.map((c) => [c.action, c.code, c.after.parent]), [["add", "mudanza", null], ["add", "mudanza.a-otra-ciudad", "mudanza"],
    ["add", "mudanza.a-otra-ciudad.sin-cobertura-alla", "mudanza.a-otra-ciudad"], ["add", "mudanza.al-extranjero", "mudanza"],
    ["rename", "precio-y-contenido.evaluaciones-crediticias", undefined], ["reposition", "precio-y-contenido.evaluaciones-crediticias", undefined],
    ["add", "precio-y-contenido.evaluacion-crediticia", "precio-y-contenido"]]);
  assert.deepEqual(p.warnings, [{ code: "precio-y-contenido.evaluacion-crediticia", label: "Evaluacion crediticia", resembles: ["precio-y-contenido.evaluaciones-crediticias"] }]);
  ok(await apply(p), 200);
  const top = (await get("cancellation_reason")).json.items.find((i) => i.code === "mudanza");
  assert.equal(top.items[0].items[0].code, "mudanza.a-otra-ciudad.sin-cobertura-alla");
  const r = await planOf("cancellation_reason", { items: [{ label: 1 }, { label: "X", items: [{ label: "Y", position: -1 }] }] }, "", {});
  assert.deepEqual([lib.faultAt(r, "#/items/0/label").code, lib.faultAt(r, "#/items/1/items/0/position").code], ["type", "too_small"]);
});

test("catalog_plan_create: near-duplicates by similarity and folding, beside existing items and in the file", async () => {
  const p = await plan("competitor_plan", ["label", "POSTPAGO 39.91", `"Postpago 69,90 "`, "PREPAGO CHIP", "COSA DISTINTA", "NO INDICA NADA", "COSA DISTINTAS"].join("\n"));
  const of = Object.fromEntries(p.warnings.map((w) => [w.label, w.resembles]));
  const similar = (a, b) => Number(world.database.sql(`select similarity(label_folded('${a}'), label_folded('${b}'))`));
  assert.ok(similar("POSTPAGO 39.91", "POSTPAGO 39.90") >= 0.6);
  assert.equal(of["POSTPAGO 39.91"][0], "postpago-39-90");
  assert.ok(of["Postpago 69,90"].includes("postpago-69-90"));
  assert.deepEqual([of["COSA DISTINTA"], of["COSA DISTINTAS"]], [["cosa-distintas"], ["cosa-distinta"]]);
  for (const w of p.warnings)
    for (const code of w.resembles) {
      const label = world.database.sql(`select coalesce((select label from catalog_item where catalog_id = 6 and code = '${code}'), '')`) || p.changes.find((c) => c.code === code).after.label;
      assert.ok(similar(w.label, label) >= 0.6, `${w.label} ${label}`);
    }
  // What pg_trgm finds similar is found, whichever way the labels are cut.
  const labels = world.database.sql("select string_agg(label, '|' order by id) from catalog_item where catalog_id = 6").split("|");
  for (const label of ["OTRO PLAN POSTPAGO X", "PRE PAGO", "INDICA NO", "POSTPAGO"]) {
    const wanted = labels.filter((l) => similar(label, l) >= 0.6).length;
    const { warnings } = await plan("competitor_plan", `label\n${label}`);
    assert.equal(warnings.length > 0 ? warnings[0].resembles.length : 0, Math.min(wanted, 5), label);
  }
});

/* ------------------------------------------------------------ thousands of items */

/* The step `planner` forces other plans, with which thousands of items take longer than a request may. */
const skip = /planner-/.test(process.env.TEST_RECORDS || "");

const many = (n, word) => [head, ...Array.from({ length: n }, (_, i) => i < 100 ? `,${word} ${i},,${i + 10},,,` : `,${word} ${i % 7} de ${i * 7919},${word.toLowerCase()}-${i % 100},${i},,,`)].join("\n");

test("catalog_plan_create, catalog_plan_apply: 10,000 items are planned in 2 s and applied in 5 s while requests go on", { skip }, async (t) => {
  let over = false, asked = 0, slowest = 0;
  const { at } = await lib.opened(ana);
  const busy = (async () => {
    while (!over) {
      const began = Date.now();
      ok(await ana.put(`${at}/diagnosis`, { reason: lib.reason }), 200);
      slowest = Math.max(slowest, Date.now() - began);
      asked++;
    }
  })();
  const times = [];
  const timed = async (what) => { const began = Date.now(), r = await what(); times.push(Date.now() - began); return r; };
  const p = (await timed(() => planOf("retention_action", many(10000, "Oferta")))).json;
  assert.deepEqual([p.changes.length, p.errors], [10000, []]);
  ok(await timed(() => apply(p)), 200);
  const whole = (await get("retention_action", "", { accept: "text/csv" })).text;
  const same = (await timed(() => planOf("retention_action", whole, "?retire_missing=true"))).json;
  assert.deepEqual([same.changes, same.errors], [[], []]);
  const away = (await timed(() => planOf("retention_action", head, "?retire_missing=true"))).json;
  assert.equal(away.changes.length, 10011);
  over = true;
  await busy;
  t.diagnostic(`planned in ${times[0]} ms, applied in ${times[1]} ms, planned again in ${times[2]} and ${times[3]} ms; ${asked} writes beside, the slowest in ${slowest} ms`);
  assert.ok(asked > 10 && slowest < 5000, `${asked} ${slowest}`);
  // The limits are for a machine that does nothing else.
  if (os.loadavg()[0] < os.cpus().length) assert.ok(times[0] < 2000 && times[1] < 5000, times.join());
});

test("catalog_plan_apply: a service killed in the middle leaves nothing half applied", { skip }, async () => {
  const count = () => Number(world.database.sql("select count(*) from catalog_item where catalog_id = 5"));
  const before = count();
  let applied = 0, cut = 0;
  for (let i = 0; i < 6; i++) {
    const server = await lib.startServer(world.database.serve, { env: { GESTOR_QUERY_TIMEOUT_MS: "30000" } }), there = lib.caller(server.base, chief.token);
    const p = ok(await there.post("/v1/catalogs/cancellation_reason/plans", many(2000, `Prueba${i}`), csv), 201).json;
    assert.deepEqual(p.errors, []);
    const was = count(), going = there.post(`/v1/catalogs/cancellation_reason/plans/${p.id}/application`).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 40 * (i + 1)));
    server.child.kill("SIGKILL");
    await Promise.all([going, server.ended]);
    // The database may still be at work for a moment; then it has applied all of it or nothing.
    world.database.sql("begin; select from catalog where id = 5 for update; commit");
    const state = ok(await chief.get(`/v1/catalogs/cancellation_reason/plans/${p.id}`), 200).json.applied;
    assert.equal(count(), was + (state === null ? 0 : 2000), `after ${40 * (i + 1)} ms`);
    if (state === null) cut++;
    else applied++;
    if (state === null) ok(await apply(p), 200);
    else assert.equal((await apply(p)).json.code, "plan_outdated");
  }
  assert.equal(count(), before + 12000);
  assert.equal(applied + cut, 6);
});

/* ----------------------------------------------------------------- command line */

const gestor = process.env.GESTOR_BIN || path.join(__dirname, "../../build/gestor");
const run = (...words) => spawnSync(gestor, ["catalog", ...words], { encoding: "utf8", input: "", env: { ...process.env, DATABASE_URL: world.database.owner } });

test("gestor catalog: export, plan and apply of a file, with a readable table and a question before", async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "catalog-")), file = path.join(dir, "advertising_acceptance.csv");
  try {
    assert.equal(run("export", file).status, 0);
    assert.equal(fs.readFileSync(file, "utf8"), (await get("advertising_acceptance", "", { accept: "text/csv" })).text);
    const none = run("plan", file);
    assert.deepEqual([none.status, none.stdout], [0, "advertising_acceptance: no changes\n"]);
    fs.appendFileSync(file, ",NO  ACEPTO AÚN,,3,,,\n");
    const shown = run("plan", file);
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, /ACTION +CODE +BEFORE +AFTER\n/);
    assert.match(shown.stdout, /^add +no-acepto-aun +- +label: NO ACEPTO AÚN, position: 3$/m);
    assert.match(shown.stdout, /^warning: "NO ACEPTO AÚN" resembles no-acepto$/m);
    const asked = run("apply", file);
    assert.deepEqual([asked.status, /--yes/.test(asked.stderr)], [1, true], "without a terminal to ask on it needs --yes");
    assert.equal((await get("advertising_acceptance")).json.items.length, 2);
    const done = run("apply", "--yes", file);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /1 change applied, revision \d+\n$/);
    assert.equal(run("apply", "--yes", file).stdout, "advertising_acceptance: no changes\n");
    const json = path.join(dir, "x.json");
    assert.equal(run("export", "--catalog", "stage", json).status, 0);
    assert.equal(fs.readFileSync(json, "utf8"), (await get("stage")).text);
    assert.equal(run("plan", "--catalog", "stage", json).stdout, "stage: no changes\n");
    fs.writeFileSync(file, "label,parent\nX,no-hay\n\n,x\n");
    const faulty = run("apply", "--yes", file);
    assert.equal(faulty.status, 1);
    assert.match(faulty.stdout, /^line 2, parent: There is no option no-hay, neither in the catalogue nor in the file\.$/m);
    assert.match(faulty.stdout, /^line 4, label: Enter the label\.$/m);
    assert.deepEqual([run("plan", path.join(dir, "no.csv")).status, run("plan", "--catalog", "no_hay", file).status, run("plan").status, run("burn", file).status], [1, 1, 2, 2]);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});
