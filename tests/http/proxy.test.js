/*
 * The shipped HAProxy configuration in front of the real service: which paths it exposes, which request ids it accepts, its own
 * answers, and its log. Requests are raw bytes, because a client library would normalise them.
 */
"use strict";
const { describe, test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const http2 = require("node:http2");
const net = require("node:net");
const lib = require("./lib.js");
const { startFront, ask } = require("./front.js");
const { until } = require("./writes.js");

const desk = "https://desk.example", local = "http://localhost:3000";
const origins = `${desk}, ${local} http://[::1]:8080,`;
let world, front, bare;    // bare: HAProxy without origins
before(async () => {
  world = await lib.world({ demo: false, env: { GESTOR_CORS_ORIGINS: origins } });
  front = await startFront(world.port, { env: { GESTOR_CORS_ORIGINS: origins } });
  bare = await startFront(world.port);
  await until("HAProxy has a server", async () => (await get("/livez")).status === 200 && (await get("/livez", {}, bare)).status === 200);
});
after(async () => {
  await Promise.all([front, bare].filter(Boolean).map((f) => f.stop()));
  await world.end();
});

/* request(target, headers, method) - the bytes of a request. headers: an object, or [name, value] pairs to repeat a name. */
const request = (target, headers = {}, method = "GET") => `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n` +
  (Array.isArray(headers) ? headers : Object.entries(headers)).map(([n, v]) => `${n}: ${v}\r\n`).join("") + "Connection: close\r\n\r\n";
const get = (target, headers, at = front) => ask(at.port, request(target, headers));

/* direct(target, headers, method) - sends the request to the service itself: { status, json, headers }. */
async function direct(target, headers, method) {
  const { text } = await lib.raw(world.port, request(target, headers, method), { quiet: 300 });
  const [head, body] = text.split("\r\n\r\n");
  const named = head.split("\r\n").slice(1).map((l) => [l.slice(0, l.indexOf(":")).toLowerCase(), l.slice(l.indexOf(":") + 2)]);
  return { status: Number(text.split(" ")[1]), json: body && body.startsWith("{") ? JSON.parse(body) : undefined, headers: Object.fromEntries(named), lines: named };
}

/* inParallel(list, f) - calls f for each item, eight at a time. */
async function inParallel(list, f) {
  const left = [...list];
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (left.length > 0) await f(left.shift());
  }));
}

/* lineOf(id, at, path) - HAProxy's log line of the request with this id (and this path, if given). */
async function lineOf(id, at = front, path = null) {
  let line;
  await until(`a line of ${id}`, () => (line = at.lines().find((l) => l.request_id === id && (path === null || l.path === path))));
  return line;
}
const serviceLines = (id) => world.server.log().split("\n").filter(Boolean).map((l) => JSON.parse(l)).filter((l) => l.request_id === id && l.msg === "request");

const members = ["type", "title", "status", "detail", "code", "request_id"];
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/* texts[status] - {code, title: {en, es}, detail: {en, es}}, from docs/errors.md. */
const texts = {};
const page = fs.readFileSync(`${lib.root}/docs/errors.md`, "utf8");
const cells = (line) => line.split(/(?<!\\)\|/).slice(1, -1).map((c) => c.trim().replaceAll("\\|", "|"));
for (const line of page.split("## The proxy's own answers")[1].split("\n## ")[0].split("\n").filter((l) => /^\| [0-9]/.test(l))) {
  const [status, code, en, es] = cells(line), row = cells(page.split("\n").find((l) => l.includes(`| ${code} | **`)));
  const title = (cell) => /^\*\*(.*?)\.\*\*/.exec(cell)[1];
  texts[status] = { code: code.replaceAll("`", ""), detail: { en, es }, title: { en: title(row[2]), es: title(row[3]) } };
}

