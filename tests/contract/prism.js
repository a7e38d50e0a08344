/*
 * Checks the recorded exchanges of the HTTP tests (tests/http/exchanges.js) with
 * Prism, an independent validating proxy. Each request is sent again through Prism,
 * to a server that replays the recorded answer. Prism lists the violations of
 * openapi.yaml, in request and answer, in the header sl-violations.
 *
 * Exits with 1 if Prism and the service disagree, or if there are too few exchanges
 * to prove anything. Needs `npm ci` here.
 */
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const http = require("node:http");
const path = require("node:path");
const exchanges = require("../http/exchanges.js");
const lib = require("../http/lib.js");

const root = path.join(__dirname, "../..");
const modules = path.join(__dirname, "node_modules");
const fewest = 18000, part = 0.9;   // the least number of exchanges, and the least part of all recorded ones

/* Exchanges that Prism cannot judge. */
const exceptions = [
  /* Prism's router knows only the methods in the document. */
  ["HEAD, OPTIONS", ({ method }) => method === "HEAD" || method === "OPTIONS"],
  /* Prism itself refuses invalid JSON, and treats null, false, 0 and "" as no body. */
  ["a body that is not JSON, or falsy", ({ headers, body }) => body !== undefined &&
    (/json/i.test(headers["content-type"] || "") || body.length === 0) && !isSomething(body)],
  /* Prism adds a Content-Length to chunked bodies without removing Transfer-Encoding. */
  ["a body without Content-Length", ({ headers, body }) => body !== undefined && headers["content-length"] === undefined],
  /* Prism follows a redirect itself, to the same answer again. */
  ["a redirect", ({ answer }) => answer.status === 301 || answer.status === 308],
  /* Prism does not decode paths. */
  ["an escape in the path", ({ where }) => where.split("?")[0].includes("%")],
  /* Prism decodes bodies, and fails on unknown encodings. */
  ["a body in another encoding or charset", ({ headers, answer }) => answer.status === 415 &&
    (headers["content-encoding"] !== undefined || /charset/i.test(headers["content-type"] || ""))],
  /* The document describes the normal form: the service drops blanks around values, and treats blank values as absent. */
  ["a value that is blank or has blanks around it", ({ where, body, answer }) => answer.status < 400 &&
    ([...new URLSearchParams(where.split("?")[1] || "").values()].some(isLoose) || (body !== undefined && isSomething(body) && strings(JSON.parse(body)).some(isLoose)))],
  /* On a read, the service ignores a malformed If-None-Match instead of answering 400. */
  ["a malformed If-None-Match", ({ method, headers }) => method === "GET" && headers["if-none-match"] !== undefined &&
    !/^([*] *|[ ,]*(W\/)?"[^"]*"([ ,]+(W\/)?"[^"]*")*[ ,]*)$/.test(headers["if-none-match"])],
];

function isSomething(body) {
  try {
    return Boolean(JSON.parse(body.toString("utf8")));
  } catch {
    return false;
  }
}

const isLoose = (text) => text === "" || /^[\s\p{Cf}]|[\s\p{Cf}]$/u.test(text);
const strings = (value) => (typeof value === "string" ? [value] : value && typeof value === "object" ? Object.values(value).flatMap(strings) : []);

