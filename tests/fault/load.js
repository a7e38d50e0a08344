/*
 * The load: writers like good clients (an Idempotency-Key on every write, and retries
 * with the same key after Retry-After or a broken connection), readers, and a record
 * of all acknowledged writes.
 */
"use strict";

const crypto = require("node:crypto");
const http = require("node:http");
const https = require("node:https");
const { pause, until } = require("./processes.js");

/* request(base, …) - sends one request; {status, headers, text, ms}. Throws if the answer is incomplete. */
function request(base, { method = "GET", path, token, key, body, agent = false, timeout = 15000 }) {
  let began = performance.now();
  const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
  const headers = { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(key ? { "idempotency-key": key } : {}),
    ...(bytes ? { "content-type": "application/json", "content-length": bytes.length } : {}) };
  return new Promise((resolve, reject) => {
    const rq = (base.startsWith("https:") ? https : http).request(base + path, { method, headers, agent, rejectUnauthorized: false }, (r) => {
      const chunks = [];
      r.on("data", (c) => chunks.push(c));
      r.on("error", reject);
      r.on("aborted", () => reject(new Error("the answer broke off")));
      r.on("end", () => {
        clearTimeout(timer);
        resolve({ status: r.statusCode, headers: r.headers, text: Buffer.concat(chunks).toString("utf8"), ms: performance.now() - began });
      });
    });
    const timer = setTimeout(() => rq.destroy(new Error("no answer in time")), timeout);
    /* Do not count the time that the request waits in this process for a free connection. */
    rq.on("socket", () => { began = performance.now(); });
    rq.on("error", (e) => { clearTimeout(timer); reject(e); });
    rq.end(bytes);
  });
}

const reason = "problema-con-el-uso-del-servicio.problema-de-cobertura.internet.sin-senal-indoor.escalado-por-celdas-at";
const digits = (n, width) => String(n).padStart(width, "0");

/* The two kinds of writes; n identifies the record in the database. */
const kinds = {
  typification: (n) => ({ path: "/v1/typifications", body: {
    client: { name: `FALLA ${n}`, document_type: "dni", document_number: digits(n, 8), phone: "9" + digits(n, 8) },
    contact: { origin_phone: "944264648", serial_number: digits(n, 16) }, sub_campaign: "entel",
    actions: [{ action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" }, { action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" }],
    diagnosis: { reason },
    competitor_offer: { plan: "postpago-39-90", offer: "50-x-6-meses", channel: "telefonico", operator: "movistar", phone_to_manage: "944264648" },
    closure: { advertising_acceptance: "acepto", stage: "retenido" } } }),
  contact: (n, client) => ({ path: `/v1/clients/${client}/contacts`, body: { origin_phone: "944264648", serial_number: digits(n, 16) } }),
};

/* complaint(text) - a problem without its request id, so that equal problems can be counted. */
const complaint = (text) => text.replace(/"request_id":"[^"]*",?/, "").slice(0, 300);

let number = 10000000;

class Load {
  /*
   * base: the URL of a service or proxy, or a function that returns it; only: one of `kinds`, for all writes;
   * conflicts: a 409 `conflict`, after which nothing was saved, is repeated too; hangs: HAProxy may answer 504 to a read
   */
  constructor(base, token, { writers = 50, readers = 0, timeout = 15000, every = 0, sockets = Infinity, only = null, conflicts = false, hangs = false } = {}) {
    Object.assign(this, { base: typeof base === "function" ? base : () => base, token, writers, readers, timeout, every, only, conflicts, hangs });
    const options = { keepAlive: true, maxSockets: sockets };
    this.agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
    this.run = crypto.randomBytes(4).toString("hex");
    Object.assign(this, { sent: 0, answered: 0, refused: 0, broken: 0, replayed: 0, stall: 0, acknowledged: [], wrong: [], pending: 0,
      slowest: 0, reads: { ok: 0, refused: 0, broken: 0, slowest: 0, stall: 0, last: 0 }, latencies: [] });
  }

  async ask(options) {
    const base = this.base();
    return request(base, { token: this.token, agent: this.agents[new URL(base).protocol], timeout: this.timeout, ...options });
  }

  /* Called for every answer and every broken request; a scenario may override it. */
  seen() {}

