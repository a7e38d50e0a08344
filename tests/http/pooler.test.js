/*
 * PgBouncer between the service and PostgreSQL: session mode works; in another mode the service reports it and exits.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const lib = require("./lib.js");
const { until, pause } = require("./writes.js");

let world, dir;
const bouncers = [];
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000" } });
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "gestor-pooler-"));
  fs.chmodSync(dir, 0o755);
});
after(async () => {
  for (const b of bouncers) b.stop();
  await world.end();
  fs.rmSync(dir, { recursive: true });
});

const listens = (port) => new Promise((resolve) => {
  const s = net.connect(port, "127.0.0.1");
  s.on("connect", () => { s.destroy(); resolve(true); });
  s.on("error", () => resolve(false));
});

/* bouncer(mode, port) - starts PgBouncer in front of the tests' cluster, and returns the URL of the world's database through it. */
async function bouncer(mode, settings = "", port = 0) {
  const url = new URL(world.database.serve);
  port = port || await lib.freePort();
  const file = path.join(dir, `${mode}-${port}`);
  fs.writeFileSync(`${file}.txt`, `"${url.username}" "${decodeURIComponent(url.password)}"\n`, { mode: 0o644 });
  fs.writeFileSync(`${file}.ini`, `[databases]\n* = host=${url.hostname} port=${url.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\n` +
    `auth_type = trust\nauth_file = ${file}.txt\nunix_socket_dir =\npool_mode = ${mode}\ndefault_pool_size = 20\n${settings}\n`, { mode: 0o644 });
  /* PgBouncer refuses to run as root. */
  const child = spawn("pgbouncer", [...(process.getuid() === 0 ? ["-u", "nobody"] : []), `${file}.ini`], { stdio: ["ignore", "ignore", "pipe"], env: { PATH: `${process.env.PATH}:/usr/sbin` } });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (t) => { log += t; });
  const b = { stop: () => child.kill("SIGKILL"), log: () => log };
  bouncers.push(b);
  await until(`pgbouncer listens: ${log}`, () => listens(port));
  url.hostname = "127.0.0.1";
  url.port = port;
  return { ...b, url: url.href };
}

/* ended(url) - starts a server on that database and waits until it exits by itself: {code, log}. */
async function ended(url, meanwhile = async () => {}) {
  const port = await lib.freePort();
  const child = spawn(lib.gestor, ["serve"], { stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS || "", DATABASE_URL: url, GESTOR_JWT_SECRET: lib.serverKey, GESTOR_LISTEN: `127.0.0.1:${port}`, GESTOR_THREADS: "16" } });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (t) => { log += t; });
  const limit = setTimeout(() => child.kill("SIGKILL"), 20000);
  const over = new Promise((resolve) => child.on("close", (code, signal) => { clearTimeout(limit); resolve({ code, signal, log }); }));
  await meanwhile(port);
  return over;
}
const isRefusal = (r) => {
  assert.equal(r.code, 1, `${r.signal} ${r.log}`);
  assert.match(r.log, /^gestor: DATABASE_URL leads to a pooler that assigns sessions per transaction or statement .*pool_mode = session/m);
  assert.match(r.log, /"level":"error","msg":"database: DATABASE_URL leads to a pooler/);
};

test("serve: behind PgBouncer in transaction or statement mode the start fails with status 1, and the message says what to use", async () => {
  for (const mode of ["transaction", "statement"])
    for (const settings of ["", "server_round_robin = 1", "server_reset_query_always = 1", "default_pool_size = 1"]) {
      const b = await bouncer(mode, settings);
      isRefusal(await ended(b.url));
      b.stop();
    }
});

test("serve: the wrong mode is detected too while other clients use the pooler's sessions, and if the pooler starts after the service", async () => {
  const b = await bouncer("transaction");
  const clients = Array.from({ length: 2 }, () => spawn("psql", ["-Xqd", b.url], { stdio: ["pipe", "ignore", "ignore"] }));
  for (const c of clients) {
    c.stdin.on("error", () => {});
    c.stdin.write("begin; select pg_sleep(0.003); commit;\n".repeat(3000));
  }
  await pause(200);
  for (let i = 0; i < 3; i++) isRefusal(await ended(b.url));
  for (const c of clients) c.kill("SIGKILL");
  b.stop();

  const port = await lib.freePort(), url = new URL(b.url);
  url.port = port;
  isRefusal(await ended(url.href, async (http) => {
    await until("alive", async () => (await lib.exchange(`http://127.0.0.1:${http}`, "GET", "/livez", {}).catch(() => ({}))).status === 200);
    assert.equal((await lib.exchange(`http://127.0.0.1:${http}`, "GET", "/readyz", {})).status, 503);
    await bouncer("transaction", "", port);
  }));
});

test("serve: through PgBouncer in session mode everything works, and sign-outs are notified in both directions", async () => {
  for (const settings of ["", "server_reset_query ="]) {
    const b = await bouncer("session", settings);
    const server = await lib.startServer(b.url, { env: { GESTOR_CHECK_MS: "600000" } });
    const signIn = async (base) => (await lib.caller(base).post("/v1/sessions", { username: "E8153375", password: lib.password })).json.access_token;
    for (const [from, to] of [[world.base, server.base], [server.base, world.base]]) {
      const token = await signIn(from);
      assert.equal((await lib.caller(to, token).get("/v1/clients?phone=944264648")).status, 200);
      assert.equal((await lib.caller(from, token).delete("/v1/sessions/current")).status, 204);
      await until("notified", async () => (await lib.caller(to, token).get("/v1/catalogs")).status === 401, process.env.TEST_PLANNER ? 5000 : 1000);
    }
    const ana = lib.caller(server.base, await signIn(server.base));
    const all = await Promise.all(Array.from({ length: 40 }, () => ana.post("/v1/clients", lib.newClient())));
    assert.deepEqual([...new Set(all.map((r) => r.status))], [201]);
    assert.equal((await server.stop()).code, 0);
    b.stop();
  }
});
