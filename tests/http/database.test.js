/*
 * The roles' settings and privileges, as tools/cluster.sh and deploy/roles.sh create them,
 * and TLS to PostgreSQL. This file starts its own cluster.
 */
"use strict";

const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const lib = require("./lib.js");

let dir, cluster, words;
const servers = [];

const psql = (url, text) => spawnSync("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-d", url], { input: text, encoding: "utf8" });
function ask(url, text) {
  const r = psql(url, text);
  assert.equal(r.status, 0, r.stderr);
  return r.stdout.trim();
}
const at = (port, role, database = "gestor", settings = {}) =>
  `postgresql://${role}:${words[role]}@127.0.0.1:${port}/${database}?${new URLSearchParams(settings)}`;
const url = (role, settings = {}, database = "gestor") => at(cluster.port, role, database, settings);

/* The settings of a plain session of each role, and the privileges of each role in the database. */
const settings = ["search_path", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
const given = () => ({
  serve: ask(url("gestor_serve"), settings.map((s) => `show ${s};`).join("\n")).split("\n"),
  owner: ask(url("gestor_owner"), settings.map((s) => `show ${s};`).join("\n")).split("\n"),
  roles: ask(url("postgres", {}, "postgres"), `select rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
    from pg_roles where rolname ~ '^gestor' order by 1`).split("\n"),
  members: ask(url("postgres", {}, "postgres"), "select member::regrole, roleid::regrole, admin_option from pg_auth_members where member::regrole::text ~ '^gestor'"),
  database: ask(url("postgres", {}, "postgres"), "select datdba::regrole, array(select x.grantee::regrole || ' ' || x.privilege_type from aclexplode(datacl) x order by 1) from pg_database where datname = 'gestor'"),
});
const wanted = {
  serve: ["gestor, pg_temp", "5s", "1s", "5s"],
  owner: ["gestor, pg_temp", "0", "0", "10min"],
  roles: ["gestor_api|f|f|f|f|f|f", "gestor_owner|t|f|f|f|f|f", "gestor_serve|t|f|f|f|f|f"],
  members: "gestor_serve|gestor_api|f",
  database: 'gestor_owner|{"gestor_api CONNECT","gestor_owner CONNECT","gestor_owner CREATE","gestor_owner TEMPORARY"}',
};

/* openssl(...args) - runs openssl in the directory of this file's certificates. */
const openssl = (...args) => execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const authority = (name) => openssl("req", "-x509", ...key, "-days", "2", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.pem`);

/* The server writes the files as its own user, because PostgreSQL refuses a key that others can read. */
function put(name, text) {
  ask(url("postgres", {}, "postgres"), `copy (select unnest(string_to_array('${text.trim().replace(/'/g, "''")}', E'\\n'))) to program 'umask 077; cat >${name}';`);
}

before(() => {
  fs.mkdirSync(path.join(lib.root, "build/test"), { recursive: true });
  /* tests/run.sh finds a cluster that a killed run left behind by this name. */
  dir = fs.mkdtempSync(path.join(lib.root, "build/test/tmp.database-"));
  fs.chmodSync(dir, 0o711);
  execFileSync(path.join(lib.root, "tools/cluster.sh"), ["start", path.join(dir, "pg"), "--fast-unsafe"], { stdio: ["ignore", "inherit", "inherit"] });
  const env = fs.readFileSync(path.join(dir, "pg.env"), "utf8");
  words = Object.fromEntries([...env.matchAll(/\/\/(\w+):(\w+)@/g)].map((m) => [m[1], m[2]]));
  cluster = { port: Number(env.match(/@127\.0\.0\.1:(\d+)/)[1]) };
});

after(async () => {
  await Promise.all(servers.map((s) => s.stop()));
  execFileSync(path.join(lib.root, "tools/cluster.sh"), ["stop", path.join(dir, "pg")]);
  fs.rmSync(dir, { recursive: true, force: true });
});

test("roles: sessions of the serving role have a pinned search_path and timeouts, whether tools/cluster.sh or deploy/roles.sh created it", () => {
  assert.deepEqual(given(), wanted);
  ask(url("postgres", {}, "postgres"), "drop database gestor; drop role gestor_serve; drop role gestor_owner; drop role gestor_api;");
  fs.mkdirSync(path.join(dir, "secrets"));
  for (const role of ["owner", "serve"]) fs.writeFileSync(path.join(dir, `secrets/${role}_password`), words[`gestor_${role}`] + "\n");
  execFileSync("bash", [path.join(lib.root, "deploy/roles.sh")], { stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, SECRETS: path.join(dir, "secrets"), PGHOST: "127.0.0.1", PGPORT: String(cluster.port), PGPASSWORD: words.postgres } });
  assert.deepEqual(given(), wanted);
});

test("roles: the serving role cannot change settings, roles or databases, nor create objects", () => {
  execFileSync(lib.gestor, ["migrate"], { env: { ...process.env, DATABASE_URL: url("gestor_owner") }, stdio: ["ignore", "ignore", "inherit"] });
  const statements = ["alter system set fsync = off", "create database x", "create tablespace x location '/tmp'", "set role gestor_owner", "set role postgres",
    "set session authorization gestor_owner", "alter database gestor set statement_timeout = 0", "alter role gestor_owner reset all",
    "create temporary table x (a int)", "create table public.x (a int)", "create table x (a int)", "checkpoint", "reindex database gestor"];
  const refused = spawnSync("psql", ["-XAtq", "-v", "VERBOSITY=sqlstate", "-d", url("gestor_serve")], { input: statements.map((s) => `${s};\n`).join(""), encoding: "utf8" });
  assert.deepEqual(refused.stderr.trim().split("\n"), statements.map(() => "ERROR:  42501"));
  const slow = psql(url("gestor_serve"), "set statement_timeout to '50ms'; select pg_sleep(10);");
  assert.match(slow.stderr, /57014/);
});

test("client_create: a commit that no standby has is not acknowledged, and neither is a retry of it; once a standby has it, the retry is", async () => {
  const admin = (text) => ask(url("postgres", {}, "postgres"), text);
  execFileSync(lib.gestor, ["migrate"], { env: { ...process.env, DATABASE_URL: url("gestor_owner") }, stdio: ["ignore", "ignore", "inherit"] });
  execFileSync(lib.gestor, ["advisor", "add", "--username", "E1234567", "--name", "ASESOR", "--role", "advisor"],
    { env: { ...process.env, DATABASE_URL: url("gestor_owner") }, input: "una-clave-de-prueba\n", stdio: ["pipe", "ignore", "inherit"] });
  const server = await lib.startServer(url("gestor_serve"), { env: { GESTOR_QUERY_TIMEOUT_MS: "1500" } });
  servers.push(server);
  const signed = await lib.caller(server.base).post("/v1/sessions", { username: "E1234567", password: "una-clave-de-prueba" });
  assert.equal(signed.status, 201, signed.text);
  const send = () => lib.caller(server.base, signed.json.access_token).post("/v1/clients", { name: "ANA", document_type: "dni", document_number: "45678912" }, { "idempotency-key": "una" });
  const sending = () => Number(admin("select count(*) from pg_stat_activity where wait_event = 'SyncRep'"));

  admin("alter system set synchronous_standby_names = 'nobody';\nselect pg_reload_conf();");
  for (let i = 0; i < 100 && ask(url("gestor_serve"), "show synchronous_standby_names") !== "nobody"; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  const first = await send();
  assert.deepEqual([first.status, first.json.code], [503, "outcome_unknown"], first.text);
  assert.equal(sending(), 1, "it waits for a standby");
  /* A crash of PostgreSQL makes the commit visible here. A standby still does not have it. */
  admin("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
  for (let i = 0; i < 100 && ask(url("gestor_owner"), "select count(*) from gestor.client") !== "1"; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await send();
  assert.deepEqual([second.status, second.json.code], [503, "outcome_unknown"], second.text);

  admin("alter system reset synchronous_standby_names;\nselect pg_reload_conf();");
  for (let i = 0; i < 100 && (sending() > 0 || ask(url("gestor_serve"), "show synchronous_standby_names") !== ""); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  const third = await send();
  assert.deepEqual([third.status, third.headers["idempotent-replayed"]], [201, "true"], third.text);
  assert.equal(ask(url("gestor_owner"), "select count(*) from gestor.client"), "1");
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test("serve: TLS to PostgreSQL by connection string: a wrong authority, a wrong host name and plain text are refused, and the log says why", async () => {
  authority("right");
  authority("wrong");
  fs.writeFileSync(path.join(dir, "names"), "subjectAltName=DNS:db.gestor.test\n");
  openssl("req", ...key, "-subj", "/CN=db.gestor.test", "-keyout", "server.key", "-out", "server.csr");
  openssl("x509", "-req", "-in", "server.csr", "-CA", "right.pem", "-CAkey", "right.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem");
  for (const [name, file] of [["server.crt", "server.pem"], ["server.key", "server.key"]]) put(name, fs.readFileSync(path.join(dir, file), "utf8"));
  put("pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256");
  ask(url("postgres", {}, "postgres"), "alter system set ssl = on;\nselect pg_reload_conf();");

  const tls = (more) => url("gestor_serve", { host: "db.gestor.test", hostaddr: "127.0.0.1", sslmode: "verify-full", sslrootcert: path.join(dir, "right.pem"), ...more });
  const start = async (settings, ready) => {
    const server = await lib.startServer(tls(settings).replace("@127.0.0.1:", "@:"), { ready });
    servers.push(server);
    return server;
  };
  const good = await start({}, true);
  const admin = url("postgres", { sslmode: "require" }, "postgres");
  const sessions = () => ask(admin, `select count(*), bool_and(s.ssl and s.version in ('TLSv1.2', 'TLSv1.3')), count(*) filter (where a.query ~ '^(listen|select s.id, null::bigint)')
    from pg_stat_activity a join pg_stat_ssl s using (pid) where a.usename = 'gestor_serve'`);
  for (let i = 0; i < 300 && sessions() !== "5|t|1"; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(sessions(), "5|t|1", "the pool's four connections and the listener, each with TLS");
  const r = await lib.caller(good.base).post("/v1/sessions", { username: "E1234567", password: "nobody-is-there" });
  assert.equal(r.status, 401, r.text);

  await Promise.all([
    [{ sslrootcert: path.join(dir, "wrong.pem") }, /SSL error: certificate verify failed/],
    [{ host: "127.0.0.1" }, /server certificate for \\"db\.gestor\.test\\" .*does not match host name \\"127\.0\.0\.1\\"/],
    [{ sslmode: "disable" }, /no pg_hba\.conf entry .*no encryption/],
  ].map(async ([settings, why]) => {
    const bad = await start(settings, false);
    for (let i = 0; i < 300 && !why.test(bad.log()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(bad.log(), why);
    assert.doesNotMatch(bad.log(), new RegExp(words.gestor_serve));
    const said = await lib.caller(bad.base).get("/readyz");
    assert.equal(said.status, 503);
    assert.doesNotMatch(said.text, /SSL|certificate|pg_hba|postgres/i);
  }));
  assert.equal(sessions(), "5|t|1", "refused servers have no session");
});
