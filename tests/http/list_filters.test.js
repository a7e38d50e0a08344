/*
 * The lists that a supervisor asks: every filter, order and count of opportunity_list, contact_search, client_search by name and
 * advisor_list, against what JavaScript finds in all rows.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana, boss, admin, rows, client;
const sql = (text) => world.database.sql(text);
const many = 400;

/* One of these, by a hash of the row's number: the same rows in each run. */
const filters = {
  stage: ["retenido", "no-retenido", "en-proceso"],
  campaign: ["consulta-previa-prepago", "retencion-movil-preventiva-postpago"],
  sub_campaign: [null, "entel"],
  reason: [null, "problema-con-el-uso-del-servicio.mi-equipo-esta-fallando", "precio-y-contenido.contenido-prepago.bono-prepago-no-entregado",
    "precio-y-contenido.evaluaciones-crediticias.sin-facilidades-para-migrar-a-postpago"],
  operator: [null, "entel", "bitel"],
  plan: [null, "prepago", "postpago-79-90"],
  offer: [null, "sin-descuento", "bono-gb"],
  channel: [null, "digital", "presencial"],
  advertising_acceptance: [null, "acepto", "no-acepto"],
};
const columns = { reason: "cancellation_reason", plan: "competitor_plan", offer: "competitor_offer", channel: "offer_channel" };
const column = { plan: "competitor_plan", offer: "competitor_offer", channel: "offer_channel" };
const bits = (n, salt) => parseInt(require("node:crypto").createHash("sha256").update(`${n} ${salt}`).digest("hex").slice(0, 8), 16);

