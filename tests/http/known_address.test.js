/*
 * Who is throttled: an attacker's wrong passwords do not keep an advisor from signing in at the advisor's usual address.
 * And security measures apply to validate_only requests and retries too.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { until } = require("./writes.js");

const settings = { env: { GESTOR_TRUSTED_PROXIES: "127.0.0.1", GESTOR_CHECK_MS: "600000" } };
let world, chief, second;
before(async () => {
  world = await lib.world(settings);
  chief = await world.signedIn("E8000002");
  second = await lib.startServer(world.database.serve, settings);
});
after(() => world.end());

let accounts = 0;
async function account({ role = "advisor", rights } = {}) {
  const username = `E78${String(++accounts).padStart(5, "0")}`;
  const r = await chief.post("/v1/advisors", { username, full_name: "CUENTA DE PRUEBA", role: role === "integration" ? "advisor" : role, password: lib.password });
  assert.equal(r.status, 201, r.text);
  if (role === "integration") lib.withPassword(world.database, r.json.id, rights);
  world.database.sql(`update advisor set must_change_password = false where id = ${r.json.id}`);
  return { id: r.json.id, username, at: r.headers.location };
}
const from = (address) => ({ "x-forwarded-for": address });
const signIn = (a, address, password = lib.password, base = world.base, query = "", headers = {}) =>
  lib.caller(base).post(`/v1/sessions${query}`, { username: a.username, password }, { ...from(address), ...headers });
/* attacked(a) - wrong passwords from six addresses, until unknown addresses get 429. */
async function attacked(a, bases = [world.base, second.base]) {
  let last;
  for (let i = 0; i < 66; i++) {
    last = await signIn(a, `198.51.100.${1 + i % 6}`, "no-es-esta-clave", bases[i % bases.length]);
    assert.ok([401, 429, 503].includes(last.status), last.text);
  }
  assert.equal((await signIn(a, "192.0.2.99", "no-es-esta-clave", bases[0])).status, 429, "a stranger waits");
}

test("session_create: an account can sign in from a recently used address during an attack from elsewhere, at every process", async () => {
  const a = await account();
  assert.equal((await signIn(a, "192.0.2.1")).status, 201);
  assert.equal((await signIn(a, "2001:db8:0:7::1")).status, 201);
  await attacked(a);
  assert.equal((await signIn(a, "192.0.2.2")).status, 429, "an unknown address gets 429 even with the right password");
  /* Both processes remember the refusal, and still let the known address through. */
  const third = await lib.startServer(world.database.serve, settings);
  await until("it knows", async () => (await signIn(a, "192.0.2.1", lib.password, third.base)).status === 201);
  for (const base of [world.base, third.base]) {
    assert.equal((await signIn(a, "192.0.2.1", lib.password, base)).status, 201);
    assert.equal((await signIn(a, "2001:db8:0:7:abcd::2", lib.password, base)).status, 201, "one known IPv6 address makes its whole network known");
    assert.equal((await signIn(a, "2001:db8:0:8::1", lib.password, base)).status, 429, "another network stays unknown");
  }
  /* The refusal of unknown addresses continues. */
  assert.equal((await signIn(a, "192.0.2.98", "no-es-esta-clave")).status, 429);
});

test("session_create: a process started after the sign-in lets the known address in, even if it remembers refusing it", async () => {
  const a = await account();
  assert.equal((await signIn(a, "192.0.2.1")).status, 201);
  const later = await lib.startServer(world.database.serve, settings);
  await attacked(a, [later.base]);
  assert.equal((await signIn(a, "192.0.2.1", lib.password, later.base)).status, 201);
});

test("session_create: a known address has its own bucket of ten wrong passwords, separate from those of the address and the account", async () => {
  const a = await account(), b = await account();
  assert.equal((await signIn(a, "192.0.2.5")).status, 201);
  for (let i = 0; i < 10; i++) assert.equal((await signIn(a, "192.0.2.5", "no-es-esta-clave")).status, 401);
  assert.equal((await signIn(a, "192.0.2.5", "no-es-esta-clave")).status, 429);
  assert.equal((await signIn(a, "192.0.2.5")).status, 429, "with the right password too");
  assert.equal((await signIn(a, "192.0.2.6")).status, 201, "other known addresses are not affected");
  /* An address is known for one account only, so trying other accounts from it gains nothing. */
  world.database.sql(`update throttle set tokens = 0, updated_at = clock_timestamp() where key = encode(sha256(convert_to('address 192.0.2.6', 'UTF8')), 'hex')`);
  assert.equal((await signIn(b, "192.0.2.6")).status, 429);
  assert.equal((await signIn(a, "192.0.2.6")).status, 201);
});

