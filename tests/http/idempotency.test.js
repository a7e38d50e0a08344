"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const net = require("node:net");
const lib = require("./lib.js");
const { writes, writeNames, send, fingerprint, hold, lockOf, pause, until, waiting, row } = require("./writes.js");

let world, ana, bea, boss, make, sql;
before(async () => {
  world = await lib.world({ env: { GESTOR_QUERY_TIMEOUT_MS: "30000" } });   // a fifth, 6 s, is how long a statement waits for a lock
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  make = writes(world, { ana, boss });
  sql = world.database.sql;
});
after(() => world.end());

let keys = 0;
const newKey = () => `clave-${++keys}`;
const by = (key) => ({ "idempotency-key": key });
const keyed = writeNames("session_delete");
const ok = (r, status = [200, 201, 202, 204]) => { assert.ok([status].flat().includes(r.status), r.text); return r; };
const isReplay = (r, first) => {
  assert.equal(r.status, first.status, r.text);
  assert.equal(r.headers["idempotent-replayed"], "true");
  assert.equal(r.text, first.text);
  for (const name of ["location", "etag", "content-type", "cache-control", "content-length"]) assert.equal(r.headers[name], first.headers[name], name);
  return r;
};
const isReused = (r) => assert.deepEqual(lib.faultAt(r, "#/Idempotency-Key").code, "idempotency_key_reused");
const isNew = (r, status) => { ok(r, status); assert.equal(r.headers["idempotent-replayed"], undefined); return r; };
const isRunning = (r) => {
  assert.equal(r.status, 409, r.text);
  assert.equal(r.json.code, "idempotency_key_in_use");
  assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
};

/* otherwise(body) - the same JSON with its members in reverse order and with blanks. */
const turned = (v) => Array.isArray(v) ? v.map(turned) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).reverse().map(([k, x]) => [k, turned(x)])) : v;
const otherwise = (body) => JSON.stringify(turned(body), null, "\t ").replace(/Ñ/g, "\\u00d1");

/* ---------------------------------------------------------------- replays */

for (const id of keyed)
  test(`${id}: a retry gets the same answer byte for byte, and nothing is done twice`, async () => {
    const rq = await make[id](), key = newKey();
    const first = isNew(await send(rq, by(key))), whole = fingerprint(world.database);
    isReplay(await send(rq, by(key)), first);
    isReplay(await send(rq, by(`"${key}"`)), first);
    isReplay(await send(rq, { ...by(key), "if-match": rq.tagged ? "\"0\"" : "*" }), first);
    if (rq.body) isReplay(await send(rq, by(key), { body: otherwise(rq.body) }), first);
    if (rq.same) isReplay(await send(rq, by(key), { body: rq.same }), first);
    if (rq.other) isReused(await send(rq, by(key), { body: rq.other }));
    if (rq.where.match(/[/][0-9]/)) isReused(await send(rq, by(key), { where: rq.where.replace(/(?<=[/])[0-9]+/, (n) => Number(n) + 1) }));
    assert.equal(fingerprint(world.database), whole, "nothing was done");
    isReplay(await send(rq, by(key)), first);
    assert.equal(sql(`select count(*) from idempotency where key = '${key}'`), "1");
    if (first.status === 201 && !["session_create", "webhook_test", "client_consent_create"].includes(id)) assert.equal((await rq.as.get(first.headers.location)).headers.etag, first.headers.etag);
  });

test("contact_create, action_create: a key belongs to one advisor and one operation", async () => {
  const rq = await make.contact_create(), key = newKey();
  const first = isNew(await send(rq, by(key)), 201);
  const beas = isNew(await send(rq, by(key), { as: bea }), 201);
  assert.notEqual(beas.json.id, first.json.id);
  const other = await make.action_create();
  const third = isNew(await send(other, by(key)), 201);
  isReplay(await send(rq, by(key)), first);
  isReplay(await send(rq, by(key), { as: bea }), beas);
  isReplay(await send(other, by(key)), third);
});

