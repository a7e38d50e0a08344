"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const net = require("node:net");
const lib = require("./lib.js");

let world;
// Periodic work would be counted too, so GESTOR_CHECK_MS makes it rare.
before(async () => { world = await lib.world({ env: { GESTOR_POOL_SIZE: "2", GESTOR_CHECK_MS: "600000", GESTOR_QUERY_TIMEOUT_MS: "120000", GESTOR_POOL_WAIT_MS: "60000" } }); });
after(() => world.end());

/* scrape(as) - the samples of /metrics, in order of appearance. */
async function scrape(as = world.anyone) {
  const r = await as.get("/metrics");
  assert.equal(r.status, 200);
  const values = new Map();
  for (const line of r.text.split("\n").filter((l) => l && !l.startsWith("#"))) {
    const [, key, value] = /^(\S+) (\S+)$/.exec(line);
    assert.ok(!values.has(key), `twice: ${key}`);
    values.set(key, Number(value));
  }
  return { r, get: (key) => values.get(key) || 0, has: (key) => values.has(key), keys: [...values.keys()] };
}
const requests = (operation, status) => `gestor_http_requests_total{operation="${operation}",status="${status}"}`;

test("metrics: promtool accepts the text, and the media type is Prometheus's", async () => {
  const ana = await world.signedIn("E8153375");
  await ana.get("/v1/catalogs");
  await world.anyone.get("/nowhere");
  const { r } = await scrape();
  assert.equal(r.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const check = spawnSync("promtool", ["check", "metrics"], { input: r.text, encoding: "utf8" });
  assert.deepEqual({ status: check.status, out: check.stdout, err: check.stderr }, { status: 0, out: "", err: "" });
  // promtool does find faults: a counter without a help text.
  assert.notEqual(spawnSync("promtool", ["check", "metrics"], { input: "# TYPE x counter\nx 1\n" }).status, 0);
});

test("metrics: counts the requests of each operation and status, and the histogram agrees", async () => {
  const ana = await world.signedIn("E8153375");
  const was = await scrape();
  const sent = [
    [7, "catalog_get", 200, () => ana.get("/v1/catalogs/stage")],
    [3, "catalog_get", 404, () => ana.get("/v1/catalogs/none-such")],
    [2, "catalog_get", 401, () => world.anyone.get("/v1/catalogs/stage")],
    [5, "client_search", 200, () => ana.get("/v1/clients?phone=999999999")],
    [4, "client_search", 400, () => ana.get("/v1/clients?phone=999999999&nope=1")],
    [6, "client_create", 422, () => ana.post("/v1/clients", {})],
    [3, "none", 404, () => ana.get("/v1/987654321/secret-path")],
    [2, "none", 405, () => ana.delete("/v1/catalogs")],
    [1, "none", 501, () => lib.raw(world.port, "BREW /livez HTTP/1.1\r\nHost: a\r\n\r\n", { quiet: 300 })],
    [2, "none", 400, () => lib.raw(world.port, "nonsense\r\n\r\n", { quiet: 300 })],
    [1, "livez", 200, () => ana.request("HEAD", "/livez")],
  ];
  for (const [n, , , send] of sent) await Promise.all(Array.from({ length: n }, send));
  const is = await scrape();
  for (const [n, operation, status] of sent)
    assert.equal(is.get(requests(operation, status)) - was.get(requests(operation, status)), n, `${operation} ${status}`);
  for (const operation of new Set(sent.map((s) => s[1]))) {
    const count = (s, key) => s.get(`gestor_http_request_duration_seconds_${key}`);
    const n = sent.filter((s) => s[1] === operation).reduce((sum, s) => sum + s[0], 0);
    for (const key of [`count{operation="${operation}"}`, `bucket{operation="${operation}",le="+Inf"}`])
      assert.equal(count(is, key) - count(was, key), n, `${operation} ${key}`);
    assert.ok(count(is, `sum{operation="${operation}"}`) > count(was, `sum{operation="${operation}"}`));
  }
  const buckets = is.keys.filter((k) => k.startsWith('gestor_http_request_duration_seconds_bucket{operation="catalog_get"')).map(is.get);
  assert.equal(buckets.length, 15);
  assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b));
  // Besides these requests only the scrape was counted.
  const total = (s) => s.keys.filter((k) => k.startsWith("gestor_http_requests_total")).reduce((sum, k) => sum + s.get(k), 0);
  assert.equal(total(is) - total(was), sent.reduce((sum, s) => sum + s[0], 0) + 1);
  // A request counts as in flight for a moment after its answer.
  let at = is.get("gestor_http_requests_in_flight");
  for (let i = 0; i < 100 && at !== 1; i++) at = (await scrape()).get("gestor_http_requests_in_flight");
  assert.equal(at, 1);
  assert.ok(!/987654321|999999999|secret-path|none-such|E8153375/.test(is.r.text));
});

