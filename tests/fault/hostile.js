/* Connections that send a byte a second, do not read, break off or lie idle: what others notice of them. */
"use strict";
const { spawn } = require("node:child_process");
const path = require("node:path");
const { pause, until, resources } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service, Proxy } = require("./service.js");
const { Load, percentile } = require("./load.js");
const { result } = require("./result.js");

const REQUEST_TIMEOUT_MS = 10000; // GESTOR_REQUEST_TIMEOUT_MS, and timeout http-request of deploy/haproxy.cfg

class Hostile {
  constructor(base, wanted) {
    this.child = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, path.join(__dirname, "hostile-client.js"), base, JSON.stringify(wanted)],
      { stdio: ["ignore", "pipe", "inherit"] });
    this.said = [];
    this.child.stdout.setEncoding("utf8").on("data", (t) => this.said.push(...t.split("\n").filter(Boolean)));
  }

  ready() {
    return until("the connections are made", () => {
      if (this.child.exitCode !== null) throw new Error("hostile-client.js ended");
      return this.said.length > 0;
    }, 120000);
  }

  async report() {
    const before = this.said.length;
    this.child.kill("SIGUSR2");
    await until("a report", () => this.said.length > before, 10000);
    return JSON.parse(this.said[this.said.length - 1]);
  }

  async end() {
    this.child.kill("SIGKILL");
    await new Promise((resolve) => this.child.on("exit", resolve));
  }
}

/* others(base, token, seconds) - well-behaved readers and writers; {load, times, bad} */
async function others(base, token, seconds) {
  const load = new Load(base, token, { writers: 4, readers: 8, every: 40 }), seen = { times: [], bad: 0, load };
  load.seen = (status, ms) => {
    seen.times.push(ms);
    seen.bad += status !== 200 && status !== 201;
  };
  await load.start(0);
  seen.times.length = 0;
  await pause(seconds * 1000);
  await load.stop();
  return seen;
}

const back = (before, after) => after.fds <= before.fds + 2 && after.threads === before.threads && after.rss <= before.rss * 1.1 + 20000;

/* through(what, wanted, seconds) - by the shipped HAProxy. */
async function through(what, wanted, seconds) {
  const database = (await shared()).database();
  const service = await new Service(database.serve).start(), proxy = await new Proxy(service).start();
  const token = await service.signIn();
  const quiet = await others(proxy.base, token, 2), before = resources(proxy.child.pid), inner = resources(service.child.pid);
  const hostile = new Hostile(proxy.base, wanted);
  await hostile.ready();
  const seen = await others(proxy.base, token, seconds), during = resources(proxy.child.pid), report = await hostile.report();
  await hostile.end();
  /* The service's own idle connections, kept by HAProxy, and the glibc's arenas are what may be more. */
  await until("descriptors are given back", () => resources(proxy.child.pid).fds <= before.fds + 70, 15000, 200).catch(() => {});
  const after = resources(proxy.child.pid), innerAfter = resources(service.child.pid);
  await proxy.stop();
  const { code } = await service.stop(), p99 = Math.round(percentile(seen.times, 0.99));
  return result(what, 1, seen.load, database, {
    "no error for others": seen.bad === 0,
    "others: p99 under 200 ms": p99 < 200,
    [`HAProxy's descriptors: ${before.fds} before, ${after.fds} after`]: after.fds <= before.fds + 70,
    [`the service's: ${inner.fds} before, ${innerAfter.fds} after`]: innerAfter.fds <= inner.fds + 70,
    "status 0 at the end": code === 0,
  }, `${during.fds} descriptors at HAProxy; others ${seen.times.length} requests, p99 ${p99} ms (${Math.round(percentile(quiet.times, 0.99))} ms without); ${told(report)}; HAProxy ${Math.round(before.rss / 1024)} MB before, ${Math.round(during.rss / 1024)} with, ${Math.round(after.rss / 1024)} after`);
}

const told = (report) => Object.entries(report).map(([kind, r]) => `${kind} ${r.made}, ended ${r.closed}`).join("; ");

/* directly(wanted) - at the service itself, with threads for all of them. */
async function directly(wanted) {
  const database = (await shared()).database();
  const service = await new Service(database.serve, { env: { GESTOR_THREADS: "2000" }, nofile: 8192 }).start(), token = await service.signIn();
  const before = resources(service.child.pid), hostile = new Hostile(service.base, wanted);
  await hostile.ready();
  const seen = await others(service.base, token, REQUEST_TIMEOUT_MS / 1000 + 3), report = await hostile.report();
  await hostile.end();
  await until("descriptors are given back", () => resources(service.child.pid).fds <= before.fds + 2, 5000, 100).catch(() => {});
  const after = resources(service.child.pid), { code } = await service.stop(), p99 = Math.round(percentile(seen.times, 0.99));
  const cut = Object.fromEntries(["head", "body", "deaf"].map((k) => [`${k}: all are cut, within 10 s (${report[k].closed} of ${report[k].made}, ${report[k].slowest} ms)`,
    report[k].closed === report[k].made && report[k].slowest < REQUEST_TIMEOUT_MS + 2000]));
  return result("slow and deaf ones at the service itself", 1, seen.load, database, {
    ...cut,
    "no error for others": seen.bad === 0,
    [`descriptors ${before.fds}, ${after.fds} after; threads ${before.threads}, ${after.threads}; memory ${before.rss} KB, ${after.rss} KB`]: back(before, after),
    "status 0 at the end": code === 0,
  }, `others p99 ${p99} ms; ${told(report)}; memory ${Math.round(before.rss / 1024)} MB before, ${Math.round(after.rss / 1024)} after`);
}

module.exports = async ({ short }) => {
  const n = short ? 100 : 500;
  const rows = [
    await through("hostile ones at HAProxy", { head: n / 2, body: n / 2, deaf: n, half: n / 5, reset: n / 5, idle: n * 4 }, short ? 4 : 25),
    await directly({ head: n / 2, body: n / 2, deaf: n, half: n / 5, reset: n / 5 }),
  ];
  if (!short) rows.push(await through("9,000 idle connections at HAProxy", { idle: 9000 }, 15));
  return rows;
};