test("contact_create: which keys are valid", async () => {
  const rq = await make.contact_create(), count = () => Number(sql("select count(*) from contact"));
  const good = ["x", "!", "~", "a,b", "k=1;v=2", "5f0c1f9e-7c0b-4c5e-9d57-0c5a3a1d8f11", "z".repeat(255), "';drop/**/table/**/idempotency--", "\\", "\"", "a\"", "\"a", "{}", "%s%n", "\"" + "q".repeat(255) + "\""];
  const earlier = count();
  for (const key of good) {
    const first = isNew(await send(rq, by(key)), 201);
    isReplay(await send(rq, by(key)), first);
  }
  const was = count();
  assert.equal(was, earlier + good.length);
  for (const key of ["", "\"\"", " ", "a b", "\"a b\"", "y".repeat(256), "\"" + "y".repeat(256) + "\"", "caf\xe9", "\xf1", ["a", "b"], ["c", "c"], ["\"d\"", "\"d\""]]) {
    const r = await send(rq, { "idempotency-key": key });
    assert.equal(r.status, 400, `${JSON.stringify(key)}: ${r.text}`);
    assert.equal(r.json.code, "idempotency_key_invalid");
  }
  assert.equal(count(), was);
  isNew(await send(rq), 201);
  isNew(await send(rq), 201);
});

test("contact_create: faults that do not depend on catalogues are reported even without a database", async () => {
  /* The server reads the session's state once, then the database becomes unreachable. */
  const between = await proxy(world.database.serve), server = await lib.startServer(between.url);
  const as = lib.caller(server.base, ana.token), rq = await make.contact_create();
  await as.get("/v1/sessions/current");
  between.close();
  lib.faultAt(await send(rq, by(newKey()), { as, body: { ...rq.body, serial_number: "1" } }), "#/serial_number");
  assert.equal((await send(rq, by(newKey()), { as })).status, 503);
  await server.stop();
});

test("session_delete: ignores an Idempotency-Key", async () => {
  isNew(await send(await make.session_delete(), by("a b")), 204);
});

/* ------------------------------------------------ failures are not stored */

