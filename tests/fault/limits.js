/* Resources that run out: PostgreSQL's disk, its connections, the service's descriptors. And clocks that step. */
"use strict";
const { execFileSync, spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { pause, until, directory, atEnd } = require("./processes.js");
const { Cluster, shared, bin } = require("./cluster.js");
const { Service } = require("./service.js");
const { Load } = require("./load.js");
const { Watch } = require("./watch.js");
const { result } = require("./result.js");

/*
 * trouble(what, service, database, seconds, begin, end, holds) - under load, begin() causes
 * trouble, which end() removes after some seconds; then the service must recover by itself.
 */
async function trouble(what, service, database, seconds, begin, end, holds) {
  const load = await new Load(service.base, await service.signIn(), { writers: 30, readers: 3 }).start();
  const live = new Watch(service), statuses = new Map();
  load.seen = (status) => statuses.set(status, (statuses.get(status) || 0) + 1);
  await begin();
  await pause(seconds * 1000);
  const before = load.acknowledged.length;
  const met = new Map(statuses);
  await end();
  const began = Date.now();
  await until("writes again", () => load.acknowledged.length > before + 10, 20000, 10);
  const back = Date.now() - began;
  await load.steady();
  await load.stop();
  await live.stop();
  const { code } = await service.stop();
  return result(what, 1, load, database, { "status 0 at the end": code === 0, ...holds({ met, live, service, back }) },
    `answers meanwhile: ${[...met].map(([s, n]) => `${s || "broken"} ${n}`).join(", ")}; writes ${back} ms after`);
}

/* warned(service) - the distinct warnings and errors in the log. */
const warned = (service) => [...new Set(fs.readFileSync(service.log, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l)).filter((e) => e.level !== "info").map((e) => e.msg))];

async function disk(short) {
  const what = "PostgreSQL's disk is full", where = path.join(directory(), "small");
  fs.mkdirSync(where);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=400m,mode=711", "none", where], { stdio: "ignore" });
  } catch {
    return { done: what, notes: "skipped: this machine does not allow mounting a file system", faults: [] };
  }
  const cluster = new Cluster(path.join(where, "pg"), { max_wal_size: "64MB" }), filler = path.join(where, "filler");
  atEnd(() => cluster.child?.kill("SIGKILL"));
  await cluster.make();
  const database = cluster.database(), service = await new Service(database.serve).start();
  let restarted = false;
  const row = await trouble(what, service, database, short ? 2 : 4,
    async () => {
      /* Fill the disk, so that less is left than the next segment of the write-ahead log needs. */
      const left = Number(execFileSync("df", ["--output=avail", "-k", where], { encoding: "utf8" }).split("\n")[1]);
      /* dd fails if PostgreSQL takes a segment meanwhile: then the disk is full as well. */
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k", `count=${Math.floor(left / 64) - 8}`], { stdio: "ignore", timeout: 60000 });
      await pause(short ? 2000 : 4000);
    },
    async () => {
      fs.rmSync(filler);
      /* PostgreSQL shuts down when it cannot write its write-ahead log; a supervisor would start it again. */
      await pause(1000);
      if (cluster.child.over || !cluster.accepts()) {
        restarted = true;
        if (!cluster.child.over) await cluster.stop("immediate");
        await cluster.start();
      }
    },
    ({ met, live, back }) => ({ "writes get 503 and no other error": [...met.keys()].every((s) => [200, 201, 503].includes(s)) && met.get(503) > 0,
      [`/livez stays 200 (${[...live.statuses]})`]: live.bad === 0,
      "the log says why": /53100/.test(warned(service).join()) || restarted, "writes again within 10 s of free space": back < 10000 }));
  await cluster.stop("immediate");
  execFileSync("umount", [where]);
  if (restarted) row.notes += "; PostgreSQL had shut down and was started again";
  return row;
}

