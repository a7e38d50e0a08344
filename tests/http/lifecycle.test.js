"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const lib = require("./lib.js");
const { hold } = require("./writes.js");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gestor-lifecycle-"));
const databases = [];
const servers = [];
let world;
/* For tests that end database connections: long enough for a slow machine to reconnect. */
const patient = { GESTOR_POOL_WAIT_MS: "20000", GESTOR_QUERY_TIMEOUT_MS: "30000" };
before(async () => { world = await lib.world({ env: { GESTOR_LOG_LEVEL: "debug", GESTOR_CHECK_MS: "300", ...patient } }); });
after(async () => {
  await Promise.all(servers.map((s) => s.stop()));
  for (const name of databases) superuser(`drop database if exists ${name} with (force)`);
  fs.rmSync(folder, { recursive: true });
  await world.end();
});

const superuser = (text) => lib.sql(process.env.TEST_SUPERUSER_URL, text);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, condition, limit = 60000) {
  const began = Date.now();
  while (!(await condition())) {
    assert.ok(Date.now() - began < limit, `${what}: not within ${limit} ms`);
    await pause(20);
  }
}
/* An empty database, without a schema. */
function emptyDatabase() {
  const name = `lifecycle_${process.pid}_${databases.length}`;
  superuser(`create database ${name} owner gestor_owner`);
  databases.push(name);
  return { name, owner: lib.urlOf(process.env.TEST_OWNER_URL, name), serve: lib.urlOf(process.env.TEST_SERVE_URL, name) };
}

