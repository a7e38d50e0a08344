/*
 * An erasure always works, however many records its client has: it hides everything at once, removes the copies in steps,
 * and continues after a crash. And limits bound how many records one caller can create.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const lib = require("./lib.js");
const { until, pause } = require("./writes.js");

let world, sql, ana, chief;
before(async () => {
  /* Without indexes (TEST_PLANNER, the step planner) a list of 100 takes seconds on a loaded machine. */
  world = await lib.world({ env: { GESTOR_CHECK_MS: "600000", ...(process.env.TEST_PLANNER && { GESTOR_QUERY_TIMEOUT_MS: "20000" }) } });
  sql = world.database.sql;
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const purge = () => execFileSync(lib.gestor, ["purge"], { encoding: "utf8", env: { ...process.env, DATABASE_URL: world.database.owner, GESTOR_RETENTION_DAYS: "0" } });
const refused = (r, status, code) => { assert.equal(r.status, status, r.text); assert.equal(r.json.code, code); return r; };
const left = (id) => sql(`select (select count(*) from contact where client_id = ${id} and (erased_at is null or origin_phone is not null or serial_number is not null)) || ' ' ||
  (select count(*) from opportunity where client_id = ${id} and (erased_at is null or num_nonnulls(current_plan, activation_date, prior_consultation, phone_to_manage, additional_line) > 0 or (closed_at is null and voided_at is null))) || ' ' ||
  (select count(*) from idempotency where client_id = ${id} and operation <> 'client_erase')`);
const state = async (id) => (await chief.get(`/v1/clients/${id}/erasure`)).json.state;

const plan = "PLAN QUE SE BORRA", phone = "955777001", serial = "7777000011112222";
/* A client with this many contacts, opportunities (each with its own contact, every second one finished) and stored responses. */
async function crowded(contacts, opportunities, answers) {
  const o = await lib.opened(ana), id = o.client.id, { closure, ...form } = lib.form(), key = { "idempotency-key": `primera-${id}` };
  const body = lib.newContact({ origin_phone: phone, serial_number: serial }), kept = await ana.post(`/v1/clients/${id}/contacts`, body, key);
  assert.equal(kept.status, 201);
  assert.equal((await ana.put(`${o.at}/typification`, { ...form, service: { current_plan: plan, activation_date: "2020-01-02", prior_consultation: true }, competitor_offer: { ...form.competitor_offer, phone_to_manage: phone, additional_line: phone } })).status, 200);
  lib.sql(world.database.superuser, `set session_replication_role = replica;
    insert into contact (client_id, advisor_id, origin_phone, serial_number, created_at)
      select ${id}, advisor_id, '${phone}', '${serial}', now() - n * interval '1 second' from contact, generate_series(1, ${contacts}) n where id = ${o.contact.id};
    insert into opportunity (client_id, contact_id, advisor_id, created_at, closed_at, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage, reason_id, reason,
        current_plan, activation_date, prior_consultation, phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance)
      select ${id}, t.id, t.advisor_id, t.created_at, case when t.id % 2 = 0 then now() end, o.campaign_id, o.campaign, o.sub_campaign_id, o.sub_campaign, st.id, st.choice, o.reason_id, o.reason,
             '${plan}', '2020-01-02', true, '${phone}', '${phone}', ad.id, ad.choice
        from opportunity o, (select t.* from contact t where t.client_id = ${id} and t.serial_number = '${serial}' order by t.id limit ${opportunities}) t,
             choice('advertising_acceptance', 'acepto') ad, lateral choice('stage', case when t.id % 2 = 0 then 'retenido' else 'en-proceso' end) st
       where o.id = ${o.opportunity.id};
    insert into idempotency (scope, operation, key, request, status, body, client_id)
      select '1', 'client_update', 'propia-${id}-' || n, '', 200, json_build_object('id', '${id}', 'name', '${plan}'), ${id} from generate_series(1, ${answers}) n;
    analyze contact; analyze opportunity; analyze idempotency`);
  return { ...o, id, there: `/v1/clients/${id}`, oldest: sql(`select id from contact where client_id = ${id} order by created_at, id limit 1`),
    again: () => ana.post(`/v1/clients/${id}/contacts`, body, key) };
}

