/*
 * Exports: what they hold, by both formats, for whom, and what the record of reads keeps of them. export_cut.test.js has those that
 * end early.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawn, spawnSync } = require("node:child_process");
const lib = require("./lib.js");
const { until } = require("./writes.js");

const csv = { accept: "text/csv" }, ndjson = { accept: "application/x-ndjson" };
const kinds = ["clients", "contacts", "opportunities", "consents", "audit"];
let world, ana, boss, chief, machine, one;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
  machine = await world.signedIn("E8000003");
  one = await lib.opened(ana);
  await ana.put(`${one.at}/typification`, lib.form());
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const lines = (r) => r.text.split("\n").filter(Boolean).map((l) => JSON.parse(l));

/* table(text) - the rows of a CSV as spreadsheets read it: an object by column names each. */
function table(text) {
  const rows = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const row = rows[rows.length - 1], c = text[i];
    if (quoted && c === '"' && text[i + 1] === '"') row[row.length - 1] += text[i++];
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === ",") row.push("");
    else if (!quoted && c === "\n") rows.push([""]);
    else row[row.length - 1] += c;
  }
  assert.deepEqual(rows.pop(), [""], "the last line ends");
  const names = rows.shift();
  for (const r of rows) assert.equal(r.length, names.length, r.join());
  return Object.assign(rows.map((r) => Object.fromEntries(r.map((cell, i) => [names[i], cell]))), { names });
}

test("export_get: NDJSON shows each record as its own GET does", async () => {
  for (const [kind, at] of [["clients", "/v1/clients/"], ["contacts", "/v1/contacts/"], ["opportunities", "/v1/opportunities/"]]) {
    const r = await boss.get(`/v1/exports/${kind}`, ndjson), rows = lines(r);
    assert.equal(r.headers["content-type"], "application/x-ndjson");
    assert.equal(r.headers["transfer-encoding"], "chunked");
    assert.equal(r.headers["cache-control"], "no-store");
    assert.match(r.headers["content-disposition"], new RegExp(`^attachment; filename="${kind}-20[0-9-]{8}.ndjson"$`));
    assert.ok(rows.length >= 1, kind);
    assert.deepEqual(rows.map((x) => x.id), [...rows.map((x) => x.id)].sort((a, b) => a - b), "oldest first");
    for (const row of rows) assert.deepEqual(row, (await boss.get(at + row.id)).json);
  }
  const consents = lines(await boss.get("/v1/exports/consents"));
  const { client_id, ...consent } = consents.find((c) => c.client_id === one.client.id);
  assert.deepEqual(consent, (await boss.get(`/v1/clients/${client_id}/consents`)).json.items[0]);
  const audit = lines(await boss.get("/v1/exports/audit"));
  const listed = (await boss.get("/v1/audit?limit=100")).json.items;
  for (const entry of listed) assert.deepEqual(audit.find((e) => e.id === entry.id), entry);
});

