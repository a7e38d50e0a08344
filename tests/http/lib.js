/*
 * Shared by the HTTP tests: a database and a server for each test file, requests
 * whose answers are validated against openapi.yaml, and raw sockets.
 *
 * Each test file makes one world:
 *   const world = await lib.world();           // database + server, signed out
 *   const ana = await world.signedIn("E8153375");
 *   const r = await ana.post("/v1/clients", {…});   // r.status, r.headers, r.json
 *   after(() => world.end());
 */
"use strict";

const assert = require("node:assert/strict");
const { execFileSync, spawn, spawnSync } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const path = require("node:path");

/* The pinned ones (tools/npm.sh), for Debian's node-ajv is another one in each release. */
const Ajv = require("../contract/node_modules/ajv/dist/2020").default;
const addFormats = require("../contract/node_modules/ajv-formats").default;
const exchanges = require("./exchanges.js");
const privacy = require("./privacy.js");
const { sql } = require("./psql.js");

const root = path.join(__dirname, "../..");
const gestor = process.env.GESTOR_BIN || path.join(root, "build/gestor");
const seenFile = path.join(process.env.TEST_RECORDS || path.join(root, "build/test"), "seen.txt");
const password = "una-clave-de-prueba";
const accounts = { E8153375: "advisor", E8123497: "advisor", E8000001: "supervisor", E8000002: "admin", E8000003: "integration" };

/* ------------------------------------------------------------ database */

function urlOf(url, database) {
  const u = new URL(url);
  u.pathname = "/" + database;
  return u.href;
}

function createDatabase() {
  const name = `http_${process.pid}_${crypto.randomBytes(3).toString("hex")}`;
  const template = process.env.TEST_TEMPLATE_DB;
  execFileSync("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", process.env.TEST_SUPERUSER_URL, "-c",
    `create database ${name} template ${template} owner gestor_owner`]);
  return {
    name,
    owner: urlOf(process.env.TEST_OWNER_URL, name),
    serve: urlOf(process.env.TEST_SERVE_URL, name),
    superuser: urlOf(process.env.TEST_SUPERUSER_URL, name),
    sql: (text) => sql(urlOf(process.env.TEST_OWNER_URL, name), text),
    drop: () => execFileSync("psql", ["-Xq", "-d", process.env.TEST_SUPERUSER_URL, "-c", `drop database if exists ${name} with (force)`]),
  };
}

/* addAdvisor(database, username, role) - returns an integration's secret, else "". */
function addAdvisor(database, username, role) {
  const shown = execFileSync(gestor, ["advisor", "add", "--username", username, "--name", `NOMBRE DE ${username}`, "--role", role], {
    env: { ...process.env, DATABASE_URL: database.owner }, input: password + "\n", stdio: ["pipe", "pipe", "pipe"], encoding: "utf8",
  });
  return role === "integration" ? shown.trim().split("\n").pop() : "";
}

/* -------------------------------------------------------------- server */