before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn(sql("select username from advisor where role = 'supervisor' limit 1"));
  admin = await world.signedIn(sql("select username from advisor where role = 'admin' limit 1"));
  client = (await ana.post("/v1/clients", lib.newClient())).json.id;
  const other = (await ana.post("/v1/clients", lib.newClient())).json.id;
  const leaves = sql(`select i.code from catalog_item i join catalog c on c.id = i.catalog_id where c.code = 'retention_action' and selectable(i)
    order by i.id limit 4`).split("\n");
  const quoted = (value) => (value === null ? "null" : `'${value}'`);
  const values = [];
  for (let n = 0; n < many; n++) {
    const row = { n };
    for (const [name, from] of Object.entries(filters)) row[name] = from[bits(n, name) % from.length];
    /* As the constraint of an offer wants it. */
    row.grid = Array.from({ length: bits(n, "grid") % 3 }, (_, i) => [leaves[bits(n, `a${i}`) % leaves.length],
      [null, "atendido", "no-atendido"][bits(n, `f${i}`) % 3]]);
    row.client = bits(n, "client") % 4 ? other : client;
    row.advisor = bits(n, "advisor") % 3 ? "E8153375" : "E8123497";
    row.created = Date.UTC(2024, 2, 10, 5) + (bits(n, "created") % (20 * 24)) * 3600e3;
    row.closed = row.stage === "en-proceso" ? null : row.created + (bits(n, "closed") % 72) * 3600e3;
    row.updated = (row.closed ?? row.created) + (bits(n, "updated") % 48) * 3600e3;
    row.voided = bits(n, "voided") % 9 === 0;
    values.push(row);
  }
  const at = (ms) => (ms === null ? "null::timestamptz" : `'${new Date(ms).toISOString()}'::timestamptz`);
  const names = Object.keys(filters);
  const ids = sql(values.map((r) => `with new as (insert into opportunity (client_id, advisor_id, created_at, updated_at, closed_at, phone_to_manage, voided_at, void_reason,
      ${names.map((f) => `${column[f] || f}_id, ${column[f] || f}`).join(", ")})
    select ${r.client}, (select id from advisor where username = '${r.advisor}'), ${at(r.created)}, ${at(r.updated)}, ${at(r.closed)}, '944264648',
      ${r.voided ? "now(), 'x'" : "null, null"},
      ${names.map((f) => `x_${f}.id, x_${f}.choice`).join(", ")}
      from ${names.map((f) => `choice('${columns[f] || f}', ${quoted(r[f])}) x_${f}`).join(", ")} returning id)
    select id from new;
    ${r.grid.map(([action, state]) => `insert into action (opportunity_id, action_id, action, final_state_id, final_state)
      select (select max(id) from opportunity), a.id, a.choice, f.id, f.choice from choice('retention_action', '${action}') a, choice('final_state', ${quoted(state)}) f;`).join("\n")}`).join("\n"));
  const made = ids.split("\n").filter((line) => /^\d+$/.test(line));
  assert.equal(made.length, many);
  /* What the database says, since its own triggers may set instants. */
  const stored = new Map(sql(`select id || ' ' || created_at::text || '|' || coalesce(closed_at::text, '') || '|' || updated_at::text from opportunity
    where id in (${made.join(",")})`).split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1).split("|")]));
  const day = (text) => (text ? new Date(Date.parse(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00")) - 5 * 3600e3).toISOString() : null);
  rows = values.map((r, i) => {
    const [created, closed, updated] = stored.get(made[i]);
    return { ...r, id: made[i], created: day(created), closed: day(closed), updated: day(updated) };
  });
});
after(() => world.end());

const under = (value, code) => (code === "none" ? value === null : value !== null && (value === code || value.startsWith(code + ".")));
const anyOf = (value, codes) => codes.split(",").some((code) => under(value, code));
const span = (instant, from, to) => (from === undefined && to === undefined) ||
  (instant !== null && (from === undefined || instant.slice(0, 10) >= from) && (to === undefined || instant.slice(0, 10) <= to));

/* The ids that the list must have, in its order. */
function expected(q) {
  const order = { created_at: "created", closed_at: "closed", updated_at: "updated" }[q.sort ?? "created_at"];
  return rows.filter((r) => r.voided === (q.voided === "true") && r[order] !== null
    && Object.keys(filters).every((f) => q[f] === undefined || anyOf(r[f], q[f]))
    && (q.advisor === undefined || r.advisor === q.advisor) && (q.client === undefined || r.client === q.client)
    && (q.action === undefined && q.final_state === undefined || (r.grid.length ? r.grid : [[null, null]]).some(([a, f]) =>
      (q.action === undefined || anyOf(a, q.action)) && (q.final_state === undefined || anyOf(f, q.final_state))))
    && span(r.created, q.created_from, q.created_to) && span(r.closed, q.closed_from, q.closed_to) && span(r.updated, q.updated_from, q.updated_to))
    .sort((a, b) => (a[order] < b[order] ? 1 : a[order] > b[order] ? -1 : Number(BigInt(b.id) - BigInt(a.id)))).map((r) => r.id);
}
/* Other rows of the sample data are left out. */
const mine = (all) => { const known = new Set(rows.map((r) => r.id)); return all.filter((id) => known.has(id)); };

async function pages(path, limit = 100, between = async () => {}) {
  const all = [];
  let count;
  for (let next = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}`, n = 0; next; n++) {
    const r = await boss.get(next);
    assert.equal(r.status, 200, `${next}: ${r.text}`);
    all.push(...r.json.items.map((item) => item.id));
    count ??= r.json.count;
    assert.equal("count" in r.json, path.includes("count=true"));
    next = r.json.next && /<([^>]+)>/.exec(r.headers.link)[1];
    assert.ok(n < 200, "it does not end");
    if (next) await between(n);
  }
  if (count !== undefined) assert.equal(count, all.length, path);
  return all;
}
const query = (q) => "/v1/opportunities?" + Object.entries(q).map(([k, v]) => `${k}=${v}`).join("&");

test("opportunity_list: every filter alone lists and counts what it should", async () => {
  const asked = [{}, { voided: "true" }, { voided: "false" }, { client }, { advisor: "E8123497" }, { stage: "en-proceso,retenido" }];
  for (const [name, values] of Object.entries(filters)) for (const value of values) asked.push({ [name]: value ?? "none" });
  for (const action of ["none", "bono-gb", "migracion-postpago", "none,bono-gb", rows.find((r) => r.grid.length).grid[0][0]]) asked.push({ action });
  for (const final_state of ["none", "atendido", "atendido,no-atendido", "none,atendido"]) asked.push({ final_state });
  for (const of of ["created", "closed", "updated"])
    asked.push({ [`${of}_from`]: "2024-03-15" }, { [`${of}_to`]: "2024-03-15" }, { [`${of}_from`]: "2024-03-15", [`${of}_to`]: "2024-03-15" });
  for (const q of asked)
    for (const sort of [undefined, ["created_at", "closed_at", "updated_at"][bits(JSON.stringify(q), "sort") % 3]]) {
      const full = { ...q, ...(sort ? { sort } : {}), count: "true" };
      assert.deepEqual(mine(await pages(query(full))), expected(full), query(full));
    }
});

test("opportunity_list: a reason that is named twice, or beside its own parent, lists nothing twice", async () => {
  const ids = async (query) => (await ana.get(`/v1/opportunities?${query}&limit=100`)).json.items.map((o) => o.id);
  const reason = rows.find((r) => r.reason && r.reason.includes(".") && !r.voided).reason, parent = reason.split(".")[0];
  const wanted = await ids(`reason=${parent}`);
  assert.ok(wanted.length > 1, "several");
  assert.equal(new Set(wanted).size, wanted.length);
  for (const more of ["", "&created_from=2020-01-01"]) assert.deepEqual(await ids(`reason=${parent},${reason},${reason}${more}`), await ids(`reason=${parent}${more}`));
});

test("opportunity_list: filters in random combinations", async () => {
  const words = { ...filters, action: [null, "bono-gb", "migracion-postpago"], final_state: [null, "atendido", "no-atendido"] };
  for (let n = 0; n < 120; n++) {
    const q = {};
    for (const [name, values] of Object.entries(words)) {
      if (bits(n, `has ${name}`) % 5) continue;
      const picked = [...new Set([0, 1].map((k) => values[bits(n, `${name} ${k}`) % values.length] ?? "none"))].filter((c) => c !== "none" || !["stage", "campaign"].includes(name));
      const code = picked.map((c) => c.split(".").slice(0, 1 + bits(n, `level ${name}`) % 3).join("."));
      q[name] = code.slice(0, 1 + bits(n, `two ${name}`) % 2).join(",");
    }
    for (const of of ["created", "closed", "updated"]) {
      const first = 10 + bits(n, `first ${of}`) % 20;
      if (bits(n, `from ${of}`) % 6 === 0) q[`${of}_from`] = `2024-03-${first}`;
      if (bits(n, `to ${of}`) % 6 === 0) q[`${of}_to`] = `2024-03-${Math.min(31, first + bits(n, `long ${of}`) % 9)}`;
    }
    if (bits(n, "client") % 6 === 0) q.client = client;
    if (bits(n, "advisor") % 6 === 0) q.advisor = "E8153375";
    if (bits(n, "voided") % 8 === 0) q.voided = "true";
    if (bits(n, "sort") % 2) q.sort = ["created_at", "closed_at", "updated_at"][bits(n, "which") % 3];
    if (bits(n, "count") % 2) q.count = "true";
    assert.deepEqual(mine(await pages(query(q), 1 + bits(n, "limit") % 60)), expected(q), query(q));
  }
});

test("opportunity_list: ends and changes of those that were created or ended until a day, however long after it", async () => {
  for (let n = 0; n < 60; n++) {
    const day = 10 + bits(n, "day") % 20, q = { sort: n % 3 ? "updated_at" : "closed_at", [n % 3 === 1 ? "closed_to" : "created_to"]: `2024-03-${day}` };
    if (bits(n, "from") % 2) q[n % 3 === 1 ? "closed_from" : "created_from"] = `2024-03-${Math.max(10, day - bits(n, "days") % 9)}`;
    if (bits(n, "stage") % 2) q.stage = ["retenido", "en-proceso", "retenido,no-retenido", "en-proceso,retenido"][bits(n, "which") % 4];
    if (bits(n, "operator") % 4 === 0) q.operator = "entel,none";
    if (bits(n, "state") % 4 === 0) q.final_state = "atendido";
    if (bits(n, "until") % 4 === 0) q.updated_to = `2024-03-${Math.min(31, day + 1)}`;
    if (bits(n, "voided") % 6 === 0) q.voided = "true";
    if (bits(n, "count") % 2) q.count = "true";
    assert.deepEqual(mine(await pages(query(q), 1 + bits(n, "limit") % 40)), expected(q), query(q));
  }
  /* Days before the first opportunity and after the last are days without any. */
  assert.deepEqual(mine(await pages("/v1/opportunities?sort=closed_at&created_from=1900-01-01&created_to=2999-12-31")), expected({ sort: "closed_at" }));
  assert.deepEqual(await pages("/v1/opportunities?sort=closed_at&created_to=1900-01-01"), []);
  /* Of a clock that was set wrong, and of an old record that was imported with a mistaken year. */
  const whose = (await ana.post("/v1/clients", lib.newClient())).json.id, days = (n) => new Date(Date.now() + n * 86400e3).toISOString().slice(0, 10);
  const made = (created, ended, updated) => sql(`insert into opportunity (client_id, advisor_id, created_at, updated_at, closed_at, campaign_id, campaign, stage_id, stage)
    select ${whose}, a.id, timestamptz '${created}', timestamptz '${updated}', timestamptz '${ended}', c.id, c.choice, s.id, s.choice
      from advisor a, choice('campaign', 'consulta-previa-prepago') c, choice('stage', 'retenido') s where a.username = 'E8153375' returning id`).split("\n")[0];
  const early = made("0001-01-02", "0001-01-05", "2024-01-01"), future = made(days(10), days(20), days(30));
  for (const [of, id, q] of [["closed", future, `created_to=${days(15)}`], ["updated", future, `created_to=${days(15)}`], ["updated", future, `closed_to=${days(25)}`],
    ["closed", early, "created_to=1900-01-01"], ["updated", early, "created_to=1900-01-01"], ["updated", early, "closed_to=1900-01-01"]]) {
    const all = await pages(`/v1/opportunities?client=${whose}&sort=${of}_at&${q}&count=true`, 1);
    assert.deepEqual(all, id === future ? [future, early] : [early], `${of} ${q}`);
  }
  sql(`delete from opportunity where client_id = ${whose}`);
});

test("opportunity_list: open opportunities by every choice, alone and two at once, in every order", async () => {
  const all = { ...filters, action: [null, "bono-gb", "migracion-postpago"], final_state: [null, "atendido", "no-atendido"] };
  const asked = [], choices = Object.entries(all).filter(([name]) => name !== "stage").flatMap(([name, values]) => values.map((value) => [name, value ?? "none"]));
  for (const [i, [name, value]] of choices.entries()) {
    asked.push({ stage: "en-proceso", [name]: value });
    for (const [other, its] of choices.slice(i + 1)) if (other !== name && bits(`${value} ${its}`, "both") % 4 === 0) asked.push({ stage: "en-proceso", [name]: value, [other]: its });
  }
  for (const q of asked) {
    const n = bits(JSON.stringify(q), "more");
    const full = { ...q, sort: ["created_at", "updated_at"][n % 2], ...(n % 3 ? {} : { created_to: "2024-03-20" }), ...(n % 7 ? {} : { voided: "true" }) };
    assert.deepEqual(mine(await pages(query(full), 1 + (n % 40))), expected(full), query(full));
  }
});

test("opportunity_list: a change of an open opportunity changes by which choices it is found", async () => {
  const whose = (await ana.post("/v1/clients", lib.newClient())).json.id, text = '"action":{"code":"bono-gb"}],"diagnosis":';
  const contact = (await ana.post(`/v1/clients/${whose}/contacts`, lib.newContact())).json.id;
  const made = await ana.post("/v1/opportunities", { contact_id: contact, sub_campaign: "entel", service: { current_plan: text } });
  assert.equal(made.status, 201, made.text);
  const at = `/v1/opportunities/${made.json.id}`;
  const found = async (q) => {
    const sorted = [];
    for (const sort of ["created_at", "updated_at"]) sorted.push((await pages(`/v1/opportunities?client=${whose}&stage=en-proceso&sort=${sort}&${q}`)).length);
    assert.equal(sorted[0], sorted[1], q);
    return sorted[0];
  };
  const change = async (method, path, body, status) => { const r = await ana[method](at + path, body); assert.equal(r.status, status, r.text); return r.json; };
  assert.deepEqual([await found("action=bono-gb"), await found("action=none"), await found("reason=none")], [0, 1, 1], "a text is no choice");
  const row = await change("post", "/actions", { action: "bono-gb.bono-4-gb-por-12-meses" }, 201);
  assert.deepEqual([await found("action=bono-gb"), await found("action=migracion-postpago"), await found("final_state=atendido"), await found("action=none")], [1, 0, 0, 0]);
  await change("patch", `/actions/${row.id}`, { final_state: "atendido" }, 200);
  assert.deepEqual([await found("final_state=atendido"), await found("final_state=atendido&action=bono-gb"), await found("final_state=no-atendido")], [1, 1, 0]);
  await change("put", "/diagnosis", { reason: "problema-con-el-uso-del-servicio.mi-equipo-esta-fallando" }, 200);
  assert.deepEqual([await found("reason=problema-con-el-uso-del-servicio"), await found("reason=precio-y-contenido"), await found("reason=none")], [1, 0, 0]);
  await change("put", "/competitor-offer", { operator: "bitel", phone_to_manage: "944264648" }, 200);
  assert.deepEqual([await found("operator=bitel&action=bono-gb"), await found("operator=entel")], [1, 0]);
  await change("delete", `/actions/${row.id}`, undefined, 204);
  assert.deepEqual([await found("action=bono-gb"), await found("final_state=atendido"), await found("operator=bitel")], [0, 0, 1]);
  sql(`update opportunity set voided_at = now(), void_reason = 'x' where id = ${made.json.id}`);
  assert.equal(await found("operator=bitel"), 0, "voided");
});

test("opportunity_list: open opportunities with a choice by their last change: few, and more than a thousand", async () => {
  const whose = (await ana.post("/v1/clients", lib.newClient())).json.id, path = `/v1/opportunities?client=${whose}&stage=en-proceso&operator=bitel&sort=updated_at`;
  const newest = () => sql(`select id from opportunity where client_id = ${whose} order by updated_at desc, id desc`).split("\n");
  for (const n of [150, 1950]) {
    sql(`insert into opportunity (client_id, advisor_id, created_at, updated_at, campaign_id, campaign, stage_id, stage, operator_id, operator, phone_to_manage)
      select ${whose}, a.id, timestamptz '2023-07-01' + n * interval '1 s', timestamptz '2023-07-02' + n % 100 * interval '1 min', c.id, c.choice, s.id, s.choice, p.id, p.choice, '944264648'
        from generate_series(1, ${n}) n, advisor a, choice('campaign', 'consulta-previa-prepago') c, choice('stage', 'en-proceso') s, choice('operator', 'bitel') p
       where a.username = 'E8153375'`);
    assert.deepEqual(await pages(path), newest());
    /* Changed a day after the last day of their creation, and before it. */
    for (const day of ["2023-06-30", "2023-07-05"]) assert.deepEqual(await pages(`${path}&created_to=${day}`), newest(), day);
    assert.deepEqual(await pages(`${path}&created_from=2023-06-01&created_to=2023-06-29`), []);
  }
  assert.deepEqual(await pages(`${path}&advertising_acceptance=acepto`), []);
});

test("opportunity_list: late ends and changes of a day are listed, though more than a thousand newer opportunities have none", async () => {
  const whose = (await ana.post("/v1/clients", lib.newClient())).json.id;
  const copy = (created, ended, n) => sql(`insert into opportunity (client_id, advisor_id, created_at, updated_at, closed_at, campaign_id, campaign, stage_id, stage)
    select ${whose}, a.id, ${created}, ${ended ?? created}, ${ended ?? "null"}, c.id, c.choice, s.id, s.choice
      from generate_series(1, ${n}) n, advisor a, choice('campaign', 'consulta-previa-prepago') c, choice('stage', '${ended ? "retenido" : "en-proceso"}') s where a.username = 'E8153375'
     order by n returning id`).split("\n").filter((line) => /^\d+$/.test(line)).pop();
  const late = copy("timestamptz '2023-01-05 12:00-05'", "timestamptz '2023-06-02 23:00-05'", 1);
  copy("timestamptz '2023-06-02 08:00-05' + n * interval '20 s'", null, 1100);
  const soon = copy("timestamptz '2023-06-02 20:00-05'", "timestamptz '2023-06-02 20:09-05'", 1);
  const day = "2023-06-02", ends = `closed_from=${day}&closed_to=${day}`;
  assert.deepEqual(await pages(`/v1/opportunities?${ends}&count=true`), [soon, late]);
  assert.deepEqual(await pages(`/v1/opportunities?${ends}`, 1), [soon, late]);
  assert.deepEqual(await pages(`/v1/opportunities?${ends}&stage=no-retenido`), []);
  assert.deepEqual(await pages(`/v1/opportunities?updated_from=${day}&updated_to=${day}&stage=retenido`, 1), [soon, late]);
});

test("opportunity_list: paging by the last change while rows change: nobody comes twice, who stays comes once", async () => {
  const moved = new Set();
  const q = { client, sort: "updated_at" }, all = expected(q);
  const seen = mine(await pages(query(q), 7, async (n) => {
    const id = all[(n * 13 + 5) % all.length];
    moved.add(id);
    sql(`update opportunity set updated_at = clock_timestamp() where id = ${id}`);
  }));
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(seen.filter((id) => !moved.has(id)), all.filter((id) => !moved.has(id)));
});

test("opportunity_list: the cursor of a page without count goes on with it; other orders refuse it", async () => {
  const first = (await boss.get("/v1/opportunities?sort=updated_at&limit=5")).json;
  const more = await boss.get(`/v1/opportunities?sort=updated_at&limit=5&count=true&cursor=${first.next}`);
  assert.equal(more.status, 200);
  assert.ok(more.json.count > 10);
  assert.equal((await boss.get(`/v1/opportunities?sort=closed_at&cursor=${first.next}`)).json.code, "cursor_invalid");
});

test("opportunity_list: faults in both languages: unknown codes and advisors, days that are reversed, an order that there is not", async () => {
  for (const [q, pointer, code, en, es] of [
    ["advisor=E0000009", "#/advisor", "not_found", "Advisor: no account has this id or username.", "Asesor: ninguna cuenta tiene este id o usuario."],
    ["operator=none,nope", "#/operator", "choice_unknown"], ["stage=retenido,none", "#/stage", "choice_unknown"], ["action=,bono-gb", "#/action", "choice_unknown"],
    ["plan=nope", "#/plan", "choice_unknown"], ["offer=nope", "#/offer", "choice_unknown"], ["channel=nope", "#/channel", "choice_unknown"],
    ["final_state=nope", "#/final_state", "choice_unknown"], ["advertising_acceptance=nope", "#/advertising_acceptance", "choice_unknown"],
    ["closed_from=2024-03-02&closed_to=2024-03-01", "#/closed_to", "range_reversed", "The last day must not be before the first.", "El último día no puede ser anterior al primero."],
    ["updated_from=2024-03-02&updated_to=2024-03-01", "#/updated_to", "range_reversed"],
    /* All three at once. */
    ...["created", "closed", "updated"].map((one, _, all) => [all.map((of) => `${of}_from=2024-03-02&${of}_to=2024-03-01`).join("&"), `#/${one}_to`, "range_reversed"]),
    ["sort=stage", "#/sort"], ["client=x", "#/client"], ["count=maybe", "#/count"],
  ]) {
    const fault = lib.faultAt(await boss.get(`/v1/opportunities?${q}`, { "accept-language": "en" }), pointer);
    if (code) assert.equal(fault.code, code, q);
    if (en) assert.equal(fault.detail, en);
    if (es) assert.equal(lib.faultAt(await boss.get(`/v1/opportunities?${q}`, { "accept-language": "es" }), pointer).detail, es);
  }
});

