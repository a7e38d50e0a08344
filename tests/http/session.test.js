"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world;
before(async () => { world = await lib.world(); });
after(() => world.end());

test("session_create: the username is compared without case; the answer is the whole session", async () => {
  const r = await world.anyone.post("/v1/sessions", { username: "e8153375", password: lib.password });
  assert.equal(r.status, 201);
  assert.equal(r.headers.location, "/v1/sessions/current");
  assert.equal(r.json.token_type, "Bearer");
  assert.equal(r.json.expires_in, 900);
  assert.deepEqual({ ...r.json.advisor, id: "" }, { id: "", username: "E8153375", full_name: "NOMBRE DE E8153375", role: "advisor" });
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

test("session_get: shows who is signed in, and no token again", async () => {
  const ana = await world.signedIn("E8123497");
  const r = await ana.get("/v1/sessions/current");
  assert.equal(r.status, 200);
  assert.equal(r.json.advisor.username, "E8123497");
  assert.equal(r.json.access_token, null);
  assert.ok(r.json.expires_in > 890 && r.json.expires_in <= 900);
});

test("session_refresh: the token is rotated, and the one shown is used up", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const r = await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token });
  assert.equal(r.status, 200);
  assert.notEqual(r.json.refresh_token, s.refresh_token);
  assert.equal((await lib.caller(world.base, r.json.access_token).get("/v1/sessions/current")).status, 200);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token })).status, 401);
});

test("session_refresh: of ten that show one token at once, one wins", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const all = await Promise.all(Array.from({ length: 10 }, () => world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token })));
  assert.deepEqual(all.map((r) => r.status).sort(), [200, ...Array(9).fill(401)]);
});

test("session_delete: access and refresh token are refused at once, here and in another process", async () => {
  const other = await lib.startServer(world.database.serve);
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const here = lib.caller(world.base, s.access_token), there = lib.caller(other.base, s.access_token);
  assert.equal((await there.get("/v1/catalogs")).status, 200);
  assert.equal((await here.delete("/v1/sessions/current")).status, 204);
  assert.equal((await here.get("/v1/catalogs")).status, 401);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token })).status, 401);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal((await there.get("/v1/catalogs")).status, 401);
  await other.stop();
});

test("session_delete: a process started afterwards knows of it", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  assert.equal((await lib.caller(world.base, s.access_token).delete("/v1/sessions/current")).status, 204);
  const later = await lib.startServer(world.database.serve);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal((await lib.caller(later.base, s.access_token).get("/v1/catalogs")).status, 401);
  await later.stop();
});

test("refresh tokens are stored as hashes alone", async () => {
  const s = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  assert.equal(world.database.sql(`select count(*) from session where encode(refresh_hash, 'hex') like '%${Buffer.from(s.refresh_token).toString("hex")}%'
    or encode(refresh_hash, 'escape') like '%${s.refresh_token}%'`), "0");
});
