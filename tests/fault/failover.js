/*
 * The primary is killed under load and the most advanced standby is promoted; the other one
 * follows it, and the killed one is created anew. DATABASE_URL names all three.
 */
"use strict";
const path = require("node:path");
const { pause, until, freePort, directory, atEnd } = require("./processes.js");
const { Cluster, psql, bin, run, standby } = require("./cluster.js");
const { Service } = require("./service.js");
const { Load } = require("./load.js");
const { result } = require("./result.js");

/* Waits until the primary has n standbys, one of which each commit waits for. */
const synchronous = (primary, n) => until(`${n} synchronous standbys`,
  () => psql(primary.superuser, "select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum') and state = 'streaming'") === String(n), 30000, 50);

/* How far a standby has received the write-ahead log, in bytes. */
const received = (c) => BigInt(psql(c.superuser, "select pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), '0/0'), '0/0')::bigint"));

/* follow(cluster, primary) - makes a running standby follow another primary. */
function follow(cluster, primary) {
  const name = path.basename(cluster.dir), { password } = new URL(primary.superuser);
  psql(cluster.superuser, `alter system set primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres password=${password} application_name=${name}'`);
  psql(cluster.superuser, "select pg_reload_conf()");
}

module.exports = async ({ times }) => {
  const rounds = times(1, 5), all = new Set();
  atEnd(() => all.forEach((c) => c.child?.kill("SIGQUIT")));
  let primary = new Cluster(path.join(directory(), "one"));
  all.add(primary);
  await primary.make();
  const database = primary.database();
  let standbys = [];
  /* A commit is acknowledged when one standby has it on disk. */
  primary.settings = { synchronous_standby_names: "ANY 1 (one, two, three)", synchronous_commit: "on" };
  for (const name of ["two", "three"]) {
    standbys.push(await standby(primary, path.join(directory(), name), await freePort(), name));
    all.add(standbys[standbys.length - 1]);
  }
  await primary.stop();
  await primary.start();
  await synchronous(primary, 2);

  const hosts = [primary, ...standbys].map((c) => `127.0.0.1:${c.port}`).join(",");
  const service = await new Service(database.serve.replace(/127\.0\.0\.1:\d+/, hosts) + "?target_session_attrs=read-write&connect_timeout=2").start();
  const load = await new Load(service.base, await service.signIn()).start();
  const back = [];
  for (let i = 0; i < rounds; i++) {
    await load.steady();
    await pause(Math.random() * 500);
    const killed = primary;
    await killed.kill();
    standbys.sort((a, b) => (received(a) < received(b) ? 1 : -1));
    const [next, other] = standbys;
    run([`${bin}/pg_ctl`, "promote", "-D", next.dir, "-s", "-w"], next);
    const acknowledged = load.acknowledged.length, promoted = Date.now();
    follow(other, next);
    await until("writes again", () => load.acknowledged.length > acknowledged, 20000, 10);
    back.push(Date.now() - promoted);
    const again = await standby(next, killed.dir, killed.port, path.basename(killed.dir));
    all.delete(killed);
    all.add(again);
    [primary, standbys] = [next, [other, again]];
    await synchronous(primary, 2);
  }
  await load.steady();
  await load.stop();
  const found = primary.named(database.name);
  const { code } = await service.stop();
  const row = result("primary killed, a synchronous standby promoted", rounds, load, found,
    { "writes again within 5 s of the promotion": Math.max(...back) <= 5000, "status 0 at the end": code === 0 },
    `writes ${Math.max(...back)} ms after the promotion or earlier`);
  for (const c of [...standbys, primary]) await c.stop("immediate");
  return [row];
};