test("opportunity_list: hour, weekday, exact and tree go with every order and with count, and with an advisor who must exist", async () => {
  const local = (instant) => new Date(Date.parse(instant) - 5 * 3600e3);
  for (const sort of ["created_at", "closed_at", "updated_at"])
    for (const [of, taken] of [["hour=9", (o) => local(o.created_at).getUTCHours() === 9], ["weekday=3", (o) => local(o.created_at).getUTCDay() === 3],
      ["weekday=1&by=closed", (o) => o.closure.closed_at !== null && local(o.closure.closed_at).getUTCDay() === 1], ["exact=reason", () => true], ["tree=now&advisor=E8123497", (o) => o.advisor.username === "E8123497"]]) {
      const all = [], found = [], path = `/v1/opportunities?sort=${sort}&limit=100&client=${client}`;
      for (const [list, where] of [[all, path], [found, `${path}&${of}&count=true`]])
        for (let next = where; next !== null;) {
          const r = await boss.get(next);
          assert.equal(r.status, 200, r.text);
          list.push(...r.json.items);
          if (list === found) assert.equal(r.json.count, "count" in r.json ? r.json.count : -1, of);
          if (list === found) found.count = r.json.count;
          next = r.json.next === null ? null : `${where}&cursor=${r.json.next}`;
        }
      assert.deepEqual(found.map((o) => o.id), all.filter(taken).map((o) => o.id), `${sort} ${of}`);
      assert.equal(found.count, found.length, `${sort} ${of}`);
    }
  for (const of of ["hour=9", "weekday=1", "tree=now", "exact=reason", "by=closed"])
    assert.equal(lib.faultAt(await boss.get(`/v1/opportunities?${of}&advisor=E0000009`), "#/advisor").code, "not_found", of);
});

