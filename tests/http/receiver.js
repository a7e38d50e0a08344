/*
 * Receivers of webhooks for the tests: http and https servers on 127.0.0.1 that answer as they are told, and keep what they got.
 */
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { Webhook } = require("../contract/node_modules/standardwebhooks");

/* authority() - a certification authority of its own, and certificates: {dir, ca, issue(name, more)}. */
function authority() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gestor-ca-"));
  const run = (...words) => execFileSync("openssl", words, { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
  fs.chmodSync(dir, 0o755);
  run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test CA",
    "-keyout", "ca.key", "-out", "ca.pem");
  return {
    dir, ca: path.join(dir, "ca.pem"),
    /* san: "DNS:localhost" or "IP:127.0.0.1"; days < 0: it has expired; self: signed by itself. */
    issue: (name, san, { self = false, expired = false } = {}) => {
      fs.writeFileSync(path.join(dir, `${name}.ext`), `subjectAltName=${san}\n`);
      run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`,
        "-keyout", `${name}.key`, "-out", `${name}.csr`);
      const by = self ? ["-signkey", `${name}.key`] : ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
      run("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, "-days", expired ? "-1" : "2", "-extfile", `${name}.ext`, ...by);
      return { key: fs.readFileSync(path.join(dir, `${name}.key`)), cert: fs.readFileSync(path.join(dir, `${name}.pem`)) };
    },
    end: () => fs.rmSync(dir, { recursive: true }),
  };
}

/*
 * receiver({answer, tls, host}) - starts a receiver.
 *   answer(rq, rs, n)  answers the n-th request, which rq.text has the body of; without it: 204
 * .got: what it received: {id, at, headers, text, event}. .url(path): its URL. .verify(secret, got): as the reference library does; throws.
 */
async function receiver({ answer = (rq, rs) => rs.writeHead(204).end(), tls = null, host = "127.0.0.1" } = {}) {
  const got = [], sockets = new Set();
  const self = { got, answer, connections: 0 };
  const handler = (rq, rs) => {
    const chunks = [];
    rq.on("data", (c) => chunks.push(c));
    rq.on("error", () => {});
    rq.on("end", () => {
      rq.text = Buffer.concat(chunks).toString("utf8");
      const one = { id: rq.headers["webhook-id"], at: Date.now(), headers: rq.headers, text: rq.text, path: rq.url, event: JSON.parse(rq.text) };
      got.push(one);
      Promise.resolve(self.answer(rq, rs, got.length)).catch(() => rs.destroy());
    });
  };
  const server = tls ? https.createServer(tls, handler) : http.createServer(handler);
  server.keepAliveTimeout = 60000;
  server.on("connection", (s) => { s.unref(); self.connections++; sockets.add(s); s.on("close", () => sockets.delete(s)); s.on("error", () => {}); });
  server.on("tlsClientError", () => {});
  await new Promise((resolve) => server.listen(0, host, resolve));
  /* A failed test must not keep the process alive. */
  server.unref();
  const { port } = server.address();
  return Object.assign(self, {
    port,
    url: (where = "/hook", name = host) => `${tls ? "https" : "http"}://${name}:${port}${where}`,
    end: () => new Promise((resolve) => { server.close(resolve); for (const s of sockets) s.destroy(); }),
  });
}

/* rawReceiver(talk) - a TCP server; talk(socket) is called when the request's head has arrived. */
async function rawReceiver(talk) {
  const sockets = new Set();
  const self = { got: 0 };
  const server = net.createServer((s) => {
    let text = "";
    s.unref();
    sockets.add(s);
    s.on("close", () => sockets.delete(s));
    s.on("error", () => {});
    s.on("data", (d) => {
      text += d;
      if (text.includes("\r\n\r\n")) { text = ""; self.got++; talk(s); }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return Object.assign(self, { port: server.address().port, url: () => `http://127.0.0.1:${server.address().port}/hook`,
    end: () => new Promise((resolve) => { server.close(resolve); for (const s of sockets) s.destroy(); }) });
}

/* verified(secret, got) - the event, as the reference library of Standard Webhooks verifies it; it throws for a wrong signature. */
const verified = (secret, got) => new Webhook(secret).verify(got.text, got.headers);

module.exports = { authority, receiver, rawReceiver, verified };
