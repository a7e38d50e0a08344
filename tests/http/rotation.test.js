/*
 * Rotating the signing key process by process signs nobody out: older access
 * tokens, cursors, refresh tokens and stored responses stay valid. The steps are
 * those of README, "Rotating the signing key".
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const lib = require("./lib.js");

const key = () => crypto.randomBytes(48).toString("base64");
const one = key(), two = key();

let world;
before(async () => { world = await lib.world({ env: { GESTOR_JWT_SECRET: one } }); });
after(() => world.end());

const start = (secret, previous) => lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: secret, ...(previous ? { GESTOR_JWT_SECRET_PREVIOUS: previous } : {}) } });
const body = { username: "E8153375", password: lib.password };
const signIn = async (server, headers) => {
  const r = await lib.caller(server.base).post("/v1/sessions", body, headers);
  assert.equal(r.status, 201, r.text);
  return r.json;
};
const renew = (server, token, headers) => lib.caller(server.base).post("/v1/sessions/refresh", { refresh_token: token }, headers);
const renewed = async (server, token, headers) => {
  const r = await renew(server, token, headers);
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const get = (server, token, where = "/v1/catalogs") => lib.caller(server.base, token).get(where);
const good = async (server, token) => assert.equal((await get(server, token)).status, 200);
const refused = async (server, token) => {
  const r = await get(server, token);
  assert.equal(r.status, 401);
  assert.equal(r.json.code, "token_invalid");
};
const kid = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url")).kid;
const payload = (token) => token.split(".")[1];
const stop = async (...servers) => { for (const s of servers) assert.equal((await s.stop()).code, 0); };

test("one process: what the old key signed stays valid while it is GESTOR_JWT_SECRET_PREVIOUS", async () => {
  const before = await start(one);
  const idempotent = { "idempotency-key": "rotation-1" }, renewal = { "idempotency-key": "rotation-2" };
  const kept = await signIn(before, idempotent), s = await signIn(before), t = await signIn(before);
  const ana = lib.caller(before.base, s.access_token);
  for (let i = 0; i < 3; i++) await lib.opened(ana);
  const page = (await ana.get("/v1/opportunities?limit=1")).json;
  const next = await renewed(before, t.refresh_token, renewal);
  await stop(before);

  const after = await start(two, one);
  /* The access token, the cursor and the refresh token of before the restart. */
  await good(after, s.access_token);
  const second = await get(after, s.access_token, `/v1/opportunities?limit=1&cursor=${page.next}`);
  assert.equal(second.status, 200, second.text);
  assert.notEqual(second.json.items[0].id, page.items[0].id);
  const renewedHere = await renewed(after, s.refresh_token);
  assert.notEqual(kid(renewedHere.access_token), kid(s.access_token));
  await good(after, renewedHere.access_token);
  /* Replays: the same session and refresh token; the access token is signed with the new key. */
  for (const [first, again] of [[kept, (await lib.caller(after.base).post("/v1/sessions", body, idempotent))], [next, await renew(after, t.refresh_token, renewal)]]) {
    assert.equal(again.headers["idempotent-replayed"], "true");
    assert.equal(again.json.refresh_token, first.refresh_token);
    assert.equal(payload(again.json.access_token), payload(first.access_token));
    assert.equal(kid(again.json.access_token), kid(renewedHere.access_token));
    await good(after, again.json.access_token);
    await good(after, first.access_token);
  }
  const fresh = await signIn(after);
  const third = (await get(after, fresh.access_token, "/v1/opportunities?limit=1")).json;
  await stop(after);

  /* Without the old key its tokens and cursors are refused; the sessions are still valid. */
  const alone = await start(two);
  await refused(alone, s.access_token);
  await refused(alone, next.access_token);
  assert.equal((await get(alone, fresh.access_token, `/v1/opportunities?limit=1&cursor=${page.next}`)).json.code, "cursor_invalid");
  await good(alone, fresh.access_token);
  await good(alone, renewedHere.access_token);
  for (const cursor of [second.json.next, third.next])
    assert.equal((await get(alone, fresh.access_token, `/v1/opportunities?limit=1&cursor=${cursor}`)).status, 200);
  await good(alone, (await renewed(alone, next.refresh_token)).access_token);
  await good(alone, (await renewed(alone, kept.refresh_token)).access_token);
  /* A response stored under the old key cannot be replayed. */
  const unread = await lib.caller(alone.base).post("/v1/sessions", body, idempotent);
  assert.equal(lib.faultAt(unread, "#/Idempotency-Key").code, "idempotency_key_reused");
  assert.equal(unread.headers["idempotent-replayed"], undefined);
  assert.equal((await renew(alone, t.refresh_token, renewal)).json.code, "refresh_token_invalid");
  await stop(alone);
});

test("advisor_create: a retry is recognised under either key, in any order, and so is another password", async () => {
  let n = 0;
  for (const [kept, asked] of [[[one], [two, one]], [[two, one], [one, two]], [[one, two], [two, one]]]) {
    const from = await start(...kept), to = await start(...asked), key = { "idempotency-key": `password-${++n}` };
    const chief = await lib.caller(from.base).post("/v1/sessions", { ...body, username: "E8000002" });
    const account = { username: `E880000${n}`, full_name: "CUENTA DE PRUEBA", role: "advisor", password: lib.password };
    const first = await lib.caller(from.base, chief.json.access_token).post("/v1/advisors", account, key);
    assert.equal(first.status, 201, first.text);
    const there = lib.caller(to.base, chief.json.access_token), again = await there.post("/v1/advisors", account, key);
    assert.equal(again.headers["idempotent-replayed"], "true", again.text);
    assert.equal(again.text, first.text);
    const other = await there.post("/v1/advisors", { ...account, password: "otra-clave-de-prueba" }, key);
    assert.equal(lib.faultAt(other, "#/Idempotency-Key").code, "idempotency_key_reused");
    await stop(from, to);
  }
});

