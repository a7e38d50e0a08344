/*
 * hostile-client.js BASE {"kind": number, …} - opens misbehaving connections, in its own process.
 * Prints "ready" when all are open, and on SIGUSR2 their state as JSON:
 *   {kind: {made, closed, slowest}}   slowest: the longest time until the other side closed one, in ms
 */
"use strict";
const net = require("node:net");
const tls = require("node:tls");

const base = new URL(process.argv[2]), wanted = JSON.parse(process.argv[3]);
const report = {}, sockets = new Set();
const line = (method, path, more = "") => `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${more}`;

function connect() {
  const options = { host: base.hostname, port: base.port, rejectUnauthorized: false };
  return base.protocol === "https:" ? tls.connect(options) : net.connect(options);
}

/* drip(socket) - sends one byte per second. */
function drip(socket) {
  const timer = setInterval(() => socket.write("a"), 1000);
  socket.on("close", () => clearInterval(timer));
}

const kinds = {
  head: (s) => { s.resume(); s.write(line("GET", "/livez", "X-Slow: ")); drip(s); },
  body: (s) => { s.resume(); s.write(line("POST", "/v1/sessions", "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{")); drip(s); },
  /* Requests some 20 MB and reads nothing. */
  deaf: (s) => s.write(line("GET", "/openapi.json", "\r\n").repeat(100)),
  half: (s) => { s.resume(); s.end(line("POST", "/v1/sessions", "Content-Length: 100\r\n\r\n{")); },
  reset: (s) => { s.write(line("POST", "/v1/sessions", "Content-Length: 100\r\n\r\n{"), () => (s instanceof tls.TLSSocket ? s.destroy() : s.resetAndDestroy())); },
  idle: (s, r) => { s.once("data", (d) => { const status = d.toString("latin1").slice(9, 12); r[status] = (r[status] || 0) + 1; }); s.write(line("GET", "/livez", "\r\n")); },
};

function make(kind) {
  return new Promise((resolve) => {
    const s = connect(), began = performance.now(), r = report[kind];
    sockets.add(s);
    s.on("error", () => {});
    s.once(base.protocol === "https:" ? "secureConnect" : "connect", () => {
      r.made++;
      kinds[kind](s, r);
      setTimeout(resolve, 5);
    });
    s.on("close", () => {
      sockets.delete(s);
      r.closed++;
      r.slowest = Math.max(r.slowest, Math.round(performance.now() - began));
      resolve();
    });
  });
}

(async () => {
  const all = Object.entries(wanted).flatMap(([kind, n]) => {
    report[kind] = { made: 0, closed: 0, slowest: 0 };
    return Array.from({ length: n }, () => kind);
  });
  /* Opens thirty connections at a time. */
  await Promise.all(Array.from({ length: 30 }, async () => {
    for (let kind = all.pop(); kind; kind = all.pop()) await make(kind);
  }));
  console.log("ready");
})();
process.on("SIGUSR2", () => console.log(JSON.stringify(report)));
setInterval(() => {}, 1000);