/* isOwn(r, status, language) - checks that r is a complete problem by HAProxy, in the form of the service's problems. */
function isOwn(r, status, language = "en", what = "") {
  assert.equal(r.status, status, `${what}: ${r.text}`);
  assert.equal(r.headers["content-type"], "application/problem+json", what);
  assert.deepEqual(Object.keys(r.json), members, what);
  const { code, title, detail } = texts[status];
  assert.deepEqual(r.json, { type: `urn:gestor:problem:${code}`, title: title[language], status, detail: detail[language], code, request_id: r.headers["x-request-id"] }, what);
  assert.match(r.json.request_id, /^[A-Za-z0-9_.:-]{1,64}$/, what);
  assert.equal(r.headers["content-language"], language, what);
  assert.ok(r.lines.some(([n, v]) => n === "vary" && v === "Accept-Language"), what);
  assert.equal(r.headers["cache-control"], "no-store", what);
  assert.equal(r.headers["x-content-type-options"], "nosniff");
  assert.equal(r.headers["content-security-policy"], "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox");
  assert.equal(r.headers["referrer-policy"], "no-referrer");
  assert.equal(r.headers["strict-transport-security"], "max-age=31536000; includeSubDomains");
  assert.ok(Math.abs(Date.parse(r.headers.date) - Date.now()) < 60000, r.headers.date);
  assert.equal(r.headers["retry-after"], { 429: "10", 503: "1" }[status], what);
  assert.equal(r.headers.server, undefined);
}

/* ----------------------------------------------------------------- paths */

const hex = (c, upper) => "%" + (upper ? c.charCodeAt(0).toString(16).toUpperCase() : c.charCodeAt(0).toString(16));
const every = (s) => [...s].map((c) => hex(c)).join("");

