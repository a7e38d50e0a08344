/* The retention report: its figures against plain SQL on random data, its links, its forms. */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn, spawnSync } = require("node:child_process");
const lib = require("./lib.js");
const figures = require("./figures.js");
const { codeOf, told } = figures;

let world, ana, boss, sql;
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "100" } });
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  sql = world.database.sql;
  fill();
});
after(() => world.end());

/* Random, but the same in each run. */
let seed = 20250503;
const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
const pick = (list) => list[random(list.length)];
const q = (v) => (v === null ? "null" : `'${v}'`);
const from = "2025-03-01", to = "2025-04-30";
const leaves = (catalog) => sql(`select i.code from catalog_item i join catalog c on c.id = i.catalog_id
  where c.code = '${catalog}' and not exists (select from catalog_item k where k.parent_id = i.id) order by i.id`).split("\n").filter(Boolean);

/*
 * Opportunities like those of the old application, and like the desk's with a contact; some on the edges of a day at the desk, some voided; two
 * keep a choice that got choices below it later.
 */
function fill() {
  const client = sql("select min(id) from client").trim();
  const reasons = leaves("cancellation_reason"), actions = leaves("retention_action"), rows = [], grid = [];
  for (let n = 0; n < 400; n++) {
    const day = 28 + random(66), stage = pick(["en-proceso", "retenido", "retenido", "no-retenido"]);
    const edge = random(4);
    const at = `timestamp '2025-02-01 00:00' at time zone 'America/Lima' + interval '${day} days' + interval '${edge === 0 ? 86399 : edge === 1 ? 0 : random(86400)} seconds'`;
    const optional = (list) => (random(4) === 0 ? null : pick(list));
    rows.push(`(${n}, ${at}, '${stage}', ${q(optional(reasons))}, ${q(optional(leavesOf("operator")))}, ${q(optional(leavesOf("competitor_plan")))},
      ${q(optional(leavesOf("competitor_offer")))}, ${q(optional(leavesOf("offer_channel")))}, ${q(optional(leavesOf("advertising_acceptance")))},
      ${q(pick(["consulta-previa-prepago", "retencion-movil-preventiva-postpago"]))}, ${q(random(2) ? "entel" : null)}, ${random(2) ? "'E8153375'" : "'E8123497'"}, ${random(200000)}, ${random(3) ? random(pick([60, 500, 3000, 9000])) - 20 : "null"}, ${random(12) === 0})`);
    for (let i = random(4); i > 0; i--) grid.push(`(${n}, '${pick(actions)}', ${q(optional(["atendido", "no-atendido"]))})`);
  }
  sql(`create temporary table given (n int, at timestamptz, stage text, reason text, operator text, plan text, offer text, channel text, adv text,
      campaign text, sub text, advisor text, later int, seconds int, voided boolean);
    insert into given values ${rows.join(",\n")};
    create temporary table grid (n int, action text, final_state text);
    insert into grid values ${grid.join(",\n")};
    insert into contact (client_id, advisor_id, origin_phone, serial_number, created_at)
      select ${client}, a.id, '944264648', lpad(g.n::text, 16, '0'), g.at - g.seconds * interval '1.001 second'
        from given g join advisor a on a.username = g.advisor where g.seconds is not null;
    create temporary table made as
      select g.*, 500000 + g.n as id, t.id as contact_id from given g left join contact t on t.serial_number = lpad(g.n::text, 16, '0');
    insert into opportunity (id, client_id, contact_id, advisor_id, created_at, updated_at, closed_at, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage,
        reason_id, reason, competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel,
        operator_id, operator, advertising_acceptance_id, advertising_acceptance, phone_to_manage)
      overriding system value
      select g.id, ${client}, null, a.id, g.at, g.at, case when g.stage <> 'en-proceso' then g.at + g.later * interval '1 second' end,
          ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice, re.id, re.choice, cp.id, cp.choice, co.id, co.choice, oc.id, oc.choice, op.id, op.choice, aa.id, aa.choice, '944264648'
        from made g join advisor a on a.username = g.advisor, choice('campaign', g.campaign) ca, choice('sub_campaign', g.sub) sc, choice('stage', g.stage) st,
          choice('cancellation_reason', g.reason) re, choice('competitor_plan', g.plan) cp, choice('competitor_offer', g.offer) co,
          choice('offer_channel', g.channel) oc, choice('operator', g.operator) op, choice('advertising_acceptance', g.adv) aa;
    insert into action (opportunity_id, action_id, action, final_state_id, final_state)
      select 500000 + g.n, ac.id, ac.choice, fs.id, fs.choice
        from grid g, choice('retention_action', g.action) ac, choice('final_state', g.final_state) fs;
    update opportunity o set contact_id = g.contact_id from made g where g.id = o.id and g.contact_id is not null
       and o.sub_campaign_id is not null and (o.closed_at is null or o.reason_id is not null and o.advertising_acceptance_id is not null);
    update opportunity o set voided_at = now(), void_reason = 'ERROR DE PRUEBA' from made g where g.id = o.id and g.voided;`);
}
const catalogs = {};
function leavesOf(catalog) { return (catalogs[catalog] ??= leaves(catalog)); }

