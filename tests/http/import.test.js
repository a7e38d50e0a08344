"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const lib = require("./lib.js");

let world, chief, ana, crm, blind, boss;
let numbers = 50000000;
before(async () => {
  world = await lib.world();
  chief = await world.signedIn("E8000002");
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  crm = await integration("E7000001", ["import", "personal_data"]);
  blind = await integration("E7000002", ["import"]);
});
after(() => world.end());

const integration = async (username, rights) => (await lib.machine(chief, world.base, { username, rights })).as;

const csv = { "content-type": "text/csv" }, ndjson = { "content-type": "application/x-ndjson" };
const number = () => String(++numbers);
const send = (as, kind, mode, body, headers = csv) => as.post(`/v1/imports?kind=${kind}${mode ? `&mode=${mode}` : ""}`, Buffer.isBuffer(body) ? body : Buffer.from(body), headers);

/* until(condition) - waits for it, 30 s at most. */
async function until(condition) {
  for (let i = 0; !(await condition()); i++) {
    if (i > 1200) throw new Error("it did not become true");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/* ended(as, id) - the import, when it has ended. */
async function ended(as, id) {
  for (let i = 0; i < 12000; i++) {
    const r = await as.get(`/v1/imports/${id}`);
    assert.equal(r.status, 200, r.text);
    if (["done", "failed", "cancelled"].includes(r.json.state)) return r.json;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("the import did not end");
}

async function imported(as, kind, mode, body, headers = csv) {
  const r = await send(as, kind, mode, body, headers);
  assert.equal(r.status, 202, r.text);
  assert.equal(r.headers.location, `/v1/imports/${r.json.id}`);
  assert.equal(r.json.mode, mode || "dry_run");
  return ended(as, r.json.id);
}

/* report(as, id) - the rows of the report. */
async function report(as, id, query = "") {
  const r = await as.get(`/v1/imports/${id}/report${query}`, { accept: "application/x-ndjson" });
  assert.equal(r.status, 200, r.text);
  return r.text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}
const counts = ({ rows: { total, created, updated, unchanged, failed } }) => [total, created, updated, unchanged, failed];

test("import_create: clients are created, then unchanged, then updated; a column that is missing stays, an empty cell is null", async () => {
  const [a, b] = [number(), number()];
  const file = `document_type,document_number,name,phone,sales.lines,summary_360.claro_points,external_id\n` +
    `dni,${a},"QUISPE, ROSA",944264648,944264648;+51 912345678,7,X-${a}\ndni,${b},MAMANI JOSÉ,,,,X-${b}\n`;
  assert.deepEqual(counts(await imported(chief, "clients", "valid_only", file)), [2, 2, 0, 0, 0]);
  const again = await imported(chief, "clients", "valid_only", file);
  assert.deepEqual([counts(again), again.state, again.progress], [[2, 0, 0, 2, 0], "done", 1]);
  const found = (await ana.get(`/v1/clients?external_id=X-${a}`)).json.items;
  assert.deepEqual([found.length, found[0].name, found[0].sales.lines, found[0].summary_360.claro_points, found[0].external_id],
    [1, "QUISPE, ROSA", ["944264648", "912345678"], 7, `X-${a}`]);
  assert.deepEqual(counts(await imported(chief, "clients", "valid_only",
    `document_number;document_type;name;summary_360.claro_points\r\n${a};dni;QUISPE ROSA;\r\n${b};dni;MAMANI JOSÉ;\r\n`)), [2, 0, 1, 1, 0]);
  const [changed] = (await ana.get(`/v1/clients?document_number=${a}`)).json.items;
  assert.deepEqual([changed.name, changed.phone, changed.summary_360.claro_points, changed.external_id], ["QUISPE ROSA", "944264648", null, `X-${a}`]);
  const log = (await boss.get(`/v1/clients/${changed.id}/audit`)).json.items;
  assert.deepEqual(log.map((e) => [e.operation, e.action, e.advisor.username]), [["import_create", "update", "E8000002"], ["import_create", "insert", "E8000002"]]);
});

test("import_create: what a spreadsheet defused is taken back; NDJSON says the same", async () => {
  const [a, b] = [number(), number()];
  assert.deepEqual(counts(await imported(chief, "clients", "valid_only",
    `\ufeffdocument_type,document_number,name,phone,summary_360.observed,faults\r\n\r\ndni,${a},'=1+1,'+51 944264648,VERDADERO,old\r\n,,,,,\r\n`)), [1, 1, 0, 0, 0]);
  const [one] = (await ana.get(`/v1/clients?document_number=${a}`)).json.items;
  assert.deepEqual([one.name, one.phone, one.summary_360.observed], ["=1+1", "944264648", true]);
  const lines = [{ document_type: "dni", document_number: a, name: "=1+1", phone: "944264648" }, { document_type: "dni", document_number: b, name: "B", sales: null }];
  assert.deepEqual(counts(await imported(chief, "clients", "valid_only", lines.map((l) => JSON.stringify(l)).join("\n"), ndjson)), [2, 1, 0, 1, 0]);
});

test("import_create: a file that cannot be read is refused as a whole, with what is allowed", async () => {
  const head = "document_type,document_number,name\n";
  for (const [body, code, words] of [
    ["", "column_missing", /document_type/], ["document_number,name\n1,2\n", "column_missing", /document_type/],
    [head.replace("name", "name,apodo"), "column_unknown", /apodo.*summary_360\.observed/], [head.replace("name", "name,name"), "column_repeated", /name/],
    [Buffer.concat([Buffer.from(head + "dni,1,A\ndni,2,PE"), Buffer.from([0xd1]), Buffer.from("A\n")]), "file_not_utf8", /3.*name/],
    [head + "dni,1,A\u0000\n", "file_nul", /2/], [head + "dni,1,\"A\ndni,2,B\n", "quote_open", /2/], [head + "dni,1," + "A".repeat(70000), "line_too_long", /2/],
  ]) {
    const r = await send(chief, "clients", "valid_only", body);
    assert.equal(r.status, 422, r.text);
    assert.equal(r.json.errors[0].code, code, r.text);
    assert.match(r.json.errors[0].detail, words);
  }
  const r = await chief.request("POST", "/v1/imports?kind=clients", Buffer.from("x"), { ...csv, "accept-language": "es" });
  assert.match(r.json.errors[0].detail, /columnas/);
  assert.equal((await send(chief, "clients", "", "{}", { "content-type": "application/json" })).status, 415);
  assert.equal((await send(chief, "advisors", "", head)).status, 422);
});

test("import_report: every fault of a row with its legal values; the failed rows come back as they were sent, and can be sent again", async () => {
  const [a, b, c] = [number(), number(), number()];
  const taken = (await ana.post("/v1/clients", lib.newClient({ external_id: `T-${a}` }))).json;
  const header = "document_type,document_number,name,phone,birth_date,external_id";
  const rows = [`dni,${a},BUENO,,,`, `dni,12,MALO,1234,2999-01-01,`, `xx,${b},MALO,,,`, `dni,${a},OTRO,,,`, `dni,${a},BUENO,,,`, `dni,${c},CORTO`, `dni,${b},"UNO, DOS",,,T-${a}`];
  const done = await imported(chief, "clients", "valid_only", `${header}\n${rows.join("\n")}\n`);
  assert.deepEqual(counts(done), [7, 1, 0, 1, 5]);
  const lines = await report(chief, done.id);
  assert.deepEqual(lines.map((l) => [l.line, l.key, l.outcome, l.faults.map((f) => `${f.field || ""} ${f.code}`)]), [
    [2, `dni ${a}`, "created", []],
    [3, "dni 12", "failed", ["phone pattern", "document_number document_number", "birth_date birth_date_future"]],
    [4, `xx ${b}`, "failed", ["document_type choice_unknown"]],
    [5, `dni ${a}`, "failed", ["document_number row_repeated"]],
    [6, `dni ${a}`, "unchanged", []],
    [7, `dni ${c}`, "failed", [" cells_count"]],
    [8, `T-${a}`, "failed", ["external_id external_id_elsewhere"]].map((x, i) => (i === 1 ? `dni ${b}` : x)),
  ]);
  assert.deepEqual(lines[2].faults[0].allowed, ["dni", "ce", "ruc", "pasaporte"]);
  const failed = (await chief.get(`/v1/imports/${done.id}/report?outcome=failed`, { accept: "text/csv" })).text.trimEnd().split("\n");
  assert.equal(failed[0], `faults,${header}`);
  assert.equal(failed.length, 6);
  assert.ok(failed[5].endsWith(`,dni,${b},"UNO, DOS",,,T-${a}`), failed[5]);
  const mended = [failed[0], failed[5].replace(`T-${a}`, `T-${b}`)].join("\n");
  assert.deepEqual(counts(await imported(chief, "clients", "valid_only", mended)), [1, 1, 0, 0, 0]);
  assert.equal(taken.external_id, `T-${a}`);
});

test("import_report: failed rows behind thousands of good ones are all shown, and a report without rows is empty", async () => {
  const rows = 6000, base = numbers + 1;
  numbers += rows;
  const good = Array.from({ length: rows }, (_, i) => `dni,${base + i},CLIENTE`);
  const done = await imported(chief, "clients", "dry_run", `document_type,document_number,name\n${good.join("\n")}\ndni,12,MALO\n`);
  assert.deepEqual(counts(done), [rows + 1, rows, 0, 0, 1]);
  assert.ok(Number(world.database.sql(`select count(*) from import_batch where import_id = ${done.id}`)) > 1);
  assert.deepEqual((await report(chief, done.id, "?outcome=failed")).map((l) => [l.line, l.key, l.outcome]), [[rows + 2, "dni 12", "failed"]]);
  assert.deepEqual(await report(chief, done.id, "?outcome=updated"), []);
});

test("import_report: a repetition has the same faults in the block of its first line and in a later block", async () => {
  const [a, rows] = [number(), 1500], base = numbers + 1;
  numbers += rows;
  const good = Array.from({ length: rows }, (_, i) => `dni,${base + i},CLIENTE,`);
  const file = ["document_type,document_number,name,external_id", `dni,${a},ANA,F-${a}`, `dni,${a},EVA,G-${a}`, `dni,${a},ANA,F-${a}`, ...good,
    `dni,${a},EVA,H-${a}`, `dni,${a},ANA,F-${a}`, ""].join("\n");
  for (const mode of ["dry_run", "valid_only"]) {
    const done = await imported(chief, "clients", mode, file);
    assert.deepEqual(counts(done), [rows + 5, rows + 1, 0, 2, 2]);
    const failed = await report(chief, done.id, "?outcome=failed");
    assert.deepEqual(failed.map((l) => [l.line, l.faults.map((f) => f.field)]), [[3, ["document_number"]], [rows + 5, ["document_number"]]]);
  }
});

test("import_create: the three modes judge the same random rows alike, and store what they say", async () => {
  let seed = 7;
  const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };
  const known = await Promise.all([0, 1, 2, 3].map(async (i) => (await ana.post("/v1/clients", lib.newClient(i % 2 ? { external_id: `K-${number()}` } : {}))).json));
  const documents = [...known.map((c) => c.document_number), ...Array.from({ length: 40 }, number), "1", "x"];
  const ids = [...known.map((c) => c.external_id).filter(Boolean), ...Array.from({ length: 30 }, (_, i) => `R-${numbers}-${i}`), "", "", ""];
  const rows = Array.from({ length: 300 }, () => [["dni", "dni", "dni", "dni", "dni", "ce", "zz"][random(7)], documents[random(documents.length)],
    ["A", "B", ""][random(3)], ["", "944264648", "1"][random(3)], ids[random(ids.length)]].join(","));
  const file = `document_type,document_number,name,phone,external_id\n${rows.join("\n")}\n`;
  const before = world.database.sql("select count(*) from client");
  const rehearsed = await imported(chief, "clients", "dry_run", file);
  const atomic = await imported(chief, "clients", "atomic", file);
  assert.deepEqual([atomic.state, atomic.reason], ["failed", "rows_failed"]);
  assert.equal(world.database.sql("select count(*) from client"), before);
  const stored = await imported(chief, "clients", "valid_only", file);
  const [one, two, three] = await Promise.all([rehearsed, atomic, stored].map((i) => report(chief, i.id)));
  assert.deepEqual(two, one);
  assert.deepEqual(three, one);
  assert.equal(Number(world.database.sql("select count(*) from client")), Number(before) + stored.rows.created);
  assert.ok(stored.rows.created > 5 && stored.rows.failed > 50, JSON.stringify(stored.rows));
  const again = await imported(chief, "clients", "valid_only", file);
  assert.deepEqual([again.rows.created, again.rows.updated, again.rows.unchanged], [0, 0, stored.rows.created + stored.rows.updated + stored.rows.unchanged]);
  const good = rows.filter((_, i) => one[i].outcome !== "failed");
  const whole = await imported(chief, "clients", "atomic", `document_type,document_number,name,phone,external_id\n${good.join("\n")}\ndni,${number()},C,,\n`);
  assert.deepEqual([whole.state, whole.rows.created, whole.rows.failed], ["done", 1, 0]);
});

test("import_create: opportunities of the old application, by their ids, with advisors who left", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json, id = 100 + Math.floor(Math.random() * 800000);
  const header = "id,document_type,document_number,campaign,stage,created_at,advisor_name,diagnosis.reason,actions,competitor_offer.phone_to_manage,closure.advertising_acceptance";
  const row = (n, more = {}) => Object.values({ id: n, type: "dni", number: client.document_number, campaign: "retencion-movil-preventiva-postpago", stage: "retenido",
    at: "2025-05-03", advisor: "HERMOZA HILDA ANTONIA", reason: "", actions: "", phone: "", acceptance: "", ...more }).join(",");
  const file = [header, row(id), row(id + 1, { advisor: "e8153375", stage: "en-proceso", at: "2025-05-04T10:00:00Z", reason: lib.reason,
    actions: "bono-gb.bono-4-gb-por-12-meses=atendido", phone: "987654321", acceptance: "acepto" }),
  row(id + 2, { number: "00000001" }), row(id + 3, { advisor: "E9999999" }), row(id + 4, { campaign: "nada" }), row(1000000), row(id + 5, { at: "ayer" }), row(id + 6, { at: "2999-01-01" })].join("\n");
  for (const mode of ["dry_run", "valid_only"]) assert.deepEqual(counts(await imported(crm, "opportunities", mode, file)), [8, 2, 0, 0, 6]);
  assert.deepEqual(counts(await imported(crm, "opportunities", "valid_only", file)), [8, 0, 0, 2, 6]);
  const one = (await ana.get(`/v1/opportunities/${id}`)).json, two = (await ana.get(`/v1/opportunities/${id + 1}`)).json;
  assert.deepEqual([one.contact_id, one.created_at, one.advisor.username, one.advisor.full_name, one.closure.closed_at, one.stage.code],
    [null, "2025-05-03T05:00:00.000000Z", null, "HERMOZA HILDA ANTONIA", "2025-05-03T05:00:00.000000Z", "retenido"]);
  assert.deepEqual([two.advisor.username, two.actions[0].final_state.code, two.diagnosis.reason.code, two.closure.advertising_acceptance.code, two.closure.closed_at],
    ["E8153375", "atendido", lib.reason, "acepto", null]);
  assert.equal((await ana.get(`/v1/clients/${client.id}`)).json.advertising.acceptance.code, "acepto");
  const differs = await imported(crm, "opportunities", "valid_only", [header, row(id, { stage: "no-retenido" })].join("\n"));
  assert.deepEqual((await report(crm, differs.id))[0].faults.map((f) => f.code), ["opportunity_differs"]);
});

test("import_list, import_get, import_cancel, import_report: administrators see all imports, an integration its own", async () => {
  const file = `document_type,document_number,name\ndni,${number()},A\n`;
  const own = await imported(crm, "clients", "dry_run", file), other = await imported(chief, "clients", "dry_run", file);
  assert.deepEqual((await crm.get("/v1/imports")).json.items.map((i) => i.advisor.username).filter((u) => u !== "E7000001"), []);
  assert.ok((await chief.get("/v1/imports?limit=100")).json.items.some((i) => i.id === own.id));
  assert.equal((await chief.get(`/v1/imports/${own.id}`)).status, 200);
  for (const [method, where] of [["GET", ""], ["DELETE", ""], ["GET", "/report"]])
    assert.equal((await crm.request(method, `/v1/imports/${other.id}${where}`)).status, 404);
  assert.equal((await crm.delete(`/v1/imports/${own.id}`)).json.code, "import_finished");
  for (const as of [ana, boss, blind]) assert.equal((await send(as, "clients", "dry_run", file)).json.code, "role_forbidden");
});

test("import_cancel: nothing more is stored", async () => {
  const hold = await holder();
  try {
    const r = await send(chief, "clients", "valid_only", `document_type,document_number,name\ndni,${number()},A\n`);
    assert.equal(r.status, 202, r.text);
    assert.equal((await chief.delete(`/v1/imports/${r.json.id}`)).status, 204);
    await hold.release();
    const { state, rows } = await ended(chief, r.json.id);
    assert.deepEqual([state, rows.created], ["cancelled", 0]);
  } finally {
    await hold.release();
  }
});

/* holder() - a session that holds both places of the work, so that imports wait. */
async function holder() {
  const { spawn } = require("node:child_process");
  const child = spawn("psql", ["-Xqtd", world.database.owner], { stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.write("select pg_advisory_lock(hashtextextended(l, 0)), 'held' from unnest(array['gestor.import', 'gestor.import.second']) l;\n");
  await new Promise((resolve) => child.stdout.on("data", (d) => /held/.test(d) && resolve()));
  const gone = new Promise((resolve) => child.on("close", resolve));
  return { release: () => { child.stdin.end(); return gone; } };
}

test("import_create: an Idempotency-Key gets the first answer for the same file, and 422 for another", async () => {
  const file = `document_type,document_number,name\ndni,${number()},A\n`, key = { ...csv, "idempotency-key": `k-${number()}` };
  const first = await send(crm, "clients", "valid_only", file, key), again = await send(crm, "clients", "valid_only", file, key);
  assert.deepEqual([first.status, again.status, again.headers["idempotent-replayed"], again.text], [202, 202, "true", first.text]);
  assert.equal((await send(crm, "clients", "valid_only", `${file}dni,${number()},B\n`, key)).json.code, "idempotency_key_reused");
  assert.equal((await send(crm, "clients", "dry_run", file, key)).json.code, "idempotency_key_reused");
  await ended(crm, first.json.id);
});

test("import_create: a client that breaks off leaves a failed import, and one that is too slow gets 408", { timeout: 120000 }, async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_REQUEST_TIMEOUT_MS: "1000", GESTOR_IMPORT_MAX_BYTES: "100000" } });
  const begin = (length) => {
    const socket = net.connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`POST /v1/imports?kind=clients HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${chief.token}\r\nContent-Type: text/csv\r\nContent-Length: ${length}\r\n\r\n` +
      `document_type,document_number,name\n${Array.from({ length: 1000 }, () => `dni,${number()},CLIENTE\n`).join("")}`);
    return socket;
  };
  const last = world.database.sql("select max(id) from import");
  const broken = begin(90000);
  await until(async () => Number(world.database.sql(`select count(*) from import where (state = 'receiving' or reason = 'upload_broken') and id > ${last}`)) === 1);
  broken.destroy();
  await until(async () => Number(world.database.sql(`select count(*) from import where reason = 'upload_broken' and id > ${last}`)) === 1);
  await until(async () => Number(world.database.sql("select count(*) from import_row r join import i on i.id = r.import_id where i.reason = 'upload_broken'")) === 0);
  const slow = begin(90000);
  const answer = await new Promise((resolve) => slow.on("data", (d) => resolve(String(d))));
  assert.match(answer, /^HTTP\/1\.1 408 /);
  slow.destroy();
  assert.match(await new Promise((resolve) => begin(200000).on("data", (d) => resolve(String(d)))), /^HTTP\/1\.1 413 /);
  await server.stop();
});

