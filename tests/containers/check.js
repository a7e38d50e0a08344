/*
 * node check.js PROJECT REPOSITORY - brings docker-compose.yml of the working directory up with podman-compose, and checks it.
 * The images are there (tests/containers.sh). Podman and its settings are those of the environment.
 */
"use strict";
const { execFileSync, spawnSync } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const [project, repository] = process.argv.slice(2);
const { Load } = require(path.join(repository, "tests/fault/load.js"));
const { compare } = require(path.join(repository, "tests/fault/compare.js"));
const { until } = require(path.join(repository, "tests/fault/processes.js"));
const url = `https://localhost:${process.env.GESTOR_HTTPS_PORT}`;
const services = ["postgres", "migrate", "api", "haproxy"], running = ["postgres", "api", "haproxy"];
const container = (service) => `${project}_${service}_1`;

let passed = 0, failed = 0;
function check(what, holds, more = "") {
  holds ? passed++ : failed++;
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}${holds || more === "" ? "" : `: ${more}`}`);
}
const same = (what, got, wanted) => check(what, JSON.stringify(got) === JSON.stringify(wanted), JSON.stringify(got));

function podman(...words) {
  return execFileSync("podman", words, { encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "pipe"] }).trim();
}
function tried(program, words, options = {}) {
  const r = spawnSync(program, words, { encoding: "utf8", maxBuffer: 1 << 26, ...options });
  return { status: r.status, text: `${r.stdout}${r.stderr}` };
}
const inside = (service, script) => tried("podman", ["exec", container(service), "/bin/bash", "-c", script]);
function compose(...words) {
  const r = tried("podman-compose", ["--podman-path", path.join(process.cwd(), "tests/containers/podman"), ...words]);
  if (r.status !== 0) throw new Error(`podman-compose ${words.join(" ")}: ${r.status}\n${r.text.slice(-3000)}`);
  return r.text;
}
const inspect = (service) => JSON.parse(podman("inspect", container(service)))[0];
const sql = (text) => execFileSync("podman", ["exec", "-i", container("postgres"), "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "gestor"],
  { encoding: "utf8", input: `set search_path = gestor, pg_temp;\n${text}`, maxBuffer: 1 << 26 }).trim();
/* Nobody runs the health checks where there is no systemd. */
const healthy = (service) => tried("podman", ["healthcheck", "run", container(service)]).status === 0;

/* answers(path) - the status over TLS, with the certificate checked; 0 without an answer. */
function answers(where) {
  const r = tried("curl", ["-sS", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", "--cacert", "deploy/secrets/tls.crt", url + where]);
  return Number(r.text.slice(0, 3)) || 0;
}
const ready = () => until("GET /readyz", () => answers("/readyz") === 200, 120000, 300);

function account(username, role) {
  const word = crypto.randomBytes(15).toString("base64url");
  const r = tried("podman", ["run", "--rm", "-i", "--net", `${project}_back`, "-e", "DATABASE_URL_FILE=/run/secrets/owner_url",
    "-v", `${process.cwd()}/deploy/secrets/owner_url:/run/secrets/owner_url:ro`, "gestor", "advisor", "add",
    "--username", username, "--name", "FULL NAME", "--role", role], { input: `${word}\n` });
  if (r.status !== 0) throw new Error(`advisor add: ${r.text}`);
  return word;
}

function state() {
  same("every service is up, and the migration is done", services.map((s) => [s, inspect(s).State.Running, inspect(s).State.ExitCode]),
    services.map((s) => [s, s !== "migrate", 0]));
  for (const s of ["postgres", "api"]) check(`the health check of ${s}`, healthy(s));
}

/* Megabytes of memory and numbers of processes that docker-compose.yml allows. */
const bounds = { postgres: [2048, 256], api: [1024, 1024], haproxy: [2048, 1024] };
const cgroup = (pid, controller, file) => {
  const line = fs.readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n").find((l) => l.split(":")[1].split(",").includes(controller));
  const places = line ? [`/sys/fs/cgroup/${controller}${line.split(":")[2]}/${file[0]}`]
    : [`/sys/fs/cgroup${fs.readFileSync(`/proc/${pid}/cgroup`, "utf8").match(/^0::(.*)$/m)[1]}/${file[1]}`];
  return Number(fs.readFileSync(places[0], "utf8"));
};

function walls() {
  for (const s of running) {
    const { pid, user } = { pid: inspect(s).State.Pid, user: { postgres: 999, api: 10001, haproxy: 99 }[s] };
    const status = Object.fromEntries(fs.readFileSync(`/proc/${pid}/status`, "utf8").split("\n").map((l) => l.split(":\t")));
    check(`${s}: the root file system is read-only`, inspect(s).HostConfig.ReadonlyRootfs && /Read-only file system/.test(inside(s, "echo x >/usr/x").text));
    same(`${s}: it is no root, and has no capability`, [status.Uid.split("\t")[0], status.CapEff, status.CapPrm], [String(user), "0".repeat(16), "0".repeat(16)]);
    same(`${s}: it can gain none`, [status.NoNewPrivs, s === "postgres" ? "" : status.CapBnd], ["1", s === "postgres" ? "" : "0".repeat(16)]);
    same(`${s}: the bounds of memory and processes`, [cgroup(pid, "memory", ["memory.limit_in_bytes", "memory.max"]) / 1048576,
      cgroup(pid, "pids", ["pids.max", "pids.max"])], bounds[s]);
    check(`${s}: nothing in /tmp can be run`, /Permission denied/.test(inside(s, "cp /bin/true /tmp/x && /tmp/x").text));
    check(`${s}: it has a filter of system calls`, status.Seccomp === "2");
  }
  check("the database is not reached from outside", tried("ip", ["route", "get", inspect("postgres").NetworkSettings.Networks[`${project}_back`].IPAddress]).status === 0 &&
    !Object.values(inspect("postgres").NetworkSettings.Ports || {}).some(Boolean));
  check("HAProxy does not reach the database", inside("haproxy", "exec 3<>/dev/tcp/postgres/5432").status !== 0);
  check("the service does", inside("api", "exec 3<>/dev/tcp/postgres/5432").status === 0);
}

function secrets() {
  const words = fs.readdirSync("deploy/secrets").filter((f) => f !== "tls.crt").flatMap((f) => fs.readFileSync(`deploy/secrets/${f}`, "utf8").split("\n"))
    .filter((l) => l.length > 20 && !l.startsWith("-----"));
  const shown = (text) => words.filter((w) => text.includes(w)).length;
  /* The certificate in tls.pem is public, and no less an example of what must not be there. */
  for (const s of services) same(`${s}: no secret is in inspect`, shown(podman("inspect", container(s))), 0);
  for (const s of services) same(`${s}: nor in the log`, shown(tried("podman", ["logs", container(s)]).text), 0);
  for (const image of ["gestor", "gestor-build"]) same(`the image ${image}: nor there`, shown(podman("inspect", image) + podman("history", "--no-trunc", image)), 0);
  same("nor in a process's environment or arguments", running.map((s) => shown(inside(s, "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'").text)), [0, 0, 0]);
  same("the image has no source, compiler or package list", inside("api", "ls /src /usr/bin/gcc /var/lib/apt/lists/*_Packages 2>/dev/null").text, "");
}

/* restarts(load) - each container is restarted under load. */
async function restarts(load) {
  for (const s of running) {
    await load.steady(5);
    const r = tried("podman", ["restart", "--time", { postgres: "60", api: "20", haproxy: "35" }[s], container(s)]);
    check(`${s} restarts under load`, r.status === 0, r.text);
    const ms = await load.goesOn(20, 90000);
    console.log(`        20 more writes after ${(ms / 1000).toFixed(1)} s`);
    same(`${s}: it exited by itself`, /cannot stop|SIGKILL/.test(r.text), false);
  }
  same("who ends unasked is to be started again", running.map((s) => inspect(s).HostConfig.RestartPolicy.Name), running.map(() => "unless-stopped"));
  /* Podman does so from conmon, which does not know these settings of the environment; here this program does. */
  const pid = inspect("api").State.Pid;
  process.kill(pid, "SIGKILL");
  await until("the service is gone", () => !fs.existsSync(`/proc/${pid}/exe`), 10000);
  podman("start", container("api"));
  await load.goesOn(20, 60000);
  check("a killed service is started again", inspect("api").State.Pid !== pid);
}

async function main() {
  compose("up", "--detach");
  await ready();
  state();
  same("over TLS, with the certificate checked: alive, the contract, no token, not public", ["/livez", "/openapi.yaml", "/v1/catalogs", "/metrics"].map(answers), [200, 200, 401, 404]);
  walls();
  sql(fs.readFileSync("db/demo.sql", "utf8"));
  const word = account("E8153375", "advisor");
  const walk = tried("bash", [path.join(repository, "tests/http/walk.sh")],
    { env: { ...process.env, BASE_URL: url, USERNAME: "E8153375", PASSWORD: word, CURL_CA_BUNDLE: path.resolve("deploy/secrets/tls.crt") } });
  check("the whole call, over TLS", walk.status === 0, walk.text.slice(-1500));

  const load = new Load(url, null, { writers: 6, every: 50, only: "typification" });
  load.token = JSON.parse((await load.ask({ method: "POST", path: "/v1/sessions", body: { username: "E8153375", password: word } })).text).access_token;
  await load.start(5);
  await restarts(load);
  await load.stop(60000);
  same(`${load.acknowledged.length} acknowledged writes: lost, twice, half, stray`, Object.values(compare({ sql }, load)), [0, 0, 0, 0]);
  same("no answer was wrong", load.wrong.slice(0, 3), []);
  secrets();

  /* The version after: the images that Compose builds have one more migration. */
  const before = sql("select (select count(*) from opportunity), (select count(*) from audit), (select max(version) from schema_migrations)");
  const bytes = fs.readFileSync("deploy/secrets/jwt_secret", "utf8");
  compose("down");
  podman("tag", "gestor", "gestor-before");
  podman("tag", "gestor-next", "gestor");
  compose("up", "--detach");
  await ready();
  state();
  same("the migration is applied", sql("select max(version) from schema_migrations; select id from later"), "9999\n1");
  same("the data are there", sql("select (select count(*) from opportunity), (select count(*) from audit)"), before.split("|").slice(0, 2).join("|"));
  same("so are the acknowledged writes: lost, twice, half, stray", Object.values(compare({ sql }, load)), [0, 0, 0, 0]);
  same("a session goes on", (await load.ask({ path: `/v1/clients/${load.client}` })).status, 200);
  same("the secrets are the same", fs.readFileSync("deploy/secrets/jwt_secret", "utf8"), bytes);
  compose("down");
}

main().catch((e) => {
  check("the test came to its end", false, e.stack);
  for (const s of running) console.log(`-- ${s}\n${tried("podman", ["logs", "--tail", "8", container(s)]).text}`);
}).finally(() => {
  console.log(`${passed} passed, ${failed} failed`);
  /* Also ends a load that still tries. */
  process.exit(failed ? 1 : 0);
});