test("opportunity_list: a client that was merged stands for the one that stays", async () => {
  const admin = await world.signedIn("E8000002"), ana = await world.signedIn("E8153375");
  const [a, b] = [(await ana.post("/v1/clients", lib.newClient())).json.id, (await ana.post("/v1/clients", lib.newClient())).json.id];
  const call = await ana.post("/v1/typifications", { client_id: a, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() });
  assert.equal(call.status, 201, call.text);
  assert.equal((await admin.post(`/v1/clients/${a}/merge`, { into: b })).status, 200);
  for (const client of [a, b])
    for (const more of ["", "&sort=updated_at", "&count=true", "&tree=now", "&action=bono-gb,none"]) {
      const r = await boss.get(`/v1/opportunities?client=${client}${more}`);
      assert.deepEqual(r.json.items.map((o) => o.id), [call.json.id], client + more);
      if (more === "&count=true") assert.equal(r.json.count, 1);
    }
  const day = new Date(Date.now() - 5 * 3600e3).toISOString().slice(0, 10);
  for (const client of [a, b]) assert.equal((await boss.get(`/v1/reports/retention?group_by=day&client=${client}&from=${day}`)).json.totals.opened, 1);
});

test("opportunity_get, opportunity_list: other_open names the client's other open opportunities, and nothing else", async () => {
  const open = rows.filter((r) => r.client === client && !r.voided && r.closed === null).map((r) => r.id).sort((a, b) => Number(BigInt(b) - BigInt(a)));
  for (const r of rows.filter((x) => x.client === client).slice(0, 10)) {
    const wanted = open.filter((id) => id !== r.id);
    assert.deepEqual((await ana.get(`/v1/opportunities/${r.id}`)).json.other_open, wanted);
    assert.deepEqual((await ana.get(`/v1/opportunities?ids=${r.id}`)).json.items[0].other_open, wanted);
  }
  const list = (await ana.get(`/v1/clients/${client}/opportunities`)).json.items;
  for (const o of list) assert.deepEqual(o.other_open, open.filter((id) => id !== o.id));
  /* A call of the same client, saved at once, has them too, and its own part of the others' answers. */
  const call = { client_id: client, contact: lib.newContact ? lib.newContact() : { origin_phone: "944264648", serial_number: "2505050000125674" }, sub_campaign: "entel" };
  const made = await ana.post("/v1/typifications", call);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.json.other_open, open);
  assert.equal((await ana.get(`/v1/opportunities/${open[0]}`)).json.other_open[0], made.json.id);
  const tag = (await ana.get(`/v1/opportunities/${open[0]}`)).headers.etag;
  await ana.post("/v1/typifications", call);
  const again = await ana.get(`/v1/opportunities/${open[0]}`, { "if-none-match": tag });
  assert.equal(again.status, 200, "the tag covers other_open");
});

