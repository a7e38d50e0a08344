/* Connections that send a byte a second, do not read, break off or lie idle: what others notice of them. */
"use strict";
const { spawn } = require("node:child_process");
const path = require("node:path");
const { pause, until, resources } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service, Proxy } = require("./service.js");
const { Load, percentile } = require("./load.js");
const { result } = require("./result.js");

const REQUEST_TIMEOUT_MS = 9000; // GESTOR_REQUEST_TIMEOUT_MS, for the slow ones to be cut within 10 s

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
  const { code } = await service.stop(), p99 = Math.round(percentile(seen.times, 0.99)), alone = Math.round(percentile(quiet.times, 0.99));
  return result(what, 1, seen.load, database, {
    "no error for others": seen.bad === 0,
    [`others: p99 under 200 ms, or where the machine has other work no more than twice what it is without (${alone} ms)`]: p99 < Math.max(200, 2 * alone),
    [`HAProxy's descriptors: ${before.fds} before, ${after.fds} after`]: after.fds <= before.fds + 70,
    [`the service's: ${inner.fds} before, ${innerAfter.fds} after`]: innerAfter.fds <= inner.fds + 70,
    "status 0 at the end": code === 0,
  }, `${during.fds} descriptors at HAProxy; others ${seen.times.length} requests, p99 ${p99} ms (${alone} ms without); ${told(report)}; HAProxy ${Math.round(before.rss / 1024)} MB before, ${Math.round(during.rss / 1024)} with, ${Math.round(after.rss / 1024)} after`);
}

const told = (report) => Object.entries(report).map(([kind, { made, closed, slowest, ...statuses }]) =>
  `${kind} ${made}, ended ${closed}${Object.entries(statuses).map(([status, n]) => `, ${n} answered ${status}`).join("")}`).join("; ");

/*
 * directly(wanted) - at the service itself, with threads for all of them. Some times before it counts, and with as many
 * as there are threads, until memory stands still: so that each has served, and what is of fixed size is full.
 * What grows each time does not stand still, and is found growing.
 */
async function directly(wanted, limit) {
  const database = (await shared()).database();
  const connections = Object.values(wanted).reduce((a, b) => a + b, 0), threads = Math.round(connections * 1.25);
  const service = await new Service(database.serve, { env: { GESTOR_THREADS: String(threads), GESTOR_REQUEST_TIMEOUT_MS: String(limit) }, nofile: 8192 }).start(), token = await service.signIn();
  const count = () => resources(service.child.pid).fds, bare = count();
  const gone = () => until("descriptors are given back", () => count() <= bare + 2, 20000, 100).catch(() => {});
  const rss = () => resources(service.child.pid).rss;
  for (let i = 0, was = 0; i < 4 || (i < 9 && rss() > was * 1.005); i++) {
    was = rss();
    const first = new Hostile(service.base, Object.fromEntries(Object.entries(wanted).map(([kind, n]) => [kind, Math.floor(n * 1.25)])));
    await first.ready();
    await others(service.base, token, limit / 2000);
    await first.end();
    await gone();
  }

  const before = resources(service.child.pid), hostile = new Hostile(service.base, wanted);
  await hostile.ready();
  const made = Date.now(), seen = await others(service.base, token, limit / 2000);
  /* Who does not read is not told of the end either: what the service still has open tells. */
  await until("all are cut", () => count() <= before.fds + 2, limit + 10000, 100).catch(() => {});
  const cutAfter = Date.now() - made, left = count() - before.fds, report = await hostile.report();
  await hostile.end();
  await gone();
  const after = resources(service.child.pid), { code } = await service.stop(), p99 = Math.round(percentile(seen.times, 0.99));
  const slowest = Math.max(report.head.slowest, report.body.slowest);
  return result("slow and deaf ones at the service itself", 1, seen.load, database, {
    [`slow ones are cut within ${limit / 1000 + 1} s (${slowest} ms)`]: report.head.closed === report.head.made && report.body.closed === report.body.made && slowest < limit + 1000,
    [`${left} connections are left, ${cutAfter} ms after the last was made`]: left <= 2 && cutAfter < limit + 4000,
    "no error for others": seen.bad === 0,
    [`descriptors ${before.fds}, ${after.fds} after`]: after.fds <= before.fds + 2,
    [`threads ${before.threads}, ${after.threads} after`]: after.threads === before.threads,
    [`memory ${before.rss} KB, ${after.rss} KB after`]: after.rss <= before.rss * 1.02 + 1024,
    "status 0 at the end": code === 0,
  }, `others p99 ${p99} ms; slow ones cut after ${slowest} ms at the latest, all gone after ${cutAfter} ms; ${told(report)}; memory ${before.rss} KB before, ${after.rss} KB after`);
}

module.exports = async ({ short }) => {
  const n = short ? 50 : 500;
  const rows = [
    await through("hostile ones at HAProxy", { head: n / 2, body: n / 2, deaf: 500, half: n / 5, reset: n / 5, idle: n * 4 }, short ? 3 : 25),
    await directly({ head: n / 2, body: n / 2, deaf: n, half: n / 5, reset: n / 5 }, short ? 3000 : REQUEST_TIMEOUT_MS),
  ];
  if (!short) rows.push(await through("9,000 idle connections at HAProxy", { idle: 9000 }, 15));
  return rows;
};