test("client_create, contact_create, action_create, opportunity_create, client_update, typification_put: a failure is not stored; the corrected request succeeds with the same key", async () => {
  const kept = (key) => sql(`select count(*) from idempotency where key = '${key}'`);
  const then = async (code, wrong, mend, right) => {
    const key = newKey(), r = await wrong(by(key));
    assert.equal(r.json.code, code, r.text);
    assert.equal(kept(key), "0", code);
    if (mend) await mend();
    const first = isNew(await right(by(key)));
    isReplay(await right(by(key)), first);
    assert.equal(kept(key), "1");
  };
  const client = (await ana.post("/v1/clients", lib.newClient())).json, at = `/v1/clients/${client.id}`;
  const fresh = lib.newClient();
  await then("invalid", (h) => ana.post("/v1/clients", { ...fresh, gender: 1 }, h), null, (h) => ana.post("/v1/clients", fresh, h));
  await then("json_invalid", (h) => ana.post("/v1/clients", "{", h), null, (h) => ana.post(`${at}/contacts`, lib.newContact(), h));
  const double = lib.newClient({ document_number: client.document_number });
  await then("client_exists", (h) => ana.post("/v1/clients", double, h), () => ana.patch(at, { document_number: String(99000000 + keys) }), (h) => ana.post("/v1/clients", double, h));
  await then("not_found", (h) => ana.post("/v1/clients/999999999/contacts", lib.newContact(), h), null, (h) => ana.post(`${at}/contacts`, lib.newContact(), h));
  const o = await lib.opened(ana);
  await then("not_owner", (h) => bea.post(`${o.at}/actions`, row, h), () => sql(`update opportunity set advisor_id = (select id from advisor where username = 'E8123497') where id = ${o.opportunity.id}`),
    (h) => bea.post(`${o.at}/actions`, row, h));
  const contact = (await ana.post(`${at}/contacts`, lib.newContact())).json;
  await then("contact_has_opportunity", (h) => ana.post("/v1/opportunities", { contact_id: o.contact.id, sub_campaign: "entel" }, h), null,
    (h) => ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" }, h));
  await then("precondition_failed", (h) => ana.patch(at, { gender: "F" }, { ...h, "if-match": "\"0\"" }), null, (h) => ana.patch(at, { gender: "F" }, h));
  const p = await lib.opened(ana);
  await then("invalid", (h) => ana.put(`${p.at}/typification`, lib.form({ actions: [] }), h), null, (h) => ana.put(`${p.at}/typification`, lib.form(), h));
  await then("opportunity_finished", (h) => ana.put(`${p.at}/diagnosis`, { reason: lib.reason }, h), () => boss.post(`${p.at}/reopening`), (h) => ana.put(`${p.at}/diagnosis`, { reason: lib.reason }, h));
});

test("client_create: a validate_only request neither uses the key nor gets a stored response", async () => {
  const rq = await make.client_create(), key = newKey(), validateOnly = { where: `${rq.where}?validate_only=true` };
  for (let i = 0; i < 2; i++) assert.equal(isNew(await send(rq, by(key), validateOnly), 200).json.id, "0");
  const first = isNew(await send(rq, by(key)), 201);
  const again = await send(rq, by(key), validateOnly);
  assert.equal(again.status, 409, "validate_only checks the request anew");
  assert.equal(again.json.code, "client_exists");
  isReplay(await send(rq, by(key)), first);
});

/* ---------------------------------------------------------- simultaneous */

test("contact_create: a retry gets 409 at once while the first request runs, and its answer afterwards", async () => {
  const rq = await make.contact_create(), key = newKey();
  const release = await hold(world.database, "lock table contact in share row exclusive mode");
  const first = send(rq, by(key));
  await until("it waits", () => waiting(world.database) === 1);
  for (let i = 0; i < 3; i++) {
    const began = Date.now();
    isRunning(await send(rq, by(key)));
    assert.ok(Date.now() - began < 4500, `${Date.now() - began} ms`);
  }
  isRunning(await send(rq, by(key), { body: rq.other }));
  await release();
  const done = isNew(await first, 201);
  isReplay(await send(rq, by(key)), done);
});

for (const id of ["contact_create", "typification_create", "session_refresh", "action_update", "opportunity_reopen"])
  test(`${id}: of twenty simultaneous requests with one key one is executed`, async () => {
    const rq = await make[id](), key = newKey();
    const all = await Promise.all(Array.from({ length: 20 }, () => send(rq, by(key))));
    const done = all.filter((r) => r.status < 300 && !r.headers["idempotent-replayed"]);
    assert.equal(done.length, 1, all.map((r) => r.status).join(" "));
    for (const r of all) {
      if (r === done[0]) continue;
      if (r.status === 409) isRunning(r);
      else isReplay(r, done[0]);
    }
    assert.equal(sql(`select count(*) from idempotency where key = '${key}'`), "1");
    if (id === "contact_create") assert.equal(sql(`select count(*) from contact where client_id = ${rq.where.match(/[0-9]+(?=\/contacts)/)[0]}`), "1");
  });

/* --------------------------------------------------------------- sessions */

test("session_create, session_refresh: a retry gets the same valid tokens; a wrong password with the same key does not", async () => {
  const key = newKey(), body = { username: "E8123497", password: lib.password };
  const count = () => Number(sql("select count(*) from session"));
  const first = isNew(await world.anyone.post("/v1/sessions", body, by(key)), 201), was = count();
  const again = isReplay(await world.anyone.post("/v1/sessions", body, by(key)), first).json;
  assert.equal(count(), was);
  assert.equal((await lib.caller(world.base, again.access_token).get("/v1/sessions/current")).json.advisor.username, "E8123497");
  for (const wrong of [{ ...body, password: "no-es-esta-clave" }, { username: "E8153375", password: "no-es-esta-clave" }, { ...body, username: "E7654321" }]) {
    const r = await world.anyone.post("/v1/sessions", wrong, by(key));
    assert.equal(r.status, 401, r.text);
    assert.equal(r.json.code, "credentials_wrong");
  }
  const other = isNew(await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password }, by(key)), 201);
  assert.notEqual(other.json.access_token, first.json.access_token);

  const renewal = { refresh_token: again.refresh_token };
  const renewed = isNew(await world.anyone.post("/v1/sessions/refresh", renewal, by(key)), 200);
  assert.notEqual(renewed.json.refresh_token, again.refresh_token);
  const same = isReplay(await world.anyone.post("/v1/sessions/refresh", renewal, by(key)), renewed).json;
  assert.equal((await lib.caller(world.base, same.access_token).get("/v1/sessions/current")).status, 200);
  const next = isNew(await world.anyone.post("/v1/sessions/refresh", { refresh_token: same.refresh_token }, by(key)), 200);
  assert.equal((await lib.caller(world.base, next.json.access_token).get("/v1/sessions/current")).status, 200);
  // An attacker with an old token who guesses the key must not reach the live token by a chain of replays.
  assert.equal((await world.anyone.post("/v1/sessions/refresh", renewal, by(key))).json.code, "refresh_token_invalid");
  // A late retry with the key is harmless. With another key, or none, it is reuse of a used token, and ends the session.
  assert.equal((await lib.caller(world.base, next.json.access_token).get("/v1/sessions/current")).status, 200);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", renewal, by(newKey()))).json.code, "refresh_token_invalid");
  assert.equal((await lib.caller(world.base, next.json.access_token).get("/v1/sessions/current")).status, 401);

  // The stored responses reveal no token to a reader of the table.
  const kept = sql("select i::text || encode(i.request, 'escape') from idempotency i where operation like 'session%'");
  assert.ok(kept.split("\n").length >= 3 && kept.includes("refresh_token"), kept);
  const sealed = [...kept.matchAll(/""refresh_token"":""([^"]+)""/g)].map(([, text]) => Buffer.from(text, "base64url").toString("latin1"));
  assert.ok(sealed.length >= 3);
  const secret = [lib.password, "no-es-esta-clave", ...[first, other, renewed, next].flatMap((r) => [...r.json.access_token.split("."), r.json.refresh_token])];
  for (const text of secret) {
    const raw = Buffer.from(text, "base64url");
    for (let i = 0; i + 12 <= text.length; i += 6) for (const where of [kept, ...sealed]) assert.ok(!where.includes(text.slice(i, i + 12)), `a part of ${text} is there`);
    for (const form of [raw.toString("hex"), raw.toString("base64"), Buffer.from(text).toString("hex"), Buffer.from(text).toString("base64")])
      assert.ok(!kept.includes(form.slice(0, 24)), `${text} is there, written otherwise`);
  }
});

test("advisor_create, advisor_password_put: another password is another request, and cannot be guessed from the stored row", async () => {
  const chief = await world.signedIn("E8000002"), key = newKey(), words = ["una-clave-primera", "una-clave-segunda"];
  const body = { username: "E7700001", full_name: "CUENTA DE PRUEBA", role: "advisor", password: words[0] };
  const first = isNew(await chief.post("/v1/advisors", body, by(key)), 201);
  isReused(await chief.post("/v1/advisors", { ...body, password: words[1] }, by(key)));
  isReplay(await chief.request("POST", "/v1/advisors", otherwise(body), by(key)), first);
  const put = (password) => chief.put(`${first.headers.location}/password`, { password }, by(key));
  isNew(await put(words[0]), 204);
  isReused(await put(words[1]));
  assert.equal((await put(words[0])).headers["idempotent-replayed"], "true");
  assert.equal((await world.anyone.post("/v1/sessions", { username: "E7700001", password: words[0] })).status, 201);
  const kept = sql("select i::text from idempotency i where operation like 'advisor%'");
  for (const word of words)
    for (const form of [word, JSON.stringify({ password: word })])
      for (const text of [form, crypto.createHash("blake2b512").update(form).digest("hex").slice(0, 64), crypto.createHash("sha256").update(form).digest("hex")])
        assert.ok(!kept.includes(text), "the row holds no part of the password");
});

test("session_refresh: of two simultaneous requests with the same key the second waits, and gets the same tokens", async () => {
  const { refresh_token } = (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json, key = newKey();
  const renew = () => world.anyone.post("/v1/sessions/refresh", { refresh_token }, by(key));
  const release = await hold(world.database, lockOf(sql("select encode(refresh_hash, 'hex') from session order by id desc limit 1"), "session_refresh", key));
  const both = [renew(), renew()];
  await until("both wait", () => waiting(world.database) === 2);
  await release();
  const answers = await Promise.all(both);
  assert.deepEqual(answers.map((r) => r.status), [200, 200], answers.map((r) => r.text).join("\n"));
  assert.deepEqual(answers.map((r) => r.headers["idempotent-replayed"]).sort(), ["true", undefined]);
  assert.deepEqual(answers[0].json.refresh_token, answers[1].json.refresh_token);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: answers[0].json.refresh_token })).status, 200, "the session is still valid");
});

