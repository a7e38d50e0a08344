/*
 * node live.js SCHEMA DIRECTORY - upgrades a desk that works. DIRECTORY has the program of that schema, `gestor`, and its demo.sql.
 *
 * The old program makes the database and serves; writers like good clients (tests/fault/load.js) and readers are at it all the time.
 * Then, under this load: `gestor migrate` of the new program; both programs side by side; the new one alone. No answer may be
 * wrong, no acknowledged write lost, doubled or half, and sessions go on.
 */
"use strict";
const { execFileSync, spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { root, pause, until, freePort, start } = require("../fault/processes.js");
const { Load, request } = require("../fault/load.js");
const { compare } = require("../fault/compare.js");

const schema = process.argv[2], old = path.resolve(process.argv[3]);
const name = `live_${schema}`;
const programs = { old: path.join(old, "gestor"), new: path.join(root, "build/gestor") };
const at = (url) => url.replace(/[^/]*$/, name);
const [superuser, owner, serving] = [process.env.DATABASE_SUPERUSER, at(process.env.DATABASE_OWNER), at(process.env.DATABASE_SERVE)];
const word = crypto.randomBytes(15).toString("base64url"), key = crypto.randomBytes(36).toString("base64");

let failed = 0;
function check(what, holds, more = "") {
  if (!holds) failed++;
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}${holds || more === "" ? "" : `: ${more}`}`);
}
const same = (what, got, wanted) => check(what, JSON.stringify(got) === JSON.stringify(wanted), JSON.stringify(got));

/* psql(url, text) - the password goes through the environment, because arguments are for all to see. */
function psql(url, text) {
  const u = new URL(url);
  return execFileSync("psql", ["-XqAt", "-v", "ON_ERROR_STOP=1"], { input: text, encoding: "utf8", maxBuffer: 1 << 26,
    env: { PATH: process.env.PATH, PGHOST: u.hostname, PGPORT: u.port, PGUSER: u.username, PGPASSWORD: u.password, PGDATABASE: u.pathname.slice(1), PGOPTIONS: "-c client_min_messages=warning" } }).trim();
}
const sql = (text) => psql(at(superuser), `set search_path = gestor, pg_temp;\n${text}`);
const command = (which, words, input = "") => execFileSync(programs[which], words, { input, encoding: "utf8", env: { DATABASE_URL: owner }, stdio: ["pipe", "pipe", "pipe"] });

class Process {
  async start(which) {
    this.port = await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    this.log = path.join(old, `${which}.log`);
    fs.rmSync(this.log, { force: true });
    this.child = start([programs[which], "serve"], { log: this.log, env: { DATABASE_URL: serving, GESTOR_JWT_SECRET: key, GESTOR_LOG_LEVEL: "warn",
      GESTOR_LISTEN: `127.0.0.1:${this.port}`, GESTOR_THREADS: "64", GESTOR_RATE_ADVISOR: "0", GESTOR_CONTACTS_PER_DAY: "0", GESTOR_KEYS_MAX: "0" } });
    await until(`the ${which} program is ready`, async () => {
      if (this.child.over) throw new Error(`the ${which} program ended: ${this.said()}`);
      return (await request(this.base, { path: "/readyz", timeout: 1000 }).then((r) => r.status, () => 0)) === 200;
    }, 30000, 50);
    return this;
  }

  said() {
    return fs.readFileSync(this.log, "utf8").slice(-1500);
  }

  async stop() {
    this.child.kill("SIGTERM");
    return (await this.child.ended).code;
  }
}

const json = (r) => { try { return JSON.parse(r.text); } catch { return {}; } };

/* migrate() - the new program's, while the desk works; resolves to how long it took. */
function migrate() {
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(programs.new, ["migrate"], { env: { DATABASE_URL: owner }, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const s of [child.stdout, child.stderr]) s.on("data", (c) => { text += c; });
    child.on("exit", (code) => (code === 0 ? resolve(Date.now() - began) : reject(new Error(`gestor migrate: ${code}\n${text.slice(-2000)}`))));
  });
}

/* part(base, token, load, n) - what one client of an advisor's does besides: a whole call in steps, through two processes. */
async function stepwise(bases, token, n) {
  let turn = 0;
  const ask = async (method, where, body) => {
    const r = await request(bases[turn++ % bases.length], { method, path: where, token, body, key: method === "GET" ? undefined : `${schema}-${n}-${turn}` });
    if (r.status >= 300) throw new Error(`${method} ${where}: ${r.status} ${r.text.slice(0, 300)}`);
    return json(r);
  };
  const digits = String(n).padStart(8, "0");
  const client = await ask("POST", "/v1/clients", { name: `PASO ${n}`, document_type: "dni", document_number: digits, phone: `9${digits}` });
  await ask("GET", `/v1/clients?phone=9${digits}`);
  await ask("PATCH", `/v1/clients/${client.id}`, { email: "paso@example.com" });
  const contact = await ask("POST", `/v1/clients/${client.id}/contacts`, { origin_phone: "944264648", serial_number: digits.padStart(16, "0") });
  const { id } = await ask("POST", "/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" });
  const action = await ask("POST", `/v1/opportunities/${id}/actions`, { action: "bono-gb.bono-4-gb-por-12-meses" });
  await ask("PATCH", `/v1/opportunities/${id}/actions/${action.id}`, { final_state: "atendido" });
  await ask("PUT", `/v1/opportunities/${id}/diagnosis`, { reason: "problema-con-el-uso-del-servicio.problema-de-cobertura.internet.sin-senal-indoor.escalado-por-celdas-at" });
  await ask("PUT", `/v1/opportunities/${id}/competitor-offer`, { plan: "postpago-39-90", offer: "50-x-6-meses", channel: "telefonico", operator: "movistar", phone_to_manage: "944264648" });
  await ask("PUT", `/v1/opportunities/${id}/closure`, { advertising_acceptance: "acepto", stage: "retenido" });
  for (const base of bases) {
    const o = await request(base, { path: `/v1/opportunities/${id}`, token });
    const { closure, actions, diagnosis } = json(o);
    if (o.status !== 200 || closure?.stage?.code !== "retenido" || actions?.length !== 1 || !diagnosis?.reason) throw new Error(`GET /v1/opportunities/${id} at ${base}: ${o.status} ${o.text.slice(0, 300)}`);
  }
  return id;
}

const tried = async (what, promise) => promise.then((r) => check(what, true) ?? r, (e) => check(what, false, e.message));

async function main() {
  psql(superuser, `drop database if exists ${name}`);
  psql(superuser, `create database ${name} owner gestor_owner`);
  command("old", ["migrate"]);
  same("the old program's schema", sql("select max(version) from schema_migrations"), schema);
  psql(owner, `set search_path = gestor, pg_temp;\n${fs.readFileSync(path.join(old, "demo.sql"), "utf8")}`);
  command("old", ["advisor", "add", "--username", "E8153375", "--name", "ASESOR DE MUESTRA", "--role", "advisor"], `${word}\n`);

  const before = await new Process().start("old");
  const signed = json(await request(before.base, { method: "POST", path: "/v1/sessions", body: { username: "E8153375", password: word } }));
  let bases = [before.base];
  const load = await new Load(() => bases[Math.floor(Math.random() * bases.length)], signed.access_token, { writers: 6, readers: 2, every: 10, conflicts: true }).start(5);
  await load.goesOn(150, 60000);
  await tried("the old program alone: a call in steps", stepwise(bases, load.token, 70000001));

  const written = load.acknowledged.length;
  load.stall = load.reads.stall = 0;
  const began = new Date().toISOString(), ms = await migrate(), ended = new Date().toISOString();
  console.log(`        migrated in ${(ms / 1000).toFixed(1)} s, ${load.acknowledged.length - written} writes acknowledged meanwhile, longest stall ` +
    `${(load.stall / 1000).toFixed(1)} s, of reads ${(load.reads.stall / 1000).toFixed(1)} s`);
  check("writes went on meanwhile: none waited over 10 s", load.stall < 10000, load.stall);
  await load.goesOn(50, 60000);
  await tried("the old program on the new schema: a call in steps", stepwise(bases, load.token, 70000002));

  const after = await new Process().start("new");
  bases = [before.base, after.base];
  await load.goesOn(150, 60000);
  await tried("side by side, old first: a call in steps", stepwise(bases, load.token, 70000003));
  await tried("side by side, new first: a call in steps", stepwise([...bases].reverse(), load.token, 70000004));
  const fresh = json(await request(after.base, { method: "POST", path: "/v1/sessions", body: { username: "E8153375", password: word } }));
  same("a session of the new program is one for the old", (await request(before.base, { path: `/v1/clients/${load.client}`, token: fresh.access_token })).status, 200);
  same("a client, read from both", await Promise.all(bases.map((b) => request(b, { path: `/v1/clients/${load.client}`, token: load.token }).then((r) => json(r).id))), [load.client, load.client]);

  bases = [after.base];
  await pause(100);
  same("the old program ends", await before.stop(), 0);
  await load.goesOn(100, 60000);
  await tried("the new program alone: a call in steps", stepwise(bases, load.token, 70000005));
  const renewed = await request(after.base, { method: "POST", path: "/v1/sessions/refresh", body: { refresh_token: signed.refresh_token } });
  same("a session that the old program began is renewed by the new one", renewed.status, 200);
  await load.stop();

  same(`${load.acknowledged.length} acknowledged writes: lost, twice, half, stray`, Object.values(compare({ sql }, load)), [0, 0, 0, 0]);
  same(`no answer was wrong (${load.refused} refused to be repeated, ${load.broken} broken off, ${load.replayed} replayed)`, load.wrong.slice(0, 3), []);
  same("gestor migrate has nothing to do", /nothing to do/.test(command("new", ["migrate"])), true);
  await tried("gestor check", (async () => command("new", ["check"]))());
  same("indexes that are not valid", sql("select count(*) from pg_index where not indisvalid"), "0");
  /* While a migration held a table the old program may have waited for it and said so; it asked again. */
  const lines = fs.readFileSync(before.log, "utf8").split("\n").filter((l) => l !== "").map((l) => JSON.parse(l));
  const waited = (l) => /lock timeout/.test(l.msg) && l.time >= began && l.time <= ended;
  check(`the old program waited too long for a lock ${lines.filter(waited).length} times, at most 10`, lines.filter(waited).length <= 10);
  same("the old program logged no error", lines.filter((l) => l.level === "error" && !waited(l)).slice(0, 2), []);
  same("the new program ends", await after.stop(), 0);
  psql(superuser, `drop database ${name}`);
}

main().catch((e) => check("the upgrade came to its end", false, e.stack)).finally(() => process.exit(failed ? 1 : 0));
