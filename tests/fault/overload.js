/*
 * Four times as many requests as the service can handle, through HAProxy. They are sent at a constant
 * rate, without waiting for earlier answers, like requests of many independent clients; but on at most
 * 700 connections. That is more than HAProxy opens to the service; still more would measure this process.
 */
"use strict";
const { pause } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service, Proxy } = require("./service.js");
const { Load, percentile } = require("./load.js");
const { Watch } = require("./watch.js");
const { result } = require("./result.js");

/* GESTOR_QUERY_TIMEOUT_MS */
const DEADLINE_MS = 5000;
/*
 * Refusals must come at once; a second allows for the load generator on the same machine. During a short run other
 * tests use the machine too, so there only half of the refusals must come at once, and all before the deadline.
 */
const AT_ONCE_MS = 1000;

/* rate(load, seconds) - acknowledged writes per second of 50 writers that wait for their answers. */
async function rate(load, seconds) {
  const before = load.acknowledged.length;
  await pause(seconds * 1000);
  return (load.acknowledged.length - before) / seconds;
}

module.exports = async ({ short }) => {
  const seconds = short ? 6 : 20;
  const database = (await shared()).database();
  const service = await new Service(database.serve).start(), proxy = await new Proxy(service).start();
  const token = await service.signIn();
  const load = await new Load(proxy.base, token).start();
  const bears = await rate(load, short ? 2 : 5);
  await load.stop();

  /* The flood: each writer tries once. A refused or broken write is not retried. */
  const flood = new Load(proxy.base, token, { writers: 0, timeout: 60000, sockets: 700 });
  await flood.start(0);
  const taken = [], refused = [], live = new Watch(service), metrics = new Watch(service, "/metrics");
  flood.giveUp = true;
  /* Skip the first two seconds, when opening the connections costs more than the requests. */
  const begun = Date.now();
  flood.seen = (status, ms, r, method) => { if (method === "POST" && status && Date.now() - begun > 2000) (status === 503 ? refused : taken).push(ms); };
  const under = [], began = Date.now();
  for (let sent = 0; Date.now() - began < seconds * 1000; await pause(5))
    for (const due = (Date.now() - began) / 1000 * bears * 4; sent < due; sent++) under.push(flood.write());
  await Promise.all(under);
  flood.pending = 0;
  await live.stop();
  await metrics.stop();
  await flood.stop();

  const after = await new Load(proxy.base, token).start();
  /* Other programs use the machine too: it is enough that the rate comes back once. A service that stays slow would do a tenth. */
  const enough = short ? 0.6 : 0.8;
  let bearsAfter = 0;
  for (let i = 0; i < (short ? 15 : 6) && bearsAfter < bears * enough; i++) bearsAfter = Math.max(bearsAfter, await rate(after, short ? 2 : 5));
  await after.stop();
  await proxy.stop();
  const { code } = await service.stop();
  const p99 = Math.round(percentile(taken, 0.99)), slowest = Math.round(percentile(refused, 0.99));
  flood.rate = Math.round(bears);
  const row = result(`${Math.round(bears * 4)} writes per second for ${seconds} s`, 1, flood, database, {
    "every request is answered": flood.broken === 0,
    "some are refused": refused.length > 0,
    [`accepted writes: p99 under ${DEADLINE_MS} ms`]: p99 < DEADLINE_MS,
    [`refused writes: ${short ? "half of them" : "p99"} under ${AT_ONCE_MS} ms`]: (short ? percentile(refused, 0.5) : slowest) < AT_ONCE_MS,
    [`refused writes: p99 under ${DEADLINE_MS} ms`]: slowest < DEADLINE_MS,
    "/livez stays 200": live.bad === 0 && live.asked > seconds,
    "/metrics stays 200": metrics.bad === 0 && metrics.asked > seconds,
    [`same rate afterwards: ${Math.round(bears)}/s before, ${Math.round(bearsAfter)}/s after`]: bearsAfter >= bears * enough,
    "status 0 at the end": code === 0,
  }, `accepted p99 ${p99} ms; refused p50 ${Math.round(percentile(refused, 0.5))} ms, p99 ${slowest} ms; /livez ${Math.round(live.slowest)} ms, /metrics ${Math.round(metrics.slowest)} ms; ${Math.round(bears)}/s before, ${Math.round(bearsAfter)}/s after`);
  return [row];
};
