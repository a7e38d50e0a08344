/*
 * Answers that must take the same time. The step http runs this file alone, because password hashing
 * has a low priority: while other test files run, its duration varies by a factor of four.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

/* An active account, a deactivated one, and one that does not exist. */
const real = "E7700001", off = "E7700002", unknown = "E7700003";
let world;
before(async () => {
  world = await lib.world({ env: { GESTOR_TRUSTED_PROXIES: "127.0.0.1" } });
  for (const name of [real, off]) lib.addAdvisor(world.database, name, "advisor");
  world.database.sql(`update advisor set active = false where username = '${off}'`);
});
after(() => world.end());

/* wrong(name, address) - a sign-in with a wrong password. */
const wrong = (name, address = "10.1.1.1") =>
  world.anyone.post("/v1/sessions", { username: name, password: "no-es-esta-clave" }, { "x-forwarded-for": address });

/*
 * alike(kinds, tries, most, prepare, ask) - measures the kinds in turn, with prepare() before each round, and checks that the
 * lower quartiles of their times differ by at most `most`. If they differ more, it adds rounds: chance differences, as on a busy
 * machine, become smaller with more measurements, while a real difference stays.
 */
async function alike(kinds, tries, most, prepare, ask) {
  const times = kinds.map(() => []), quartile = (t) => [...t].sort((a, b) => a - b)[t.length >> 2];
  let quartiles;
  for (let round = 0; round < 10; round++) {
    await prepare();
    for (let i = 0; i < tries; i++)
      for (let k = 0; k < kinds.length; k++) {
        const n = (k + i) % kinds.length, began = process.hrtime.bigint();
        await ask(kinds[n], round * tries + i);
        times[n].push(Number(process.hrtime.bigint() - began) / 1e6);
      }
    quartiles = times.map(quartile);
    if (Math.max(...quartiles) <= most * Math.min(...quartiles)) return;
  }
  assert.fail(`lower quartiles of ${kinds}, in ms, of ${times[0].length} each: ${quartiles}`);
}

test("session_create: unknown accounts, deactivated ones and wrong passwords get the same answer in the same time", async () => {
  const names = [real, unknown, off], bodies = new Set();
  /* Each attempt has its own address, and the account's bucket is refilled, so none is throttled. */
  await alike(names, 40, 1.1, () => world.database.sql("delete from throttle"), async (name, i) => {
    const r = await wrong(name, `10.${2 + (i >> 8)}.${i & 255}.${names.indexOf(name) + 1}`);
    assert.equal(r.status, 401);
    bodies.add(JSON.stringify({ ...r.json, request_id: "" }));
  });
  assert.equal(bodies.size, 1);
});

test("session_create: when throttled, existing and unknown accounts get the same answer in the same time", async () => {
  const names = [real, unknown, off], bodies = new Set();
  const drain = async () => { for (const name of names) for (let i = 0; i < 12; i++) await wrong(name); };
  await alike(names, 150, 1.1, drain, async (name) => {
    const r = await wrong(name);
    assert.equal(r.status, 429);
    /* Except the seconds to wait, which count down for all. */
    bodies.add(JSON.stringify({ ...r.json, request_id: "", detail: r.json.detail.replace(/Wait [0-9]+ seconds?/, "Wait") }));
  });
  assert.equal(bodies.size, 1);
});

test("client_get, client_search, client_update, contact_list: for a masked caller, long hidden values take the same time as short ones", async () => {
  const chief = await world.signedIn("E8000002"), kinds = ["short", "long"], of = {};
  const { as } = await lib.machine(chief, world.base, { rights: ["client_read", "client_write", "contact_read"] });
  for (const kind of kinds) {
    const n = kind === "short" ? 1 : 60, client = { ...lib.newClient(), email: `${"a".repeat(n)}@b.pe`, legal_representative: "A".repeat(n),
      sales: { plan: "P".repeat(n), lines: Array.from({ length: kind === "short" ? 1 : 10 }, (_, i) => `9551113${String(i).padStart(2, "0")}`) }, summary_360: { segment: "S".repeat(n) } };
    const r = await chief.post("/v1/clients", client);
    assert.equal(r.status, 201, r.text);
    of[kind] = { at: `/v1/clients/${r.json.id}`, search: `/v1/clients?document_number=${client.document_number}` };
    assert.equal((await chief.post(`${of[kind].at}/contacts`, lib.newContact())).status, 201);
  }
  const asks = [["GET", (o) => o.at], ["GET", (o) => o.search], ["GET", (o) => `${o.at}/contacts`], ["PATCH", (o) => `${o.at}?validate_only=true`, { gender: "F" }, { "if-match": '"1-1-1"' }]];
  for (const [method, where, body, headers] of asks) {
    const lengths = new Set();
    await alike(kinds, 150, 1.1, () => {}, async (kind) => {
      const r = await as.request(method, where(of[kind]), body, headers);
      assert.equal(r.status, method === "GET" ? 200 : 412, r.text);
      /* Times lack trailing zeros, and tags leading zeros, so lengths vary. */
      lengths.add(r.text.replace(/T[0-9:.]+Z/g, "T").replace(/"[0-9a-f]{1,16}([.-][0-9a-f]{1,16})*\\"/g, "tag").length);
    });
    assert.equal(lengths.size, 1, `${method} ${where(of.short)}`);
  }
});
