"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { hold, until, waiting } = require("./writes.js");

let world, ana, boss, chief, second;   // second: another process on the same database
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
  /* It polls for changes every ten minutes only, so what it learns sooner came by NOTIFY. */
  second = (await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "600000" } })).base;
});
after(() => world.end());

let accounts = 0;
const username = () => `E66${String(++accounts).padStart(5, "0")}`;
const signIn = (name, password = lib.password, base = world.base, query = "") =>
  lib.caller(base).post(`/v1/sessions${query}`, { username: name, password });
async function account(more = {}) {
  const r = await chief.post("/v1/advisors", { username: username(), full_name: "CUENTA DE PRUEBA", role: "advisor", password: lib.password, ...more });
  assert.equal(r.status, 201, r.text);
  return { ...r.json, at: r.headers.location };
}
/* free(more) - an account that has already changed its first password, and its caller. */
async function free(more = {}) {
  if (more.role === "integration") {
    const m = await lib.machine(chief, world.base, more), { json } = await chief.get(`/v1/advisors/${m.id}`);
    return { ...json, ...m, at: `/v1/advisors/${m.id}` };
  }
  const made = await account(more);
  world.database.sql(`update advisor set must_change_password = false where id = ${made.id}`);
  const session = (await signIn(made.username)).json;
  return { ...made, session, as: lib.caller(world.base, session.access_token), there: lib.caller(second, session.access_token) };
}
/* soon(what, status) - the second process learns of it by NOTIFY soon. */
async function soon(ask, status) {
  const end = Date.now() + 30000;
  let r;
  do r = await ask(); while (r.status !== status && Date.now() < end);
  assert.equal(r.status, status, r.text);
}

test("advisor_create: creates accounts, and refuses invalid ones", async () => {
  const made = await account({ username: "e6600999", role: "integration", rights: ["client_read"], password: undefined });
  assert.deepEqual({ ...made, created_at: 0, updated_at: 0 }, { id: made.id, username: "E6600999", full_name: "CUENTA DE PRUEBA", role: "integration",
    rights: ["client_read"], active: true, must_change_password: false, created_at: 0, updated_at: 0, at: `/v1/advisors/${made.id}` });
  const { at, ...shown } = made;
  assert.deepEqual((await chief.get(at)).json, shown);
  assert.doesNotMatch((await chief.get("/v1/advisors?limit=100")).text, /argon|password_hash|una-clave/);
  const body = { username: username(), full_name: "X", role: "advisor", password: lib.password };
  for (const [change, pointer, code] of [
    [{ username: "E123" }, "#/username", "pattern"], [{ full_name: " " }, "#/full_name", "blank"], [{ role: "jefe" }, "#/role", "not_listed"],
    [{ password: "corta" }, "#/password", "too_short"], [{ password: "contraseña1234" }, "#/password", "password_weak"], [{ password: "ADMINISTRADOR123" }, "#/password", "password_weak"], [{ password: "SonyEricsson" }, "#/password", "password_weak"], [{ password: "leavemealone" }, "#/password", "password_weak"],
    [{ password: "abcabcabcabc" }, "#/password", "password_weak"], [{ password: "x".repeat(257) }, "#/password", "too_long"],
    [{ rights: ["client_read"] }, "#/rights", "rights"], [{ role: "integration", rights: ["advisor_manage"] }, "#/rights/0", "not_listed"],
    [{ role: "integration", rights: ["client_read", "client_read"] }, "#/rights", "not_unique"], [{ role: "integration" }, "#/password", "not_allowed"],
    [{ password: undefined }, "#/password", "required"], [{ username: "crm-nocturno" }, "#/username", "pattern"], [{ username: "ñandu" }, "#/username", "pattern"],
    ...["-crm", "1crm", "crm_a", "c".repeat(41), "crm.a"].map((username) => [{ username, role: "integration", password: undefined }, "#/username", "pattern"])])
    assert.equal(lib.faultAt(await chief.post("/v1/advisors", { ...body, ...change }), pointer).code, code, JSON.stringify(change));
  assert.equal((await chief.get(`/v1/advisors?role=integration&active=true`)).json.items.every((a) => a.role === "integration"), true);
});

