/*
 * What a killed process was delivering is delivered by another one within 30 s: nothing is shortened here, so the test takes as long as a
 * lease.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const lib = require("./lib.js");
const { receiver } = require("./receiver.js");
const { hold, until, waiting } = require("./writes.js");

const env = { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8" };
let world, chief;
before(async () => {
  world = await lib.world({ env });
  chief = await world.signedIn("E8000002");
});
after(() => world.end());
const sql = (text) => world.database.sql(text);

test("a process is killed while it delivers: the other one delivers within 30 s", { timeout: 180000 }, async (t) => {
  /* The receiver answers nothing until the process is killed, whose attempts hang; the other process is stopped until then, and attempts nothing. */
  const r = await receiver({ answer: () => {} });
  const hooks = [];
  for (const ordering of ["none", "strict"]) hooks.push((await chief.post("/v1/webhooks", { url: r.url(`/${ordering}`), types: ["client.created"], ordering })).json.id);
  const second = await lib.startServer(world.database.serve, { env });
  const first = world.server.child;
  t.after(() => first.kill("SIGCONT"));
  first.kill("SIGSTOP");
  const n = 40;
  sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', (76000000 + n)::text from generate_series(1, ${n}) n, catalog_item_of('document_type', 'dni') i`);
  const leased = (hook) => Number(sql(`select count(*) from webhook_delivery where webhook_id = ${hook} and leased_until > now()`));
  /* Events become deliveries when no transaction of the cluster is older, so the one of another test can hold them up. */
  await until("the process that will be killed holds deliveries of both webhooks", () => r.got.length > 0 && hooks.every((h) => leased(h) > 0));
  second.child.kill("SIGKILL");
  const killed = Date.now();
  await second.ended;
  const left = hooks.map(leased);
  r.answer = (rq, rs) => rs.writeHead(204).end();
  first.kill("SIGCONT");
  assert.ok(left.every((of) => of > 0), `the killed process held deliveries: ${left}`);
  await until("the killed process's are delivered", () => sql("select count(*) from webhook_delivery where status = 'pending'") === "0");
  const took = Date.now() - killed;
  t.diagnostic(`${left} deliveries of the killed process, taken over ${(took / 1000).toFixed(1)} s after its end`);
  assert.ok(took < 30000, `${took} ms`);
  /* Clients of the world that were made in the last seconds before the webhooks can be delivered, too. */
  for (const id of hooks) {
    await until("all are delivered", () => sql(`select count(*) from webhook_delivery d join event e on e.id::text = d.event_id join client c on c.id = e.client_id
      where d.webhook_id = ${id} and d.status = 'delivered' and c.document_number between '76000001' and '${76000000 + n}'`) === String(n));
  }
  await r.end();
});

test("another session writes a delivery under way and commits while its outcome is stored: the outcome is stored", { timeout: 60000 }, async (t) => {
  let answer;
  const asked = [], r = await receiver({ answer: (rq, rs) => { asked.push(rq); answer = () => rs.writeHead(204).end(); } });
  const hook = (await chief.post("/v1/webhooks", { url: r.url("/slow"), types: ["client.created"], ordering: "strict" })).json.id;
  sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', '75999999' from catalog_item_of('document_type', 'dni') i`);
  await until("an attempt hangs", () => answer, 30000);
  /* The row moves: its place of before the update is not the one to write. */
  const other = spawn("psql", ["-XAtq", "-d", world.database.owner], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => other.kill());
  other.stdin.write(`begin; update gestor.webhook_delivery set next_at = next_at + interval '1 s' where webhook_id = ${hook} returning id;\n`);
  await new Promise((resolve) => other.stdout.once("data", resolve));
  answer();
  await until("the outcome waits", () => sql("select count(*) from pg_locks where not granted and locktype = 'transactionid'") !== "0", 10000);
  const ended = new Promise((resolve) => other.once("close", resolve));
  other.stdin.end("commit;\n");
  await ended;
  await until("it is delivered", () => sql(`select status from webhook_delivery where webhook_id = ${hook}`) === "delivered", 10000);
  assert.equal(asked.length, 1);
  await r.end();
});

test("turning events into deliveries waits for a lock: deliveries that are there are sent meanwhile", { timeout: 60000 }, async (t) => {
  const r = await receiver();
  const made = await chief.post("/v1/webhooks", { url: r.url("/meanwhile"), types: ["client.created"] }), at = made.headers.location;
  const release = await hold(world.database, "lock table gestor.webhook_progress in access exclusive mode");
  t.after(release);
  sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', '75999998' from catalog_item_of('document_type', 'dni') i`);
  await until("looking for events waits", () => waiting(world.database) > 0, 10000);
  assert.equal((await chief.post(`${at}/test`)).status, 201);
  await until("the test event is delivered", () => r.got.some((g) => g.event.type === "webhook.test"), 10000);
  assert.ok(!r.got.some((g) => g.event.type === "client.created"));
  await release();
  await until("and the other one at last", () => r.got.some((g) => g.event.type === "client.created"), 20000);
  await r.end();
});

test("deliveries that were claimed and have not begun: none is sent to the URL of before a change, and they are given back while attempts hang", { timeout: 60000 }, async (t) => {
  const held = [], r = await receiver();
  t.after(() => r.end());
  const made = await chief.post("/v1/webhooks", { url: r.url("/old"), types: ["client.created"] }), at = made.headers.location, id = made.json.id;
  const clients = (first, n) => sql(`insert into client (document_type_id, document_type, name, document_number)
    select i.id, i.choice, 'CLIENTE DE PRUEBA', lpad((${first} + n)::text, 8, '0') from generate_series(1, ${n}) n, catalog_item_of('document_type', 'dni') i`);
  const leased = () => Number(sql(`select count(*) from webhook_delivery where webhook_id = ${id} and status = 'pending' and leased_until > now()`));
  clients(73000000, 300);
  /* The first answers are quick: so more is claimed than there are attempts. Then they hang. */
  r.answer = (rq, rs, n) => { if (n < 40) rs.writeHead(204).end(); else held.push(rs); };
  await until("attempts hang", () => held.length === 8, 20000);
  await until("what has not begun is given back", () => leased() === 8, 5000);
  r.answer = (rq, rs, n) => { if (n < 80) rs.writeHead(204).end(); else held.push(rs); };
  for (const rs of held.splice(0)) rs.writeHead(204).end();
  await until("attempts hang again", () => held.length === 8, 20000);
  const before = r.got.length;
  assert.equal((await chief.patch(at, { url: r.url("/new") })).status, 200);
  r.answer = (rq, rs) => rs.writeHead(204).end();
  for (const rs of held) rs.writeHead(204).end();
  await until("all are delivered", () => sql(`select count(*) from webhook_delivery where webhook_id = ${id} and status = 'pending'`) === "0", 20000);
  assert.equal(r.got.length, 300, "none twice");
  assert.deepEqual([...new Set(r.got.slice(before).map((g) => g.path))], ["/new"]);
});