const report = async (query, headers) => {
  const r = await boss.get(`/v1/reports/retention?from=${from}&to=${to}&${query}`, headers);
  assert.equal(r.status, 200, r.text);
  return headers ? r : r.json;
};
const wanted = (dimensions, more = {}) => figures.wanted(sql, dimensions, { from, to, ...more });

const dimensions = ["day", "week", "month", "hour", "weekday", "advisor", "campaign", "sub_campaign", "stage", "reason", "reason:1", "reason:2", "reason:3", "reason:4", "reason:5",
  "action", "action:1", "action:2", "action:3", "final_state", "operator", "plan", "offer", "channel", "advertising_acceptance"];

/* All ids of a list. */
async function listed(where) {
  const ids = [];
  for (let next = `${where}&limit=100`; ;) {
    const r = await boss.get(next);
    assert.equal(r.status, 200, `${next}: ${r.text}`);
    ids.push(...r.json.items.map((o) => o.id));
    if (r.json.next === null) return ids;
    next = `${where}&limit=100&cursor=${r.json.next}`;
  }
}

/* Days are read from rows at first, then, but for what changes afterwards, from the columns that the service makes of them. */
const day_limit = "desk_day(clock_timestamp() - interval '10 minutes')";
function readRows() {
  sql(`insert into report_clock (day, since) values (${day_limit}, '9000000000000000000') on conflict (one) do update set day = excluded.day, since = excluded.since;
    delete from report_day`);
}
async function readColumns() {
  sql("update report_clock set since = '3'");
  const r = spawnSync(process.env.GESTOR_BIN, ["report", "rebuild"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.serve } });
  assert.match(r.stdout, /^report: \d+ days with \d+ opportunities$/m, r.stderr);
  assert.equal(sql(`select count(*) from generate_series('${from}'::date, '${to}'::date, interval '1 day') d where not exists (select from report_day r where r.kind = 3 and r.day = d::date)`).trim(), "0");
}

for (const [by, from] of [["created", "rows"], ["closed", "rows"], ["created", "columns"], ["closed", "columns"]])
  test(`report_retention: every dimension's figures are those of plain SQL, by=${by}, from ${from}`, async () => {
    if (from === "rows") readRows(); else await readColumns();
    for (const d of dimensions) {
      const body = await report(`group_by=${d}&by=${by}`);
      assert.deepEqual(told(body, [d]), wanted([d], { by }), d);
      if (!/^(action|final_state)/.test(d))
        for (const figure of ["opened", "closed", "retained", "lost", "in_process", "voided", "contacts"])
          assert.equal(body.rows.reduce((sum, r) => sum + r[figure], 0), body.totals[figure], `${d} ${figure}`);
      for (const r of [body.totals, ...body.rows]) {
        assert.equal(r.rate, r.closed ? Number((r.retained / r.closed).toFixed(6)) : null);
        assert.equal(r.closed, r.retained + r.lost);
        assert.equal(r.opened, r.closed + r.in_process);
      }
    }
  });

