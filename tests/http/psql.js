/*
 * sql(url, text) - runs SQL in psql, waits for it, and returns the rows as unaligned text.
 * Throws psql's message if it fails.
 *
 * One psql per url stays open, because starting and connecting another takes a tenth of
 * a second. A call leaves no transaction, lock or session setting behind. A failed call
 * ends its psql, and the next call starts another. A worker thread runs the psql
 * processes, because the calling thread blocks until the result is there.
 */
"use strict";

const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const { Worker, MessageChannel, isMainThread, receiveMessageOnPort, workerData } = require("node:worker_threads");

/* ------------------------------------------------------- the calling thread */

let port, done;
function sql(url, text) {
  if (!port) {
    const { port1, port2 } = new MessageChannel();
    done = new Int32Array(new SharedArrayBuffer(4));
    new Worker(__filename, { workerData: { port: port2, done }, transferList: [port2] }).unref();
    port = port1;
  }
  Atomics.store(done, 0, 0);
  port.postMessage({ url, text });
  /* Loop, because a late notification of the previous call may end this wait too early. */
  while (Atomics.load(done, 0) === 0)
    if (Atomics.wait(done, 0, 0, 120000) === "timed-out") throw new Error(`psql: not finished after two minutes\nin: ${text.slice(0, 500)}`);
  const { rows, error } = receiveMessageOnPort(port).message;
  if (error) throw new Error(`${error}in: ${text.slice(0, 500)}`);
  return rows;
}

/* -------------------------------------------------------- the worker thread */

const sessions = new Map();   // by url

function session(url) {
  if (sessions.has(url)) return sessions.get(url);
  const child = spawn("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url], { stdio: "pipe" });
  const s = { child, out: "", err: "", look: () => {} };
  child.stdout.setEncoding("utf8").on("data", (some) => { s.out += some; s.look(false); });
  child.stderr.setEncoding("utf8").on("data", (some) => { s.err += some; });
  child.stdin.on("error", () => {});   // psql has exited: "close" follows
  child.on("error", (e) => { s.err += `${e.message}\n`; sessions.delete(url); s.look(true); });
  child.on("close", () => { sessions.delete(url); s.look(true); });
  sessions.set(url, s);
  return s;
}

function run({ url, text }) {
  return new Promise((resolve) => {
    const s = session(url), end = `-- ${crypto.randomUUID()}\n`;
    s.out = s.err = "";
    s.look = (over) => {
      if (s.out.endsWith(end)) resolve({ rows: s.out.slice(0, -end.length).trim() });
      else if (over) resolve({ error: s.err || "psql ended\n" });
    };
    s.child.stdin.write(`set search_path = gestor, pg_temp;\n${text}\n;\nrollback;\ndiscard all;\n\\echo ${end}`);
  });
}

if (isMainThread) {
  module.exports = { sql };
} else {
  workerData.port.on("message", async (asked) => {
    workerData.port.postMessage(await run(asked));
    Atomics.store(workerData.done, 0, 1);
    Atomics.notify(workerData.done, 0);
  });
}