test("metrics: counts sign-ins by outcome", async () => {
  const was = await scrape();
  const attempt = (username, password, query = "") => world.anyone.post(`/v1/sessions${query}`, { username, password });
  assert.equal((await attempt("E8153375", lib.password)).status, 201);
  assert.equal((await attempt("E8153375", lib.password)).status, 201);
  assert.equal((await attempt("E8153375", lib.password, "?validate_only=true")).status, 200);
  assert.equal((await world.anyone.post("/v1/sessions", {})).status, 422);
  let wrong = 0, throttled = 0;
  while (throttled === 0 && wrong < 60) {
    const { status } = await attempt("E8999999", "no-es-la-clave");
    assert.ok(status === 401 || status === 429, String(status));
    if (status === 401) wrong++; else throttled++;
  }
  const is = await scrape();
  const grown = (outcome) => is.get(`gestor_sign_ins_total{outcome="${outcome}"}`) - was.get(`gestor_sign_ins_total{outcome="${outcome}"}`);
  assert.deepEqual(Object.fromEntries(["ok", "rehearsed", "wrong", "throttled", "unavailable", "malformed", "other"].map((o) => [o, grown(o)])),
    { ok: 2, rehearsed: 1, wrong, throttled: 1, unavailable: 0, malformed: 1, other: 0 });
  assert.ok(wrong > 0);
});