test("report_retention: pairs and triples of dimensions, from rows and from columns", async () => {
  for (let n = 0; n < 60; n++) {
    if (n === 0) readRows();
    if (n === 20) await readColumns();
    const chosen = [...new Set([pick(dimensions), pick(dimensions), ...(n % 3 ? [] : [pick(dimensions)])])], by = pick(["created", "closed"]);
    assert.deepEqual(told(await report(`group_by=${chosen}&by=${by}`), chosen), wanted(chosen, { by }), `${chosen} ${by}`);
  }
});

test("report_retention, opportunity_list: each row's link lists exactly what the row takes", async () => {
  for (const query of [...dimensions.flatMap((d) => [`group_by=${d}`, `group_by=${d}&by=closed`]), "group_by=action,final_state", "group_by=action:1,final_state&action=bono-gb", "group_by=hour,weekday&by=closed&advisor=E8153375",
    "group_by=reason:1,reason:3", "group_by=reason:2,operator&stage=retenido,no-retenido", "group_by=stage&voided=true", "group_by=week,action&final_state=none", "group_by=day&reason=precio-y-contenido,none", "group_by=month&created_to=2025-04-10&by=closed"]) {
    const body = await report(query), all = [];
    for (const row of query.includes("group_by=day") ? body.rows.slice(0, 8) : body.rows) {
      const ids = await listed(row.opportunities);
      assert.equal(ids.length, row.opened, `${query} ${JSON.stringify(row)}`);
      assert.equal(new Set(ids).size, ids.length);
      all.push(...ids);
    }
    /* No opportunity is in two rows, but for dimensions of the grid. */
    if (!/day|action|final_state/.test(query)) assert.equal(new Set(all).size, body.totals.opened, query);
  }
});

test("report_retention: filters, and links that keep them", async () => {
  const body = await report("group_by=operator&reason=precio-y-contenido&advisor=E8153375");
  assert.deepEqual(told(body, ["operator"]), wanted(["operator"], { where: "o.reason ->> 'code' like 'precio-y-contenido.%' and o.advisor_id = (select id from advisor where username = 'E8153375')" }));
  const seen = (await Promise.all(body.rows.map((r) => listed(r.opportunities)))).flat();
  assert.equal(seen.length, body.totals.opened);
  const voided = await report("group_by=stage&voided=true");
  assert.equal(voided.totals.opened, (await report("group_by=stage")).totals.voided);
  assert.equal(voided.totals.voided, voided.totals.opened);
});

test("report_retention: a parent's figures are the sum of its children's", async () => {
  const levels = [];
  for (let level = 1; level <= 5; level++) levels.push(await report(`group_by=reason:${level}`));
  for (let level = 1; level < 5; level++)
    for (const parent of levels[level - 1].rows) {
      const code = codeOf(parent.keys[`reason:${level}`]);
      const children = levels[level].rows.filter((r) => { const c = codeOf(r.keys[`reason:${level + 1}`]); return c === code || (code && c.startsWith(code + ".")); });
      for (const figure of ["opened", "closed", "retained", "lost", "in_process", "voided", "contacts"])
        assert.equal(children.reduce((sum, r) => sum + r[figure], 0), parent[figure], `${code} ${figure}`);
    }
});