/* run(words, env, input) - runs the program with these arguments and only this environment until it exits. */
function run(words, env = {}, input = "") {
  return new Promise((resolve) => {
    const child = spawn(lib.gestor, words, { env: { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS || "", UBSAN_OPTIONS: process.env.UBSAN_OPTIONS || "", TSAN_OPTIONS: process.env.TSAN_OPTIONS || "", ...env },
      stdio: ["pipe", "pipe", "pipe"] });
    let out = "", err = "";
    child.stdout.setEncoding("utf8").on("data", (t) => { out += t; });
    child.stderr.setEncoding("utf8").on("data", (t) => { err += t; });
    const limit = setTimeout(() => child.kill("SIGKILL"), 20000);
    child.on("close", (code, signal) => { clearTimeout(limit); resolve({ code, signal, out, err }); });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
/* serve(env) - a start that must be refused: valid settings, overridden by env (undefined: unset). */
async function serve(env) {
  const whole = { DATABASE_URL: world.database.serve, GESTOR_JWT_SECRET: lib.serverKey, GESTOR_LISTEN: `127.0.0.1:${await lib.freePort()}`, ...env };
  return run(["serve"], Object.fromEntries(Object.entries(whole).filter(([, v]) => v !== undefined)));
}

/* ---------------------------------------------------------------- settings */

test("serve: refuses a missing or weak secret; the message names the setting and how to create a secret", async () => {
  const file = (name, text) => { fs.writeFileSync(path.join(folder, name), text); return path.join(folder, name); };
  for (const [why, env] of [
    [/is not set/, { GESTOR_JWT_SECRET: undefined }],
    [/is not set/, { GESTOR_JWT_SECRET: "" }],
    [/is not set/, { GESTOR_JWT_SECRET: undefined, GESTOR_JWT_SECRET_FILE: file("blank", "\n") }],
    [/shorter than 32 bytes/, { GESTOR_JWT_SECRET: "x" }],
    [/shorter than 32 bytes/, { GESTOR_JWT_SECRET: "0123456789abcdefghijklmnopqrstu" }],
    [/shorter than 32 bytes/, { GESTOR_JWT_SECRET: undefined, GESTOR_JWT_SECRET_FILE: file("short", "0123456789abcdefghijklmnopqrstu\nand a second line\n") }],
    [/too few different characters/, { GESTOR_JWT_SECRET: "a".repeat(64) }],
    [/too few different characters/, { GESTOR_JWT_SECRET: "abcabcabcabcabcabcabcabcabcabcabcabcabcabc" }],
    [/placeholder/, { GESTOR_JWT_SECRET: "changeme-0123456789abcdefghijklmnopqrstuvwxyz" }],
    [/placeholder/, { GESTOR_JWT_SECRET: "0123456789abcdefghijklmnopq-my-SECRET-key" }],
    [/placeholder/, { GESTOR_JWT_SECRET: "0123456789abcdefghijklmnopq-Password" }],
  ]) {
    const r = await serve(env);
    assert.equal(r.code, 2, r.err);
    assert.match(r.err, why);
    assert.match(r.err, /GESTOR_JWT_SECRET/);
    assert.match(r.err, /openssl rand -base64 48/);
    assert.match(r.err, /GESTOR_JWT_SECRET_FILE/);
    if (env.GESTOR_JWT_SECRET) assert.ok(!r.err.includes(env.GESTOR_JWT_SECRET), "the secret is not shown");
    assert.equal(r.out, "");
  }
});

test("serve: the message for an unreadable settings file gives the reason", async () => {
  fs.writeFileSync(path.join(folder, "empty"), "");
  for (const [name, reason] of [["not-there", /No such file/], ["empty", /empty/], [".", /directory/]]) {
    for (const setting of ["GESTOR_JWT_SECRET", "DATABASE_URL"]) {
      const r = await serve({ [setting]: undefined, [`${setting}_FILE`]: path.join(folder, name) });
      assert.equal(r.code, 2, r.err);
      assert.ok(r.err.includes(`${setting}_FILE`), r.err);
      assert.match(r.err, reason, `${setting} ${name}`);
    }
  }
});

test("serve: refuses settings that are no numbers or out of bounds, and names all of them at once", async () => {
  const bounds = { GESTOR_THREADS: [4, 10000], GESTOR_POOL_SIZE: [1, 100], GESTOR_POOL_WAIT_MS: [1, 60000], GESTOR_QUERY_TIMEOUT_MS: [100, 600000],
    GESTOR_REQUEST_TIMEOUT_MS: [100, 600000], GESTOR_KEEP_ALIVE_MS: [0, 3600000], GESTOR_BODY_MAX_BYTES: [1024, 1048576], GESTOR_ACCESS_TTL_S: [30, 3600],
    GESTOR_REFRESH_TTL_S: [60, 2592000], GESTOR_SESSION_HOURS: [1, 720], GESTOR_SESSIONS_MAX: [0, 10000], GESTOR_DRAIN_MS: [0, 600000], GESTOR_DRAIN_DELAY_MS: [0, 600000], GESTOR_CHECK_MS: [100, 600000],
    GESTOR_CONTACTS_PER_DAY: [0, 1000000], GESTOR_KEYS_MAX: [0, 100000000] };
  for (const pick of [([min]) => String(min - 1), ([, max]) => String(max + 1), () => "muchos", () => "10x", () => "1e2", () => "99999999999999999999", () => "512.5"]) {
    const r = await serve(Object.fromEntries(Object.entries(bounds).map(([name, b]) => [name, pick(b)])));
    assert.equal(r.code, 2, r.err);
    for (const [name, [min, max]] of Object.entries(bounds)) assert.ok(r.err.includes(`${name} must be a number from ${min} to ${max}`), `${name}: ${r.err}`);
  }
  const level = await serve({ GESTOR_LOG_LEVEL: "verbose" });
  assert.equal(level.code, 2);
  assert.match(level.err, /GESTOR_LOG_LEVEL must be debug, info, warn or error/);
});

test("serve, migrate, advisor add: refuse to run without DATABASE_URL; the message shows an example", async () => {
  for (const env of [{}, { DATABASE_URL: "" }])
    for (const [words, input] of [[["serve"]], [["migrate"]], [["advisor", "add", "--username", "E1111111", "--name", "X", "--role", "admin"], "una-clave-larga\n"]]) {
      const r = await run(words, { GESTOR_JWT_SECRET: lib.serverKey, ...env }, input);
      assert.equal(r.code, 2, `${words}: ${r.err}`);
      assert.match(r.err, /DATABASE_URL is not set: postgresql:\/\//);
      assert.match(r.err, /DATABASE_URL_FILE/);
    }
});

test("serve: refuses to start on an address that is in use or invalid, and names it", async () => {
  const taken = net.createServer();
  await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
  try {
    for (const address of [`127.0.0.1:${taken.address().port}`, "nada", ...Array(10).fill("127.0.0.1:99999999")]) {
      const r = await serve({ GESTOR_LISTEN: address });
      assert.ok(r.code > 0, `${address}: ${JSON.stringify(r)}`);
      assert.ok(r.err.includes(address), r.err);
      assert.match(r.err, /GESTOR_LISTEN/);
    }
  } finally {
    taken.close();
  }
});

test("gestor: --help prints help; wrong arguments print the usage and exit with 2", async () => {
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (const name of ["serve", "migrate", "advisor add", "DATABASE_URL", "GESTOR_JWT_SECRET", "GESTOR_LISTEN", "GESTOR_THREADS"]) assert.ok(help.out.includes(name), name);
  for (const words of [[], ["otra"], ["serve", "x"], ["migrate", "x"], ["advisor"], ["advisor", "remove"]]) {
    const r = await run(words);
    assert.equal(r.code, 2, words.join(" "));
    assert.match(r.err, /usage/);
  }
  assert.match((await run(["version"])).out, /^gestor [0-9]+\.[0-9]+\.[0-9]+\n$/);
});

/* -------------------------------------------------------------- migrations */

test("gestor migrate: four simultaneous runs on an empty database are safe; later runs have nothing to do", async () => {
  const db = emptyDatabase();
  const all = await Promise.all(Array.from({ length: 4 }, () => run(["migrate"], { DATABASE_URL: db.owner })));
  for (const r of all) assert.equal(r.code, 0, r.err + r.out);
  const files = fs.readdirSync(path.join(lib.root, "db/migrations")).filter((f) => f.endsWith(".sql")).sort();
  for (const f of files) assert.equal(all.filter((r) => r.out.includes(`${f}  applied`)).length, 1, `${f} is applied by exactly one of them`);
  assert.equal(lib.sql(db.owner, "select string_agg(version, ' ' order by version) from schema_migrations"), files.map((f) => f.split("_")[0]).join(" "));
  assert.equal(lib.sql(db.owner, "select count(*) from catalog"), "12");
  assert.equal(lib.sql(db.owner, "select count(*) from schema_migrations where checksum ~ '^[0-9a-f]{64}$' and applied_at is not null"), String(files.length));
  const again = await run(["migrate"], { DATABASE_URL: db.owner });
  assert.equal(again.code, 0);
  assert.match(again.out, /nothing to do/);
  assert.doesNotMatch(again.out, /applied/);
});

test("gestor migrate: while it waits for a table that is in use, nobody else waits for that table for long", async () => {
  const db = emptyDatabase(), all = fs.readdirSync(path.join(lib.root, "db/migrations")).filter((f) => f.endsWith(".sql")).sort();
  for (const f of all.filter((f) => f < "0020")) lib.sql(db.owner, `begin; set local search_path = gestor, public; ${fs.readFileSync(path.join(lib.root, "db/migrations", f), "utf8")}; commit`);
  lib.sql(db.owner, `create table gestor.schema_migrations (version varchar(128) primary key); insert into gestor.schema_migrations values ${all.filter((f) => f < "0020").map((f) => `('${f.slice(0, 4)}')`)}`);
  const release = await hold(db, "lock table gestor.client in row exclusive mode");
  const migrated = run(["migrate"], { DATABASE_URL: db.owner });
  /* Only a few polls meet the moments in which it waits. */
  let met = 0;
  for (const until_ms = Date.now() + 15000; met < 3 && Date.now() < until_ms;) {
    if (lib.sql(db.owner, "select exists (select from pg_locks where relation = 'gestor.client'::regclass and not granted)") !== "t") continue;
    met++;
    lib.sql(db.owner, "begin; set local lock_timeout = '800ms'; lock table gestor.client in row exclusive mode; rollback");
  }
  assert.equal(met, 3);
  await release();
  const r = await migrated;
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /0020_documents.sql {2}applied/);
  assert.equal(r.err, "");
});

test("gestor migrate: dbmate's table, which a dump reads, gets its columns when the dump has ended", async () => {
  const db = emptyDatabase();
  lib.sql(db.owner, "create schema gestor; create table gestor.schema_migrations (version varchar(128) primary key)");
  const release = await hold(db, "lock table gestor.schema_migrations in access share mode");
  const migrated = run(["migrate"], { DATABASE_URL: db.owner });
  const waits = () => lib.sql(db.owner, "select exists (select from pg_locks where relation = 'gestor.schema_migrations'::regclass and not granted)") === "t";
  /* More than one attempt: it waits, does not wait, and waits again. */
  for (const state of [true, false, true]) await until(`it waits: ${state}`, () => waits() === state, 10000);
  await release();
  const r = await migrated;
  assert.equal(r.code, 0, r.err);
});

test("gestor migrate: an index whose build waits for an older transaction says so, and is built in the end", async () => {
  const db = emptyDatabase();
  assert.equal((await run(["migrate"], { DATABASE_URL: db.owner })).code, 0);
  lib.sql(db.owner, "drop index gestor.contact_by_creation");
  const release = await hold(db, "set transaction isolation level repeatable read; insert into gestor.advisor (username, full_name, role, password_hash) values ('E1111111', 'X', 'advisor', 'x')");
  const child = spawn(lib.gestor, ["migrate"], { env: { ...process.env, DATABASE_URL: db.owner }, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.stdout.setEncoding("utf8").on("data", (t) => { out += t; });
  await until("it says that it waits", () => /^indexes: \d+ s so far: create index concurrently contact_by_creation on .*older transaction/m.test(out), 20000).finally(release);
  assert.equal(await ended, 0);
  assert.match(out, /^indexes built/m);
  assert.equal(lib.sql(db.owner, "select indisvalid from pg_index where indexrelid = 'gestor.contact_by_creation'::regclass"), "t");
});

test("gestor migrate: refuses if an applied migration was altered, and names it; reports an unreachable database", async () => {
  const db = emptyDatabase();
  assert.equal((await run(["migrate"], { DATABASE_URL: db.owner })).code, 0);
  lib.sql(db.owner, "update schema_migrations set checksum = repeat('0', 64) where version = '0001'");
  const r = await run(["migrate"], { DATABASE_URL: db.owner });
  assert.equal(r.code, 1);
  assert.match(r.err, /0001_\w+\.sql: it was applied, and altered since/);
  assert.equal(lib.sql(db.owner, "select count(*) from catalog"), "12");
  const nowhere = await run(["migrate"], { DATABASE_URL: `postgresql://gestor_owner:clave-que-no-se-muestra@127.0.0.1:${await lib.freePort()}/x` });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /^migrate: /);
  assert.ok(!nowhere.err.includes("clave-que-no-se-muestra"));
});

/* ---------------------------------------------------------------- accounts */

test("gestor advisor add: reads the password from the first line of standard input, and the account can sign in", async () => {
  const add = (words, input) => run(["advisor", "add", ...words], { DATABASE_URL: world.database.owner }, input);
  const ana = (more = {}) => Object.entries({ "--username": "E7000001", "--name": "ANA MARÍA", "--role": "advisor", ...more }).flat();
  const r = await add(ana(), "doce-letras-\nsegunda línea\n");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /E7000001/);
  assert.ok(!(r.out + r.err).includes("doce-letras-"));
  const s = await world.anyone.post("/v1/sessions", { username: "e7000001", password: "doce-letras-" });
  assert.equal(s.status, 201, s.text);
  assert.equal(s.json.advisor.full_name, "ANA MARÍA");
  assert.match(world.database.sql("select password_hash from advisor where username = 'E7000001'"), /^\$argon2id\$/);
  assert.equal((await world.anyone.post("/v1/sessions", { username: "E7000001", password: "doce-letras-\nsegunda línea" })).status, 401);

  const refused = async (more, input, code, why) => {
    const x = await add(ana(more), input);
    assert.equal(x.code, code, `${JSON.stringify(more)}: ${x.err}`);
    assert.match(x.err, why);
    assert.equal(x.out, "");
    assert.ok(input.trim() === "" || !x.err.includes(input.trim()), "the password is not shown");
  };
  await refused({}, "otra-clave-larga\n", 1, /there is an advisor E7000001 already/);
  await refused({ "--username": "e7000001" }, "otra-clave-larga\n", 1, /already/);
  for (const short of ["", "\n", "once-letras\n", " \n"]) await refused({ "--username": "E7000002" }, short, 1, /password/);
  await refused({ "--username": "E7000002" }, "x".repeat(257) + "\n", 1, /password/);
  for (const username of ["E700000", "E70000022", "EB153375", "E7000002x", "crm"]) await refused({ "--username": username }, "otra-clave-larga\n", 1, /--username of a person is E and 7 digits/);
  for (const username of ["7000002", "E\u06667000002", "", "-crm", "c".repeat(41)]) await refused({ "--username": username }, "otra-clave-larga\n", 1, /--username: a username is E and 7 digits/);
  for (const [name, why] of [["  ", /Enter --name\./], ["\u200b", /Enter --name\./], ["A\nB", /--name: some characters cannot be seen/],
    ["\u202eJUAN", /--name: some characters/], ["x".repeat(201), /--name is longer than 200 characters/]])
    await refused({ "--name": name, "--username": "E7000002" }, "otra-clave-larga\n", 1, why);
  const typed = await add(ana({ "--username": " e7000003\u00a0", "--name": "\tPEN\u0303A  LUZ " }), "doce-letras-\n");
  assert.equal(typed.code, 0, typed.err);
  assert.equal(world.database.sql("select full_name from advisor where username = 'E7000003'"), "PEÑA LUZ");
  /* An integration gets a secret in place of a password, which is the last line. */
  const crm = await add(["--username", "CRM-1", "--name", "CRM", "--role", "integration", "--rights", "client_read"], "");
  assert.match(crm.out, /^advisor crm-1 added as integration, id [0-9]+\n(gsec_[A-Za-z0-9_-]{43})\n$/);
  assert.equal(world.database.sql("select count(*) from advisor_secret s join advisor a on a.id = s.advisor_id where a.username = 'crm-1' and a.password_hash is null and not a.must_change_password"), "1");
  const { json: machine } = await lib.tokenAsked(world.base, { grant_type: "client_credentials", client_id: "crm-1", client_secret: crm.out.trim().split("\n")[1] });
  assert.equal(machine.scope, "session catalog_read client_read");
  for (const role of ["jefe", "", "Admin"]) await refused({ "--role": role, "--username": "E7000002" }, "otra-clave-larga\n", 2, /advisor\|supervisor\|admin\|integration/);
  for (const words of [["--username", "E7000002", "--name", "X"], ["--name", "X", "--role", "admin"], [...ana(), "más"], [...ana(), "--password", "otra-clave-larga"]])
    assert.equal((await add(words, "otra-clave-larga\n")).code, 2, words.join(" "));
  assert.equal(world.database.sql("select count(*) from advisor where username like 'E7%'"), "2");
});

/* -------------------------------------------- outages of the database */

test("readyz: a server started without the schema is not ready until `gestor migrate` has run", async () => {
  const db = emptyDatabase();
  const server = await lib.startServer(db.serve, { ready: false, env: { GESTOR_CHECK_MS: "300" } });
  servers.push(server);
  const anyone = lib.caller(server.base);
  const early = await anyone.get("/readyz");
  assert.equal(early.status, 503);
  assert.match(early.headers["retry-after"], /^[0-9]+$/);
  assert.equal((await anyone.get("/livez")).status, 200);
  assert.equal((await anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).status, 503);
  await until("the log says why", async () => /run gestor migrate/.test(server.log()), 10000);
  assert.equal((await run(["migrate"], { DATABASE_URL: db.owner })).code, 0);
  await until("ready", async () => (await anyone.get("/readyz")).status === 200, 15000);
  lib.addAdvisor(db, "E8153375", "advisor");
  const s = await anyone.post("/v1/sessions", { username: "E8153375", password: lib.password });
  assert.equal(s.status, 201, s.text);
  assert.equal((await lib.caller(server.base, s.json.access_token).get("/v1/catalogs")).json.items.length, 12);
  const { code } = await server.stop();
  assert.equal(code, 0);
});

/* Ends all database connections of the servers, waits until they are gone, and returns how many there were. */
const endConnections = () => Number(superuser(`create temp table gone as select pid, pg_terminate_backend(pid) from pg_stat_activity
  where datname = '${world.database.name}' and application_name = 'gestor';
  do $$ begin while exists (select from pg_stat_activity join gone using (pid)) loop perform pg_sleep(0.005), pg_stat_clear_snapshot(); end loop; end $$;
  select count(*) from gone;`));

const sessions = (where) => Number(superuser(`select count(*) from pg_stat_activity where datname = '${world.database.name}' and ${where}`));
/* Waits until the pool (4) and the listener are connected. PostgreSQL shows a connection as idle before its statements are prepared, so the metrics must agree. */
const settled = () => until("all connected", async () => sessions("application_name = 'gestor' and state = 'idle'") === 5 &&
  /^gestor_database_pool_open 4$/m.test((await world.anyone.get("/metrics")).text), 15000);

test("opportunity_list, client_create, typification_create: after all database connections were ended, the next requests succeed and notifications arrive again", async () => {
  const ana = await world.signedIn("E8153375");
  for (let round = 0; round < 3; round++) {
    await settled();
    assert.ok(endConnections() >= 5);
    const answers = round === 0 ? [await ana.get("/v1/opportunities")] : [];
    answers.push(...await Promise.all(Array.from({ length: 20 }, (_, i) => i % 2 ? ana.get("/v1/opportunities") : ana.post("/v1/clients", lib.newClient()))));
    for (const r of answers) assert.ok([200, 201].includes(r.status), r.text);
  }
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  await settled();
  endConnections();
  assert.equal((await ana.post("/v1/typifications", { client_id: client.id, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() })).status, 201);
  assert.equal((await world.anyone.get("/readyz")).status, 200);
  world.database.sql("insert into catalog_item (catalog_id, label) select id, 'DESPUÉS' from catalog where code = 'operator'");
  await until("notified", async () => (await ana.get("/v1/catalogs/operator")).json.items.length === 5);
  world.database.sql("delete from catalog_item where code = 'despues'");
  await until("notified", async () => (await ana.get("/v1/catalogs/operator")).json.items.length === 4);
});

test("contact_create: when connections end under load, requests succeed or get 503, and every 201 is stored once", async () => {
  const ana = await world.signedIn("E8153375");
  await settled();
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const made = [];
  let unsure = 0, over = false;
  const worker = async () => {
    while (!over) {
      const r = await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact());
      if (r.status === 201) made.push(r.json.id);
      else {
        assert.equal(r.status, 503, r.text);
        assert.ok(r.headers["retry-after"]);
        if (r.json.code === "outcome_unknown") unsure++;
      }
    }
  };
  const workers = Promise.all(Array.from({ length: 8 }, worker));
  for (let i = 0; i < 5; i++) { await pause(150); endConnections(); }
  over = true;
  await workers;
  const there = world.database.sql(`select id from contact where client_id = ${client.id}`).split("\n");
  for (const id of made) assert.ok(there.includes(id), `${id} was answered with 201 but is not stored`);
  assert.ok(there.length - made.length <= unsure, `${there.length} stored, ${made.length} said so, ${unsure} unsure`);
  assert.ok(made.length > 0);
});

test("readyz, session_create: while the database refuses connections, only 503; ready again afterwards", async () => {
  const ana = await world.signedIn("E8153375");
  superuser(`alter database ${world.database.name} with allow_connections false`);
  try {
    endConnections();
    await until("not ready", async () => (await world.anyone.get("/readyz")).status === 503, 10000);
    const began = Date.now();
    for (const r of [await ana.get("/v1/opportunities"), await ana.post("/v1/clients", lib.newClient()), await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })]) {
      assert.equal(r.status, 503, r.text);
      assert.equal(r.json.code, "database_unavailable");
      assert.ok(r.headers["retry-after"]);
    }
    assert.ok(Date.now() - began < 10000, "requests do not wait for a connection");
    assert.equal((await ana.get("/v1/catalogs")).status, 200, "catalogues are cached in memory");
    // An unknown choice may exist by now, which only the database knows, so it is 503. Other faults are still 422.
    const unknown = await ana.post("/v1/clients", { ...lib.newClient(), document_type: "nuevo" });
    assert.deepEqual([unknown.status, unknown.json.code], [503, "database_unavailable"], unknown.text);
    assert.equal((await ana.post("/v1/clients", { ...lib.newClient(), name: 7 })).status, 422);
    assert.equal((await world.anyone.get("/livez")).status, 200);
  } finally {
    superuser(`alter database ${world.database.name} with allow_connections true`);
  }
  await until("ready again", async () => (await world.anyone.get("/readyz")).status === 200, 15000);
  assert.equal((await ana.post("/v1/clients", lib.newClient())).status, 201);
});