test("metrics: connections and waits of the pool, and database errors by class", async () => {
  const ana = await world.signedIn("E8153375");
  const body = lib.newClient();
  const created = await ana.post("/v1/clients", body);
  assert.equal(created.status, 201);
  const id = created.json.id;
  // Wait until the records of all reads so far are stored, because that write uses a connection too, and until housekeeping uses none.
  const last = (await ana.get(`/v1/clients/${id}`)).headers["x-request-id"];
  for (const end = Date.now() + 30000; world.database.sql(`select count(*) from audit_read where request_id = '${last}'`) === "0";) {
    assert.ok(Date.now() < end, "the read record is not stored");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  let was = await scrape();
  for (const end = Date.now() + 30000; Date.now() < end && was.get("gestor_database_pool_in_use") !== 0; was = await scrape())
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(was.get("gestor_database_pool_size"), 2);
  assert.equal(was.get("gestor_database_pool_open"), 2);
  assert.equal(was.get("gestor_database_pool_in_use"), 0);
  assert.equal((await ana.post("/v1/clients", body)).status, 409);

  // One connection waits for the locked row, and the other writes wait for that connection: the second one is for reads.
  const lock = require("node:child_process").spawn("psql", ["-XAtq", "-d", world.database.owner], { stdio: ["pipe", "pipe", "inherit"] });
  const held = new Promise((resolve) => lock.stdout.once("data", resolve));
  lock.stdin.write(`begin; select 1 from gestor.client where id = ${id} for update;\n`);
  await held;
  const n = 20, changes = Array.from({ length: n }, () => ana.patch(`/v1/clients/${id}`, { gender: "F" }));
  /* A request counts as in flight for a moment after its answer, so the scrape before may be counted. */
  const values = (s) => ["gestor_database_pool_in_use", "gestor_database_pool_waiting", "gestor_http_requests_in_flight"].map(s.get).join();
  /* Read records are stored twice a second, and may wait for the connection too. */
  const wanted = [`1,${n - 1},${n + 1}`, `1,${n},${n + 1}`];
  let found;
  for (const end = Date.now() + 20000; !wanted.includes(found = values(await scrape()));) {
    assert.ok(Date.now() < end, found);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  lock.stdin.end("commit;\n");
  for (const r of await Promise.all(changes)) assert.equal(r.status, 200, r.text);
  const is = await scrape();
  const grown = (key) => is.get(key) - was.get(key);
  const waits = grown("gestor_database_pool_wait_seconds_count");
  assert.ok(waits >= n - 1 && waits < n + n / 2, String(waits));
  assert.ok(grown("gestor_database_pool_wait_seconds_sum") > 0);
  assert.equal(is.get("gestor_database_pool_waiting"), 0);
  for (const [name, n] of [["constraint", 1], ["busy", 0], ["down", 0], ["timeout", 0], ["unknown", 0], ["conflict", 0], ["refused", 0]])
    assert.equal(grown(`gestor_database_errors_total{class="${name}"}`), n, name);
});

test("metrics: an unreachable database is counted, and /metrics still works", async () => {
  const lost = await lib.startServer(`postgresql://x:y@127.0.0.1:${await lib.freePort()}/x`, { ready: false });
  const anyone = lib.caller(lost.base);
  const was = await scrape(anyone);
  assert.equal((await anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).status, 503);
  const is = await scrape(anyone);
  assert.ok(is.get('gestor_database_errors_total{class="down"}') > was.get('gestor_database_errors_total{class="down"}'));
  assert.equal(is.get('gestor_sign_ins_total{outcome="unavailable"}'), 1);
  assert.equal(is.get("gestor_database_pool_open"), 0);
  assert.equal(is.get("gestor_catalog_revision"), 0);
  await lost.stop();
});

test("metrics: catalogue revision, build, log and process values agree with other sources", async () => {
  const before = Date.now();
  const s = await lib.startServer(world.database.serve);
  const is = await scrape(lib.caller(s.base)), again = await scrape(lib.caller(s.base));
  assert.equal(is.get("gestor_catalog_revision"), Number(world.database.sql("select sum(revision) from catalog")));
  assert.match(is.keys[0], /^gestor_build_info\{version="\d+\.\d+\.\d+",commit="[0-9a-z-]+"\}$/);
  assert.equal(is.get("gestor_log_lines_lost_total"), 0);
  const status = require("node:fs").readFileSync(`/proc/${s.child.pid}/status`, "utf8");
  const said = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)[1]);
  assert.equal(is.get("process_threads"), said("Threads"));
  const near = (a, b) => assert.ok(Math.abs(a - b) < b * 0.2, `${a} and ${b}`);
  near(is.get("process_resident_memory_bytes"), said("VmRSS") * 1024);
  near(is.get("process_virtual_memory_bytes"), said("VmSize") * 1024);
  near(is.get("process_open_fds"), require("node:fs").readdirSync(`/proc/${s.child.pid}/fd`).length);
  const started = is.get("process_start_time_seconds") * 1000;
  assert.ok(started > before - 2000 && started < Date.now() + 2000, `${before} ${started}`);
  assert.equal(is.get("process_start_time_seconds"), again.get("process_start_time_seconds"));
  assert.ok(is.get("process_cpu_seconds_total") > 0 && is.get("process_cpu_seconds_total") <= again.get("process_cpu_seconds_total"));
  assert.ok(is.get("process_max_fds") > 0);
  await s.stop();
});