test("report_retention: CSV has the rows of JSON", async () => {
  for (const d of [["day", "reason:2"], ["advisor"], ["weekday", "final_state", "operator"]]) {
    const { rows } = await report(`group_by=${d}`), r = await report(`group_by=${d}`, { accept: "text/csv" });
    assert.match(r.headers["content-type"], /^text\/csv/);
    const [head, ...lines] = r.text.trimEnd().split("\n").map((l) => l.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((c) => c.replace(/,$/, "").replace(/^"(.*)"$/, "$1").replaceAll('""', '"')));
    assert.equal(lines.length, rows.length);
    lines.forEach((cells, i) => {
      const cell = (name) => cells[head.indexOf(name)];
      for (const name of d) {
        const key = rows[i].keys[name];
        assert.equal(cell(typeof key === "object" && key !== null && key.id ? `${name}.id` : head.includes(`${name}.code`) ? `${name}.code` : name), codeOf(key));
        if (key && key.label) assert.equal(cell(`${name}.label`), key.label);
      }
      for (const figure of ["opened", "closed", "retained", "lost", "in_process", "voided", "contacts"]) assert.equal(cell(figure), String(rows[i][figure]));
      assert.equal(cell("rate") === "" ? null : Number(cell("rate")), rows[i].rate);
      for (const p of ["p50", "p90"]) assert.equal(cell(`contact_to_opportunity_s.${p}`), String(rows[i].contact_to_opportunity_s[p] ?? ""));
      assert.equal(cell("opportunities"), rows[i].opportunities);
    });
  }
});

test("report_retention: days, hours and weekdays are those of the desk", async () => {
  const id = sql("select id from opportunity where id between 500000 and 500399 and voided_at is null and closed_at is null order by id limit 1").trim();
  sql(`update opportunity set created_at = '2025-01-01T04:30:00Z' where id = ${id}`);
  const ask = async (day) => (await boss.get(`/v1/reports/retention?from=${day}&to=${day}&group_by=day,hour,weekday`)).json;
  const night = await ask("2024-12-31");
  assert.deepEqual(night.rows.map((r) => r.keys), [{ day: "2024-12-31", hour: 23, weekday: 2 }], "23:30 in Lima, which is Wednesday in UTC");
  assert.deepEqual(await listed(night.rows[0].opportunities), [id]);
  assert.equal((await ask("2025-01-01")).totals.opened, 0);
});

test("report_retention: figures follow every change at once: by hand, voided, reopened", async () => {
  const check = async () => { for (const d of [["stage", "reason:1"], ["day", "action"]]) assert.deepEqual(told(await report(`group_by=${d}`), d), wanted(d)); };
  const { opportunity, at } = await lib.opened(ana);
  assert.equal((await ana.put(`${at}/typification`, lib.form())).status, 200);
  sql(`update opportunity set created_at = '2025-03-05T12:00:00Z' where id = ${opportunity.id}`);
  await check();
  assert.equal((await boss.post(`${at}/reopening`)).status, 200);
  await check();
  sql(`delete from action where opportunity_id = ${opportunity.id}`);
  await check();
  sql(`update opportunity set voided_at = now(), void_reason = 'ERROR' where id = ${opportunity.id}`);
  await check();
  const gone = await lib.opened(ana), chief = await world.signedIn("E8000002");
  sql(`update opportunity set created_at = '2025-03-06T12:00:00Z' where id = ${gone.opportunity.id}`);
  await check();
  assert.equal((await chief.post(`/v1/clients/${gone.client.id}/erasure`)).status, 200);
  await check();
});

test("report_retention: changes while days are made are counted once", async () => {
  const calls = [];
  for (let n = 0; n < 12; n++) calls.push(await lib.opened(ana));
  sql(calls.map(({ opportunity }, n) => `update opportunity set created_at = '2025-03-${10 + n}T12:00:00Z' where id = ${opportunity.id}`).join(";"));
  const rebuild = () => new Promise((resolve, reject) => spawn(process.env.GESTOR_BIN, ["report", "rebuild"], { stdio: "ignore", env: { ...process.env, DATABASE_URL: world.database.serve } })
    .on("close", (code) => (code === 0 ? resolve() : reject(new Error(`gestor report rebuild: ${code}`)))));
  for (const change of [({ at }) => ana.put(`${at}/typification`, lib.form()), ({ at }) => boss.post(`${at}/reopening`), ({ at }) => ana.put(`${at}/diagnosis`, lib.form().diagnosis)]) {
    const answered = await Promise.all([rebuild(), rebuild(), ...calls.map(change)]);
    for (const r of answered.slice(2)) assert.ok(r.status < 300, r.text);
    for (const d of [["stage", "reason"], ["day", "action"]]) for (const by of ["created", "closed"]) assert.deepEqual(told(await report(`group_by=${d}&by=${by}`), d), wanted(d, { by }));
  }
});