describe("paths", () => {
  test("metrics: no spelling of the path reaches it", async () => {
    const names = ["metrics", ...[0, 1, 6].flatMap((i) => [false, true].map((upper) => "metrics".slice(0, i) + hex("metrics"[i], upper) + "metrics".slice(i + 1))), every("metrics"),
      "%256Detrics", "%25%36Detrics", "m%65%74rics", "METRICS", "Metrics", "%4DETRICS", "me\u00adtrics", "%6%44etrics", "%u006Detrics", "m%00etrics", "%c1%adetrics", "%e0%81%adetrics"];
    const fore = ["/", "//", "///", "/./", "/%2e/", "/x/../", "/x/%2e%2e/", "/x/%2E./", "/v1/../", "/v1/%2e%2e/", "/v1%2f..%2f", "/docs/../", "/openapi.yaml/../", "/livez/../", "/%2f", "/%2F", "/\\", "/%5c", "\\", "/;/", "/x/..;/", "/..%2f", "/%00/", "/.%00/", "/v1/%2e%2e%2f"];
    const behind = ["", "/", "%2f", ";x", "%3Bx", "?x=1", "%3f", "%00", "%20", "%09", "%0a", ".", "%2e", "/.", "/..", "//", "%23", "\\", "%5C", "%c0%af", "%ff", "&", "+"];
    const targets = new Set([...fore.flatMap((f) => names.map((n) => f + n)), ...behind.flatMap((b) => ["/metrics", "/%6Detrics", "//metrics"].map((t) => t + b)),
      "metrics", "?/metrics", "/metrics\u0000", "/\u0000/metrics", "/metrics\u00ff", "*/metrics", "/#/metrics", "/metrics#x", "x://localhost/metrics", "http://localhost/metrics", "https://localhost/metrics", "HTTP://localhost/%6detrics", "http://localhost//metrics",
      "http://localhost/./metrics", "http://localhost:8443/metrics", "http://u@localhost/metrics", "http:///metrics", "x?://localhost/metrics", "/?://localhost/metrics", "x/://localhost/metrics", "*://localhost/metrics", "http://localhost?/metrics"]);
    assert.ok(targets.size > 500);
    const seen = {};
    await inParallel(targets, async (target) => {
      const r = await get(target);
      assert.ok([400, 404].includes(r.status), `${target}: ${r.status}`);
      assert.doesNotMatch(r.text, /gestor_|# HELP/, target);
      if (r.status === 404) isOwn(r, 404, "en", target);
      seen[r.status] = (seen[r.status] || 0) + 1;
    });
    assert.ok(seen[404] > seen[400], JSON.stringify(seen));
    for (const method of ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "get"]) {
      const r = await ask(front.port, request("/%6Detrics", {}, method), { head: method === "HEAD" });
      assert.equal(r.status, 404, method);
    }
    isOwn(await ask(front.port, "GET /%6Detrics HTTP/1.0\r\n\r\n"), 404);
    assert.equal((await direct("/%6Detrics")).status, 200, "the service itself accepts this spelling");
  });

  test("metrics: cannot be reached over HTTP/2 either", async () => {
    const client = http2.connect(`https://127.0.0.1:${front.port}`, { rejectUnauthorized: false });
    client.on("error", () => {});
    const path = (target) => new Promise((resolve, reject) => {
      const s = client.request({ ":path": target, ":authority": "localhost" });
      let status, text = "";
      s.on("response", (h) => { status = h[":status"]; });
      s.setEncoding("utf8").on("data", (d) => { text += d; }).on("end", () => resolve({ status, text })).on("error", reject);
    });
    for (const target of ["/metrics", "/%6Detrics", "//metrics", "/./metrics", "/x/../metrics", "/metrics;x", "/metrics%2f", "/%256Detrics", "/metrics%00", "/%5cmetrics", "/metrics?x"]) {
      const r = await path(target).catch(() => ({ status: 400, text: "" }));
      assert.ok([400, 404].includes(r.status), `${target}: ${r.status}`);
      assert.doesNotMatch(r.text, /# HELP/);
    }
    assert.equal((await path("/%6Civez")).status, 200);
    assert.equal((await path("/v1/clients?phone=944264648")).status, 401);
    client.close();
  });

  test("every public path passes, however it is encoded, and gets the service's answer", async () => {
    const contract = await lib.loadContract(world.base);
    for (const where of new Set(contract.operations.map((o) => o.path))) {
      if (where === "/metrics") continue;
      const target = where.replace(/\{catalog\}/g, "campaign").replace(/\{[^}]+\}/g, "1"), at = 1 + Math.floor(Math.random() * (target.length - 1));
      const encoded = target[at] === "/" ? target : target.slice(0, at) + hex(target[at]) + target.slice(at + 1);
      for (const t of [target, encoded, `http://localhost${target}`]) {
        const [through, alone] = [await get(t), await direct(t).catch(() => null)];
        if (alone) assert.equal(through.status, alone.status, t);
        assert.notEqual(through.status, 404, t);
        assert.equal(through.lines.filter(([n]) => n === "x-request-id").length, 1, t);
      }
    }
    const r = await ask(front.port, request("*", {}, "OPTIONS"));
    assert.deepEqual([r.status, r.headers.allow], [204, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]);
  });

  test("the service itself also refuses every path that HAProxy refuses", async () => {
    for (const target of ["/", "/v1", "/v1/", "/V1/clients", "/v1//clients", "/v1/./clients", "/v1/x/../clients", "/v1/clients/", "/v1/clients;x", "/v1%2fclients", "/v1/%2e%2e/v1/clients", "/v1/cl%00ients", "/v1/cl%zzients",
      "/v1/clients%", "/v1/clients%2", "/v1/clients%20", "/v1/catalogs/%ff", "/v2/clients", "/livez/", "/LIVEZ", "/docs/", "/docs/x", "/openapi.yaml.bak", "/openapi", "/.well-known/security.txt", "/robots.txt", "/%"]) {
      const [through, alone] = [await get(target), await direct(target)];
      assert.deepEqual([through.status, through.json.code], [alone.status, alone.json.code], target);
    }
  });

  test("openapi_yaml, docs_page: documents have their own small backend, and so have health checks and preflights", async () => {
    for (const [target, backend, method] of [["/openapi.yaml", "documents"], ["/%6Fpenapi.yaml", "documents"], ["/openapi%2Ejson", "documents"], ["/docs", "documents"], ["/%64ocs/docs.js", "documents"], ["/docs/docs%2ecss", "documents"],
      ["http://localhost/%6Fpenapi.yaml", "documents"], ["/livez", "light"], ["/%72eadyz", "light"], ["/v1/clients", "light", "OPTIONS"], ["*", "light", "OPTIONS"], ["/v1/catalogs", "service"], ["/v1/docs", "service"], ["/v1/openapi.yaml", "service"]]) {
      const id = `backend-${Math.random().toString(36).slice(2)}`;
      const r = await ask(front.port, request(target, { "X-Request-Id": id, ...(method ? { Origin: desk, "Access-Control-Request-Method": "POST" } : {}) }, method));
      if (method) assert.deepEqual([r.status, r.headers["access-control-allow-origin"]], [204, desk]);
      assert.equal((await lineOf(id)).backend, backend, target);
    }
  });
});

