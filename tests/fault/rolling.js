/* The service gets SIGTERM under load: a single process, and two behind HAProxy in turn. */
"use strict";
const fs = require("node:fs");
const { pause, until } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service, Proxy } = require("./service.js");
const { Load } = require("./load.js");
const { result } = require("./result.js");

const DELAY_MS = 3000; // as in deploy/gestor.service
const DRAIN_MS = 10000; // GESTOR_DRAIN_MS
const common = { GESTOR_DRAIN_DELAY_MS: String(DELAY_MS), GESTOR_LOG_LEVEL: "info" };

async function alone(times) {
  const database = (await shared()).database();
  const service = await new Service(database.serve, { env: common }).start();
  const load = await new Load(service.base, await service.signIn()).start();
  const codes = [], took = [], early = [], cut = new Set();
  load.seen = (status, ms, r) => { if (status === 0 && !["ECONNREFUSED", "ECONNRESET"].includes(r.code)) cut.add(r.message); };
  for (let i = 0; i < times; i++) {
    await load.steady();
    const began = Date.now(), stopping = service.stop();
    await pause(DELAY_MS / 3);
    const before = load.acknowledged.length, ready = await service.probe("/readyz"), live = await service.probe("/livez");
    await pause(DELAY_MS / 3);
    early.push(ready === 503 && live === 200 && load.acknowledged.length > before);
    codes.push((await stopping).code);
    took.push(Date.now() - began);
    await service.start();
    await load.goesOn(20);
  }
  await load.stop();
  await service.stop();
  return result("SIGTERM under load", times, load, database, {
    "/readyz is 503 while /livez is 200 and writes continue": early.every(Boolean),
    "requests in flight are answered: no answer was replayed": load.replayed === 0,
    [`no answer broke off (${[...cut]})`]: cut.size === 0,
    "exit status 0": codes.every((c) => c === 0),
    "within the drain limit": Math.max(...took) <= DELAY_MS + DRAIN_MS,
  }, `exited within ${Math.max(...took)} ms; ${load.broken} connections refused while it was down`);
}

const failure = (status, r) => `${status} ${r.message || r.text.replace(/"request_id.*/, "")}`;

async function behindProxy(times) {
  const database = (await shared()).database();
  /* Long timeouts, so that a disk that is slow for two seconds does not count as a failure of the restart. */
  const env = { ...common, GESTOR_POOL_WAIT_MS: "10000", GESTOR_QUERY_TIMEOUT_MS: "15000" };
  const services = [await new Service(database.serve, { env }).start(), await new Service(database.serve, { env }).start()];
  const proxy = await new Proxy(...services).start();
  const load = new Load(proxy.base, await services[0].signIn(), { writers: 30, readers: 5 }), failed = new Map();
  load.seen = (status, ms, r) => {
    if (status !== 200 && status !== 201) failed.set(failure(status, r), (failed.get(failure(status, r)) || 0) + 1);
  };
  await load.start();
  const codes = [];
  for (let i = 0; i < times; i++)
    for (const service of services) {
      await load.steady();
      codes.push((await service.stop()).code);
      const size = fs.statSync(service.log).size;
      await service.start();
      /* Like an operator, restart the next one only when this one gets requests again. */
      await until("HAProxy uses it again", () => fs.readFileSync(service.log, "latin1").slice(size).includes("typification_create"), 10000, 50);
    }
  await load.steady();
  await load.stop();
  for (const service of services) await service.stop();
  await proxy.stop();
  return result("two behind HAProxy, restarted in turn", times * 2, load, database, {
    [`no request fails, but these did: ${[...failed].map(([what, n]) => `${n} times ${what}`).slice(0, 5).join("; ")}`]: failed.size === 0,
    "exit status 0": codes.every((c) => c === 0),
  }, `${load.reads.ok} reads; ${[...failed.values()].reduce((a, b) => a + b, 0)} failed requests`);
}

module.exports = async ({ times }) => [await alone(times(1, 5)), await behindProxy(times(1, 20))];