test("report_retention: what moved to a day whose columns were made afterwards is counted once", async () => {
  await readColumns();
  const { opportunity, at } = await lib.opened(ana);
  assert.equal((await ana.put(`${at}/typification`, lib.form())).status, 200);
  sql(`update opportunity set created_at = '2025-03-12T12:00:00Z', closed_at = '2025-03-12T13:00:00Z' where id = ${opportunity.id};
    select report_day_make(3, '2025-03-12'); select report_day_make(4, '2025-03-12')`);
  for (const day of ["2025-03-14", "2025-03-10"]) {
    sql(`update opportunity set created_at = '${day}T12:00:00Z', closed_at = '${day}T13:00:00Z' where id = ${opportunity.id};
      select report_day_make(3, '${day}'); select report_day_make(4, '${day}')`);
    assert.equal(sql(`select count(*) from report_change where opportunity_id = ${opportunity.id} and day = '${day}'`).trim(), "0");
    for (const by of ["created", "closed"]) for (const d of [["stage"], ["action"]]) assert.deepEqual(told(await report(`group_by=${d}&by=${by}`), d), wanted(d, { by }), `${by} ${d}`);
  }
});

test("report_retention: columns that do not belong together are refused, not counted", async () => {
  await readColumns();
  const day = sql("select min(day) from report_day where kind = 3 and opportunities > 1 and day between '2025-03-05' and '2025-04-20'").trim();
  /* No answer that openapi.yaml declares: somebody changed these tables by hand. */
  const ask = async (query) => {
    const r = await fetch(`${world.base}/v1/reports/retention?from=${day}&to=${day}&${query}`, { headers: { authorization: `Bearer ${boss.token}` } });
    return { status: r.status, body: await r.json() };
  };
  const check = () => spawnSync(process.env.GESTOR_BIN, ["check"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.serve } }).stdout;
  const cut = "substr(data, 1, length(data) - 1)";
  for (const [dimension, data, query] of [[6, null, "group_by=advisor"], [6, cut, "group_by=advisor"], [6, "data || '\\x00'", "group_by=hour&advisor=E8153375"], [10, null, "group_by=stage&reason=none"],
    [18, null, "group_by=day"], [18, cut, "group_by=day"], [19, null, "group_by=day"], [19, "substr(data, 9)", "group_by=day"], [19, cut, "group_by=day"],
    [16, cut, "group_by=action"], [20, null, "group_by=action"], [9, "overlay(data placing '\\xff' from length(data))", "group_by=stage"]]) {
    const where = `kind = 3 and day = '${day}' and dimension = ${dimension}`;
    sql(`create table kept_column as select * from report_column where ${where}; ${data ? `update report_column set data = ${data} where ${where}` : `delete from report_column where ${where}`}`);
    const r = await ask(query);
    if (dimension === 9) assert.ok(check().includes(`report: the columns of ${day}, by=created, differ`));
    sql(`delete from report_column where ${where}; insert into report_column select * from kept_column; drop table kept_column`);
    assert.deepEqual([r.status, r.body.code], [500, "internal"], `${dimension} ${data} ${query}`);
    assert.equal((await ask(query)).status, 200);
  }
  const count = sql(`select opportunities from report_day where kind = 3 and day = '${day}'`).trim();
  for (const wrong of ["0", "-1", `${count} + 1`]) {
    sql(`update report_day set opportunities = ${wrong} where kind = 3 and day = '${day}'`);
    assert.equal((await ask("group_by=day")).status, 500, wrong);
  }
  sql(`update report_day set opportunities = ${count} where kind = 3 and day = '${day}';
    insert into report_change (kind, day, opportunity_id) select 1, '${day}', id from opportunity where desk_day(created_at) = '${day}' limit 1`);
  assert.equal((await ask("group_by=day")).status, 200);
  sql(`create table kept_column as select * from report_column where kind = 3 and day = '${day}' and dimension = 0;
    delete from report_column where kind = 3 and day = '${day}' and dimension = 0`);
  assert.equal((await ask("group_by=day")).status, 500, "without ids a changed opportunity would count twice");
  sql("insert into report_column select * from kept_column; drop table kept_column; delete from report_change");
});

