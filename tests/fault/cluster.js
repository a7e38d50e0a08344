/*
 * A separate PostgreSQL cluster with fsync on, created by tools/cluster.sh. It runs as a child
 * process, so that a scenario can stop, hang and kill it, and it ends with this process.
 */
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { root, until, directory, start, atEnd } = require("./processes.js");

/* Where PostgreSQL's programs are, as tools/lib.sh finds it. */
const bin = process.env.POSTGRESQL_BIN || execFileSync("bash", ["-c", '. tools/lib.sh; need_postgresql; printf %s "$POSTGRESQL_BIN"'],
  { cwd: root, encoding: "utf8" });
const password = "una-clave-de-prueba";

const withDatabase = (url, name) => url.replace(/\/[^/]*$/, "/" + name);

/* psql(url, text) - runs SQL and returns the rows as unaligned text. */
function psql(url, text) {
  return execFileSync(`${bin}/psql`, ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url],
    { input: "set search_path = gestor, pg_temp;\n" + text, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "pipe"] }).trim();
}

class Cluster {
  /* settings: {name: value} for postgresql.conf */
  constructor(dir, settings = {}) {
    this.dir = dir;
    this.settings = settings;
    this.log = `${dir}.log`;
    this.databases = 0;
  }

  /* make() - creates and starts a cluster with the database gestor_template: migrated, with sample data and one advisor. */
  async make() {
    execFileSync(`${root}/tools/cluster.sh`, ["start", this.dir]);
    execFileSync(`${root}/tools/cluster.sh`, ["stop", this.dir]);
    this.adopt(this.dir + ".env");
    fs.appendFileSync(path.join(this.dir, "pg_hba.conf"), "host replication all 127.0.0.1/32 scram-sha-256\n");
    await this.start();
    psql(this.superuser, "create database gestor_template owner gestor_owner");
    const template = withDatabase(this.owner, "gestor_template"), env = { ...process.env, DATABASE_URL: template };
    const gestor = process.env.GESTOR_BIN || `${root}/build/gestor`;
    execFileSync(gestor, ["migrate"], { env });
    psql(template, fs.readFileSync(`${root}/db/demo.sql`, "utf8"));
    execFileSync(gestor, ["advisor", "add", "--username", "E8153375", "--name", "ASESOR DE FALLAS", "--role", "advisor"],
      { env, input: password + "\n", stdio: ["pipe", "ignore", "inherit"] });
    return this;
  }

  adopt(file) {
    const text = fs.readFileSync(file, "utf8"), value = (name) => new RegExp(`^${name}='(.*)'$`, "m").exec(text)[1];
    [this.owner, this.serve, this.superuser] = ["OWNER_URL", "SERVE_URL", "SUPERUSER_URL"].map(value);
    this.port = Number(new URL(this.superuser).port);
  }

  /* move(port) - sets the port of a cluster that was copied from another. */
  move(port) {
    for (const name of ["owner", "serve", "superuser"]) this[name] = this[name].replace(/:\d+\//, `:${port}/`);
    this.port = port;
  }

  user() {
    const { uid, gid } = fs.statSync(this.dir);
    return process.getuid() === 0 ? { uid, gid } : null;
  }

  launch() {
    const words = Object.entries({ ...this.settings, port: this.port }).flatMap(([k, v]) => ["-c", `${k}=${v}`]);
    this.child = start([`${bin}/postgres`, "-D", this.dir, ...words], { env: { LC_ALL: "C.UTF-8" }, user: this.user(), signal: "QUIT", log: this.log });
  }

  async start() {
    this.launch();
    await until("PostgreSQL starts", () => {
      if (this.child.over) throw new Error("PostgreSQL ended: " + fs.readFileSync(this.log, "utf8").slice(-2000));
      return this.accepts();
    }, 60000, 10);
  }

  /* Whether it accepts sessions, from its pid file, because a client program takes longer to ask. */
  accepts() {
    try {
      return fs.readFileSync(path.join(this.dir, "postmaster.pid"), "utf8").split("\n")[7]?.startsWith("ready") || false;
    } catch {
      return false;
    }
  }

  /* stop(how) - "fast" ends the sessions cleanly, "immediate" is like a crash. */
  async stop(how = "fast") {
    if (!this.child || this.child.over) return;
    this.child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await this.child.ended;
  }

  /* All its processes. Backends have their own process sessions, so they are found by their parent. */
  pids() {
    const children = fs.readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, "utf8").trim();
    return [this.child.pid, ...children.split(" ").filter(Boolean).map(Number)];
  }

  async kill() {
    for (const pid of this.pids()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        /* it has just exited */
      }
    }
    await this.child.ended;
  }

  /* hang(seconds) - stops all its processes. A detached process continues them, even if this one has died. */
  hang(seconds) {
    const pids = this.pids().join(" ");
    return new Promise((resolve) => {
      spawn("bash", ["-c", `kill -STOP ${pids}; sleep ${seconds}; kill -CONT ${pids}`], { detached: true, stdio: "ignore" }).on("exit", resolve);
    });
  }

  /* database() - creates a copy of the template: {name, serve, sql}. */
  database() {
    const name = `fault_${++this.databases}`;
    psql(this.superuser, `create database ${name} template gestor_template owner gestor_owner`);
    return this.named(name);
  }

  named(name) {
    return { name, cluster: this, serve: withDatabase(this.serve, name), owner: withDatabase(this.owner, name),
      sql: (text) => psql(withDatabase(this.superuser, name), text) };
  }

  /* sessions(database) - the number of the service's current sessions. */
  sessions(name) {
    return Number(psql(this.superuser, `select count(*) from pg_stat_activity where datname = '${name}' and application_name = 'gestor'`));
  }
}

/* run(words, cluster) - runs a command as the cluster's user. */
const run = (words, cluster, env = {}) => {
  const user = cluster.user();
  const as = user ? ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--"] : [];
  return execFileSync([...as, ...words][0], [...as, ...words].slice(1), { cwd: "/", env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8", ...env }, stdio: ["ignore", "pipe", "pipe"] });
};

/* standby(primary, dir, port, name) - copies the primary, and starts the copy as a standby with this name. */
async function standby(primary, dir, port, name) {
  const user = primary.user(), cluster = new Cluster(dir, primary.settings), from = new URL(primary.superuser);
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { mode: 0o700 });
  if (user) fs.chownSync(dir, user.uid, user.gid);
  run([`${bin}/pg_basebackup`, "-D", dir, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync",
    "-d", `host=127.0.0.1 port=${primary.port} user=postgres application_name=${name}`], primary, { PGPASSWORD: from.password });
  Object.assign(cluster, { owner: primary.owner, serve: primary.serve, superuser: primary.superuser });
  cluster.move(port);
  await cluster.start();
  return cluster;
}

let common;
/* shared() - one cluster for all scenarios that leave it unchanged. */
async function shared() {
  if (!common) {
    common = new Cluster(path.join(directory(), "pg"));
    atEnd(() => common.child?.kill("SIGQUIT"));
    await common.make();
  }
  return common;
}

module.exports = { Cluster, shared, psql, bin, password, run, standby };
