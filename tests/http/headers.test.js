"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const lib = require("./lib.js");
const { until, row } = require("./writes.js");

const desk = "https://desk.example", local = "http://localhost:3000";
let world, ana, boss, open, client;    // world's server has two CORS origins, open has none
before(async () => {
  world = await lib.world({ env: { GESTOR_CORS_ORIGINS: ` ${desk}, ${local} http://[::1]:8080,`, GESTOR_LOG_LEVEL: "debug" } });
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  open = await lib.startServer(world.database.serve);
  client = (await ana.post("/v1/clients", lib.newClient())).json;
});
after(() => world.end());

const cors = (r) => Object.keys(r.headers).filter((name) => name.startsWith("access-control-"));
const list = (value) => value.split(",").map((x) => x.trim());
const varies = (r) => list(r.headers.vary || "").includes("Origin");

/* ----------------------------------------------------------------- CORS */

/* Requests for one answer of each kind. */
const kinds = (as, anyone, headers) => [
  [200, () => as.get(`/v1/clients/${client.id}`, headers)], [200, () => as.request("HEAD", "/v1/catalogs", undefined, headers)],
  [201, () => as.post("/v1/clients", lib.newClient(), headers)], [204, () => as.request("OPTIONS", "/v1/clients", undefined, headers)],
  [304, () => as.get("/v1/catalogs", { ...headers, "if-none-match": "*" })], [400, () => as.post("/v1/clients", "{", headers)],
  [401, () => anyone.get("/v1/catalogs", headers)], [403, () => as.post("/v1/opportunities/1/reopening", undefined, headers)], [404, () => as.get("/v1/nope", headers)],
  [405, () => as.delete("/v1/clients", headers)], [406, () => as.get("/v1/catalogs", { ...headers, accept: "text/plain" })],
  [412, () => as.post("/v1/clients", lib.newClient(), { ...headers, "if-match": "\"0\"" })], [415, () => as.post("/v1/clients", {}, { ...headers, "content-type": "text/plain" })],
  [422, () => as.post("/v1/clients", {}, headers)], [200, () => anyone.get("/livez", headers)], [200, () => anyone.get("/openapi.json", headers)],
];

test("client_get: a configured origin may read every answer, including errors; Vary has Origin", async () => {
  for (const origin of [desk, local, "http://[::1]:8080"]) {
    for (const [status, ask] of kinds(ana, world.anyone, { origin })) {
      const r = await ask();
      assert.equal(r.status, status, r.text);
      assert.equal(r.headers["access-control-allow-origin"], origin, String(status));
      assert.equal(r.headers["access-control-allow-credentials"], undefined);
      const exposed = list(r.headers["access-control-expose-headers"]).map((n) => n.toLowerCase());
      for (const name of ["etag", "location", "link", "x-request-id", "retry-after", "idempotent-replayed", "content-language", "www-authenticate", "allow", "traceparent"])
        assert.ok(exposed.includes(name), name);
      assert.equal(r.headers["access-control-allow-methods"], undefined);
      assert.ok(varies(r), String(status));
    }
  }
});

test("client_create: a preflight lists the allowed methods and headers", async () => {
  for (const where of ["/v1/clients", `/v1/clients/${client.id}`, "/v1/sessions", "/livez"]) {
    const r = await world.anyone.request("OPTIONS", where, undefined, { origin: desk, "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization,content-type,idempotency-key,if-match" });
    assert.equal(r.status, 204);
    assert.equal(r.text, "");
    assert.equal(r.headers["access-control-allow-origin"], desk);
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) assert.ok(list(r.headers["access-control-allow-methods"]).includes(method), method);
    const allowed = list(r.headers["access-control-allow-headers"]).map((n) => n.toLowerCase());
    for (const name of ["accept-language", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "traceparent", "x-request-id"]) assert.ok(allowed.includes(name), name);
    assert.match(r.headers["access-control-max-age"], /^[0-9]+$/);
    assert.ok(r.headers.allow);
    assert.ok(varies(r));
  }
});

test("client_create: a preflight allows what tracing libraries add to a request", async () => {
  const names = ["traceparent", "tracestate", "baggage", "sentry-trace", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags",
    "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-origin", "x-datadog-tags", "x-cloud-trace-context", "x-amzn-trace-id", "request-id",
    "request-context", "elastic-apm-traceparent", "newrelic", "uber-trace-id"];
  const r = await world.anyone.request("OPTIONS", "/v1/clients", undefined, { origin: desk, "access-control-request-method": "POST", "access-control-request-headers": names.join(",") });
  const allowed = list(r.headers["access-control-allow-headers"]).map((n) => n.toLowerCase());
  assert.deepEqual(names.filter((name) => !allowed.includes(name)), []);
  assert.equal(new Set(allowed).size, allowed.length, "none stands twice");
});