test("report_retention: tree=now counts a replaced choice as its last successor; tree=then keeps codes, and labels of then", async () => {
  const admin = await world.signedIn("E8000002");
  const before = await report("group_by=operator"), row = (body, code) => body.rows.find((r) => r.keys.operator && r.keys.operator.code === code);
  const r = await admin.post("/v1/catalogs/operator/items/bitel/replacement", { by: "entel", move_open: false });
  assert.equal(r.status, 200, r.text);
  const then = await report("group_by=operator"), now = await report("group_by=operator&tree=now");
  assert.equal(then.tree, "then");
  assert.deepEqual(then.rows, before.rows);
  assert.equal(row(now, "bitel"), undefined);
  assert.equal(row(now, "entel").opened, row(then, "entel").opened + row(then, "bitel").opened);
  assert.equal(now.totals.opened, then.totals.opened);
  for (const one of now.rows) assert.equal((await listed(one.opportunities)).length, one.opened, one.opportunities);
  const filtered = await report("group_by=channel&operator=entel&tree=now");
  assert.equal(filtered.totals.opened, row(now, "entel").opened);
  assert.equal((await admin.patch("/v1/catalogs/operator/items/movistar", { label: "MOVISTAR NUEVO" })).status, 200);
  assert.equal(row(await report("group_by=operator"), "movistar").keys.operator.label, "MOVISTAR");
  assert.equal(row(await report("group_by=operator&tree=now"), "movistar").keys.operator.label, "MOVISTAR NUEVO");
});

test("report_retention, opportunity_list: a choice that got choices below it: its own records are a row of their own", async () => {
  const admin = await world.signedIn("E8000002");
  const parent = sql("select operator ->> 'code' from opportunity where id between 500000 and 500399 and operator is not null and operator ->> 'code' <> 'bitel' limit 1").trim();
  const made = await admin.post("/v1/catalogs/operator/items", { parent, label: "DETALLE" }).catch(() => null);
  if (made.status === 201) {
    sql(`update opportunity o set operator_id = i.id, operator = i.choice from catalog_item i join catalog c on c.id = i.catalog_id
      where c.code = 'operator' and i.code = '${made.json.code}' and o.id = (select min(id) from opportunity where operator ->> 'code' = '${parent}' and voided_at is null)`);
  } else {
    /* A catalogue of one level takes no item below another: the reasons have free levels. */
    assert.equal(made.status, 422, made.text);
    const leaf = sql("select reason ->> 'code' from opportunity where id between 500000 and 500399 and reason ->> 'code' like 'calidad%' and voided_at is null limit 1").trim();
    const below = await admin.post("/v1/catalogs/cancellation_reason/items", { parent: leaf, label: "DETALLE" });
    assert.equal(below.status, 201, below.text);
    sql(`update opportunity o set reason_id = i.id, reason = i.choice from catalog_item i join catalog c on c.id = i.catalog_id
      where c.code = 'cancellation_reason' and i.code = '${below.json.code}' and o.id = (select min(id) from opportunity where reason ->> 'code' = '${leaf}' and voided_at is null and created_at between '2025-03-02' and '2025-04-30')`);
  }
  for (const d of ["reason", "reason:2", "reason:3", "operator"]) {
    const body = await report(`group_by=${d}`);
    assert.deepEqual(told(body, [d]), wanted([d]), d);
    for (const r of body.rows) assert.equal((await listed(r.opportunities)).length, r.opened, `${d} ${r.opportunities}`);
  }
});

