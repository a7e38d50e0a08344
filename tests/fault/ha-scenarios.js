/*
 * ha-scenarios.js FILE [--short] - runs the scenarios on deploy/ha/, in the network namespace that it is started in, and
 * writes their rows to FILE. HA_ONLY="kill cut" selects some.
 */
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const { pause, until } = require("./processes.js");
const { HighAvailability, nodes } = require("./ha-cluster.js");
const { Load, request } = require("./load.js");
const { result } = require("./result.js");
const { Isolated } = require("./ha-isolated.js");

const [file] = process.argv.slice(2), short = process.argv.includes("--short");
const LIMIT_MS = 30000;
const seconds = (ms) => (ms / 1000).toFixed(1);

/* Sessions: one that ends through one process is refused by the other, so both listen to the present primary. */
async function listens(ha) {
  const token = await ha.signIn(), [one, two] = [ha.gestor("one"), ha.gestor("two")];
  const me = await request(two, { path: "/v1/clients?document_number=00000000", token });
  const ended = await request(one, { method: "DELETE", path: "/v1/sessions/current", token });
  if (me.status !== 200 || ended.status !== 204) throw new Error(`before and after a sign-out: ${me.status} ${ended.status} ${ended.text}`);
  const began = Date.now();
  await until("the other process refuses the session", async () => (await request(two, { path: "/v1/clients?document_number=00000000", token })).status === 401, 10000, 10);
  return Date.now() - began;
}

/*
 * during(ha, what, disturb, {heal, hold, limit, holds, primary, timeout, hangs}) - load before, while and after. disturb() returns when the
 * trouble has begun; after `hold` ms heal() ends it. hangs: a Gestor gives no answer, so HAProxy may answer 504 to a read.
 */
async function during(ha, what, disturb, { heal = async () => {}, hold = 25000, limit = LIMIT_MS, holds = () => ({}), primary, timeout, hangs = timeout !== undefined } = {}) {
  await ha.well();
  if (primary) await ha.lead(primary);
  const load = new Load(ha.base, await ha.signIn(), { writers: 40, readers: 4, timeout, hangs });
  try {
    return await underLoad(ha, what, load, disturb, { heal, hold, limit, holds });
  } finally {
    /* One that went on after a failure would write into the next scenario. */
    await load.stop(1000);
  }
}

async function underLoad(ha, what, load, disturb, { heal, hold, limit, holds }) {
  const before = await ha.which("primary");
  const statuses = new Map();
  load.seen = (status) => statuses.set(status, (statuses.get(status) || 0) + 1);
  await load.start();
  console.log(`${what}: ${load.rate} writes a second, primary ${before}`);
  load.stall = load.reads.stall = 0;
  statuses.clear();
  const began = Date.now(), acknowledged = load.acknowledged.length;
  const seen = (await disturb(before)) || {};
  await pause(Math.max(0, hold - (Date.now() - began)));
  const during = load.acknowledged.length - acknowledged, stalled = Math.max(load.stall, performance.now() - load.lastAck);
  const leader = await ha.which("primary");
  await heal(before, seen);
  await until("writes again", () => load.lastAck > performance.now() - 200, LIMIT_MS, 20).catch(() => {});
  await ha.well(180000);
  await load.steady(50);
  await load.stop(60000);
  const heard = await listens(ha);
  const row = result(what, 1, load, ha, { [`writes again within ${limit / 1000} s`]: stalled <= limit, "a sign-out reaches the other process within 2 s": heard < 2000,
    ...holds({ load, during, before, leader, seen, statuses }) },
    `primary ${before}, then ${leader}; ${during} writes in ${seconds(hold)} s of it; reads stalled for ${seconds(load.reads.stall)} s; answers ${[...statuses].map(([s, n]) => `${s || "broken"} ${n}`).join(", ")}${seen.said ? `; ${seen.said}` : ""}`);
  console.log(JSON.stringify(row));
  return row;
}

const moved = ({ before, leader }) => ({ "another node is primary": leader && leader !== before });
const stayed = ({ before, leader }) => ({ "the primary stays": leader === before });