/* What every endpoint shows of this client. */
async function shown(c) {
  const texts = [];
  const own = sql(`select min(id) from opportunity where client_id = ${c.id}`), last = sql(`select id from opportunity where client_id = ${c.id} order by created_at, id limit 1`);
  for (const as of [ana, chief])
    for (const where of [c.there, `${c.there}/contacts?limit=100`, `${c.there}/opportunities?limit=100`, `${c.there}/opportunities?limit=100&voided=true`, `/v1/contacts/${c.oldest}`, c.at, `${c.at}/competitor-offer`,
      `/v1/opportunities/${own}`, `/v1/opportunities/${last}`, `/v1/opportunities/${last}/competitor-offer`, "/v1/opportunities?limit=100", `/v1/clients?phone=${phone}`, ...(as === chief ? [`${c.there}/personal-data`, `${c.there}/audit`] : [])]) {
      const r = await as.get(where);
      assert.equal(r.status, 200, where);
      texts.push([where, r.text]);
    }
  return texts;
}
const secrets = [phone, serial, plan, "2020-01-02"];
async function nothingShown(c) {
  for (const [where, text] of await shown(c)) assert.deepEqual(secrets.filter((s) => text.includes(s)), [], where);
  for (const o of (await ana.get(`${c.there}/opportunities?limit=100`)).json.items) assert.equal(o.service.prior_consultation, null);
}
async function writesRefused(c) {
  const open = sql(`select id from opportunity where client_id = ${c.id} and closed_at is null order by created_at, id limit 1`), form = lib.form();
  for (const r of [await ana.patch(c.there, { name: "OTRO" }), await ana.post(`${c.there}/contacts`, lib.newContact()), await ana.patch(`/v1/contacts/${c.oldest}`, { ownership_check: null }),
    await ana.post("/v1/typifications", { client_id: c.id, contact: lib.newContact(), sub_campaign: "entel" }),
    await ana.put(`/v1/opportunities/${open}/competitor-offer`, form.competitor_offer), await ana.put(`/v1/opportunities/${open}/typification`, form), await chief.post(`${c.there}/erasure`)])
    refused(r, 409, "client_erased");
  refused(await c.again(), 409, "client_erased");
}

test(`client_erase: a client with ${lib.counted(100000)} contacts and ${lib.counted(4000)} opportunities is hidden at once, and erased in steps that survive a crash`, async () => {
  const c = await crowded(lib.many(100000), lib.many(4000), lib.many(3000));
  lib.sql(world.database.superuser, `insert into idempotency (scope, operation, key, request, status, body, client_id)
    select '2', 'client_update', 'ajena-' || n, '', 200, '{"id":"999999","name":"NADIE"}', 999999 from generate_series(1, ${lib.many(500000)}) n; analyze idempotency`);
  for (const secret of secrets) assert.ok((await shown(c)).some(([, text]) => text.includes(secret)), `${secret} is shown before`);
  const began = Date.now(), r = await chief.post(`${c.there}/erasure`, undefined, { "idempotency-key": `borra-${c.id}` }), took = Date.now() - began;
  assert.equal(r.status, 202, r.text);
  assert.ok(took < (process.env.TEST_BULK ? 1000 : 5000), `${took} ms`);
  assert.equal(r.headers.location, `${c.there}/erasure`);
  assert.deepEqual([r.json.name, await state(c.id)], ["BORRADO", "running"]);
  const again = await chief.post(`${c.there}/erasure`, undefined, { "idempotency-key": `borra-${c.id}` });
  assert.deepEqual([again.status, again.text, again.headers.location, again.headers["idempotent-replayed"]], [202, r.text, r.headers.location, "true"]);
  assert.notEqual(left(c.id), "0 0 0");
  await nothingShown(c);
  await writesRefused(c);

  /* After each kill another process continues. Writes to other clients do not wait meanwhile. */
  const other = await lib.opened(ana);
  let slowest = 0, was = left(c.id);
  for (let kills = 0; kills < 4; kills++) {
    const server = await lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "100" } });
    await until("it goes on", () => left(c.id) !== was || left(c.id) === "0 0 0", 30000);
    server.child.kill("SIGKILL");
    await server.ended;
    was = left(c.id);
    const at = Date.now();
    assert.equal((await ana.patch(other.at, { service: { current_plan: `P ${kills}` } })).status, 200);
    slowest = Math.max(slowest, Date.now() - at);
    await nothingShown(c);
  }
  const servers = await Promise.all([1, 2].map(() => lib.startServer(world.database.serve, { env: { GESTOR_CHECK_MS: "100" } })));
  while ((await state(c.id)) !== "done") {
    const at = Date.now();
    assert.equal((await ana.post(`/v1/clients/${other.client.id}/contacts`, lib.newContact())).status, 201);
    slowest = Math.max(slowest, Date.now() - at);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(Date.now() - began < 240000, `it takes too long: ${left(c.id)}`);
  }
  for (const server of servers) assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(slowest < (process.env.TEST_BULK ? 2000 : 5000), `${slowest} ms`);
  assert.equal(left(c.id), "0 0 0");
  await nothingShown(c);
  await writesRefused(c);
  const done = (await chief.get(`${c.there}/erasure`)).json;
  assert.ok(done.begun_at < done.done_at && done.begun_at === r.json.erased_at, JSON.stringify(done));
  assert.equal(sql("select count(*) from idempotency where client_id = 999999 and body is not null"), String(lib.many(500000)), "others' answers stay");
  assert.equal(sql(`select count(*) from audit where client_id = ${c.id} and after ? 'erased_at' and object_type = 'contact' and advisor_id is distinct from (select id from advisor where username = 'E8000002')`), "0",
    "the audit of each step names who requested the erasure");
});

