/* Catalogues that live: an item's way from its creation to its replacement, history, validity, and two administrators at once. */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { hold, waiting } = require("./writes.js");

let world, ana, boss, chief;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const itemAt = (catalog, code) => `/v1/catalogs/${catalog}/items/${code}`;
async function until(what, condition, limit = 30000) {
  const began = Date.now();
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() - began < limit, `${what}: not within ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const ok = (r, status) => { assert.equal(r.status, status, r.text); return r; };
const made = async (catalog, body) => ok(await chief.post(`/v1/catalogs/${catalog}/items`, body), 201).json;
const changed = async (catalog, code, patch, headers) => ok(await chief.patch(itemAt(catalog, code), patch, headers), 200).json;
const tree = async (catalog, query = "", as = ana) => ok(await as.get(`/v1/catalogs/${catalog}${query}`), 200);
const find = (items, code) => { for (const i of items) { const f = i.code === code ? i : find(i.items, code); if (f) return f; } return undefined; };
const now = () => world.database.sql("select gestor.instant(clock_timestamp())");
const revision = () => Number(world.database.sql("select sum(revision) from catalog"));

test("catalog_item_create: an item with all its members, made from a label, at a place, and at once legal in a record", async () => {
  const r = ok(await chief.post("/v1/catalogs/operator/items", { label: "  WOM   PERÚ " }), 201);
  assert.equal(r.headers.location, itemAt("operator", "wom-peru"));
  assert.deepEqual(r.json, { code: "wom-peru", label: "WOM PERÚ", parent: null, position: 5, depth: 1, active: true, selectable: true,
    valid_from: null, valid_until: null, replaced_by: null, operator_code: null, items: [] });
  const again = await ana.get(r.headers.location);
  assert.deepEqual([again.json, again.headers.etag], [r.json, r.headers.etag]);
  assert.deepEqual(find((await tree("operator")).json.items, "wom-peru"), r.json);
  const { at } = await lib.opened(ana);
  ok(await ana.put(`${at}/competitor-offer`, { ...lib.form().competitor_offer, operator: "wom-peru" }), 200);

  const below = await made("retention_action", { parent: "bono-gb", label: "BONO 8 GB", position: 1, operator_code: "B8" });
  assert.deepEqual([below.code, below.parent, below.depth, below.operator_code], ["bono-gb.bono-8-gb", "bono-gb", 2, "B8"]);
  const siblings = find((await tree("retention_action")).json.items, "bono-gb").items;
  assert.deepEqual(siblings.map((i) => [i.code, i.position]), [["bono-gb.bono-8-gb", 1], ["bono-gb.bono-4-gb-por-12-meses", 2]]);
  const named = await made("retention_action", { parent: "bono-gb", code: "bono-gb.otro", label: "OTRO BONO" });
  assert.equal(named.position, 3);
});

test("catalog_item_create: what is refused, each with its code and field", async () => {
  const post = (catalog, body) => chief.post(`/v1/catalogs/${catalog}/items`, body);
  for (const label of ["Movistar", "móvistar", "MOVISTAR "]) {
    const r = await post("operator", { label });
    assert.deepEqual([r.status, r.json.code, r.json.existing], [409, "label_taken", { id: "movistar", href: itemAt("operator", "movistar") }], label);
  }
  assert.equal((await post("operator", { label: "MOVISTAR DOS", code: "movistar" })).json.code, "code_taken");
  const fault = async (catalog, body, pointer, code) => assert.equal(lib.faultAt(await post(catalog, body), pointer).code, code, JSON.stringify(body));
  await fault("retention_action", { label: "X", parent: "no-hay" }, "#/parent", "parent_unknown");
  await fault("operator", { label: "X", parent: "entel" }, "#/parent", "too_deep");
  await fault("retention_action", { label: "X", parent: "bono-gb", code: "otro.x" }, "#/code", "code_misfit");
  await fault("operator", { label: "X", code: "a.b" }, "#/code", "code_misfit");
  await fault("operator", { label: "X", code: "none" }, "#/code", "pattern");
  await fault("operator", { label: "X", code: "Mayor" }, "#/code", "pattern");
  await fault("operator", { label: "¿?" }, "#/code", "code_needed");
  await fault("operator", { label: "X", valid_from: "2027-01-02", valid_until: "2027-01-01" }, "#/valid_until", "validity_reversed");
  await fault("operator", { label: "X", valid_from: "mañana" }, "#/valid_from", "pattern");
  await fault("operator", { label: "X", sunat_code: "1" }, "#/sunat_code", "sunat_code_elsewhere");
  await fault("operator", { label: "X\nY" }, "#/label", "characters");
  await fault("operator", {}, "#/label", "required");
  assert.equal((await post("no_hay", { label: "X" })).status, 404);
  /* `none` in a filter means the records without a choice. */
  assert.equal((await made("operator", { label: "None" })).code, "none-2");
  const type = await made("document_type", { label: "CARNÉ PTP", sunat_code: "F", operator_code: "9" });
  assert.deepEqual([type.sunat_code, type.operator_code], ["F", "9"]);
});

test("catalog_item_update: rename, reposition, retire and restore; records keep what was saved with them", async () => {
  const item = await made("competitor_offer", { label: "REGALO" });
  const { at } = await lib.opened(ana);
  const saved = ok(await ana.put(`${at}/competitor-offer`, { ...lib.form().competitor_offer, offer: item.code }), 200).json;
  const renamed = await changed("competitor_offer", item.code, { label: "REGALO SORPRESA" });
  assert.deepEqual([renamed.code, renamed.label], ["regalo", "REGALO SORPRESA"]);
  assert.deepEqual((await ana.get(`${at}/competitor-offer`)).json, saved);
  assert.equal((await chief.patch(itemAt("competitor_offer", item.code), { label: "Bono  gb" })).json.code, "label_taken");
  // The same label in another spelling is its own.
  await changed("competitor_offer", item.code, { label: "Regalo sorpresa" });

  const first = await changed("competitor_offer", item.code, { position: 1 });
  assert.equal(first.position, 1);
  assert.equal((await tree("competitor_offer")).json.items[0].code, item.code);

  const before = revision();
  await changed("competitor_offer", item.code, {});
  await changed("competitor_offer", item.code, { position: 1, label: "Regalo sorpresa" });
  assert.equal(revision(), before, "a change of nothing makes no revision");

  const gone = await changed("competitor_offer", item.code, { valid_until: now() });
  assert.deepEqual([gone.active, gone.selectable], [false, false]);
  assert.equal(find((await tree("competitor_offer")).json.items, item.code), undefined);
  assert.deepEqual(find((await tree("competitor_offer", "?include=inactive")).json.items, item.code), gone);
  const other = await lib.opened(ana);
  const refused = await ana.put(`${other.at}/competitor-offer`, { ...lib.form().competitor_offer, offer: item.code });
  assert.equal(lib.faultAt(refused, "#/offer").code, "choice_unknown");
  // What a record holds already it may keep.
  ok(await ana.put(`${at}/competitor-offer`, { ...lib.form().competitor_offer, offer: item.code }), 200);

  const back = await changed("competitor_offer", item.code, { valid_until: null });
  assert.deepEqual([back.active, back.valid_until], [true, null]);
  ok(await ana.put(`${other.at}/competitor-offer`, { ...lib.form().competitor_offer, offer: item.code }), 200);
  // A day is its beginning at the desk.
  assert.equal((await changed("competitor_offer", item.code, { valid_until: "2099-12-31" })).valid_until, "2099-12-31T05:00:00.000000Z");
  assert.equal((await ana.patch(itemAt("competitor_offer", item.code), { label: "X" })).status, 403);
  assert.equal((await boss.patch(itemAt("competitor_offer", item.code), { label: "X" })).status, 403);
});

test("catalog_item_update: an item above that is not valid hides all below it, and a choice ends at the last valid level", async () => {
  const top = await made("cancellation_reason", { label: "Otros" });
  const below = await made("cancellation_reason", { parent: top.code, label: "Mudanza" });
  assert.deepEqual([(await ana.get(itemAt("cancellation_reason", top.code))).json.selectable, below.selectable], [false, true]);
  await changed("cancellation_reason", top.code, { valid_until: "2020-01-01" });
  const hidden = (await ana.get(itemAt("cancellation_reason", below.code))).json;
  assert.deepEqual([hidden.active, hidden.selectable, hidden.valid_until], [false, false, null]);
  await changed("cancellation_reason", top.code, { valid_until: null });
  await changed("cancellation_reason", below.code, { valid_until: "2020-01-01" });
  assert.equal((await ana.get(itemAt("cancellation_reason", top.code))).json.selectable, true);
  const { at } = await lib.opened(ana);
  ok(await ana.put(`${at}/diagnosis`, { reason: top.code }), 200);
});

test("catalog_item_get: each item is the same in every catalogue's tree, byte for byte", async () => {
  for (const { code } of (await ana.get("/v1/catalogs")).json.items) {
    const all = await tree(code, "?include=inactive");
    const walk = async (items) => {
      for (const i of items) {
        const one = await ana.get(itemAt(code, i.code));
        assert.equal(one.text, JSON.stringify(i), i.code);
        if (i.depth < 3) await walk(i.items);
      }
    };
    await walk(all.json.items);
    assert.equal((await tree(code)).text, world.database.sql(`select catalog_shown('${code}')`));
  }
  assert.equal((await ana.get(itemAt("stage", "no-hay"))).status, 404);
});

test("catalog_get, catalog_item_update: a validity to come takes effect in every process at its instant, without a call", async () => {
  const other = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "600000" } });
  const there = lib.caller(other.base, ana.token);
  const from = world.database.sql("select instant(clock_timestamp() + interval '5 seconds')");
  const item = await made("offer_channel", { label: "CORREO", valid_from: from });
  assert.deepEqual([item.active, item.valid_from], [false, from]);
  await changed("offer_channel", "presencial", { valid_until: from });
  const lists = async (as) => (await tree("offer_channel", "", as)).json.items.map((i) => i.code).join();
  const offer = (channel) => ({ ...lib.form().competitor_offer, channel });
  const places = [[ana, (await lib.opened(ana)).at], [there, (await lib.opened(ana)).at]];
  await until("the other process has the dates", async () => {
    const { items } = (await tree("offer_channel", "?include=inactive", there)).json;
    return find(items, "correo") !== undefined && find(items, "presencial").valid_until === from;
  }, 4500);
  for (const [as, at] of places) {
    assert.equal(await lists(as), "telefonico,presencial,digital,no-indica");
    assert.equal(lib.faultAt(await as.put(`${at}/competitor-offer`, offer("correo")), "#/channel").code, "choice_unknown");
  }
  // Nothing is asked of the processes until the instant has passed: they reload by themselves.
  await until("reloaded at the instant", async () => [...other.log().matchAll(/"time":"([^"]+)"[^\n]*catalogues loaded/g)].some(([, at]) => at >= from));
  assert.ok(now() >= from);
  for (const [as, at] of places) {
    assert.equal(await lists(as), "telefonico,digital,no-indica,correo");
    ok(await as.put(`${at}/competitor-offer`, offer("correo")), 200);
    assert.equal(lib.faultAt(await as.put(`${at}/competitor-offer`, offer("presencial")), "#/channel").code, "choice_unknown");
  }
  assert.match(other.log(), /catalogues loaded/);
  await changed("offer_channel", "presencial", { valid_until: null });
  await other.stop();
});

test("closure_put, catalog_item_update: right behind the instant each write is judged by the database's clock", async () => {
  for (let i = 0; i < 5; i++) {
    const until_ = world.database.sql("select instant(clock_timestamp() + interval '60 milliseconds')");
    const item = await made("offer_channel", { label: `BREVE ${i}`, valid_until: until_ });
    const { at } = await lib.opened(ana);
    for (let n = 0; n < 30; n++) {
      const before = now(), r = await ana.put(`${at}/competitor-offer`, { ...lib.form().competitor_offer, channel: item.code }), after_ = now();
      const state = (await ana.get(`${at}/competitor-offer`)).json.channel;
      if (after_ < until_) ok(r, 200);
      else if (before >= until_ && state === null) { assert.equal(r.status, 422, `${before} ${until_}: ${r.text}`); break; }
      else if (state !== null) break;
    }
  }
});

test("catalog_get: as_of gives byte for byte what GET gave, whatever was changed since", async () => {
  const seen = [];
  const look = async (query = "", headers = {}) => {
    const r = ok(await ana.get(`/v1/catalogs/final_state${query}`, headers), 200);
    seen.push([now(), query, headers, r.text, r.headers.etag]);
  };
  const lookAll = async () => {
    for (const query of ["", "?include=inactive"]) for (const headers of [{}, { accept: "text/csv" }]) await look(query, headers);
  };
  await lookAll();
  await made("final_state", { label: "DERIVADO" });
  await lookAll();
  await changed("final_state", "derivado", { label: "DERIVADO A OTRA ÁREA", position: 1 });
  await lookAll();
  await made("final_state", { label: "OTRA ÁREA", parent: "derivado" });
  await lookAll();
  const soon = world.database.sql("select instant(clock_timestamp() + interval '300 milliseconds')");
  await changed("final_state", "atendido", { valid_until: soon });
  await lookAll();
  await until("past", async () => now() > soon && find((await tree("final_state")).json.items, "atendido") === undefined);
  await lookAll();
  await changed("final_state", "atendido", { valid_until: null, valid_from: "2019-01-01" });
  ok(await chief.patch("/v1/catalogs/final_state", { name: "Estado", levels: ["Estado", "Detalle", "Otro"] }), 200);
  await lookAll();
  ok(await chief.post(`${itemAt("final_state", "derivado")}/replacement`, { by: "no-atendido" }), 200);
  await lookAll();
  world.database.sql("delete from catalog_item where code = 'derivado.otra-area'");
  await until("served", async () => find((await tree("final_state", "?include=inactive")).json.items, "derivado.otra-area") === undefined);
  await lookAll();
  ok(await chief.patch("/v1/catalogs/final_state", { name: "Estado Final" }), 200);
  for (const [at, query, headers, text, etag] of seen) {
    const r = ok(await ana.get(`/v1/catalogs/final_state?as_of=${at}${query.replace("?", "&")}`, headers), 200);
    assert.deepEqual([r.text, r.headers.etag], [text, etag], `${at} ${query}`);
    assert.equal((await ana.get(`/v1/catalogs/final_state?as_of=${at}${query.replace("?", "&")}`, { ...headers, "if-none-match": etag })).status, 304);
  }
  const early = await ana.get("/v1/catalogs/final_state?as_of=2020-01-01");
  assert.equal(lib.faultAt(early, "#/as_of").code, "date_range");
  assert.equal((await ana.get("/v1/catalogs/no_hay?as_of=2099-01-01")).status, 404);
  await changed("final_state", "atendido", { valid_from: null });
  // An instant to come, by today's dates.
  await changed("final_state", "no-atendido", { valid_until: "2099-01-01" });
  assert.equal(find((await tree("final_state", "?as_of=2099-01-02")).json.items, "no-atendido"), undefined);
  assert.notEqual(find((await tree("final_state", "?as_of=2098-01-02")).json.items, "no-atendido"), undefined);
  await changed("final_state", "no-atendido", { valid_until: null });
});

test("catalog_get: as_of does not show a change before its commit", async () => {
  const sql = world.database.sql, item = await made("operator", { label: "LENTO" });
  const times = sql(`begin; update catalog_item set label = 'LENTO DOS' where code = '${item.code}' and catalog_id = 9;
    select pg_sleep(0.3); select instant(clock_timestamp()); commit`).trim().split("\n").at(-1);
  assert.equal(find((await tree("operator", `?as_of=${times}`)).json.items, item.code).label, "LENTO");
  assert.equal(find((await tree("operator", `?as_of=${now()}`)).json.items, item.code).label, "LENTO DOS");
});

test("catalog_revision_list: who changed what, when, before and after", async () => {
  const item = await made("sub_campaign", { label: "CLARO" });
  await changed("sub_campaign", item.code, { label: "CLARO PERÚ", position: 1 });
  await changed("sub_campaign", item.code, { valid_until: "2020-01-01" });
  await changed("sub_campaign", item.code, { valid_until: null });
  await changed("sub_campaign", item.code, { valid_until: "2099-01-01" });
  ok(await chief.post(`${itemAt("sub_campaign", item.code)}/replacement`, { by: "entel" }), 200);
  ok(await chief.patch("/v1/catalogs/sub_campaign", { name: "Subcampaña" }), 200);
  ok(await chief.patch("/v1/catalogs/sub_campaign", { name: "Sub Campaña" }), 200);
  world.database.sql("update catalog_item set position = 7 where code = 'claro' and catalog_id = 2");
  const all = [];
  for (let next = "/v1/catalogs/sub_campaign/revisions?limit=3"; next;) {
    const r = ok(await boss.get(next), 200);
    assert.ok(r.json.items.length <= 3);
    all.push(...r.json.items);
    next = r.json.next && `/v1/catalogs/sub_campaign/revisions?limit=3&cursor=${r.json.next}`;
  }
  assert.deepEqual(all.map((c) => [c.action, c.code, c.operation, c.before, c.after]), [
    ["reposition", "claro", null, { position: 1 }, { position: 7 }],
    ["rename", null, "catalog_update", { name: "Subcampaña", levels: ["Sub Campaña"] }, { name: "Sub Campaña", levels: ["Sub Campaña"] }],
    ["rename", null, "catalog_update", { name: "Sub Campaña", levels: ["Sub Campaña"] }, { name: "Subcampaña", levels: ["Sub Campaña"] }],
    ["replace", "claro", "catalog_item_replace", { valid_until: "2099-01-01T05:00:00.000000Z", replaced_by: null }, { valid_until: all[3].after.valid_until, replaced_by: "entel" }],
    ["redate", "claro", "catalog_item_update", { valid_until: null }, { valid_until: "2099-01-01T05:00:00.000000Z" }],
    ["restore", "claro", "catalog_item_update", { valid_until: "2020-01-01T05:00:00.000000Z" }, { valid_until: null }],
    ["retire", "claro", "catalog_item_update", { valid_until: null }, { valid_until: "2020-01-01T05:00:00.000000Z" }],
    ["reposition", "entel", "catalog_item_update", { position: 1 }, { position: 2 }],
    ["reposition", "claro", "catalog_item_update", { position: 2 }, { position: 1 }],
    ["rename", "claro", "catalog_item_update", { label: "CLARO" }, { label: "CLARO PERÚ" }],
    ["add", "claro", "catalog_item_create", null, { label: "CLARO", parent: null, position: 2, valid_from: null, valid_until: null, replaced_by: null, operator_code: null }],
  ]);
  assert.deepEqual(all.map((c) => c.advisor && c.advisor.username), [null, ...Array(10).fill("E8000002")]);
  for (const [i, c] of all.slice(1).entries()) assert.ok(c.revision <= all[i].revision && c.at <= all[i].at, c.at);
  const { json } = await boss.get("/v1/audit?object_type=catalog_item&operation=catalog_item_replace&limit=1");
  assert.deepEqual([json.items[0].advisor.username, Object.keys(json.items[0].after).sort()], ["E8000002", ["replaced_by_id", "valid_until"]]);
  assert.equal((await boss.get("/v1/audit?object_type=catalog&limit=1")).json.items[0].after.name, "Sub Campaña");
  assert.equal((await ana.get("/v1/catalogs/sub_campaign/revisions")).status, 403);
  assert.equal((await boss.get("/v1/catalogs/no_hay/revisions")).status, 404);
});

test("catalog_item_replace: open opportunities move along if asked, each audited; finished ones keep theirs; chains resolve", async () => {
  const [a, b, c] = [await made("operator", { label: "UNO" }), await made("operator", { label: "DOS" }), await made("operator", { label: "TRES" })];
  const withOperator = async (operator) => {
    const o = await lib.opened(ana);
    ok(await ana.put(`${o.at}/competitor-offer`, { ...lib.form().competitor_offer, operator }), 200);
    return o;
  };
  const open = [await withOperator(a.code), await withOperator(a.code)], still = await withOperator(b.code);
  const finished = await lib.opened(ana);
  ok(await ana.put(`${finished.at}/typification`, lib.form({ competitor_offer: { ...lib.form().competitor_offer, operator: a.code } })), 200);
  const usage = (await boss.get(`${itemAt("operator", a.code)}/usage`)).json;
  assert.deepEqual([usage.code, usage.open, usage.finished], [a.code, 2, 1]);
  assert.deepEqual([usage.first_use, usage.last_use], [(await ana.get(open[0].at)).json.created_at, (await ana.get(finished.at)).json.created_at]);

  const unmoved = ok(await chief.post(`${itemAt("operator", b.code)}/replacement`, { by: c.code }), 200).json;
  assert.deepEqual([unmoved.replaced_by, unmoved.active], [c.code, false]);
  assert.equal((await ana.get(still.at)).json.competitor_offer.operator.code, b.code);
  const tried = ok(await chief.post(`${itemAt("operator", a.code)}/replacement?validate_only=true`, { by: b.code, move_open: true }), 200).json;
  assert.equal(tried.replaced_by, b.code);
  assert.equal((await ana.get(itemAt("operator", a.code))).json.active, true, "a rehearsal changes nothing");
  const r = ok(await chief.post(`${itemAt("operator", a.code)}/replacement`, { by: b.code, move_open: true }), 200);
  assert.equal(r.json.replaced_by, b.code);
  assert.ok(r.json.valid_until <= now());
  for (const o of open) {
    const moved = (await ana.get(o.at)).json;
    assert.deepEqual(moved.competitor_offer.operator, { code: c.code, label: "TRES", levels: [{ code: c.code, label: "TRES" }] });
    const [entry] = (await boss.get(`${o.at}/audit?limit=1`)).json.items;
    assert.deepEqual([entry.operation, entry.advisor.username, entry.before, entry.after], ["catalog_item_replace", "E8000002", { operator: a.code }, { operator: c.code }]);
    assert.ok(moved.updated_at >= moved.created_at);
  }
  assert.equal((await ana.get(finished.at)).json.competitor_offer.operator.code, a.code);
  // The chain, as a client walks it.
  let at = a.code;
  for (let next; (next = (await ana.get(itemAt("operator", at))).json.replaced_by);) at = next;
  assert.equal(at, c.code);

  const fault = async (of, by, code, more = {}) =>
    assert.equal(lib.faultAt(await chief.post(`${itemAt("operator", of)}/replacement`, { by, ...more }), "#/by").code, code, `${of} by ${by}`);
  await fault(c.code, a.code, "successor_cycle");
  await fault(c.code, c.code, "successor_cycle");
  await fault(c.code, "no-hay", "not_found");
  await fault(c.code, "dni", "not_found");
  const gone = await made("operator", { label: "IDO", valid_until: "2020-01-01" });
  await fault(c.code, gone.code, "successor_retired");
  const later = await made("operator", { label: "DESPUÉS", valid_from: "2099-01-01" });
  await fault(c.code, later.code, "successor_incomplete", { move_open: true });
  assert.equal((await ana.get(itemAt("operator", c.code))).json.active, true, "refused as a whole");
  // Restored, an item has no successor.
  assert.deepEqual([(await changed("operator", a.code, { valid_until: null })).replaced_by, (await ana.get(itemAt("operator", a.code))).json.active], [null, true]);
});

test("catalog_item_replace: with move_open, choices below the item move too, and one that is just being saved", async () => {
  const above = await made("operator", { label: "GRUPO" }), target = await made("operator", { label: "DESTINO" });
  const o = await lib.opened(ana), late = await lib.opened(ana);
  const held = async (at) => (await ana.get(at)).json.competitor_offer.operator.code;
  ok(await ana.put(`${o.at}/competitor-offer`, { ...lib.form().competitor_offer, operator: above.code }), 200);
  /* A save that has stored its choice, and has not committed yet. */
  ok(await ana.put(`${late.at}/competitor-offer`, lib.form().competitor_offer), 200);
  const release = await hold(world.database, `update opportunity set operator_id = (choice('operator', '${above.code}')).id, operator = (choice('operator', '${above.code}')).choice where id = ${late.opportunity.id}`);
  const replaced = chief.post(`${itemAt("operator", above.code)}/replacement`, { by: target.code, move_open: true });
  await until("it waits for that save", async () => waiting(world.database) > 0);
  await release();
  ok(await replaced, 200);
  assert.deepEqual([await held(o.at), await held(late.at)], [target.code, target.code]);
  assert.equal((await boss.get(`${itemAt("operator", above.code)}/usage`)).json.open, 0);

  const parent = await made("retention_action", { label: "ACCION VIEJA" }), child = await made("retention_action", { label: "DETALLE", parent: parent.code });
  ok(await ana.put(`${o.at}/typification`, { actions: [{ action: child.code, final_state: "atendido" }] }), 200);
  ok(await chief.post(`${itemAt("retention_action", parent.code)}/replacement`, { by: "bono-gb.bono-4-gb-por-12-meses", move_open: true }), 200);
  assert.equal((await ana.get(o.at)).json.actions[0].action.code, "bono-gb.bono-4-gb-por-12-meses");
  assert.equal((await boss.get(`${itemAt("retention_action", parent.code)}/usage`)).json.open, 0);
  // Valid again until a day to come, it has no successor.
  assert.equal((await changed("operator", above.code, { valid_until: "2099-01-01" })).replaced_by, null);
});

test("catalog_item_replace: every catalogue's choices move, in the sections and in the grid", async () => {
  const moves = [
    ["cancellation_reason", "calidad-de-la-venta.incumplimiento-del-ofrecimiento", (o) => o.diagnosis.reason.code],
    ["competitor_plan", "postpago-39-90", (o) => o.competitor_offer.plan.code],
    ["competitor_offer", "50-x-6-meses", (o) => o.competitor_offer.offer.code],
    ["offer_channel", "telefonico", (o) => o.competitor_offer.channel.code],
    ["advertising_acceptance", "acepto", (o) => o.closure.advertising_acceptance.code],
    ["stage", "en-proceso", (o) => o.stage.code],
    ["retention_action", "bono-gb.bono-4-gb-por-12-meses", (o) => o.actions[0].action.code],
    ["final_state", "atendido", (o) => o.actions[0].final_state.code],
    ["sub_campaign", "entel", (o) => o.sub_campaign.code],
    ["campaign", "consulta-previa-prepago", (o) => o.campaign.code],
  ];
  const { at } = await lib.opened(ana);
  ok(await ana.put(`${at}/typification`, lib.form({ diagnosis: { reason: moves[0][1] }, closure: { advertising_acceptance: "acepto", stage: "en-proceso" } })), 200);
  for (const [catalog, code, held] of moves) {
    const parent = code.includes(".") ? code.replace(/\.[^.]*$/, "") : undefined;
    const by = (await made(catalog, { label: "SUCESOR", parent })).code;
    assert.equal(held((await ana.get(at)).json), code);
    assert.equal((await boss.get(`${itemAt(catalog, code)}/usage`)).json.open > 0, true, catalog);
    ok(await chief.post(`${itemAt(catalog, code)}/replacement`, { by, move_open: true }), 200);
    assert.equal(held((await ana.get(at)).json), by, catalog);
    assert.equal((await boss.get(`${itemAt(catalog, code)}/usage`)).json.open, 0, catalog);
    await changed(catalog, code, { valid_until: null });
    ok(await chief.post(`${itemAt(catalog, by)}/replacement`, { by: code, move_open: true }), 200);
    assert.equal(held((await ana.get(at)).json), code, catalog);
  }
  // A final stage would close them.
  assert.equal(lib.faultAt(await chief.post(`${itemAt("stage", "en-proceso")}/replacement`, { by: "retenido", move_open: true }), "#/by").code, "successor_incomplete");
  const usage = (await boss.get(`${itemAt("document_type", "dni")}/usage`)).json;
  assert.ok(usage.open > 0 && usage.finished === 0);
});

test("catalog_item_usage: the item and all below it; nothing of voided opportunities; the first and last use", async () => {
  const top = await made("cancellation_reason", { label: "Contado" });
  const [x, y] = [await made("cancellation_reason", { label: "X", parent: top.code }), await made("cancellation_reason", { label: "Y", parent: top.code })];
  const unused = (await boss.get(`${itemAt("cancellation_reason", top.code)}/usage`)).json;
  assert.deepEqual(unused, { code: top.code, open: 0, finished: 0, first_use: null, last_use: null });
  const many = [];
  for (const reason of [x.code, y.code, y.code]) {
    const o = await lib.opened(ana);
    ok(await ana.put(`${o.at}/diagnosis`, { reason }), 200);
    many.push(o);
  }
  ok(await ana.put(`${many[0].at}/typification`, lib.form({ diagnosis: { reason: x.code } })), 200);
  world.database.sql(`update opportunity set voided_at = now(), void_reason = 'PRUEBA' where id = ${many[2].opportunity.id}`);
  const counted = async (code) => { const { open, finished } = (await boss.get(`${itemAt("cancellation_reason", code)}/usage`)).json; return [open, finished]; };
  assert.deepEqual([await counted(top.code), await counted(x.code), await counted(y.code)], [[1, 1], [0, 1], [1, 0]]);
  assert.equal((await ana.get(`${itemAt("cancellation_reason", top.code)}/usage`)).status, 403);
  assert.equal((await boss.get(`${itemAt("cancellation_reason", "no-hay")}/usage`)).status, 404);
});

test("catalog_update: the name and the titles of levels; one more makes room for a deeper level", async () => {
  const before = await tree("competitor_plan");
  const r = ok(await chief.patch("/v1/catalogs/competitor_plan", { name: "Plan", levels: ["Plan", "Detalle"] }, { "if-match": before.headers.etag }), 200);
  assert.deepEqual([r.json.name, r.json.levels, r.json.items], ["Plan", ["Plan", "Detalle"], before.json.items]);
  const after_ = await tree("competitor_plan");
  assert.deepEqual([after_.text, after_.headers.etag], [r.text, r.headers.etag]);
  const deep = await made("competitor_plan", { label: "CON EQUIPO", parent: "prepago" });
  assert.equal(deep.depth, 2);
  // A tag of before still holds for the names, whatever happened to the items.
  ok(await chief.patch("/v1/catalogs/competitor_plan", { name: "Plan B" }, { "if-match": r.headers.etag }), 200);
  const stale = await chief.patch("/v1/catalogs/competitor_plan", { name: "Plan C" }, { "if-match": r.headers.etag });
  assert.deepEqual([stale.status, stale.json.current.etag, stale.json.current.advisor.username], [412, (await tree("competitor_plan")).headers.etag, "E8000002"]);
  assert.equal(lib.faultAt(await chief.patch("/v1/catalogs/competitor_plan", { levels: ["Plan"] }), "#/levels").code, "levels_in_use");
  await changed("competitor_plan", deep.code, { valid_until: "2020-01-01" });
  ok(await chief.patch("/v1/catalogs/competitor_plan", { name: "CF Plan Competencia" }), 200);
});

test("catalog_item_update, catalog_item_create: two administrators at once lose nothing, and one of two equal labels is refused", async () => {
  const other = lib.caller(world.base, (await world.anyone.post("/v1/sessions", { username: "E8000002", password: lib.password })).json.access_token);
  for (let i = 0; i < 5; i++) {
    const both = await Promise.all([chief, other].map((as, n) => as.post("/v1/catalogs/competitor_offer/items", { label: n ? `DOBLE ${i}` : `doble  ${i}` })));
    assert.deepEqual(both.map((r) => r.status).sort(), [201, 409]);
    const code = both.find((r) => r.status === 201).json.code, { etag } = (await chief.get(itemAt("competitor_offer", code))).headers;
    const tagged = await Promise.all([chief, other].map((as, n) => as.patch(itemAt("competitor_offer", code), { label: `CADA UNO ${i} ${n}` }, { "if-match": etag })));
    assert.deepEqual(tagged.map((r) => r.status).sort(), [200, 412]);
    await Promise.all([chief.patch(itemAt("competitor_offer", code), { operator_code: "A1" }), other.patch(itemAt("competitor_offer", code), { position: 3 })]);
    const end = (await ana.get(itemAt("competitor_offer", code))).json;
    assert.deepEqual([end.operator_code, end.position], ["A1", 3]);
  }
});
