"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const net = require("node:net");
const lib = require("./lib.js");
const { writes, send, fingerprint, hold, lockOf, pause, until, waiting, row } = require("./writes.js");

let world, ana, bea, boss, make, sql;
before(async () => {
  world = await lib.world({ env: { GESTOR_QUERY_TIMEOUT_MS: "30000" } });   // who waits for a lock does so for 6 s
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
const keyed = ["session_create", "session_refresh", "client_create", "client_update", "contact_create", "contact_update", "opportunity_create", "opportunity_update", "action_create",
  "action_update", "action_delete", "diagnosis_put", "competitor_offer_put", "closure_put", "typification_put", "opportunity_reopen", "typification_create"];
const ok = (r, status = [200, 201, 204]) => { assert.ok([status].flat().includes(r.status), r.text); return r; };
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

/* otherwise(body) - the same JSON, its members the other way round, and blanks between. */
const turned = (v) => Array.isArray(v) ? v.map(turned) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).reverse().map(([k, x]) => [k, turned(x)])) : v;
const otherwise = (body) => JSON.stringify(turned(body), null, "\t ").replace(/Ñ/g, "\\u00d1");

/* ------------------------------------------------------------ repetitions */

for (const id of keyed)
  test(`${id}: repeated, the same answer byte for byte, and nothing is done twice`, async () => {
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
    if (first.status === 201 && id !== "session_create") assert.equal((await ana.get(first.headers.location)).headers.etag, first.headers.etag);
  });