test("client_get: other origins, `null` and requests without Origin get no CORS headers", async () => {
  const others = ["https://desk.example.evil", "https://evil.desk.example", "http://desk.example", "https://desk.example:444", "https://desk.example/", "https://desk.exampl", "null", "*", "",
    desk.toUpperCase(), `${desk} ${local}`, `${desk},`, "http://localhost", "http://localhost:30000"];
  for (const origin of others) {
    for (const [status, ask] of kinds(ana, world.anyone, { origin }).slice(0, 7)) {
      const r = await ask();
      assert.equal(r.status, status, r.text);
      assert.deepEqual(cors(r), [], `${origin} ${status}`);
      assert.ok(varies(r));
    }
    const r = await world.anyone.request("OPTIONS", "/v1/clients", undefined, { origin, "access-control-request-method": "POST" });
    assert.equal(r.status, 204);
    assert.deepEqual(cors(r), [], origin);
  }
  const r = await ana.get("/v1/catalogs");
  assert.deepEqual(cors(r), []);
  assert.ok(varies(r), "Vary without an Origin too, because a cache may serve the answer to any origin");
});

test("client_get: without configured origins no answer has CORS headers", async () => {
  const as = lib.caller(open.base, ana.token), anyone = lib.caller(open.base);
  for (const origin of [desk, "null", "*", `http://127.0.0.1:${open.port}`]) {
    for (const [status, ask] of [...kinds(as, anyone, { origin }), [204, () => anyone.request("OPTIONS", "/v1/clients", undefined, { origin, "access-control-request-method": "POST" })]]) {
      const r = await ask();
      assert.equal(r.status, status, r.text);
      assert.deepEqual(cors(r), []);
      assert.ok(!varies(r));
    }
  }
});

test("serve: refuses origins that no browser sends, and the message shows a valid one", async () => {
  for (const origins of ["*", "null", "desk.example", "https://", "https://desk.example/", "https://desk.example/path", "https://*.example", "ftp://desk.example", "https://desk.example;http://x", "HTTPS://desk.example",
    "https://Desk.example", "https://user@desk.example", "https://desk.example?x", "https://dësk.example", `${desk},*`, `${desk}, ${local}, x`, "https:// desk.example", `"${desk}"`]) {
    const r = spawnSync(lib.gestor, ["serve"], { encoding: "utf8", timeout: 10000, env: { PATH: process.env.PATH, DATABASE_URL: world.database.serve, GESTOR_JWT_SECRET: lib.serverKey,
      GESTOR_LISTEN: "127.0.0.1:1", GESTOR_CORS_ORIGINS: origins } });
    assert.equal(r.status, 2, `${origins}: ${r.stderr}`);
    assert.match(r.stderr, /GESTOR_CORS_ORIGINS must be origins such as https:\/\/desk\.example/);
  }
});

/* ------------------------------------------------------------ media types */

test("client_create, client_update: every spelling of charset=utf-8 is accepted, other charsets are not", async () => {
  for (const charset of ["utf-8", "UTF-8", "utf8", "UTF8", "Utf8", "\"utf-8\"", "\"UTF8\""]) {
    assert.equal((await ana.post("/v1/clients", lib.newClient(), { "content-type": `application/json; charset=${charset}` })).status, 201, charset);
    assert.equal((await ana.patch(`/v1/clients/${client.id}`, {}, { "content-type": `application/merge-patch+json;charset=${charset}` })).status, 200, charset);
  }
  for (const charset of ["latin1", "utf-16", "utf", "\"utf-8", "\"\"", ""])
    assert.equal((await ana.post("/v1/clients", lib.newClient(), { "content-type": `application/json; charset=${charset}` })).status, 415, charset);
});

test("client_update, client_create: 415 names the accepted types, and OPTIONS those of a patch", async () => {
  const patch = "application/merge-patch+json, application/json";
  const patched = await ana.patch(`/v1/clients/${client.id}`, "x", { "content-type": "application/json-patch+json" });
  assert.deepEqual([patched.status, patched.headers["accept-patch"], patched.headers.accept], [415, patch, patch]);
  const posted = await ana.post("/v1/clients", "x", { "content-type": "text/csv" });
  assert.deepEqual([posted.status, posted.headers["accept-patch"], posted.headers.accept], [415, undefined, "application/json"]);
  const packed = await ana.post("/v1/clients", "x", { "content-type": "application/json", "content-encoding": "gzip" });
  assert.deepEqual([packed.status, packed.headers["accept-encoding"]], [415, "identity"]);
  for (const [where, wanted] of [[`/v1/clients/${client.id}`, patch], ["/v1/opportunities/1", patch], ["/v1/clients", undefined], ["/livez", undefined]]) {
    const r = await world.anyone.request("OPTIONS", where);
    assert.deepEqual([r.status, r.headers["accept-patch"]], [204, wanted], where);
  }
});

