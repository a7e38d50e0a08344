/*
 * The examples of openapi.yaml are correct: the service accepts every example
 * request, in the order of a call, and the example catalogues equal the real ones.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { openapi } = require("./coverage.js");

const document = openapi(), { components, paths } = document;
const example = (name) => components.examples[name].value;

/* The document's example requests: {operationId: [name, …]}. */
const shown = {};
for (const methods of Object.values(paths))
  for (const op of Object.values(methods))
    for (const media of Object.values(op.requestBody ? op.requestBody.content : {}))
      shown[op.operationId] = [...shown[op.operationId] || [], ...Object.keys(media.examples || {})];

let world, ana, chief;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const anyClient = async () => (await ana.post("/v1/clients", lib.newClient())).json.id;
let accounts = 0;
const anyAccount = async () => (await chief.post("/v1/advisors", { ...example("account_new"), username: `E710000${++accounts}` })).headers.location;
const anyWebhook = async () => (await chief.post("/v1/webhooks", { ...example("webhook_new"), url: "http://127.0.0.1:1025/hook" })).headers.location;
const anyContact = async () => (await ana.post(`/v1/clients/${await anyClient()}/contacts`, lib.newContact())).json.id;
const ofAction = async () => {
  const { at } = await lib.opened(ana);
  return `${at}/actions/${(await ana.post(`${at}/actions`, example("action"))).json.id}`;
};
/* The sections that a form needs before it can be closed. */
const filled = async () => {
  const { at } = await lib.opened(ana);
  const sections = lib.form();
  delete sections.closure;
  assert.equal((await ana.put(`${at}/typification`, sections)).status, 200);
  return at;
};
const patch = { "content-type": "application/merge-patch+json" };

/* By operation: sends a request with the example's body. Only ids and secrets may differ from the example. */
const send = {
  session_create: (body) => world.anyone.post("/v1/sessions", { ...body, password: lib.password }),
  session_refresh: async (body) => {
    const { json } = await world.anyone.post("/v1/sessions", { ...example("sign_in"), password: lib.password });
    return world.anyone.post("/v1/sessions/refresh", { ...body, refresh_token: json.refresh_token });
  },
  password_put: async (body) => {
    const { json } = await world.anyone.post("/v1/sessions", { ...example("sign_in"), password: lib.password });
    return lib.caller(world.base, json.access_token).request("PUT", "/v1/sessions/current/password?validate_only=true", { ...body, old_password: lib.password });
  },
  /* The receiver of the example is nowhere. */
  webhook_create: (body) => chief.post("/v1/webhooks", { ...body, url: "http://127.0.0.1:1025/hook" }),
  webhook_update: async (body) => chief.patch(await anyWebhook(), body, patch),
  delivery_repeat_all: async (body) => chief.post(`${await anyWebhook()}/redeliveries`, body),
  advisor_create: (body) => chief.post("/v1/advisors", { ...body, username: "E7000001" }),
  oauth_token: async (body) => {
    const m = await lib.machine(chief, world.base, { rights: ["client_read", "opportunity_read"] });
    return body.client_id ? lib.tokenAsked(world.base, { ...body, client_id: m.username, client_secret: m.secret })
      : lib.tokenAsked(world.base, body, { authorization: lib.basic(m.username, m.secret) });
  },
  advisor_secret_create: async (body) => chief.post(`/v1/advisors/${(await lib.machine(chief, world.base)).id}/secrets`, body),
  advisor_update: async (body) => chief.patch(await anyAccount(), body, patch),
  catalog_update: async (body) => chief.patch("/v1/catalogs/sub_campaign", body, patch),
  catalog_item_create: async (body) => chief.post("/v1/catalogs/retention_action/items", body),
  catalog_item_update: async (body) => chief.patch("/v1/catalogs/retention_action/items/bono-gb.bono-4-gb-por-12-meses", { ...body, label: undefined }, patch),
  catalog_item_replace: async (body) => {
    assert.equal((await chief.patch(`/v1/catalogs/retention_action/items/${body.by}`, { valid_from: null })).status, 200);
    return chief.post("/v1/catalogs/retention_action/items/bono-gb.bono-4-gb-por-12-meses/replacement", body);
  },
  import_create: (body) => chief.post("/v1/imports?kind=clients", body, { "content-type": body.startsWith("{") ? "application/x-ndjson" : "text/csv" }),
  catalog_plan_create: async (body) => chief.post("/v1/catalogs/retention_action/plans", body, typeof body === "string" ? { "content-type": "text/csv" } : {}),
  advisor_password_put: async (body) => chief.put(`${await anyAccount()}/password`, body),
  client_create: async (body) => {
    assert.equal((await ana.post("/v1/clients", body)).json.code, "client_exists", "the sample data already have this client");
    return ana.post("/v1/clients", { ...body, document_type: "ce" });
  },
  client_update: async (body) => ana.patch(`/v1/clients/${await anyClient()}`, body, patch),
  client_merge: async (body) => {
    const made = [];
    for (let i = 0; i < 2; i++) made.push((await ana.post("/v1/clients", lib.newClient())).json.id);
    return chief.post(`/v1/clients/${made[0]}/merge`, { ...body, into: made[1] });
  },
  contact_create: async (body) => ana.post(`/v1/clients/${await anyClient()}/contacts`, body),
  contact_void: async (body) => ana.post(`/v1/contacts/${await anyContact()}/voiding`, body),
  client_consent_create: async (body) => chief.post(`/v1/clients/${await anyClient()}/consents`, body),
  opportunity_void: async (body) => ana.post(`${(await lib.opened(ana)).at}/voiding`, body),
  opportunity_transfer: async (body) => ana.post(`${(await lib.opened(ana)).at}/transfer`, { ...body, advisor: "E8000001" }),
  advisor_handover: async (body) => chief.post(`${await anyAccount()}/handover`, { ...body, advisor: "E8000001" }),
  follow_up_put: async (body) => ana.put(`${(await lib.opened(ana)).at}/follow-up`, { ...body, at: new Date(Date.now() + 86400000).toISOString() }),
  contact_update: async (body) => ana.patch(`/v1/contacts/${await anyContact()}`, body, patch),
  opportunity_create: async (body) => ana.post("/v1/opportunities", { ...body, contact_id: await anyContact() }),
  opportunity_update: async (body) => ana.patch((await lib.opened(ana)).at, body, patch),
  action_create: async (body) => ana.post(`${(await lib.opened(ana)).at}/actions`, body),
  action_update: async (body) => ana.patch(await ofAction(), body, patch),
  diagnosis_put: async (body) => ana.put(`${(await lib.opened(ana)).at}/diagnosis`, body),
  competitor_offer_put: async (body) => ana.put(`${(await lib.opened(ana)).at}/competitor-offer`, body),
  closure_put: async (body) => ana.put(`${await filled()}/closure`, body),
  draft_put: async (body) => ana.put(`${(await lib.opened(ana)).at}/draft`, body),
  typification_put: async (body) => ana.put(`${(await lib.opened(ana)).at}/typification`, body),
  typification_create: async (body) => ana.post("/v1/typifications",
    body.client ? { ...body, client: { ...body.client, document_type: "pasaporte" } } : { ...body, client_id: await anyClient() }),
};