/* ---------------------------------------------------------------- shutdown */

const newCaller = (server, who) => lib.caller(server.base, who.token);

test("serve: on SIGTERM requests in flight are answered and the exit code is 0, without a database too", async () => {
  const server = await lib.startServer(world.database.serve, { env: { ...patient, GESTOR_DRAIN_MS: "60000" } });
  servers.push(server);
  const client = newCaller(server, await world.signedIn("E8153375"));
  const body = (await client.post("/v1/clients", lib.newClient())).json;
  assert.match(body.id, /^[0-9]+$/);
  // These requests wait for a lock, so that they are in flight when the signal comes and a while after.
  const release = await hold(world.database, `select from client where id = ${body.id} for update`);
  const waiting = Array.from({ length: 3 }, (_, i) => client.patch(`/v1/clients/${body.id}`, { gender: String(i) }));
  await until("they wait for the lock", async () => sessions("wait_event_type = 'Lock'") === 3, 10000);
  server.child.kill("SIGTERM");
  await until("it is draining", async () => (await lib.caller(server.base).get("/readyz")).status !== 200, 10000);
  const began = Date.now();
  await release();
  for (const r of await Promise.all(waiting)) {
    assert.equal(r.status, 200, r.text);
    assert.equal(r.headers.connection, "close");
  }
  const { code, signal } = await server.ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  assert.ok(Date.now() - began < 20000);
  assert.match(server.log(), /"msg":"stopped"/);
  assert.doesNotMatch(server.log(), /AddressSanitizer|runtime error/);

  const lost = await lib.startServer(`postgresql://x:y@127.0.0.1:${await lib.freePort()}/x`, { ready: false });
  servers.push(lost);
  lost.child.kill("SIGTERM");
  assert.deepEqual(await lost.ended, { code: 0, signal: null });
});
/* --------------------------------------------------------------------- log */

