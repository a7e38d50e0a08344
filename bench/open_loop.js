/*
 * node bench/open_loop.js URL TOKEN CLIENTS RATE SECONDS - client_search by phone, RATE times a second.
 *
 * Each request has its time to begin, whether the ones before it are answered or not, and is measured from that
 * time on: what waits is seen to wait. Prints p50 and p99 in ms, and how many were answered otherwise than by 200.
 */
"use strict";
const http = require("node:http");

const [base, token, clients, rate, seconds] = process.argv.slice(2).map((x, i) => (i > 1 ? Number(x) : x));
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const headers = { authorization: `Bearer ${token}` };
const took = [];
const total = rate * seconds;
let bad = 0, sent = 0, over = 0;

function ask(n, due) {
  const phone = `9${String((n * 7919) % clients + 1).padStart(8, "0")}`;
  const done = (good) => {
    if (!good) bad++;
    took.push(performance.now() - due);
    if (++over === total) report();
  };
  http.get(`${base}/v1/clients?phone=${phone}`, { agent, headers }, (r) => {
    r.resume();
    r.on("end", () => done(r.statusCode === 200));
  }).on("error", () => done(false));
}
function report() {
  took.sort((a, b) => a - b);
  const at = (p) => took[Math.min(took.length - 1, Math.floor(took.length * p))].toFixed(3);
  console.log(at(0.5), at(0.99), bad);
  agent.destroy();
}
const began = performance.now() + 200;
/* Timers are due to the millisecond; what is due by then is sent, late or not. */
const timer = setInterval(() => {
  while (sent < total && performance.now() >= began + (sent * 1000) / rate) {
    ask(sent, began + (sent * 1000) / rate);
    sent++;
  }
  if (sent === total) clearInterval(timer);
}, 1);