test("session_refresh: nothing is replayed for an ended session", async () => {
  const session = (await world.anyone.post("/v1/sessions", { username: "E8000001", password: lib.password })).json;
  const renewal = { refresh_token: session.refresh_token }, key = newKey();
  const renewed = isNew(await world.anyone.post("/v1/sessions/refresh", renewal, by(key)), 200);
  isReplay(await world.anyone.post("/v1/sessions/refresh", renewal, by(key)), renewed);
  ok(await lib.caller(world.base, renewed.json.access_token).delete("/v1/sessions/current"));
  assert.equal((await world.anyone.post("/v1/sessions/refresh", renewal, by(key))).json.code, "refresh_token_invalid");
});

test("client_create: a key still works after the signing secret has changed", async () => {
  const body = lib.newClient(), key = newKey(), first = isNew(await ana.post("/v1/clients", body, by(key)), 201);
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: crypto.randomBytes(48).toString("base64") } });
  const session = (await lib.caller(server.base).post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  isReplay(await lib.caller(server.base, session.access_token).post("/v1/clients", body, by(key)), first);
  await server.stop();
});

test("contact_create: a path with different percent-encoding is the same request", async () => {
  const rq = await make.contact_create(), key = newKey(), first = isNew(await send(rq, by(key)), 201);
  isReplay(await ana.post(`/v1/clients/${rq.where.split("/")[3]}/contact%73`, rq.body, by(key)), first);
});

