"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const lib = require("./lib.js");

/* Stands in for systemd: receives datagrams on a Unix socket and prints each as a line of JSON. Node.js has no such sockets. */
const receiver = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1))
print(json.dumps("bound"), flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gestor-notify-"));
const receivers = [];
let world;
before(async () => { world = await lib.world(); });
after(async () => {
  for (const r of receivers) r.kill();
  fs.rmSync(folder, { recursive: true });
  await world.end();
});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* listen(name) - collects the received messages: [{at, text}]. */
async function listen(name) {
  const child = spawn("/usr/bin/python3", ["-c", receiver, name], { stdio: ["ignore", "pipe", "inherit"] });
  receivers.push(child);
  const messages = [];
  await new Promise((resolve) => readline.createInterface({ input: child.stdout }).on("line", (line) => {
    const text = JSON.parse(line);
    if (text === "bound") return resolve();
    messages.push({ at: Date.now(), text });
  }));
  return { name, messages, has: (what) => messages.some((m) => m.text.split("\n").includes(what)),
    until: async (what, limit) => {
      for (const began = Date.now(); !messages.some((m) => m.text.split("\n").includes(what)); await pause(10))
        assert.ok(Date.now() - began < limit, `${what}: not within ${limit} ms: ${JSON.stringify(messages)}`);
    } };
}

for (const [kind, name] of [["a file", path.join(folder, "notify")], ["an abstract", `@gestor-test-${process.pid}`]])
  test(`serve: notifies systemd that it is ready, alive and stopping, by a socket with ${kind} name`, async () => {
    const systemd = await listen(name);
    const s = await lib.startServer(world.database.serve, { env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: "3000000" } });
    await systemd.until("READY=1", 30000);
    const fed = () => systemd.messages.filter((m) => m.text === "WATCHDOG=1").map((m) => m.at);
    for (const began = Date.now(); fed().length < 5; await pause(10)) assert.ok(Date.now() - began < 15000, `${fed()}`);
    for (let i = 1; i < 5; i++) assert.ok(fed()[i] - fed()[i - 1] < 3000, `${fed()[i] - fed()[i - 1]} ms`);
    assert.ok(fed()[4] - fed()[0] > 1500, "and not all the time");
    assert.equal(systemd.messages.filter((m) => m.text.includes("READY=1")).length, 1);
    assert.ok(!systemd.has("STOPPING=1"));
    assert.equal((await s.stop()).code, 0);
    await systemd.until("STOPPING=1", 30000);
    const last = systemd.messages.length;
    assert.match(systemd.messages[last - 1].text, /^STOPPING=1\nSTATUS=/);
    await pause(600);
    assert.equal(systemd.messages.length, last, "and nothing afterwards");
    assert.doesNotMatch(s.log(), /cannot notify systemd/);
  });

test("serve: sends READY=1 only when the database and its schema are available", async () => {
  const { execFileSync } = require("node:child_process");
  const name = `supervision_${process.pid}`;
  const superuser = (text) => execFileSync("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", process.env.TEST_SUPERUSER_URL, "-c", text]);
  superuser(`create database ${name} owner gestor_owner`);
  const systemd = await listen(path.join(folder, "early"));
  const s = await lib.startServer(lib.urlOf(process.env.TEST_SERVE_URL, name), { ready: false, env: { NOTIFY_SOCKET: systemd.name, WATCHDOG_USEC: "600000", GESTOR_CHECK_MS: "300" } });
  try {
    await systemd.until("STATUS=waiting for the database", 30000);
    await systemd.until("WATCHDOG=1", 30000); // alive it is
    await pause(1000);
    assert.ok(!systemd.has("READY=1"));
    execFileSync(lib.gestor, ["migrate"], { env: { ...process.env, DATABASE_URL: lib.urlOf(process.env.TEST_OWNER_URL, name) }, stdio: "pipe" });
    await systemd.until("READY=1", 30000);
    assert.equal((await lib.caller(s.base).get("/readyz")).status, 200);
    superuser(`alter database ${name} allow_connections false`);
    superuser(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    const was = systemd.messages.length;
    for (let i = 0; i < 1500 && !systemd.messages.slice(was).some((m) => m.text === "STATUS=waiting for the database"); i++) await pause(10);
    assert.ok(systemd.messages.slice(was).some((m) => m.text === "STATUS=waiting for the database"));
    superuser(`alter database ${name} allow_connections true`);
    await systemd.until("STATUS=serving", 30000);
    assert.equal(systemd.messages.filter((m) => m.text.includes("READY=1")).length, 1, "once is enough");
  } finally {
    await s.stop();
    superuser(`drop database if exists ${name} with (force)`);
  }
});

test("serve: a hung process sends no WATCHDOG=1, nor does a process if WATCHDOG_PID names another", async () => {
  const systemd = await listen(path.join(folder, "still"));
  const s = await lib.startServer(world.database.serve, { env: { NOTIFY_SOCKET: systemd.name, WATCHDOG_USEC: "400000" } });
  await systemd.until("WATCHDOG=1", 30000);
  s.child.kill("SIGSTOP");
  await pause(500);
  const was = systemd.messages.length;
  await pause(800);
  assert.equal(systemd.messages.length, was);
  s.child.kill("SIGCONT");
  await s.stop();

  const others = await listen(path.join(folder, "others"));
  const t = await lib.startServer(world.database.serve, { env: { NOTIFY_SOCKET: others.name, WATCHDOG_USEC: "400000", WATCHDOG_PID: "1" } });
  await others.until("READY=1", 30000);
  await pause(800);
  assert.ok(!others.has("WATCHDOG=1"));
  await t.stop();
});

test("serve: a missing or invalid notification socket is logged, and the server works", async () => {
  for (const name of [path.join(folder, "nobody"), "relative", `/${"x".repeat(200)}`]) {
    const s = await lib.startServer(world.database.serve, { env: { NOTIFY_SOCKET: name } });
    assert.equal((await s.stop()).code, 0);
    assert.match(s.log(), /cannot notify systemd: /);
  }
});