/* First, for the examples of changes change them. */
test("the catalogues equal the document's examples", async () => {
  assert.deepEqual((await ana.get("/v1/catalogs")).json, example("catalogs"));
  assert.deepEqual((await ana.get("/v1/catalogs/retention_action")).json, example("catalog"));
});

test("every $ref of the document resolves", () => {
  const walk = (node) => {
    if (node === null || typeof node !== "object") return [];
    const lost = typeof node.$ref === "string" && node.$ref.slice(2).split("/").reduce((found, name) => found && found[name], document) === undefined;
    return [...lost ? [node.$ref] : [], ...Object.values(node).flatMap(walk)];
  };
  assert.deepEqual(walk(document), []);
});

test("every operation with a body has an example request", () => {
  assert.deepEqual(Object.keys(shown).filter((id) => shown[id].length === 0), []);
  assert.deepEqual(Object.keys(shown).sort(), Object.keys(send).sort());
});

for (const [operation, names] of Object.entries(shown))
  for (const name of names)
    test(`${operation}: the example ${name} is accepted`, async () => {
      const r = await send[operation](example(name));
      assert.ok([200, 201, 202, 204].includes(r.status), `${r.status}: ${r.text}`);
    });

test("the manual's client and past opportunity equal the document's examples", async () => {
  const known = ({ id, created_at, updated_at, etag, ...rest }) => rest;
  const [client] = (await ana.get("/v1/clients?phone=944264648")).json.items.filter((c) => c.document_type.code === "ruc");
  assert.deepEqual(known(client), known(example("client_shown")));
  const { items } = (await ana.get(`/v1/clients/${client.id}/opportunities`)).json;
  const strip = ({ client_id, advisor, etag, etags, ...rest }) => ({ ...rest, advisor: advisor.full_name, parts: Object.keys(etags) });
  assert.deepEqual(items.filter((o) => o.id === "905630").map(strip), example("history").items.map(strip));
});