test(`import_create: ${lib.counted(100000)} clients, in flat memory, while requests are answered; the same file again creates none`, { timeout: 600000 }, async (t) => {
  const rows = lib.many(100000), base = numbers + 1;
  numbers += rows;
  const resident = () => Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${world.server.child.pid}/status`, "utf8"))[1]);
  const file = `document_type,document_number,name,phone,sales.lines,external_id\n${Array.from({ length: rows }, (_, i) =>
    `dni,${base + i},CLIENTE ${i},9${String(base + i).padStart(8, "0")},9${String(base + i).padStart(8, "0")};912345678,B-${base + i}`).join("\n")}\n`;
  const begun = Date.now(), r = await send(chief, "clients", "valid_only", file), received = Date.now();
  assert.equal(r.status, 202, r.text);
  const slow = [];
  for (;;) {
    const at = performance.now(), { json } = await chief.get(`/v1/imports/${r.json.id}`);
    slow.push(performance.now() - at);
    if (json.state === "done") { assert.deepEqual(counts(json), [rows, rows, 0, 0, 0]); break; }
    assert.ok(["queued", "running"].includes(json.state), json.state);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  slow.sort((a, b) => a - b);
  t.diagnostic(`received in ${received - begun} ms, ${Math.round(rows / (Date.now() - received) * 1000)} rows a second after that; a request took ${slow[Math.floor(slow.length * 0.99)].toFixed(1)} ms (p99); resident ${resident()} KB`);
  assert.ok(resident() < 100 * 1024, `${resident()} KB`);
  const again = await imported(chief, "clients", "valid_only", file);
  assert.deepEqual(counts(again), [rows, 0, 0, rows, 0]);
});

test("import_create: whether a file repeats anything, and whether the desk knows one in the middle, changes no outcome", async () => {
  const head = "document_type,document_number,name,external_id";
  const repeats = (id) => world.database.sql(`select repeats from import where id = ${id}`);
  const rows = (n, change = () => undefined) => [head, ...Array.from({ length: n }, (_, i) => change(i) ?? `dni,${number()},CLIENTE,${`R-${numbers}`}`)].join("\n");
  const known = number();
  assert.equal((await ana.post("/v1/clients", { ...lib.newClient(), document_type: "dni", document_number: known, name: "YA" })).status, 201);
  for (const mode of ["dry_run", "atomic", "valid_only"]) {
    const fresh = await imported(chief, "clients", mode, rows(30));
    assert.deepEqual(counts(fresh), [30, 30, 0, 0, 0], mode);
    assert.equal(repeats(fresh.id), "f");
    // A faulty row that says the same repeats nothing.
    const twin = number(), faulty = await imported(chief, "clients", "dry_run", rows(30, (i) => (i === 3 ? `dni,${twin},CLIENTE,` : i === 20 ? `dni,${twin},,` : undefined)));
    assert.deepEqual([counts(faulty), repeats(faulty.id)], [[30, 29, 0, 0, 1], "f"]);
    for (const again of [`dni,${number()},CLIENTE,`, `dni,${number()},CLIENTE,K-${numbers}`]) {
      const other = again.endsWith(",") ? again : again.replace(String(numbers), number());
      const twice = await imported(chief, "clients", "dry_run", rows(30, (i) => (i === 3 ? again : i === 20 ? other : undefined)));
      assert.deepEqual([counts(twice), repeats(twice.id)], [again === other ? [30, 29, 0, 1, 0] : [30, 29, 0, 0, 1], "t"], again);
    }
    // The block is stored as if all its clients were new, which fails; that is noted for the blocks after it, also where the block was rolled back.
    const middle = await imported(chief, "clients", mode, rows(30, (i) => (i === 15 ? `dni,${known},YA,` : undefined)));
    assert.deepEqual([counts(middle)[1], repeats(middle.id)], [29, "t"], `${mode}: all but the one that is known`);
  }
});

test("import_create: a service killed in the middle is continued by another, and each row is stored once", { timeout: 300000 }, async () => {
  const rows = 6000, base = numbers + 1;
  numbers += rows;
  const file = `document_type,document_number,name,external_id\n${Array.from({ length: rows }, (_, i) => `dni,${base + i},CLIENTE ${i},P-${base + i}`).join("\n")}\n`;
  const first = await lib.startServer(world.database.serve);
  const r = await send(lib.caller(first.base, chief.token), "clients", "valid_only", file);
  assert.equal(r.status, 202, r.text);
  await until(async () => Number(world.database.sql(`select done_line from import where id = ${r.json.id}`)) > 0);
  first.child.kill("SIGKILL");
  const done = await ended(chief, r.json.id);
  assert.deepEqual(counts(done), [rows, rows, 0, 0, 0]);
  assert.equal(Number(world.database.sql(`select count(*) from client where external_id like 'P-%'`)), rows);
});

test("import_create: a block that waits for another transaction holds back no other; its gap is judged after its process was killed", { timeout: 300000 }, async () => {
  const rows = 5000, base = numbers + 1, prefix = `G${base}-`;
  numbers += rows;
  const file = `document_type,document_number,name,external_id\n${Array.from({ length: rows }, (_, i) => `dni,${base + i},CLIENTE ${i},${prefix}${i}`).join("\n")}\n`;
  // Another transaction registers the client of the second block.
  const { spawn } = require("node:child_process");
  const other = spawn("psql", ["-Xqtd", world.database.owner], { stdio: ["pipe", "pipe", "ignore"] });
  const gone = new Promise((resolve) => other.on("close", resolve));
  other.stdin.write(`begin; insert into client (document_type_id, document_type, document_number, name)
    select id, choice, '${base + 1500}', 'OTRO' from catalog_item where catalog_id = 12 and code = 'dni' returning 'held';\n`);
  await new Promise((resolve) => other.stdout.on("data", (d) => /held/.test(d) && resolve()));
  const first = await lib.startServer(world.database.serve);
  const r = await send(lib.caller(first.base, chief.token), "clients", "valid_only", file);
  assert.equal(r.status, 202, r.text);
  const state = () => world.database.sql(`select created, done_line from import where id = ${r.json.id}`);
  // All others are stored; up to the gap there are lines 2 to 999.
  await until(async () => state() === "4000|999");
  first.child.kill("SIGKILL");
  other.stdin.end("rollback;\n");
  await gone;
  assert.deepEqual(counts(await ended(chief, r.json.id)), [rows, rows, 0, 0, 0]);
  assert.equal(world.database.sql(`select count(*) from client where external_id like '${prefix}%'`), String(rows));
  const lines = (await report(chief, r.json.id)).map((row) => row.line);
  assert.deepEqual(lines, Array.from({ length: rows }, (_, i) => i + 2));
});

test("gestor import: a file from the command line, with exit codes, faults and reports", () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "import-"));
  const run = (...args) => spawnSync(lib.gestor, ["import", ...args], { env: { PATH: process.env.PATH, DATABASE_URL: world.database.owner }, encoding: "utf8" });
  const file = path.join(dir, "a.csv"), a = number();
  fs.writeFileSync(file, `document_type,document_number,name\ndni,${a},A\ndni,1,B\n`);
  let r = run("clients", file);
  assert.deepEqual([r.status, /2 rows: 1 created, 0 updated, 0 unchanged, 1 failed \(a dry run/.test(r.stdout), /line 3: document_number/.test(r.stdout)], [1, true, true], r.stdout + r.stderr);
  r = run("clients", "--mode", "valid_only", "--failed", path.join(dir, "f.csv"), file);
  assert.equal(r.status, 1, r.stderr);
  assert.match(fs.readFileSync(path.join(dir, "f.csv"), "utf8"), /^faults,document_type,document_number,name\n.*,dni,1,B\n$/);
  fs.writeFileSync(file, `document_type,document_number,name\ndni,${a},A\n`);
  r = run("clients", "--mode", "atomic", file);
  assert.deepEqual([r.status, /0 created, 0 updated, 1 unchanged/.test(r.stdout)], [0, true], r.stdout + r.stderr);
  fs.writeFileSync(file, "nombre\n");
  assert.equal(run("clients", file).status, 1);
  assert.equal(run("clients", "--mode", "all", file).status, 2);
});
