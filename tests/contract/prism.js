/*
 * Prism, a validating proxy that nobody here wrote, looks at what the HTTP tests
 * sent and got (tests/http/exchanges.js keeps it). Each request goes through it
 * once more, to a server that plays what was answered; what Prism says of either,
 * against openapi.yaml, comes in a header, sl-violations.
 *
 * Ends with 1 when Prism and the service were not of one mind, or when so little
 * was shown that this proves nothing. Needs `npm ci` here.
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
const fewest = 18000, part = 0.9;   // shown, when all tests have run; and of all that were kept

/* What is not shown to Prism, for it would look at something else. */
const exceptions = [
  /* Its router knows only the methods that are written in the document. */
  ["HEAD, OPTIONS", ({ method }) => method === "HEAD" || method === "OPTIONS"],
  /* It refuses by itself what is not JSON, and takes null, false, 0 and "" for no body. */
  ["a body that is no JSON, or nothing", ({ headers, body }) => body !== undefined &&
    (/json/i.test(headers["content-type"] || "") || body.length === 0) && !isSomething(body)],
  /* It adds a Content-Length to what came in chunks, and leaves Transfer-Encoding there. */
  ["a body without Content-Length", ({ headers, body }) => body !== undefined && headers["content-length"] === undefined],
  /* It compares a path as it is written. */
  ["an escape in the path", ({ where }) => where.split("?")[0].includes("%")],
  /* It decodes bodies by itself, and fails at codings that it does not know. */
  ["a body in another coding or charset", ({ headers, answer }) => answer.status === 415 &&
    (headers["content-encoding"] !== undefined || /charset/i.test(headers["content-type"] || ""))],
  /* The document has the form in which values are kept; what people paste around it the service takes away, and blank is absent. */
  ["blanks around a value, or nothing else", ({ where, body, answer }) => answer.status < 400 &&
    ([...new URLSearchParams(where.split("?")[1] || "").values()].some(isLoose) || (body !== undefined && isSomething(body) && strings(JSON.parse(body)).some(isLoose)))],
  /* On a read, what is no list of entity tags counts for nothing: the answer is there, and 400 would help nobody. */
  ["If-None-Match that is no list", ({ method, headers }) => method === "GET" && headers["if-none-match"] !== undefined &&
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

/* player(all) - a server that answers a request with the answer of the exchange that its header names. */
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

/* prism(upstream) - {base, stop} of one that stands before it, when it answers. */
async function prism(upstream) {
  const port = await lib.freePort();
  /*
   * --cors false, for by default it answers OPTIONS itself and allows every origin.
   * --multiprocess false, for one process to stop. -v fatal: it would print every request.
   */
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, path.join(modules, "@stoplight/prism-cli/dist/index.js"), "proxy",
    path.join(root, "openapi.yaml"), upstream, "--host", "127.0.0.1", "--port", String(port), "--cors", "false", "--multiprocess", "false",
    "--verboseLevel", "fatal"], { env: { PATH: process.env.PATH }, stdio: ["ignore", "ignore", "inherit"] });
  let over = false;
  child.on("error", () => { over = true; });
  child.on("exit", () => { over = true; });
  const base = `http://127.0.0.1:${port}`;
  /* It takes some seconds to load, and says nothing that can be waited for at this level. */
  const began = Date.now();
  while (!await ask(base, { method: "GET", where: "/livez" }).catch(() => null)) {
    assert.ok(!over && Date.now() - began < 120000, "Prism did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { base, stop: () => child.kill("SIGKILL") };   // it holds nothing, and SIGTERM would wait for connections kept alive
}

/* said(answer) - what Prism said: [{location: ["request" or "response", …], code, message}]. */
function said(r) {
  const text = r.headers["sl-violations"];
  if (!text) return [];
  /* More than 8 KiB it cuts off. Those of the request come first: what begins with one of the response has none of them. */
  const cut = text.match(/^Too many violations! (.*)/s);
  if (cut) return [...cut[1].matchAll(/"location":\["(request|response)"/g)].map((m) => ({ location: [m[1]], message: "(cut off)" }));
  return JSON.parse(text);
}

/* amiss({answer}, what came through Prism) - why the service and Prism are not of one mind, which was given by the same document; or null. */
function amiss({ answer }, r) {
  const violations = said(r);
  if (r.status !== answer.status) return `Prism answers ${r.status} itself: ${r.text.slice(0, 2000)}`;
  if (violations.some((v) => v.location[0] === "response")) return "the answer is not as the document has it";
  if (violations.length > 0 && (r.status < 400 || r.status === 500)) return "the request is not as the document has it, and was taken";
  return null;
}

/* controls(all) - exchanges that Prism must find something in, made of a client that was made. */
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
  assert.ok(shown.length >= Math.max(fewest, part * all.length), `only ${shown.length} exchanges of ${all.length} to be shown: the HTTP tests run first`);
  const ours = shown.length;
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
  found.sort((a, b) => a.n - b.n);   // four lanes end them in any order
  const bad = found.filter(({ n }) => n < ours);
  for (const { e, why, violations } of bad)
    console.log(`${e.method} ${e.where} ${e.answer.status}: ${why}\n    Prism: ${violations}\n    body: ${e.body}\n    answer: ${e.answer.text.slice(0, 2000)}`);
  for (const [why, n] of left) console.log(`${n} not shown: ${why}`);
  console.log(`${ours} exchanges shown to Prism, ${bad.length} violations`);
  assert.deepEqual(found.filter(({ n }) => n >= ours).map(({ why }) => why.split(" ", 2)[1]), ["answer", "request"], "Prism finds nothing where there is something");
  process.exitCode = bad.length > 0 ? 1 : 0;
}

main();
