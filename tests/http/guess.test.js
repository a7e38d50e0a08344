/*
 * A caller who sees masks could guess hidden numbers. It may try GESTOR_GUESSES_PER_HOUR numbers that no client has,
 * over all processes, and each is recorded. And a mask that such a caller sends back is never taken as a value.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { until } = require("./writes.js");
const { openapi } = require("./coverage.js");

const BUDGET = 5;
let world, ana, boss, chief, second, server = 0;
before(async () => {
  world = await lib.world({ env: { GESTOR_GUESSES_PER_HOUR: String(BUDGET) } });
  second = (await lib.startServer(world.database.serve, { env: { GESTOR_GUESSES_PER_HOUR: String(BUDGET) } })).base;
  [ana, boss, chief] = [await world.signedIn("E8153375"), await world.signedIn("E8000001"), await world.signedIn("E8000002")];
});
after(() => world.end());

const all = ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write"];
async function integration(rights = all) {
  const { as, username, id } = await lib.machine(chief, world.base, { username: `E56${String(++server).padStart(5, "0")}`, rights });
  return { ...as, username, id };
}
let number = 71000000;
const nobody = () => `/v1/clients?document_number=${number++}`;
const spent = async (as, n = BUDGET) => { for (let i = 0; i < n; i++) assert.equal((await as.get(nobody())).status, 200); };
const refused = (r) => {
  assert.equal(r.status, 429, r.text);
  assert.equal(r.json.code, "too_many_guesses");
  assert.ok(Number(r.headers["retry-after"]) >= 1 && Number(r.headers["retry-after"]) <= 3600 / BUDGET, r.headers["retry-after"]);
};
const guesses = (as) => Number(world.database.sql(`select count(*) from audit_read where object_type = 'guess' and advisor_id = ${as.id}`));

test("client_search: misses by document or phone are limited and hits are free; beyond the limit hits are refused too", async () => {
  const as = await integration(), { json: client } = await ana.post("/v1/clients", lib.newClient({ phone: "988111222" }));
  const hits = [`/v1/clients?document_number=${client.document_number}`, "/v1/clients?phone=988111222"];
  for (let i = 0; i < 2 * BUDGET; i++) assert.equal((await as.get(hits[i % 2])).json.items.length, 1);
  assert.equal((await as.get("/v1/clients?phone=1")).status, 422, "an invalid search is no guess");
  await spent(as, BUDGET - 1);
  assert.equal((await as.get("/v1/clients?phone=988999999")).status, 200);
  for (const where of [nobody(), ...hits, "/v1/clients?phone=988999998"]) refused(await as.get(where));
  refused(await as.request("HEAD", hits[0]).then((r) => ({ ...r, json: { code: "too_many_guesses" } })));
  assert.equal((await as.get(`/v1/clients/${client.id}`)).status, 200, "requests other than guesses still work");
  for (let i = 0; i < 2 * BUDGET; i++) assert.equal((await ana.get(nobody())).status, 200, "a caller who sees everything is not limited");
});

test("the limit holds across processes, restarts and simultaneous requests, and refills with time", async () => {
  const as = await integration(), there = lib.caller(second, as.token);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? as : there).get(nobody())));
  assert.equal(answers.filter((r) => r.status === 200).length, BUDGET);
  const third = await lib.startServer(world.database.serve, { env: { GESTOR_GUESSES_PER_HOUR: String(BUDGET) } });
  refused(await lib.caller(third.base, as.token).get(nobody()));
  await third.stop();
  world.database.sql(`update throttle set updated_at = updated_at - interval '${3600 / BUDGET} seconds'`);
  assert.equal((await there.get(nobody())).status, 200);
  refused(await as.get(nobody()));
});

test("client_create, typification_create, client_update: their 409 reveals a number, so they count as guesses, with validate_only too", async () => {
  const { json: known } = await ana.post("/v1/clients", lib.newClient()), { json: own } = await ana.post("/v1/clients", lib.newClient());
  const typed = (client) => ({ client, contact: lib.newContact(), sub_campaign: "entel" });
  const tries = {
    client_create: (as, document_number, query) => as.post(`/v1/clients${query}`, lib.newClient({ document_number })),
    client_update: (as, document_number, query) => as.patch(`/v1/clients/${own.id}${query}`, { document_number }),
    typification_create: (as, document_number, query) => as.post(`/v1/typifications${query}`, typed(lib.newClient({ document_number }))),
  };
  for (const [name, send] of Object.entries(tries))
    for (const query of ["?validate_only=true", ""]) {
      const as = await integration();
      for (let i = 0; i < 2 * BUDGET; i++) assert.equal((await send(as, known.document_number, query)).json.code, "client_exists", name);
      for (let i = 0; i < BUDGET; i++) assert.ok((await send(as, String(number++), query)).status < 300, name);
      refused(await send(as, String(number++), query));
      refused(await send(as, known.document_number, query));
      await until(`${name}${query}: the guesses are recorded`, () => guesses(as) === BUDGET);
      assert.equal(world.database.sql(`select count(*) from audit_read where advisor_id = ${as.id} and operation = '${name}' and object_type = 'client' and object_id = ${known.id}`),
        String(2 * BUDGET), "confirmed numbers are recorded too");
    }
});

test("a replay by Idempotency-Key is free, and still works when the budget is spent", async () => {
  const as = await integration(), body = lib.newClient(), key = { "idempotency-key": "guess-1" };
  assert.equal((await as.post("/v1/clients", body, key)).status, 201);
  for (let i = 0; i < 2 * BUDGET; i++) assert.equal((await as.post("/v1/clients", body, key)).headers["idempotent-replayed"], "true");
  await spent(as, BUDGET - 1);
  refused(await as.get(nobody()));
  assert.equal((await as.post("/v1/clients", body, key)).headers["idempotent-replayed"], "true");
});

test("audit_read_list: supervisors see each guess as an entry without an object", async () => {
  const as = await integration();
  await spent(as, 3);
  await until("they are recorded", () => guesses(as) === 3);
  const { json } = await boss.get(`/v1/audit/reads?guesses=true&advisor=${as.username}`);
  assert.deepEqual(json.items.map((x) => [x.operation, x.object_type, x.object_id, x.client_id, x.advisor.username]),
    Array(3).fill(["client_search", "guess", null, null, as.username]));
  assert.ok((await boss.get("/v1/audit/reads?guesses=true&limit=100")).json.items.every((x) => x.object_type === "guess"));
});

test("GESTOR_GUESSES_PER_HOUR=0 removes the limit, but guesses are still recorded", async () => {
  const free = await lib.startServer(world.database.serve, { env: { GESTOR_GUESSES_PER_HOUR: "0" } }), as = await integration();
  const there = lib.caller(free.base, as.token);
  for (let i = 0; i < 3 * BUDGET; i++) assert.equal((await there.get(nobody())).status, 200);
  await free.stop();
  assert.equal(guesses(as), 3 * BUDGET);
});

/* ------------------------------------------------------------- masks sent back */

