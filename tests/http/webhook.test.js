/*
 * Webhooks: registration, signing, sending, repeating. The receivers are real ones on loopback, which GESTOR_WEBHOOK_ALLOW names.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { receiver, verified } = require("./receiver.js");
const { until } = require("./writes.js");

let world, ana, chief, crm, other;
before(async () => {
  world = await lib.world({ env: { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8" } });
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
  crm = await integration("E6600001");
  other = await integration("E6600002");
});
after(() => world.end());

async function integration(username, rights = ["webhooks"]) {
  const made = await chief.post("/v1/advisors", { username, full_name: "CRM DE PRUEBA", role: "integration", rights, password: lib.password });
  assert.equal(made.status, 201, made.text);
  world.database.sql(`update advisor set must_change_password = false where id = ${made.json.id}`);
  const session = await world.anyone.post("/v1/sessions", { username, password: lib.password });
  return Object.assign(lib.caller(world.base, session.json.access_token), { id: made.json.id, username });
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