/* ------------------------------------------------------------ request ids */

describe("X-Request-Id", () => {
  const good = ["a", "0", "x-Y_z.1:2", "a".repeat(64), "...", "2f1c5b4e-1b7a-4f0e-9a0b-1c2d3e4f5a6b"];
  const bad = ["", "a".repeat(65), "a".repeat(8000), "x\",\"code\":\"ok\",\"z\":\"", "a b", "a,b", "a/b", "a;b", "a\\b", "a'b", "{}", "%41", "a\tb", "\u00e9", "\u00ff\u00fe", "<x>"];

  test("answer, problem and both logs have the same id, whether HAProxy or the service answers", async () => {
    for (const target of ["/metrics", "/v1/nope", "/v1/clients"])
      for (const id of [...good, ...bad]) {
        const r = await get(target, { "X-Request-Id": id }), requestId = r.headers["x-request-id"];
        assert.equal(r.lines.filter(([n]) => n === "x-request-id").length, 1);
        assert.deepEqual(Object.keys(r.json), members);
        assert.equal(r.json.request_id, requestId);
        if (good.includes(id)) assert.equal(requestId, id);
        else assert.match(requestId, uuid, id);
        assert.equal((await lineOf(requestId, front, target)).status, r.status);
        if (target !== "/metrics") await until("the service's line", () => serviceLines(requestId).length > 0);
      }
  });

  test("the first of several headers counts, as in the service", async () => {
    for (const ids of [["one", "two"], ["x\"y", "two"], ["one", "x\"y"], ["", "two"], ["one", ""], ["a,b", "c"], ["one", "two", "three"]]) {
      const headers = ids.map((id) => ["X-Request-Id", id]);
      const requestId = (await get("/metrics", headers)).headers["x-request-id"], passed = (await get("/v1/nope", headers)).headers["x-request-id"], alone = (await direct("/v1/nope", headers)).headers["x-request-id"];
      if (alone === ids[0]) assert.deepEqual([requestId, passed], [alone, alone], ids.join(" "));
      else for (const id of [requestId, passed]) assert.match(id, uuid, ids.join(" "));
    }
    // Similar names are not X-Request-Id.
    assert.match((await get("/metrics", [["X_Request_Id", "under"]])).headers["x-request-id"], uuid);
    assert.equal((await get("/metrics", [["x-REQUEST-id", "case"]])).headers["x-request-id"], "case");
  });

  test("a request that the service refuses as malformed has the service's id in both logs", async () => {
    const r = await ask(front.port, request("/v1/clients", { "X-Request-Id": "mine", Expect: "x", "X-A": "b" }));
    const long = await ask(front.port, request(`/v1/${"a".repeat(9000)}`, { "X-Request-Id": "mine-too" }));
    assert.deepEqual([r.status, long.status], [417, 414]);
    for (const { headers, json, status } of [r, long]) {
      assert.equal(headers["x-request-id"], json.request_id);
      assert.equal((await lineOf(json.request_id)).status, status);
      await until("the service's line", () => serviceLines(json.request_id).length === 1);
    }
  });
});

/* ---------------------------------------------------- HAProxy's own answers */