test("session_create: known addresses are stored as hashes, for 30 days, at most 50 per account", async () => {
  const a = await account(), count = () => world.database.sql(`select count(*) from known_address where advisor_id = ${a.id}`);
  assert.equal((await signIn(a, "192.0.2.1")).status, 201);
  assert.equal((await signIn(a, "192.0.2.1", "no-es-esta-clave")).status, 401);
  assert.equal((await signIn(a, "192.0.2.3", "no-es-esta-clave")).status, 401);
  assert.equal(count(), "1", "a wrong password does not make the address known");
  assert.doesNotMatch(world.database.sql("select string_agg(k::text, ' ') from known_address k"), /192[.]0[.]2/);
  world.database.sql(`insert into known_address select ${a.id}, sha256(n::text::bytea), now() - make_interval(mins => n) from generate_series(1, 60) n`);
  assert.equal((await signIn(a, "192.0.2.2")).status, 201);
  assert.equal(count(), "50");
  world.database.sql(`update known_address set seen_at = now() - interval '31 days' where advisor_id = ${a.id}`);
  await attacked(a);
  assert.equal((await signIn(a, "192.0.2.1", lib.password, (await lib.startServer(world.database.serve, settings)).base)).status, 429, "too long ago");
  const keeper = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "100" } });
  await until("forgotten", () => count() === "0");
  await keeper.stop();
});

test("password_put: during an attack the password can be changed from a known address", async () => {
  const a = await account(), as = lib.caller(world.base, (await signIn(a, "192.0.2.1")).json.access_token);
  await attacked(a);
  const put = (address, old, query = "") => as.request("PUT", `/v1/sessions/current/password${query}`, { old_password: old, password: "otra-clave-muy-larga" }, from(address));
  assert.equal((await put("192.0.2.77", lib.password)).status, 429);
  assert.equal((await put("192.0.2.1", "no-es-esta-clave")).status, 422);
  assert.equal((await put("192.0.2.1", lib.password)).status, 204);
});

test("session_create, password_put: with validate_only a wrong password counts too, and a right one changes nothing", async () => {
  const a = await account(), b = await account();
  for (let i = 0; i < 10; i++) assert.equal((await signIn(a, "192.0.2.20", "no-es-esta-clave", world.base, "?validate_only=true")).status, 401);
  assert.equal((await signIn(a, "192.0.2.20", lib.password, world.base, "?validate_only=true")).status, 429);
  const as = lib.caller(world.base, (await signIn(b, "192.0.2.21")).json.access_token);
  const put = (old) => as.request("PUT", "/v1/sessions/current/password?validate_only=true", { old_password: old, password: "otra-clave-muy-larga" }, from("192.0.2.21"));
  assert.equal((await put(lib.password)).status, 204);
  assert.equal((await as.get("/v1/sessions/current")).status, 200);
  for (let i = 0; i < 10; i++) assert.equal((await put("no-es-esta-clave")).status, 422);
  assert.equal((await put(lib.password)).status, 429);
  assert.equal((await signIn(b, "192.0.2.21")).status, 429, "both operations share one bucket");
});

/* ---------------------------------------------------------------- retries */

const isReplay = (r) => assert.equal(r.headers["idempotent-replayed"], "true", r.text);
const isNew = (r) => assert.equal(r.headers["idempotent-replayed"], undefined, r.text);
let keys = 0;
const key = () => ({ "idempotency-key": `today-${++keys}` });