/* ask(base, {method, where, headers, body}) - {status, headers, text}. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
function ask(base, { method, where, headers, body }) {
  return new Promise((resolve, reject) => {
    const rq = http.request(base + where, { method, headers, agent, timeout: 60000 }, (r) => {
      const chunks = [];
      r.on("data", (chunk) => chunks.push(chunk));
      r.on("error", reject);
      r.on("end", () => resolve({ status: r.statusCode, headers: r.headers, text: Buffer.concat(chunks).toString("utf8") }));
    });
    rq.on("error", reject);
    rq.on("timeout", () => rq.destroy(new Error("Prism does not answer")));
    rq.end(body);
  });
}

/* player(all) - a server that answers with the recorded answer of the exchange that the header x-exchange names. */
async function player(all) {
  const server = http.createServer((rq, r) => {
    rq.resume();
    const { status, headers, text } = all[Number(rq.headers["x-exchange"])]?.answer || { status: 200, headers: {}, text: "" };
    const { connection, "keep-alive": alive, "content-length": length, "transfer-encoding": coding, ...rest } = headers;
    r.writeHead(status, rest).end(text);
  });
  server.keepAliveTimeout = 0;   // Prism may keep its connections
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/* prism(upstream) - starts Prism in front of the server, and waits until it answers: {base, stop}. */
async function prism(upstream) {
  const port = await lib.freePort();
  /*
   * --cors false: by default Prism answers OPTIONS itself and allows every origin.
   * --multiprocess false: so that there is one process to stop. --verboseLevel fatal: not a line for each request.
   */
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, path.join(modules, "@stoplight/prism-cli/dist/index.js"), "proxy",
    path.join(root, "openapi.yaml"), upstream, "--host", "127.0.0.1", "--port", String(port), "--cors", "false", "--multiprocess", "false",
    "--verboseLevel", "fatal"], { env: { PATH: process.env.PATH }, stdio: ["ignore", "ignore", "inherit"] });
  let over = false;
  child.on("error", () => { over = true; });
  child.on("exit", () => { over = true; });
  const base = `http://127.0.0.1:${port}`;
  /* Prism takes some seconds to start, and prints nothing at this log level, so poll it. */
  const began = Date.now();
  while (!await ask(base, { method: "GET", where: "/livez" }).catch(() => null)) {
    assert.ok(!over && Date.now() - began < 120000, "Prism did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { base, stop: () => child.kill("SIGKILL") };   // SIGTERM would wait for kept-alive connections
}

/* said(r) - Prism's violations: [{location: ["request" or "response", …], code, message}]. */
function said(r) {
  const text = r.headers["sl-violations"];
  if (!text) return [];
  /* Prism cuts the list at 8 KiB. Violations of the request come first, so if the first is of the response, the request has none. */
  const cut = text.match(/^Too many violations! (.*)/s);
  if (cut) return [...cut[1].matchAll(/"location":\["(request|response)"/g)].map((m) => ({ location: [m[1]], message: "(cut off)" }));
  return JSON.parse(text);
}

/* amiss(exchange, r) - how Prism's judgement in r differs from the service's, or null. main() relies on the second word. */
function amiss({ answer }, r) {
  const violations = said(r);
  if (r.status !== answer.status) return `Prism answers ${r.status} itself: ${r.text.slice(0, 2000)}`;
  if (violations.some((v) => v.location[0] === "response")) return "the answer violates the document";
  if (violations.length > 0 && (r.status < 400 || r.status === 500)) return "the request violates the document, but was accepted";
  return null;
}

/* controls(all) - two exchanges with violations that Prism must find, made from a client_create. */
function controls(all) {
  const made = all.find((e) => e.method === "POST" && e.where === "/v1/clients" && e.answer.status === 201);
  const body = Buffer.from(JSON.stringify({ ...JSON.parse(made.body), document_number: 5 }));
  return [
    { ...made, answer: { ...made.answer, text: "{}" } },
    { ...made, body, headers: { ...made.headers, "content-length": String(body.length) } },
  ];
}

async function main() {
  const all = exchanges.kept(), left = new Map(), shown = [];
  for (const e of all) {
    const why = exceptions.find(([, applies]) => applies(e));
    if (why) left.set(why[0], (left.get(why[0]) || 0) + 1);
    else shown.push(e);
  }
  assert.ok(shown.length >= Math.max(fewest, part * all.length), `only ${shown.length} of ${all.length} exchanges can be shown: run the HTTP tests first`);
  const count = shown.length;
  shown.push(...controls(shown));
  const upstream = await player(shown);
  const through = await prism(`http://127.0.0.1:${upstream.address().port}`);
  const found = [];
  let next = 0;
  const lane = async () => {
    while (next < shown.length) {
      const n = next++, e = shown[n];
      const r = await ask(through.base, { ...e, headers: { ...e.headers, "x-exchange": String(n) } })
        .catch((error) => ({ status: 0, headers: {}, text: error.message }));
      const why = amiss(e, r);
      if (why) found.push({ n, e, why, violations: r.headers["sl-violations"] });
    }
  };
  try {
    await Promise.all(Array.from({ length: 4 }, lane));
  } finally {
    through.stop();
    agent.destroy();
    upstream.close();
  }
  found.sort((a, b) => a.n - b.n);   // the lanes finish in any order
  const bad = found.filter(({ n }) => n < count);
  for (const [why, n] of left) console.log(`${n} not shown: ${why}`);
  /* Last, because the end of a long log is what is read. */
  for (const { e, why, violations } of bad)
    console.log(`${e.method} ${e.where} ${e.answer.status}: ${why}\n    Prism: ${violations}\n    body: ${e.body}\n    answer: ${e.answer.text.slice(0, 2000)}`);
  console.log(`${count} exchanges shown to Prism, ${bad.length} violations`);
  assert.deepEqual(found.filter(({ n }) => n >= count).map(({ why }) => why.split(" ", 2)[1]), ["answer", "request"], "Prism missed a violation in the control exchanges");
  process.exitCode = bad.length > 0 ? 1 : 0;
}

main();
