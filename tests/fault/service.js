/* The service as a process, and HAProxy in front of it with the shipped configuration. */
"use strict";

const { execFileSync } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { root, until, freePort, directory, start } = require("./processes.js");
const { request } = require("./load.js");
const { password } = require("./cluster.js");

const gestor = process.env.GESTOR_BIN || path.join(root, "build/gestor");
const key = crypto.randomBytes(36).toString("base64");
let made = 0;

class Service {
  /* url: the database's, or null for none; nofile: limit of open files; before: words to put before the command */
  constructor(url, { env = {}, nofile = 0, before = [], port = 0 } = {}) {
    Object.assign(this, { url, env, nofile, before, port });
    this.log = path.join(directory(), `service-${++made}.log`);
  }

  get base() {
    return `http://127.0.0.1:${this.port}`;
  }

  launch() {
    this.child = start([...this.before, gestor, "serve"], { log: this.log, nofile: this.nofile,
      env: { DATABASE_URL: this.url, GESTOR_JWT_SECRET: key, GESTOR_ACCESS_TTL_S: "3600", GESTOR_LOG_LEVEL: "warn",
        GESTOR_RATE_ADVISOR: "1000000", GESTOR_RATE_INTEGRATION: "1000000",
        GESTOR_CONTACTS_PER_DAY: "0", GESTOR_KEYS_MAX: "0",
        ...this.env, GESTOR_LISTEN: `127.0.0.1:${this.port}` } });
  }

  /* start() - returns when /readyz is 200. */
  async start() {
    if (!this.port) this.port = await freePort();
    this.launch();
    await until("the service is ready", async () => {
      if (this.child.over) throw new Error("the service ended: " + this.said());
      return (await this.probe("/readyz")) === 200;
    }, 15000, 10);
    return this;
  }

  /* probe(where) - the status, or 0 without an answer in time. */
  async probe(where, timeout = 1000) {
    return request(this.base, { path: where, timeout }).then((r) => r.status, () => 0);
  }

  async kill() {
    this.child.kill("SIGKILL");
    await this.child.ended;
  }

  async stop() {
    if (!this.child.over) this.child.kill("SIGTERM");
    return this.child.ended;
  }

  said() {
    return fs.readFileSync(this.log, "utf8").slice(-1500);
  }

  async signIn() {
    const r = await request(this.base, { method: "POST", path: "/v1/sessions", body: { username: "E8153375", password }, timeout: 10000 });
    if (r.status !== 201) throw new Error(`signing in: ${r.status} ${r.text}`);
    return JSON.parse(r.text).access_token;
  }
}

class Proxy {
  /* servers: one or two services */
  constructor(...servers) {
    this.servers = servers;
    this.log = path.join(directory(), `haproxy-${++made}.log`);
  }

  async start() {
    const pem = path.join(directory(), "tls.pem");
    if (!fs.existsSync(pem)) {
      execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-keyout", `${pem}.key`, "-out", `${pem}.crt`], { stdio: "ignore" });
      fs.writeFileSync(pem, fs.readFileSync(`${pem}.crt`) + fs.readFileSync(`${pem}.key`));
    }
    this.port = await freePort();
    this.base = `https://127.0.0.1:${this.port}`;
    const [one, two] = this.servers.map((s) => `127.0.0.1:${s.port}`);
    this.child = start(["haproxy", "-db", "-f", path.join(root, "deploy/haproxy.cfg")], { log: this.log, nofile: 20000,
      env: { GESTOR_BIND: `127.0.0.1:${this.port}`, GESTOR_SERVER: one, ...(two ? { GESTOR_SERVER_2: two } : {}), GESTOR_TLS_PEM: pem } });
    await until("HAProxy answers", () => {
      if (this.child.over) throw new Error("HAProxy ended: " + fs.readFileSync(this.log, "utf8").slice(-1500));
      return request(this.base, { path: "/readyz" }).then((r) => r.status === 200, () => false);
    }, 10000);
    return this;
  }

  async stop() {
    this.child.kill("SIGKILL");
    await this.child.ended;
  }
}

module.exports = { Service, Proxy, gestor };
