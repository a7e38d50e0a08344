/*
 * A streaming standby answers the audit's lists and exports, while clients write and read all the time: it lags, it is killed,
 * it cancels statements by conflicts with recovery, and it is promoted. No reader sees an error, no answer is older than the
 * bound, and each has all that was acknowledged before its as_of.
 */
"use strict";
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { pause, until, freePort, directory, atEnd } = require("./processes.js");
const { Cluster, psql, standby } = require("./cluster.js");
const { Service, gestor } = require("./service.js");
const { request } = require("./load.js");
const { result } = require("./result.js");

const bound = 2000;
/* Time for a question, behind that for which its as_of is judged. */
const slack = 1500;

/* Clients are created, and the audit is asked for them, all the time. */
class Desk {
  constructor(service, token, sql) {
    Object.assign(this, { service, token, sql, created: [], reads: 0, errors: [], newest: 0, writing: true, on: true });
  }

  start() {
    this.done = Promise.all([this.write(), ...Array.from({ length: 4 }, () => this.read())]);
    return this;
  }

  async stop() {
    this.on = false;
    await this.done;
  }

  ask(where, options = {}) {
    return request(this.service.base, { path: where, token: this.token, ...options });
  }

  async write() {
    for (let n = 1; this.on; n++) {
      if (this.writing) {
        const r = await this.ask("/v1/clients", { method: "POST", body: { name: `COPIA ${n}`, document_type: "dni", document_number: String(n).padStart(8, "0") } });
        if (r.status === 201) this.created.push({ id: JSON.parse(r.text).id, at: Date.now() });
        else this.errors.push(`a write: ${r.status} ${r.text}`);
      }
      await pause(50);
    }
  }

  /* What one answer of the audit says. Each is checked: not too old, and with all that was acknowledged before its as_of. */
  async look() {
    const asked = Date.now(), known = [...this.created];
    const r = await this.ask("/v1/audit?operation=client_create&object_type=client&limit=100").catch((e) => ({ status: 0, text: e.message }));
    this.reads++;
    if (r.status !== 200) {
      this.errors.push(`a read: ${r.status} ${r.text}`);
      return null;
    }
    const { items, as_of } = JSON.parse(r.text), at = Date.parse(as_of), ids = new Set(items.map((x) => x.object_id));
    if (asked - at > bound + slack) this.errors.push(`an answer was ${asked - at} ms old`);
    for (const c of known.slice(-50)) if (c.at < at && !ids.has(c.id)) this.errors.push(`client ${c.id} is missing as of ${as_of}`);
    return { at, age: asked - at, ids };
  }

  async read() {
    while (this.on) await Promise.all([this.look(), pause(20)]);
  }

  async metric(name) {
    const { text } = await this.ask("/metrics");
    return Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? NaN);
  }

  /* Waits until reads go to the standby, or no longer do. */
  used(is) {
    return until(`the replica is ${is ? "" : "not "}used`, async () => (await this.metric("gestor_read_replica_used")) === Number(is), 20000);
  }

  /* served(f) - by whom the reads of f were answered: {replica, primary}. */
  async served(f) {
    const count = async () => [await this.metric('gestor_replica_reads_total{server="replica"}'), await this.metric('gestor_replica_reads_total{server="primary"}')];
    const was = await count();
    await f();
    const is = await count();
    return { replica: is[0] - was[0], primary: is[1] - was[1] };
  }
}

/* command(service) - `gestor export` on the command line, with the service's settings: {server, age (ms), rows}. */
async function command(service) {
  const file = path.join(directory(), "clients.ndjson"), asked = Date.now();
  const said = await new Promise((resolve, reject) => {
    execFile(gestor, ["export", "clients", file], { env: { PATH: process.env.PATH, DATABASE_URL: service.url, ...service.env } },
      (error, out, err) => (error ? reject(new Error(err)) : resolve(err)));
  });
  const [, at, server] = /^as of (\S+), from the (read replica|primary)$/m.exec(said);
  return { server, age: asked - Date.parse(at), rows: fs.readFileSync(file, "utf8").split("\n").length - 1 };
}

/* The plain case, with nobody else asking: an idle primary's standby does not age. */
async function idle(desk, copy, database) {
  const holds = {}, idleFor = () => Number(psql(copy, "select coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0)"));
  await until("the primary is idle for longer than the bound", () => idleFor() * 1000 > bound + slack, 20000, 100);
  let by = await desk.served(async () => {
    const seen = await desk.look();
    holds["an idle primary's replica is at most the bound old"] = seen && seen.age < bound;
    const r = await desk.ask("/v1/exports/clients");
    const report = await desk.ask("/v1/reports/retention?group_by=stage");
    holds["a report says as of when it is"] = report.status === 200 && Date.now() - Date.parse(JSON.parse(report.text).as_of) < bound + slack;
    holds["an export says as of when it is"] = r.status === 200 && Date.now() - Date.parse(r.headers["as-of"]) < bound + slack;
  });
  holds["all were answered by the replica, though nothing was written for longer than the bound"] = by.replica === 3 && by.primary === 0;
  const exported = await command(desk.service);
  holds["gestor export asks the replica"] = exported.server === "read replica" && exported.age < bound && exported.rows > 0;
  holds["the record of reads is the primary's"] = database.sql("select count(*) from audit_read where export->>'state' = 'done'") === "2";
  return holds;
}