test("a password set by somebody else must be changed before anything else", async () => {
  const made = await account(), session = (await signIn(made.username)).json, as = lib.caller(world.base, session.access_token);
  assert.equal((await as.get("/v1/clients?phone=944264648")).json.code, "password_change_required");
  assert.equal((await as.get("/v1/sessions/current")).status, 200);
  const renewed = lib.caller(world.base, (await world.anyone.post("/v1/sessions/refresh", { refresh_token: session.refresh_token })).json.access_token);
  assert.equal((await renewed.get("/v1/catalogs")).status, 403, "renewing the token does not help");
  const change = (body) => renewed.put("/v1/sessions/current/password", { old_password: lib.password, password: "una clave nueva y larga", ...body });
  assert.equal(lib.faultAt(await change({ old_password: "no es esta" }), "#/old_password").code, "password_wrong");
  assert.equal(lib.faultAt(await change({ password: lib.password }), "#/password").code, "password_weak");
  assert.equal((await change()).status, 204);
  await soon(() => renewed.get("/v1/sessions/current"), 401);
  assert.equal((await signIn(made.username)).status, 401, "the old password no longer works");
  const now = lib.caller(world.base, (await signIn(made.username, "una clave nueva y larga")).json.access_token);
  assert.equal((await now.get("/v1/clients?phone=944264648")).status, 200);
});

test("session_create: a password is compared exactly as sent: case, blanks, and up to 256 characters; no kind of character is required", async () => {
  for (const password of [" Ñandú y  dos blancos ", "solamenteletras", "8301947562018", "x-".repeat(31) + "64", "y".repeat(200) + "z".repeat(56)]) {
    const { username: name } = await account({ password });
    assert.equal((await signIn(name, password)).status, 201, password);
    for (const other of [password.trim() === password ? `${password} ` : password.trim(), password.slice(0, -1), password.slice(0, 72), password.toUpperCase(), password.toLowerCase()])
      if (other !== password) assert.equal((await signIn(name, other)).status, other.length > 256 ? 422 : 401, other);
  }
});

test("deactivation, a change of role or rights, and a reset or change of the password end all sessions, on every process", async () => {
  const ends = {
    "deactivated": (a) => chief.patch(a.at, { active: false }),
    "another role": (a) => chief.patch(a.at, { role: "supervisor" }),
    "a reset": (a) => chief.put(`${a.at}/password`, { password: "otra clave de muestra" }),
    "a change": (a) => a.as.put("/v1/sessions/current/password", { old_password: lib.password, password: "otra clave de muestra" }),
  };
  for (const [what, end] of Object.entries(ends)) {
    const a = await free(), other = lib.caller(second, (await signIn(a.username)).json.access_token);
    assert.deepEqual([(await a.as.get("/v1/catalogs")).status, (await a.there.get("/v1/catalogs")).status], [200, 200]);
    const r = await end(a);
    assert.ok([200, 204].includes(r.status), `${what}: ${r.text}`);
    for (const as of [a.as, a.there, other]) await soon(() => as.get("/v1/catalogs"), 401);
    assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: a.session.refresh_token })).status, 401, what);
  }
  const kept = await free();
  assert.equal((await chief.patch(kept.at, { full_name: "OTRO NOMBRE" })).status, 200);
  await new Promise((done) => setTimeout(done, 200));
  assert.equal((await kept.there.get("/v1/catalogs")).status, 200, "a new name ends no session");
  assert.equal((await chief.patch(kept.at, { active: false })).json.active, false);
  assert.equal((await signIn(kept.username)).status, 401);
  assert.equal((await chief.patch(kept.at, { active: true })).status, 200);
  assert.equal((await signIn(kept.username)).status, 201);
});

test("advisor_update: the last administrator stays one, even under simultaneous requests", async () => {
  const me = (await chief.get("/v1/sessions/current")).json.advisor.id;
  for (const body of [{ active: false }, { role: "supervisor" }])
    assert.equal((await chief.patch(`/v1/advisors/${me}`, body)).json.code, "last_admin");
  for (let round = 0; round < 5; round++) {
    const a = await free({ role: "admin" });
    const both = await Promise.all([chief.patch(`/v1/advisors/${me}`, { active: false }), a.as.patch(a.at, { role: "advisor" })]);
    const left = Number(world.database.sql("select count(*) from advisor where role = 'admin' and active"));
    assert.equal(left, 1, both.map((r) => r.text).join("\n"));
    assert.deepEqual(both.map((r) => r.status).sort(), [200, 409]);
    world.database.sql(`update advisor set active = true where id = ${me}; update advisor set role = 'advisor' where id = ${a.id}`);
    chief = lib.caller(world.base, (await signIn("E8000002")).json.access_token);
  }
});