test("session_create: a retry after the session ended creates a new session, and later retries replay that one; a deactivated account gets 401", async () => {
  const key = newKey(), body = { username: "E8000002", password: lib.password };
  const first = isNew(await world.anyone.post("/v1/sessions", body, by(key)), 201);
  const signed = lib.caller(world.base, first.json.access_token);
  ok(await signed.delete("/v1/sessions/current"));
  const anew = isNew(await world.anyone.post("/v1/sessions", body, by(key)), 201);
  isReplay(await world.anyone.post("/v1/sessions", body, by(key)), anew);
  assert.equal((await lib.caller(world.base, anew.json.access_token).get("/v1/sessions/current")).status, 200);
  assert.equal((await signed.get("/v1/sessions/current")).status, 401);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: first.json.refresh_token })).status, 401);
  sql("update advisor set active = false where username = 'E8000002'");
  assert.equal((await world.anyone.post("/v1/sessions", body, by(key))).status, 401);
  sql("update advisor set active = true where username = 'E8000002'");
});

/* ------------------------------------------------- catalogues, age, purge */

test("action_create, typification_create: the answer is replayed even if its item was deactivated since", async () => {
  const active = async (yes) => {
    sql(`update catalog_item set active = ${yes} where code = '${row.action}'`);
    return () => until("notified", async () => (await ana.get("/v1/catalogs/retention_action")).text.includes(`"${row.action}"`) === yes);
  };
  for (const id of ["action_create", "typification_create"]) {
    const rq = await make[id](), key = newKey();
    const first = isNew(await send(rq, by(key)), 201);
    const notified = await active(false);
    isReplay(await send(rq, by(key)), first);
    await notified();
    isReplay(await send(rq, by(key)), first);
    const r = await send(rq, by(newKey()));
    lib.faultAt(r, id === "action_create" ? "#/action" : "#/actions/0/action");
    await (await active(true))();
  }
});