test("export_get: CSV has the JSON's keys, codes of choices, and lists with semicolons", async () => {
  const body = lib.newClient({ name: 'QUISPE "EL FLACO", JOSÉ', phone: "955111222", email: "jose@example.pe", birth_date: "1990-02-28", sales: { lines: ["955111222", "955111223"], plan: "PLAN, 39", activation_date: "2020-01-31" },
    summary_360: { trac_profile: "A;B", observed: true, claro_points: 7, segment: "ORO", mi_claro: false }, experience: { expiring_points: 3, overdue_payment: "1 mes", latam_partner: true } });
  const client = (await ana.post("/v1/clients", body)).json;
  const r = await boss.get("/v1/exports/clients", csv), rows = table(r.text);
  assert.equal(r.headers["content-type"], "text/csv; charset=utf-8");
  assert.match(r.headers["content-disposition"], /filename="clients-[0-9-]{10}\.csv"/);
  const row = rows.find((x) => x.id === client.id);
  assert.deepEqual({ ...row }, {
    name: body.name, document_type: "dni", document_number: body.document_number, external_id: "", phone: "955111222", email: "jose@example.pe", gender: "", birth_date: "1990-02-28", legal_representative: "",
    "sales.lines": "955111222;955111223", "sales.plan": "PLAN, 39", "sales.activation_date": "2020-01-31", "summary_360.trac_profile": "A;B", "summary_360.observed": "true", "summary_360.claro_points": "7",
    "summary_360.segment": "ORO", "summary_360.mi_claro": "false", "experience.expiring_points": "3", "experience.overdue_payment": "1 mes", "experience.latam_partner": "true",
    "experience.birthday_today": String(client.experience.birthday_today), advertising: "", advertising_at: "", id: client.id, created_at: client.created_at, updated_at: client.updated_at, erased_at: "" });
  const opportunity = (await boss.get(one.at)).json;
  const found = table((await boss.get("/v1/exports/opportunities", csv)).text).find((x) => x.id === opportunity.id);
  const { competitor_offer, ...form } = lib.form();
  assert.deepEqual({ ...found }, {
    id: opportunity.id, document_type: "dni", document_number: one.client.document_number, campaign: "consulta-previa-prepago", stage: "retenido", created_at: opportunity.created_at, advisor_name: "E8153375", sub_campaign: "entel",
    "service.current_plan": "", "service.activation_date": "", "service.prior_consultation": "", actions: `${form.actions[0].action}=atendido`, "diagnosis.reason": lib.reason,
    "competitor_offer.plan": competitor_offer.plan, "competitor_offer.offer": competitor_offer.offer, "competitor_offer.channel": "telefonico", "competitor_offer.operator": "movistar", "competitor_offer.phone_to_manage": "944264648",
    "competitor_offer.additional_line": "", "closure.advertising_acceptance": "acepto", "closure.closed_at": opportunity.closure.closed_at, client_id: one.client.id, contact_id: one.contact.id, advisor_id: opportunity.advisor.id,
    advisor_full_name: opportunity.advisor.full_name, missing: "", "voided.at": "", "voided.advisor": "", "voided.reason": "", updated_at: opportunity.updated_at });
  const contact = table((await boss.get("/v1/exports/contacts", csv)).text).find((x) => x.id === one.contact.id);
  assert.equal(contact.advisor, "E8153375");
  assert.equal(contact.opportunity_id, opportunity.id);
  const consent = table((await boss.get("/v1/exports/consents", csv)).text).find((x) => x.client_id === one.client.id);
  assert.equal(consent.advertising_acceptance, "acepto");
  const entry = table((await boss.get("/v1/exports/audit?object_type=client&object_id=" + client.id, csv)).text)[0];
  assert.equal(JSON.parse(entry.after).phone, "***");
});

test("export_get: the metrics count exports, rows and bytes", async () => {
  const read = async () => {
    const { text } = await boss.get("/metrics");
    return ["exports_running", 'exports_total{outcome="done"}', "export_rows_total", "export_bytes_total"].map((name) => Number(text.split("\n").find((l) => l.startsWith(`gestor_${name} `)).split(" ").pop()));
  };
  const was = await read(), r = await boss.get("/v1/exports/opportunities", ndjson);
  let is;
  await until("the export has ended", async () => (is = await read())[1] === was[1] + 1);
  assert.deepEqual(is, [0, was[1] + 1, was[2] + lines(r).length, was[3] + Buffer.byteLength(r.text)]);
});