test("an integration may do exactly what its rights allow", async () => {
  const reads = await free({ role: "integration", rights: ["client_read"] });
  assert.equal((await reads.as.get("/v1/clients?phone=944264648")).status, 200);
  assert.equal((await reads.as.get("/v1/catalogs")).status, 200);
  for (const r of [await reads.as.post("/v1/clients", lib.newClient()), await reads.as.get("/v1/opportunities"), await reads.as.get("/v1/clients/1/contacts"),
    await reads.as.post("/v1/typifications", {}), await reads.as.get("/v1/advisors")]) assert.equal(r.json.code, "role_forbidden", r.text);
  const none = await free({ role: "integration" });
  assert.equal((await none.as.get("/v1/clients?phone=944264648")).status, 403);
  assert.equal((await none.as.get("/v1/sessions/current")).status, 200);
  const all = await free({ role: "integration", rights: ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write"] });
  const { at } = await lib.opened(all.as);
  assert.equal((await all.as.put(`${at}/typification`, lib.form())).status, 200);
  assert.equal((await all.as.post(`${at}/reopening`)).status, 403);
  assert.equal(lib.faultAt(await chief.patch(all.at, { role: "advisor" }), "#/role").code, "not_allowed");
});

test("session_get: shows role and rights; 403 names the missing right, or the roles that are allowed", async () => {
  const scope = (r) => (assert.equal(r.status, 403, r.text), r.headers["www-authenticate"].match(/^Bearer realm="gestor", error="insufficient_scope", scope="([^"]*)"$/)[1]);
  const reads = await free({ role: "integration", rights: ["client_read"] });
  const shown = (await reads.as.get("/v1/sessions/current")).json.advisor;
  assert.deepEqual([shown.role, shown.rights], ["integration", ["session", "catalog_read", "client_read"]]);
  const listed = await reads.as.get("/v1/opportunities");
  assert.equal(scope(listed), "opportunity_read");
  assert.equal(listed.json.detail, "This integration lacks the right opportunity_read.");
  assert.equal(scope(await reads.as.get("/v1/clients/1/contacts")), "contact_read", "rights that the integration has are not named");
  assert.equal(scope(await reads.as.post("/v1/typifications", {})), "client_write contact_write opportunity_write");
  const never = await reads.as.get("/v1/advisors/1", { "accept-language": "es" });
  assert.equal(scope(never), "advisor_manage");
  assert.equal(never.json.detail, "Solo un administrador puede hacer esto.");
  const person = await free(), mine = (await person.as.get("/v1/sessions/current")).json.advisor;
  assert.equal(mine.role, "advisor");
  assert.ok(["session", "client_write", "opportunity_write", "personal_data"].every((right) => mine.rights.includes(right)));
  assert.ok(!mine.rights.includes("opportunity_reopen"));
  const audit = await person.as.get("/v1/audit", { "accept-language": "es" });
  assert.equal(scope(audit), "audit_read");
  assert.equal(audit.json.detail, "Solo un supervisor o un administrador puede hacer esto.");
  assert.equal((await person.as.get("/v1/audit")).json.detail, "Only a supervisor or an administrator may do this.");
  const boss = (await chief.get("/v1/sessions/current")).json.advisor;
  assert.ok(boss.rights.includes("advisor_manage") && boss.rights.includes("opportunity_reopen"));
});

test("session_create: attempts are throttled by username, existing or not, across processes, restarts and validate_only", async () => {
  const real = await free(), nobody = username();
  const outcome = async (name, password, base, query) => (await signIn(name, password, base, query)).status;
  for (const name of [real.username, nobody]) {
    const seen = [];
    for (let i = 0; i < 14; i++) seen.push(await outcome(name, "no-es-esta-clave", i % 2 ? second : world.base, i % 3 ? "" : "?validate_only=true"));
    assert.deepEqual(seen.slice(0, 9), Array(9).fill(401), name);
    assert.deepEqual(seen.slice(-2), [429, 429], name);
  }
  const r = await signIn(real.username);
  assert.equal(r.status, 429, "the right password too");
  assert.ok(Number(r.headers["retry-after"]) >= 1 && Number(r.headers["retry-after"]) <= 600);
  const third = await lib.startServer(world.database.serve);
  assert.equal(await outcome(real.username, lib.password, third.base), 429);
  await third.stop();
  world.database.sql("update throttle set updated_at = updated_at - interval '2 minutes'");
  const fourth = await lib.startServer(world.database.serve);
  assert.equal(await outcome(real.username, lib.password, fourth.base), 201, "the bucket refills with time");
  await fourth.stop();
  const busy = await free();
  for (let i = 0; i < 25; i++) assert.equal(await outcome(busy.username, lib.password), 201, "successful sign-ins are not throttled");
  assert.equal(await outcome("E8123497", lib.password), 201, "nor are others");
  /* People type passwords into the username field, so usernames are not stored in clear. */
  await signIn("mi-clave-secreta-2026", "x");
  assert.match(world.database.sql("select string_agg(key, ' ') from throttle"), /^([0-9a-f]{64} ?)+$/);
});

/* refused(name, base) - tries wrong passwords until the answer is 429, and returns that answer. */
async function refused(name, base = world.base) {
  for (let i = 0; i < 12; i++) {
    const r = await signIn(name, "no-es-esta-clave", base);
    if (r.status === 429) return r;
  }
  throw new Error("never throttled");
}
const elapse = (seconds) => world.database.sql(`update throttle set updated_at = updated_at - make_interval(secs => ${seconds})`);

test("session_create: a client that returns after Retry-After is let in, even if it also tried too early", async () => {
  const name = username(), r = await refused(name);
  for (let i = 0; i < 5; i++) assert.equal((await signIn(name, "x", second)).status, 429);
  const wait = Number(r.headers["retry-after"]);
  assert.ok(wait >= 1 && wait <= 60, `${wait}`);
  elapse(wait >> 1);
  const early = await lib.startServer(world.database.serve);
  assert.equal((await signIn(name, "x", early.base)).status, 429);
  await early.stop();
  elapse(wait - (wait >> 1));
  const later = await lib.startServer(world.database.serve);
  assert.equal((await signIn(name, "x", later.base)).status, 401);
  await later.stop();
});

test("session_create: attempts refused because of their address do not count against the account", async () => {
  const name = username();
  for (let i = 0; i < 60; i++) await signIn(name, "x", i % 2 ? second : world.base);
  const tokens = world.database.sql(`select round(tokens) from throttle where key = encode(sha256(convert_to('account ${name}', 'UTF8')), 'hex')`);
  assert.ok(Number(tokens) >= 39, tokens);
});

test("session_create: a remembered 429 is repeated without the database, with the same answer, and no longer than the database said", async () => {
  const name = username(), server = await lib.startServer(world.database.serve), ask = (n = name, w = "x") => signIn(n, w, server.base);
  const first = await refused(name, server.base);
  world.database.sql("alter function sign_in_wait(text, text) rename to sign_in_wait_away");
  let r;
  for (const n of [name, name.toLowerCase(), name]) {
    r = await ask(n);
    assert.equal(r.status, 429, r.text);
    assert.deepEqual({ ...r.json, request_id: "" }, { ...first.json, request_id: "" });
    assert.deepEqual(Object.keys(r.headers).sort(), Object.keys(first.headers).sort());
    const wait = Number(first.headers["retry-after"]) - Number(r.headers["retry-after"]);
    assert.ok(wait >= 0 && wait <= 3, `${wait}`);
  }
  world.database.sql("alter function sign_in_wait_away(text, text) rename to sign_in_wait");
  /* Another process may refill the bucket, so this one asks the database again well before Retry-After ends. */
  const wait = Number(r.headers["retry-after"]);
  world.database.sql("delete from throttle");
  const began = Date.now();
  while ((r = await ask()).status === 429 && Date.now() - began < 30000) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(r.status, 401);
  assert.ok(Date.now() - began < Math.min(20000, wait * 500), `${Date.now() - began} ms of ${wait} s`);
  await server.stop();
});

test("session_create: a successful attempt at once frees the account for attempts that were refused beside it", async () => {
  const real = await free(), all = await Promise.all(Array.from({ length: 14 }, () => signIn(real.username)));
  /* 503: only a few passwords are hashed at a time, and on a slow machine an attempt may wait too long for its turn. */
  for (const r of all) assert.ok([201, 429, 503].includes(r.status), r.text);
  assert.ok(all.some((r) => r.status === 429));
  assert.equal((await signIn(real.username)).status, 201);
});

test("session_create: sign-ins beyond the queue's places get 503 at once, and other requests are served meanwhile", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_TRUSTED_PROXIES: "127.0.0.1", GESTOR_THREADS: "64" } });
  const as = lib.caller(server.base, ana.token), wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const log = (operation) => server.log().split("\n").slice(0, -1).filter((line) => line.includes(`"operation_id":"${operation}"`)).map((line) => JSON.parse(line));
  assert.equal((await as.get("/v1/catalogs")).status, 200);
  let flooding = true, served = 0;
  const meanwhile = (async () => {
    while (flooding) {
      assert.equal((await as.get("/v1/clients?phone=944264648")).status, 200);
      served++;
      await wait(5);
    }
  })();
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) =>
    lib.caller(server.base).post("/v1/sessions", { username: username(), password: "x" }, { "x-forwarded-for": `10.1.${i}.1` })));
  flooding = false;
  await meanwhile;
  const busy = answers.filter((r) => r.status === 503);
  assert.ok(busy.length >= 10 && busy.length < 60, `${busy.length} of 60`);
  for (const r of busy) {
    assert.equal(r.json.code, "busy");
    assert.match(r.headers["retry-after"], /^[1-9]/);
  }
  for (const r of answers) assert.ok([401, 503].includes(r.status), r.text);
  /* Durations are from the service's log: this process receives all answers at once and may handle them late. */
  await until("all logged", () => log("session_create").length === 60);
  const middle = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const took = (status) => middle(log("session_create").filter((line) => line.status === status).map((line) => line.duration_ms));
  assert.ok(took(503) < took(401) / 2, `refused after ${took(503)} ms, as if they had waited for their turn; the others took ${took(401)} ms`);
  assert.ok(served > 5, String(served));
  assert.ok(middle(log("client_search").map((line) => line.duration_ms)) < took(401) / 2, JSON.stringify(log("client_search")));
  assert.equal((await signIn("E8153375", lib.password, server.base)).status, 201, "the places are free again");
  await server.stop();
});

