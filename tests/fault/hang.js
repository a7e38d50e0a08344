/* PostgreSQL hangs; another session locks a row, or a table. */
"use strict";
const { spawn } = require("node:child_process");
const { pause, until, resources } = require("./processes.js");
const { shared, bin } = require("./cluster.js");
const { Service } = require("./service.js");
const { Load, percentile } = require("./load.js");
const { Watch } = require("./watch.js");
const { result } = require("./result.js");

const SESSIONS = 5;
/* GESTOR_QUERY_TIMEOUT_MS: the deadline of all database work for a request. */
const LIMIT_MS = 5000;

/* during(what, seconds, disturb, holds) - runs the load before, during and after a disturbance, and checks the answers during it. */
async function during(what, seconds, disturb, holds) {
  const cluster = await shared(), database = cluster.database();
  const service = await new Service(database.serve).start();
  const load = new Load(service.base, await service.signIn(), { writers: 50, readers: 5 });
  const seen = { on: false, slowest: 0, broken: 0, reads: [], refused: 0 };
  load.seen = (status, ms, r, method) => {
    seen.slowest = Math.max(seen.slowest, ms);
    seen.broken += status === 0;
    if (!seen.on || method !== "GET") return;
    seen.reads.push(ms);
    seen.refused += status !== 200;
  };
  await load.start();
  await pause(1000);
  const before = resources(service.child.pid), live = new Watch(service), acknowledged = load.acknowledged.length;
  const over = disturb(cluster, database, load, seconds);
  await pause(200);
  seen.on = true;
  await pause(seconds * 1000 - 400);
  seen.on = false;
  const inIt = load.acknowledged.length - acknowledged;
  await over;
  const back = await until("writes again", () => load.lastAck > performance.now() - 50, 10000, 10);
  await load.steady();
  await load.stop();
  await live.stop();
  await until("all sessions are back", () => cluster.sessions(database.name) === SESSIONS, 5000, 100).catch(() => {});
  const after = resources(service.child.pid), sessions = cluster.sessions(database.name);
  const { code } = await service.stop(), slowest = Math.round(seen.slowest), p99 = Math.round(percentile(seen.reads, 0.99));
  return result(what, 1, load, database, {
    "every request is answered": seen.broken === 0,
    [`every answer within ${LIMIT_MS} ms`]: slowest <= LIMIT_MS,
    "/livez stays 200": live.bad === 0,
    [`threads ${before.threads}, and ${after.threads} after`]: before.threads === after.threads,
    [`${SESSIONS} sessions, and not ${sessions}`]: sessions === SESSIONS,
    "status 0 at the end": code === 0,
    ...holds({ ...seen, p99 }),
  }, `slowest answer ${slowest} ms; meanwhile ${inIt} writes, ${seen.reads.length} reads (${seen.refused} refused, p99 ${p99} ms); writes ${back} ms after`);
}

/* locking(text) - a session that runs this SQL and keeps its locks. */
const locking = (text) => (cluster, database, load, seconds) => new Promise((resolve) => {
  const sql = `begin; ${text.replace("CLIENT", load.client)}; select pg_sleep(${seconds}); rollback`;
  spawn(`${bin}/psql`, ["-Xq", "-d", database.owner, "-c", sql], { stdio: "ignore" }).on("exit", resolve);
});

/* Requests that wait for a lock must not delay the others. */
const readsGoOn = ({ reads, refused, p99 }) => ({ "reads continue": reads.length > 100, "no read is refused": refused === 0, "reads take less than 500 ms (p99)": p99 < 500 });

module.exports = async ({ short }) => {
  const seconds = short ? 3 : 10;
  const rows = [
    await during(`PostgreSQL hangs (SIGSTOP) for ${seconds} s`, seconds, (cluster, database, load, s) => cluster.hang(s), () => ({})),
    await during(`a row is locked for ${seconds} s`, seconds, locking("select from gestor.client where id = CLIENT for update"), readsGoOn),
  ];
  if (!short) rows.push(await during(`a table is locked for ${seconds} s`, seconds, locking("lock table gestor.contact"), readsGoOn));
  return rows;
};