test("contact_create: a key is free again after a day", async () => {
  const rq = await make.contact_create(), key = newKey();
  const age = (interval) => sql(`update idempotency set created_at = now() - interval '${interval}' where key = '${key}'`);
  const first = isNew(await send(rq, by(key)), 201);
  age("23 hours 59 minutes");
  isReplay(await send(rq, by(key)), first);
  age("25 hours");
  const second = isNew(await send(rq, by(key)), 201);
  assert.notEqual(second.json.id, first.json.id);
  assert.equal(sql(`select count(*) || ' ' || min(body ->> 'id') || ' ' || (min(created_at) > now() - interval '1 minute') from idempotency where key = '${key}'`), `1 ${second.json.id} true`);
  isReplay(await send(rq, by(key)), second);
  age("25 hours");
  const third = isNew(await send(rq, by(key), { body: rq.other }), 201);
  isReplay(await send(rq, by(key), { body: rq.other }), third);
  isReused(await send(rq, by(key)));
});

test("contact_create: stored responses older than a day are removed, the others stay", async () => {
  sql(`insert into idempotency (scope, operation, key, request, status, body, created_at)
    select 'x', 'contact_create', 'old-' || n, '\\x00'::bytea, 201, '{}'::json, now() - interval '24 hours 1 second' - n * interval '1 second' from generate_series(1, 5000) n
    union all select 'x', 'contact_create', 'young-' || n, '\\x00', 201, '{}', now() - interval '23 hours 59 minutes' from generate_series(1, 500) n`);
  const quick = await Promise.all([1, 2].map(() => lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "100" } })));
  await until("the old ones are gone", () => sql("select count(*) from idempotency where key like 'old-%'") === "0", 10000);
  await pause(200);
  assert.equal(sql("select count(*) from idempotency where key like 'young-%'"), "500");
  for (const server of quick) {
    assert.equal((await server.stop()).code, 0);
    assert.doesNotMatch(server.log(), /"level":"(warn|error)"/);
  }
});

/* ------------------------------ killed, or disconnected from the database */

/*
 * proxy(url) - a TCP proxy between a server and the database. hold(way) buffers the bytes that go
 * "up" to the database, or "down" from it, until release(); held(way) returns the buffered bytes.
 * hold(way, text) begins when the text goes up: before the request is there, what is held would be
 * the pool's ping, and the pool gives up a connection whose ping has no answer for a second.
 */