test("advisor_list, advisor_create, advisor_update, advisor_password_put: only administrators may, but for a supervisor's list", async () => {
  const { at } = await account();
  for (const as of [ana, boss])
    for (const r of [...(as === boss ? [] : [await as.get("/v1/advisors")]), await as.get(at), await as.patch(at, { active: false }), await as.put(`${at}/password`, { password: lib.password }),
      await as.post("/v1/advisors", {})]) assert.equal(r.json.code, "role_forbidden");
  assert.equal((await chief.get("/v1/advisors/905630")).status, 404, "an advisor known only from the old application's records has no account");
});

/* meanwhile(text, send) - the result of send(), whose request waits until a transaction that has run `text` commits. */
async function meanwhile(text, send) {
  const release = await hold(world.database, text), answer = send();
  await until("it waits", () => waiting(world.database) === 1);
  assert.equal(await release(), 0);
  return answer;
}
const endAll = (id) => `update session set ended_at = clock_timestamp() where advisor_id = ${id} and ended_at is null`;

test("session_create: a change of password, role or account while the password is checked takes effect on that sign-in", async () => {
  const changes = { "password_hash = (select password_hash || 'x' from advisor where username = 'E8153375')": 401, "active = false": 401, "role = 'supervisor'": 201 };
  for (const [change, status] of Object.entries(changes)) {
    const made = await free();
    const r = await meanwhile(`update advisor set ${change} where id = ${made.id}; ${endAll(made.id)}`, () => signIn(made.username));
    assert.equal(r.status, status, change);
    if (status === 201) {
      assert.equal(r.json.advisor.role, "supervisor");
      assert.equal((await lib.caller(world.base, r.json.access_token).get("/v1/audit")).status, 200);
    }
    assert.equal(world.database.sql(`select count(*) from session s join advisor a on a.id = s.advisor_id and a.session_epoch = s.epoch where a.id = ${made.id} and s.ended_at is null`), status === 201 ? "1" : "0", change);
  }
});

