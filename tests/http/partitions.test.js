/*
 * The audit's partitions: the service makes them ahead, entries have a place without them too, lists go on over their
 * borders, and `gestor purge` drops those that are past GESTOR_AUDIT_MONTHS. And indexes that `gestor migrate` has still to build.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFile, spawnSync } = require("node:child_process");
const lib = require("./lib.js");
const { hold } = require("./writes.js");

let world, ana, boss, sql;
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "100" } });
  sql = world.database.sql;
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
});
after(() => world.end());

/* After a failure, such as a lock that another test's session held, housekeeping tries again a minute later. */
async function until(what, condition) {
  for (const end = Date.now() + 200000; !condition();) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/* month(n) - SQL: the beginning of the month that is n months from now, in Lima. */
const month = (n) => `((date_trunc('month', now() at time zone 'America/Lima') + ${n} * interval '1 month') at time zone 'America/Lima')`;
const name = (n) => sql(`select to_char(${month(n)} at time zone 'America/Lima', 'YYYY_MM')`);
const names = (table) => sql(`select string_agg(part::text, ' ' order by low) from partitions_of('${table}')`).split(" ");
const env = (more) => ({ ...process.env, DATABASE_URL: world.database.owner, ...more });
const gestor = (command, more) => spawnSync(lib.gestor, command, { encoding: "utf8", env: env(more) });

test("audit_list, audit_read_list: the service makes the partitions of the next months, once", async () => {
  sql("update partitioned set ahead = 5");
  for (const table of ["audit", "audit_read"]) {
    await until(`${table} is there ahead`, () => names(table).includes(`${table}_${name(5)}`));
    assert.deepEqual(names(table), [`${table}_before_${name(0)}`, ...[0, 1, 2, 3, 4, 5].map((n) => `${table}_${name(n)}`), `${table}_last`]);
  }
});

test("audit_list: without partitions entries go on, and a service that may make them again closes the last one", async () => {
  const count = () => Number(sql("select count(*) from audit")), was = count();
  /* As after months without a service: there is one partition, for all time. */
  lib.sql(world.database.superuser, "revoke execute on function gestor.partitions_keep() from gestor_api");
  sql(`begin;
    create temp table kept on commit drop as select * from audit;
    do $$ declare part regclass; begin
      for part in select p.part from partitions_of('audit') p where p.high < 'infinity' loop execute format('drop table %s', part); end loop;
      alter table audit detach partition audit_last;
      perform partition_attach('audit', 'audit_last', '-infinity', 'infinity');
    end $$;
    insert into audit overriding system value select * from kept;
    commit`);
  const check = gestor(["check"]);
  assert.equal(check.status, 1);
  assert.match(check.stdout, /^audit: no partition was made ahead: run `gestor migrate`$/m);
  const { client } = await lib.opened(ana);
  assert.ok(count() > was);
  assert.equal(sql("select count(*) from audit_last"), String(count()));
  const entries = () => boss.get(`/v1/clients/${client.id}/audit`).then((r) => r.json.items);
  const seen = await entries();
  assert.equal(seen.length, 3);
  lib.sql(world.database.superuser, "grant execute on function gestor.partitions_keep() to gestor_api");
  /* Housekeeping of the running process waits a minute after a failure. A new one begins at once. */
  const server = await lib.startServer(world.database.serve);
  await until("the last one is closed", () => names("audit").length > 2);
  await server.stop();
  assert.match(names("audit")[0], /^audit_before_/);
  assert.deepEqual(await entries(), seen);
  assert.equal(gestor(["check"]).status, 0);
});

/* old(n) - a partition for each of the n months before this one, with two entries of each of three kinds. */
function old(n) {
  sql(`do $$ declare first record; begin
    for i in 1..2 loop
      declare t text := (array['audit', 'audit_read'])[i]; low timestamptz := ${month(-n)}; high timestamptz;
      begin
        select * into first from partitions_of(t) p order by p.low limit 1;
        execute format('alter table %I detach partition %s', t, first.part);
        perform partition_attach(t, first.part, '-infinity', low);
        while low < first.high loop
          high := least(partition_next(low, 'month'), first.high);
          perform partition_make(t, partition_name(t, 'month', low, high), low, high);
          low := high;
        end loop;
      end;
    end loop;
  end $$;
  insert into audit (at, advisor_id, operation, object_type, object_id, action, client_id)
    select ${month(-n)} + m * interval '1 month' + k * interval '1 hour', 1, 'client_update', 'client', 77, 'update', 77 from generate_series(0, ${n - 1}) m, generate_series(1, 6) k;
  insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id, client_id)
    select ${month(-n)} + m * interval '1 month' + k * interval '1 hour', 1, 1, 'x', 'client_get', 'client', 77, 77 from generate_series(0, ${n - 1}) m, generate_series(1, 6) k`);
}

test("audit_list, client_audit_list, audit_read_list: pages go on over the borders of partitions", async () => {
  /* Entries of this month are in the first partition since the test above. */
  sql(`do $$ declare p record; begin
    for p in select * from partitions_of('audit') x where x.low = '-infinity' and x.high > now() loop
      execute format('alter table audit detach partition %s', p.part);
      perform partition_make('audit', partition_name('audit', 'month', '-infinity', ${month(0)}), '-infinity', ${month(0)});
      perform partition_attach('audit', p.part, ${month(0)}, p.high);
    end loop; end $$`);
  old(5);
  for (const [where, table, rows] of [["/v1/audit?object_type=client&object_id=77", "audit", 30], ["/v1/audit?object_type=client&object_id=77&advisor=1", "audit", 30],
    ["/v1/audit?operation=client_update", "audit", 30], ["/v1/audit/reads?client_id=77", "audit_read", 30], ["/v1/audit/reads?operation=client_get&client_id=77", "audit_read", 30]]) {
    const wanted = sql(`select string_agg(id::text, ' ' order by at desc, id desc) from ${table} where object_id = 77 and object_type = 'client'`).split(" ");
    assert.equal(wanted.length, rows);
    const got = [];
    let next = `${where}&limit=4`;
    while (next) {
      const r = await boss.get(next);
      assert.equal(r.status, 200);
      got.push(...r.json.items.map((x) => x.id));
      next = /<([^>]+)>; rel="next"/.exec(r.headers.link || "")?.[1];
    }
    assert.deepEqual(got, wanted, where);
  }
  /* A day in the past, which lies in one partition. */
  const day = sql(`select to_char(${month(-2)} at time zone 'America/Lima', 'YYYY-MM-DD')`);
  assert.equal((await boss.get(`/v1/audit?from=${day}&to=${day}&limit=100`)).json.items.length, 6);
});

test("audit_list, audit_read_list: gestor purge drops the months past GESTOR_AUDIT_MONTHS, and no others", async () => {
  const count = (table) => sql(`select count(*) from ${table} where object_id = 77`);
  assert.match(gestor(["purge"]).stdout, /^audit: all kept \(GESTOR_AUDIT_MONTHS is 0\)$/m);
  assert.equal(count("audit"), "30");
  /* Only months that are over completely: of the month that is cut by the retention all is kept. */
  const dry = gestor(["purge", "--dry-run"], { GESTOR_AUDIT_MONTHS: "2" });
  assert.equal(dry.status, 0, dry.stderr);
  assert.match(dry.stdout, /^partitions of the audit older than 2 months: 6 would be dropped$/m);
  assert.equal(count("audit"), "30");
  const page = await boss.get("/v1/audit?object_type=client&object_id=77&limit=20"), next = /<([^>]+)>; rel="next"/.exec(page.headers.link)[1];
  /* Nobody waits long for the purge, and the purge waits for whoever uses the table. */
  const release = await hold(world.database, "select count(*) from audit");
  const purged = new Promise((resolve) => execFile(lib.gestor, ["purge"], { env: env({ GESTOR_AUDIT_MONTHS: "2" }) }, (error, stdout) => resolve({ error, stdout })));
  await until("it asked for the lock", () => sql("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'audit'::regclass") !== "0");
  const begun = Date.now();
  assert.equal((await ana.post("/v1/clients", lib.newClient())).status, 201);
  assert.ok(Date.now() - begun < 3000, `a write waited for ${Date.now() - begun} ms`);
  await release();
  const { error, stdout } = await purged;
  assert.equal(error, null);
  assert.match(stdout, /^partitions of the audit older than 2 months: 6 dropped$/m);
  for (const table of ["audit", "audit_read"]) {
    assert.equal(count(table), "12");
    assert.deepEqual(names(table).slice(0, 3), [`${table}_before_${name(-2)}`, `${table}_${name(-2)}`, `${table}_${name(-1)}`]);
  }
  assert.match(gestor(["purge"], { GESTOR_AUDIT_MONTHS: "2" }).stdout, /older than 2 months: 0 dropped$/m);
  /* A cursor from before points behind what is left. */
  const rest = await boss.get(next);
  assert.equal(rest.status, 200);
  assert.deepEqual(rest.json.items, []);
  /* The serving role may not. */
  const serving = gestor(["purge"], { GESTOR_AUDIT_MONTHS: "1", DATABASE_URL: world.database.serve });
  assert.notEqual(serving.status, 0);
  assert.equal(count("audit"), "12");
});

test("opportunity_list: while an index is missing, lists are whole, and the log and `gestor check` name it until `gestor migrate` has built it", async () => {
  const log = () => world.server.log();
  sql("drop index opportunity_open_choices, opportunity_open_newest");
  await until("the log tells it", () => /"level":"warn","msg":"an index is missing, so requests are slow: run gestor migrate \(opportunity_open_choices, 2 in all\)"/.test(log()));
  const o = await lib.opened(ana);
  assert.equal((await ana.put(`${o.at}/competitor-offer`, { operator: "bitel", phone_to_manage: "944264648" })).status, 200);
  for (const filter of ["", "&operator=bitel", "&operator=bitel&sort=updated_at"]) {
    const r = await boss.get(`/v1/opportunities?stage=en-proceso&limit=1${filter}`);
    assert.equal(r.status, 200);
    assert.equal(r.json.items[0].id, o.opportunity.id);
  }
  const check = gestor(["check"]);
  assert.equal(check.status, 1);
  assert.match(check.stdout, /^opportunity_open_choices: this index is missing: run `gestor migrate`$/m);
  assert.match(check.stdout, /^opportunity_open_newest: this index is missing: run `gestor migrate`$/m);
  const serving = gestor(["migrate"], { DATABASE_URL: world.database.serve });
  assert.equal(serving.status, 1);
  assert.match(serving.stderr, /^indexes: opportunity_open_newest is missing: run `gestor migrate` as the schema's owner$/m);
  const migrated = gestor(["migrate"]);
  assert.equal(migrated.status, 0, migrated.stderr);
  assert.match(migrated.stdout, /^indexes built: 2 \([0-9]+ ms\)$/m);
  assert.match(migrated.stdout, /^the schema is at [0-9]{4}$/m);
  assert.match(gestor(["migrate"]).stdout, /^the schema is at [0-9]{4}, nothing to do$/m);
  await until("the log tells that it is there", () => /"level":"info","msg":"no index is missing any more"/.test(log()));
  assert.equal(log().split("an index is missing").length, 2, "it was told once");
  assert.equal(gestor(["check"]).status, 0);
});
