/*
 * front - starts HAProxy with deploy/haproxy.cfg in front of a server, and sends raw bytes to it over TLS.
 */
"use strict";
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const tls = require("node:tls");
const lib = require("./lib.js");
const privacy = require("./privacy.js");

const program = process.env.HAPROXY || "haproxy";

/* certificate(folder) - creates tls.pem for localhost in the folder. */
function certificate(folder) {
  const [key, crt, pem] = ["tls.key", "tls.crt", "tls.pem"].map((name) => path.join(folder, name));
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-keyout", key, "-out", crt], { stdio: "ignore" });
  fs.writeFileSync(pem, fs.readFileSync(crt, "utf8") + fs.readFileSync(key, "utf8"), { mode: 0o600 });
  return pem;
}

/* Remove the folders that a killed run left behind. */
for (const name of fs.readdirSync(os.tmpdir()))
  if (/^gestor-front-[0-9]+-/.test(name) && !fs.existsSync(`/proc/${name.split("-")[2]}`)) fs.rmSync(path.join(os.tmpdir(), name), { recursive: true, force: true });

/*
 * startFront(port, {env, change}) - HAProxy in front of the server at `port` (an array: two servers); change(text) edits
 * the shipped configuration. Resolves when HAProxy answers: { port, log(), lines(), stop() }.
 */
async function startFront(servers, { env = {}, change = null } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `gestor-front-${process.pid}-`));
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  const shipped = path.join(lib.root, "deploy/haproxy.cfg"), used = change ? path.join(folder, "haproxy.cfg") : shipped;
  if (change) {
    const text = fs.readFileSync(shipped, "utf8"), changed = change(text);
    if (changed === text) throw new Error("the configuration was not changed");
    fs.writeFileSync(used, changed);
  }
  const port = await lib.freePort(), [one, two] = [servers].flat().map((p) => `127.0.0.1:${p}`);
  const log = [];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", "prlimit", "--nofile=20000:20000", "--", program, "-db", "-f", used], {
    env: { PATH: process.env.PATH, GESTOR_BIND: `127.0.0.1:${port}`, GESTOR_SERVER: one, ...(two ? { GESTOR_SERVER_2: two } : {}), GESTOR_TLS_PEM: certificate(folder), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => log.push(text));
  let over = null;
  const ended = new Promise((resolve) => child.on("close", (code, signal) => { over = { code, signal }; resolve(over); }));
  const front = {
    port, child,
    log: () => log.join(""),
    /* HAProxy's log, one JSON object per line, without the plain-text notices of its start and end. */
    lines: () => log.join("").split("\n").filter((l) => l.startsWith("{")).map((l) => ({ ...JSON.parse(l), length: Buffer.byteLength(l) })),
    stop: async () => {
      if (!over) child.kill("SIGKILL");
      await ended;
      privacy.log(log.join(""));
    },
  };
  for (let i = 0; !(await ask(port, "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").catch(() => null)); i++) {
    if (over || i > 200) {
      child.kill("SIGKILL");
      throw new Error(`HAProxy did not start: ${JSON.stringify(over)}\n${log.join("")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return front;
}

/*
 * ask(port, bytes) - writes the bytes unchanged to a new TLS connection, and reads one answer until the connection closes
 * or Content-Length is reached: { status, headers, lines: [[name, value], …], text, json }. A string is sent as latin1.
 * bytes may be an array; a number in it is a pause in ms.
 */
function ask(port, bytes, { head = false, limit = 15000 } = {}) {
  return new Promise((resolve, reject) => {
    const s = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    let got = Buffer.alloc(0);
    const timer = setTimeout(() => done(new Error(`no answer within ${limit} ms to ${JSON.stringify(String(bytes).slice(0, 200))}`)), limit);
    const done = (error) => {
      clearTimeout(timer);
      s.destroy();
      const r = parse(got, head);
      if (r && r.whole) resolve(r);
      else reject(error || new Error(`no whole answer: ${JSON.stringify(got.toString("latin1").slice(0, 300))}`));
    };
    s.on("secureConnect", async () => {
      for (const piece of Array.isArray(bytes) ? bytes : [bytes]) {
        if (typeof piece === "number") await new Promise((r) => setTimeout(r, piece));
        else s.write(Buffer.isBuffer(piece) ? piece : Buffer.from(piece, "latin1"));
      }
    });
    s.on("data", (d) => {
      got = Buffer.concat([got, d]);
      const r = parse(got, head);
      if (r && r.whole) done();
    });
    s.on("error", done);
    s.on("close", () => done());
  });
}

function parse(bytes, head) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [first, ...rest] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  if (first.startsWith("HTTP/1.1 100")) return parse(bytes.subarray(end + 4), head);
  const lines = rest.map((l) => [l.slice(0, l.indexOf(":")).toLowerCase(), l.slice(l.indexOf(":") + 1).trim()]), headers = {};
  for (const [name, value] of lines) headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  const length = head || headers["content-length"] === undefined ? 0 : Number(headers["content-length"]), body = bytes.subarray(end + 4);
  const text = body.subarray(0, length).toString("utf8"), whole = body.length >= length;
  const r = { status: Number(first.split(" ")[1]), headers, lines, text, whole };
  if (whole && length > 0 && /json/.test(headers["content-type"] || "")) r.json = JSON.parse(text);
  return r;
}

module.exports = { startFront, ask };