test("serve: every log line is JSON with time, level and msg; none has personal data or secrets", async () => {
  const secrets = { phone: "987612345", line: "976543211", number: "76123498", name: "ZUTANO QUISPE Ñahui", email: "zutano.quispe@correo-privado.pe", representative: "FULANA MAMANI",
    serial: "9876987698769876", origin: "965432187", word: "una-clave-equivocada-9Z", wrongUser: "E7654321", plan: "PLAN-SECRETO-77", free: "TEXTO-DE-ALGUIEN" };
  const s = (await world.anyone.post("/v1/sessions", { username: "E8123497", password: lib.password })).json;
  await world.anyone.post("/v1/sessions", { username: secrets.wrongUser, password: secrets.word });
  const renewed = (await world.anyone.post("/v1/sessions/refresh", { refresh_token: s.refresh_token })).json;
  const ana = lib.caller(world.base, renewed.access_token);
  const body = { name: secrets.name, document_type: "dni", document_number: secrets.number, phone: secrets.phone, email: secrets.email, legal_representative: secrets.representative,
    sales: { lines: [secrets.line], plan: secrets.plan } };
  const r = await ana.post("/v1/typifications", { client: body, contact: { origin_phone: secrets.origin, serial_number: secrets.serial }, sub_campaign: "entel", ...lib.form({ competitor_offer: { phone_to_manage: secrets.phone } }) });
  assert.equal(r.status, 201, r.text);
  // Requests that fail in every way that might be logged: not found, duplicate, malformed, refused by schema, constraint or lock.
  await ana.get(`/v1/clients?phone=${secrets.phone}`);
  await ana.get(`/v1/clients?document_number=${secrets.number}&document_type=dni`);
  await ana.get(`/v1/clients?document_number=${secrets.number}&${secrets.free}=1`);
  await ana.get(`/v1/clients?phone=${secrets.phone}x`);
  assert.equal((await ana.post("/v1/clients", body)).status, 409);
  assert.equal((await ana.post("/v1/clients", { ...body, birth_date: secrets.free, otra: secrets.email })).status, 422);
  assert.equal((await ana.post("/v1/clients", `{"name": "${secrets.name}", `)).status, 400);
  assert.equal((await ana.patch(`/v1/clients/${r.json.client_id}`, { document_type: "ruc" })).status, 422);
  assert.equal((await ana.patch(`/v1/clients/${r.json.client_id}`, { email: secrets.email, gender: secrets.free })).status, 200);
  assert.equal((await ana.put(`/v1/opportunities/${r.json.id}/diagnosis`, { reason: secrets.free })).status, 422);
  assert.equal((await ana.get(`/v1/clients/${secrets.number}/${secrets.free}`)).status, 404);
  assert.equal((await lib.caller(world.base, `${renewed.access_token}x`).get("/v1/catalogs")).status, 401);
  await settled();
  endConnections();
  assert.equal((await ana.get(`/v1/clients?phone=${secrets.phone}`)).json.items.length, 1);
  const raw = await lib.raw(world.port, `GET /v1/clients?phone=${secrets.phone} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${renewed.access_token}\r\nX-Request-Id: ${secrets.phone} ${secrets.free}\r\nBad Header: ${secrets.email}\r\n\r\n`, { quiet: 300 });
  assert.match(raw.text, /^HTTP\/1\.1 400 /);
  const { headers: last } = await ana.delete("/v1/sessions/current");
  await until("its line", () => world.server.log().includes(last["x-request-id"]) && world.server.log().endsWith("\n"));

  const lines = world.server.log().trim().split("\n");
  assert.ok(lines.length > 20);
  for (const line of lines) {
    const entry = JSON.parse(line);
    assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, line);
    assert.ok(["debug", "info", "warn", "error"].includes(entry.level), line);
    assert.equal(typeof entry.msg, "string");
  }
  const created = lines.map((l) => JSON.parse(l)).find((e) => e.request_id === r.headers["x-request-id"]);
  assert.equal(created.operation_id, "typification_create");
  assert.equal(created.status, 201);
  assert.equal(typeof created.duration_ms, "number");
  const log = world.server.log();
  for (const [what, value] of Object.entries({ ...secrets, password: lib.password, key: lib.serverKey, access: s.access_token, refresh: s.refresh_token, renewed: renewed.access_token,
    renewedRefresh: renewed.refresh_token, signature: renewed.access_token.split(".")[2], databasePassword: new URL(world.database.serve).password,
    ruc: "20467534026", sample: "944264648", mail: "demostracionescomerciales" }))
    assert.ok(!log.includes(value), `the log holds ${what}: ${lines.find((l) => l.includes(value))}`);
  assert.ok(!log.toLowerCase().includes("zutano"));
});

test("serve: idle connections do not delay the exit", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_DRAIN_MS: "60000" } });
  const idle = await Promise.all(Array.from({ length: 20 }, () => new Promise((resolve) => {
    const s = net.connect(server.port, "127.0.0.1", () => s.write("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"));
    s.on("error", () => {});
    s.once("data", () => resolve(s));
  })));
  const begun = Date.now();
  const { code } = await server.stop();
  assert.equal(code, 0);
  assert.ok(Date.now() - begun < 20000, `${Date.now() - begun} ms`);   // GESTOR_DRAIN_MS is 60 s
  idle.forEach((s) => s.destroy());
});

test("gestor serve: exits on SIGTERM even if nobody reads its log any more", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_DRAIN_MS: "500" } }), as = lib.caller(server.base);
  server.child.stderr.pause();
  for (let i = 0; i < 40; i++) await Promise.all(Array.from({ length: 30 }, () => as.get("/v1/catalogs")));
  const begun = Date.now();
  server.child.kill("SIGTERM");
  await new Promise((resolve) => server.child.on("exit", resolve));
  assert.ok(Date.now() - begun < 20000, `${Date.now() - begun} ms`);
  server.child.stderr.resume();
  assert.equal((await server.ended).code, 0);
});
