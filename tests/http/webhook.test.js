/*
 * Webhooks: registration, signing, sending, repeating. The receivers are real ones on loopback, which GESTOR_WEBHOOK_ALLOW names.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { receiver, verified } = require("./receiver.js");
const { hold, until } = require("./writes.js");

let world, ana, chief, crm, other;
before(async () => {
  world = await lib.world({ env: { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8" } });
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
  crm = await integration("crm-uno");
  other = await integration("crm-dos");
});
after(() => world.end());

async function integration(username, rights = ["webhooks"]) {
  const made = await lib.machine(chief, world.base, { username, rights });
  return Object.assign(made.as, { id: made.id, username });
}

/* hooked(settings, body, as) - a receiver and a webhook that sends to it: {at, secret, got, …}. */
async function hooked(settings = {}, body = {}, as = crm) {
  const r = await receiver(settings);
  const made = await as.post("/v1/webhooks", { url: r.url(), types: ["opportunity.created", "opportunity.updated", "opportunity.closed"], ...body });
  assert.equal(made.status, 201, made.text);
  const at = made.headers.location;
  return Object.assign(r, { at, id: made.json.id, secret: made.json.secret, made, over: async () => { await as.delete(at); await r.end(); } });
}
const sql = (text) => world.database.sql(text);
/* due(hook) - its pending deliveries are due now. */
const due = (hook) => sql(`update webhook_delivery set next_at = now() where webhook_id = ${hook.id} and status = 'pending' and leased_until is null`);
const deliveries = async (hook, query = "") => (await crm.get(`${hook.at}/deliveries?limit=100${query}`)).json.items;
const delivered = (hook, n) => until(`${n} deliveries`, () => Number(sql(`select count(*) from webhook_delivery where webhook_id = ${hook.id} and status = 'delivered'`)) >= n);