const scenarios = {
  kill: (ha) => during(ha, "primary's PostgreSQL and Patroni killed", (p) => ha.lose(p, ["patroni", "postgres"]), { hold: 32000, heal: () => ha.back(), holds: moved }),
  crash: (ha) => during(ha, "primary's PostgreSQL killed alone", (p) => ha.signal(p, ["postgres"], "SIGKILL"), { hold: 20000 }),
  hang: (ha) => during(ha, "primary's machine hangs (SIGSTOP)", (p) => ha.signal(p, ["patroni", "postgres", "etcd"], "SIGSTOP"),
    { hold: 35000, heal: (p) => ha.signal(p, ["patroni", "postgres", "etcd"], "SIGCONT"), holds: moved }),
  stuck: (ha) => during(ha, "primary's Patroni hangs (SIGSTOP), PostgreSQL goes on", (p) => ha.signal(p, ["patroni"], "SIGSTOP"),
    { hold: 40000, heal: (p) => ha.signal(p, ["patroni"], "SIGCONT"), holds: moved }),
  cut: (ha) => during(ha, "primary's network cut", async (p) => {
    const isolated = await new Isolated(ha, p).start();
    ha.cut(p);
    return { isolated };
  }, { primary: "one", hold: 35000, hangs: true,
    heal: async (p, seen) => {
      seen.ledger = await seen.isolated.stop();
      ha.join(p);
    },
    holds: ({ before, leader, seen }) => ({ ...moved({ before, leader }), [`nothing is acknowledged on the side that is cut off (${seen.ledger.late} writes)`]: seen.ledger.late === 0,
      [`what was acknowledged there before is not lost (${seen.ledger.lost(ha)} of ${seen.ledger.acknowledged.length})`]: seen.ledger.lost(ha) === 0 && seen.ledger.acknowledged.length > 0 }) }),
  disk: (ha) => (ha.disk ? during(ha, "primary's disk full", () => {
    ha.leave(300);
    /* dd fails when the disk is full, which is the purpose. */
    spawnSync("dd", ["if=/dev/zero", `of=${ha.disk}/filler`, "bs=64k"], { stdio: "ignore", timeout: 60000 });
  }, { primary: "three", hold: 32000,
    heal: async (p, seen) => {
      ha.empty();
      /* What docs/operations.md tells the operator to do. */
      if (await until("the old primary follows", () => ha.streams(), 40000, 500).then(() => false, () => true)) {
        seen.said = "its PostgreSQL was restarted, for it did not follow";
        ha.ask(p, "restart", {});
      }
    },
    holds: moved })
    : { done: "primary's disk full", notes: "skipped: this machine does not allow mounting a file system", faults: [] }),
  etcd: (ha) => during(ha, "etcd's leader killed", async () => {
    const leader = await etcdLeader(ha);
    ha.lose(leader, ["etcd"]);
  }, { hold: 20000, limit: 5000, heal: () => ha.back(), holds: stayed }),
  quorum: (ha) => during(ha, "all of etcd lost", () => nodes.forEach((n) => ha.lose(n, ["etcd"])), { hold: 45000, limit: 10000, heal: () => ha.back(), holds: stayed }),
  switchover: (ha) => during(ha, "planned switchover", () => ha.switchover(), { hold: 15000, limit: 15000, holds: moved }),
  standby: (ha) => during(ha, "synchronous standby killed", async () => {
    const lost = await ha.which("synchronous");
    ha.lose(lost, ["patroni", "postgres"]);
  }, { hold: 25000, limit: 15000, heal: () => ha.back(), holds: stayed }),
  frozen: (ha) => during(ha, "synchronous standby hangs (SIGSTOP)", async () => {
    const lost = await ha.which("synchronous");
    ha.signal(lost, ["patroni", "postgres"], "SIGSTOP");
    return { lost };
  }, { hold: 25000, limit: 20000, heal: (p, { lost }) => ha.signal(lost, ["patroni", "postgres"], "SIGCONT"), holds: stayed }),
  strict: (ha) => during(ha, "both standbys lost for 20 s", (p) => nodes.filter((n) => n !== p).forEach((n) => ha.lose(n, ["patroni", "postgres"])),
    { hold: 20000, limit: 60000, heal: () => ha.back(), holds: ({ before, leader, during: n }) => ({ ...stayed({ before, leader }), [`no write is acknowledged meanwhile (${n})`]: n <= 40 }) }),
  /* Clients that wait for as long as it takes. */
  process: (ha) => during(ha, "a Gestor process hangs (SIGSTOP)", () => ha.signal("one", ["gestor"], "SIGSTOP"),
    { hold: 40000, limit: 15000, timeout: 60000, heal: () => ha.signal("one", ["gestor"], "SIGCONT"), holds: stayed }),
  restore: (ha) => require("./ha-restore.js")(ha),
};
const brief = ["kill", "cut", "switchover", "restore"];

async function etcdLeader(ha) {
  for (const n of nodes) {
    const r = await request(`http://${require("./ha-cluster.js").address[n]}:12379`, { method: "POST", path: "/v3/maintenance/status", body: {}, timeout: 2000 }).catch(() => null);
    const status = r && JSON.parse(r.text);
    if (status && status.leader === status.header.member_id) return n;
  }
  throw new Error("etcd has no leader");
}

(async () => {
  const rows = [], wanted = process.env.HA_ONLY ? process.env.HA_ONLY.split(" ") : short ? brief : Object.keys(scenarios);
  const ha = new HighAvailability();
  const save = () => fs.writeFileSync(file, JSON.stringify(rows));
  try {
    await ha.make();
    for (const name of wanted) {
      try {
        rows.push(await scenarios[name](ha));
      } catch (e) {
        console.log(e.stack);
        rows.push({ done: `${name}: did not finish`, faults: [e.message] });
        nodes.forEach((n) => ha.signal(n, ["patroni", "postgres", "etcd", "gestor"], "SIGCONT"));
        nodes.forEach((n) => ha.join(n));
        if (ha.disk) ha.empty();
        await ha.back().catch(() => {});
      }
      save();
    }
  } catch (e) {
    rows.push({ done: "did not start", faults: [e.message] });
    save();
  }
  process.exit(0);
})();
