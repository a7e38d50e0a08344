/* Connections that send one byte per second, do not read, break off or are idle, and how they affect other clients. */
"use strict";
const { spawn } = require("node:child_process");
const path = require("node:path");
const { pause, until, resources } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service, Proxy } = require("./service.js");
const { Load, percentile } = require("./load.js");
const { result } = require("./result.js");

const REQUEST_TIMEOUT_MS = 9000; // GESTOR_REQUEST_TIMEOUT_MS: slow connections must be cut within 10 s

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

/* others(base, token, seconds) - runs well-behaved readers and writers; {load, times, bad} */
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

/* through(what, wanted, seconds) - hostile connections to HAProxy with the shipped configuration. */
async function through(what, wanted, seconds) {
  const database = (await shared()).database();
  const service = await new Service(database.serve).start(), proxy = await new Proxy(service).start();
  const token = await service.signIn();
  const quiet = await others(proxy.base, token, 2), before = resources(proxy.child.pid), inner = resources(service.child.pid);
  const hostile = new Hostile(proxy.base, wanted);
  await hostile.ready();
  const seen = await others(proxy.base, token, seconds), during = resources(proxy.child.pid), report = await hostile.report();
  await hostile.end();
  /* HAProxy may keep some idle connections to the service. */
  await until("descriptors are closed", () => resources(proxy.child.pid).fds <= before.fds + 70, 15000, 200).catch(() => {});
  const after = resources(proxy.child.pid), innerAfter = resources(service.child.pid);
  await proxy.stop();
  const { code } = await service.stop(), p99 = Math.round(percentile(seen.times, 0.99)), alone = Math.round(percentile(quiet.times, 0.99));
  return result(what, 1, seen.load, database, {
    "other clients see no error": seen.bad === 0,
    [`other clients: p99 under 200 ms, or on a busy machine at most twice the p99 without hostile connections (${alone} ms)`]: p99 < Math.max(200, 2 * alone),
    [`HAProxy's descriptors: ${before.fds} before, ${after.fds} after`]: after.fds <= before.fds + 70,
    [`the service's: ${inner.fds} before, ${innerAfter.fds} after`]: innerAfter.fds <= inner.fds + 70,
    "status 0 at the end": code === 0,
  }, `${during.fds} descriptors at HAProxy; other clients ${seen.times.length} requests, p99 ${p99} ms (${alone} ms without); ${summary(report)}; HAProxy ${Math.round(before.rss / 1024)} MB before, ${Math.round(during.rss / 1024)} with, ${Math.round(after.rss / 1024)} after`);
}

const summary = (report) => Object.entries(report).map(([kind, { made, closed, slowest, ...statuses }]) =>
  `${kind} ${made}, ended ${closed}${Object.entries(statuses).map(([status, n]) => `, ${n} answered ${status}`).join("")}`).join("; ");

/*
 * directly(wanted) - hostile connections to the service itself, which has threads for all of them. Before the measurement it opens as many
 * connections as there are threads, repeatedly, until memory grows no more. A thread that serves its first connection after that still fills
 * its caches once, so memory may grow in one round of hostile connections, but a leak makes it grow in each.
 */
async function directly(wanted, limit) {
  const database = (await shared()).database();
  const connections = Object.values(wanted).reduce((a, b) => a + b, 0), threads = Math.round(connections * 1.25);
  const service = await new Service(database.serve, { env: { GESTOR_THREADS: String(threads), GESTOR_REQUEST_TIMEOUT_MS: String(limit) }, nofile: 8192 }).start(), token = await service.signIn();
  const count = () => resources(service.child.pid).fds, bare = count();
  const gone = () => until("descriptors are closed", () => count() <= bare + 2, 20000, 100).catch(() => {});
  const rss = () => resources(service.child.pid).rss, grown = (from, to) => to > from * 1.02 + 1024;
  const round = async (of) => {
    const hostile = new Hostile(service.base, of), was = rss();
    await hostile.ready();
    await others(service.base, token, limit / 2000);
    await hostile.end();
    await gone();
    return grown(was, rss());
  };
  const all = Object.fromEntries(Object.entries(wanted).map(([kind, n]) => [kind, Math.floor(n * 1.25)]));
  for (let i = 0; (await round(all)) && i < 12;) i++;

  const before = resources(service.child.pid), hostile = new Hostile(service.base, wanted);
  await hostile.ready();
  const made = Date.now(), seen = await others(service.base, token, limit / 2000);
  /* A client that does not read does not notice the end of its connection, so count the service's descriptors. */
  await until("all are cut", () => count() <= before.fds + 2, limit + 10000, 100).catch(() => {});
  const cutAfter = Date.now() - made, left = count() - before.fds, report = await hostile.report();
  await hostile.end();
  await gone();
  const after = resources(service.child.pid);
  let rounds = grown(before.rss, after.rss) ? 1 : 0;
  while (rounds > 0 && rounds < 5 && (await round(wanted))) rounds++;
  const { code } = await service.stop(), p99 = Math.round(percentile(seen.times, 0.99));
  const slowest = Math.max(report.head.slowest, report.body.slowest);
  return result("slow and non-reading clients at the service", 1, seen.load, database, {
    [`slow connections are cut within ${limit / 1000 + 1} s (${slowest} ms)`]: report.head.closed === report.head.made && report.body.closed === report.body.made && slowest < limit + 1000,
    [`${left} connections are left, ${cutAfter} ms after the last was opened`]: left <= 2 && cutAfter < limit + 4000,
    "other clients see no error": seen.bad === 0,
    [`descriptors ${before.fds}, ${after.fds} after`]: after.fds <= before.fds + 2,
    [`threads ${before.threads}, ${after.threads} after`]: after.threads === before.threads,
    [`memory ${before.rss} KB, ${after.rss} KB after; it grew in ${rounds} rounds of 5`]: rounds < 5,
    "status 0 at the end": code === 0,
  }, `other clients p99 ${p99} ms; slow connections cut within ${slowest} ms, all closed after ${cutAfter} ms; ${summary(report)}; memory ${before.rss} KB before, ${after.rss} KB after`);
}

module.exports = async ({ short }) => {
  const n = short ? 50 : 500;
  const rows = [
    await through("hostile connections to HAProxy", { head: n / 2, body: n / 2, deaf: 500, half: n / 5, reset: n / 5, idle: n * 4 }, short ? 3 : 25),
    await directly({ head: n / 2, body: n / 2, deaf: n, half: n / 5, reset: n / 5 }, short ? 3000 : REQUEST_TIMEOUT_MS),
  ];
  if (!short) rows.push(await through("9,000 idle connections to HAProxy", { idle: 9000 }, 15));
  return rows;
};
