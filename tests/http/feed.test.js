/*
 * The feed of events: each once, none before one that was read already, those of an opportunity in the order of its changes, while
 * writers commit in any order; long polls; what a purge dropped; how far behind readers are.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn, spawnSync } = require("node:child_process");
const net = require("node:net");
const lib = require("./lib.js");

/* FEED_EVENTS=200000 for a long run. */
const WANTED = Number(process.env.FEED_EVENTS || 3000);

let world, ana, chief, sql;
before(async () => {
  world = await lib.world({ env: { GESTOR_CHECK_MS: "100" } });
  sql = world.database.sql;
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

async function until(what, condition) {
  for (const end = Date.now() + 20000; ;) {
    const met = await condition();
    if (met) return met;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/* at(cursor, more) - the path of a page. */
const at = (cursor, more = "") => "/v1/events?" + [cursor && `after=${cursor}`, more].filter(Boolean).join("&");
/* end() - the cursor behind the last event. The feed shows no event while an older transaction is open, also one of another database. */
async function end(as = chief) {
  await until("every event is shown", () => sql("select count(*) from event where position >= pg_snapshot_xmin(pg_current_snapshot())") === "0");
  for (let cursor = ""; ;) {
    const r = await as.get(at(cursor, "limit=1000"));
    assert.equal(r.status, 200, r.text);
    cursor = r.json.next;
    if (r.json.items.length === 0) return cursor;
  }
}
/* since(cursor) - the next events, once there are `count`. */
async function since(cursor, count, more = "") {
  let events = [];
  await until(`${count} events`, async () => (events = (await chief.get(at(cursor, more))).json.items).length >= count);
  return events;
}
/* waiters(as, n) - until so many long polls wait. */
const waiters = (as, n) => until(`${n} long polls wait`, async () => new RegExp(`^gestor_event_waiters ${n}$`, "m").test((await as.get("/metrics")).text));
const told = (events) => events.map((e) => [e.type, ...e.data.changed].join(" "));

test("event_list: a whole call, a change, an erasure: one event each, with ids and names and nothing else", async () => {
  const from = await end(), marker = "MARCA";
  const client = lib.newClient({ name: `${marker} NOMBRE`, email: "marca@example.com", phone: "955777333", sales: { plan: `${marker} PLAN` } });
  const call = await ana.post("/v1/typifications", { client, contact: lib.newContact({ origin_phone: "955777444" }), sub_campaign: "entel", ...lib.form() });
  assert.equal(call.status, 201, call.text);
  const { client_id, contact_id, id } = call.json;
  assert.equal((await ana.patch(`/v1/clients/${client_id}`, { email: "otra@example.com", summary_360: { claro_points: 77123 } })).status, 200);
  assert.equal((await chief.post(`/v1/clients/${client_id}/erasure`)).status, 200);
  const events = await since(from, 7);
  assert.deepEqual(told(events), ["client.created", "contact.created", "consent.recorded", "opportunity.created", "opportunity.closed stage closure",
    "client.updated email summary_360", "client.erased"]);
  const closed = events[4];
  assert.deepEqual({ ...closed, id: "1", time: "" }, { specversion: "1.0", id: "1", source: "/gestor", type: "opportunity.closed", subject: `/v1/opportunities/${id}`,
    time: "", datacontenttype: "application/json", data: { client_id, contact_id, opportunity_id: id, catalog: null, changed: ["stage", "closure"] } });
  assert.equal(events[1].subject, `/v1/contacts/${contact_id}`);
  assert.deepEqual([events[2].subject, events[2].data.opportunity_id], [`/v1/clients/${client_id}`, id]);
  const all = JSON.stringify(events) + sql("select string_agg(e::text, ' ') from event e");
  for (const value of [marker, "marca@", "otra@", "955777", "944264648", client.document_number, "77123", "2505050000125674"])
    assert.ok(!all.includes(value), `an event has ${value}`);
});

test("event_list: pages by a cursor that goes on for ever; altered and foreign ones are refused; nothing is cached", async () => {
  await lib.opened(ana);
  const all = (await chief.get(at("", "limit=1000"))).json;
  const read = [];
  let cursor = "", r;
  do {
    r = await chief.get(at(cursor, "limit=2"));
    assert.equal(r.headers["cache-control"], "no-store");
    read.push(...r.json.items);
    cursor = r.json.next;
  } while (r.json.items.length > 0);
  assert.deepEqual(read, all.items);
  assert.deepEqual((await chief.get(at(cursor))).json.items, []);
  await lib.opened(ana);
  assert.deepEqual(told(await since(cursor, 3)), ["client.created", "contact.created", "opportunity.created"]);
  const foreign = (await chief.get("/v1/audit?limit=1")).json.next;
  for (const bad of [cursor.slice(0, -1), cursor.slice(0, -1) + (cursor.endsWith("A") ? "B" : "A"), "x", foreign]) {
    r = await chief.get(at(bad));
    assert.deepEqual([r.status, r.json.code], [400, "cursor_invalid"], bad);
  }
});

test("event_list: types filter, and a reader goes on behind what it did not want; an unknown type is refused with those there are", async () => {
  const from = await end();
  await lib.opened(ana);
  const { at: where } = await lib.opened(ana);
  assert.equal((await ana.put(`${where}/typification`, lib.form())).status, 200);
  await since(from, 8);
  const r = await chief.get(at(from, "types=opportunity.closed,contact.created"));
  assert.deepEqual(told(r.json.items), ["contact.created", "contact.created", "opportunity.closed stage closure"]);
  const none = await chief.get(at(from, "types=client.merged"));
  assert.deepEqual(none.json.items, []);
  assert.deepEqual((await chief.get(at(none.json.next))).json.items, []);
  const refused = await chief.get(at(from, "types=opportunity.closed,opportunity.seen"));
  assert.deepEqual([refused.status, refused.json.errors[0].code], [422, "pattern"]);
  assert.match(JSON.stringify(refused.json), /client\.created, .*catalog\.changed/);
  /* The program's table is the database's. */
  const types = sql("select string_agg(t::text, ', ' order by t) from unnest(enum_range(null::event_type)) t");
  assert.ok(JSON.stringify(refused.json).includes(types));
});

test("event_list: wait ends with the next event, at its end, or when the process stops; more than GESTOR_EVENT_WAITERS do not wait", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_EVENT_WAITERS: "1", GESTOR_CHECK_MS: "100", GESTOR_DRAIN_MS: "60000" } });
  const there = lib.caller(server.base, chief.token);
  let from = await end();
  let begun = Date.now();
  assert.deepEqual((await there.get(at(from, "wait=1"))).json.items, []);
  assert.ok(Date.now() - begun >= 1000);
  /* One that waits for another type is not ended by this event; it takes the only place. */
  const patient = there.get(at(from, "wait=25&types=client.merged"));
  await waiters(there, 1);
  begun = Date.now();
  assert.deepEqual((await there.get(at(from, "wait=20"))).json.items, []);
  assert.ok(Date.now() - begun < 15000, `${Date.now() - begun} ms`);
  assert.equal((await there.get("/livez")).status, 200);
  const other = chief.get(at(from, "wait=25"));
  await waiters(chief, 1);
  begun = Date.now();
  await ana.post("/v1/clients", lib.newClient());
  assert.deepEqual(told((await other).json.items), ["client.created"]);
  assert.ok(Date.now() - begun < 15000, `${Date.now() - begun} ms`);
  /* The pool's connections are not held by those who wait. */
  await until("no connection is in use", async () => /^gestor_database_pool_in_use 0$/m.test((await there.get("/metrics")).text));
  begun = Date.now();
  const stopped = server.stop();
  assert.deepEqual((await patient).json.items, []);
  await stopped;
  assert.ok(Date.now() - begun < 15000, `${Date.now() - begun} ms`);
});

