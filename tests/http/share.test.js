/*
 * Rate limit per account: how many requests it may send, and the RateLimit headers.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { operations, openapi } = require("./coverage.js");

/* One request per second, so a burst of ten; integrations two per second. */
let world, ana, bea, boss, chief, crm;
before(async () => {
  world = await lib.world({ env: { GESTOR_THREADS: "400", GESTOR_RATE_ADVISOR: "1", GESTOR_RATE_INTEGRATION: "2" } });
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
  crm = await world.signedIn("E8000003");
});
after(() => world.end());

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const limit = (r) => {
  const m = /^"account";r=([0-9]+);t=([0-9]+)$/.exec(r.headers.ratelimit);
  assert.ok(m, r.headers.ratelimit);
  return { left: Number(m[1]), full: Number(m[2]) };
};
/* drain(as) - sends requests until the share is used up, and returns the refusal. */
async function drain(as) {
  for (let i = 0; i < 200; i++) {
    const r = await as.get("/v1/catalogs/stage");
    if (r.status === 429) return r;
    assert.equal(r.status, 200, r.text);
  }
  throw new Error("nothing was refused");
}

test("catalog_get: every answer shows the account's share; too many requests use it up, and it is available again after Retry-After", async () => {
  const first = await ana.get("/v1/catalogs/stage");
  assert.equal(first.headers["ratelimit-policy"], "\"account\";q=10;w=10");
  assert.ok(limit(first).left <= 9 && limit(first).full >= 1, first.headers.ratelimit);
  const refused = await drain(ana);
  assert.equal(refused.json.code, "too_many_requests");
  assert.equal(refused.headers["retry-after"], "1");
  assert.deepEqual(limit(refused), { left: 0, full: 10 });
  assert.match(refused.json.detail, /Wait 1 second/);
  assert.match((await ana.request("GET", "/v1/catalogs/stage", undefined, { "accept-language": "es" })).json.detail, /Espere 1 segundo y vuelva a intentarlo\./);
  for (let i = 0; ; i++) {
    await pause(1000 * Number(refused.headers["retry-after"]));
    const r = await ana.get("/v1/catalogs/stage");
    if (r.status === 200) break;
    assert.ok(i < 3, "a client that waits for Retry-After is served");
  }
});

test("catalog_get: accounts do not use up each other's share; integrations have their own rate", async () => {
  await drain(ana);
  assert.equal((await bea.get("/v1/catalogs/stage")).status, 200);
  const r = await crm.get("/v1/catalogs/stage");
  assert.equal(r.status, 200);
  assert.equal(r.headers["ratelimit-policy"], "\"account\";q=20;w=10");
  await drain(crm);
  assert.equal((await bea.get("/v1/catalogs/stage")).status, 200);
});

test("client_create: refused, validate_only, replayed and not-modified requests count like any other", async () => {
  const key = { "idempotency-key": "share-1" }, body = lib.newClient();
  /* A new account, whose share is full. */
  lib.addAdvisor(world.database, "E8200001", "advisor");
  const eva = await world.signedIn("E8200001");
  const ask = [() => eva.post("/v1/clients", {}), () => eva.get("/v1/clients/999999999"), () => eva.post("/v1/clients?validate_only=true", lib.newClient()),
    () => eva.post("/v1/clients", body, key), () => eva.post("/v1/clients", body, key), () => eva.get("/v1/catalogs/stage", { "if-none-match": "*" }), () => eva.get("/v1/audit")];
  let before = 10;
  const statuses = [];
  for (const one of ask) {
    const r = await one();
    statuses.push(r.status);
    assert.ok(limit(r).left <= Math.max(before - 1, 0) + 1, "the request took one, and at most one was refilled meanwhile");
    before = limit(r).left;
  }
  assert.deepEqual(statuses, [422, 404, 200, 201, 201, 304, 403]);
  assert.ok(before <= 4, "most of the share is used");
});

test("session_create, livez: requests without a valid token are not counted", async () => {
  for (let i = 0; i < 30; i++) {
    const r = await world.anyone.get("/livez");
    assert.equal(r.status, 200);
    assert.equal(r.headers.ratelimit, undefined);
  }
  const r = await lib.caller(world.base, ana.token + "x").get("/v1/catalogs/stage");
  assert.equal(r.status, 401);
  assert.equal(r.headers.ratelimit, undefined);
});

test("metrics: refusals for too many requests are counted by operation", async () => {
  await drain(ana);
  assert.match((await world.anyone.get("/metrics")).text, /gestor_http_requests_total\{[^}]*catalog_get[^}]*429[^}]*\} [1-9]/);
});

test("every operation with a token answers 429 when the share is used up, before any other check", async () => {
  const who = (op) => (/advisor|erasure|personal|imports/.test(op.path) ? "E8000002" : /audit|reads|reopening/.test(op.path) ? "E8000001" : "E8153375");
  const all = operations(openapi()).filter((o) => o.signedIn && o.id !== "session_delete");
  await Promise.all([...new Set(all.map(who))].map(async (name) => {
    const as = lib.caller(world.base, (await world.anyone.post("/v1/sessions", { username: name, password: lib.password })).json.access_token);
    /* Send all operations at once, because the share fills again meanwhile; send those again that were not refused. */
    let left = all.filter((op) => who(op) === name);
    for (let i = 0; left.length > 0; i++) {
      assert.ok(i < 20, `${left.map((op) => op.id)} are not refused`);
      await drain(as);
      const answers = await Promise.all(left.map((op) =>
        as.request(op.method, op.path.replace("{catalog}", "stage").replace(/\{[a-z_]+\}/g, "1"), op.hasBody ? {} : undefined)));
      for (const r of answers.filter(({ status }) => status === 429)) assert.equal(r.json.code, "too_many_requests");
      left = left.filter((op, n) => answers[n].status !== 429);
    }
  }));
});

test("session_delete: an account that used up its share can still sign out", async () => {
  const as = lib.caller(world.base, (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json.access_token);
  await drain(as);
  const r = await as.delete("/v1/sessions/current");
  assert.deepEqual([r.status, r.headers["ratelimit"]], [204, undefined], r.text);
  assert.equal((await as.get("/v1/catalogs")).json.code, "token_invalid");
});
