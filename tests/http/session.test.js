"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const lib = require("./lib.js");

const { until, pause } = require("./writes.js");

let world;
/* These servers poll for sign-outs every ten minutes only: what they know sooner came by NOTIFY or was read at the start. */
const notified = { env: { GESTOR_CHECK_MS: "600000" } };
before(async () => { world = await lib.world(notified); });
after(() => world.end());

test("session_create: the username is not case-sensitive; the answer is the whole session", async () => {
  const r = await world.anyone.post("/v1/sessions", { username: "e8153375", password: lib.password });
  assert.equal(r.status, 201);
  assert.equal(r.headers.location, "/v1/sessions/current");
  assert.equal(r.json.token_type, "Bearer");
  assert.equal(r.json.expires_in, 900);
  assert.deepEqual({ ...r.json.advisor, id: "" }, { id: "", username: "E8153375", full_name: "NOMBRE DE E8153375", role: "advisor",
    rights: ["session", "catalog_read", "client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write", "personal_data"] });
});

test("session_create: unknown user and wrong password get the same answer", async () => {
  const a = await world.anyone.post("/v1/sessions", { username: "E8153375", password: "no-es-esta-clave" });
  const b = await world.anyone.post("/v1/sessions", { username: "EB153375", password: "no-es-esta-clave" });
  for (const r of [a, b]) {
    assert.equal(r.status, 401);
    assert.match(r.headers["www-authenticate"], /^Bearer/);
  }
  assert.deepEqual({ ...a.json, request_id: "" }, { ...b.json, request_id: "" });
});

test("session_get: shows the advisor, but no tokens", async () => {
  const ana = await world.signedIn("E8123497");
  const r = await ana.get("/v1/sessions/current");
  assert.equal(r.status, 200);
  assert.equal(r.json.advisor.username, "E8123497");
  assert.equal(r.json.access_token, null);
  assert.ok(r.json.expires_in > 890 && r.json.expires_in <= 900);
});

test("session_refresh: issues a new refresh token, and the used one is no longer valid", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const r = await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token });
  assert.equal(r.status, 200);
  assert.notEqual(r.json.refresh_token, s.refresh_token);
  assert.equal((await lib.caller(world.base, r.json.access_token).get("/v1/sessions/current")).status, 200);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token })).status, 401);
});

/* ----------------------------------------------- reuse of a used refresh token */