test("event_list: a client that leaves while it waits frees its place at once", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_EVENT_WAITERS: "1" } });
  const there = lib.caller(server.base, chief.token), from = await end();
  for (const leave of [(socket) => socket.destroy(), (socket) => socket.resetAndDestroy ? socket.resetAndDestroy() : socket.destroy()]) {
    const begun = Date.now(), socket = net.connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`GET ${at(from, "wait=25")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${chief.token}\r\n\r\n`);
    await waiters(there, 1);
    leave(socket);
    await waiters(there, 0);
    assert.ok(Date.now() - begun < 15000, `${Date.now() - begun} ms`);
    /* The place is free: this one waits until its end. */
    const waited = Date.now();
    assert.deepEqual((await there.get(at(from, "wait=1"))).json.items, []);
    assert.ok(Date.now() - waited >= 1000, `${Date.now() - waited} ms`);
  }
  await server.stop();
});

test("event_list: a transaction left open stops the feed, the metric tells, and nothing is lost", async () => {
  const from = await end();
  const psql = spawn("psql", ["-XAtq", "-d", world.database.owner], { stdio: ["pipe", "pipe", "inherit"] });
  psql.stdin.write("begin; select 'xid', pg_current_xact_id();\n");
  await new Promise((resolve) => psql.stdout.once("data", resolve));
  await ana.post("/v1/clients", lib.newClient());
  const lag = async () => Number(/^gestor_event_horizon_lag_seconds (.*)$/m.exec((await chief.get("/metrics")).text)[1]);
  await until("the lag grows", async () => (await lag()) > 0.5);
  const r = await chief.get(at(from));
  assert.deepEqual(r.json.items, []);
  assert.ok(r.json.horizon_lag_s > 0.4);
  psql.stdin.write("insert into gestor.client (name, document_type_id, document_type, document_number) select 'LENTO', t.id, t.choice, '99999998' from gestor.choice('document_type', 'dni') t; commit;\n");
  assert.deepEqual(told(await since(r.json.next, 2)), ["client.created", "client.created"]);
  psql.stdin.end("\\q\n");
  await until("the lag is over", async () => (await lag()) < 0.3);
});

