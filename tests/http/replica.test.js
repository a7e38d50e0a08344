/*
 * as_of of answers that a read replica may give, where there is none, or none that is fit: the primary answers. The fault scenario
 * `replica` (tests/fault/replica.js) has a standby.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const lib = require("./lib.js");
const { until } = require("./writes.js");

let world, boss;
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000" } });
  boss = await world.signedIn("E8000001");
});
after(() => world.end());

const now = () => world.database.sql("select instant(clock_timestamp())");
const metric = (text, name) => Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? NaN);

test("audit_list, audit_read_list, client_audit_list, client_read_list, opportunity_audit_list, export_get: as_of is the primary's clock without a replica", async () => {
  const ana = await world.signedIn("E8153375"), { client, opportunity } = await lib.opened(ana);
  for (const where of ["/v1/audit", "/v1/audit/reads", `/v1/clients/${client.id}/audit`, `/v1/clients/${client.id}/reads`, `/v1/opportunities/${opportunity.id}/audit`]) {
    const first = now(), r = await boss.get(where), last = now();
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(Object.keys(r.json), ["items", "next", "as_of"]);
    assert.ok(first <= r.json.as_of && r.json.as_of <= last, `${first} ${r.json.as_of} ${last}`);
  }
  const first = now(), r = await boss.get("/v1/exports/clients"), last = now();
  assert.ok(first <= r.headers["as-of"] && r.headers["as-of"] <= last, r.headers["as-of"]);
  // Other lists have none: they are always the primary's.
  assert.deepEqual(Object.keys((await boss.get("/v1/opportunities")).json), ["items", "next"]);
  const { text } = await world.anyone.get("/metrics");
  assert.equal(metric(text, 'gestor_replica_reads_total{server="primary"}'), 6);
  assert.equal(metric(text, 'gestor_replica_reads_total{server="replica"}'), 0);
  assert.doesNotMatch(text, /gestor_read_replica/);
});

test("serve: a read replica that is out of reach, or is no standby, changes no answer and not whether the service is ready", async () => {
  const nowhere = new URL(world.database.serve), promoted = new URL(world.database.serve);
  nowhere.port = await lib.freePort();
  promoted.searchParams.set("target_session_attrs", "any");
  for (const [url, why] of [[nowhere, "it does not answer"], [promoted, "it is no standby"]]) {
    const server = await lib.startServer(world.database.serve, { env: { DATABASE_READ_URL: url.href } });
    await until("it is told", () => server.log().includes(`read replica: not used, the primary answers: ${why}`));
    const there = lib.caller(server.base, boss.token), down = async () => metric((await there.get("/metrics")).text, 'gestor_database_errors_total{class="down"}');
    /* A job may have begun before the first connection was made. */
    const were = await down(), first = now(), r = await there.get("/v1/audit");
    assert.ok(r.json.as_of >= first);
    const report = await there.get("/v1/reports/retention?group_by=stage");
    assert.equal(report.status, 200, report.text);
    assert.ok(report.json.as_of >= first);
    assert.equal((await there.get("/v1/exports/audit")).status, 200);
    assert.equal((await there.get("/readyz")).status, 200);
    const { text } = await there.get("/metrics");
    assert.equal(metric(text, "gestor_read_replica_used"), 0);
    assert.ok(metric(text, "gestor_read_replica_lag_seconds") >= 0);
    assert.equal(metric(text, 'gestor_replica_reads_total{server="primary"}'), 3);
    assert.equal(await down(), were, "the database is up");
    assert.ok(!server.log().includes(decodeURIComponent(url.password)));
    assert.equal((await server.stop()).code, 0);
  }
});

test("serve: the settings of a read replica are checked at the start", () => {
  const start = (env) => spawnSync(lib.gestor, ["serve"], { encoding: "utf8", env: { PATH: process.env.PATH, DATABASE_URL: "postgresql://nowhere/x", GESTOR_JWT_SECRET: lib.serverKey, ...env } });
  for (const value of ["0", "86401", "ten"]) {
    const r = start({ GESTOR_READ_LAG_S: value });
    assert.equal(r.status, 2);
    assert.match(r.stderr, /^gestor: GESTOR_READ_LAG_S must be a number from 1 to 86400$/m);
  }
  const r = start({ DATABASE_READ_URL_FILE: "/no/such/file" });
  assert.equal(r.status, 2);
  assert.match(r.stderr, /^gestor: DATABASE_READ_URL_FILE: cannot read \/no\/such\/file: /m);
});