test("export_get: a cell that a spreadsheet would run has an apostrophe in front, which comes off exactly", async () => {
  const names = ["=1+1", "+51", "-5", "@SUM(A1)", "'=1", "''=1", "'QUOTED", "=\"a\",\"b\"", "PLAIN", "= ,;", "O'BRIEN"];
  const made = [];
  for (const name of names) made.push((await ana.post("/v1/clients", lib.newClient({ name: "X", legal_representative: name }))).json);
  const rows = table((await boss.get("/v1/exports/clients", csv)).text);
  made.forEach((client, i) => {
    const cell = rows.find((x) => x.id === client.id).legal_representative;
    assert.doesNotMatch(cell, /^[=+@\t\r-]/);
    assert.equal(/^'+[=+@\t\r-]/.test(cell) ? cell.slice(1) : cell, client.legal_representative, names[i]);
  });
});

test("export_get: filters are those of the lists; days are the desk's; nothing found is a header alone, or nothing", async () => {
  sql("insert into client (name, document_type_id, document_type, document_number) select 'DIA', i.id, i.choice, '70000001' from catalog_item_of('document_type', 'dni') i");
  const id = sql("select id from client where document_number = '70000001'").trim();
  sql(`alter table client disable trigger user; update client set created_at = '2024-03-11 04:59:59.999999Z' where id = ${id}; alter table client enable trigger user;
    select client_names_add(array[id], array[created_at], array[name]) from client where id = ${id}`);
  sql("update client set updated_at = updated_at where id = " + id);
  const found = async (query) => lines(await boss.get(`/v1/exports/clients?${query}`)).some((c) => c.id === id);
  assert.equal(await found("created_from=2024-03-10&created_to=2024-03-10"), true);
  assert.equal(await found("created_from=2024-03-11&created_to=2024-03-12"), false);
  assert.equal(await found("created_to=2024-03-09"), false);
  for (const query of ["stage=retenido", "reason=problema-con-el-uso-del-servicio", "advisor=E8153375&stage=retenido", "sub_campaign=entel", "campaign=consulta-previa-prepago", "voided=true", "voided=false", `ids=${one.opportunity.id}`, "created_to=2024-01-01"]) {
    const all = (await boss.get(`/v1/opportunities?${query}${query.startsWith("ids") ? "" : "&limit=100"}`)).json.items.map((o) => o.id).sort();
    assert.deepEqual(lines(await boss.get(`/v1/exports/opportunities?${query}`)).map((o) => o.id).sort(), all, query);
  }
  assert.equal((await boss.get("/v1/exports/clients?created_to=2001-01-01")).text, "");
  const empty = await boss.get("/v1/exports/clients?created_to=2001-01-01", csv);
  assert.match(empty.text, /^name,document_type,.*erased_at\n$/);
  for (const [kind, query, status, code] of [["clients", "stage=retenido", 400, "parameter_unknown"], ["clients", "advisor=E8153375", 400, "parameter_unknown"], ["opportunities", "from=2024-01-01", 400, "parameter_unknown"],
    ["audit", "created_from=2024-01-01", 400, "parameter_unknown"], ["clients", "limit=5", 400, "parameter_unknown"], ["opportunities", "created_from=2025-01-02&created_to=2025-01-01", 422, "invalid"], ["opportunities", "stage=none", 422, "invalid"],
    ["opportunities", "ids=1&stage=retenido", 422, "invalid"], ["audit", "object_id=1", 422, "invalid"], ["audit", "from=2025-01-02&to=2025-01-01", 422, "invalid"], ["things", "", 404, "not_found"]]) {
    const r = await boss.get(`/v1/exports/${kind}?${query}`);
    assert.equal(r.status, status, `${kind} ${query}: ${r.text}`);
    assert.equal(r.json.code, code);
  }
  assert.match((await boss.get("/v1/exports/clients?stage=retenido")).json.detail, /created_from, created_to\.$/);
});

test("export_get: Accept chooses the format; HEAD, OPTIONS and HTTP/1.0", async () => {
  assert.equal((await boss.get("/v1/exports/consents", { accept: "*/*" })).headers["content-type"], "application/x-ndjson");
  assert.match((await boss.get("/v1/exports/consents", { accept: "text/*" })).headers["content-type"], /^text\/csv/);
  const refused = await boss.get("/v1/exports/consents", { accept: "application/json" });
  assert.equal(refused.status, 406);
  assert.match(refused.json.detail, /application\/x-ndjson, text\/csv/);
  const head = await boss.request("HEAD", "/v1/exports/clients", undefined, csv);
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
  assert.match(head.headers["content-type"], /^text\/csv/);
  assert.equal((await boss.request("OPTIONS", "/v1/exports/clients")).headers.allow, "GET, HEAD, OPTIONS");
  const old = await lib.raw(world.port, `GET /v1/exports/consents HTTP/1.0\r\nAuthorization: Bearer ${boss.token}\r\n\r\n`);
  assert.ok(old.closed);
  assert.doesNotMatch(old.text, /transfer-encoding/i);
  assert.match(old.text, /\r\n\r\n\{"client_id"[^]*\}\n$/);
  const two = await lib.raw(world.port, `GET /v1/exports/consents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${boss.token}\r\n\r\n`.repeat(2));
  assert.equal((two.text.match(/HTTP\/1\.1 200/g) || []).length, 2, "the connection is kept");
  assert.equal((two.text.match(/\r\n0\r\n\r\n/g) || []).length, 2);
});

test("export_get: rights and masks", async () => {
  for (const kind of kinds) assert.equal((await ana.get(`/v1/exports/${kind}`)).json.code, "role_forbidden");
  const rights = (list) => sql(`update advisor set rights = '{${list}}' where username = 'E8000003'`);
  const machineWith = async (list) => {
    rights(list);
    return lib.caller(world.base, (await world.tokenOf("E8000003")).access_token);
  };
  try {
    const some = await machineWith("export,opportunity_read");
    assert.equal((await some.get("/v1/exports/clients")).status, 403);
    assert.equal((await some.get("/v1/exports/audit")).status, 403);
    const row = table((await some.get("/v1/exports/opportunities", csv)).text).find((x) => x.id === one.opportunity.id);
    assert.equal(row.document_number, "", "the client's document needs the right to read clients");
    assert.equal(row["competitor_offer.phone_to_manage"], "***");
    const blind = await machineWith("export,opportunity_read,client_read,contact_read");
    for (const kind of ["clients", "contacts", "opportunities"])
      for (const accept of [csv, ndjson]) {
        const { text } = await blind.get(`/v1/exports/${kind}`, accept);
        for (const secret of [one.client.document_number, "944264648", "2505050000125674"]) assert.ok(!text.includes(secret), `${kind}: ${secret}`);
        assert.ok(text.includes("***"));
      }
    assert.equal(table((await blind.get("/v1/exports/opportunities", csv)).text).find((x) => x.id === one.opportunity.id).document_number, "***");
    const at = `/v1/clients/${one.client.id}`;
    assert.deepEqual(lines(await blind.get("/v1/exports/clients")).find((c) => c.id === one.client.id), (await blind.get(at)).json);
  } finally {
    rights("client_read,client_write,contact_read,contact_write,opportunity_read,opportunity_write,personal_data");
    machine = null;
  }
});

test("export_get: an erased client is exported as it is shown", async () => {
  const gone = await lib.opened(ana);
  assert.ok((await chief.post(`/v1/clients/${gone.client.id}/erasure`)).status < 300);
  const row = lines(await boss.get("/v1/exports/clients")).find((c) => c.id === gone.client.id);
  assert.deepEqual(row, (await boss.get(`/v1/clients/${gone.client.id}`)).json);
  assert.notEqual(row.document_number, gone.client.document_number);
  assert.equal(table((await boss.get("/v1/exports/opportunities?voided=true", csv)).text).find((x) => x.id === gone.opportunity.id).document_number, row.document_number);
});

test("export_get, audit_read_list: an export leaves an entry at its beginning and one at its end, without values", async () => {
  const id = `export-${process.pid}`;
  const count = lines(await boss.get("/v1/exports/opportunities?stage=retenido&created_from=2020-01-01", { ...ndjson, "x-request-id": id })).length;
  let entries;
  await until("both entries", async () => (entries = (await boss.get("/v1/audit/reads?operation=export_get")).json.items.filter((e) => e.request_id === id)).length === 2);
  const [end, begin] = entries;
  assert.deepEqual(end.export, { kind: "opportunities", format: "ndjson", filters: ["stage", "created_from"], masked: false, state: "done", rows: count, by: null });
  assert.deepEqual(begin.export, { ...end.export, state: "begun", rows: null });
  assert.equal(begin.object_id, end.object_id);
  assert.equal(end.object_type, "export");
  assert.equal(end.client_id, null);
  assert.equal(end.advisor.username, "E8000001");
  const seen = sql("select count(*) from audit_read where operation = 'export_get'");
  await boss.request("HEAD", "/v1/exports/clients");
  await boss.get("/v1/exports/nothing");
  assert.equal(sql("select count(*) from audit_read where operation = 'export_get'"), seen, "what shows nothing leaves nothing");
});

test("export_get: rows are those of one instant, whatever is changed while they are sent", async () => {
  sql(`insert into client (name, document_type_id, document_type, document_number)
    select 'ANTES', i.id, i.choice, 'N' || n from catalog_item_of('document_type', 'pasaporte') i, generate_series(1, 2000) n`);
  /* Each change of the writer renames two clients in one transaction: the snapshot has both or neither. */
  const writer = spawn("psql", ["-XAtq", "-d", world.database.owner, "-c", `do $$ begin for n in 1..1000 loop
    update gestor.client set name = 'DESPUES' where document_number in ('N' || n, 'N' || 2001 - n); commit; end loop; end $$`]);
  const ended = new Promise((resolve) => writer.on("close", resolve));
  const changed = () => Number(sql("select count(*) from client where name = 'DESPUES'"));
  await until("the writer is at work", () => changed() > 100);
  const ids = new Set();
  const r = await boss.get("/v1/exports/clients");
  assert.ok(changed() < 2000, "the writer was at work until the end");
  await ended;
  const rows = lines(r).filter((c) => c.document_number !== null && c.document_number.startsWith("N"));
  for (const c of rows) ids.add(c.id);
  assert.equal(rows.length, 2000);
  assert.equal(ids.size, 2000);
  const renamed = rows.filter((c) => c.name === "DESPUES").length, half = new Set(rows.filter((c) => c.name === "DESPUES").map((c) => c.document_number));
  assert.ok(renamed > 0 && renamed < 2000 && renamed % 2 === 0, String(renamed));
  for (let n = 1; n <= 1000; n++) assert.equal(half.has(`N${n}`), half.has(`N${2001 - n}`), "both or neither");
});

test("export_get, import_create: an import takes what was exported: nothing is created, and nothing differs", async () => {
  for (const kind of ["clients"]) {
    const { text } = await boss.get(`/v1/exports/${kind}`, csv), all = table(text).filter((x) => !x.erased_at).length;
    const r = await chief.post(`/v1/imports?kind=${kind}&mode=dry_run`, Buffer.from(text), { "content-type": "text/csv" });
    assert.equal(r.status, 202, r.text);
    let state;
    await until("it is done", async () => ["done", "failed"].includes((state = (await chief.get(r.headers.location)).json).state));
    const report = await chief.get(`${r.headers.location}/report`);
    assert.deepEqual([state.rows.created, state.rows.updated, state.rows.unchanged], [0, 0, all], JSON.stringify(state) + report.text.slice(0, 1500));
  }
});

/* ---------------------------------------------------------------- the command */

const commandWith = (env, ...args) => spawnSync(lib.gestor, ["export", ...args], { encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, DATABASE_URL: world.database.serve, ...env } });
const command = (...args) => commandWith({}, ...args);