test("client_erase: 200 as a rule; 202 with more than 200 records of a kind; gestor purge erases the rest", async () => {
  const few = await lib.opened(ana);
  const r = await chief.post(`/v1/clients/${few.client.id}/erasure`);
  assert.deepEqual([r.status, r.headers.location, await state(few.client.id)], [200, undefined, "done"]);
  assert.equal(await state((await lib.opened(ana)).client.id), "none");
  for (const many of [[450, 1, 0], [1, 1, 450], [1500, 1200, 10]]) {
    const c = await crowded(...many);
    const preview = await chief.post(`${c.there}/erasure?validate_only=true`);
    assert.deepEqual([preview.status, preview.json.name, await state(c.id)], [200, "BORRADO", "none"]);
    assert.equal((await chief.post(`${c.there}/erasure`)).status, 202);
    await nothingShown(c);
    await writesRefused(c);
    assert.doesNotMatch(purge(), /under way/);
    assert.deepEqual([left(c.id), await state(c.id)], ["0 0 0", "done"]);
    await nothingShown(c);
  }
  assert.equal(sql("select count(*) from erasure where done_at is null"), "0");
});

test("client_erase: a process skips a step that another one is working on; two processes at once finish", async () => {
  const all = [];
  for (let i = 0; i < 4; i++) all.push(await crowded(900, 300, 5));
  for (const c of all) assert.equal((await chief.post(`${c.there}/erasure`)).status, 202);
  const run = () => new Promise((resolve, reject) => require("node:child_process").execFile(lib.gestor, ["purge"],
    { env: { ...process.env, DATABASE_URL: world.database.owner, GESTOR_RETENTION_DAYS: "0" } }, (e, out) => (e ? reject(e) : resolve(out))));
  await Promise.all([run(), run(), run()]);
  purge();
  for (const c of all) assert.equal(left(c.id), "0 0 0");
});

test("client_erase in steps, closure_put, typification_put, contact_update, client_update: simultaneous requests for one client cause no deadlock, and nothing is left", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_QUERY_TIMEOUT_MS: "20000", GESTOR_CHECK_MS: "100" } });
  const [a, b] = [ana, chief].map((as) => lib.caller(server.base, as.token)), { closure, ...form } = lib.form(), open = { ...closure, stage: "en-proceso" };
  const deadlocks = () => lib.sql(world.database.superuser, "select deadlocks from pg_stat_database where datname = current_database()"), were = deadlocks();
  for (let round = 0; round < (process.env.TEST_PLANNER ? 4 : 20); round++) {
    const c = await crowded(210, 205, 3), other = sql(`select id from opportunity where client_id = ${c.id} and closed_at is null order by created_at, id limit 1`);
    const service = { current_plan: plan }, offer = { ...form.competitor_offer, phone_to_manage: phone };
    const writes = [
      () => a.put(`${c.at}/closure`, open), () => a.put(`/v1/opportunities/${other}/closure`, { ...open, advertising_acceptance: "no-acepto" }),
      () => a.put(`${c.at}/typification`, { ...form, service, competitor_offer: offer, closure: open }), () => a.put(`/v1/opportunities/${other}/competitor-offer`, offer),
      () => a.patch(`/v1/contacts/${c.contact.id}`, { ownership_check: { asked: 3, right: 1 } }), () => a.patch(c.there, { sales: { plan } }, { "idempotency-key": `a-la-vez-${c.id}` }),
    ];
    const all = [...writes.slice(0, round % 7), () => b.post(`${c.there}/erasure`), ...writes.slice(round % 7)], answered = await Promise.all(all.map((run) => run()));
    for (const [n, r] of answered.entries()) assert.ok(n === round % 7 ? [200, 202].includes(r.status) : r.status === 200 || r.json.code === "client_erased", `round ${round}: ${r.text}`);
    await nothingShown(c);
    await until("it is done", async () => (await state(c.id)) === "done");
    assert.equal(left(c.id), "0 0 0");
  }
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.doesNotMatch(server.log(), /40P01|SQLSTATE|"level":"(warn|error)"/);
  assert.equal(deadlocks(), were);
});

