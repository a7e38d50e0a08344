/*
 * Child processes and directories that never outlive this run for long: the kernel signals
 * every child when this process dies (setpriv --pdeathsig), and the next run removes the
 * directories that a killed run left behind.
 */
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");

const root = path.join(__dirname, "../..");
const prefix = path.join(os.tmpdir(), "gestor-fault-");
const children = new Set();
const undo = [];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* until(what, condition, limit) - polls the condition, and returns how many ms it took; throws after `limit` ms. */
async function until(what, condition, limit, step = 20) {
  const began = Date.now();
  while (!(await condition())) {
    if (Date.now() - began > limit) throw new Error(`${what}: not within ${limit} ms`);
    await pause(step);
  }
  return Date.now() - began;
}

/* Below 32768, where the kernel's ports for outgoing connections begin. */
async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 12000);
    const free = await new Promise((resolve) => {
      const s = net.createServer();
      s.on("error", () => resolve(false));
      s.listen(port, "127.0.0.1", () => s.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

const alive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

let folder;
/* directory() - this run's directory, which PostgreSQL's user can enter; or its parent's, which set FAULT_DIRECTORY. */
function directory() {
  if (process.env.FAULT_DIRECTORY) return process.env.FAULT_DIRECTORY;
  if (folder) return folder;
  for (const name of fs.readdirSync(os.tmpdir())) {
    const left = path.join(os.tmpdir(), name), owner = Number(name.split("-")[2]);
    if (left.startsWith(prefix) && !alive(owner)) removeTree(left);
  }
  folder = fs.mkdtempSync(`${prefix}${process.pid}-`);
  fs.chmodSync(folder, 0o711);
  return folder;
}

function removeTree(where) {
  for (const line of fs.readFileSync("/proc/mounts", "utf8").split("\n")) {
    const at = line.split(" ")[1] || "";
    if (at.startsWith(where + "/")) execFileSync("umount", ["-l", at]);
  }
  fs.rmSync(where, { recursive: true, force: true });
}

/*
 * start(words, {env, user, signal, log, nofile}) - starts a child that gets `signal` when this
 * process dies. Its output goes to the file `log`. .ended: a promise of {code, signal}.
 */
function start(words, { env = {}, user = null, signal = "KILL", log, nofile = 0 } = {}) {
  const as = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups"] : [];
  const limit = nofile ? ["prlimit", `--nofile=${nofile}:${nofile}`, "--"] : [];
  const out = log ? fs.openSync(log, "a") : "ignore";
  const child = spawn("setpriv", [...as, "--pdeathsig", signal, "--", ...limit, ...words],
    { cwd: "/", env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", out, out] });
  if (log) fs.closeSync(out);
  child.over = null;
  children.add(child);
  child.ended = new Promise((resolve) => child.on("exit", (code, sig) => {
    children.delete(child);
    child.over = { code, signal: sig };
    resolve(child.over);
  }));
  return child;
}

/* atEnd(f) - registers f to be called, synchronously, when the run ends; the last one first. */
const atEnd = (f) => undo.push(f);

function end() {
  for (const f of undo.splice(0).reverse()) {
    try {
      f();
    } catch {
      /* continue with the other functions */
    }
  }
  for (const child of children) child.kill("SIGKILL");
  if (folder) {
    try {
      removeTree(folder);
    } catch {
      /* the next run removes it */
    }
  }
}
process.on("exit", end);
for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(s, () => process.exit(1));

/* resources(pid) - {rss (KB), fds, threads} of a process. */
function resources(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  const number = (name) => Number(new RegExp(`^${name}:\\s+([0-9]+)`, "m").exec(status)[1]);
  return { rss: number("VmRSS"), fds: fs.readdirSync(`/proc/${pid}/fd`).length, threads: number("Threads") };
}

module.exports = { root, pause, until, freePort, directory, start, atEnd, alive, resources };