/* A fake service that is ready, and answers other requests by what(socket, request). */
function pretender(what) {
  return new Promise((resolve) => {
    const s = net.createServer((c) => {
      c.on("error", () => {});
      c.on("data", (d) => {
        if (d.toString("latin1").startsWith("GET /readyz")) c.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        else what(c);
      });
    });
    s.listen(0, "127.0.0.1", () => resolve(s));
  });
}

/* Extra rules, as an operator may add them: X-Try chooses a status. */
const denies = (text) => text.replace("\thttp-request deny deny_status 413", "\thttp-request deny deny_status 400 if { req.hdr(X-Try) 400 }\n\thttp-request deny if { req.hdr(X-Try) 403 }\n" +
  "\thttp-request deny deny_status 429 if { req.hdr(X-Try) 429 }\n\thttp-request deny deny_status 500 if { req.hdr(X-Try) 500 }\n$&");
const quick = (text) => text.replace("timeout server 12s", "timeout server 500ms").replace("timeout http-request 10s", "timeout http-request 1s");
const env = { GESTOR_CORS_ORIGINS: origins };
const inSpanish = { "Accept-Language": "es-PE, es;q=0.9, en;q=0.5", Origin: desk };
const readable = (r, origin = desk) => {
  assert.equal(r.headers["access-control-allow-origin"], origin);
  assert.ok(r.headers["access-control-expose-headers"].split(", ").includes("Retry-After"));
  assert.ok(r.lines.some(([n, v]) => n === "vary" && v === "Origin"));
};