/* --------------------------------------------------------------------- limits */

test("contact_create, typification_create: beyond the daily limit of contacts per client 409 too_many_contacts, until the next day", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_CONTACTS_PER_DAY: "3", GESTOR_CHECK_MS: "600000" } }), few = lib.caller(server.base, ana.token);
  const one = (await ana.post("/v1/clients", lib.newClient())).json.id, other = (await ana.post("/v1/clients", lib.newClient())).json.id;
  const contact = (id) => few.post(`/v1/clients/${id}/contacts`, lib.newContact()), call = (id) => few.post("/v1/typifications", { client_id: id, contact: lib.newContact(), sub_campaign: "entel" });
  assert.deepEqual([(await contact(one)).status, (await call(one)).status, (await contact(one)).status], [201, 201, 201]);
  const counts = () => sql("select (select count(*) from contact) || ' ' || (select count(*) from opportunity)"), were = counts();
  for (const r of [await contact(one), await call(one), await few.post(`/v1/clients/${one}/contacts?validate_only=true`, lib.newContact())]) refused(r, 409, "too_many_contacts");
  assert.match((await few.post(`/v1/clients/${one}/contacts`, lib.newContact(), { "accept-language": "es" })).json.detail, /^Hoy ya no se pueden registrar más llamadas de este cliente\./);
  assert.equal(counts(), were);
  assert.deepEqual([(await contact(other)).status, (await call(other)).status], [201, 201], "other clients are not affected");
  assert.equal((await few.post("/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel" })).status, 201);
  refused(await contact("999999999"), 404, "not_found");
  /* A day begins at midnight in Lima. */
  sql(`update contact set created_at = (gestor.today()::timestamp at time zone 'America/Lima') - interval '1 second' where client_id = ${one} and id = (select min(id) from contact where client_id = ${one})`);
  assert.equal((await contact(one)).status, 201);
  refused(await contact(one), 409, "too_many_contacts");
  assert.equal((await chief.post(`/v1/clients/${one}/erasure`)).status, 200);
  refused(await contact(one), 409, "client_erased");
  await server.stop();
});

test("every write with a key: beyond the account's limit of stored responses 429 too_many_keys; stored ones are still replayed", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_KEYS_MAX: "5", GESTOR_CHECK_MS: "600000" } });
  const eva = await world.signedIn("E8123497"), few = lib.caller(server.base, eva.token), id = (await ana.post("/v1/clients", lib.newClient())).json.id, at = `/v1/clients/${id}`;
  const patch = (key, as = few, body = {}) => as.patch(at, body, { "idempotency-key": key });
  for (let n = 0; n < 5; n++) assert.equal((await patch(`llave-${n}`)).status, 200, `${n}`);
  for (let n = 5; n < 8; n++) {
    const r = refused(await patch(`llave-${n}`), 429, "too_many_keys"), wait = Number(r.headers["retry-after"]);
    assert.ok(wait > 86000 && wait <= 86400, String(wait));
    assert.ok(r.json.detail.includes(`Wait ${wait} seconds`), r.json.detail);
  }
  assert.match((await few.patch(at, {}, { "idempotency-key": "llave-es", "accept-language": "es" })).json.detail, /^La cuenta guarda todas las respuestas que puede/);
  assert.equal((await patch("llave-0")).headers["idempotent-replayed"], "true");
  refused(await patch("llave-0", few, { gender: "F" }), 422, "idempotency_key_reused");
  assert.equal((await few.patch(at, {})).status, 200, "without a key");
  assert.equal((await patch("llave-9", lib.caller(server.base, ana.token))).status, 200, "another account");
  assert.equal((await patch("llave-9", eva)).status, 200, "a server without the limit");
  assert.equal(sql("select count(*) from idempotency where key like 'llave-%' and scope = (select id::text from advisor where username = 'E8123497')"), "6");
  /* Stored responses expire after a day. */
  sql("update idempotency set created_at = created_at - interval '24 hours' where key like 'llave-%'; update idempotency_full set until = until - interval '24 hours'");
  for (let n = 10; n < 15; n++) assert.equal((await patch(`llave-${n}`)).status, 200, `${n}`);
  refused(await patch("llave-15"), 429, "too_many_keys");
  await server.stop();
});

/* --------------------------------------------------------------- after a backup was restored */

