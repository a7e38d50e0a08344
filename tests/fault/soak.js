/* A mixed load for 15 minutes (SOAK_SECONDS): memory, descriptors and threads must not grow. */
"use strict";
const { pause, resources } = require("./processes.js");
const { shared } = require("./cluster.js");
const { Service } = require("./service.js");
const { Load } = require("./load.js");
const { result } = require("./result.js");

/* Memory grows until every thread has served and the caches are warm, so measure after this share of the time. */
const WARM_SHARE = 0.4;

module.exports = async ({ short }) => {
  const seconds = Number(process.env.SOAK_SECONDS) || (short ? 30 : 900);
  const database = (await shared()).database();
  const service = await new Service(database.serve).start();
  const load = await new Load(service.base, await service.signIn(), { writers: 20, readers: 10, every: 5 }).start();
  await pause(seconds * WARM_SHARE * 1000);
  const before = resources(service.child.pid), samples = [];
  const until = Date.now() + seconds * (1 - WARM_SHARE) * 1000;
  while (Date.now() < until) {
    await pause(1000);
    samples.push(resources(service.child.pid));
  }
  const after = samples[samples.length - 1];
  await load.stop();
  const { code } = await service.stop(), least = (k) => Math.min(...samples.map((s) => s[k])), most = (k) => Math.max(...samples.map((s) => s[k]));
  const grown = (after.rss - before.rss) / before.rss * 100;
  return [result(`a mixed load for ${seconds} s`, 1, load, database, {
    "resident memory within 2 %": Math.abs(grown) <= 2,
    "descriptors constant": most("fds") - least("fds") <= 1,
    "threads constant": most("threads") === least("threads"),
    "no request refused or broken": load.refused + load.broken + load.reads.refused + load.reads.broken === 0,
    "status 0 at the end": code === 0,
  }, `memory ${before.rss} KB after ${Math.round(seconds * WARM_SHARE)} s, ${after.rss} KB at the end (${grown.toFixed(2)} %); descriptors ${least("fds")} to ${most("fds")}; threads ${least("threads")} to ${most("threads")}; ${load.reads.ok} reads`)];
};