const signIn = async (base = world.base) => (await lib.caller(base).post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
const renew = (token, headers, base = world.base) => lib.caller(base).post("/v1/sessions/refresh", { refresh_token: token }, headers);
const status = async (token, base = world.base) => (await lib.caller(base, token).get("/v1/catalogs")).status;
const isOver = async (...tokens) => {
  for (const t of tokens) {
    assert.equal(await status(t.access_token), 401);
    assert.equal((await renew(t.refresh_token)).status, 401);
  }
};
const idOf = (s) => JSON.parse(Buffer.from(s.access_token.split(".")[1], "base64url")).sid;
const hashes = (s) => Number(world.database.sql(`select count(*) from session_refresh_used where session_id = ${idOf(s)}`));
/* said(r) - the answer without what differs in every answer. */
const said = (r) => ({ status: r.status, json: { ...r.json, request_id: "" }, headers: { ...r.headers, date: "", "x-request-id": "", "content-length": "" } });

test("session_refresh: reuse of a used token ends the whole session, including the newest tokens", async () => {
  const s = await signIn(), other = await signIn();
  const first = (await renew(s.refresh_token)).json, second = (await renew(first.refresh_token)).json;
  assert.equal(hashes(s), 2);
  for (const t of [s, first, second]) assert.equal(await status(t.access_token), 200);
  const reuse = await renew(s.refresh_token);
  assert.equal(reuse.json.code, "refresh_token_invalid");
  await isOver(s, first, second);
  assert.equal(await status(other.access_token), 200, "another session of the same advisor stays");
  assert.equal((await renew(other.refresh_token)).status, 200);
  assert.equal(world.database.sql(`select ended_at between now() - interval '1 minute' and now() from session where id = ${idOf(s)}`), "t");
  await until("the log has it", () => world.server.log().includes(`a used refresh token was presented again: session ${idOf(s)} ended`));
});

test("session_refresh: used, unknown and expired tokens, and those of an ended session, get the same answer", async () => {
  const used = await signIn(), ended = await signIn(), old = await signIn();
  assert.equal((await renew(used.refresh_token)).status, 200);
  assert.equal((await lib.caller(world.base, ended.access_token).delete("/v1/sessions/current")).status, 204);
  world.database.sql(`update session set expires_at = now() - interval '1 second' where id = ${idOf(old)}`);
  const unknown = said(await renew(crypto.randomBytes(32).toString("base64url")));
  assert.equal(unknown.status, 401);
  for (const token of [used, used, ended, old]) assert.deepEqual(said(await renew(token.refresh_token)), unknown);
});

test("session_refresh: of ten simultaneous requests with one token one gets new tokens, and the reuse ends the session", async () => {
  for (let round = 0; round < 3; round++) {
    const s = await signIn();
    const all = await Promise.all(Array.from({ length: 10 }, () => renew(s.refresh_token)));
    assert.deepEqual(all.map((r) => r.status).sort(), [200, ...Array(9).fill(401)]);
    assert.equal(hashes(s), 1);
    await isOver(s, all.find((r) => r.status === 200).json);
  }
});

test("session_refresh: browser tabs that renew at once with the Idempotency-Key SHA-256(refresh token) get the same new tokens", async () => {
  let { refresh_token: token } = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  for (let round = 0; round < 5; round++) {
    const headers = { "idempotency-key": crypto.createHash("sha256").update(token).digest("hex") };
    const all = await Promise.all(Array.from({ length: 4 }, () => world.anyone.post("/v1/sessions/refresh", { refresh_token: token }, headers)));
    assert.deepEqual(all.map((r) => r.status), [200, 200, 200, 200]);
    assert.equal(new Set(all.map((r) => r.text)).size, 1);
    assert.equal(all.filter((r) => r.headers["idempotent-replayed"] === undefined).length, 1);
    const { access_token: renewed } = all[0].json;
    assert.equal((await lib.caller(world.base, renewed).get("/v1/sessions/current")).status, 200);
    token = all[0].json.refresh_token;
  }
});

test("session_refresh: of two simultaneous requests at two processes one gets new tokens, and then both processes refuse them", async () => {
  const other = await lib.startServer(world.database.serve, notified);
  for (let round = 0; round < 5; round++) {
    const s = await signIn();
    const both = await Promise.all([renew(s.refresh_token), renew(s.refresh_token, {}, other.base)]);
    assert.deepEqual(both.map((r) => r.status).sort(), [200, 401]);
    const won = both.find((r) => r.status === 200).json;
    for (const base of [world.base, other.base])
      for (const t of [s, won]) await until("refused", async () => await status(t.access_token, base) === 401);
    await isOver(won);
  }
  assert.equal((await other.stop()).code, 0);
});

test("session_refresh: after reuse at one process, other processes refuse the session's access tokens, also one that starts later", async () => {
  const other = await lib.startServer(world.database.serve, notified);
  const s = await signIn(), next = (await renew(s.refresh_token, {}, other.base)).json;
  for (const t of [s, next]) assert.equal(await status(t.access_token, other.base), 200);
  assert.equal((await renew(s.refresh_token)).status, 401);
  await until("refused there", async () => await status(next.access_token, other.base) === 401);
  assert.equal(await status(s.access_token, other.base), 401);
  const later = await lib.startServer(world.database.serve, notified);
  await until("refused by a third", async () => await status(next.access_token, later.base) === 401);
  for (const server of [other, later]) assert.equal((await server.stop()).code, 0);
});

test("session_refresh: a retry with the same key is no reuse, at any process, during or after the first request", async () => {
  const other = await lib.startServer(world.database.serve, notified);
  const s = await signIn(), key = { "idempotency-key": "renewed-once" };
  const first = await renew(s.refresh_token, key);
  assert.equal(first.status, 200);
  for (const base of [world.base, other.base, world.base]) {
    const again = await renew(s.refresh_token, key, base);
    assert.equal(again.headers["idempotent-replayed"], "true");
    assert.equal(again.text, first.text);
  }
  const many = await signIn();
  const all = await Promise.all(Array.from({ length: 12 }, (_, i) => renew(many.refresh_token, key, i % 2 ? world.base : other.base)));
  for (const r of all) assert.ok([200, 409].includes(r.status), r.text);
  const won = all.find((r) => r.status === 200).json;
  for (const t of [first.json, won, many]) assert.equal(await status(t.access_token, other.base), 200);
  /* With another key it is reuse. */
  assert.equal((await renew(many.refresh_token, { "idempotency-key": "otra" }, other.base)).status, 401);
  await until("refused", async () => await status(won.access_token) === 401);
  assert.equal(await status(first.json.access_token), 200);
  assert.equal((await other.stop()).code, 0);
});

/* ------------------------------------------------- the end of a session */

const claims = (s) => JSON.parse(Buffer.from(s.access_token.split(".")[1], "base64url"));
/* aged(s, seconds) - moves the session's start this far into the past. */
const aged = (s, seconds) => world.database.sql(`update session set created_at = now() - make_interval(secs => ${seconds}) where id = ${idOf(s)}`);
const near = (n, most) => assert.ok(n <= most && n >= most - 3, `${n}, not ${most}`);

test("session_create, session_refresh: no token outlives GESTOR_SESSION_HOURS from the sign-in, however often the session is renewed", async () => {
  for (const [env, hours, refresh] of [[{}, 24, 43200], [{ GESTOR_SESSION_HOURS: "1" }, 1, 3600]]) {
    const server = await lib.startServer(world.database.serve, { env });
    let s = await signIn(server.base);
    near(s.refresh_expires_in, refresh);
    assert.equal(s.expires_in, 900);
    for (const left of [2000, 600, 100, 20]) {
      aged(s, hours * 3600 - left);
      const key = { "idempotency-key": `end-${hours}-${left}` }, r = await renew(s.refresh_token, key, server.base);
      assert.equal(r.status, 200, r.text);
      near(r.json.expires_in, Math.min(900, left));
      near(r.json.refresh_expires_in, left);
      assert.equal(claims(r.json).exp - claims(r.json).iat, r.json.expires_in);
      assert.equal(await status(r.json.access_token, server.base), 200);
      assert.equal((await renew(s.refresh_token, key, server.base)).text, r.text, "repeated, the same");
      const shown = (await lib.caller(server.base, r.json.access_token).get("/v1/sessions/current")).json;
      near(shown.expires_in, Math.min(900, left));
      near(shown.refresh_expires_in, left);
      s = r.json;
    }
    aged(s, hours * 3600 + 1);
    assert.equal((await renew(s.refresh_token, {}, server.base)).json.code, "refresh_token_invalid");
    assert.equal((await server.stop()).code, 0);
  }
});

test("session_refresh: after the session's end both tokens get 401", async () => {
  let s = await signIn();
  aged(s, 24 * 3600 - 3);
  s = (await renew(s.refresh_token)).json;
  assert.equal(await status(s.access_token), 200);
  await pause(3100);
  const r = await lib.caller(world.base, s.access_token).get("/v1/catalogs");
  assert.equal(r.status, 401);
  assert.equal(r.json.code, "token_invalid");
  assert.equal((await renew(s.refresh_token)).json.code, "refresh_token_invalid");
});

test("session_refresh: with validate_only, reuse of a used token ends the session too; the newest token changes nothing", async () => {
  const s = await signIn(), next = (await renew(s.refresh_token)).json;
  const preview = (token) => world.anyone.post("/v1/sessions/refresh?validate_only=true", { refresh_token: token });
  assert.equal((await preview(next.refresh_token)).status, 200);
  assert.equal((await preview(crypto.randomBytes(32).toString("base64url"))).status, 401);
  assert.equal(await status(next.access_token), 200);
  assert.equal((await preview(s.refresh_token)).status, 401);
  await isOver(s, next);
  assert.equal(world.database.sql(`select count(*) from audit where object_type = 'session' and object_id = ${idOf(s)} and operation = 'session_refresh' and request_id is not null`), "1");
});

test("used refresh tokens are deleted a day after their session's end, and not before", async () => {
  const sessions = {};
  for (const name of ["lives", "justEnded", "justOut", "ended", "out"]) {
    sessions[name] = await signIn();
    assert.equal((await renew(sessions[name].refresh_token)).status, 200);
    world.database.sql(`update session_refresh_used set used_at = now() - interval '40 days' where session_id = ${idOf(sessions[name])}`);
  }
  const change = (name, what) => world.database.sql(`update session set ${what} where id = ${idOf(sessions[name])}`);
  change("justEnded", "ended_at = now() - interval '23 hours'");
  change("justOut", "expires_at = now() - interval '23 hours'");
  change("ended", "ended_at = now() - interval '25 hours'");
  change("out", "expires_at = now() - interval '25 hours'");
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "100" } });
  await until("purged", () => hashes(sessions.ended) + hashes(sessions.out) === 0);
  await pause(300);
  for (const name of ["lives", "justEnded", "justOut"]) assert.equal(hashes(sessions[name]), 1, name);
  assert.equal(world.database.sql(`select count(*) from session where id in (${idOf(sessions.ended)}, ${idOf(sessions.out)})`), "2");
  assert.equal((await renew(sessions.out.refresh_token)).status, 401);
  /* The oldest token of a live session is still recognised as used. */
  assert.equal((await renew(sessions.lives.refresh_token)).status, 401);
  assert.equal(await status(sessions.lives.access_token), 401);
  assert.equal((await server.stop()).code, 0);
});

