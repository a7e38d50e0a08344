/*
 * deploy/ha/ in network namespaces: three nodes with an address and a cable each, and HAProxy
 * and the clients at a fourth address, the bridge's. Everything is inside the namespace that this
 * process was started in (ha.js), so nothing of it is left when this process has ended.
 */
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { root, pause, until, directory, start, atEnd } = require("./processes.js");
const { psql } = require("./cluster.js");
const { request } = require("./load.js");

const nodes = ["one", "two", "three"];
const address = { one: "10.77.0.1", two: "10.77.0.2", three: "10.77.0.3", front: "10.77.0.4" };
/* Of all that the scenarios write, twice: a restore keeps the data there were. A tmpfs takes only what is on it. */
const DISK = "8g";
const ip = (...words) => execFileSync("ip", words, { stdio: ["ignore", "pipe", "pipe"] });

class HighAvailability {
  constructor() {
    this.dir = path.join(directory(), "ha");
    this.base = `https://${address.front}:18443`;
    this.holders = {};
  }

  get env() {
    const enter = Object.fromEntries(nodes.map((n) => [`HA_ENTER_${n}`, `nsenter --net=/proc/${this.holders[n]?.pid}/ns/net --`]));
    return { ...process.env, ...enter, HA_ADDRESSES: nodes.concat("front").map((n) => address[n]).join(" "),
      HA_GESTOR_SETTINGS: ["GESTOR_ACCESS_TTL_S=3600", "GESTOR_LOG_LEVEL=warn", "GESTOR_RATE_ADVISOR=1000000", "GESTOR_RATE_INTEGRATION=1000000",
        "GESTOR_CONTACTS_PER_DAY=0", "GESTOR_KEYS_MAX=0"].join("\n") };
  }

  /* tool(action, …) - tools/ha.sh */
  tool(...words) {
    return new Promise((resolve, reject) => {
      let said = "";
      const child = spawn(`${root}/tools/ha.sh`, [words[0], this.dir, ...words.slice(1)], { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
      this.running = child;
      for (const out of [child.stdout, child.stderr]) out.on("data", (d) => { said += d; });
      child.on("exit", (code) => (code === 0 ? resolve(said) : reject(new Error(`tools/ha.sh ${words[0]}: ${said.slice(-600)}`))));
    });
  }

  async make() {
    ip("link", "set", "lo", "up");
    ip("link", "add", "bridge", "type", "bridge");
    ip("addr", "add", `${address.front}/24`, "dev", "bridge");
    ip("link", "set", "bridge", "up");
    for (const n of nodes) {
      this.holders[n] = start(["unshare", "--net", "sleep", "infinity"]);
      const own = fs.readlinkSync("/proc/self/ns/net"), at = `/proc/${this.holders[n].pid}/ns/net`;
      await until("a namespace", () => fs.readlinkSync(at) !== own && /sleep/.test(fs.readFileSync(`/proc/${this.holders[n].pid}/comm`, "utf8")), 5000);
      ip("link", "add", n, "type", "veth", "peer", "name", "eth0", "netns", String(this.holders[n].pid));
      ip("link", "set", n, "master", "bridge", "up");
      for (const words of [["addr", "add", `${address[n]}/24`, "dev", "eth0"], ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]])
        execFileSync("nsenter", [`--net=${at}`, "ip", ...words]);
    }
    atEnd(() => {
      /* It would hold the lock. */
      this.running?.kill("SIGKILL");
      execFileSync(`${root}/tools/ha.sh`, ["stop", this.dir], { env: this.env, stdio: "ignore" });
    });
    await this.disk_of("three");
    await this.tool("start");
    const text = fs.readFileSync(`${this.dir}/env`, "utf8"), value = (name) => new RegExp(`^${name}='(.*)'$`, "m").exec(text)[1];
    this.superuser = value("SUPERUSER_URL").replace("/postgres?", "/gestor?");
    this.owner = value("DATABASE_URL");
    this.password = value("DEMO_PASSWORD");
    return this;
  }

  /* disk_of(node) - gives this node a disk of its own, a tmpfs, if this process may mount one. */
  async disk_of(node) {
    const where = `${this.dir}/${node}`;
    const owner = process.getuid() === 0 ? Number(execFileSync("id", ["-u", "postgres"])) : process.getuid();
    fs.mkdirSync(this.dir, { mode: 0o700 });
    fs.chownSync(this.dir, owner, process.getgid());
    fs.mkdirSync(where);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK},mode=700,uid=${owner}`, "none", where], { stdio: "ignore" });
      this.disk = where;
    } catch {
      this.disk = null;
    }
    fs.chownSync(where, owner, process.getgid());
  }

  /* leave(megabytes) - makes that disk as small as what is on it and so many megabytes; empty() undoes it, and removes what fills it. */
  leave(megabytes) {
    const used = Number(execFileSync("df", ["--output=used", "-BM", this.disk], { encoding: "utf8" }).replace(/\D/g, ""));
    execFileSync("mount", ["-o", `remount,size=${used + megabytes}m`, this.disk]);
  }

  empty() {
    fs.rmSync(`${this.disk}/filler`, { force: true });
    execFileSync("mount", ["-o", `remount,size=${DISK}`, this.disk]);
  }

  sql(text) {
    return psql(this.superuser, text);
  }

  async api(node, what) {
    return request(`http://${address[node]}:18008`, { path: `/${what}`, timeout: 1500 }).then((r) => r, () => ({ status: 0, text: "" }));
  }

