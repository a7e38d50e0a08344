/*
 * Exports that end early: a client that stops reading or goes away, a stop of the service, a database that ends, too many at once. None
 * leaves a transaction open, and the client knows that it has not got all.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const http = require("node:http");
const net = require("node:net");
const lib = require("./lib.js");
const { until } = require("./writes.js");

/* More than the sockets' buffers hold, so that the service has to wait for its client. */
const many = 30000;
let world, boss;
before(async () => {
  world = await lib.world({ env: { GESTOR_REQUEST_TIMEOUT_MS: "1500" } });
  boss = await world.signedIn("E8000001");
  world.database.sql(`insert into client (name, document_type_id, document_type, document_number, legal_representative, email)
    select 'MUCHOS', i.id, i.choice, 'M' || n, repeat('x', 150), repeat('y', 80) || '@example.pe' from catalog_item_of('document_type', 'pasaporte') i, generate_series(1, ${many}) n`);
});
after(() => world.end());

/* open() - sessions of the database that are within a read-only transaction of an export. */
const superuser = (text) => lib.sql(world.database.superuser, text);
const open = () => Number(superuser("select count(*) from pg_stat_activity where datname = current_database() and xact_start is not null and pid <> pg_backend_pid() and query ~ '^(fetch|declare|begin isolation)'"));
const last = () => JSON.parse(world.database.sql("select coalesce((select export from audit_read where object_type = 'export' order by at desc limit 1), '{}')"));

/* stopped(port, token) - a client that asks for an export and reads its beginning, and then nothing: {socket, closed}. */
async function stopped(port, token) {
  const socket = net.connect(port, "127.0.0.1");
  socket.write(`GET /v1/exports/clients HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await new Promise((resolve, reject) => { socket.once("data", resolve); socket.once("error", reject); });
  socket.pause();
  socket.on("error", () => {});
  return socket;
}

/* rest(socket) - reads on to the end: whether the last chunk came. */
const rest = (socket) => new Promise((resolve) => {
  let tail = "";
  socket.on("data", (d) => { tail = (tail + d.toString("latin1")).slice(-5); });
  socket.on("close", () => resolve(tail === "0\r\n\r\n"));
  socket.resume();
});

/* read(port, token) - a client of Node's: resolves with the rows, rejects when the body broke off. */
const read = (port, token) => new Promise((resolve, reject) => {
  const rq = http.get({ port, path: "/v1/exports/clients", headers: { authorization: `Bearer ${token}` }, agent: false }, (r) => {
    let text = "";
    r.on("data", (d) => { text += d; });
    r.on("error", reject);
    r.on("end", () => (r.complete ? resolve({ status: r.statusCode, text, headers: r.headers }) : reject(new Error("incomplete"))));
  });
  rq.on("error", reject);
});

test("export_get: a client that stops reading is cut after the request timeout, and its transaction ends", async () => {
  const socket = await stopped(world.port, boss.token);
  await until("a transaction is open", () => open() === 1);
  const began = Date.now();
  await until("it ended", () => open() === 0);
  assert.ok(Date.now() - began < 8000, "soon after 1.5 s");
  await until("its entry says so", () => last().state === "cut");
  assert.ok(last().rows > 0 && last().rows < many, String(last().rows));
  assert.equal(await rest(socket), false, "no last chunk");
});

test("export_get: a client that goes away leaves no transaction open", async () => {
  const socket = await stopped(world.port, boss.token);
  await until("a transaction is open", () => open() === 1);
  socket.destroy();
  await until("it ended", () => open() === 0);
});

test("export_get: a client that reads slowly gets all", async () => {
  const socket = await stopped(world.port, boss.token);
  let whole = false;
  socket.on("close", () => { whole = "closed"; });
  let tail = "";
  socket.on("data", (d) => {
    tail = (tail + d.toString("latin1")).slice(-5);
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  socket.resume();
  await until("the last chunk", () => tail === "0\r\n\r\n" || whole);
  assert.equal(tail, "0\r\n\r\n");
  socket.destroy();
});

test("export_get: beyond GESTOR_EXPORTS_MAX the answer is 503 with Retry-After; the desk goes on", async () => {
  const sockets = [await stopped(world.port, boss.token), await stopped(world.port, boss.token)];
  const r = await boss.get("/v1/exports/clients");
  assert.equal(r.status, 503, r.text.slice(0, 100));
  assert.equal(r.json.code, "busy");
  assert.match(r.headers["retry-after"], /^[1-9][0-9]?$/);
  assert.equal((await boss.get("/v1/opportunities")).status, 200);
  assert.equal((await boss.request("HEAD", "/v1/exports/clients")).status, 200);
  for (const s of sockets) s.destroy();
  await until("a place is free", async () => (await boss.get("/v1/exports/clients?created_to=2001-01-01")).status === 200);
  const ten = await Promise.all(Array.from({ length: 10 }, () => read(world.port, boss.token)));
  assert.ok(ten.every((x) => (x.status === 200 ? x.text.trimEnd().split("\n").length >= many : JSON.parse(x.text).code === "busy")));
  assert.ok(ten.some((x) => x.status === 200));
  await until("all ended", () => open() === 0);
});

test("export_get: a session of the database that ends breaks the body off", async () => {
  const socket = await stopped(world.port, boss.token);
  await until("a transaction is open", () => open() === 1);
  superuser("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ~ '^fetch'");
  assert.equal(await rest(socket), false);
  await until("its entry says so", () => last().state === "cut");
});

test("export_get: an account that is deactivated gets no more", async () => {
  const chief = await world.signedIn("E8000002"), username = "E5500099";
  const made = await chief.post("/v1/advisors", { username, full_name: "SE VA", role: "supervisor", password: lib.password });
  world.database.sql(`update advisor set must_change_password = false where username = '${username}'`);
  const going = await world.signedIn(username), socket = await stopped(world.port, going.token);
  assert.equal((await chief.patch(`/v1/advisors/${made.json.id}`, { active: false })).status, 200);
  assert.equal(await rest(socket), false);
});

test("export_get: SIGTERM and SIGKILL end the transaction, and the client sees a broken body", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    const server = await lib.startServer(world.database.serve, { env: { GESTOR_DRAIN_MS: "2000" } });
    const socket = await stopped(server.port, boss.token);
    await until("a transaction is open", () => open() === 1);
    const began = Date.now();
    const ended = signal === "SIGKILL" ? (server.child.kill("SIGKILL"), server.ended) : server.stop();
    await until("it ended", () => open() === 0);
    await ended;
    assert.ok(Date.now() - began < 8000, signal);
    assert.equal(await rest(socket), false, signal);
    if (signal === "SIGTERM") {
      assert.doesNotMatch(server.log(), /requests in flight/);
      assert.equal(last().state, "cut");
    } else {
      assert.equal(last().state, "begun", "a killed process has recorded that the export began");
    }
  }
});

test("export_get: a whole body has its last chunk", async () => {
  const r = await read(world.port, boss.token);
  assert.equal(r.status, 200);
  assert.ok(r.text.trimEnd().split("\n").length >= many);
});