test("event_list: each event once, and those of an opportunity in their order, with 64 writers in any order of commits", async () => {
  const opportunities = [];
  for (let i = 0; i < 20; i++) opportunities.push((await lib.opened(ana)).opportunity.id);
  sql("create table gestor.changes (opportunity_id bigint, n int, event_id bigint, xid xid8); create sequence gestor.turn");
  const from = await end(), first = Number(sql("select max(id) from event"));
  /* Half take their transaction's id long before they change something. The event of a change is written at the commit, or earlier. */
  const each = Math.ceil(WANTED / 64);
  const script = `do $$ declare o bigint; begin for i in 1..${each} loop
      if random() < 0.5 then perform pg_current_xact_id(); perform pg_sleep(random() * 0.02); end if;
      o := (array[${opportunities}])[1 + floor(random() * ${opportunities.length})];
      update gestor.opportunity set current_plan = (coalesce(current_plan, '0')::int + 1)::text, updated_at = clock_timestamp() where id = o;
      if random() < 0.5 then
        set constraints all immediate;
        insert into gestor.changes select o, current_plan::int, currval('gestor.event_id_seq'), pg_current_xact_id() from gestor.opportunity where id = o;
        set constraints all deferred;
      end if;
      perform pg_sleep(random() * 0.005);
      commit;
    end loop; end $$;`;
  let running = true;
  const writers = Array.from({ length: 64 }, () => new Promise((resolve, reject) => {
    const p = spawn("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", world.database.owner, "-c", script], { stdio: ["ignore", "inherit", "inherit"] });
    p.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`a writer ended with ${code}`))));
  }));
  const requests = Array.from({ length: 8 }, async () => {
    for (let i = 0; running && i < each; i++) {
      const r = await ana.patch(`/v1/opportunities/${opportunities[i % opportunities.length]}`, { service: { prior_consultation: i % 2 === 0 } });
      assert.ok([200, 409, 503].includes(r.status), r.text);
    }
  });
  let done = false;
  const reader = async (more) => {
    const read = [];
    for (let cursor = from, over = false; ;) {
      const last = done, r = await chief.get(at(cursor, more()));
      assert.equal(r.status, 200, r.text);
      read.push(...r.json.items);
      cursor = r.json.next;
      if (r.json.items.length === 0 && last && (over ||= Number(sql(`select count(*) from event where position >= pg_snapshot_xmin(pg_current_snapshot())`)) === 0)) return read;
    }
  };
  const readers = [() => `limit=${1 + Math.floor(Math.random() * 50)}`, () => "wait=1", () => "wait=2&limit=1000"].map(reader);
  await Promise.all(writers);
  running = false;
  await Promise.all(requests);
  done = true;
  const written = sql(`select string_agg(id::text, ' ' order by id) from event where id > ${first}`).split(" ");
  assert.ok(written.length >= WANTED);
  const changes = JSON.parse(sql("select json_agg(c) from gestor.changes c"));
  const order = (ids) => {
    const place = new Map(ids.map((id, i) => [id, i])), last = new Map();
    return changes.slice().sort((a, b) => a.n - b.n).filter((c) => {
      const before = last.get(c.opportunity_id) ?? -1, now = place.get(String(c.event_id));
      last.set(c.opportunity_id, now);
      return !(now > before);
    }).length;
  };
  for (const read of await Promise.all(readers)) {
    const ids = read.map((e) => e.id);
    assert.equal(new Set(ids).size, ids.length, "twice");
    assert.deepEqual([...ids].sort((a, b) => a - b), written);
    assert.equal(order(ids), 0, "out of the order of changes");
  }
  /* By the transactions' ids alone the order would be wrong. */
  const byXid = changes.slice().sort((a, b) => a.xid - b.xid || a.event_id - b.event_id).map((c) => String(c.event_id));
  assert.ok(order(byXid) > 0, "the writers do not show what the position is for");
  sql("drop table gestor.changes; drop sequence gestor.turn");
});