/* ------------------------------------------------------ security headers */

const guarded = (headers, what) => {
  assert.equal(headers["x-content-type-options"], "nosniff", what);
  assert.equal(headers["content-security-policy"], "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox", what);
  assert.equal(headers["referrer-policy"], "no-referrer", what);
  assert.ok(headers["cache-control"], what);
  assert.ok(headers["x-request-id"], what);
  assert.ok(headers.date, what);
  for (const name of ["server", "x-powered-by"]) assert.equal(headers[name], undefined, name);
};

test("client_get: every kind of answer has each security header once", async () => {
  for (const [status, ask] of kinds(ana, world.anyone, {})) {
    const r = await ask();
    assert.equal(r.status, status, r.text);
    guarded(r.headers, String(status));
  }
  const o = await lib.opened(ana);
  const { headers: { location } } = await ana.post(`${o.at}/actions`, row);
  guarded((await ana.delete(location)).headers, "204");
  // Refusals by the guard, and by civetweb itself.
  for (const [bytes, status] of [["GET /livez HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400], ["GET /livez HTTP/1.1\r\n\r\n", 400], ["nonsense\r\n\r\n", 400], ["GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 505],
    [`GET /livez HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(40000)}\r\n\r\n`, 431], [`GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    ["POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400], ["GET /livez HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n", 417]]) {
    const { text } = await lib.raw(world.port, bytes, { quiet: 400 });
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 60));
    const lines = text.split("\r\n\r\n")[0].split("\r\n").slice(1).map((l) => [l.slice(0, l.indexOf(":")).toLowerCase(), l.slice(l.indexOf(":") + 2)]);
    const names = lines.map(([name]) => name).filter((name) => name !== "vary");
    assert.equal(new Set(names).size, names.length, "none stands twice");
    guarded(Object.fromEntries(lines), bytes.slice(0, 60));
  }
});

test("HAProxy terminates TLS: version 1.2 or newer, no plain-text port, HSTS for a year", () => {
  const proxy = fs.readFileSync(`${lib.root}/deploy/haproxy.cfg`, "utf8");
  assert.match(proxy, /^\tssl-default-bind-options ssl-min-ver TLSv1\.2 /m);
  assert.match(proxy, /^\tssl-default-bind-ciphers ECDHE\+AESGCM:ECDHE\+CHACHA20$/m);
  const binds = proxy.match(/^\s*bind .*$/gm);
  assert.deepEqual(binds.filter((line) => !/ ssl crt /.test(line)), []);
  assert.match(proxy, /^\thttp-after-response set-header Strict-Transport-Security "max-age=31536000; includeSubDomains"$/m);
  assert.match(proxy, /^\thttp-request set-header X-Forwarded-For %\[src\]$/m);
});

/* ----------------------------------------------------------------- traces */

const id = "0af7651916cd43dd8448eb211c80319c", span = "b7ad6b7169203331";
const lineOf = async (r, server = world.server) => {
  let line;
  await until("the log line", () => (line = server.log().split("\n").filter(Boolean).map((l) => JSON.parse(l)).find((e) => e.request_id === r.headers["x-request-id"] && e.msg === "request")));
  return line;
};

test("client_get: answers, problems and log keep the traceparent's trace id, and each answer has its own span id", async () => {
  const spans = new Set([span]);
  for (const [given, flags] of [[`00-${id}-${span}-01`, "01"], [`00-${id}-${span}-00`, "00"], [`cc-${id}-${span}-01`, "01"], [`cc-${id}-${span}-01-what-the-future-is-like`, "01"], [`  00-${id}-${span}-01  `, "01"]]) {
    for (const [status, ask] of kinds(ana, world.anyone, { traceparent: given })) {
      const r = await ask();
      assert.equal(r.status, status, r.text);
      const [version, trace, own, f] = r.headers.traceparent.split("-");
      assert.deepEqual([version, trace, f], ["00", id, flags], given);
      assert.match(own, /^[0-9a-f]{16}$/);
      assert.ok(!spans.has(own), "a span of its own");
      spans.add(own);
      if (r.json && status >= 400) assert.equal(r.json.trace_id, id);
      const line = await lineOf(r);
      assert.deepEqual([line.trace_id, line.span_id, line.status], [id, own, status]);
    }
  }
});

test("client_get: a malformed or repeated traceparent is ignored", async () => {
  const zero = (n) => "0".repeat(n);
  for (const given of ["", "x", `00-${id}-${span}`, `00-${id}-${span}-`, `00-${id}-${span}-1`, `00-${id}-${span}-011`, `00-${id}-${span}-01-more`, `00-${id}-${span}-01-`, `ff-${id}-${span}-01`, `FF-${id}-${span}-01`,
    `0-${id}-${span}-01`, `000-${id}-${span}-01`, `cc-${id}-${span}-01.more`, `cc-${id}-${span}-01x`, `00-${zero(32)}-${span}-01`, `00-${id}-${zero(16)}-01`, `00-${id.toUpperCase()}-${span}-01`, `00-${id}-${span.toUpperCase()}-01`,
    `00-${id.slice(1)}-${span}-01`, `00-${id}0-${span}-01`, `00-${id}-${span.slice(1)}-01`, `00_${id}_${span}_01`, `00-${id.slice(1)}g-${span}-01`, `00-${id}-${span}-0x`, `.0-${id}-${span}-01`,
    `00-${id}-${span}-01,00-${id}-${span}-01`, [`00-${id}-${span}-01`, `00-${id}-${span}-01`], "00-" + "a".repeat(4000)]) {
    const r = await ana.get("/v1/nope", { traceparent: given });
    assert.equal(r.status, 404);
    assert.equal(r.headers.traceparent, undefined, String(given));
    assert.equal(r.json.trace_id, undefined);
    const line = await lineOf(r);
    assert.deepEqual([line.trace_id, line.span_id], [undefined, undefined]);
  }
});

/* -------------------------------------------------------------------- log */

test("client_get, session_create: the members of a request's log line", async () => {
  const names = ["time", "level", "msg", "request_id", "operation_id", "status", "duration_ms", "bytes"];
  const me = Number((await ana.get("/v1/sessions/current")).json.advisor.id);
  for (const [r, more] of [
    [await ana.get(`/v1/clients/${client.id}`, { "x-request-id": "pedido-1" }), { operation_id: "client_get", status: 200, advisor_id: me, level: "info" }],
    [await boss.get("/v1/clients/999999999"), { operation_id: "client_get", status: 404, code: "not_found", level: "info" }],
    [await world.anyone.get("/v1/catalogs"), { operation_id: "catalog_list", status: 401, code: "token_missing", advisor_id: undefined }],
    [await world.anyone.get("/v1/nope"), { operation_id: "", status: 404, code: "not_found", advisor_id: undefined }],
    [await world.anyone.get("/livez"), { operation_id: "livez", status: 200, level: "debug", advisor_id: undefined }],
    [await ana.get("/v1/catalogs", { "if-none-match": "*" }), { operation_id: "catalog_list", status: 304 }],
    [await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password }), { operation_id: "session_create", status: 201, advisor_id: me }],
    // A failed sign-in logs the account if it exists; an unknown username is not logged, because it may be a password.
    [await world.anyone.post("/v1/sessions", { username: "e8153375", password: "una-clave-equivocada" }), { operation_id: "session_create", status: 401, code: "credentials_wrong", advisor_id: me }],
    [await world.anyone.post("/v1/sessions", { username: "E7654321", password: "una-clave-equivocada" }), { operation_id: "session_create", status: 401, code: "credentials_wrong", advisor_id: undefined }],
    [await ana.post("/v1/sessions/refresh", { refresh_token: "x".repeat(43) }), { operation_id: "session_refresh", status: 401, code: "refresh_token_invalid", advisor_id: undefined }],
    [await ana.get("/v1/audit"), { operation_id: "audit_list", status: 403, code: "role_forbidden", advisor_id: me }],
    [await ana.post("/v1/clients", { nombre: "X" }), { operation_id: "client_create", status: 422, code: "invalid", advisor_id: me }],
  ]) {
    const line = await lineOf(r);
    for (const name of names) assert.ok(name in line, name);
    for (const [name, value] of Object.entries(more)) assert.equal(line[name], value, `${name} of ${JSON.stringify(line)}`);
    assert.deepEqual(Object.keys(line).filter((name) => ![...names, "advisor_id", "code", "trace_id", "span_id"].includes(name)), []);
    assert.ok(line.duration_ms > 0 && line.duration_ms < 60000);
    assert.ok(line.bytes > 100);
    assert.equal(typeof line.status, "number");
  }
});