/* The path of every personal member in the document's request bodies. */
function personalMembers() {
  const { paths, components: { schemas } } = openapi(), found = [];
  const resolved = (s) => (s && s.$ref ? { ...schemas[s.$ref.split("/").pop()], ...s, $ref: undefined } : s || {});
  const walk = (id, s, path) => {
    for (const [member, p] of Object.entries(resolved(s).properties || {})) {
      const property = resolved(p);
      /* Only strings are masked, also those in an array. */
      if (property["x-personal"] && [].concat(property.type).some((t) => t === "string" || t === "array")) found.push([id, [...path, member], property]);
      walk(id, property, [...path, member]);
    }
  };
  for (const methods of Object.values(paths))
    for (const op of Object.values(methods))
      if (op.requestBody) for (const media of Object.values(op.requestBody.content)) walk(op.operationId, media.schema, []);
  return found;
}

test("a mask is never taken as a value: 422 `mask`, in every personal member of every body, and in searches", async () => {
  const o = await lib.opened(ana), client = `/v1/clients/${o.client.id}`;
  const where = {
    client_create: ["POST", "/v1/clients"], client_update: ["PATCH", client], contact_create: ["POST", `${client}/contacts`],
    opportunity_create: ["POST", "/v1/opportunities"], opportunity_update: ["PATCH", o.at],
    client_consent_create: ["POST", `${client}/consents`, boss], contact_void: ["POST", `/v1/contacts/${o.contact.id}/voiding`], opportunity_void: ["POST", `${o.at}/voiding`],
    opportunity_transfer: ["POST", `${o.at}/transfer`], follow_up_put: ["PUT", `${o.at}/follow-up`], advisor_handover: ["POST", "/v1/advisors/1/handover", boss],
    competitor_offer_put: ["PUT", `${o.at}/competitor-offer`], typification_put: ["PUT", `${o.at}/typification`], typification_create: ["POST", "/v1/typifications"],
  };
  const members = personalMembers(), seen = new Set();
  assert.ok(members.length > 20);
  for (const [id, path, property] of members) {
    assert.ok(where[id], `${id} takes ${path.join(".")}, a personal member: add it to \`where\``);
    const list = property.type && [].concat(property.type).includes("array"), pointer = `#/${path.join("/")}${list ? "/0" : ""}`;
    for (const mask of ["***", "***912", " ***"]) {
      const body = path.reduceRight((value, name) => ({ [name]: value }), list ? [mask] : mask), [method, at, as] = where[id], r = await (as || ana).request(method, at, body);
      assert.equal(r.status, 422, `${id} ${pointer}`);
      assert.ok(r.json.errors.some((e) => e.pointer === pointer && e.code === "mask"), `${id} ${pointer} ${mask}: ${r.text}`);
    }
    seen.add(path[path.length - 1]);
  }
  for (const query of ["phone=***", "phone=***912", "document_number=***912"])
    assert.deepEqual((await ana.get(`/v1/clients?${query}`)).json.errors.map((e) => e.code), ["mask"], query);
  const spanish = await ana.patch(client, { phone: "***" }, { "accept-language": "es" });
  assert.match(spanish.json.errors[0].detail, /ese valor está oculto para su cuenta/);
});