/* A random port, because other test files choose one at the same time; below 32768, where the ports of outgoing connections begin. */
function freePort() {
  return new Promise((resolve, reject) => {
    const s = net.createServer();
    s.on("error", (e) => (e.code === "EADDRINUSE" ? resolve(freePort()) : reject(e)));
    s.listen(crypto.randomInt(10000, 32768), "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

/* startServer(databaseUrl, settings) - starts a server process; resolves when /livez answers (settings.ready: /readyz). */
async function startServer(databaseUrl, { env = {}, ready = true } = {}) {
  const port = await freePort();
  const log = [];
  const child = spawn(gestor, ["serve"], {
    env: { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS || "", UBSAN_OPTIONS: process.env.UBSAN_OPTIONS || "",
      TSAN_OPTIONS: process.env.TSAN_OPTIONS || "",
      DATABASE_URL: databaseUrl, GESTOR_JWT_SECRET: serverKey, GESTOR_THREADS: "64",
      /* No limits, except in the tests of these limits; nor do connections and requests end because this machine is slow, or this process
         blocked by a child that it waits for. */
      GESTOR_KEEP_ALIVE_MS: "3600000", GESTOR_QUERY_TIMEOUT_MS: "20000", GESTOR_POOL_WAIT_MS: "15000",
      GESTOR_CONTACTS_PER_DAY: "0", GESTOR_KEYS_MAX: "0", GESTOR_RATE_ADVISOR: "0", GESTOR_RATE_INTEGRATION: "0", GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8", ...env, GESTOR_LISTEN: `127.0.0.1:${port}` },
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.setEncoding("utf8");
  /* Whole lines only, because several servers write to this file. */
  let rest = "";
  child.stderr.on("data", (text) => {
    log.push(text);
    const whole = (rest + text).split("\n");
    rest = whole.pop();
    if (whole.length > 0) privacy.log(whole.join("\n") + "\n");
  });
  child.stderr.on("close", () => { if (rest) privacy.log(rest + "\n"); });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  let over = null;
  ended.then((e) => { over = e; });
  for (let i = 0; ; i++) {
    const r = await plainGet(port, ready ? "/readyz" : "/livez").catch(() => null);
    if (r === 200) break;
    if (over || i > 400) throw new Error(`the server did not start: ${JSON.stringify(over)}\n${log.join("")}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const server = {
    port, child, ended, base: `http://127.0.0.1:${port}`,
    log: () => log.join(""),
    stop: async () => {
      if (!over) child.kill("SIGTERM");
      return ended;
    },
  };
  servers.push(server);
  return server;
}

/* world.end() stops the servers that a failed test left running. */
const servers = [];

/* All servers share this key, so that they accept each other's tokens. */
const serverKey = crypto.createHash("sha256").update("tests" + process.ppid).digest("base64") + "-clave";

function plainGet(port, where) {
  return new Promise((resolve, reject) => {
    const rq = http.get({ host: "127.0.0.1", port, path: where, agent: false, timeout: 2000 }, (r) => {
      r.resume();
      r.on("end", () => resolve(r.statusCode));
    });
    rq.on("error", reject);
    rq.on("timeout", () => rq.destroy(new Error("timeout")));
  });
}

/* ------------------------------------------------- answers and contract */

let contract;
/* contract(server) - the OpenAPI document that the server serves, and a validator for it. */
async function loadContract(base) {
  if (contract) return contract;
  const r = await exchange(base, "GET", "/openapi.json", {}, undefined);
  const document = JSON.parse(r.text);
  const ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false });
  addFormats(ajv);
  ajv.addFormat("digits", /^[0-9]*$/);
  ajv.addFormat("int32", { type: "number", validate: (n) => n === (n | 0) });
  ajv.addFormat("int64", { type: "number", validate: Number.isSafeInteger });
  for (const keyword of ["x-catalog", "x-field", "x-rule", "x-words", "x-personal"]) ajv.addKeyword(keyword);
  ajv.addSchema({ $id: "doc", ...document });
  const operations = [];
  for (const [where, methods] of Object.entries(document.paths))
    for (const [method, op] of Object.entries(methods))
      operations.push({ ...op, path: where, method: method.toUpperCase(),
        matches: new RegExp("^" + where.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+") + "$") });
  contract = { document, ajv, operations };
  return contract;
}

function operationOf(c, method, where) {
  const bare = where.split("?")[0];
  const m = method === "HEAD" ? "GET" : method;
  return c.operations.find((o) => o.method === m && o.path === bare) || c.operations.find((o) => o.method === m && o.matches.test(bare));
}

/* A refusal, or an answer for a merged client, whose body is a problem too. */
const isProblem = (status) => status >= 400 || status === 301 || status === 308;

/* Checks an answer's status, media type and body against the document. */
function checkAnswer(c, method, where, r) {
  const op = operationOf(c, method, where);
  assert.ok(r.headers.date, "an answer has a Date");
  assert.ok(r.headers["x-request-id"], "an answer has an X-Request-Id");
  /* An operation of OAuth refuses as RFC 6749, 5.2 says. */
  if (r.status >= 400 && op && op.operationId === "oauth_token") {
    assert.equal(r.headers["content-type"], "application/json");
    assert.ok(c.ajv.validate("doc#/components/schemas/TokenError", r.json), `${method} ${where} ${r.status}: ${c.ajv.errorsText()}: ${r.text}`);
  } else if (isProblem(r.status) && method !== "HEAD") {
    assert.equal(r.headers["content-type"], "application/problem+json");
    const valid = c.ajv.validate("doc#/components/schemas/Problem", r.json);
    assert.ok(valid, `${method} ${where} ${r.status}: ${c.ajv.errorsText()}: ${r.text}`);
    assert.equal(r.json.status, r.status);
    assert.equal(r.json.request_id, r.headers["x-request-id"]);
  }
  if (!op || method === "HEAD") return;
  const documented = op.responses[String(r.status)];
  assert.ok(documented, `${op.operationId} answered ${r.status}, which openapi.yaml does not declare: ${r.text}`);
  fs.appendFileSync(seenFile, `${op.operationId} ${r.status}\n`);
  if (isProblem(r.status)) return;
  if (!documented.content) {
    assert.equal(r.text, "");
    return;
  }
  const type = r.headers["content-type"].replace(/^(text\/[a-z]+)(; version=0\.0\.4)?; charset=utf-8$/, "$1");
  assert.ok(documented.content[type], `${op.operationId} answered ${type}`);
  const at = `doc#/paths/${op.path.replace(/~/g, "~0").replace(/\//g, "~1").replace(/[{}]/g, encodeURIComponent)}/${op.method.toLowerCase()}` +
    `/responses/${r.status}/content/${type.replace("/", "~1")}/schema`;
  if (type === "application/json") assert.ok(c.ajv.validate(at, r.json), `${op.operationId}: ${c.ajv.errorsText()}: ${r.text}`);
  if (r.status === 201) assert.match(r.headers.location, /^\/v1\//);
}

const agents = new Map();
function exchange(base, method, where, headers, body) {
  if (!agents.has(base)) agents.set(base, new http.Agent({ keepAlive: true, maxSockets: 250 }));
  return new Promise((resolve, reject) => {
    const rq = http.request(base + where, { method, headers, agent: agents.get(base) }, (r) => {
      const chunks = [];
      r.on("data", (c) => chunks.push(c));
      r.on("error", reject);
      r.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        let json;
        if (/[/+]json/.test(r.headers["content-type"] || "") && method !== "HEAD") json = JSON.parse(text);
        resolve({ status: r.statusCode, headers: r.headers, text, json });
      });
    });
    rq.on("error", reject);
    if (body !== undefined) rq.write(body);
    rq.end();
  });
}

/* caller(base, token) - get, post, put, patch, delete; each answer is checked against the contract. */
function caller(base, token) {
  const request = async (method, where, body, headers = {}) => {
    const h = { ...(token ? { authorization: `Bearer ${token}` } : {}) };
    let bytes;
    if (body !== undefined) {
      h["content-type"] = "application/json";
      bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      h["content-length"] = String(bytes.length);
    }
    const c = await loadContract(base);
    for (const [k, v] of Object.entries(headers)) {
      if (v === null) delete h[k];
      else h[k] = v;
    }
    const r = await exchange(base, method, where, h, bytes);
    privacy.note(where, body, r.json);
    exchanges.keep({ method, where, headers: h, body: bytes }, r);
    checkAnswer(c, method, where, r);
    return r;
  };
  return {
    token, request,
    get: (where, headers) => request("GET", where, undefined, headers),
    post: (where, body, headers) => request("POST", where, body, headers),
    put: (where, body, headers) => request("PUT", where, body, headers),
    patch: (where, body, headers) => request("PATCH", where, body, headers),
    delete: (where, headers) => request("DELETE", where, undefined, headers),
  };
}

/*
 * owing(text, least) - whether the server owes more than these answers: the last one is not whole, they are fewer than `least`, or the last one
 * says that the connection is closed after it. Text that is no answer owes nothing.
 */
function owing(text, least) {
  let closes = false, n = 0;
  for (let at = 0; at < text.length; n++) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) return true;
    const head = text.slice(at, end + 2), status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(head)?.[1]);
    if (!status) return false;
    closes = /\r\nconnection: close\r\n/i.test(head);
    at = end + 4;
    if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) {
      const last = text.indexOf("0\r\n\r\n", at);
      if (last < 0) return true;
      at = last + 5;
    } else if (status !== 100 && status !== 204 && status !== 304) {
      at += Number(/\r\ncontent-length: ([0-9]+)\r\n/i.exec(head)?.[1] || 0);
    }
    if (at > text.length) return true;
  }
  return closes || n < least;
}

/*
 * raw(port, bytes) - writes bytes to a socket, and returns what came back until the server closes it or sends nothing for `quiet` ms; for 30 s
 * while it owes more than that (`least` answers, whole).
 */
function raw(port, bytes, { quiet = 1500, pieces = null, least = 1 } = {}) {
  return new Promise((resolve, reject) => {
    const s = net.connect(port, "127.0.0.1");
    const got = [];
    let closed = false, timer;
    const text = () => Buffer.concat(got).toString("latin1");
    const done = () => { clearTimeout(timer); s.destroy(); resolve({ text: text(), closed }); };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => { if (owing(text(), least)) timer = setTimeout(done, 30000 - quiet); else done(); }, quiet);
    };
    s.on("connect", async () => {
      wait();
      for (const piece of pieces || [bytes]) {
        if (typeof piece === "number") await new Promise((r) => setTimeout(r, piece));
        else s.write(piece);
      }
      wait();
    });
    s.on("data", (d) => { got.push(d); wait(); });
    s.on("close", () => { closed = true; done(); });
    s.on("error", (e) => { if (e.code === "ECONNRESET" || e.code === "EPIPE") { closed = true; done(); } else reject(e); });
  });
}

/* statuses(text) - the status of every message in the result of raw(). */
const statuses = (text) => [...text.matchAll(/(?:^|\r\n\r\n|[}\]])HTTP\/1\.1 ([0-9]{3}) /g)].map((m) => Number(m[1]));