test("contact_create, action_create: the same key of another advisor, or for another operation, is another key", async () => {
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

test("contact_create: what a key may be", async () => {
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

test("contact_create: faults that have nothing to do with catalogues are told without a database too", async () => {
  /* Whom a token lets in is known; then the database goes. */
  const between = await proxy(world.database.serve), server = await lib.startServer(between.url);
  const as = lib.caller(server.base, ana.token), rq = await make.contact_create();
  await as.get("/v1/sessions/current");
  between.close();
  lib.faultAt(await send(rq, by(newKey()), { as, body: { ...rq.body, serial_number: "1" } }), "#/serial_number");
  assert.equal((await send(rq, by(newKey()), { as })).status, 503);
  await server.stop();
});

test("session_delete: an Idempotency-Key is not for it, and asks nothing", async () => {
  isNew(await send(await make.session_delete(), by("a b")), 204);
});

/* ------------------------------------------------- what failed is not kept */

test("client_create, contact_create, action_create, opportunity_create, client_update, typification_put: a failure is not kept; mended, the same key is good", async () => {
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

test("client_create: a rehearsal neither uses the key nor is one of its answers", async () => {
  const rq = await make.client_create(), key = newKey(), rehearsal = { where: `${rq.where}?validate_only=true` };
  for (let i = 0; i < 2; i++) assert.equal(isNew(await send(rq, by(key), rehearsal), 200).json.id, null);
  const first = isNew(await send(rq, by(key)), 201);
  const again = await send(rq, by(key), rehearsal);
  assert.equal(again.status, 409, "it would be made anew");
  assert.equal(again.json.code, "client_exists");
  isReplay(await send(rq, by(key)), first);
});

/* --------------------------------------------------------------- at once */

test("contact_create: while the first runs, 409 at once; afterwards its answer", async () => {
  const rq = await make.contact_create(), key = newKey();
  const release = await hold(world.database, "lock table contact in share row exclusive mode");
  const first = send(rq, by(key));
  await until("it waits", () => waiting(world.database) === 1);
  for (let i = 0; i < 3; i++) {
    const began = Date.now();
    isRunning(await send(rq, by(key)));
    assert.ok(Date.now() - began < 2500, `${Date.now() - began} ms`);
  }
  isRunning(await send(rq, by(key), { body: rq.other }));
  await release();
  const done = isNew(await first, 201);
  isReplay(await send(rq, by(key)), done);
});

for (const id of ["contact_create", "typification_create", "session_refresh", "action_update", "opportunity_reopen"])
  test(`${id}: twenty at once: one is done`, async () => {
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

test("session_create, session_refresh: repeated, the same tokens, and they are good; another's password is not", async () => {
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
  // Whoever has an old token and guesses the key must not come, repetition by repetition, to the one that lives.
  assert.equal((await world.anyone.post("/v1/sessions/refresh", renewal, by(key))).json.code, "refresh_token_invalid");
  // A repetition come late is no more than that; under another key, or none, it is a used token shown again, and ends the session.
  assert.equal((await lib.caller(world.base, next.json.access_token).get("/v1/sessions/current")).status, 200);
  assert.equal((await world.anyone.post("/v1/sessions/refresh", renewal, by(newKey()))).json.code, "refresh_token_invalid");
  assert.equal((await lib.caller(world.base, next.json.access_token).get("/v1/sessions/current")).status, 401);

  // What is kept is of no use to who reads the table.
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

test("advisor_create, advisor_password_put: another password is another request, and is not to be guessed from what is kept", async () => {
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
        assert.ok(!kept.includes(text), "nothing of the password is there");
});

test("session_refresh: of two with the same key at the same time the second waits, and gets the same tokens", async () => {
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
  assert.equal((await world.anyone.post("/v1/sessions/refresh", { refresh_token: answers[0].json.refresh_token })).status, 200, "the session goes on");
});

test("session_refresh: of a session that was ended, nothing is repeated", async () => {
  const session = (await world.anyone.post("/v1/sessions", { username: "E8000001", password: lib.password })).json;
  const renewal = { refresh_token: session.refresh_token }, key = newKey();
  const renewed = isNew(await world.anyone.post("/v1/sessions/refresh", renewal, by(key)), 200);
  isReplay(await world.anyone.post("/v1/sessions/refresh", renewal, by(key)), renewed);
  ok(await lib.caller(world.base, renewed.json.access_token).delete("/v1/sessions/current"));
  assert.equal((await world.anyone.post("/v1/sessions/refresh", renewal, by(key))).json.code, "refresh_token_invalid");
});

test("client_create: after the signing secret was changed, the same request with its key is still the same", async () => {
  const body = lib.newClient(), key = newKey(), first = isNew(await ana.post("/v1/clients", body, by(key)), 201);
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_JWT_SECRET: crypto.randomBytes(48).toString("base64") } });
  const session = (await lib.caller(server.base).post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  isReplay(await lib.caller(server.base, session.access_token).post("/v1/clients", body, by(key)), first);
  await server.stop();
});

test("contact_create: a path written with other escapes is the same path", async () => {
  const rq = await make.contact_create(), key = newKey(), first = isNew(await send(rq, by(key)), 201);
  isReplay(await ana.post(`/v1/clients/${rq.where.split("/")[3]}/contact%73`, rq.body, by(key)), first);
});

test("session_create: repeated after the session was ended, a session anew, which is repeated then; of one who may not sign in any more, 401", async () => {
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

test("action_create, typification_create: an item that was deactivated since does not keep the answer from being repeated", async () => {
  const active = async (yes) => {
    sql(`update catalog_item set active = ${yes} where code = '${row.action}'`);
    return () => until("heard", async () => (await ana.get("/v1/catalogs/retention_action")).text.includes(`"${row.action}"`) === yes);
  };
  for (const id of ["action_create", "typification_create"]) {
    const rq = await make[id](), key = newKey();
    const first = isNew(await send(rq, by(key)), 201);
    const heard = await active(false);
    isReplay(await send(rq, by(key)), first);
    await heard();
    isReplay(await send(rq, by(key)), first);
    const r = await send(rq, by(newKey()));
    lib.faultAt(r, id === "action_create" ? "#/action" : "#/actions/0/action");
    await (await active(true))();
  }
});

test("contact_create: after a day the key is a new one", async () => {
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

test("contact_create: answers that are older than a day are removed, the others stay", async () => {
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

/* --------------------------------------- killed, and cut off, at any moment */

/*
 * proxy(url) - between a server and the database. hold(way) keeps back what goes
 * "up" to the database, or "down" from it, until release(); held(way) is what is kept back.
 */
async function proxy(url) {
  const target = new URL(url), pairs = new Set();
  const kept = { up: null, down: null };
  const listener = net.createServer((near) => {
    const far = net.connect({ host: target.hostname, port: target.port });
    const pair = { near, far };
    pairs.add(pair);
    const pass = (from, to, way) => {
      from.on("data", (bytes) => { if (kept[way]) kept[way].push([to, bytes]); else to.write(bytes); });
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
    hold: (way) => { kept[way] = []; },
    held: (way) => Buffer.concat(kept[way].map(([, bytes]) => bytes)).toString("latin1"),
    release: (way) => {
      const those = kept[way];
      kept[way] = null;
      for (const [to, bytes] of those) if (!to.destroyed) to.write(bytes);
    },
    cut: () => { for (const { near, far } of pairs) { near.destroy(); far.destroy(); } kept.up = kept.down = null; },
    close: () => { for (const { near, far } of pairs) { near.destroy(); far.destroy(); } listener.close(); },
  };
}

/* What is to be there once: the request, and how many there are. */
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
 * The pool (4) and the listener of the world's server are connected, and those of the one behind the proxy, which says itself that
 * none of its is being made any more: to the database one is idle before its statements are prepared.
 * No fewer than 4: of 2 a single one is for writes, and what was read is stored by that one too.
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
/* It waits for the connections to be back for as long as a slow machine takes. */
const patient = { GESTOR_POOL_WAIT_MS: "20000", GESTOR_QUERY_TIMEOUT_MS: "30000" };
const kill = async (server) => {
  server.child.kill("SIGKILL");
  assert.equal((await server.ended).signal, "SIGKILL");
};

test("contact_create: what is stored, and cannot be shown at the moment, is outcome_unknown: busy would say that nothing was", () =>
  throughProxy(async (between, server, as) => {
    const rq = await once.contact_create(), key = newKey(), first = isNew(await send(rq, by(key)), 201);
    between.hold("up");
    const answer = send(rq, by(key), { as });
    await until("on its way", () => between.held("up").includes("idempotency_claim"));
    // The claim finds that it is stored; what asks for the answer that was kept is not let through.
    between.release("up");
    between.hold("up");
    const r = await answer;
    assert.deepEqual([r.status, r.json.code], [503, "outcome_unknown"], r.text);
    assert.deepEqual([r.headers["content-language"], r.headers["idempotent-replayed"]], ["en", undefined], "its headers alone, once");
    between.release("up");
    await until("shown again", async () => (await send(rq, by(key), { as })).status === 201);
    isReplay(await send(rq, by(key), { as }), first);
    assert.equal(rq.count(), 1);
  }, { GESTOR_QUERY_TIMEOUT_MS: "3000" }));

for (const [id, begin] of Object.entries(once)) {
  test(`${id}: killed when it was stored and not yet answered: repeated, the answer, and it is there once`, async () => {
    for (let round = 0; round < 2; round++) await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      between.hold("down");
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

  test(`${id}: killed before it was stored: repeated, it is done, once`, async () => {
    for (let round = 0; round < 2; round++) await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      between.hold("up");
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

  test(`${id}: killed while the database is about it: repeated, 409 until that is over, then once`, async () => {
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

  test(`${id}: cut off from the database when it was stored: the service finds out by itself; without a key it cannot know`, async () => {
    await throughProxy(async (between, server, as) => {
      let found = 0;
      for (let round = 0; round < 3; round++) {
        const rq = await begin(), key = newKey();
        between.hold("down");
        const answer = send(rq, by(key), { as });
        await until("stored", () => rq.count() === 1);
        between.cut();
        const told = await answer, r = ok(await send(rq, by(key)), 201);
        if (told.status === 201) isReplay(r, told), found++;
        else assert.equal(told.json.code, "outcome_unknown", told.text);
        await settled(server);
        assert.equal(rq.count(), 1);
        assert.equal((await ana.get(r.headers.location)).text, r.text);
      }
      assert.ok(found > 0, "it found out by itself");
      const rq = await begin();
      between.hold("down");
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

  test(`${id}: cut off from the database for longer when it was stored: the outcome is unknown, and is not said to be nothing`, async () => {
    await throughProxy(async (between, server, as) => {
      const rq = await begin(), key = newKey();
      between.hold("down");
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

  test(`${id}: cut off from the database before it was stored: with a key it is done all the same, once`, async () => {
    await throughProxy(async (between, server, as) => {
      let found = 0;
      for (let round = 0; round < 3; round++) {
        const rq = await begin(), key = newKey();
        between.hold("up");
        const answer = send(rq, by(key), { as });
        await until("on its way", () => between.held("up").includes(id));
        between.cut();
        const told = await answer;
        if (told.status === 201) isReplay(await send(rq, by(key)), isNew(told)), found++;
        else assert.equal(told.json.code, "outcome_unknown", told.text);
        ok(await send(rq, by(key)), 201);
        assert.equal(rq.count(), 1);
        await settled(server);
      }
      assert.ok(found > 0, "it was done all the same");
      assert.equal((await server.stop()).code, 0);
    }, patient);
  });
}
