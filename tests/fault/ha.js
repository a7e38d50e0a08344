/*
 * deploy/ha/ under load: the primary killed, hung, cut off, its disk full; etcd's leader and all of etcd lost; a switchover;
 * standbys lost. The scenarios (ha-scenarios.js) run in a network namespace of their own.
 */
"use strict";
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { directory, start } = require("./processes.js");

const skipped = (why) => [{ done: "high availability", notes: `skipped: ${why}`, faults: [] }];
const runs = (words) => {
  try {
    execFileSync(words[0], words.slice(1), { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

module.exports = async ({ short }) => {
  for (const program of ["patroni", "etcd", "pgbackrest", "haproxy", "ip"])
    if (!runs(["sh", "-c", `command -v ${program}`])) return skipped(`${program} is not installed (tools/deps.sh ha)`);
  const root = process.getuid() === 0 ? [] : ["--map-current-user", "--keep-caps"];
  /* Its processes are in a namespace, too, whose first one is bash, because Node.js does not collect orphans. The kernel ends all when it ends. */
  const enter = ["unshare", ...root, "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "bash", "-c", '"$@"; exit', "bash"];
  if (!runs([...enter, "ip", "link", "add", "bridge", "type", "bridge"])) return skipped("this machine does not allow network namespaces");
  const file = path.join(directory(), "ha.json"), log = path.join(directory(), "ha.log");
  const child = start([...enter, process.execPath, path.join(__dirname, "ha-scenarios.js"), file, ...(short ? ["--short"] : [])],
    { log, signal: "TERM", env: { ...process.env, FAULT_DIRECTORY: directory() } });
  await child.ended;
  if (process.env.FAULT_TRACE) process.stdout.write(fs.readFileSync(log, "utf8"));
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : [{ done: "did not finish", faults: [fs.readFileSync(log, "utf8").slice(-600)] }];
};