/* --------------------------------------------------------------- world */

/* world() - a migrated database with the sample data and accounts of every role, and a server that uses it. */
async function world({ env = {}, demo = true } = {}) {
  const database = createDatabase();
  if (demo) database.sql(fs.readFileSync(path.join(root, "db/demo.sql"), "utf8"));
  /* `gestor advisor add` makes the first advisor, and the integration with its rights. The others copy the first one's password
     hash, because hashing five passwords would take as long as the rest of world(). */
  const [[first], ...others] = Object.entries(accounts).filter(([, role]) => role !== "integration");
  addAdvisor(database, first, accounts[first]);
  const secret = addAdvisor(database, "E8000003", accounts.E8000003);
  database.sql(`insert into advisor (username, full_name, role, rights, password_hash)
    select o.username, 'NOMBRE DE ' || o.username, o.role, v.rights, v.password_hash
      from advisor v, (values ${others.map((o) => `('${o.join("', '")}')`)}) o (username, role) where v.username = '${first}'`);
  const server = await startServer(database.serve, { env });
  const tokens = new Map();
  /* tokenOf(username) - signs in, or asks for a machine's token. */
  const tokenOf = async (username) => {
    const isMachine = accounts[username] === "integration";
    const r = isMachine ? await tokenAsked(server.base, { grant_type: "client_credentials", client_id: username, client_secret: secret })
      : await caller(server.base).post("/v1/sessions", { username, password });
    assert.equal(r.status, isMachine ? 200 : 201, r.text);
    return r.json;
  };
  return {
    database, server, base: server.base, port: server.port, tokenOf,
    anyone: caller(server.base),
    signedIn: async (username) => {
      if (!tokens.has(username)) tokens.set(username, (await tokenOf(username)).access_token);
      return caller(server.base, tokens.get(username));
    },
    end: async () => {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
      const { code } = await server.stop();
      await Promise.all(servers.map((s) => s.stop()));
      const check = spawnSync(gestor, ["check"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: database.serve } });
      database.drop();
      assert.equal(check.status, 0, `stored documents differ from their rows:\n${check.stdout}${check.stderr}`);
      assert.equal(code, 0, "the server exits with 0: " + server.log().slice(-2000));
      assert.doesNotMatch(server.log(), /(Address|Leak|Thread)Sanitizer|runtime error/);
    },
  };
}