test("event_list: a cursor with dropped events behind it has expired, and no other, however old", async () => {
  sql("insert into event (position, at, type, client_id) select '10', now() - interval '2 days', 'client.created', n from generate_series(1, 3) n");
  const purge = (days) => {
    const r = spawnSync(lib.gestor, ["purge"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.owner, GESTOR_EVENT_DAYS: days } });
    assert.equal(r.status, 0, r.stderr);
    return r.stdout;
  };
  const before = (await chief.get(at("", "limit=1"))).json.next, last = await end();
  assert.match(purge("30"), /^days of events older than 30 days: 0 dropped$/m);
  assert.equal((await chief.get(at(before))).status, 200);
  /* The partition for all time before today ends a day ago. */
  sql(`do $$ declare part regclass; yesterday timestamptz := (date_trunc('day', now() at time zone 'America/Lima') - interval '1 day') at time zone 'America/Lima'; high timestamptz; begin
    select p.part, p.high into part, high from partitions_of('event') p where p.low = '-infinity';
    if high > yesterday then
      execute format('alter table event detach partition %s', part);
      perform partition_attach('event', part, '-infinity', yesterday);
      perform partition_make('event', 'event_yesterday', yesterday, high);
    end if;
  end $$`);
  assert.match(purge("1"), /^days of events older than 1 days: 1 dropped$/m);
  const r = await chief.get(at(before));
  assert.deepEqual([r.status, r.json.code], [410, "cursor_expired"]);
  assert.deepEqual((await chief.get(at(last))).json.items, []);
  const start = await chief.get(at(""));
  assert.equal(start.status, 200);
  assert.equal((await chief.get(at(start.json.next))).status, 200);
  assert.match(purge("1"), /: 0 dropped$/m);
});