const erase = (...words) => execFileSync(lib.gestor, ["erase", ...words], { encoding: "utf8", stdio: "pipe", env: { ...process.env, DATABASE_URL: world.database.owner } });

test("gestor erase: the list of one database repeats its erasures in a restored one, and only those", async () => {
  const before = sql("select instant(clock_timestamp())"), file = path.join(os.tmpdir(), `gestor-erased-${process.pid}.csv`);
  const [gone, kept, again, reused] = [await lib.opened(ana), await lib.opened(ana), await lib.opened(ana), await lib.opened(ana)];
  for (const o of [gone, again, reused]) assert.equal((await chief.post(`/v1/clients/${o.client.id}/erasure`)).status, 200);
  const list = erase("--since", before), lines = list.trim().split("\n");
  assert.deepEqual([lines[0], lines.slice(1).map((l) => l.split(",")[0])], ["client_id,created_at,erased_at", [gone, again, reused].map((o) => o.client.id)]);
  for (const line of lines.slice(1)) assert.match(line, /^\d+,[-\dT:.]+Z,[-\dT:.]+Z$/, "nothing personal");
  assert.equal(erase("--since", "2999-01-01"), "client_id,created_at,erased_at\n");

  /* As a backup would have them: not erased yet; and one whose id another client has by now. */
  lib.sql(world.database.superuser, `set session_replication_role = replica;
    delete from erasure where client_id in (${gone.client.id}, ${reused.client.id});
    update client set name = 'ANA', document_number = (40000000 + id)::text, phone = '${phone}', erased_at = null where id in (${gone.client.id}, ${reused.client.id});
    update client set created_at = created_at + interval '1 hour' where id = ${reused.client.id};
    update contact set erased_at = null, origin_phone = '${phone}', serial_number = '${serial}' where client_id = ${gone.client.id}`);
  fs.writeFileSync(file, list + `${lines[1].replace(/^\d+/, "999999999")}\n`);
  try {
    assert.equal(erase("--list", file), "erased: 1; erased before: 1; not in this database: 1\nnot erased: 1 ids that another client has in this database\n");
    const names = () => [gone, kept, again, reused].map((o) => sql(`select name from client where id = ${o.client.id}`));
    assert.deepEqual(names(), ["BORRADO", kept.client.name, "BORRADO", "ANA"]);
    assert.equal(left(gone.client.id), "0 0 0");
    assert.match(erase("--list", file), /^erased: 0; erased before: 2; /, "a second time changes nothing");
    assert.deepEqual(names(), ["BORRADO", kept.client.name, "BORRADO", "ANA"]);
    /* Nothing is erased if a line cannot be read. */
    fs.writeFileSync(file, `${kept.client.id},${sql(`select instant(created_at) from client where id = ${kept.client.id}`)},2026-01-01T00:00:00Z\n12,yesterday,2026-01-01\n`);
    assert.throws(() => erase("--list", file), (e) => e.status === 1 && /line 2 of the list is not 'client_id,created_at,erased_at'/.test(e.stderr));
    for (const line of ["12,2026-02-30T00:00:00Z,2026-03-01", "9999999999999999999,2026-01-01,2026-01-01"]) {
      fs.writeFileSync(file, `${kept.client.id},${sql(`select instant(created_at) from client where id = ${kept.client.id}`)},2026-01-01T00:00:00Z\n${line}\n`);
      assert.throws(() => erase("--list", file), (e) => e.status === 1 && /line 2 of the list is not/.test(e.stderr), line);
    }
    assert.deepEqual(names(), ["BORRADO", kept.client.name, "BORRADO", "ANA"]);
    /* A list that could not be made is not one of no client. */
    fs.writeFileSync(file, "");
    assert.throws(() => erase("--list", file), (e) => e.status === 1 && /the list is empty/.test(e.stderr));
    assert.throws(() => execFileSync(lib.gestor, ["erase", "--since", before], { encoding: "utf8", stdio: "pipe", env: { ...process.env, DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" } }),
      (e) => e.status === 1 && e.stdout === "");
  } finally {
    fs.rmSync(file, { force: true });
  }
  for (const words of [[], ["--since"], ["--since", "yesterday"], ["--since", "2026-13-01"], ["--since", "2026-02-30"], ["--list", file, "more"], ["--nope"]])
    assert.throws(() => erase(...words), (e) => e.status === 2 && /usage: gestor erase/.test(e.stderr), words.join(" "));
  assert.throws(() => erase("--list", `${file}.none`), (e) => e.status === 1 && /cannot be read/.test(e.stderr));
});
