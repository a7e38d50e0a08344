/*
 * bench/webhooks.js - how many deliveries the service makes in a second, and how long they take, with and without a
 * receiver that hangs. `make test STEPS=webhooks` runs it; EVENTS a second, RECEIVERS and SECURE=1 (https) are its settings.
 *
 * Events are written by the database, EVENTS a second for 20 s; receivers are in this process, on loopback.
 */
"use strict";
const { spawn } = require("node:child_process");
const lib = require("../tests/http/lib.js");
const { authority, receiver, rawReceiver } = require("../tests/http/receiver.js");

const [rate, many] = [Number(process.env.EVENTS || 50), Number(process.env.RECEIVERS || 20)], secure = Boolean(process.env.SECURE);
const SECONDS = 20;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const at = (list, q) => (list.length ? list.sort((a, b) => a - b)[Math.floor((list.length - 1) * q)].toFixed(0) : "-");

async function measure(title, hanging) {
  const ca = authority(), tls = secure ? ca.issue("bench", "IP:127.0.0.1") : null;
  const world = await lib.world({ env: { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8", GESTOR_WEBHOOK_CA_FILE: ca.ca } });
  const chief = await world.signedIn("E8000002"), latency = [], hooks = [];
  let n = 0;
  const add = async (r) => hooks.push({ r, at: (await chief.post("/v1/webhooks", { url: r.url(), types: ["client.created"] })).headers.location });
  for (let i = 0; i < many; i++) await add(await receiver({ tls, answer: (rq, rs) => { n++; latency.push(Date.now() - Date.parse(JSON.parse(rq.text).time)); rs.writeHead(204).end(); } }));
  for (let i = 0; i < hanging; i++) await add(await rawReceiver(() => {}));
  const cpu = () => Number(/process_cpu_seconds_total ([0-9.]+)/.exec(text)[1]);
  let text = (await world.anyone.get("/metrics")).text;
  const before = cpu(), began = Date.now();
  /* A process of its own writes them, which leaves the receivers free to answer. */
  const psql = spawn("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", world.database.owner], { stdio: ["pipe", "ignore", "inherit"] });
  const written = new Promise((resolve, reject) => psql.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`psql: ${code}`)))));
  for (let s = 0; s < SECONDS * 5; s++) {
    psql.stdin.write(`insert into client (document_type_id, document_type, name, document_number)
      select i.id, i.choice, 'CLIENTE DE PRUEBA', lpad((70000000 + ${s} * ${rate} / 5 + n)::text, 8, '0') from generate_series(1, ${rate} / 5) n, catalog_item_of('document_type', 'dni') i;\n`);
    await pause(began + (s + 1) * 200 - Date.now());
  }
  psql.stdin.end();
  await written;
  const wanted = SECONDS * 5 * Math.floor(rate / 5) * many;
  while (n < wanted && Date.now() - began < 3 * SECONDS * 1000) await pause(10);
  const took = (Date.now() - began) / 1000;
  text = (await world.anyone.get("/metrics")).text;
  console.log(`${title}: ${n} of ${wanted} deliveries in ${took.toFixed(1)} s, ${(n / took).toFixed(0)} a second; ms from the event: p50 ${at(latency, 0.5)}, p99 ${at(latency, 0.99)}; service's CPU ${((cpu() - before) / took * 100).toFixed(0)} % of a core; connections ${hooks.slice(0, many).reduce((c, h) => c + h.r.connections, 0)}`);
  for (const h of hooks) await h.r.end();
  ca.end();
  await world.end();
}

(async () => {
  await measure("none hangs", 0);
  await measure("one hangs", 1);
})().catch((e) => { console.error(e); process.exitCode = 1; });