test("gestor export: the same bytes as the API, whole or not at all", async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gestor-export-")), file = path.join(dir, "out.csv");
  try {
    for (const kind of ["clients", "contacts", "opportunities", "consents"]) {
      const r = command(kind, file);
      assert.equal(r.status, 0, r.stderr);
      assert.equal(fs.readFileSync(file, "utf8"), (await boss.get(`/v1/exports/${kind}`, csv)).text);
      assert.match(r.stderr, new RegExp(`^[0-9,]+ ${kind} in .*out\\.csv`, "m"));
      assert.equal(fs.statSync(file).mode & 0o77, 0, "only its owner may read it");
      assert.equal(command(kind, "--format", "ndjson").stdout, (await boss.get(`/v1/exports/${kind}`, ndjson)).text);
    }
    assert.deepEqual(fs.readdirSync(dir), ["out.csv"]);
    assert.equal(command("clients", "--from", "2001-01-01", "--to", "2001-01-02", "-").stdout.split("\n").length, 2);
    const entry = JSON.parse(sql("select row_to_json(r) from audit_read r where operation = 'gestor_export' order by at desc limit 1"));
    assert.equal(entry.advisor_id, null);
    assert.match(entry.export.by, /^command line/);
    assert.deepEqual(entry.export.filters, ["created_from", "created_to"]);
    assert.equal(entry.export.state, "done");
    assert.ok((await boss.get("/v1/audit/reads?operation=gestor_export")).json.items.length >= 2);
    for (const wrong of [[], ["things"], ["clients", "--from", "yesterday"], ["clients", "--from", "2025-01-02", "--to", "2025-01-01"], ["clients", "--format", "xls"], ["clients", "a", "b"]]) {
      const r = command(...wrong);
      assert.equal(r.status, 2, wrong.join(" "));
      assert.match(r.stderr, /gestor/);
    }
    assert.equal(command("clients", path.join(dir, "no", "such.csv")).status, 1);
    assert.deepEqual(fs.readdirSync(dir), ["out.csv"]);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});

// tests/fault/replica.js has a standby that is fit.
test("gestor export: says as of when its rows are, and whose; without a read replica that is fit the primary's", async () => {
  const nowhere = new URL(world.database.serve), promoted = new URL(world.database.serve), clock = () => sql("select instant(clock_timestamp())");
  nowhere.port = await lib.freePort();
  promoted.searchParams.set("target_session_attrs", "any");
  for (const url of ["", nowhere.href, promoted.href]) {
    const first = clock(), r = commandWith({ DATABASE_READ_URL: url }, "clients", "-"), last = clock();
    assert.equal(r.status, 0, r.stderr);
    assert.equal(r.stdout, (await boss.get("/v1/exports/clients", csv)).text);
    const [, at] = /^as of (\S+), from the primary$/m.exec(r.stderr);
    assert.ok(first <= at && at <= last, `${first} ${at} ${last}`);
    assert.ok(!r.stderr.includes(decodeURIComponent(nowhere.password)));
  }
});
