/*
 * sql(url, text) - runs SQL by psql and waits for it; the rows, as text, unaligned.
 * Fails with what psql said.
 *
 * One psql for each url is kept: to start and connect another takes a tenth of a
 * second, in which the test that waits could do nothing else. A call leaves neither
 * a transaction nor a lock nor a setting of the session; one that failed has ended it,
 * and the next begins another. A thread has them, for this one stands still meanwhile.
 */
"use strict";

const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const { Worker, MessageChannel, isMainThread, receiveMessageOnPort, workerData } = require("node:worker_threads");

/* ------------------------------------------------------- who asks, and waits */

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
  /* The notice of the call before may come after its value was seen, and wakes this one too early. */
  while (Atomics.load(done, 0) === 0)
    if (Atomics.wait(done, 0, 0, 120000) === "timed-out") throw new Error(`psql: no end in two minutes\nin: ${text.slice(0, 500)}`);
  const { rows, error } = receiveMessageOnPort(port).message;
  if (error) throw new Error(`${error}in: ${text.slice(0, 500)}`);
  return rows;
}

/* --------------------------------------------------- the thread with the psql's */

const sessions = new Map();   // by url

function session(url) {
  if (sessions.has(url)) return sessions.get(url);
  const child = spawn("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url], { stdio: "pipe" });
  const s = { child, out: "", err: "", look: () => {} };
  child.stdout.setEncoding("utf8").on("data", (some) => { s.out += some; s.look(false); });
  child.stderr.setEncoding("utf8").on("data", (some) => { s.err += some; });
  child.stdin.on("error", () => {});   // it has ended: "close" follows
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