describe("HAProxy's own answers", () => {
  test("400, 403, 404, 413, 429, 500", async () => {
    const strict = await startFront(world.port, { env, change: denies });
    try {
      for (const status of [400, 403, 429, 500]) {
        isOwn(await get("/v1/clients", { "X-Try": status }, strict), status);
        const r = await get("/v1/clients", { "X-Try": status, "X-Request-Id": "abc", ...inSpanish }, strict);
        isOwn(r, status, "es");
        readable(r);
        assert.equal(r.json.request_id, "abc");
      }
    } finally {
      await strict.stop();
    }
    isOwn(await get("/metrics"), 404);
    const long = `POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n`;
    isOwn(await ask(front.port, [`${long}\r\n`, "x".repeat(70000)]), 413);
    const r = await ask(front.port, [`${long}Accept-Language: es\r\nOrigin: ${local}\r\n\r\n`, "x".repeat(70000)]);
    isOwn(r, 413, "es");
    readable(r, local);
    // A broken chunk that arrives after the head gets a problem; one that arrives with the head gets HAProxy's built-in 400.
    isOwn(await ask(front.port, ["POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nAccept-Language: es\r\nTransfer-Encoding: chunked\r\n\r\n", 300, "zz\r\n"]), 400, "es");
  });

  test("408, 502, 503, 504", async () => {
    const odd = await pretender((c) => c.end("HTTP/1.1 2")), mute = await pretender(() => {});
    const [incomplete, late, none] = await Promise.all([startFront(odd.address().port, { env, change: quick }), startFront(mute.address().port, { env, change: quick }), startFront(await lib.freePort(), { env })]);
    try {
      for (const [at, status] of [[incomplete, 502], [late, 504], [none, 503]]) {
        await until(String(status), async () => (await get("/v1/clients", {}, at)).status === status);
        isOwn(await get("/v1/clients", {}, at), status);
        const r = await get("/v1/clients", { "X-Request-Id": "abc", ...inSpanish }, at);
        isOwn(r, status, "es");
        readable(r);
        assert.equal((await lineOf("abc", at)).status, status);
      }
      // A head that does not arrive gets HAProxy's built-in 408, and a log line.
      assert.equal((await ask(late.port, ["GET /v1/clients HTTP/1.1\r\nHost: local", 1500])).status, 408);
      await until("a line", () => late.lines().some((l) => l.msg === "refused" && l.status === 408));
      const slow = await ask(late.port, ["POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: slow\r\nOrigin: https://desk.example\r\nAccept-Language: es\r\nContent-Length: 10\r\n\r\n", "{", 1500]);
      isOwn(slow, 408, "es");
      readable(slow);
      assert.equal(slow.json.request_id, "slow");
      assert.deepEqual([(await lineOf("slow", late)).method, (await lineOf("slow", late)).path], ["POST", "/v1/sessions"]);
    } finally {
      await Promise.all([incomplete, late, none].map((f) => f.stop()));
      odd.close();
      mute.close();
    }
  });

  test("they have exactly the headers of the service's answers", async () => {
    for (const headers of [{}, inSpanish, { Origin: "https://evil.example" }]) {
      const own = await get("/metrics", headers), service = await get("/v1/nope", headers), names = (r) => r.lines.map(([n]) => n).sort();
      assert.deepEqual(names(own), names(service));
      for (const [name, value] of own.lines)
        if (!["date", "x-request-id", "vary"].includes(name)) assert.equal(value, service.headers[name], name);
      assert.deepEqual({ ...own.json, request_id: "" }, { ...service.json, request_id: "" });
    }
    const r = await ask(front.port, request("/metrics", {}, "HEAD"), { head: true });
    assert.deepEqual([r.status, r.headers["content-type"]], [404, "application/problem+json"]);
  });

  test("CORS origins are handled as by the service", async () => {
    for (const origin of [desk, local, "http://[::1]:8080", "https://desk.exampl", "https://desk.example.evil", "https://desk.example:443", "http://desk.example", "HTTPS://DESK.EXAMPLE", "https://desk.example,", ",", "", "null", "*",
      "https://", "http", `${desk} ${local}`, `${desk},${local}`, `${desk}, ${local} http://[::1]:8080,`, "https://desk_example", "https://deskxexample", ".*", "([^ ]+)", "\\1", `${desk} x`, "x".repeat(9000)]) {
      const [own, service] = [await get("/metrics", { Origin: origin }), await get("/v1/nope", { Origin: origin })];
      assert.equal(own.headers["access-control-allow-origin"], service.headers["access-control-allow-origin"], origin);
      assert.equal(own.headers["access-control-allow-credentials"], undefined);
      assert.ok(own.lines.some(([n, v]) => n === "vary" && v === "Origin"));
    }
    // Of two lines the first counts, as in the service.
    for (const two of [[desk, "https://evil.example"], ["https://evil.example", desk]]) {
      const headers = two.map((o) => ["Origin", o]), [own, service] = [await get("/metrics", headers), await get("/v1/nope", headers)];
      assert.equal(own.headers["access-control-allow-origin"], service.headers["access-control-allow-origin"]);
    }
    // Without configured origins there are no CORS headers.
    const r = await get("/metrics", { Origin: desk }, bare);
    assert.deepEqual(r.lines.filter(([n, v]) => n.startsWith("access-control-") || v === "Origin"), []);
    assert.equal((await get("/v1/nope", { Origin: desk }, bare)).headers["access-control-allow-origin"], desk, "the service's own CORS headers pass unchanged");
  });

  test("the language is chosen as by the service, except for * and malformed lists", async () => {
    for (const [given, language] of [["es", "es"], ["ES", "es"], ["es-PE", "es"], ["es-419", "es"], ["en", "en"], ["", "en"], ["fr", "en"], ["fr, es", "es"], ["es, en", "es"], ["en, es", "en"], ["en;q=0.5, es", "es"], ["es;q=0.5, en", "en"],
      ["es;q=0.5, en;q=0.4", "es"], ["es;q=0", "en"], ["es;q=0, en;q=0", "en"], ["de, es-PE;q=0.9, en;q=0.8", "es"], ["est", "en"], ["e", "en"], ["en-US,en;q=0.9,es;q=0.8", "en"], ["es-PE,es;q=0.9,en-US;q=0.8,en;q=0.7", "es"], ["*", "en"]]) {
      const headers = given === "" ? {} : { "Accept-Language": given };
      const [own, service] = [await get("/metrics", headers), await get("/v1/nope", headers)];
      assert.equal(service.headers["content-language"], language, given);
      isOwn(own, 404, language, given);
    }
    for (const given of ["*, en;q=0.5", "es;;", ";", ",", "es;q=", "es;q=x", "\u00e9", "es\"", "x".repeat(9000), "es,".repeat(3000)]) {
      const r = await get("/metrics", { "Accept-Language": given });
      isOwn(r, 404, r.headers["content-language"], given);
    }
  });

  test("bytes that are not HTTP get the built-in 400", async () => {
    for (const bytes of ["nonsense\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", "GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n"]) {
      const refused = () => front.lines().filter((l) => l.msg === "refused" && l.status === 400).length;
      const before = refused(), r = await ask(front.port, bytes);
      assert.equal(r.status, 400, bytes);
      assert.doesNotMatch(r.text, /nonsense/);
      await until("a line", () => refused() > before);
    }
  });
});