test("contact_search: by advisor, by whether there is an opportunity, by days; paged; refused to advisors", async () => {
  const other = sql(`insert into advisor (username, full_name, role, password_hash) values ('E8799901', 'ASESOR', 'advisor', 'x') returning id`).split("\n")[0];
  const made = sql(`insert into contact (client_id, advisor_id, origin_phone, serial_number, created_at)
    select ${client}, ${other}, '944264648', '2505050000125674', timestamptz '2024-03-10 12:00-05' + n * interval '7 hours' from generate_series(0, 29) n order by n returning id`)
    .split("\n").filter((line) => /^\d+$/.test(line)).reverse();
  const opened = made.filter((_, i) => i % 3 === 0);
  for (const id of opened) sql(`insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage)
    select ${client}, ${id}, ${other}, a.id, a.choice, b.id, b.choice, c.id, c.choice from choice('campaign', 'consulta-previa-prepago') a, choice('sub_campaign', 'entel') b, choice('stage', 'en-proceso') c`);
  const where = "/v1/contacts?advisor=E8799901";
  const waiting = made.filter((id) => !opened.includes(id));
  for (const limit of [4, 10, 100]) {
    assert.deepEqual(await pages(where, limit), made);
    assert.deepEqual(await pages(`${where}&without_opportunity=true`, limit), waiting);
    assert.deepEqual(await pages(`${where}&without_opportunity=false`, limit), opened);
  }
  const count = async (filters) => (await boss.get(`${where}${filters}&count=true&limit=4`)).json.count;
  assert.equal(await count(""), made.length);
  assert.equal(await count("&without_opportunity=true"), waiting.length);
  assert.equal(await count("&without_opportunity=false"), opened.length);
  assert.equal((await boss.get(`${where}&limit=4`)).json.count, undefined);
  const items = (await boss.get(`${where}&limit=100`)).json.items;
  for (const day of ["2024-03-10", "2024-03-12", "2024-03-30"]) {
    const of = (item) => new Date(Date.parse(item.created_at) - 5 * 3600e3).toISOString().slice(0, 10);
    assert.deepEqual(await pages(`${where}&created_from=${day}&created_to=${day}`, 2), items.filter((item) => of(item) === day).map((item) => item.id));
    assert.deepEqual(await pages(`${where}&created_from=${day}`, 3), items.filter((item) => of(item) >= day).map((item) => item.id));
    for (const w of ["", "&without_opportunity=true", "&without_opportunity=false"]) {
      assert.equal(await count(`${w}&created_from=${day}&created_to=${day}`), items.filter((item) => of(item) === day && (w === "" || (item.opportunity_id === null) === w.endsWith("true"))).length);
    }
  }
  const missing = "select count(*) from contact t where not exists (select from opportunity o where o.contact_id = t.id) and not exists (select from contact_waiting w where w.contact_id = t.id and w.advisor_id = t.advisor_id and w.created_at = t.created_at)";
  const listed = (id) => sql(`select count(*) from contact_waiting where contact_id = ${id}`);
  sql(`update contact set created_at = created_at + interval '1 hour', advisor_id = (select id from advisor where username = 'E8123497') where id = ${waiting[1]}`);
  assert.equal(sql(missing), "0", "changed by hand");
  sql(`update contact set created_at = created_at - interval '1 hour', advisor_id = ${other} where id = ${waiting[1]}`);
  const ana = await world.signedIn("E8153375"), contact = (await ana.post(`/v1/clients/${client}/contacts`, lib.newContact())).json.id;
  assert.equal(listed(contact), "1");
  assert.equal((await ana.post("/v1/opportunities?validate_only=true", { contact_id: contact, sub_campaign: "entel" })).status, 200);
  assert.equal(listed(contact), "1");
  assert.equal((await ana.post("/v1/opportunities", { contact_id: contact, sub_campaign: "entel" })).status, 201);
  assert.equal(listed(contact), "0");
  const whole = await ana.post("/v1/typifications", { client_id: client, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() });
  assert.equal(listed(whole.json.contact_id), "0");
  assert.equal(sql(missing), "0");
  sql("delete from contact_waiting; select contacts_wait(0, 1000000)");
  assert.equal(sql(missing), "0", "entered by the migration");
  const voided = await boss.post(`/v1/contacts/${waiting[0]}/voiding`, { reason: "Equivocada" });
  assert.equal(voided.status, 200, voided.text);
  assert.deepEqual(await pages(`${where}&without_opportunity=true`), waiting.slice(1));
  assert.deepEqual(await pages(`${where}&voided=true`), [waiting[0]]);
  assert.equal(await count("&without_opportunity=true"), waiting.length - 1);
  assert.equal(await count("&voided=true"), 1);
  assert.ok((await boss.get("/v1/contacts?limit=1")).json.items.length === 1);
  assert.equal(lib.faultAt(await boss.get("/v1/contacts?advisor=E0000009"), "#/advisor").code, "not_found");
  assert.equal(lib.faultAt(await boss.get("/v1/contacts?created_from=2024-03-11&created_to=2024-03-10"), "#/created_to").code, "range_reversed");
  assert.equal((await ana.get("/v1/contacts")).json.code, "role_forbidden");
});

