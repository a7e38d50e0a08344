/*
 * Receivers that lie, and processes that share the work: redirects, resets, slow and endless answers, wrong certificates; a killed
 * process whose deliveries another one takes over.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { authority, receiver, rawReceiver, verified } = require("./receiver.js");
const { until } = require("./writes.js");

let world, chief, ana, ca;
before(async () => {
  ca = authority();
  world = await lib.world({ env: { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8, ::1", GESTOR_WEBHOOK_CA_FILE: ca.ca, http_proxy: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1", ALL_PROXY: "http://127.0.0.1:1" } });
  chief = await world.signedIn("E8000002");
  ana = await world.signedIn("E8153375");
});
after(async () => { await world.end(); ca.end(); });

const sql = (text) => world.database.sql(text);
const types = ["client.merged"];
async function hookedTo(url, more = {}) {
  const made = await chief.post("/v1/webhooks", { url, types, ...more });
  assert.equal(made.status, 201, `${url}: ${made.text}`);
  return { at: made.headers.location, id: made.json.id, secret: made.json.secret };
}
/* attempted(url) - registers the URL, sends a test event, and returns its first attempt. */
async function attempted(url) {
  const hook = await hookedTo(url), sent = await chief.post(`${hook.at}/test`);
  let shown;
  await until("an attempt", async () => (shown = (await chief.get(sent.headers.location)).json).attempt_count > 0, 40000);
  await chief.delete(hook.at);
  return { ...shown.attempts[0], status_now: shown.status, secret: hook.secret };
}

test("delivery_get: https with a certificate of the configured authority; no other name, authority or time", async () => {
  const good = await receiver({ tls: ca.issue("good", "DNS:localhost,IP:127.0.0.1") });
  const r = await attempted(good.url());
  assert.deepEqual([r.status, r.error], [204, null]);
  verified(r.secret, good.got[0]);
  assert.equal((await attempted(good.url("/hook", "localhost"))).status, 204);
  for (const [name, san, more] of [["elsewhere", "DNS:crm.example"], ["own", "IP:127.0.0.1", { self: true }], ["old", "IP:127.0.0.1", { expired: true }]]) {
    const bad = await receiver({ tls: ca.issue(name, san, more) }), a = await attempted(bad.url());
    assert.deepEqual([a.status, a.error, bad.got.length], [null, "tls", 0], name);
    assert.match(a.detail, /certificate|subject/i);
    await bad.end();
  }
  const plain = await receiver();
  assert.equal((await attempted(plain.url().replace("http:", "https:"))).error, "tls");
  await plain.end();
  await good.end();
});

test("delivery_get: a redirect is a failure, and is not followed", async () => {
  const there = await receiver();
  for (const status of [301, 302, 303, 307, 308]) {
    const r = await receiver({ answer: (rq, rs) => rs.writeHead(status, { location: there.url() }).end() });
    const a = await attempted(r.url());
    assert.deepEqual([a.status, a.error, a.status_now], [status, null, "pending"]);
    await r.end();
  }
  assert.equal(there.connections, 0);
  await there.end();
});