/* ------------------------------------------------------------------- logs */

describe("the log", () => {
  test("no line is cut, whatever the client sends, and every line is JSON", async () => {
    for (const [target, headers, method] of [["/v1/" + "a".repeat(2000)], ["/v1/" + "%22".repeat(2000)], ["/v1/" + "'".repeat(7000)], ["/v1/clients", { "X-Request-Id": "a".repeat(8000) }], ["/v1/clients", { "X-Request-Id": "\"".repeat(8000) }],
      ["/v1/clients?" + "q".repeat(7000)], ["/v1/clients", {}, "M".repeat(3000)], ["/v1/x", {}, "'!#$%&*+^`|~"], ["/" + "<\"{}>`|^".repeat(200)], ["/v1/" + "\\".repeat(3000)], ["/v1/" + "\"".repeat(3000), { "X-Request-Id": "\\".repeat(3000) }, "X".repeat(500)]]) {
      const r = await ask(front.port, request(target, headers, method)), line = await lineOf(r.headers["x-request-id"]);
      assert.deepEqual(Object.keys(line).slice(0, 7), ["time", "level", "msg", "status", "request_id", "method", "path"], target.slice(0, 50));
      assert.equal(line.status, r.status);
      assert.equal(line.method, (method || "GET").slice(0, 16));
      assert.equal(line.path, target.split("?")[0].slice(0, 200), target.slice(0, 50));
      assert.ok(line.length <= 2048, String(line.length));
    }
  });

  test("it has no query, parameter or personal number", async () => {
    const marks = ["944264648", "944-264", "944%20264", "944.264", "264648", "20467534026", "01234567", "secretmark"];
    for (const target of ["/v1/clients?phone=944264648", "/v1/clients%3Fphone=944264648", "/v1/clients%3fdocument_number=20467534026", "/v1/clients;phone=944264648", "/v1/clients/944264648", "/v1/clients/944-264-648", "/v1/clients/944%20264%20648", "/v1/clients/%2B51.944.264.648", "/v1/clients/(944)264648/x", "/v1/clients/phone/+51944264648/x", "/v1/clients/phone=944264648",
      "/v1/clients/01234567", "/metrics?x=secretmark", "http://secretmark@localhost/livez", "/livez?secretmark"]) {
      const id = `personal-${Math.random().toString(36).slice(2)}`;
      await get(target, { "X-Request-Id": id, "User-Agent": "secretmark", Referer: "http://secretmark/", Authorization: "Bearer secretmark", Cookie: "secretmark" }).catch(() => {});
    }
    const id = "personal-last";
    await get("/v1/opportunities/1234567/closure", { "X-Request-Id": id });
    assert.equal((await lineOf(id)).path, "/v1/opportunities/1234567/closure");
    for (const mark of marks) assert.ok(!front.log().includes(mark), mark);
  });

  test("a query cannot get into the logged path", async () => {
    await get("/v1/clients%3Fsearch=x", { "X-Request-Id": "cut-1" });
    assert.equal((await lineOf("cut-1")).path, "/v1/clients");
    await get("/v1/a/944264648/b", { "X-Request-Id": "cut-2" });
    assert.equal((await lineOf("cut-2")).path, "/v1/a/N/b");
  });

  test("a failed TLS handshake is logged", async () => {
    const failed = () => front.lines().filter((l) => l.msg === "refused" && l.status === 0), before = failed().length;
    await new Promise((resolve) => net.connect(front.port, "127.0.0.1", function () { this.end("GET / HTTP/1.1\r\n\r\n"); this.resume(); }).on("close", resolve).on("error", () => {}));
    await until("a line", () => failed().length > before);
    assert.match(failed()[before].error, /SSL/);
  });
});