  async write() {
    const n = ++number, kind = this.only || (n % 5 < 3 ? "typification" : "contact"), what = kinds[kind](n, this.client);
    this.pending++;
    for (;;) {
      let r;
      const began = performance.now();
      this.sent++;
      try {
        r = await this.ask({ method: "POST", key: `${this.run}-${n}`, ...what });
      } catch (e) {
        this.broken++;
        this.seen(0, performance.now() - began, e, "POST");
        if (this.giveUp) return;
        await pause(50 + Math.random() * 100);
        continue;
      }
      this.answered++;
      if (r.ms > this.slowest) this.slowest = r.ms;
      this.seen(r.status, r.ms, r, "POST");
      if (r.status === 201) {
        const now = performance.now();
        if (this.lastAck) this.stall = Math.max(this.stall, now - this.lastAck);
        this.lastAck = now;
        this.replayed += r.headers["idempotent-replayed"] === "true";
        this.latencies.push(r.ms);
        this.acknowledged.push({ n, kind, id: JSON.parse(r.text).id });
        this.pending--;
        return;
      }
      const again = Number(r.headers["retry-after"]);
      if ([502, 503, 504].includes(r.status) || (r.status === 409 && (/"idempotency_key_in_use"/.test(r.text) || (this.conflicts && /"code":"conflict"/.test(r.text))))) {
        this.refused++;
        if (r.status === 503 && !(again >= 0)) this.wrong.push("503 without Retry-After");
        if (this.giveUp) return;
        await pause((again >= 0 ? again * 1000 : 100) + Math.random() * 100);
        continue;
      }
      this.wrong.push(`${r.status} ${complaint(r.text)}`);
      this.pending--;
      return;
    }
  }

  async read() {
    const s = this.reads, began = performance.now();
    try {
      const r = await this.ask({ path: `/v1/clients/${this.client}` });
      s.slowest = Math.max(s.slowest, r.ms);
      this.seen(r.status, r.ms, r, "GET");
      if (r.status === 200) {
        const now = performance.now();
        if (s.last) s.stall = Math.max(s.stall, now - s.last);
        s.last = now;
        s.ok++;
      } else {
        s.refused++;
        if (r.status !== 503 && !(r.status === 504 && this.hangs)) this.wrong.push(`${r.status} ${complaint(r.text)}`);
        await pause(100);
      }
    } catch (e) {
      s.broken++;
      this.seen(0, performance.now() - began, e, "GET");
      await pause(50 + Math.random() * 100);
    }
  }

  /* start() - begins, and returns when the write rate is high enough for a fault to prove anything. */
  async start(least = 100) {
    if (!this.client) {
      const r = await this.ask({ method: "POST", path: "/v1/clients", body: { name: "CLIENTE DE TODOS", document_type: "dni", document_number: digits(++number, 8) } });
      if (r.status !== 201) throw new Error(`client_create: ${r.status} ${r.text}`);
      this.client = JSON.parse(r.text).id;
    }
    this.first = number + 1;
    this.running = true;
    const loop = async (one) => {
      while (this.running) {
        await this[one]();
        if (this.every) await pause(this.every);
      }
    };
    this.loops = [...Array.from({ length: this.writers }, () => loop("write")), ...Array.from({ length: this.readers }, () => loop("read"))];
    await pause(300);
    await this.steady(least);
    return this;
  }

  /*
   * steady() - returns when the write rate is high enough; throws "void" if it does not get
   * there. Keeps the lowest such rate.
   */
  async steady(least = 100) {
    for (const began = Date.now(); Date.now() - began < 30000;) {
      const before = this.acknowledged.length;
      await pause(500);
      const rate = (this.acknowledged.length - before) * 2;
      if (rate < least) continue;
      this.rate = Math.min(this.rate ?? rate, rate);
      return;
    }
    throw new Error(`void: the load does not reach ${least} acknowledged writes per second`);
  }

  /* goesOn(n) - returns when n more writes have been acknowledged. */
  async goesOn(n, limit = 20000) {
    const before = this.acknowledged.length;
    return until(`${n} more writes`, () => this.acknowledged.length >= before + n, limit, 10);
  }

  /* stop() - every writer continues until its last write is acknowledged, or for `limit` ms. */
  async stop(limit = 30000) {
    this.running = false;
    const timer = setTimeout(() => { this.giveUp = true; }, limit);
    await Promise.all(this.loops || []);
    clearTimeout(timer);
    this.last = number;
    for (const agent of Object.values(this.agents)) agent.destroy();
  }
}

/* percentile(numbers, share) */
function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : 0;
}

module.exports = { Load, request, percentile };