test("client_update: an integration cannot clear a masked value by sending null back, nor test whether a hidden number fits a type", async () => {
  const as = await integration(), { json: client } = await ana.post("/v1/clients", lib.newClient({ birth_date: "1980-04-05", document_type: "ce", document_number: "20467534026" }));
  const at = `/v1/clients/${client.id}`;
  assert.deepEqual((await as.patch(at, { birth_date: null })).json.errors.map((e) => [e.pointer, e.code]), [["#/birth_date", "mask"]]);
  assert.deepEqual((await as.patch(at, { document_type: "ruc" })).json.errors.map((e) => [e.pointer, e.code]), [["#/document_type", "one_of"]]);
  assert.equal((await ana.get(at)).json.birth_date, "1980-04-05");
  assert.equal((await as.patch(at, { phone: "977111222", birth_date: "1981-04-05" })).status, 200, "it may set values that it cannot see");
  const { phone, birth_date } = (await ana.get(at)).json;
  assert.deepEqual([phone, birth_date], ["977111222", "1981-04-05"]);
  assert.equal((await ana.patch(at, { birth_date: null })).status, 200, "a caller who sees the value may clear it");
});

/* ------------------------------------------------------------- on behalf of an advisor */

test("opportunity_create: an integration with contact_write creates it for the contact's advisor, if that is an active advisor or supervisor", async () => {
  const as = await integration(), narrow = await integration(["opportunity_read", "opportunity_write"]);
  const { json: client } = await ana.post("/v1/clients", lib.newClient());
  const contact = async (by) => (await by.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json.id;
  const open = (by, id) => by.post("/v1/opportunities", { contact_id: id, sub_campaign: "entel" });
  const its = await contact(ana);
  assert.equal((await open(narrow, its)).json.code, "contact_not_owner");
  assert.equal((await open(await world.signedIn("E8123497"), its)).json.code, "contact_not_owner");
  const made = await open(as, its);
  assert.deepEqual([made.status, made.json.advisor.username], [201, "E8153375"]);
  assert.equal((await as.put(`${made.headers.location}/closure`, { advertising_acceptance: "acepto", stage: "en-proceso" })).json.code, "not_owner", "only the advisor records the client's consent");
  assert.equal((await ana.put(`${made.headers.location}/closure`, { advertising_acceptance: "no-acepto", stage: "en-proceso" })).status, 200);
  assert.equal((await open(boss, await contact(ana))).json.advisor.username, "E8000001");
  assert.equal((await open(as, await contact(boss))).json.advisor.username, "E8000001");
  assert.equal((await open(as, await contact(chief))).json.code, "contact_not_owner", "an administrator has no opportunities");
  assert.equal((await open(as, await contact(await integration()))).json.code, "contact_not_owner");
  const left = await contact(ana);
  world.database.sql("update advisor set active = false where username = 'E8153375'");
  assert.equal((await open(as, left)).json.code, "contact_not_owner");
  world.database.sql("update advisor set active = true where username = 'E8153375'");
});