async function proxy(url) {
  const target = new URL(url), pairs = new Set();
  const kept = { up: null, down: null };
  let awaited = null;
  const listener = net.createServer((near) => {
    const far = net.connect({ host: target.hostname, port: target.port });
    const pair = { near, far };
    pairs.add(pair);
    const pass = (from, to, way) => {
      from.on("data", (bytes) => {
        if (awaited && way === "up" && bytes.includes(awaited.text)) {
          kept[awaited.way] = [];
          awaited = null;
        }
        if (kept[way]) kept[way].push([to, bytes]); else to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => { to.destroy(); pairs.delete(pair); });
    };
    pass(near, far, "up");
    pass(far, near, "down");
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = listener.address().port;
  return {
    url: through.href,
    hold: (way, text = null) => { if (text) awaited = { way, text }; else kept[way] = []; },
    held: (way) => Buffer.concat((kept[way] || []).map(([, bytes]) => bytes)).toString("latin1"),
    release: (way) => {
      const those = kept[way];
      kept[way] = null;
      for (const [to, bytes] of those) if (!to.destroyed) to.write(bytes);
    },
    cut: () => { for (const { near, far } of pairs) { near.destroy(); far.destroy(); } kept.up = kept.down = null; },
    close: () => { for (const { near, far } of pairs) { near.destroy(); far.destroy(); } listener.close(); },
  };
}

/* Requests whose effect must happen exactly once; count() is how many of its records exist. */
const once = {
  typification_create: async () => {
    const rq = await make.typification_create();
    return { ...rq, count: () => Number(sql(`select count(*) from opportunity o join client c on c.id = o.client_id where c.document_number = '${rq.body.client.document_number}'`)) };
  },
  contact_create: async () => {
    const rq = await make.contact_create();
    return { ...rq, count: () => Number(sql(`select count(*) from contact where client_id = ${rq.where.match(/clients\/([0-9]+)/)[1]}`)) };
  },
};

/*
 * Waits until both servers have their connections: 4 in the pool and the listener. PostgreSQL shows a connection as idle before
 * its statements are prepared, so the metrics of the server behind the proxy must show 4 open connections too.
 * The pool needs 4, because of 2 only one is for writes, and that one also stores the record of reads.
 */
const settled = async (server) => {
  await until("all connected", async () => lib.sql(world.database.superuser,
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'gestor' and state = 'idle'") === "10" &&
    /^gestor_database_pool_open 4$/m.test((await lib.caller(server.base).get("/metrics")).text));
};

async function throughProxy(run, env = {}) {
  const between = await proxy(world.database.serve);
  try {
    const server = await lib.startServer(between.url, { env: { GESTOR_POOL_SIZE: "4", ...env } });
    await settled(server);
    await run(between, server, lib.caller(server.base, ana.token));
  } finally {
    between.close();
  }
}
/* Long enough for a slow machine to reconnect. */
const patient = { GESTOR_POOL_WAIT_MS: "20000", GESTOR_QUERY_TIMEOUT_MS: "30000" };
const kill = async (server) => {
  server.child.kill("SIGKILL");
  assert.equal((await server.ended).signal, "SIGKILL");
};

test("contact_create: if the stored response cannot be read at the moment, 503 outcome_unknown, because `busy` would mean that nothing was stored", () =>
  throughProxy(async (between, server, as) => {
    const rq = await once.contact_create(), key = newKey(), first = isNew(await send(rq, by(key)), 201);
    between.hold("up", "idempotency_claim");
    const answer = send(rq, by(key), { as });
    await until("on its way", () => between.held("up").includes("idempotency_claim"));
    // The claim of the key passes and finds a stored response; the query that reads the response is held back.
    between.release("up");
    between.hold("up");
    const r = await answer;
    assert.deepEqual([r.status, r.json.code], [503, "outcome_unknown"], r.text);
    assert.deepEqual([r.headers["content-language"], r.headers["idempotent-replayed"]], ["en", undefined], "no header of the stored response");
    between.release("up");
    await until("shown again", async () => (await send(rq, by(key), { as })).status === 201);
    isReplay(await send(rq, by(key), { as }), first);
    assert.equal(rq.count(), 1);
  }, { GESTOR_QUERY_TIMEOUT_MS: "3000" }));

for (const [id, begin] of Object.entries(once)) {
  test(`${id}: the server is killed after the commit, before the answer: a retry gets the answer, and it is done once`, async () => {
    for (let round = 0; round < 2; round++) await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      between.hold("down", id);
      const lost = assert.rejects(send(rq, by(key), { as }));
      await until("stored", () => rq.count() === 1);
      await kill(server);
      await lost;
      between.cut();
      const next = round === 0 ? await lib.startServer(world.database.serve) : world.server;
      const r = await send(rq, by(key), { as: lib.caller(next.base, ana.token) });
      assert.equal(r.status, 201, r.text);
      assert.equal(r.headers["idempotent-replayed"], "true");
      assert.equal((await ana.get(r.headers.location)).text, r.text);
      assert.equal(rq.count(), 1);
      if (next !== world.server) await next.stop();
    });
  });

  test(`${id}: the server is killed before the commit: a retry does it, once`, async () => {
    for (let round = 0; round < 2; round++) await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      between.hold("up", id);
      const lost = assert.rejects(send(rq, by(key), { as }));
      await until("on its way", () => between.held("up").includes(id));
      await kill(server);
      await lost;
      between.cut();
      assert.equal(rq.count(), 0);
      const first = isNew(await send(rq, by(key)), 201);
      isReplay(await send(rq, by(key)), first);
      assert.equal(rq.count(), 1);
    });
  });

  test(`${id}: the server is killed while the database works: retries get 409 until that is over, then it is done once`, async () => {
    await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      const release = await hold(world.database, "lock table contact in share row exclusive mode");
      const lost = assert.rejects(send(rq, by(key), { as }));
      await until("it waits", () => waiting(world.database) === 1);
      await kill(server);
      await lost;
      isRunning(await send(rq, by(key)));
      await release();
      let r;
      await until("settled", async () => (r = await send(rq, by(key))).status !== 409);
      assert.equal(r.status, 201, r.text);
      assert.equal(rq.count(), 1);
    }, patient);
  });

  test(`${id}: the connection breaks after the commit: with a key the server finds the result itself; without one, outcome_unknown`, async () => {
    await throughProxy(async (between, server, as) => {
      let found = 0;
      for (let round = 0; round < 3; round++) {
        const rq = await begin(), key = newKey();
        between.hold("down", id);
        const answer = send(rq, by(key), { as });
        await until("stored", () => rq.count() === 1);
        between.cut();
        const reply = await answer, r = ok(await send(rq, by(key)), 201);
        if (reply.status === 201) isReplay(r, reply), found++;
        else assert.equal(reply.json.code, "outcome_unknown", reply.text);
        await settled(server);
        assert.equal(rq.count(), 1);
        assert.equal((await ana.get(r.headers.location)).text, r.text);
      }
      assert.ok(found > 0, "the server found the result at least once");
      const rq = await begin();
      between.hold("down", id);
      const answer = send(rq, {}, { as });
      await until("stored", () => rq.count() === 1);
      between.cut();
      const r = await answer;
      assert.equal(r.status, 503, r.text);
      assert.equal(r.json.code, "outcome_unknown");
      assert.equal(rq.count(), 1);
      assert.equal((await server.stop()).code, 0);
      assert.doesNotMatch(server.log(), /AddressSanitizer|runtime error/);
    }, patient);
  });

  test(`${id}: the database stays unreachable after the commit: 503 outcome_unknown, and a later retry gets the answer`, async () => {
    await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      between.hold("down", id);
      const answer = send(rq, by(key), { as });
      await until("stored", () => rq.count() === 1);
      between.close();
      const r = await answer;
      assert.equal(r.status, 503, r.text);
      assert.equal(r.json.code, "outcome_unknown");
      assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
      assert.equal(ok(await send(rq, by(key)), 201).headers["idempotent-replayed"], "true");
      assert.equal(rq.count(), 1);
    });
  });

  test(`${id}: the connection breaks before the commit: with a key the server does it again, once`, async () => {
    await throughProxy(async (between, server, as) => {
      let found = 0;
      for (let round = 0; round < 3; round++) {
        const rq = await begin(), key = newKey();
        between.hold("up", id);
        const answer = send(rq, by(key), { as });
        await until("on its way", () => between.held("up").includes(id));
        between.cut();
        const reply = await answer;
        if (reply.status === 201) isReplay(await send(rq, by(key)), isNew(reply)), found++;
        else assert.equal(reply.json.code, "outcome_unknown", reply.text);
        ok(await send(rq, by(key)), 201);
        assert.equal(rq.count(), 1);
        await settled(server);
      }
      assert.ok(found > 0, "the server did it at least once");
      assert.equal((await server.stop()).code, 0);
    }, patient);
  });
}