/* The standby stops to apply what it receives: its answers age, and past the bound the primary's come. */
async function paused(desk, copy) {
  const holds = {}, before = desk.created.length;
  psql(copy, "select pg_wal_replay_pause()");
  await until("it is paused", () => psql(copy, "select pg_get_wal_replay_pause_state()") === "paused", 5000);
  await until("more was written", () => desk.created.length > before + 2, 5000);
  const fresh = desk.created.at(-1).id;
  holds["what the primary serves is seen at once"] = (await desk.ask(`/v1/clients/${fresh}`)).status === 200;
  holds["a record that the replica has not got yet is asked of the primary"] = (await desk.ask(`/v1/clients/${fresh}/audit`)).status === 200;
  await desk.used(false);
  holds["beyond the bound the lag is told"] = (await desk.metric("gestor_read_replica_lag_seconds")) * 1000 > bound;
  const known = desk.created.at(-1).id, seen = await desk.look();
  holds["beyond the bound the primary answers"] = seen && seen.ids.has(known);
  const clients = desk.created.length, exported = await command(desk.service);
  holds["beyond the bound gestor export asks the primary"] = exported.server === "primary" && exported.age < bound && exported.rows >= clients;
  psql(copy, "select pg_wal_replay_resume()");
  await desk.used(true);
  return holds;
}

/*
 * Statements of the standby are cancelled, because it applies that VACUUM removed row versions which they might still read. That concerns
 * all statements of the database, so a table of its own does for it, and nobody waits for a lock on the primary.
 */
async function conflicts(desk, copy, primary, name) {
  const count = () => Number(psql(copy, `select confl_snapshot from pg_stat_database_conflicts where datname = '${name}'`));
  const before = count();
  psql(copy, "alter system set max_standby_streaming_delay = 0");
  psql(copy, "select pg_reload_conf()");
  psql(primary, "create table scratch (n int); insert into scratch select generate_series(1, 500)");
  const remove = "update scratch set n = n + 1;\nvacuum scratch;\n".repeat(20);
  let on = true;
  const readers = Promise.all(Array.from({ length: 12 }, async () => { while (on) await desk.look(); }));
  try {
    /* psql blocks this process, so the readers' requests are under way meanwhile. */
    await until("statements were cancelled", async () => {
      await pause(5);
      psql(primary, remove);
      return count() > before + 2;
    }, 20000, 1);
  } finally {
    on = false;
    await readers;
  }
  return count() - before;
}

module.exports = async () => {
  const all = [];
  atEnd(() => all.forEach((c) => c.child?.kill("SIGQUIT")));
  const primary = new Cluster(path.join(directory(), "source"));
  all.push(primary);
  await primary.make();
  const database = primary.database();
  database.sql("update advisor set role = 'supervisor' where username = 'E8153375'");
  const copy = await standby(primary, path.join(directory(), "copy"), await freePort(), "copy");
  all.push(copy);
  const there = copy.superuser.replace(/\/[^/]*$/, `/${database.name}`);
  const service = await new Service(database.serve, { env: { DATABASE_READ_URL: copy.named(database.name).serve, GESTOR_READ_LAG_S: String(bound / 1000),
    GESTOR_CHECK_MS: "600000", GESTOR_LOG_LEVEL: "info" } }).start();
  const desk = new Desk(service, await service.signIn());
  await desk.used(true);

  const holds = await idle(desk, there, database);
  desk.start();
  await desk.used(true);
  Object.assign(holds, await paused(desk, there));

  let by = await desk.served(async () => {
    await copy.kill();
    await desk.used(false);
    const exported = await command(service);
    holds["without the replica gestor export asks the primary"] = exported.server === "primary";
    holds["without the replica the service is ready"] = (await service.probe("/readyz")) === 200;
  });
  holds["a killed replica's reads are the primary's"] = by.primary > 0;
  await copy.start();
  await desk.used(true);
  by = await desk.served(() => until("it answers again", async () => (await desk.metric('gestor_replica_reads_total{server="replica"}')) > 0 && desk.look(), 5000));
  holds["after its return it answers again"] = by.replica > 0;

  const cancelled = await conflicts(desk, there, database.owner, database.name);
  await desk.used(true);
  psql(there, "select pg_promote()");
  await desk.used(false);
  holds["a promoted replica is no longer asked"] = (await desk.served(() => desk.look())).replica === 0;
  await desk.stop();
  const { code } = await service.stop();
  holds["no reader and no writer saw an error"] = desk.errors.length === 0;
  holds["the log has no password"] = !service.said().includes(new URL(primary.serve).password);
  holds["status 0 at the end"] = code === 0;
  const row = result("read replica: lag, kill -9, conflicts, promotion", 1, null, null, holds,
    `${desk.reads} reads during ${desk.created.length} writes, none in error or older than the bound; ${cancelled} statements of the replica cancelled`);
  row.faults.push(...[...new Set(desk.errors)].slice(0, 5));
  for (const c of [copy, primary]) await c.stop("immediate");
  return [row];
};