/* agree(a, b) - each of two processes accepts what the other issued: tokens, cursors, renewals, stored responses. */
let rounds = 0;
async function agree(a, b) {
  for (const [from, to] of [[a, b], [b, a]]) {
    const headers = { "idempotency-key": `agreed-${++rounds}` }, again = { "idempotency-key": `renewed-${rounds}` };
    const s = await signIn(from, headers);
    await good(from, s.access_token);
    await good(to, s.access_token);
    const page = (await get(from, s.access_token, "/v1/opportunities?limit=1")).json;
    assert.equal((await get(to, s.access_token, `/v1/opportunities?limit=1&cursor=${page.next}`)).status, 200);
    const kept = await lib.caller(to.base).post("/v1/sessions", body, headers);
    assert.equal(kept.headers["idempotent-replayed"], "true");
    assert.equal(kept.json.refresh_token, s.refresh_token);
    await good(from, kept.json.access_token);
    const next = await renewed(to, s.refresh_token, again);
    await good(from, next.access_token);
    const repeated = await renew(from, s.refresh_token, again);
    assert.equal(repeated.headers["idempotent-replayed"], "true");
    assert.equal(repeated.json.refresh_token, next.refresh_token);
    await good(to, repeated.json.access_token);
  }
}

test("two processes, restarted one by one: every process knows the new key before one signs with it", async () => {
  let a = await start(one), b = await start(one);
  const first = await signIn(a);
  const ana = lib.caller(a.base, first.access_token);
  for (let i = 0; i < 2; i++) await lib.opened(ana);
  /* Each step: the process to restart, and its keys. */
  const steps = [["a", one, two], ["b", one, two], ["a", two, one], ["b", two, one], ["a", two], ["b", two]];
  let held = first, n = 0;
  await agree(a, b);
  for (const [which, secret, previous] of steps) {
    const restarted = await start(secret, previous);
    if (which === "a") { await stop(a); a = restarted; } else { await stop(b); b = restarted; }
    await agree(a, b);
    /* A session from before the rotation stays valid, renewed at either process. */
    held = await renewed(n++ % 2 ? a : b, held.refresh_token);
    await good(a, held.access_token);
    await good(b, held.access_token);
  }
  await refused(a, first.access_token);
  await refused(b, first.access_token);
  await stop(a, b);
});

test("the wrong order, which the README warns of: a process without the new key refuses its tokens", async () => {
  const a = await start(two, one), b = await start(one);
  const s = await signIn(a), t = await signIn(b);
  await good(a, t.access_token);
  await refused(b, s.access_token);
  await stop(a, b);
});

test("the previous key must meet the same rules, and must differ from the first", async () => {
  const port = await lib.freePort(), directory = fs.mkdtempSync(path.join(require("node:os").tmpdir(), "gestor-rotation-"));
  const file = path.join(directory, "previous");
  const begin = (env) => spawnSync(lib.gestor, ["serve"], { encoding: "utf8", timeout: 10000,
    env: { PATH: process.env.PATH, DATABASE_URL: world.database.serve, GESTOR_LISTEN: `127.0.0.1:${port}`, GESTOR_JWT_SECRET: one, ...env } });
  try {
    for (const [what, value] of [[/is the same as GESTOR_JWT_SECRET/, one], [/is shorter than 32 bytes/, "x"], [/too few different characters/, "ab".repeat(32)],
      [/looks like a placeholder/, "changeme-0123456789abcdefghijklmnopqrstuvwxyz"]]) {
      fs.writeFileSync(file, `${value}\n`);
      for (const env of [{ GESTOR_JWT_SECRET_PREVIOUS: value }, { GESTOR_JWT_SECRET_PREVIOUS_FILE: file }]) {
        const r = begin(env);
        assert.equal(r.status, 2, r.stderr);
        assert.match(r.stderr, /GESTOR_JWT_SECRET_PREVIOUS /);
        assert.match(r.stderr, what);
        assert.ok(value === "x" || !r.stderr.includes(value), "the secret is not shown");
      }
    }
    const missing = begin({ GESTOR_JWT_SECRET_PREVIOUS_FILE: path.join(directory, "none") });
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /GESTOR_JWT_SECRET_PREVIOUS_FILE: cannot read/);
    /* The key can come from a file. */
    const s = await signIn(world.server);
    fs.writeFileSync(file, `${one}\n`);
    const server = await lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: two, GESTOR_JWT_SECRET_PREVIOUS_FILE: file } });
    await good(server, s.access_token);
    for (const secret of [one, two]) assert.ok(!server.log().includes(secret));
    await stop(server);
    /* An empty setting is no key. */
    const bare = await lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: two, GESTOR_JWT_SECRET_PREVIOUS: "" } });
    await refused(bare, s.access_token);
    await stop(bare);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});
