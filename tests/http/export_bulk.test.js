/*
 * An export of many opportunities: how much memory the service needs, and that the desk goes on. The step bulk has all of them.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const lib = require("./lib.js");

const wanted = Number(process.env.EXPORT_ROWS) || (process.env.TEST_BULK ? 200000 : 5000);
/* What the process may have in memory at most. */
const mebibytes = 60;
let database, server, boss;
before(async () => {
  database = lib.createDatabase();
  /* Before the service starts, because this drops constraints and puts them back. */
  execFileSync("psql", ["-Xq", "-v", `opportunities=${wanted}`, "-o", "/dev/null", "-d", database.owner, "-f", path.join(lib.root, "bench/load.sql")], { stdio: "pipe", encoding: "utf8" });
  lib.addAdvisor(database, "E8000001", "supervisor");
  server = await lib.startServer(database.serve);
  const r = await lib.caller(server.base).post("/v1/sessions", { username: "E8000001", password: lib.password });
  assert.equal(r.status, 201, r.text);
  boss = lib.caller(server.base, r.json.access_token);
});
after(async () => {
  await server.stop();
  database.drop();
});

/* rows(kind, accept) - {count, bytes, seconds} of an export. */
const rows = (kind, accept) => new Promise((resolve, reject) => {
  const began = Date.now();
  const rq = http.get({ port: server.port, path: `/v1/exports/${kind}`, agent: false, headers: { authorization: `Bearer ${boss.token}`, accept } }, (r) => {
    let count = 0, bytes = 0;
    assert.equal(r.statusCode, 200);
    r.on("data", (d) => { bytes += d.length; for (let i = d.indexOf(10); i !== -1; i = d.indexOf(10, i + 1)) count++; });
    r.on("error", reject);
    r.on("end", () => (r.complete ? resolve({ count, bytes, seconds: (Date.now() - began) / 1000 }) : reject(new Error("incomplete"))));
  });
  rq.on("error", reject);
});

/* memory() - the largest resident set of the service so far, in MiB. */
const memory = () => Number(/VmHWM:\s+([0-9]+) kB/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, "utf8"))[1]) / 1024;

test(`export_get: ${wanted.toLocaleString("en-US")} opportunities in both formats take less than ${mebibytes} MiB; the desk goes on meanwhile`, { timeout: 500000 }, async (t) => {
  let ended = false;
  const times = [];
  const desk = (async () => {
    for (let n = 0; !ended; n++) {
      const began = process.hrtime.bigint();
      const r = await boss.get(`/v1/opportunities/${1000000 + (n * 7919) % wanted}`);
      times.push(Number(process.hrtime.bigint() - began) / 1e6);
      assert.equal(r.status, 200);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  for (const [accept, head] of [["application/x-ndjson", 0], ["text/csv", 1]]) {
    const r = await rows("opportunities", accept);
    assert.equal(r.count, wanted + head);
    t.diagnostic(`${accept}: ${Math.round(r.count / r.seconds)} rows a second, ${Math.round(r.bytes / r.seconds / 1048576)} MiB a second`);
  }
  ended = true;
  await desk;
  times.sort((a, b) => a - b);
  t.diagnostic(`${memory().toFixed(1)} MiB; a read at the desk meanwhile: median ${times[times.length >> 1].toFixed(1)} ms, p99 ${times[Math.floor(times.length * 0.99)].toFixed(1)} ms`);
  assert.ok(memory() < mebibytes, `${memory()} MiB`);
});