test("metrics: with its own listener, /metrics is served only there, and nothing else is", async () => {
  const port = await lib.freePort();
  const s = await lib.startServer(world.database.serve, { env: { GESTOR_METRICS_LISTEN: `127.0.0.1:${port}` } });
  const [main, own] = [s.port, port];
  /* Raw bytes, because lib.caller would look up these 404 answers in the contract. */
  const status = async (at, method, where) =>
    Number(/^HTTP\/1\.1 (\d+) /.exec((await lib.raw(at, `${method} ${where} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, { quiet: 2000 })).text)[1]);
  assert.equal(await status(own, "GET", "/metrics"), 200);
  for (const where of ["/livez", "/readyz", "/v1/catalogs", "/openapi.json", "/docs"]) assert.equal(await status(own, "GET", where), 404, where);
  assert.equal(await status(own, "POST", "/v1/sessions"), 404);
  for (const where of ["/metrics", "/%6detrics"])
    for (const method of ["GET", "POST", "OPTIONS"]) assert.equal(await status(main, method, where), 404, `${method} ${where}`);
  const absolute = await lib.raw(s.port, `GET http://127.0.0.1:${port}/metrics HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`, { quiet: 500 });
  assert.match(absolute.text, /^HTTP\/1\.1 404 /);
  assert.equal(await status(main, "GET", "/livez"), 200);
  await s.stop();
});

test("serve: refuses a GESTOR_METRICS_LISTEN that is invalid or has GESTOR_LISTEN's port", async () => {
  const port = await lib.freePort();
  for (const listen of ["9464", "127.0.0.1", "localhost:9464", "127.0.0.1:0", `127.0.0.1:${port}`, `127.0.0.2:${port}`, "127.0.0.1:9464,127.0.0.1:9465"]) {
    const r = spawnSync(lib.gestor, ["serve"], { encoding: "utf8", timeout: 20000,
      env: { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS || "", DATABASE_URL: world.database.serve, GESTOR_JWT_SECRET: lib.serverKey, GESTOR_LISTEN: `127.0.0.1:${port}`, GESTOR_METRICS_LISTEN: listen } });
    assert.equal(r.status, 2, listen);
    assert.match(r.stderr, /GESTOR_METRICS_LISTEN must be an IPv4 address and a port/, listen);
  }
});

/* ------------------------------------------------------------- deploy/ */

const fs = require("node:fs");
const path = require("node:path");
const deploy = path.join(lib.root, "deploy");

test("metrics: every alert rule has a passing test that raises it", () => {
  for (const words of [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]) {
    const r = spawnSync("promtool", words, { cwd: deploy, encoding: "utf8" });
    assert.equal(r.status, 0, r.stdout + r.stderr);
  }
  const alerts = fs.readFileSync(path.join(deploy, "alerts.yml"), "utf8").match(/(?<=alert: )\w+/g);
  const raised = fs.readFileSync(path.join(deploy, "alerts_test.yml"), "utf8").match(/(?<=alertname: )\w+(?=\n +exp_alerts:\n)/g);
  assert.deepEqual([...alerts].sort(), [...new Set(raised)].sort());
});

test("metrics: the dashboard is valid, and every metric of dashboard and alerts is served", async () => {
  const dashboard = JSON.parse(fs.readFileSync(path.join(deploy, "grafana.json"), "utf8"));
  assert.equal(typeof dashboard.title, "string");
  assert.equal(new Set(dashboard.panels.map((p) => p.id)).size, dashboard.panels.length);
  const asked = dashboard.panels.flatMap((p) => p.targets.map((t) => t.expr));
  assert.ok(asked.length >= dashboard.panels.length && asked.every((e) => e));
  asked.push(fs.readFileSync(path.join(deploy, "alerts.yml"), "utf8").replace(/#.*/g, ""));
  const names = new Set(asked.flatMap((e) => e.match(/\b(gestor|process)_[a-z_]+\b(?=\{)/g)));
  assert.ok(names.size > 12);
  const { keys } = await scrape();
  const served = new Set(keys.map((k) => k.split("{")[0]));
  // Those of a read replica are served where there is one: replica.test.js.
  for (const name of names) assert.ok(served.has(name) || name.startsWith("gestor_read_replica_"), `${name} is not served`);
  // Prometheus can parse every expression.
  const rules = asked.slice(0, -1).map((e, i) => `      - {record: "panel:${i}", expr: ${JSON.stringify(e.replace(/\$__rate_interval/g, "5m"))}}\n`);
  const file = path.join(fs.mkdtempSync(path.join(require("node:os").tmpdir(), "gestor-rules-")), "rules.yml");
  fs.writeFileSync(file, `groups:\n  - name: panels\n    rules:\n${rules.join("")}`);
  const r = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
  fs.rmSync(path.dirname(file), { recursive: true });
  assert.equal(r.status, 0, r.stdout + r.stderr);
});
