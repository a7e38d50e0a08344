/*
 * Machine accounts: tokens by the client credentials grant (RFC 6749, 4.4), and the secrets of integrations.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, chief, second;

before(async () => {
  world = await lib.world();
  chief = await world.signedIn("E8000002");
  second = await lib.startServer(world.database.serve);
});
after(() => world.end());

const grant = { grant_type: "client_credentials" };
const ask = (fields, headers, base = world.base) => lib.tokenAsked(base, fields, headers);
const machine = (account = {}) => lib.machine(chief, world.base, { rights: ["client_read", "client_write"], ...account });
const refused = (r, status, error) => assert.deepEqual([r.status, r.json.error], [status, error], r.text);
const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

/* eventually(what, f) - waits until f() is true. */
async function eventually(what, f) {
  for (let i = 0; i < 400; i++) {
    if (await f()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(what);
}

test("oauth_token: by the body and by HTTP Basic; the token has the account's rights, and no cache keeps the answer", async () => {
  const m = await machine();
  for (const r of [await ask({ ...grant, client_id: m.username, client_secret: m.secret }), await ask(grant, { authorization: lib.basic(m.username, m.secret) }),
    await ask({ ...grant, client_id: m.username }, { authorization: lib.basic(m.username, m.secret) }),
    await ask({ ...grant, client_id: m.username.toUpperCase(), client_secret: m.secret, resource: ["a", "b"], refresh_token: "x", scope: "" }),
    await ask(`grant_type=client_credentials&&unknown&client_id=${m.username}&client_secret=${m.secret}`, { "content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8" })]) {
    assert.equal(r.status, 200, r.text);
    assert.equal(r.headers["cache-control"], "no-store");
    assert.deepEqual({ ...r.json, access_token: 0 }, { access_token: 0, token_type: "Bearer", expires_in: 900, scope: "session catalog_read client_read client_write" });
    const as = lib.caller(world.base, r.json.access_token);
    assert.equal((await as.get("/v1/clients?phone=944264648")).status, 200);
    assert.equal((await as.get("/v1/opportunities")).json.code, "role_forbidden");
  }
});

test("oauth_token: scope narrows the rights; a right that the account lacks or that does not exist is invalid_scope", async () => {
  const m = await machine(), narrow = await m.token({ scope: "client_read" });
  assert.equal(narrow.scope, "session catalog_read client_read");
  const as = lib.caller(world.base, narrow.access_token);
  assert.equal((await as.get("/v1/clients?phone=944264648")).status, 200);
  assert.equal((await as.post("/v1/clients", lib.newClient())).json.detail, "This integration lacks the right client_write.");
  assert.deepEqual((await as.get("/v1/sessions/current")).json.advisor.rights, ["session", "catalog_read", "client_read"]);
  assert.equal((await m.token({ scope: "catalog_read" })).scope, "session catalog_read");
  for (const scope of ["opportunity_read", "client_read advisor_manage", "client_read,client_write", "client_read  client_write", " client_read", "Client_read", "ñ", "client_read\u0000"]) {
    const r = await ask({ ...grant, client_id: m.username, client_secret: m.secret, scope });
    refused(r, 400, scope.includes("\0") ? "invalid_request" : "invalid_scope");
    assert.match(r.json.error_description, /^[ !#-[\]-~]+$/);
  }
});

test("oauth_token: refuses as RFC 6749, 5.2 says", async () => {
  const m = await machine(), own = { client_id: m.username, client_secret: m.secret }, authorization = lib.basic(m.username, m.secret);
  refused(await ask(own), 400, "invalid_request");
  refused(await ask({ ...own, grant_type: "" }), 400, "invalid_request");
  refused(await ask(""), 400, "invalid_request");
  refused(await ask({ ...own, grant_type: "password" }), 400, "unsupported_grant_type");
  refused(await ask({ ...own, ...grant }, { authorization }), 400, "invalid_request");
  refused(await ask({ ...grant, client_id: "otra" }, { authorization }), 400, "invalid_request");
  for (const twice of ["grant_type", "client_id", "client_secret", "scope"]) {
    refused(await ask({ ...own, ...grant, scope: "client_read", [twice]: [{ ...own, ...grant, scope: "client_read" }[twice], "x"] }), 400, "invalid_request");
    refused(await ask({ ...own, ...grant, [twice]: [({ ...own, ...grant })[twice] || "", ""] }), 400, "invalid_request");
  }
  for (const bad of ["grant_type=%", "grant_type=%ff", "grant_type=client_credentials&scope=%00", "a=%zz&grant_type=x", "grant_type=\0"]) refused(await ask(bad), 400, "invalid_request");
  for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=latin1"])
    refused(await ask({ ...own, ...grant }, { "content-type": type }), 400, "invalid_request");
  refused(await ask(`${lib.formEncoded({ ...own, ...grant })}&x=${"a".repeat(70000)}`), 413, "invalid_request");
  assert.equal((await ask(`${lib.formEncoded({ ...own, ...grant })}${"&a=b".repeat(16000)}`)).status, 200, "unknown parameters are ignored");
  refused(await ask({ ...own, ...grant, scope: "x".repeat(1025) }), 400, "invalid_request");
  refused(await lib.caller(world.base).post("/v1/oauth/token?client_id=x", Buffer.from("grant_type=x"), { "content-type": "application/x-www-form-urlencoded" }), 400, "invalid_request");
  const none = await lib.raw(world.port, "POST /v1/oauth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  assert.match(none.text, /^HTTP\/1.1 400 [^]*"error":"invalid_request"/);
});

test("oauth_token: an unknown client, a wrong secret, a deactivated account and bad Basic get the same invalid_client", async () => {
  const m = await machine(), other = await machine(), off = await machine();
  assert.equal((await chief.patch(`/v1/advisors/${off.id}`, { active: false })).status, 200);
  const answers = [];
  for (const [id, secret] of [["nadie", m.secret], [m.username, `${m.secret}x`], [m.username, other.secret], [off.username, off.secret], ["E8153375", lib.password],
    [m.username, ""], ["", m.secret], ["x".repeat(64), m.secret], ["ñandú:á", "a:b:ñ"], [m.username, "x".repeat(128)]])
    answers.push(await ask(grant, { authorization: lib.basic(id, secret) }));
  const raw = (text) => "Basic " + Buffer.from(text).toString("base64");
  for (const authorization of ["Basic", "Basic ", "Basic !", "Basic YTpi=", raw("sin-dos-puntos"), raw("%zz:x"), raw("%00:x"), raw("a\0b:x"), raw("\xff:x"), raw("a".repeat(3000) + ":x"), "Bearer x", "Digest x"])
    answers.push(await ask(grant, { authorization }));
  answers.push(await ask(grant), await ask({ ...grant, client_id: m.username }), await ask({ ...grant, client_secret: m.secret }));
  for (const r of answers) {
    refused(r, 401, "invalid_client");
    assert.equal(r.headers["www-authenticate"], 'Basic realm="gestor", charset="UTF-8"');
    assert.equal(r.headers["cache-control"], "no-store");
    assert.equal(r.json.error_description, answers[0].json.error_description);
  }
});

test("oauth_token: Basic decodes id and secret as a form; a colon may be in the secret", async () => {
  const m = await machine({ username: "crm-a-1" });
  const raw = (text) => ({ authorization: "bAsIc  " + Buffer.from(text).toString("base64") });
  assert.equal((await ask(grant, raw(`%63rm%2Da-1:${m.secret.replace("gsec", "%67sec")}`))).status, 200);
  refused(await ask(grant, raw(`crm-a-1:${m.secret}:`)), 401, "invalid_client");
});

test("advisor_secret_create: shown once, two at most, hashed in the database, masked in the audit", async () => {
  const m = await machine(), at = `/v1/advisors/${m.id}/secrets`, key = { "idempotency-key": `k-${m.id}` };
  const preview = await chief.post(`${at}?validate_only=true`, {});
  assert.deepEqual([preview.status, preview.json.id, preview.json.secret], [200, "0", ""]);
  const next = await chief.post(at, { expires_at: "2099-01-01T05:00:00Z" }, key);
  assert.deepEqual([next.status, next.json.expires_at], [201, "2099-01-01T05:00:00.000000Z"]);
  assert.match(next.json.secret, /^gsec_[A-Za-z0-9_-]{43}$/);
  const again = await chief.post(at, { expires_at: "2099-01-01T05:00:00Z" }, key);
  assert.deepEqual([again.status, again.json, again.headers.location, again.headers["idempotent-replayed"]], [201, next.json, `${at}/${next.json.id}`, "true"]);
  const third = await chief.post(at);
  assert.deepEqual([third.status, third.json.code, third.json.existing], [409, "secrets_full", { id: m.secretId, href: `${at}/${m.secretId}` }]);
  assert.equal(third.json.detail, `This account has two valid secrets, ${m.secretId} and ${next.json.id}. Delete one of them before you create another.`);
  for (const secret of [m.secret, next.json.secret]) assert.equal((await ask({ ...grant, client_id: m.username, client_secret: secret })).status, 200);
  const { json: list } = await chief.get(at);
  assert.deepEqual(list.items.map((s) => [s.id, s.secret, typeof s.last_used_at]), [[next.json.id, undefined, "string"], [m.secretId, undefined, "string"]]);
  assert.equal((await chief.get(`${at}?limit=1`)).json.items.length, 1);
  const stored = world.database.sql("select coalesce(string_agg(x::text, ' '), '') from (select i.body::text from idempotency i union all select a.after::text from audit a union all select s::text from advisor_secret s) x");
  for (const secret of [m.secret, next.json.secret]) assert.ok(!stored.includes(secret.slice(5)), "no secret is stored as it is");
  for (const [body, code] of [[{ expires_at: "2020-01-01T00:00:00Z" }, "date_range"], [{ expires_at: "mañana" }, "format"], [{ x: 1 }, "unknown_property"]])
    assert.equal((await chief.post(at, body)).json.errors[0].code, code);
});

test("advisor_secret_create: 20 at once make two", async () => {
  const m = await machine(), made = await Promise.all(Array.from({ length: 20 }, () => chief.post(`/v1/advisors/${m.id}/secrets`, {})));
  assert.deepEqual(made.map((r) => r.status).sort(), [201, ...Array(19).fill(409)]);
});

test("advisor_secret_create: only integrations have secrets", async () => {
  const id = world.database.sql("select id from advisor where username = 'E8153375'");
  assert.equal((await chief.post(`/v1/advisors/${id}/secrets`, {})).json.code, "not_an_integration");
  assert.deepEqual((await chief.get(`/v1/advisors/${id}/secrets`)).json, { items: [], next: null });
  assert.equal((await chief.get("/v1/advisors/999999999/secrets")).status, 404);
});

test("advisor_secret_delete: the secret and all its tokens end at once, in every process; those of the other secret stay", async () => {
  const m = await machine(), at = `/v1/advisors/${m.id}/secrets`, { json: other } = await chief.post(at, {});
  const tokens = [];
  for (const base of [world.base, second.base, world.base]) tokens.push((await ask({ ...grant, client_id: m.username, client_secret: m.secret }, {}, base)).json.access_token);
  const kept = (await ask({ ...grant, client_id: m.username, client_secret: other.secret }, {}, second.base)).json.access_token;
  assert.equal(world.database.sql(`select count(*) from session where advisor_id = ${m.id}`), "2", "a session for each secret");
  assert.equal((await chief.delete(`${at}/${m.secretId}?validate_only=true`)).status, 204);
  assert.equal((await lib.caller(world.base, tokens[0]).get("/v1/sessions/current")).status, 200);
  assert.equal((await chief.delete(`${at}/${m.secretId}`)).status, 204);
  for (const token of tokens) assert.equal((await lib.caller(world.base, token).get("/v1/catalogs")).json.code, "token_invalid");
  for (const token of tokens) await eventually("the other process knows", async () => (await lib.caller(second.base, token).get("/v1/catalogs")).status === 401);
  for (const base of [world.base, second.base]) {
    refused(await ask({ ...grant, client_id: m.username, client_secret: m.secret }, {}, base), 401, "invalid_client");
    assert.equal((await lib.caller(base, kept).get("/v1/catalogs")).status, 200);
    assert.equal((await ask({ ...grant, client_id: m.username, client_secret: other.secret }, {}, base)).status, 200);
  }
  assert.equal((await chief.delete(`${at}/${m.secretId}`)).status, 404);
  assert.equal((await chief.delete(`/v1/advisors/1/secrets/${other.id}`)).status, 404, "another account's");
});

test("oauth_token: tokens end when the rights change or the account is deactivated; the secret then gives tokens of the new rights", async () => {
  const m = await machine(), there = lib.caller(second.base, (await m.token()).access_token);
  assert.equal((await there.get("/v1/catalogs")).status, 200);
  assert.equal((await chief.patch(`/v1/advisors/${m.id}`, { rights: ["opportunity_read"] })).status, 200);
  assert.equal((await m.as.get("/v1/catalogs")).status, 401);
  await eventually("the other process knows", async () => (await there.get("/v1/catalogs")).status === 401);
  assert.equal((await m.token()).scope, "session catalog_read opportunity_read");
  const last = lib.caller(world.base, (await m.token()).access_token);
  assert.equal((await chief.patch(`/v1/advisors/${m.id}`, { active: false })).status, 200);
  assert.equal((await last.get("/v1/catalogs")).status, 401);
  refused(await ask({ ...grant, client_id: m.username, client_secret: m.secret }), 401, "invalid_client");
  assert.equal((await chief.patch(`/v1/advisors/${m.id}`, { active: true })).status, 200);
  assert.equal((await m.token()).scope, "session catalog_read opportunity_read");
});

test("oauth_token: a machine that asks again and again has one session; session_get and session_delete work with its token", async () => {
  const m = await machine();
  await Promise.all(Array.from({ length: 50 }, (_, i) => ask({ ...grant, client_id: m.username, client_secret: m.secret }, {}, i % 2 ? world.base : second.base)));
  assert.equal(world.database.sql(`select count(*) from session where advisor_id = ${m.id}`), "1");
  const shown = (await m.as.get("/v1/sessions/current")).json;
  assert.deepEqual([shown.refresh_token, shown.refresh_expires_in, shown.advisor.username], [null, 0, m.username]);
  assert.equal((await m.as.delete("/v1/sessions/current")).status, 204);
  assert.equal((await m.as.get("/v1/catalogs")).status, 401);
  const next = (await m.token()).access_token;
  assert.equal((await lib.caller(world.base, next).get("/v1/catalogs")).status, 200);
  assert.equal(world.database.sql(`select count(*) from audit where object_type = 'session' and action = 'insert' and advisor_id = ${m.id} and (after ->> 'secret_id')::bigint = ${m.secretId}`), "2",
    "the audit knows whose sessions they are");
});

test("oauth_token: a token is not valid longer than its secret, and an expired secret gives none", async () => {
  const m = await machine(), soon = new Date(Date.now() + 60000).toISOString().replace(/\.[0-9]+Z/, "Z");
  const { json: short } = await chief.post(`/v1/advisors/${m.id}/secrets`, { expires_at: soon });
  const { json: token } = await ask({ ...grant, client_id: m.username, client_secret: short.secret });
  assert.ok(token.expires_in > 30 && token.expires_in <= 60, String(token.expires_in));
  assert.equal(claims(token.access_token).exp - claims(token.access_token).iat, token.expires_in);
  world.database.sql(`update advisor_secret set created_at = created_at - interval '1 hour', expires_at = now() where id = ${short.id}`);
  refused(await ask({ ...grant, client_id: m.username, client_secret: short.secret }), 401, "invalid_client");
  assert.equal((await chief.post(`/v1/advisors/${m.id}/secrets`, {})).status, 201, "an expired secret does not count");
});

test("oauth_token: a secret that is deleted while its first token is made leaves no token that works", async () => {
  for (let n = 0; n < 20; n++) {
    const made = (await chief.post("/v1/advisors", { username: `carrera-${n}`, full_name: "INTEGRACION", role: "integration" })).json;
    const { json: secret } = await chief.post(`/v1/advisors/${made.id}/secrets`, {});
    const [gone, ...tokens] = await Promise.all([chief.delete(`/v1/advisors/${made.id}/secrets/${secret.id}`),
      ...Array.from({ length: 4 }, () => ask({ ...grant, client_id: made.username, client_secret: secret.secret }))]);
    assert.equal(gone.status, 204);
    for (const r of tokens.filter((t) => t.status === 200)) assert.equal((await lib.caller(world.base, r.json.access_token).get("/v1/sessions/current")).status, 401);
    assert.equal(world.database.sql(`select count(*) from session where advisor_id = ${made.id} and ended_at is null`), "0");
  }
});

test("oauth_token: after wrong secrets the client is refused from that address, and the right secret still gets a token, also in a process that has not met it", async () => {
  const m = await machine(), wrong = { ...grant, client_id: m.username, client_secret: "gsec_falso" };
  let last;
  for (let i = 0; i < 11; i++) last = await ask(wrong);
  refused(last, 429, "temporarily_unavailable");
  assert.ok(Number(last.headers["retry-after"]) >= 1);
  assert.equal((await m.token()).token_type, "Bearer");
  const third = await lib.startServer(world.database.serve);
  refused(await ask(wrong, {}, third.base), 429, "temporarily_unavailable");
  assert.equal((await ask({ ...wrong, client_secret: m.secret }, {}, third.base)).status, 200);
  assert.equal((await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).status, 201, "sign-ins are not affected");
  await third.stop();
});

test("oauth_token: 406, 412, 503 and OPTIONS are as everywhere, refusals in the protocol's form", async () => {
  const m = await machine(), own = { ...grant, client_id: m.username, client_secret: m.secret };
  refused(await ask(own, { accept: "text/html" }), 406, "invalid_request");
  refused(await ask(own, { "if-match": '"0"' }), 412, "invalid_request");
  const closed = await lib.freePort(), dead = await lib.startServer(`postgresql://gestor_api:x@127.0.0.1:${closed}/gestor`, { ready: false });
  const later = await ask(own, {}, dead.base);
  refused(later, 503, "temporarily_unavailable");
  assert.ok(Number(later.headers["retry-after"]) >= 1);
  const options = await world.anyone.request("OPTIONS", "/v1/oauth/token");
  assert.deepEqual([options.status, options.headers.allow], [204, "POST, OPTIONS"]);
  assert.equal((await world.anyone.get("/v1/oauth/token")).json.code, "method_not_allowed");
});

test("oauth_token: an account's share of requests holds for tokens too", async () => {
  const m = await machine(), narrow = await lib.startServer(world.database.serve, { env: { GESTOR_RATE_INTEGRATION: "1" } });
  let last;
  for (let i = 0; i < 60 && (!last || last.status === 200); i++) last = await ask({ ...grant, client_id: m.username, client_secret: m.secret }, {}, narrow.base);
  refused(last, 429, "temporarily_unavailable");
  assert.ok(last.headers.ratelimit && last.headers["retry-after"]);
});

test("advisor_password_delete: an integration of an earlier version signs in with its password until it is removed; then only the secret works", async () => {
  const made = (await chief.post("/v1/advisors", { username: "E6100001", full_name: "CRM", role: "advisor", password: lib.password })).json;
  lib.withPassword(world.database, made.id, ["client_read"]);
  const signIn = () => world.anyone.post("/v1/sessions", { username: "E6100001", password: lib.password });
  const old = lib.caller(world.base, (await signIn()).json.access_token), { json: secret } = await chief.post(`/v1/advisors/${made.id}/secrets`, {});
  const credentials = { ...grant, client_id: "E6100001", client_secret: secret.secret };
  assert.equal((await ask(credentials)).status, 200);
  assert.equal((await old.get("/v1/catalogs")).status, 200);
  assert.equal((await chief.put(`/v1/advisors/${made.id}/password`, { password: "otra-clave-de-prueba" })).json.code, "password_not_used");
  assert.equal((await chief.delete(`/v1/advisors/${made.id}/password?validate_only=true`)).status, 204);
  assert.equal((await signIn()).status, 201);
  assert.equal((await chief.delete(`/v1/advisors/${made.id}/password`)).status, 204);
  assert.equal((await old.get("/v1/catalogs")).status, 401, "its sessions end");
  assert.equal((await signIn()).json.code, "credentials_wrong");
  const as = lib.caller(world.base, (await ask(credentials)).json.access_token);
  assert.equal((await as.put("/v1/sessions/current/password", { old_password: lib.password, password: "otra-clave-de-prueba" })).json.code, "password_not_used");
  assert.equal((await chief.delete(`/v1/advisors/${made.id}/password`)).status, 204, "nothing to remove");
  assert.equal((await as.get("/v1/catalogs")).status, 200, "and nothing ends");
});

test("advisor_update: an account that becomes an integration loses its password; one without a password, or with a name of its own, stays an integration", async () => {
  const made = (await chief.post("/v1/advisors", { username: "E6100002", full_name: "X", role: "advisor", password: lib.password })).json;
  assert.deepEqual((({ role, must_change_password }) => [role, must_change_password])((await chief.patch(`/v1/advisors/${made.id}`, { role: "integration" })).json), ["integration", false]);
  assert.equal((await world.anyone.post("/v1/sessions", { username: "E6100002", password: lib.password })).status, 401);
  assert.equal(lib.faultAt(await chief.patch(`/v1/advisors/${made.id}`, { role: "admin" }), "#/role").code, "not_allowed");
  const named = await machine();
  assert.equal(lib.faultAt(await chief.patch(`/v1/advisors/${named.id}`, { role: "advisor" }), "#/role").code, "not_allowed");
  assert.equal((await chief.patch(`/v1/advisors/${named.id}`, { role: "integration", full_name: "OTRO" })).status, 200);
});

test("advisor_create: an integration's name is its own in any case; it may not be another's number", async () => {
  const make = (username) => chief.post("/v1/advisors", { username, full_name: "X", role: "integration" });
  assert.equal((await make("Crm-Uno")).json.username, "crm-uno");
  for (const taken of ["crm-uno", "CRM-UNO", " crm-uno ", "e8153375"]) assert.equal((await make(taken)).json.code, "advisor_exists", taken);
  for (const bad of ["1crm", "-crm", "crm_uno", "crm.uno", "crm/uno", "ñ", "c".repeat(41)]) assert.equal(lib.faultAt(await make(bad), "#/username").code, "pattern", bad);
  assert.equal((await chief.get("/v1/opportunities?advisor=CRM-uno")).status, 200);
  assert.equal((await chief.get("/v1/audit?advisor=crm-uno")).status, 200);
  assert.throws(() => world.database.sql("insert into advisor (username, full_name, role) values ('e1234567', 'X', 'integration')"), /advisor_username_form/);
});