test("session_delete: access and refresh token are refused at once, here and in another process", async () => {
  const other = await lib.startServer(world.database.serve, notified);
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const here = lib.caller(world.base, s.access_token), there = lib.caller(other.base, s.access_token);
  assert.equal((await there.get("/v1/catalogs")).status, 200);
  assert.equal((await here.delete("/v1/sessions/current")).status, 204);
  assert.equal((await here.get("/v1/catalogs")).status, 401);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token })).status, 401);
  await until("refused there", async () => (await there.get("/v1/catalogs")).status === 401);
  await other.stop();
});

test("session_delete: a process started later refuses the token too", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  assert.equal((await lib.caller(world.base, s.access_token).delete("/v1/sessions/current")).status, 204);
  const later = await lib.startServer(world.database.serve, notified);
  await until("refused by it", async () => (await lib.caller(later.base, s.access_token).get("/v1/catalogs")).status === 401);
  await later.stop();
});

test("refresh tokens are stored only as hashes", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const used = await signIn();
  assert.equal((await renew(used.refresh_token)).status, 200);
  assert.equal(world.database.sql(`select length(hash) from session_refresh_used where session_id = ${idOf(used)}`), "32");
  assert.equal(world.database.sql(`select count(*) from session_refresh_used where encode(hash, 'hex') like '%${Buffer.from(used.refresh_token).toString("hex")}%'
    or hash = decode('${Buffer.from(used.refresh_token, "base64url").toString("hex")}', 'hex') or encode(hash, 'escape') like '%${used.refresh_token}%'`), "0");
  assert.equal(world.database.sql(`select count(*) from session where encode(refresh_hash, 'hex') like '%${Buffer.from(s.refresh_token).toString("hex")}%'
    or encode(refresh_hash, 'escape') like '%${s.refresh_token}%'`), "0");
});
