/*
 * The retention report of many opportunities, which several threads count: its figures are those of plain SQL. The step bulk has all of them.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync, spawnSync } = require("node:child_process");
const path = require("node:path");
const lib = require("./lib.js");
const { told, wanted } = require("./figures.js");

const opportunities = lib.many(120000), from = "2024-01-01", to = "2024-12-31";
let database, server, boss;
before(async () => {
  database = lib.createDatabase();
  execFileSync("psql", ["-Xq", "-v", `opportunities=${opportunities}`, "-o", "/dev/null", "-d", database.owner, "-f", path.join(lib.root, "bench/load.sql")], { stdio: "pipe", encoding: "utf8" });
  /* Waits: none for some, in every part of an hour, longer ones, and the other way. */
  lib.sql(database.superuser, `set session_replication_role = replica;
    update gestor.contact t set created_at = t.created_at - interval '1 second' * (case t.id % 11 when 0 then -5 when 1 then 4000 + t.id % 700 else (t.id * 7919) % (array[30, 300, 900, 4500])[1 + t.id % 4] end);
    update gestor.opportunity o set contact_id = null where o.id % 13 = 0 and o.closed_at is null`);
  lib.addAdvisor(database, "E8000001", "supervisor");
  server = await lib.startServer(database.serve);
  const r = await lib.caller(server.base).post("/v1/sessions", { username: "E8000001", password: lib.password });
  assert.equal(r.status, 201, r.text);
  boss = lib.caller(server.base, r.json.access_token);
  const made = spawnSync(process.env.GESTOR_BIN, ["report", "rebuild"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: database.serve } });
  assert.match(made.stdout, /^report: \d+ days with \d+ opportunities$/m, made.stderr);
});
after(async () => {
  await server.stop();
  database.drop();
});

test(`report_retention: ${lib.counted(120000)} opportunities of two years, a year of them by pairs of dimensions`, async () => {
  const sql = (text) => lib.sql(database.superuser, `set search_path = gestor, pg_temp; ${text}`);
  assert.equal(sql(`select count(*) from generate_series('${from}'::date, '${to}'::date, interval '1 day') d where not exists (select from report_day r where r.kind = 3 and r.day = d::date)`).trim(), "0");
  for (const pair of [["stage"], ["month", "reason:1"], ["day", "operator"], ["action", "final_state"], ["advisor", "action"], ["hour", "channel"]]) {
    const r = await boss.get(`/v1/reports/retention?from=${from}&to=${to}&group_by=${pair}`);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(told(r.json, pair), wanted(sql, pair, { from, to }), String(pair));
  }
});