test("report_retention: a picture has title, description and labels in the asked language, and no markup of a label's", async () => {
  sql(`update advisor set full_name = 'O <b>&"QUISPE' where username = 'E8123497'`);
  const svg = await report("group_by=advisor", { accept: "image/svg+xml", "accept-language": "es" });
  assert.equal(svg.headers["content-type"], "image/svg+xml");
  assert.match(svg.text, /^<svg [^>]*role="img"[^>]*>\n<title id="t">Retención, /);
  assert.ok(svg.text.includes("O &#60;b&#62;&#38;&#34;QUISPE"));
  assert.doesNotMatch(svg.text, /<b>|style=|<script|onload/);
  assert.match((await report("group_by=weekday", { accept: "image/svg+xml" })).text, />Monday</);
  /* "Escalado por celdas AT" is a choice below fifteen items. */
  const reasons = (await report("group_by=reason")).rows.filter((row) => row.keys.reason?.code.split(".").length === 5);
  const picture = (await report("group_by=reason", { accept: "image/svg+xml" })).text;
  assert.ok(reasons.length > 15);
  for (const { keys, retained, opened } of reasons) {
    const path = JSON.parse(sql(`select i.choice from catalog_item i join catalog c on c.id = i.catalog_id where c.code = 'cancellation_reason' and i.code = '${keys.reason.code}'`)).levels.map((l) => l.label);
    const heading = path.slice(0, -1).join(" › ");
    assert.equal(picture.split(`>${heading}</text>`).length, 2, `once: ${heading}`);
    assert.ok(picture.includes(`${path.join(" › ")}: ${retained} / ${opened}; `));
  }
  assert.doesNotMatch(picture, /><\/text>/, "no text is empty");
  /* A choice below none, after one below an item, stands behind a line. */
  const sorted = (await report("group_by=reason")).rows, path = (row) => row.keys.reason?.code.split(".").slice(0, -1).join(".") ?? "";
  const lines = sorted.filter((row, i) => i > 0 && path(row) === "" && path(sorted[i - 1]) !== "").length;
  assert.ok(lines > 0);
  assert.equal(picture.split("<line ").length - 1, lines);
  /* A hundred bars at most; the rest is told. */
  assert.doesNotMatch(picture, / rows/);
  sql(`with made as (insert into advisor (username, full_name, role, password_hash) select 'E7000' || n, 'ASESORA DE PRUEBA ' || n, 'advisor', 'x' from generate_series(100, 220) n returning id)
    update opportunity o set advisor_id = m.id
      from (select id, row_number() over (order by id) as n from made) m join (select id, row_number() over (order by id) as n from opportunity where voided_at is null
              and created_at between '2025-03-02' and '2025-04-30') x using (n) where o.id = x.id`);
  const { rows } = await report("group_by=advisor"), told = (language) => report("group_by=advisor", { accept: "image/svg+xml", "accept-language": language });
  assert.ok(rows.length > 120, `${rows.length}`);
  assert.match((await told("en")).text, new RegExp(`<desc id="d">100 / ${rows.length} rows: [^]*>100 / ${rows.length} rows</text>`));
  assert.match((await told("es")).text, new RegExp(`>100 / ${rows.length} filas</text>`));
  assert.match((await report("group_by=weekday", { accept: "image/svg+xml", "accept-language": "es" })).text, />lunes</);
  assert.match((await report("group_by=day", { accept: "image/svg+xml" })).text, /<polyline/);
  /* Each figure of the axis is that of its line, and the highest is at or above all days. A single month is a point of each line. */
  const days = await report("group_by=day"), drawn = (await report("group_by=day", { accept: "image/svg+xml" })).text;
  const axis = [...drawn.matchAll(/text-anchor="end">([0-9]+)<\/text>/g)].map((found) => Number(found[1]));
  assert.equal(axis.length, 5);
  axis.forEach((value, i) => assert.equal(value, axis[0] * (4 - i) / 4));
  const highest = Math.max(...days.rows.map((row) => row.opened));
  assert.ok(axis[0] >= highest && axis[0] < highest + 4, `${axis[0]} for ${highest}`);
  assert.doesNotMatch(drawn, /<circle/);
  const month = await boss.get("/v1/reports/retention?group_by=month&from=2025-03-01&to=2025-03-31", { accept: "image/svg+xml" });
  assert.equal(month.text.split("<circle ").length - 1, 2, month.text);
  for (const text of [svg.text]) assert.equal((text.match(/<[a-z]/g) || []).length, (text.match(/<\/|\/>/g) || []).length, "every element ends");
  lib.faultAt(await boss.get("/v1/reports/retention?group_by=day,hour", { accept: "image/svg+xml" }), "#/group_by");
});