test("delivery_get: resets, silence, nonsense and endless answers are failures with a name; a long answer with 2xx is a success", async () => {
  const cases = [
    ["reset", (s) => s.resetAndDestroy(), "connection_lost"],
    ["closed", (s) => s.end(), "connection_lost"],
    ["cut", (s) => s.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"), "connection_lost"],
    ["no HTTP", (s) => s.end("hello\r\n\r\n"), "answer_malformed"],
    ["HTTP/0.9", (s) => s.end("<html>"), "answer_malformed"],
    ["headers without end", (s) => { s.write("HTTP/1.1 200 OK\r\n"); for (let i = 0; i < 3000; i++) s.write(`x-${i}: ${"y".repeat(100)}\r\n`); s.end("\r\n"); }, "answer_malformed"],
  ];
  for (const [what, talk, error] of cases) {
    const r = await rawReceiver(talk), a = await attempted(r.url());
    assert.equal(a.error, error, `${what}: ${JSON.stringify(a)}`);
    assert.equal(a.status_now, "pending", what);
    await r.end();
  }
  const none = await rawReceiver(() => {}), url = none.url();
  await none.end();
  assert.equal((await attempted(url)).error, "connection_refused");
  assert.equal((await attempted("https://no-such-name.invalid/")).error, "name_unknown");
  const endless = await receiver({ answer: (rq, rs) => { rs.writeHead(200); const more = () => { while (rs.write("x".repeat(65536))); rs.once("drain", more); }; more(); } });
  const a = await attempted(endless.url());
  assert.deepEqual([a.status, a.error, a.status_now, a.answer.length], [200, null, "delivered", 1024]);
  await endless.end();
});

test("delivery_get: a byte a second, and silence, end after 15 s, and delay no other receiver", async () => {
  const drip = (s) => { s.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"); const t = setInterval(() => s.write("x"), 1000); s.on("close", () => clearInterval(t)); };
  const dripHead = (s) => { s.write("HTTP/1.1 200 OK\r\n"); const t = setInterval(() => s.write("x"), 1000); s.on("close", () => clearInterval(t)); };
  const liars = [await rawReceiver(drip), await rawReceiver(dripHead), await rawReceiver(() => {})];
  const good = await receiver(), goodHook = await hookedTo(good.url());
  const hooks = [];
  for (const r of liars) hooks.push(await hookedTo(r.url()));
  const began = Date.now();
  for (const h of hooks) for (let i = 0; i < 30; i++) await chief.post(`${h.at}/test`);
  await until("they hang", () => liars.every((r) => r.got >= 1));
  const took = [];
  for (let i = 0; i < 40; i++) {
    const n = good.got.length, at = Date.now();
    assert.equal((await chief.post(`${goodHook.at}/test`)).status, 201);
    await until("the good one", () => good.got.length > n);
    took.push(good.got.at(-1).at - at);
  }
  took.sort((a, b) => a - b);
  assert.ok(took[Math.floor(took.length * 0.9)] < 5000, `ms: ${took}`);
  await until("the first ends", () => sql(`select count(*) from webhook_delivery where webhook_id = ${hooks[0].id} and log -> -1 ->> 'error' = 'timeout'`) !== "0", 30000);
  assert.ok(Date.now() - began > 14000);
  for (const h of hooks) {
    await until("timeout", () => sql(`select count(*) from webhook_delivery where webhook_id = ${h.id} and log -> -1 ->> 'error' = 'timeout'`) !== "0", 30000);
    const ms = Number(sql(`select max((log -> 0 ->> 'duration_ms')::int) from webhook_delivery where webhook_id = ${h.id}`));
    assert.ok(ms >= 14900 && ms < 30000, `${ms} ms`);
    await chief.delete(h.at);
  }
  await chief.delete(goodHook.at);
  for (const r of [...liars, good]) await r.end();
});

test("forty receivers that hang, none of which has failed before, delay no other one", { timeout: 120000 }, async () => {
  const liar = await rawReceiver(() => {}), good = await receiver();
  const hook = await hookedTo(liar.url(), { types: ["client.created"] }), goodHook = await hookedTo(good.url());
  sql(`with w as (insert into webhook (advisor_id, url, types, ordering, secret) select w.advisor_id, w.url, w.types, w.ordering, w.secret from webhook w, generate_series(2, 40) where w.id = ${hook.id} returning id)
    insert into webhook_progress (webhook_id) select id from w`);
  sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', lpad((74000000 + n)::text, 8, '0') from generate_series(1, 10) n, catalog_item_of('document_type', 'dni') i`);
  /* All slots but those that are reserved. */
  await until("they hang", () => liar.got >= 190);
  const n = good.got.length, at = Date.now();
  await chief.post(`${goodHook.at}/test`);
  await until("the good one", () => good.got.length > n, 20000);
  const took = good.got.at(-1).at - at;
  sql(`delete from webhook where url = '${liar.url()}'`);
  await chief.delete(goodHook.at);
  for (const r of [liar, good]) await r.end();
  assert.ok(took < 10000, `${took} ms`);
});

test("two processes share the deliveries, each event once; a killed one's are taken over", async () => {
  const slow = await receiver({ answer: (rq, rs) => setTimeout(() => rs.writeHead(204).end(), 20) });
  const hook = await hookedTo(slow.url(), { types: ["client.created"] });
  const second = await lib.startServer(world.database.serve, { env: { GESTOR_WEBHOOK_CA_FILE: ca.ca, GESTOR_CHECK_MS: "500" } });
  sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', lpad((77000000 + n)::text, 8, '0') from generate_series(1, 300) n, catalog_item_of('document_type', 'dni') i`);
  await until("all", () => new Set(slow.got.map((g) => g.id)).size === 300, 30000);
  assert.equal(slow.got.length, 300, "none twice");
  const sent = async (base) => Number(/attempts_total\{outcome="delivered"\} (\d+)/.exec((await lib.caller(base).get("/metrics")).text)[1]);
  await until("counted", async () => await sent(second.base) > 0);

  /* The second process is killed while its attempts hang; leases are shortened by hand, as if 25 s had passed. */
  const held = [];
  slow.answer = (rq, rs) => { held.push(rs); };
  await chief.patch(hook.at, { ordering: "none" });
  const n = slow.got.length;
  sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', lpad((78000000 + n)::text, 8, '0') from generate_series(1, 30) n, catalog_item_of('document_type', 'dni') i`);
  await until("attempts of both", () => slow.got.length >= n + 10);
  second.child.kill("SIGKILL");
  await second.ended;
  const lease = Number(sql(`select max(extract(epoch from leased_until - now())) from webhook_delivery where webhook_id = ${hook.id}`));
  assert.ok(lease <= 25, `a lease of ${lease} s`);
  slow.answer = (rq, rs) => rs.writeHead(204).end();
  for (const rs of held) rs.writeHead(204).end();
  sql(`update webhook_delivery set next_at = now() where webhook_id = ${hook.id} and status = 'pending'`);
  await until("all are delivered", () => sql(`select count(*) from webhook_delivery where webhook_id = ${hook.id} and status = 'pending'`) === "0", 30000);
  assert.equal(new Set(slow.got.map((g) => g.id)).size, 330);
  await chief.delete(hook.at);
  await slow.end();
});

test("a process that stops finishes its attempts, or gives them back at once", async () => {
  const held = [], r = await receiver({ answer: (rq, rs) => { held.push(rs); } }), hook = await hookedTo(r.url());
  const second = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "500", GESTOR_DRAIN_MS: "300" } });
  for (let i = 0; i < 12; i++) await lib.caller(second.base, chief.token).post(`${hook.at}/test`);
  await until("attempts", () => held.length >= 8);
  assert.equal((await second.stop()).code, 0);
  r.answer = (rq, rs) => rs.writeHead(204).end();
  for (const rs of held) rs.writeHead(204).end();
  await until("all are delivered without waiting for leases", () => sql(`select count(*) from webhook_delivery where webhook_id = ${hook.id} and status = 'pending'`) === "0", 12000);
  await chief.delete(hook.at);
  await r.end();
});

test("a rotation of the service's key: secrets are encrypted anew, and sign as before without the old key", async () => {
  const r = await receiver(), hook = await hookedTo(r.url());
  const next = "x".repeat(8) + "0123456789abcdefghijklmnopqrstuvwxyz";
  const was = sql(`select secret from webhook where id = ${hook.id}`);
  const second = await lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: next, GESTOR_JWT_SECRET_PREVIOUS: lib.serverKey } });
  await until("encrypted anew", () => sql(`select secret from webhook where id = ${hook.id}`) !== was);
  await second.stop();
  await world.server.stop();
  const third = await lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: next } });
  const session = await lib.caller(third.base).post("/v1/sessions", { username: "E8000002", password: lib.password });
  await lib.caller(third.base, session.json.access_token).post(`${hook.at}/test`);
  await until("delivered", () => r.got.length === 1);
  verified(hook.secret, r.got[0]);
  await third.stop();
  await r.end();
});