/* Other clients take all connections of PostgreSQL, and the service's are ended, so that it needs new ones. */
async function connections(short) {
  const cluster = await shared(), database = cluster.database();
  const service = await new Service(database.serve).start(), others = [];
  /* Those that PostgreSQL is about to refuse hold even the reserved connections for a moment. */
  const patient = async (text) => {
    let got;
    await until("a reserved connection is free", () => {
      try { got = database.sql(text); } catch (e) { if (!/too many clients/.test(e.stderr)) throw e; }
      return got !== undefined;
    }, 20000, 50);
    return got;
  };
  return trouble("PostgreSQL has no connection left", service, database, short ? 1 : 3,
    async () => {
      database.sql("alter system set max_connections = 30; alter system set superuser_reserved_connections = 3");
      await cluster.stop();
      await cluster.start();
      for (let i = 0; i < 40; i++) others.push(spawn(`${bin}/psql`, ["-Xq", "-d", database.owner, "-c", "select pg_sleep(60)"], { stdio: "ignore" }));
      /* 27 for all users; this query uses one of the three that are reserved for superusers. */
      await until("no connection is left", async () => Number(await patient("select count(*) from pg_stat_activity where backend_type = 'client backend'")) > 27, 20000, 100);
      await patient("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gestor'");
      for (let i = 0; i < 10; i++) others.push(spawn(`${bin}/psql`, ["-Xq", "-d", database.owner, "-c", "select pg_sleep(60)"], { stdio: "ignore" }));
    },
    async () => {
      for (const o of others) o.kill("SIGKILL");
      await patient("select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)'");
    },
    ({ met, live, back }) => ({ "some requests get 503": (met.get(503) || 0) > 0, "/livez stays 200": live.bad === 0,
      [`the log says why: ${warned(service).join(" / ")}`]: /connection slots|too many/.test(warned(service).join()), "writes again within 5 s": back < 5000 }))
    .finally(async () => {
      await patient("alter system reset all");
      await cluster.stop();
      await cluster.start();
    });
}

/* Too few descriptors for the connections of all writers. */
async function descriptors(short) {
  const database = (await shared()).database();
  const service = await new Service(database.serve, { nofile: 50 }).start();
  const load = new Load(service.base, await service.signIn(), { writers: 8 });
  await load.start();
  const flood = new Load(service.base, load.token, { writers: 0, readers: 60, timeout: 3000 });
  flood.client = load.client;
  await flood.start(0);
  const before = load.acknowledged.length;
  await pause(short ? 2000 : 4000);
  const inIt = load.acknowledged.length - before, crashed = service.child.over !== null;
  await flood.stop(1000);
  await pause(500);
  await load.steady();
  await load.stop();
  const ready = await service.probe("/readyz"), { code } = await service.stop();
  return result("the service has 50 descriptors, for 68 clients", 1, load, database, { "it does not crash": !crashed, "ready afterwards": ready === 200, "status 0 at the end": code === 0,
    "connected clients are served": inIt > 0 }, `meanwhile ${inIt} writes, ${flood.reads.ok} reads, ${flood.reads.broken} not connected`);
}

/* The service's clock steps (libfaketime rereads a file), PostgreSQL's does not. */
async function clocks(short) {
  const what = "the clock steps an hour on and back", library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
  if (!fs.existsSync(library)) return { done: what, notes: "skipped: libfaketime is not installed", faults: [] };
  const database = (await shared()).database(), file = path.join(directory(), "clock");
  const set = (offset) => { fs.writeFileSync(`${file}.new`, `${offset}\n`); fs.renameSync(`${file}.new`, file); };
  set("+0");
  /* Only the wall clock: the monotonic clock never steps. */
  const service = await new Service(database.serve, { env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1",
    FAKETIME_CACHE_DURATION: "1" } }).start();
  return trouble(what, service, database, 0,
    async () => {
      /* Tokens are valid for an hour, and may be issued up to 5 s in the future, so these steps end no session. */
      for (const offset of short ? ["+3000", "-4"] : ["+1800", "+0", "+3000", "+1200", "-4"]) {
        set(offset);
        await pause(1500);
      }
    },
    async () => set("+0"),
    ({ met, live }) => ({ [`no session ends, and no request fails (${[...met.keys()]})`]: [...met.keys()].every((s) => [200, 201, 503].includes(s)), "/livez stays 200": live.bad === 0 }));
}

module.exports = async ({ short }) => {
  const rows = [];
  for (const f of [disk, connections, descriptors, clocks]) {
    try {
      rows.push(await f(short));
    } catch (e) {
      rows.push({ done: `${f.name}: did not finish`, faults: [process.env.FAULT_TRACE ? e.stack : e.message] });
    }
  }
  return rows;
};
