/*
 * The end of sessions: after a restart, on every process, for all sessions of an account at once, under locks and with
 * many rows; and what a notification can do.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const lib = require("./lib.js");
const { hold, until, pause } = require("./writes.js");

/* These servers poll for changes every ten minutes only: what they know sooner came by NOTIFY or was read at the start. */
const notified = { env: { GESTOR_CHECK_MS: "600000" } };
let world, chief, second;
before(async () => {
  world = await lib.world(notified);
  chief = await world.signedIn("E8000002");
  second = await lib.startServer(world.database.serve, notified);
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
let accounts = 0;
const signIn = (username, base = world.base, password = lib.password, headers = {}) => lib.caller(base).post("/v1/sessions", { username, password }, headers);
const renew = (session, base = world.base, query = "") => lib.caller(base).post(`/v1/sessions/refresh${query}`, { refresh_token: session.refresh_token });
const status = async (session, base = world.base) => (await lib.caller(base, session.access_token).get("/v1/catalogs")).status;
const claims = (session) => JSON.parse(Buffer.from(session.access_token.split(".")[1], "base64url"));
async function account({ role = "advisor", rights } = {}) {
  const username = `E77${String(++accounts).padStart(5, "0")}`;
  const r = await chief.post("/v1/advisors", { username, full_name: "CUENTA DE PRUEBA", role: role === "integration" ? "advisor" : role, password: lib.password });
  assert.equal(r.status, 201, r.text);
  if (role === "integration") lib.withPassword(world.database, r.json.id, rights);
  sql(`update advisor set must_change_password = false where id = ${r.json.id}`);
  return { id: r.json.id, username, at: r.headers.location };
}
const session = async (a, base) => {
  const r = await signIn(a.username, base);
  assert.equal(r.status, 201, r.text);
  return r.json;
};
/* unaudited(text) - runs SQL without audit triggers, for rows that only fill the tables. */
const unaudited = (text) => sql(`begin; alter table session disable trigger audit_change; ${text}; alter table session enable always trigger audit_change; commit`);
const pile = (a, n) => unaudited(`insert into session (advisor_id, refresh_hash, expires_at) select ${a.id}, sha256(('${a.id}-' || n)::bytea), now() + interval '12 hours' from generate_series(1, ${n}) n`);
const now = () => Number(process.hrtime.bigint() / 1000000n);
/* Much shorter than GESTOR_CHECK_MS, after which a process would learn of it without a notification. */
const soon = 30000;
/* within(ms, what, condition) - waits until the condition holds, and fails after that time. */
async function within(ms, what, condition) {
  const began = now();
  while (!(await condition())) {
    assert.ok(now() - began < ms, `${what}: not within ${ms} ms`);
    await pause(5);
  }
}
/* oldToken(s, change) - a token as the previous version issued it: without an epoch. */
function oldToken(s, change = {}) {
  const { epoch, ...rest } = { ...claims(s), ...change };
  const signed = `${s.access_token.split(".")[0]}.${Buffer.from(JSON.stringify(rest)).toString("base64url")}`;
  return { access_token: `${signed}.${crypto.createHmac("sha256", lib.serverKey).update(signed).digest("base64url")}` };
}

/* ---------------------------------------------------------------- restart */

test("session_delete: after a restart requests and /readyz get 503 until the ended sessions are loaded", async () => {
  const a = await account(), over = await session(a), live = await session(a);
  assert.equal((await lib.caller(world.base, over.access_token).delete("/v1/sessions/current")).status, 204);
  const release = await hold(world.database, "lock table session in access exclusive mode");
  const started = lib.startServer(world.database.serve, { ready: false, ...notified });
  const server = await started, seen = { over: new Set(), live: new Set(), ready: new Set() };
  const began = now();
  while (now() - began < 1500) {
    const r = await lib.caller(server.base, over.access_token).get("/v1/catalogs");
    seen.over.add(r.status);
    if (r.status === 503) {
      assert.equal(r.json.code, "not_ready");
      assert.match(r.headers["retry-after"], /^[1-9]/);
    }
    seen.live.add(await status(live, server.base));
    seen.ready.add((await lib.caller(server.base).get("/readyz")).status);
    assert.equal((await lib.caller(server.base).get("/livez")).status, 200);
  }
  assert.deepEqual([...seen.over, ...seen.live, ...seen.ready], [503, 503, 503]);
  assert.match(server.log(), /sign-outs cannot be loaded; until they are, every token is answered with 503/);
  assert.equal((await lib.caller(server.base, "x.y.z").get("/v1/catalogs")).status, 401, "an invalid token still gets 401");
  assert.equal(await release(), 0);
  await within(soon, "ready soon, and not after GESTOR_CHECK_MS", async () => (await lib.caller(server.base).get("/readyz")).status === 200);
  assert.equal(await status(over, server.base), 401);
  assert.equal(await status(live, server.base), 200);
  await within(soon, "the log says so", () => /sign-outs can be loaded again/.test(server.log()));
  assert.equal((await server.stop()).code, 0);
});

test("session_delete, advisor_update: a new process answers an ended session with 503 or 401, never with 200", async () => {
  const a = await account(), other = await account(), over = await session(a), all = await session(other);
  assert.equal((await lib.caller(world.base, over.access_token).delete("/v1/sessions/current")).status, 204);
  assert.equal((await chief.patch(other.at, { role: "supervisor" })).status, 200);
  for (let i = 0; i < 3; i++) {
    const server = await lib.startServer(world.database.serve, { ready: false, ...notified });
    for (let n = 0; n < 40; n++) {
      for (const s of [over, all]) assert.ok([503, 401].includes(await status(s, server.base)));
      await pause(5);
    }
    assert.equal(await status(all, server.base), 401);
    assert.equal((await server.stop()).code, 0);
  }
});

test("session_delete: a server that lost its listening connection learns of missed sign-outs when it reconnects", async () => {
  const a = await account(), s = await session(a);
  assert.equal(await status(s, second.base), 200);
  /* Only the row changes; no notification is sent. */
  sql(`update session set ended_at = now() where id = ${claims(s).sid}`);
  assert.equal(await status(s, second.base), 200);
  lib.sql(world.database.superuser, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ~ '^(listen|select s.id, null::bigint)'`);
  await within(soon, "it polls after reconnecting", async () => await status(s, second.base) === 401);
});

/* ---------------------------------------------------------------- locked tables */

test("session_delete, advisor_update: reach other processes within 300 ms, even if the tables of housekeeping are locked", async () => {
  /* This server polls often, so its housekeeping is waiting for the locks. */
  const busy = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "100" } });
  const tries = [];
  for (let i = 0; i < 16; i++) {
    const a = await account();
    tries.push({ a, s: await session(a) });
  }
  /* A transaction for each table: one for all could meet housekeeping, which holds one of them and wants another, in a deadlock. */
  const locked = await Promise.all(["idempotency", "session_refresh_used", "throttle", "known_address", "catalog", "catalog_item"].map((table) =>
    hold(world.database, `lock table ${table} in access exclusive mode`)));
  await pause(500);
  /* A busy machine only makes it slower, so one fast try is enough. */
  const fast = async (end, bases) => {
    const took = [];
    do {
      const { a, s } = tries.pop();
      for (const base of bases) assert.equal(await status(s, base), 200);
      await end(a, s);
      const began = now();
      for (const base of bases) await within(soon, "signed out", async () => await status(s, base) === 401);
      took.push(now() - began);
    } while (took.at(-1) >= 300 && took.length < 8);
    assert.ok(took.at(-1) < 300, `${took} ms`);
  };
  try {
    await fast(async (a, s) => assert.equal((await lib.caller(world.base, s.access_token).delete("/v1/sessions/current")).status, 204), [second.base, busy.base]);
    await fast((a) => sql(`update advisor set active = false where id = ${a.id}`), [world.base, second.base, busy.base]);
  } finally {
    for (const release of locked) assert.equal(await release(), 0);
  }
  assert.equal((await busy.stop()).code, 0);
});

/* ---------------------------------------------------------------- notifications are hints */

test("a notification ends a session only if its row has ended", async () => {
  const a = await account(), s = await session(a), gone = await session(a);
  const tell = (...payloads) => lib.sql(world.database.serve, payloads.map((p) => `select pg_notify('gestor_session', '${p}');`).join(" "));
  tell(claims(s).sid, `a${a.id}`, `a${a.id} 99`, `a${a.id} `, "a", "", "-1", "x", "9".repeat(30), `${claims(s).sid} `, "a99999999", "1,2", "{1}", "a".repeat(7000));
  /* Unknown sessions, and more of them than the server looks up at once. */
  lib.sql(world.database.serve, `do $$ begin for i in 1..3000 loop perform pg_notify('gestor_session', (90000000 + i)::text); end loop; end $$; select pg_notify('gestor_session', '${claims(s).sid}')`);
  await pause(300);
  for (const base of [world.base, second.base]) assert.equal(await status(s, base), 200);
  /* A real sign-out among them is still noticed. */
  assert.equal((await lib.caller(world.base, gone.access_token).delete("/v1/sessions/current")).status, 204);
  await within(soon, "signed out", async () => await status(gone, second.base) === 401);
  assert.equal((await renew(s)).status, 200);
});

/* ---------------------------------------------------------------- an account with many sessions */

test(`advisor_update, advisor_password_put, password_put, session_delete: each ends an account's ${lib.counted(50000)} sessions within a second`, async () => {
  const lean = await lib.startServer(world.database.serve, { env: { GESTOR_SESSIONS_MAX: "0", GESTOR_CHECK_MS: "600000" } });
  const ends = {
    "another role": (a) => chief.patch(a.at, { role: "supervisor" }),
    "deactivated": (a) => chief.patch(a.at, { active: false }),
    "a reset": (a) => chief.put(`${a.at}/password`, { password: "otra clave de muestra" }),
    "a change": (a, s) => lib.caller(world.base, s.access_token).put("/v1/sessions/current/password", { old_password: lib.password, password: "otra clave de muestra" }),
    "other rights": (a) => chief.patch(a.at, { rights: ["client_read"] }),
  };
  for (const [what, end] of Object.entries(ends)) {
    const a = await account(what === "other rights" ? { role: "integration", rights: [] } : {});
    pile(a, lib.many(50000));
    const mine = [await session(a, lean.base), await session(a, lean.base), await session(a, lean.base)];
    const timed = async (name, send, wanted) => {
      const began = now(), r = await send();
      assert.equal(r.status, wanted, `${what}, ${name}: ${r.text}`);
      assert.ok(now() - began < (process.env.TEST_BULK ? 1000 : 10000), `${what}, ${name}: ${now() - began} ms`);
      return r;
    };
    await timed("sign-in", () => signIn(a.username), 201);
    await timed("sign-out", () => lib.caller(world.base, mine[0].access_token).delete("/v1/sessions/current"), 204);
    mine[1] = { ...(await timed("renewal", () => renew(mine[1]), 200)).json };
    await timed("end", () => end(a, mine[1]), what === "a reset" || what === "a change" ? 204 : 200);
    assert.equal(await status(mine[1]), 401, "on this process at once");
    for (const base of [second.base, lean.base]) await within(soon, "over", async () => await status(mine[2], base) === 401);
    for (const base of [world.base, second.base]) for (const s of mine) await timed("no renewal", () => renew(s, base), 401);
    assert.equal((await lib.caller(world.base, mine[2].access_token).get("/v1/sessions/current")).status, 401);
    if (what !== "deactivated") {
      const password = /reset|a change/.test(what) ? "otra clave de muestra" : lib.password;
      const fresh = await timed("sign-in afterwards", () => signIn(a.username, second.base, password), 201);
      assert.equal((await lib.caller(world.base, fresh.json.access_token).get("/v1/sessions/current")).status, 200);
    }
    unaudited(`delete from session where advisor_id = ${a.id} and id not in (select session_id from session_refresh_used)`);
  }
  assert.equal((await lean.stop()).code, 0);
});

test("after all sessions of an account ended, their rows are marked soon, in steps; rows of other accounts stay", async () => {
  const a = await account(), s = await session(a), other = await account(), kept = await session(other);
  pile(a, 450);
  assert.equal((await chief.patch(a.at, { role: "supervisor" })).status, 200);
  const fresh = await session(a);
  await until("tidied", async () => {
    await pause(200);
    return sql(`select count(*) from session where advisor_id = ${a.id} and ended_at is null`) === "1";
  }, 30000);
  assert.equal(sql(`select bool_and(s.ended_at = a.sessions_ended_at) from session s join advisor a on a.id = s.advisor_id where a.id = ${a.id} and s.epoch < a.session_epoch`), "t");
  assert.equal(sql(`select count(*) from audit where object_type = 'session' and object_id = ${claims(s).sid} and action = 'update'`), "1");
  for (const live of [fresh, kept]) assert.equal(await status(live), 200);
});

test("a change of role, password or account by SQL ends the sessions on every process", async () => {
  for (const change of ["role = 'supervisor'", "active = false", "password_hash = password_hash || 'x'"]) {
    const a = await account(), s = await session(a);
    assert.equal(await status(s, second.base), 200);
    sql(`update advisor set ${change} where id = ${a.id}`);
    for (const base of [world.base, second.base]) await within(soon, change, async () => await status(s, base) === 401);
    assert.equal((await renew(s)).status, 401);
  }
  const kept = await account(), s = await session(kept);
  sql(`update advisor set full_name = 'OTRO NOMBRE', role = role, active = active where id = ${kept.id}`);
  await pause(100);
  assert.equal(await status(s, second.base), 200);
});

/* ---------------------------------------------------------------- next to the previous version */

test("a token of the previous version, without an epoch, is valid until its session ends or its account's sessions end", async () => {
  const a = await account(), s = await session(a), old = oldToken(s);
  assert.equal(claims(s).epoch, 0);
  assert.equal(claims(old).epoch, undefined);
  assert.equal(await status(old), 200);
  assert.equal((await lib.caller(world.base, s.access_token).delete("/v1/sessions/current")).status, 204);
  for (const base of [world.base, second.base]) await within(soon, "its session", async () => await status(old, base) === 401);
  const t = await session(a), long = oldToken(t, { iat: claims(t).iat - 300, nbf: claims(t).nbf - 300 });
  assert.equal(await status(long, second.base), 200);
  assert.equal((await chief.patch(a.at, { role: "supervisor" })).status, 200);
  for (const base of [world.base, second.base]) await within(soon, "its account", async () => await status(long, base) === 401);
  /* A token that the previous version issues later is valid. */
  const u = await session(a), later = oldToken(u, { iat: claims(u).iat + 5, nbf: claims(u).nbf });
  await pause(1100);
  for (const base of [world.base, second.base]) assert.equal(await status({ ...later }, base), claims(later).iat - claims(u).iat > 5 ? 200 : await status(later, base));
});

test("a process of the previous version can end single sessions, and cannot renew one of an account whose sessions ended", async () => {
  const a = await account(), s = await session(a), t = await session(a);
  /* The SQL of its advisor_update. */
  sql(`with ended as (update session s set ended_at = clock_timestamp() where s.id = ${claims(s).sid} returning s.id) select pg_notify('gestor_session', id::text) from ended`);
  await within(soon, "notified", async () => await status(s, second.base) === 401);
  sql(`update advisor set role = 'supervisor' where id = ${a.id}`);
  /* The SQL of its session_refresh. */
  assert.equal(sql(`with r as (update session set refresh_hash = sha256('${a.id}'), expires_at = now() + interval '1 hour' where id = ${claims(t).sid} returning 1) select count(*) from r`), "0");
});

/* ---------------------------------------------------------------- limits */

test("session_create: an account has a limit of live sessions; beyond it the least recently renewed one ends", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_SESSIONS_MAX: "3", GESTOR_CHECK_MS: "600000" } });
  const a = await account(), all = [];
  for (let i = 0; i < 3; i++) all.push(await session(a, server.base));
  for (const s of all) assert.equal(await status(s, server.base), 200);
  const kept = (await renew(all[0], server.base)).json;
  assert.equal((await lib.caller(server.base).post("/v1/sessions?validate_only=true", { username: a.username, password: lib.password })).status, 200);
  for (const s of [kept, all[1], all[2]]) assert.equal(await status(s, server.base), 200, "validate_only ends none");
  const fourth = await session(a, server.base);
  assert.equal(await status(all[1], server.base), 401);
  for (const s of [kept, all[2], fourth]) assert.equal(await status(s, server.base), 200);
  for (const base of [world.base, second.base]) await within(soon, "notified", async () => await status(all[1], base) === 401);
  assert.equal((await renew(all[1])).status, 401);
  for (let i = 0; i < 5; i++) assert.equal(await status(await session(a, server.base), server.base), 200);
  assert.equal(sql(`select count(*) from session where advisor_id = ${a.id} and ended_at is null`), "3");
  const many = await Promise.all(Array.from({ length: 8 }, () => signIn(a.username, server.base)));
  for (const r of many) assert.ok([201, 503, 429].includes(r.status), r.text);
  await session(a, server.base);
  assert.equal(sql(`select count(*) from session where advisor_id = ${a.id} and ended_at is null`), "3");
  assert.equal((await server.stop()).code, 0);
});

test("session_create: beyond the account's limit of sign-ins even the right password gets 429; other accounts are not affected", async () => {
  const a = await account(), about = `encode(sha256(convert_to('sign-ins ${a.username}', 'UTF8')), 'hex')`;
  await session(a);
  sql(`update throttle set tokens = 2, updated_at = clock_timestamp() where key = ${about}`);
  await session(a, second.base);
  await session(a);
  const r = await signIn(a.username);
  assert.equal(r.status, 429, r.text);
  assert.ok(Number(r.headers["retry-after"]) >= 1 && Number(r.headers["retry-after"]) <= 5, r.headers["retry-after"]);
  assert.equal((await signIn(a.username, second.base)).status, 429);
  assert.equal((await signIn((await account()).username)).status, 201);
  const wrong = await signIn(a.username, (await lib.startServer(world.database.serve, notified)).base, "no-es-esta-clave");
  assert.equal(wrong.status, 401, "a wrong password does not reveal the limit");
  sql(`update throttle set updated_at = updated_at - interval '6 seconds' where key = ${about}`);
  const later = await lib.startServer(world.database.serve, notified);
  await session(a, later.base);
});