/* formEncoded(fields) - the fields as application/x-www-form-urlencoded; an array repeats its field. */
const formEncoded = (fields) => Object.entries(fields).flatMap(([name, value]) => [value].flat().map((v) => `${encodeURIComponent(name)}=${encodeURIComponent(v)}`)).join("&");

/* tokenAsked(base, fields, headers) - asks for a machine's token; fields: an object, or the body's text. */
const tokenAsked = (base, fields, headers = {}) => caller(base).post("/v1/oauth/token", Buffer.from(typeof fields === "string" ? fields : formEncoded(fields)),
  { "content-type": "application/x-www-form-urlencoded", ...headers });

/* basic(id, secret) - the Authorization header of a client, as RFC 6749, 2.3.1 says. */
const basic = (id, secret) => "Basic " + Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64");

/*
 * machine(chief, base, account) - makes an integration with a secret: {id, username, secret, secretId, token(fields), as}; `as` calls with
 * a token of all its rights. account: what advisor_create takes.
 */
let machines = 0;
async function machine(chief, base, { username = `maquina-${process.pid}-${++machines}`, rights = [], ...more } = {}) {
  const made = await chief.post("/v1/advisors", { username, full_name: "INTEGRACION", role: "integration", rights, ...more });
  assert.equal(made.status, 201, made.text);
  const { json: secret } = await chief.post(`/v1/advisors/${made.json.id}/secrets`, {});
  const token = async (fields = {}) => {
    const r = await tokenAsked(base, { grant_type: "client_credentials", client_id: username, client_secret: secret.secret, ...fields });
    assert.equal(r.status, 200, r.text);
    return r.json;
  };
  return { id: made.json.id, username, secret: secret.secret, secretId: secret.id, token, as: caller(base, (await token()).access_token) };
}