test("report_retention: what is refused, and the default days", async () => {
  for (const [query, pointer, code] of [["group_by=nope", "#/group_by", "one_of"], ["group_by=day,day", "#/group_by", "one_of"], ["group_by=day,hour,week,month", "#/group_by", "one_of"], ["group_by=reason:6", "#/group_by", "one_of"],
    ["group_by=,", "#/group_by", "one_of"], ["group_by=day&from=2025-02-01&to=2025-01-01", "#/to", "range_reversed"], ["group_by=day&from=2024-01-01&to=2025-01-01", "#/from", "date_range"],
    ["group_by=day&exact=nope", "#/exact", "one_of"], ["group_by=day&hour=24", "#/hour"], ["group_by=day&reason=nope", "#/reason", "choice_unknown"]]) {
    const fault = lib.faultAt(await boss.get(`/v1/reports/retention?${query}`), pointer);
    if (code) assert.equal(fault.code, code, query);
  }
  assert.equal((await boss.get("/v1/reports/retention?group_by=day&from=2024-01-01&to=2024-12-31")).status, 200);
  const body = (await boss.get("/v1/reports/retention?group_by=day")).json;
  assert.equal(body.from, body.to.slice(0, 8) + "01");
  assert.equal(body.to, sql("select (now() at time zone 'America/Lima')::date").trim());
  assert.equal((await ana.get("/v1/reports/retention?group_by=day")).status, 403);
});

test("report_retention: an account that does not exist is refused, as in the list", async () => {
  for (const accept of ["application/json", "text/csv"])
    assert.equal(lib.faultAt(await boss.get("/v1/reports/retention?group_by=day&advisor=E0000009", { accept }), "#/advisor").code, "not_found");
  assert.deepEqual((await boss.get("/v1/reports/retention?group_by=day&advisor=E8000001&from=2024-01-01&to=2024-01-02")).json.rows, []);
});

test("report_retention: a filter deeper than the dimension stays in the row's link", async () => {
  const some = sql("select reason ->> 'code' from opportunity where (reason ->> 'code') like '%.%.%.%' and voided_at is null group by 1 order by count(*) desc limit 6").split("\n").filter(Boolean);
  for (const query of [`reason=${some[0]}`, `reason=${some}`, `reason=${some},none`, `reason=${some[0]}&exact=reason`, `reason=${some[0].split(".")[0]},${some[0]}`])
    for (const by of ["reason:1", "reason:2,operator", "reason:1,reason:3"])
      for (const row of (await report(`group_by=${by}&${query}`)).rows)
        assert.equal((await listed(row.opportunities)).length, row.opened, row.opportunities);
  for (const list of [",day", "day,", "day,,hour", ","]) assert.equal((await boss.get(`/v1/reports/retention?group_by=${list}`)).status, 422, list);
});

test("metrics: open opportunities by stage and contacts without an opportunity follow the rows", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  assert.equal((await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).status, 201);
  await lib.opened(ana);
  const wanted = () => sql(`select (select count(*) from opportunity where closed_at is null and voided_at is null),
    (select count(*) from contact t where t.created_at > now() - interval '24 hours' and not exists (select from opportunity o where o.contact_id = t.id))`).trim().split(/[|\t]/).map(Number);
  for (let i = 0; ; i++) {
    const { text } = await world.anyone.get("/metrics"), of = (name) => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
    const seen = [of('gestor_opportunities_open\\{stage="en-proceso"\\}'), of("gestor_contacts_without_opportunity")];
    if (String(seen) === String(wanted()) && seen[1] > 0) break;
    assert.ok(i < 400, `${seen} ${wanted()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
});
