/*
 * bench/webhooks.js - how many deliveries the service makes in a second, and how long they take, with and without a
 * receiver that hangs. `make test STEPS=webhooks` runs it; EVENTS a second, RECEIVERS and SECURE=1 (https) are its settings.
 *
 * Events are written by the database, EVENTS a second for 20 s; receivers are in this process, on loopback.
 */
"use strict";
const fs = require("node:fs");
const { spawn } = require("node:child_process");
const lib = require("../tests/http/lib.js");
const { authority, receiver, rawReceiver } = require("../tests/http/receiver.js");

const [rate, many] = [Number(process.env.EVENTS || 50), Number(process.env.RECEIVERS || 20)], secure = Boolean(process.env.SECURE);
const SECONDS = 20;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const at = (list, q) => (list.length ? list.sort((a, b) => a - b)[Math.floor((list.length - 1) * q)].toFixed(0) : "-");

/* Seconds of processor time of a process. */
const cpuOf = (pid) => { const f = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" "); return (Number(f[11]) + Number(f[12])) / 100; };
/* The same of all processes of a server of PostgreSQL, of which pid is one. */
function cpuOfServer(pid) {
  const parent = (of) => { try { return fs.readFileSync(`/proc/${of}/stat`, "utf8").split(") ")[1].split(" ")[1]; } catch { return ""; } }, postmaster = parent(pid);
  return fs.readdirSync("/proc").filter((p) => /^[0-9]+$/.test(p) && parent(p) === postmaster).reduce((sum, p) => { try { return sum + cpuOf(p); } catch { return sum; } }, 0);
}

async function measure(title, hanging) {
  const ca = authority(), tls = secure ? ca.issue("bench", "IP:127.0.0.1") : null;
  const world = await lib.world({ env: { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8", GESTOR_WEBHOOK_CA_FILE: ca.ca } });
  const chief = await world.signedIn("E8000002"), latency = [], hooks = [];
  let n = 0;
  const add = async (r) => hooks.push({ r, at: (await chief.post("/v1/webhooks", { url: r.url(), types: ["client.created"] })).headers.location });
  for (let i = 0; i < many; i++) await add(await receiver({ tls, answer: (rq, rs) => { n++; latency.push(Date.now() - Date.parse(JSON.parse(rq.text).time)); rs.writeHead(204).end(); } }));
  for (let i = 0; i < hanging; i++) await add(await rawReceiver(() => {}));
  /* A process of its own writes them, which leaves the receivers free to answer. */
  const psql = spawn("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", world.database.owner], { stdio: ["pipe", "pipe", "inherit"] });
  const written = new Promise((resolve, reject) => psql.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`psql: ${code}`)))));
  psql.stdin.write("select pg_backend_pid();\n");
  const pid = await new Promise((resolve) => psql.stdout.once("data", (text) => resolve(String(text).trim())));
  const cpu = () => [cpuOf(world.server.child.pid), cpuOfServer(pid), cpuOf(process.pid)];
  const before = cpu(), began = Date.now();
  for (let s = 0; s < SECONDS * 5; s++) {
    psql.stdin.write(`insert into client (document_type_id, document_type, name, document_number)
      select i.id, i.choice, 'CLIENTE DE PRUEBA', lpad((70000000 + ${s} * ${rate} / 5 + n)::text, 8, '0') from generate_series(1, ${rate} / 5) n, catalog_item_of('document_type', 'dni') i;\n`);
    await pause(began + (s + 1) * 200 - Date.now());
  }
  const wanted = SECONDS * 5 * Math.floor(rate / 5) * many;
  while (n < wanted && Date.now() - began < 3 * SECONDS * 1000) await pause(10);
  const took = (Date.now() - began) / 1000, used = cpu().map((s, i) => ((s - before[i]) / n * 1e6).toFixed(0));
  psql.stdin.end();
  await written;
  console.log(`${title}: ${n} of ${wanted} deliveries in ${took.toFixed(1)} s, ${(n / took).toFixed(0)} a second; ms from the event: p50 ${at(latency, 0.5)}, p99 ${at(latency, 0.99)}; CPU for a delivery: service ${used[0]} µs, PostgreSQL ${used[1]} µs, receivers ${used[2]} µs; connections ${hooks.slice(0, many).reduce((c, h) => c + h.r.connections, 0)}`);
  for (const h of hooks) await h.r.end();
  ca.end();
  await world.end();
}

(async () => {
  await measure("none hangs", 0);
  await measure("one hangs", 1);
})().catch((e) => { console.error(e); process.exitCode = 1; });