test("session_create, session_refresh: a retry is judged by the account's current state", async () => {
  const changes = {
    "a reset": async (a) => { await chief.put(`${a.at}/password`, { password: "otra clave de muestra" }); return "otra clave de muestra"; },
    "another role": async (a) => { await chief.patch(a.at, { role: "supervisor" }); return lib.password; },
    "a sign-out": async (a, s) => { await lib.caller(world.base, s.access_token).delete("/v1/sessions/current"); return lib.password; },
    "out and in again": async (a) => { await chief.patch(a.at, { active: false }); await chief.patch(a.at, { active: true }); return lib.password; },
  };
  for (const [what, change] of Object.entries(changes)) {
    const a = await account(), once = key(), again = key();
    const first = await signIn(a, "192.0.2.30", lib.password, world.base, "", once);
    isReplay(await signIn(a, "192.0.2.30", lib.password, second.base, "", once));
    const renewal = (base) => lib.caller(base).post("/v1/sessions/refresh", { refresh_token: first.json.refresh_token }, again);
    const other = await signIn(a, "192.0.2.30", lib.password, world.base, "", key());
    const renewed = await renewal(world.base);
    assert.equal(renewed.status, 200);
    isReplay(await renewal(second.base));
    const password = await change(a, renewed.json);
    for (const base of [world.base, second.base]) assert.equal((await renewal(base)).json.code, "refresh_token_invalid", what);
    if (password !== lib.password) assert.equal((await signIn(a, "192.0.2.30", lib.password, world.base, "", once)).json.code, "credentials_wrong");
    /* Each may find the key locked by the other: then both get 409 and try again. */
    let both;
    do both = await Promise.all([world.base, second.base].map((base) => signIn(a, "192.0.2.30", password, base, "", once)));
    while (both.every((r) => r.status === 409));
    for (const r of both) assert.ok([201, 409].includes(r.status), `${what}: ${r.text}`);
    const made = both.filter((r) => r.status === 201 && r.headers["idempotent-replayed"] === undefined);
    assert.equal(made.length, 1, `${what}: one new session is created: ${both.map((r) => [r.status, r.headers["idempotent-replayed"]])}`);
    assert.equal((await lib.caller(second.base, made[0].json.access_token).get("/v1/sessions/current")).status, 200);
    if (what === "another role") assert.equal(made[0].json.advisor.role, "supervisor");
    const third = await signIn(a, "192.0.2.30", password, world.base, "", once);
    isReplay(third);
    assert.equal(third.json.access_token, made[0].json.access_token);
    if (what === "a sign-out") assert.equal((await lib.caller(world.base, other.json.access_token).get("/v1/catalogs")).status, 200, "another session stays");
  }
  const gone = await account(), once = key();
  await signIn(gone, "192.0.2.30", lib.password, world.base, "", once);
  await chief.patch(gone.at, { active: false });
  assert.equal((await signIn(gone, "192.0.2.30", lib.password, world.base, "", once)).json.code, "credentials_wrong");
});

test("client_create, client_update: a replay is masked by the caller's current rights", async () => {
  const all = ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write", "personal_data"];
  const a = await account({ role: "integration", rights: all }), once = key(), twice = key();
  const as = async () => lib.caller(world.base, (await signIn(a, "192.0.2.40")).json.access_token);
  const body = lib.newClient({ phone: "944264648" });
  const first = await (await as()).post("/v1/clients", body, once);
  const patched = await (await as()).patch(first.headers.location, { email: "maria@example.com" }, twice);
  assert.equal(first.json.phone, "944264648");
  assert.equal(patched.json.email, "maria@example.com");
  assert.equal((await chief.patch(a.at, { rights: all.filter((r) => r !== "personal_data") })).status, 200);
  const masked = await as(), seen = await masked.post("/v1/clients", body, once), again = await masked.patch(first.headers.location, { email: "maria@example.com" }, twice);
  for (const r of [seen, again]) {
    isReplay(r);
    assert.doesNotMatch(r.text, /944264648|maria@example/);
  }
  assert.equal((await chief.patch(a.at, { rights: ["client_read"] })).status, 200);
  const less = await as();
  for (const r of [await less.post("/v1/clients", body, once), await less.patch(first.headers.location, { email: "maria@example.com" }, twice)]) {
    assert.equal(r.status, 403, r.text);
    isNew(r);
  }
  assert.equal((await chief.patch(a.at, { rights: all })).status, 200);
  const back = await (await as()).post("/v1/clients", body, once);
  isReplay(back);
  assert.equal(back.text, first.text);
});