test("webhook_create: the secret is shown once, and signs what the receiver gets, for the reference library", async () => {
  const hook = await hooked();
  assert.match(hook.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const { secret, ...rest } = hook.made.json;
  assert.deepEqual((await crm.get(hook.at)).json, rest);
  const o = await lib.opened(ana);
  await delivered(hook, 1);
  const [got] = hook.got;
  const event = verified(secret, got);
  assert.equal(event.type, "opportunity.created");
  assert.equal(event.subject, o.at);
  assert.equal(event.id, got.id);
  assert.equal(got.headers["content-type"], "application/cloudevents+json; charset=UTF-8");
  assert.match(got.headers["user-agent"], /^Gestor\//);
  assert.throws(() => verified("whsec_" + Buffer.alloc(32).toString("base64"), got));
  const [d] = await deliveries(hook);
  const shown = (await crm.get(`${hook.at}/deliveries/${d.id}`)).json;
  assert.deepEqual(shown.event, event);
  assert.equal(shown.status, "delivered");
  assert.equal(shown.attempts.length, 1);
  assert.equal(shown.attempts[0].status, 204);
  assert.ok(!world.server.log().includes(secret.slice(6)) && !world.server.log().includes(hook.url()), "neither the secret nor the URL is in the log");
  assert.equal(sql(`select count(*) from webhook where secret like '%${secret.slice(6, 30)}%'`), "0");
  await hook.over();
});

test("webhook_create: types choose the events; only those after its creation; each account has 20 at most", async () => {
  const before = await lib.opened(ana), hook = await hooked({}, { types: ["client.created", "opportunity.closed"], description: " CRM  uno " });
  assert.equal(hook.made.json.description, "CRM uno");
  const o = await lib.opened(ana);
  assert.equal((await ana.put(`${o.at}/typification`, lib.form())).status, 200);
  await delivered(hook, 2);
  const events = hook.got.map((g) => g.event).filter((e) => e.data.client_id === o.client.id);
  assert.deepEqual(events.map((e) => e.type).sort(), ["client.created", "opportunity.closed"]);
  assert.ok(!hook.got.some((g) => g.event.subject === before.at));
  sql(`insert into webhook (advisor_id, url, types, ordering, secret) select ${crm.id}, 'http://127.0.0.1:1025/', '{client.merged}', 'none', 'x' from generate_series(1, 19)`);
  const r = await crm.post("/v1/webhooks", { url: hook.url(), types: ["client.created"] });
  assert.deepEqual([r.status, r.json.code], [409, "too_many_webhooks"]);
  sql(`delete from webhook where advisor_id = ${crm.id} and secret = 'x'`);
  await hook.over();
});

test("webhook_create: faults name the legal values", async () => {
  const r = await crm.post("/v1/webhooks", { url: "https://crm.example/x", types: ["opportunity.opened"], ordering: "fifo" }, { "accept-language": "en" });
  assert.deepEqual(lib.faultAt(r, "#/ordering").allowed, ["strict", "none"]);
  assert.ok(lib.faultAt(r, "#/types/0").allowed.includes("opportunity.created"));
  assert.equal(lib.faultAt(await crm.post("/v1/webhooks", { url: "https://crm.example/x", types: [] }), "#/types").code, "too_few");
});

test("webhook_get: an integration sees its own, an administrator all; another's is not found", async () => {
  const hook = await hooked();
  for (const [method, where, body] of [["GET", ""], ["PATCH", "", { ordering: "none" }], ["DELETE", ""], ["POST", "/secret"], ["POST", "/test"],
    ["GET", "/deliveries"], ["POST", "/redeliveries", { from: "2026-01-01" }]])
    assert.equal((await other.request(method, hook.at + where, body)).status, 404, `${method} ${where}`);
  assert.deepEqual((await other.get("/v1/webhooks")).json.items, []);
  assert.equal((await chief.get(hook.at)).json.advisor.id, crm.id);
  assert.ok((await chief.get("/v1/webhooks")).json.items.some((w) => w.id === hook.id));
  await hook.over();
});

test("delivery_get: failures are repeated by the schedule, with the same id and body and a fresh signature, and die at last", async () => {
  const hook = await hooked({ answer: (rq, rs) => rs.writeHead(500, { "content-type": "text/plain" }).end("no \u00e1 \u0000 " + "x".repeat(5000)) });
  const o = await lib.opened(ana);
  const wanted = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400];
  const ready = (n) => until(`attempt ${n}`, () => sql(`select tries = ${n} and leased_until is null from webhook_delivery where webhook_id = ${hook.id}`) === "t");
  for (const [n, s] of wanted.entries()) {
    await ready(n + 1);
    const wait = Number(sql(`select extract(epoch from next_at - now()) from webhook_delivery where webhook_id = ${hook.id}`));
    assert.ok(wait > s * 0.9 - 5 && wait < s * 1.1 + 1, `after attempt ${n + 1}: ${wait} s`);
    due(hook);
  }
  await ready(10);
  const [d] = await deliveries(hook), shown = (await crm.get(`${hook.at}/deliveries/${d.id}`)).json;
  assert.deepEqual([d.status, d.attempt_count, d.last_status, d.next_attempt_at], ["dead", 10, 500, null]);
  assert.equal(hook.got.length, 10);
  for (const got of hook.got) {
    assert.deepEqual([got.id, got.text], [hook.got[0].id, hook.got[0].text]);
    assert.equal(verified(hook.secret, got).subject, o.at);
  }
  assert.match(shown.attempts[0].answer, /^no \u00e1 \ufffd x+$/);
  assert.ok(Buffer.byteLength(shown.attempts[0].answer) <= 1026);
  assert.deepEqual((await deliveries(hook, "&status=dead")).length, 1);
  assert.deepEqual((await deliveries(hook, "&status=delivered")).length, 0);
  const metrics = (await world.anyone.get("/metrics")).text;
  assert.match(metrics, /gestor_webhook_attempts_total\{outcome="dead"\} [1-9]/);
  /* Repeated, one by one and all at once. */
  hook.answer = (rq, rs) => rs.writeHead(200).end();
  const again = await crm.post(`${hook.at}/deliveries/${d.id}/redelivery`);
  assert.deepEqual([again.status, again.json.status], [202, "pending"]);
  await delivered(hook, 1);
  assert.equal(hook.got.at(-1).id, hook.got[0].id);
  const all = await crm.post(`${hook.at}/redeliveries`, { from: "2026-01-01", status: "delivered" });
  assert.deepEqual([all.status, all.json], [202, { count: 1, more: false }]);
  await until("the second one", () => hook.got.length === 12);
  await hook.over();
});

test("delivery_get: Retry-After of a 503 is respected", async () => {
  const hook = await hooked({ answer: (rq, rs) => rs.writeHead(503, { "retry-after": "3600" }).end() });
  await lib.opened(ana);
  await until("the attempt", () => sql(`select tries from webhook_delivery where webhook_id = ${hook.id}`) === "1");
  assert.ok(Number(sql(`select extract(epoch from next_at - now()) from webhook_delivery where webhook_id = ${hook.id}`)) > 3500);
  await hook.over();
});

test("delivery_repeat: a delivery that a sender takes at the same moment is shown as it is", async () => {
  const hook = await hooked();
  await lib.opened(ana);
  await delivered(hook, 1);
  const [{ id }] = await deliveries(hook);
  const release = await hold(world.database, `update gestor.webhook_delivery set leased_until = now() + interval '25 seconds' where id = ${id}`);
  const repeated = chief.post(`${hook.at}/deliveries/${id}/redelivery`);
  try {
    await until("the request waits for the row", () => lib.sql(world.database.superuser,
      "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") !== "0");
  } finally {
    await release();
  }
  const r = await repeated;
  assert.deepEqual([r.status, r.json.id], [202, id], r.text);
  sql(`update webhook_delivery set leased_until = null where id = ${id}`);
  await hook.over();
});

test("webhook_secret_rotate: both secrets sign for a day, then the new one alone", async () => {
  const hook = await hooked();
  const turned = await crm.post(`${hook.at}/secret`);
  assert.equal(turned.status, 200);
  assert.notEqual(turned.json.secret, hook.secret);
  await crm.post(`${hook.at}/test`);
  await delivered(hook, 1);
  assert.equal(hook.got[0].headers["webhook-signature"].split(" ").length, 2);
  for (const secret of [hook.secret, turned.json.secret]) assert.equal(verified(secret, hook.got[0]).type, "webhook.test");
  sql(`update webhook set secret_previous_until = now() where id = ${hook.id}`);
  await crm.post(`${hook.at}/test`);
  await delivered(hook, 2);
  assert.equal(hook.got[1].headers["webhook-signature"].split(" ").length, 1);
  assert.throws(() => verified(hook.secret, hook.got[1]));
  verified(turned.json.secret, hook.got[1]);
  assert.doesNotMatch(sql("select coalesce(string_agg(before::text || after::text, ''), '') from audit where object_type = 'webhook'"), /whsec|[A-Za-z0-9_-]{60}/);
  await hook.over();
});

test("webhook_create: with an Idempotency-Key a retry shows the same secret, and the database does not have it", async () => {
  const r = await receiver(), body = { url: r.url(), types: ["client.merged"] }, key = { "idempotency-key": "webhook-1" };
  const first = await crm.post("/v1/webhooks", body, key), second = await crm.post("/v1/webhooks", body, key);
  assert.equal(second.headers["idempotent-replayed"], "true");
  assert.deepEqual(second.json, first.json);
  assert.equal(sql("select count(*) from idempotency where body::text like '%whsec%'"), "0");
  await crm.delete(first.headers.location);
  await r.end();
});

test("webhook_update: disabled, nothing is sent; enabled, it goes on where it stopped", async () => {
  const hook = await hooked();
  const off = await crm.patch(hook.at, { state: "disabled" });
  assert.deepEqual([off.json.state, off.json.disabled_reason], ["disabled", "manual"]);
  const o = await lib.opened(ana);
  assert.deepEqual([(await crm.post(`${hook.at}/test`)).json.code], ["webhook_disabled"]);
  const probe = await hooked();
  await lib.opened(ana);
  await delivered(probe, 1);
  assert.equal(hook.got.length, 0);
  assert.equal((await crm.patch(hook.at, { state: "enabled" })).json.disabled_reason, null);
  await delivered(hook, 1);
  assert.equal(hook.got[0].event.subject, o.at);
  await hook.over();
  await probe.over();
});

test("webhook_get: 410 disables; days of failures alone do; an account without the right or deactivated does, until it has it again", async () => {
  const gone = await hooked({ answer: (rq, rs) => rs.writeHead(410).end() });
  await crm.post(`${gone.at}/test`);
  await until("gone", async () => (await crm.get(gone.at)).json.state === "disabled");
  assert.equal((await crm.get(gone.at)).json.disabled_reason, "gone");
  await until("the log says so", () => world.server.log().includes(`webhook ${gone.id} is disabled: its receiver answered 410`));

  const failing = await hooked({ answer: (rq, rs) => rs.writeHead(500).end() });
  await crm.post(`${failing.at}/test`);
  await until("failing", async () => (await crm.get(failing.at)).json.failing_since !== null);
  sql(`update webhook set failing_since = now() - interval '5 days 1 minute' where id = ${failing.id}`);
  due(failing);
  await until("disabled", async () => (await crm.get(failing.at)).json.state === "disabled");
  assert.equal((await crm.get(failing.at)).json.disabled_reason, "failing");
  await until("the log says so", () => world.server.log().includes(`webhook ${failing.id} is disabled: all attempts`));

  const hook = await hooked({}, {}, other), as = `/v1/advisors/${other.id}`;
  for (const [off, on] of [[{ active: false }, { active: true }], [{ rights: ["events"] }, { rights: ["webhooks"] }]]) {
    const n = hook.got.length;
    assert.equal((await chief.patch(as, off)).status, 200);
    const shown = (await chief.get(hook.at)).json;
    assert.deepEqual([shown.state, shown.disabled_reason], ["disabled", "account"]);
    await lib.opened(ana);
    const probe = await hooked();
    await lib.opened(ana);
    await delivered(probe, 1);
    assert.equal(hook.got.length, n);
    assert.equal((await chief.patch(as, on)).status, 200);
    await until("it goes on", () => hook.got.length > n);
    await probe.over();
  }
  sql(`delete from webhook where id = ${hook.id}`);
  await hook.end();
  await gone.over();
  await failing.over();
});

test("webhook_update: a 410 to an attempt of before the change does not disable the webhook", async () => {
  let answer;
  const hook = await hooked({ answer: (rq, rs) => { answer = () => rs.writeHead(410).end(); } }), good = await receiver();
  await crm.post(`${hook.at}/test`);
  await until("an attempt hangs", () => answer);
  assert.equal((await crm.patch(hook.at, { url: good.url() })).status, 200);
  answer();
  await until("the 410 is stored", () => sql(`select count(*) from webhook_delivery where webhook_id = ${hook.id} and log -> -1 ->> 'status' = '410'`) === "1");
  assert.equal((await crm.get(hook.at)).json.state, "enabled");
  due(hook);
  await delivered(hook, 1);
  assert.equal(good.got.length, 1);
  await good.end();
  await hook.over();
});

test("ordering strict: the events of an opportunity one after the other, over failures; others are not held up", async () => {
  let bad = true, held;
  const hook = await hooked({ answer: (rq, rs) => rs.writeHead(bad && JSON.parse(rq.text).subject === held ? 500 : 204).end() }, { ordering: "strict" });
  const a = await lib.opened(ana);
  held = a.at;
  const b = await lib.opened(ana);
  for (const plan of ["UNO", "DOS", "TRES"]) for (const o of [a, b])
    assert.equal((await ana.patch(o.at, { service: { current_plan: plan } })).status, 200);
  await until("b's events", () => hook.got.filter((g) => g.event.subject === b.at).length === 4);
  const of = (o) => hook.got.filter((g) => g.event.subject === o.at).map((g) => BigInt(g.id));
  const sorted = (list) => [...list].sort((x, y) => (x < y ? -1 : 1));
  assert.deepEqual(of(b), sorted(of(b)));
  await until("a's first has failed", () => of(a).length >= 1);
  assert.equal(new Set(of(a)).size, 1, "the events behind it wait");
  bad = false;
  due(hook);
  await until("a's events", () => new Set(of(a)).size === 4);
  const distinct = [...new Set(of(a))];
  assert.deepEqual(distinct, sorted(distinct));
  await hook.over();
});