/* --------------------------------------------------------------- compression */

describe("compression", () => {
  const zlib = require("node:zlib"), https = require("node:https");
  /* fetched(method, path, headers, body) - an answer as it is on the wire: {status, headers, bytes, text}. */
  const fetched = (method, path, headers = {}, body = undefined) => new Promise((resolve, reject) => {
    const rq = https.request({ port: front.port, method, path, rejectUnauthorized: false, agent: false,
      headers: { "accept-encoding": "gzip", ...(body ? { "content-type": "application/json", "content-length": Buffer.byteLength(body) } : {}), ...headers } }, (r) => {
      const parts = [];
      r.on("data", (d) => parts.push(d));
      r.on("error", reject);
      r.on("end", () => {
        const bytes = Buffer.concat(parts), packed = r.headers["content-encoding"] === "gzip";
        resolve({ status: r.statusCode, headers: r.headers, bytes, text: (packed ? zlib.gunzipSync(bytes) : bytes).toString("utf8") });
      });
    });
    rq.on("error", reject);
    rq.end(body);
  });

  test("JSON, CSV and NDJSON are compressed; answers with tokens are not", async () => {
    const boss = await world.signedIn("E8000001"), authorization = `Bearer ${boss.token}`;
    for (const [path, headers] of [["/v1/catalogs", {}], ["/v1/exports/audit", { accept: "text/csv" }], ["/v1/exports/audit", { accept: "application/x-ndjson" }]]) {
      const packed = await fetched("GET", path, { authorization, ...headers }), plain = await fetched("GET", path, { authorization, ...headers, "accept-encoding": "identity" });
      assert.equal(packed.headers["content-encoding"], "gzip", path);
      assert.match(packed.headers.vary || "", /accept-encoding/i, path);
      assert.equal(plain.headers["content-encoding"], undefined);
      if (path === "/v1/catalogs") {
        assert.equal(packed.text, plain.text);
        assert.ok(packed.bytes.length * 2 < plain.bytes.length);
      }
    }
    const session = await fetched("POST", "/v1/sessions", {}, JSON.stringify({ username: "E8000001", password: lib.password }));
    assert.equal(session.status, 201);
    assert.equal(session.headers["content-encoding"], undefined);
    for (const path of ["/v1/%73essions", "/v1/oauth/token"]) assert.equal((await fetched("POST", path, {}, "{}")).headers["content-encoding"], undefined, path);
  });

  test("If-None-Match and If-Match work with the tag of a compressed answer", async () => {
    const ana = await world.signedIn("E8153375"), authorization = `Bearer ${ana.token}`;
    const client = (await ana.post("/v1/clients", lib.newClient())).json, path = `/v1/clients/${client.id}`;
    const packed = await fetched("GET", path, { authorization });
    assert.equal(packed.headers["content-encoding"], "gzip");
    const tag = packed.headers.etag;
    assert.match(tag, /^W\/"/, "the bytes are not those of the strong tag");
    assert.equal((await fetched("GET", path, { authorization, "if-none-match": tag })).status, 304);
    const changed = await fetched("PATCH", path, { authorization, "if-match": tag }, '{"gender":"F"}');
    assert.equal(changed.status, 200, changed.text);
    const late = await fetched("PATCH", path, { authorization, "if-match": tag }, '{"gender":"M"}');
    assert.equal(late.status, 412, late.text);
    assert.equal((await fetched("PATCH", path, { authorization, "if-match": `"0", ${changed.headers.etag}` }, '{"gender":"M"}')).status, 200);
  });
});