test("contact_search, opportunity_list: the count is of those that are listed, also of clients who were merged or erased", async () => {
  const [kept, merged, erased] = [await lib.opened(ana), await lib.opened(ana), await lib.opened(ana)];
  for (const { client: c } of [kept, merged, erased]) assert.equal((await ana.post(`/v1/clients/${c.id}/contacts`, lib.newContact())).status, 201);
  assert.equal((await admin.post(`/v1/clients/${merged.client.id}/merge`, { into: kept.client.id })).status, 200);
  assert.equal((await admin.post(`/v1/clients/${erased.client.id}/erasure`)).status, 200);
  const today = new Date(Date.now() - 5 * 3600e3).toISOString().slice(0, 10);
  for (const filters of ["", "&without_opportunity=true", "&without_opportunity=false"])
    assert.ok((await pages(`/v1/contacts?created_from=${today}&count=true${filters}`)).length > 0, filters);
  for (const filters of ["", "&stage=en-proceso", "&voided=true"])
    assert.ok((await pages(`/v1/opportunities?created_from=${today}&count=true${filters}`)).length > 0, filters);
});

test("client_search: by a part of the name, without regard to accents and capitals; paged; not the erased; for supervisors", async () => {
  const add = (name, n) => sql(`insert into client (name, document_type_id, document_type, document_number, phone, created_at)
    select '${name}', t.id, t.choice, '${60000000 + n}', '944264${100 + n}', now() - ${n} * interval '1 minute' from choice('document_type', 'dni') t returning id`).split("\n")[0];
  const names = ["ZÚÑIGA ÑAUPARI, MARÍA JOSÉ", "Zuniga Quispe Maria", "ZUÑIGA 100%_REAL", "MARIA DE LA ZUÑIGA", "OTRO NOMBRE"];
  const made = names.map(add);
  const found = async (part) => (await boss.get(`/v1/clients?name=${encodeURIComponent(part)}&limit=100`));
  for (const [part, wanted] of [["zuniga", [0, 1, 2, 3]], ["ZÚÑIGA", [0, 1, 2, 3]], ["uñig", [0, 1, 2, 3]], ["zuniga mar", [0, 1]], ["  maría   zuñiga ", [3]],
    ["100%_re", [2]], ["ñaupari", [0]], ["zun%a", []], ["zun_ga", []], ["nadie se llama", []]]) {
    const r = await found(part);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.json.items.map((item) => item.id).filter((id) => made.includes(id)), wanted.map((i) => made[i]), part);
    assert.equal(r.json.items.length, wanted.length);
  }
  assert.deepEqual(await pages("/v1/clients?name=zuniga", 1), made.slice(0, 4));
  assert.equal((await admin.get("/v1/clients?name=zuniga")).status, 200);
  assert.equal((await ana.get("/v1/clients?name=zuniga")).json.code, "role_forbidden");
  for (const short of ["zu", "a-b-c", "zú ñi"]) {
    assert.equal(lib.faultAt(await boss.get(`/v1/clients?name=${encodeURIComponent(short)}`, { "accept-language": "es" }), "#/name").code, "too_short");
  }
  assert.equal(lib.faultAt(await boss.get("/v1/clients?name=zuniga&phone=944264648"), "#").code, "one_of");
  assert.equal((await admin.post(`/v1/clients/${made[1]}/erasure`)).status < 300, true);
  assert.deepEqual((await found("zuniga")).json.items.map((item) => item.id), [made[0], made[2], made[3]]);
  assert.deepEqual((await found("borrado")).json.items, []);
  const recorded = async () => (await boss.get(`/v1/clients/${made[0]}/reads`)).json.items.some((r) => r.operation === "client_search");
  for (const until = Date.now() + 10000; !(await recorded());) assert.ok(Date.now() < until, "a search by name is in the record of reads");
});

test("advisor_list: a supervisor sees id, username, name, role and whether it is active; an administrator all", async () => {
  const few = (await boss.get("/v1/advisors?limit=100")).json.items, all = (await admin.get("/v1/advisors?limit=100")).json.items;
  assert.ok(few.length > 3);
  assert.deepEqual(few.map((a) => a.id), all.map((a) => a.id));
  for (const a of few) assert.deepEqual(Object.keys(a).filter((k) => k !== "etag"), ["id", "username", "full_name", "role", "active"]);
  for (const a of all) assert.ok("rights" in a && "created_at" in a);
  assert.ok((await boss.get("/v1/advisors?role=supervisor")).json.items.every((a) => a.role === "supervisor"));
  assert.equal((await boss.get(`/v1/advisors/${few[0].id}`)).json.code, "role_forbidden");
  assert.equal((await ana.get("/v1/advisors")).json.code, "role_forbidden");
});