/* withPassword(database, id, rights) - turns an advisor's account into an integration that keeps its password, as earlier versions made them. */
const withPassword = (database, id, rights) =>
  database.sql(`update advisor set role = 'integration', rights = array[${rights.map((r) => `'${r}'`)}]::text[], must_change_password = false where id = ${id}`);

/* ------------------------------------------------- things to test with */

let number = 10000000 + (process.pid % 1000) * 1000;
/* newClient() - a body for client_create, with a new document number each time. */
const newClient = (more = {}) => ({ name: "CLIENTE DE PRUEBA", document_type: "dni", document_number: String(number++), ...more });
const newContact = (more = {}) => ({ origin_phone: "944264648", serial_number: "2505050000125674", ...more });

const reason = "problema-con-el-uso-del-servicio.problema-de-cobertura.internet.sin-senal-indoor.escalado-por-celdas-at";
/* form() - a complete form that can be closed. */
const form = (more = {}) => ({
  actions: [{ action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" }],
  diagnosis: { reason },
  competitor_offer: { plan: "postpago-39-90", offer: "50-x-6-meses", channel: "telefonico", operator: "movistar", phone_to_manage: "944264648" },
  closure: { advertising_acceptance: "acepto", stage: "retenido" },
  ...more,
});

/* opened(advisor) - a new client, with a contact and an opportunity of this advisor: {client, contact, opportunity, at}. */
async function opened(advisor) {
  const client = (await advisor.post("/v1/clients", newClient())).json;
  const contact = (await advisor.post(`/v1/clients/${client.id}/contacts`, newContact())).json;
  const r = await advisor.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" });
  assert.equal(r.status, 201, r.text);
  return { client, contact, opportunity: r.json, at: `/v1/opportunities/${r.json.id}` };
}

/* many(n) - n rows in the step bulk, a twentieth of them elsewhere. counted(n) - the same number for a title: "100,000". */
const many = (n) => (process.env.TEST_BULK ? n : n / 20);
const counted = (n) => many(n).toLocaleString("en-US");

/* listed(r) - the list item of a record, made from the answer to its own GET: the body and its entity tag. */
const listed = (r) => ({ ...r.json, etag: r.headers.etag });

/* faultAt(r, pointer) - the fault of a 422 at this pointer. */
function faultAt(r, pointer) {
  assert.equal(r.status, 422, r.text);
  const fault = r.json.errors.find((e) => e.pointer === pointer);
  assert.ok(fault, `no fault at ${pointer}: ${r.text}`);
  return fault;
}

module.exports = { formEncoded, tokenAsked, basic, machine, withPassword, root, gestor, password, accounts, serverKey, seenFile, sql, urlOf, createDatabase, addAdvisor, freePort, startServer,
  caller, exchange, loadContract, operationOf, owing, raw, statuses, world, newClient, newContact, form, reason, opened, many, counted, listed, faultAt };