  /* The node with this role, by Patroni's own word: primary, synchronous, asynchronous. */
  async which(role) {
    for (const n of nodes) if ((await this.api(n, role)).status === 200) return n;
    return null;
  }

  /* streams() - whether both standbys follow the primary. One that must be rewound, or lacks WAL, calls itself a standby, too. */
  async streams() {
    const primary = await this.which("primary");
    const { replication = [] } = primary ? JSON.parse((await this.api(primary, "patroni")).text || "{}") : {};
    return nodes.every((n) => n === primary || replication.some((r) => r.application_name === n && r.state === "streaming"));
  }

  /* failsafe() - whether a node still counts on the primary that went on without etcd: for the 20 s of a leader's key after etcd came back no other one is promoted. */
  async failsafe() {
    for (const n of nodes) if (JSON.parse((await this.api(n, "patroni")).text || "{}").failsafe_mode_is_active) return true;
    return false;
  }

  /* well() - returns when there is a primary, a synchronous standby and another one, which follow it and know etcd again, and HAProxy and both Gestor serve. */
  async well(limit = 180000) {
    const ready = (base) => request(base, { path: "/readyz", timeout: 2000 }).then((r) => r.status === 200, () => false);
    await until("all is well", async () => (await this.which("primary")) && (await this.which("synchronous")) && (await this.which("asynchronous")) && (await this.streams()) &&
      !(await this.failsafe()) && (await ready(this.base)) && (await ready(this.gestor("one"))) && (await ready(this.gestor("two"))), limit, 200);
  }

  /* pids(node, parts) - of "patroni", "postgres" (with its backends), "etcd", "gestor". */
  pids(node, parts) {
    const found = [];
    for (const pid of fs.readdirSync("/proc").filter((n) => /^\d+$/.test(n))) {
      let words;
      try {
        words = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        if (words[0] === "bash") continue;
        if (parts.includes("patroni") && words.includes(`${this.dir}/${node}/patroni.yml`)) found.push(Number(pid));
        if (parts.includes("etcd") && words.includes(`${this.dir}/${node}/etcd`)) found.push(Number(pid));
        if (parts.includes("gestor") && words[0] === `${this.dir}/bin/gestor` && fs.readFileSync(`/proc/${pid}/environ`, "utf8").includes(`GESTOR_LISTEN=${address[node]}:`))
          found.push(Number(pid));
        if (parts.includes("postgres") && words.includes(`${this.dir}/${node}/data`))
          found.push(Number(pid), ...fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number));
      } catch {
        /* it has just ended */
      }
    }
    return found;
  }

  signal(node, parts, signal) {
    for (const pid of this.pids(node, parts)) {
      try {
        process.kill(pid, signal);
      } catch {
        /* it has just ended */
      }
    }
  }

  /* lose(node, parts) - kills them, and they stay away until back(). */
  lose(node, parts) {
    for (const part of parts) if (part !== "postgres") fs.writeFileSync(`${this.dir}/run/${node}.${part}.down`, "");
    this.signal(node, parts, "SIGKILL");
  }

  /* back() - starts what does not run. */
  async back() {
    await this.tool("start");
  }

  cut(node) {
    ip("link", "set", node, "down");
  }

  join(node) {
    ip("link", "set", node, "up");
  }

  /* ask(node, what, body) - what patronictl asks of Patroni on that node. */
  ask(node, what, body) {
    const password = fs.readFileSync(`${this.dir}/secrets/patroni_password`, "utf8").trim();
    execFileSync("curl", ["-sS", "-m", "90", "-K", "-", "-H", "Content-Type: application/json", "-d", JSON.stringify(body),
      `http://${address[node]}:18008/${what}`], { input: `user = "patroni:${password}"\n`, stdio: ["pipe", "pipe", "pipe"] });
  }

  /* switchover(to) - to a synchronous standby. */
  async switchover(to) {
    const leader = await this.which("primary");
    if (leader !== to) this.ask(leader, "switchover", { leader, ...(to ? { candidate: to } : {}) });
  }

  /* lead(node) - makes this node the primary. Only a synchronous standby can become it. */
  async lead(node) {
    for (let i = 0; i < 6 && (await this.which("primary")) !== node; i++) {
      await this.well();
      const sync = await this.which("synchronous"), leader = await this.which("primary");
      if (leader === node) break;
      /* With another standby away for a moment, this one becomes the synchronous one. */
      if (sync !== node) {
        this.lose(sync, ["patroni", "postgres"]);
        await until(`${node} is synchronous`, async () => (await this.api(node, "synchronous")).status === 200, 60000, 200);
        await this.back();
        await this.well();
      }
      await this.switchover(node);
      await until(`${node} is primary`, async () => (await this.which("primary")) === node, 30000, 100).catch(() => {});
    }
    await this.well();
    if ((await this.which("primary")) !== node) throw new Error(`${node} does not become primary`);
  }

  async signIn(username = "E8153375") {
    const r = await request(this.base, { method: "POST", path: "/v1/sessions", body: { username, password: this.password }, timeout: 10000 });
    if (r.status !== 201) throw new Error(`signing in: ${r.status} ${r.text}`);
    return JSON.parse(r.text).access_token;
  }

  /* gestor(node) - the URL of the process on that node, for clients that are there, or that look behind HAProxy. */
  gestor(node) {
    return `http://${address[node]}:18080`;
  }
}

module.exports = { HighAvailability, nodes, address, pause };