test("advisor_password_put, password_put: a session from a sign-in in progress ends with the old password", async () => {
  for (const own of [false, true]) {
    const made = await free();
    /* A session that another process is creating: its transaction is still open. */
    const r = await meanwhile(`select from advisor where id = ${made.id} for share;
      insert into session (advisor_id, refresh_hash, expires_at) values (${made.id}, sha256('${made.id}'), now() + interval '1 day')`,
    () => (own ? made.as.put("/v1/sessions/current/password", { old_password: lib.password, password: "otra-clave-muy-larga" })
      : chief.put(`${made.at}/password`, { password: "otra-clave-muy-larga" })));
    assert.equal(r.status, 204, r.text);
    assert.equal(world.database.sql(`select count(*) from session s join advisor a on a.id = s.advisor_id and a.session_epoch = s.epoch where a.id = ${made.id} and s.ended_at is null`), "0");
  }
});

test("session_create: the throttle counts all addresses of one IPv6 /64 network together, apart from other networks", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_TRUSTED_PROXIES: "127.0.0.1" } }), name = username();
  const from = async (address) =>
    (await lib.caller(server.base).post("/v1/sessions", { username: name, password: "no-es-esta-clave" }, { "x-forwarded-for": address })).status;
  for (let i = 0; i < 10; i++) assert.equal(await from(`2001:db8:0:1:${i}::${i + 1}`), 401);
  assert.equal(await from("2001:db8:0:1:abcd::1"), 429);
  assert.equal(await from("2001:db8:0:2::1"), 401);
  await server.stop();
});
