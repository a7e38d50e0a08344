"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const lib = require("./lib.js");
const { openapi, operations } = require("./coverage.js");
const { hold, lockOf, until } = require("./writes.js");

/* oauth_token takes forms and refuses in its protocol's way: oauth.test.js provokes its answers. */
const all = operations(openapi()).filter((op) => op.id !== "oauth_token");
const shapes = [...new Set(all.map((op) => op.path))];
const forChiefs = (op) => op.id.startsWith("advisor_") && !["advisor_handover", "advisor_list"].includes(op.id) || /^(webhook|delivery)_/.test(op.id) || (op.path.startsWith("/v1/catalogs/") && (op.method !== "GET" || op.id === "catalog_plan_get")) || ["client_erase", "client_erasure_get", "client_personal_data", "client_merge", "client_merge_undo", "event_list"].includes(op.id) || op.id.startsWith("import_");
/* Only supervisors and administrators may use these. */
const supervisors = ["advisor_list", "contact_search", "catalog_item_usage", "catalog_revision_list", "opportunity_reopen", "report_retention", "export_get", "audit_list", "audit_read_list", "client_read_list", "client_audit_list", "opportunity_audit_list", "client_consent_create", "advisor_handover"];
/* A supervisor may do these to a finished opportunity. */
const voids = ["opportunity_void"];
const personal = /^\/v1\/(?!catalogs)/;

let world, ana, bea, boss, chief, locked;
let mine, action;      // ana's opportunity, EN PROCESO, and one of its rows
let other;             // another of ana's, with a row: {…, action}
let finished;          // a finished one of ana's, RETENIDO: {…, action}
let dead;              // base URL of a server without a database
let frugal;            // base URL of a server that stores one response per account

before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
  locked = await mustChange();
  await newAccount();
  await newWebhook();
  mine = await lib.opened(ana);
  action = await newAction(mine);
  other = await lib.opened(ana);
  other.action = await newAction(other);
  finished = await finishedOne();
  dead = lib.freePort().then((closed) =>
    lib.startServer(`postgresql://gestor_api:x@127.0.0.1:${closed}/gestor`, { ready: false })).then((server) => server.base);
  dead.catch(() => {});
  frugal = lib.startServer(world.database.serve, { env: { GESTOR_KEYS_MAX: "1", GESTOR_IMPORT_MAX_BYTES: "1024", GESTOR_CHECK_MS: "600000" } }).then((server) => server.base);
  frugal.catch(() => {});
});
after(() => world.end());

/* ------------------------------------------------- a request that succeeds */

const newAction = async (of) => (await ana.post(`${of.at}/actions`, { action: "bono-gb.bono-4-gb-por-12-meses" })).json.id;
const soon = () => new Date(Date.now() + 86400000).toISOString();
const calledBack = async (of) => assert.equal((await ana.put(`${of.at}/follow-up`, { at: soon() })).status, 200);
const withDraft = async (of) => assert.equal((await ana.put(`${of.at}/draft`, { note: "X" })).status, 200);
const newSession = async () => (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
const newContactId = async () => (await ana.post(`/v1/clients/${mine.client.id}/contacts`, lib.newContact())).json.id;

/* A client that was merged into `other`'s, until it is undone. */
async function merged() {
  const { client } = await lib.opened(ana);
  assert.equal((await chief.post(`/v1/clients/${client.id}/merge`, { into: other.client.id })).status, 200);
  return client.id;
}

async function finishedOne() {
  const o = await lib.opened(ana);
  const r = await ana.put(`${o.at}/typification`, lib.form());
  assert.equal(r.status, 200, r.text);
  return { ...o, action: r.json.actions[0].id };
}

const { competitor_offer: offer } = lib.form();

let accounts = 0, account;   // id of an account that tests may change
const newMachine = () => lib.machine(chief, world.base);
const newUsername = () => `E77${String(++accounts).padStart(5, "0")}`;
/* An account that need not change its password. */
async function newAccount(more = {}) {
  const username = newUsername();
  const r = await chief.post("/v1/advisors", { username, full_name: "CUENTA DE PRUEBA", role: "advisor", password: lib.password, ...more });
  assert.equal(r.status, 201, r.text);
  world.database.sql(`update advisor set must_change_password = false where username = '${username}'`);
  account = r.json.id;
  return username;
}
let numbers = 0, shownPlan;
async function newPlan() {
  const r = await chief.post("/v1/catalogs/stage/plans", { items: [] });
  assert.equal(r.status, 201, r.text);
  return r.json.id;
}
const importFile = () => Buffer.from("document_type,document_number,name\ndni,45678912,A\n");
/* An import that has ended. */
let shownImport;
async function newImport() {
  if (shownImport) return shownImport;
  const r = await chief.post("/v1/imports?kind=clients", importFile(), { "content-type": "text/csv" });
  assert.equal(r.status, 202, r.text);
  while ((await chief.get(`/v1/imports/${r.json.id}`)).json.state !== "done") await new Promise((resolve) => setTimeout(resolve, 20));
  return (shownImport = r.json.id);
}
/* An import that is open for a minute: nothing more of its file comes. */
const heldImport = () => world.database.sql(`insert into import (advisor_id, kind, mode, format, separator, words, said) values (${world.database.sql("select min(id) from advisor")}, 'clients', 'dry_run', 'csv', ',', '{}', '{}') returning id`).split("\n")[0];
async function mustChange() {
  const username = newUsername();
  assert.equal((await chief.post("/v1/advisors", { username, full_name: "CUENTA DE PRUEBA", role: "admin", password: lib.password })).status, 201);
  return lib.caller(world.base, (await world.anyone.post("/v1/sessions", { username, password: lib.password })).json.access_token);
}

const nowhere = { url: "http://127.0.0.1:1025/hook", types: ["client.merged"] };
let webhook, delivery;   // ids of a webhook of the administrator, and of one of its deliveries
async function newWebhook() {
  webhook = (await chief.post("/v1/webhooks", { ...nowhere, description: "CRM" })).json.id;
  delivery = (await chief.post(`/v1/webhooks/${webhook}/test`)).json.id;
}
/* An account may have 20. */
const onlyOne = () => { world.database.sql(`delete from webhook where id <> ${webhook}`); };
/* By operation: how its request differs from ana's request to `mine` without a body. */
const good = {
  session_create: () => ({ body: { username: "E8153375", password: lib.password } }),
  session_refresh: async () => ({ body: { refresh_token: (await newSession()).refresh_token } }),
  session_get: () => ({}),
  password_put: async () => {
    const username = await newAccount(), as = lib.caller(world.base, (await world.anyone.post("/v1/sessions", { username, password: lib.password })).json.access_token);
    return { as, body: { old_password: lib.password, password: "otra-clave-de-prueba" } };
  },
  advisor_list: () => ({ as: chief }),
  advisor_create: () => ({ as: chief, body: { username: newUsername(), full_name: "CUENTA DE PRUEBA", role: "advisor", password: lib.password } }),
  advisor_get: () => ({ as: chief }),
  advisor_update: () => ({ as: chief, body: { full_name: "CUENTA DE PRUEBA" } }),
  advisor_password_put: () => ({ as: chief, body: { password: lib.password } }),
  advisor_password_delete: async () => ({ as: chief, ids: { advisor_id: (await newMachine()).id } }),
  advisor_secret_list: async () => ({ as: chief, ids: { advisor_id: (await newMachine()).id } }),
  advisor_secret_create: async () => ({ as: chief, ids: { advisor_id: (await newMachine()).id }, body: {} }),
  advisor_secret_delete: async () => {
    const m = await newMachine();
    return { as: chief, ids: { advisor_id: m.id, secret_id: m.secretId } };
  },
  session_delete: async () => ({ as: lib.caller(world.base, (await newSession()).access_token) }),
  client_search: () => ({ query: "phone=944264648" }),
  client_create: () => ({ body: lib.newClient() }),
  client_get: () => ({}),
  client_update: () => ({ body: { gender: "F" } }),
  client_erase: async () => ({ as: chief, ids: { client_id: (await lib.opened(ana)).client.id } }),
  client_merge: async () => ({ as: chief, ids: { client_id: (await lib.opened(ana)).client.id }, body: { into: other.client.id } }),
  client_merge_undo: async () => ({ as: chief, ids: { client_id: await merged() } }),
  client_erasure_get: () => ({ as: chief }),
  client_personal_data: () => ({ as: chief }),
  client_opportunity_list: () => ({}),
  client_consent_list: () => ({}),
  client_consent_create: () => ({ as: boss, body: { advertising_acceptance: "acepto", source: "CARTA" } }),
  contact_list: () => ({}),
  contact_search: () => ({ as: chief }),
  contact_create: () => ({ body: lib.newContact() }),
  contact_get: () => ({}),
  contact_void: async () => ({ ids: { contact_id: await newContactId() }, body: { reason: "X" } }),
  contact_update: () => ({ body: { ownership_check: { asked: 3, right: 2 } } }),
  opportunity_list: () => ({}),
  opportunity_create: async () => ({ body: { contact_id: await newContactId(), sub_campaign: "entel" } }),
  opportunity_get: () => ({}),
  opportunity_update: () => ({ body: { service: { current_plan: "CHIP PREPAGO" } } }),
  action_list: () => ({}),
  action_create: async () => {
    const { opportunity } = await lib.opened(ana);
    return { ids: { opportunity_id: opportunity.id }, body: { action: "migracion-prepagado-prepago", final_state: "atendido" } };
  },
  action_get: () => ({}),
  action_update: () => ({ body: { final_state: "no-atendido" } }),
  action_delete: async () => {
    const o = await lib.opened(ana);
    return { ids: { opportunity_id: o.opportunity.id, action_id: await newAction(o) } };
  },
  diagnosis_get: () => ({}),
  diagnosis_put: () => ({ body: { reason: lib.reason } }),
  competitor_offer_get: () => ({}),
  competitor_offer_put: () => ({ body: offer }),
  closure_get: () => ({}),
  closure_put: () => ({ body: { stage: "en-proceso" } }),
  diagnosis_delete: () => ({}),
  competitor_offer_delete: () => ({}),
  draft_get: async () => { await withDraft(mine); return {}; },
  draft_put: () => ({ body: { note: "X" } }),
  draft_delete: async () => { await withDraft(mine); return {}; },
  form_get: () => ({ query: `opportunity_id=${mine.opportunity.id}` }),
  typification_put: () => ({ body: { diagnosis: { reason: lib.reason } } }),
  opportunity_void: async () => ({ ids: { opportunity_id: (await lib.opened(ana)).opportunity.id }, body: { reason: "X" } }),
  opportunity_transfer: async () => ({ ids: { opportunity_id: (await lib.opened(ana)).opportunity.id }, body: { advisor: "E8000001", reason: "X" } }),
  follow_up_put: () => ({ body: { at: soon() } }),
  follow_up_delete: async () => { await calledBack(mine); return {}; },
  agenda_list: () => ({}),
  advisor_handover: async () => ({ as: boss, ids: { advisor_id: world.database.sql("select id from advisor where username = 'E8000002'") }, body: { advisor: "E8000001", reason: "X" } }),
  opportunity_reopen: async () => ({ as: boss, ids: { opportunity_id: (await finishedOne()).opportunity.id } }),
  typification_create: () => ({ body: { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form() } }),
  event_list: () => ({ as: chief }),
  audit_list: () => ({ as: boss }),
  audit_read_list: () => ({ as: boss }),
  client_read_list: () => ({ as: boss }),
  client_audit_list: () => ({ as: boss }),
  opportunity_audit_list: () => ({ as: boss }),
  report_retention: () => ({ as: boss, query: "group_by=reason:1" }),
  export_get: () => ({ as: boss }),
  catalog_list: () => ({}),
  catalog_get: () => ({}),
  catalog_update: () => ({ as: chief, body: { name: `Etapa ${++numbers}` } }),
  catalog_item_create: () => ({ as: chief, ids: { catalog: "operator" }, body: { label: `OPERADOR ${++numbers}` } }),
  catalog_item_get: () => ({ ids: { catalog: "operator", code: "bitel" } }),
  catalog_item_update: () => ({ as: chief, ids: { catalog: "operator", code: "bitel" }, body: { operator_code: `B${++numbers}` } }),
  catalog_item_usage: () => ({ as: boss, ids: { catalog: "operator", code: "bitel" } }),
  catalog_item_replace: () => ({ as: chief, ids: { catalog: "operator", code: "bitel" }, body: { by: "entel" } }),
  catalog_revision_list: () => ({ as: boss }),
  catalog_plan_create: () => ({ as: chief, body: { items: [{ label: "NUEVA ETAPA" }] } }),
  catalog_plan_get: async () => ({ as: chief, ids: { plan_id: await (shownPlan ||= newPlan()) } }),
  catalog_plan_apply: async () => ({ as: chief, ids: { plan_id: await newPlan() } }),
  webhook_list: () => ({ as: chief }),
  webhook_create: async () => { onlyOne(); return { as: chief, body: nowhere }; },
  webhook_get: () => ({ as: chief }),
  webhook_update: () => ({ as: chief, body: { types: ["client.merged"] } }),
  webhook_delete: async () => onlyOne() || ({ as: chief, ids: { webhook_id: (await chief.post("/v1/webhooks", { ...nowhere, description: "UNO" })).json.id } }),
  webhook_secret_rotate: () => ({ as: chief }),
  webhook_test: () => ({ as: chief }),
  delivery_list: () => ({ as: chief }),
  delivery_get: async () => {
    await until("no attempt", () => world.database.sql(`select leased_until is null and jsonb_array_length(log) > 0 from webhook_delivery where id = ${delivery}`) === "t");
    return { as: chief };
  },
  delivery_repeat: () => ({ as: chief }),
  delivery_repeat_all: () => ({ as: chief, body: { from: "2026-01-01" } }),
  import_create: () => ({ as: chief, query: "kind=clients", body: Buffer.from("document_type,document_number,name\ndni,45678912,A\n"), headers: { "content-type": "text/csv" } }),
  import_list: () => ({ as: chief }),
  import_get: async () => ({ as: chief, ids: { import_id: await newImport() } }),
  import_report: async () => ({ as: chief, ids: { import_id: await newImport() } }),
  import_cancel: async () => ({ as: chief, ids: { import_id: await heldImport() } }),
  livez: () => ({}),
  readyz: () => ({}),
  metrics: () => ({}),
  openapi_yaml: () => ({}),
  openapi_json: () => ({}),
  docs_page: () => ({}),
  docs_style: () => ({}),
  docs_script: () => ({}),
};

const fill = (shape, ids = {}) => {
  const all = { client_id: mine.client.id, contact_id: mine.contact.id, opportunity_id: mine.opportunity.id, action_id: action,
    catalog: "stage", kind: "clients", code: "retenido", plan_id: "1", secret_id: "999999999", advisor_id: account, webhook_id: webhook, delivery_id: delivery, import_id: "1", ...ids };
  return shape.replace(/\{([a-z_]+)\}/g, (_, name) => all[name]);
};

/* send(op, change, g) - the operation's valid request (or g), with some of {as, ids, query, body, headers} replaced. */
async function send(op, change = {}, ready = null) {
  const g = { as: op.signedIn ? ana : world.anyone, query: "", ...ready || await good[op.id](), ...change };
  const where = fill(op.path, g.ids) + (g.query ? "?" + g.query : "");
  return g.as.request(op.method, where, g.body, { ...(ready || {}).headers, ...(op.streams ? { "content-type": "text/csv" } : {}), ...change.headers });
}

const faultless = (r, status, code) => {
  assert.equal(r.status, status, r.text);
  if (code) assert.equal(r.json.code, code);
};

/* bare(method, where, headers) - a request whose path and framing Node does not change. */
function bare(method, where, headers = {}, base = world.base) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const rq = http.request({ hostname, port, method, path: where, headers: { connection: "close", ...headers }, agent: false }, (r) => {
      const chunks = [];
      r.on("data", (c) => chunks.push(c));
      r.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: r.statusCode, message: r.statusMessage, headers: r.headers, text,
          json: /[/+]json/.test(r.headers["content-type"] || "") ? JSON.parse(text) : undefined });
      });
    });
    rq.on("error", reject);
    rq.removeHeader("content-length");
    rq.removeHeader("transfer-encoding");
    rq.end();
  });
}

async function checkProblem(r) {
  const { ajv } = await lib.loadContract(world.base);
  assert.equal(r.headers["content-type"], "application/problem+json");
  assert.ok(ajv.validate("doc#/components/schemas/Problem", r.json), ajv.errorsText());
  assert.equal(r.json.status, r.status);
  assert.equal(r.json.request_id, r.headers["x-request-id"]);
}

/* --------------------------------------------------- every declared status */

const altered = (token) => {
  const [head, claims, signature] = token.split(".");
  const other = JSON.parse(Buffer.from(claims, "base64url"));
  other.exp += 3600;
  return [head, Buffer.from(JSON.stringify(other)).toString("base64url"), signature].join(".");
};
const badIds = ["999999999999", "9223372036854775807", "9223372036854775808", "99999999999999999999", "0", "00001", "-1", "+1",
  "1e3", "abc", "1.0", "%20"];
const badLimits = ["0", "101", "-1", "abc", "1.5", "1e1", "%2B1", "0x10", "1%200", "9999999999999999999999"];
/* A plan may have 4 MiB. */
const tooLong = (op) => "x".repeat(op.id === "catalog_plan_create" ? 4097 * 1024 : 70 * 1024);

/* By status: [title, condition on the operation, test]. Each declared status of an operation needs at least one test. */
const ways = {
  200: [
    ["", (op) => ![201, 204].some((status) => op.statuses.includes(status)) && (op.id === "client_erase" || !op.statuses.includes(202)), succeeds(200)],
    ["the whole opportunity, by return=opportunity", (op) => op.query.includes("return"), async (op) => {
      const r = await send(op, { query: "return=opportunity" }), at = fill("/v1/opportunities/{opportunity_id}", { opportunity_id: r.json.id });
      faultless(r, op.statuses.includes(201) ? 201 : 200);
      const whole = await ana.get(at);
      assert.equal(r.text, whole.text);
      assert.equal(r.headers["opportunity-etag"], whole.headers.etag);
    }],
    ["the preview, by validate_only", (op) => op.statuses.includes(201) || (op.statuses.includes(202) && op.id !== "client_erase"), async (op) => {
      const r = await send(op, { query: "validate_only=true" });
      faultless(r, 200);
      assert.equal(r.headers.location, undefined);
      assert.match(r.headers["cache-control"], /no-store/);
    }],
  ],
  201: [["", () => true, succeeds(201)]],
  202: [["", (op) => op.id !== "client_erase", succeeds(202)],
  ["the rest is erased in steps", (op) => op.id === "client_erase", async (op) => {
    const g = await good[op.id](), { client_id: id } = g.ids;
    world.database.sql(`insert into contact (client_id, advisor_id, origin_phone, serial_number) select ${id}, min(id), '955111444', '9999888877776666' from advisor, generate_series(1, 500) group by generate_series`);
    const r = await send(op, {}, g);
    faultless(r, 202);
    assert.deepEqual([r.headers.location, r.json.name], [`/v1/clients/${id}/erasure`, "BORRADO"]);
    assert.equal((await chief.get(r.headers.location)).status, 200);
  }]],
  204: [["", () => true, succeeds(204)]],
  301: [["the client was merged into another", () => true, async (op) => {
    const client_id = await merged(), r = await send(op, { ids: { client_id } });
    faultless(r, 301, "client_moved");
    assert.equal(r.headers.location, fill(op.path, { client_id: other.client.id }));
  }]],
  308: [["the client was merged into another", () => true, async (op) => {
    const client_id = await merged(), r = await send(op, { ids: { client_id } });
    faultless(r, 308, "client_moved_write");
    assert.equal(r.headers.location, fill(op.path, { client_id: other.client.id }));
  }]],
  304: [["If-None-Match names it", () => true, async (op) => {
    const { headers: { etag } } = await send(op);
    assert.match(etag, /^"([0-9a-f]{1,16}([.][0-9a-f]{1,16}){0,4}-)?[0-9a-f]{1,16}"$/);
    const r = await send(op, { headers: { "if-none-match": etag } });
    faultless(r, 304);
    assert.equal(r.headers.etag, etag);
  }]],
  400: [
    ["an unknown query parameter", () => true, async (op) => {
      const g = await good[op.id]();
      faultless(await send(op, { query: [g.query, "nope=1"].filter(Boolean).join("&") }), 400, "parameter_unknown");
    }],
    ["a repeated query parameter", (op) => op.query.length > 0, async (op) => {
      for (const name of op.query) {
        faultless(await send(op, { query: `${name}=1&${name}=1` }), 400, "parameter_repeated");
        faultless(await send(op, { query: `${name}=1&%${name.charCodeAt(0).toString(16)}${name.slice(1)}=2` }), 400, "parameter_repeated");
      }
    }],
    ["a query that is not UTF-8", () => true, async (op) => {
      for (const query of ["limit=%FF", "limit=%00", "limit=%zz", "%C0%AF=1"])
        faultless(await send(op, { query }), 400);
    }],
    ["a body that is not JSON", (op) => op.hasBody, async (op) => {
      for (const body of ["", " ", "{", "{\"a\":1,}", "nope", "{} {}", "{\"a\":\"\\u0000\"}", Buffer.from([0x22, 0xff, 0x22]),
        "[".repeat(40) + "]".repeat(40)])
        faultless(await send(op, { body }), 400);
    }],
    ["a duplicate key in an object", (op) => op.hasBody, async (op) =>
      faultless(await send(op, { body: "{\"a\": 1, \"a\": 1}" }), 400, "json_duplicate_key")],
  ],
  401: [
    ["without a token", (op) => op.signedIn, async (op) => {
      for (const headers of [{}, { authorization: "Basic RTgxNTMzNzU6eA==" }]) {
        const r = await send(op, { as: world.anyone, headers });
        faultless(r, 401, "token_missing");
        assert.match(r.headers["www-authenticate"], /^Bearer/);
        assert.doesNotMatch(r.headers["www-authenticate"], /error=/, "RFC 6750, 3.1: no error code where no credentials were sent");
      }
    }],
    ["an invalid token", (op) => op.signedIn, async (op) => {
      const none = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
      const claims = ana.token.split(".")[1];
      for (const token of ["garbage", "a.b.c", altered(ana.token), `${none}.${claims}.`, ana.token.slice(0, -4), ana.token + "x"]) {
        const r = await send(op, { as: lib.caller(world.base, token) });
        faultless(r, 401, "token_invalid");
        assert.match(r.headers["www-authenticate"], /^Bearer.*error="invalid_token"/);
      }
    }],
    ["a wrong password", (op) => op.id === "session_create", async (op) => {
      const r = await send(op, { body: { username: "E8153375", password: "no-es-esta-clave" } });
      faultless(r, 401, "credentials_wrong");
      assert.match(r.headers["www-authenticate"], /^Bearer/);
    }],
    ["an invalid refresh token", (op) => op.id === "session_refresh", async (op) => {
      const r = await send(op, { body: { refresh_token: "garbage" } });
      faultless(r, 401, "refresh_token_invalid");
      assert.match(r.headers["www-authenticate"], /^Bearer/);
    }],
  ],
  403: [
    ["the password must be changed first", () => true, async (op) => faultless(await send(op, { as: locked }), 403, "password_change_required")],
    ["an advisor may not", (op) => supervisors.includes(op.id) || forChiefs(op), async (op) =>
      faultless(await send(op, { as: ana }), 403, "role_forbidden")],
    ["a supervisor may not", forChiefs, async (op) => faultless(await send(op, { as: boss }), 403, "role_forbidden")],
    ["another advisor's; a supervisor may", (op) => op.path.startsWith("/v1/opportunities/{") && op.method !== "GET" && !supervisors.includes(op.id) && !op.id.startsWith("draft_"), async (op) => {
      const g = await good[op.id](), at = fill("/v1/opportunities/{opportunity_id}", g.ids);
      const before = (await ana.get(at)).json;
      faultless(await send(op, { as: bea }, g), 403, "not_owner");
      assert.deepEqual((await ana.get(at)).json, before);
      const r = await send(op, { as: boss }, g);
      assert.ok([200, 201, 204].includes(r.status), r.text);
    }],
    ["another advisor's, for a supervisor too", (op) => op.id.startsWith("draft_"), async (op) => {
      for (const as of [bea, boss]) faultless(await send(op, { as }), 403, "not_owner");
    }],
    ["another advisor's contact; a supervisor may", (op) => op.id === "contact_update", async (op) => {
      const at = fill("/v1/contacts/{contact_id}"), before = (await ana.get(at)).json;
      faultless(await send(op, { as: bea, body: { ownership_check: null } }), 403, "contact_not_owner");
      assert.deepEqual((await ana.get(at)).json, before);
      faultless(await send(op, { as: boss }), 200);
    }],
  ],
  404: [["unknown ids, and values that are no ids", () => true, async (op) => {
    for (const [, name] of op.path.matchAll(/\{([a-z_]+)\}/g)) {
      const bad = ["catalog", "kind"].includes(name) ? ["nope", "STAGE", "stage%20", "1", "-", "a".repeat(65)] : badIds;
      for (const value of bad)
        faultless(await send(op, { ids: { [name]: value } }), 404, "not_found");
    }
    if (op.id === "form_get") for (const name of op.query.filter((n) => n.endsWith("_id"))) faultless(await send(op, { query: `${name}=999999999` }), 404, "not_found");
    if (op.path.includes("{action_id}")) faultless(await send(op, { ids: { action_id: other.action } }), 404, "not_found");
  }]],
  406: [["Accept asks for something else", () => true, async (op) => {
    for (const accept of [op.id === "metrics" ? "text/html" : "text/plain", ["catalog_get", "export_get", "import_report"].includes(op.id) ? "image/*" : op.id === "report_retention" ? "image/png" : "text/csv, image/*", "application/json;q=0, application/yaml;q=0", "*/*;q=0"])
      faultless(await send(op, { headers: { accept } }), 406, "not_acceptable");
  }]],
  409: [
    ["another client has this document", (op) => op.id === "client_create", async (op) =>
      faultless(await send(op, { body: lib.newClient({ document_number: mine.client.document_number }) }), 409, "client_exists")],
    ["a username that is taken", (op) => op.id === "advisor_create", async (op) =>
      faultless(await send(op, { body: { username: "e8153375", full_name: "X", role: "advisor", password: lib.password } }), 409, "advisor_exists")],
    ["a person's account", (op) => ["advisor_password_delete", "advisor_secret_create"].includes(op.id), async (op) =>
      faultless(await send(op, { ids: {} }), 409, "not_an_integration")],
    ["an account without a password", (op) => op.id === "password_put", async (op) => faultless(await send(op, { as: (await newMachine()).as }), 409, "password_not_used")],
    ["an integration's account", (op) => op.id === "advisor_password_put", async (op) =>
      faultless(await send(op, { ids: { advisor_id: (await newMachine()).id } }), 409, "password_not_used")],
    ["two valid secrets", (op) => op.id === "advisor_secret_create", async (op) => {
      const g = await good[op.id]();
      faultless(await send(op, {}, g), 201);
      faultless(await send(op, {}, g), 409, "secrets_full");
    }],
    ["an import that has ended", (op) => op.id === "import_cancel", async (op) =>
      faultless(await send(op, { ids: { import_id: await newImport() } }), 409, "import_finished")],
    ["another client's document", (op) => op.id === "client_update", async (op) =>
      faultless(await send(op, { body: { document_number: other.client.document_number } }), 409, "client_exists")],
    ["another client has this document", (op) => op.id === "typification_create", async (op) => {
      const { body } = good.typification_create();
      faultless(await send(op, { body: { ...body, client: lib.newClient({ document_number: mine.client.document_number }) } }),
        409, "client_exists");
    }],
    ["the contact already has an opportunity", (op) => op.id === "opportunity_create", async (op) =>
      faultless(await send(op, { body: { contact_id: mine.contact.id, sub_campaign: "entel" } }), 409, "contact_has_opportunity")],
    ["erased already", (op) => op.id === "client_erase", async (op) => {
      const g = await good[op.id]();
      faultless(await send(op, {}, g), 200);
      faultless(await send(op, {}, g), 409, "client_erased");
    }],
    ["merged already, or not at all", (op) => op.id.startsWith("client_merge"), async (op) => {
      const g = await good[op.id]();
      faultless(await send(op, {}, g), 200);
      faultless(await send(op, {}, g), 409, op.id === "client_merge" ? "client_merged" : "client_not_merged");
    }],
    ["not finished", (op) => op.id === "opportunity_reopen", async (op) =>
      faultless(await send(op, { ids: { opportunity_id: mine.opportunity.id } }), 409, "opportunity_not_finished")],
    ["voided already", (op) => op.id.endsWith("_void"), async (op) => {
      const g = await good[op.id]();
      faultless(await send(op, {}, g), 200);
      faultless(await send(op, {}, g), 409, `${op.id.replace("_void", "")}_voided`);
    }],
    ["the client is erased", (op) => op.id === "client_consent_create", async (op) => {
      const { client } = await lib.opened(ana);
      assert.equal((await chief.post(`/v1/clients/${client.id}/erasure`)).status, 200);
      faultless(await send(op, { ids: { client_id: client.id } }), 409, "client_erased");
    }],
    ["finished, for a supervisor too", (op) => op.path.startsWith("/v1/opportunities/{") && !["opportunity_reopen", ...voids].includes(op.id) && !op.id.startsWith("draft_"), async (op) => {
      const before = (await ana.get(finished.at)).json;
      for (const as of [ana, boss])
        faultless(await send(op, { as, ids: { opportunity_id: finished.opportunity.id, action_id: finished.action } }), 409,
          "opportunity_finished");
      assert.deepEqual((await ana.get(finished.at)).json, before);
    }],
    ["finished", (op) => op.id.startsWith("draft_"), async (op) =>
      faultless(await send(op, { ids: { opportunity_id: finished.opportunity.id } }), 409, "opportunity_finished")],
    ["the contact's opportunity is finished, for a supervisor too", (op) => op.id === "contact_update", async (op) => {
      for (const as of [ana, boss]) faultless(await send(op, { as, ids: { contact_id: finished.contact.id } }), 409, "opportunity_finished");
    }],
    ["the grid already has twenty rows", (op) => op.id === "action_create", async (op) => {
      const { at, opportunity } = await lib.opened(ana);
      const row = { action: "migracion-prepagado-prepago" };
      assert.equal((await ana.put(`${at}/typification`, { actions: Array(20).fill(row) })).status, 200);
      faultless(await send(op, { ids: { opportunity_id: opportunity.id } }), 409, "actions_full");
    }],
    ["a request with the same Idempotency-Key is running", (op) => op.takesKey && op.id !== "session_refresh", async (op) => {
      const g = await good[op.id](), key = `running-${op.id}`;
      const scope = world.database.sql(`select id from advisor where username = '${g.as === boss ? "E8000001" : g.as === chief ? "E8000002" : "E8153375"}'`);
      const release = await hold(world.database, lockOf(scope, op.id, key));
      try {
        const r = await send(op, { headers: { "idempotency-key": key } }, g);
        faultless(r, 409, "idempotency_key_in_use");
        assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
      } finally {
        await release();
      }
      const r = await send(op, { headers: { "idempotency-key": key } }, g);
      assert.ok([200, 201, 202, 204].includes(r.status), r.text);
      assert.equal(r.headers["idempotent-replayed"], undefined);
    }],
  ],
  410: [["the rows were deleted", (op) => op.id === "import_report", async (op) => {
    const id = await heldImport();
    world.database.sql(`update import set state = 'done', finished_at = now(), tidied_at = now() where id = ${id}`);
    faultless(await send(op, { ids: { import_id: id } }), 410, "report_gone");
  }], ["events behind the cursor were dropped", (op) => op.id === "event_list", async (op) => {
    const { json: { next } } = await send(op, { query: "limit=1" });
    world.database.sql("insert into event_dropped select true, pg_current_xact_id(), 1");
    faultless(await send(op, { query: `after=${next}` }), 410, "cursor_expired");
    world.database.sql("delete from event_dropped");
  }]],
  412: [["If-Match names another state", () => true, async (op) => {
    const as = op.id === "opportunity_reopen" ? { as: boss } : {};
    faultless(await send(op, { ...as, headers: { "if-match": "\"0\"" } }), 412, "precondition_failed");
  }]],
  411: [["neither Content-Length nor chunked", () => true, async (op) => {
    const headers = { "content-type": "application/json", ...(op.signedIn ? { authorization: `Bearer ${(forChiefs(op) ? chief : supervisors.includes(op.id) ? boss : ana).token}` } : {}) };
    const r = await bare(op.method, fill(op.path), headers);
    assert.equal(r.status, 411, r.text);
    assert.equal(r.message, "Length Required");
    assert.equal(r.json.code, "length_required");
    await checkProblem(r);
    fs.appendFileSync(lib.seenFile, `${op.id} 411\n`);
  }]],
  413: [
    ["a file above the bound", (op) => op.streams, async (op) => {
      const body = Buffer.from("document_type,document_number,name\n" + "dni,45678912,A\n".repeat(200));
      for (const headers of [{}, { "content-length": null, "transfer-encoding": "chunked" }])
        faultless(await send(op, { as: lib.caller(await frugal, chief.token), body, headers }), 413, "content_too_large");
    }],
    ["70 KiB", (op) => op.hasBody, async (op) => faultless(await send(op, { body: { name: tooLong(op) } }), 413, "content_too_large")],
    ["70 KiB in chunks", (op) => op.hasBody, async (op) => faultless(await send(op, { body: { name: tooLong(op) },
      headers: { "content-length": null, "transfer-encoding": "chunked" } }), 413, "content_too_large")],
  ],
  415: [["a file that is neither", (op) => op.streams, async (op) => {
    for (const type of ["application/json", "text/csv; charset=iso-8859-1"]) faultless(await send(op, { headers: { "content-type": type } }), 415, "media_type_unsupported");
  }], ["a media type, charset or encoding that is not accepted", (op) => op.hasBody, async (op) => {
    for (const headers of [{ "content-type": "text/plain" }, { "content-type": null }, { "content-type": "application/x-www-form-urlencoded" },
      { "content-type": "application/json; charset=iso-8859-1" }, { "content-type": "application/jsonx" }, { "content-encoding": "gzip" },
      ...(op.method === "PATCH" ? [] : [{ "content-type": "application/merge-patch+json" }])])
      faultless(await send(op, { headers }), 415, "media_type_unsupported");
  }]],
  422: [
    ["a day that is none, and a span that ends before it begins", (op) => op.id === "export_get", async (op) => {
      lib.faultAt(await send(op, { query: "created_from=2025-02-30" }), "#/created_from");
      lib.faultAt(await send(op, { query: "created_from=2025-02-02&created_to=2025-02-01" }), "#/created_to");
    }],
    ["a dimension that does not exist", (op) => op.id === "report_retention", async (op) =>
      lib.faultAt(await send(op, { query: "group_by=nope" }), "#/group_by")],
    ["validate_only is true or false", (op) => op.query.includes("validate_only"), async (op) => {
      for (const value of ["maybe", "1", "TRUE"])
        lib.faultAt(await send(op, { query: `validate_only=${value}` }), "#/validate_only");
    }],
    ["return is opportunity", (op) => op.query.includes("return"), async (op) => {
      for (const value of ["part", "Opportunity", "opportunity,part"]) lib.faultAt(await send(op, { query: `return=${value}` }), "#/return");
    }],
    ["an unknown member", (op) => op.hasBody && op.id !== "draft_put", async (op) => {
      const g = await good[op.id]();
      assert.equal(lib.faultAt(await send(op, { body: { ...g.body, no_such_member: 1 } }), "#/no_such_member").code, "unknown_property");
    }],
    ["a body that is not an object", (op) => op.hasBody, async (op) => {
      for (const body of ["null", "[]", "\"text\"", "1", "true"])
        assert.equal(lib.faultAt(await send(op, { body }), "#").code, "type");
    }],
    ["an empty object", (op) => op.hasBody && op.method !== "PATCH" && !["draft_put", "advisor_secret_create"].includes(op.id), async (op) =>
      assert.ok((await send(op, { body: {} })).json.errors.length > 0)],
    ["an id that is none, and two of them", (op) => op.id === "form_get", async (op) => {
      lib.faultAt(await send(op, { query: "client_id=x" }), "#/client_id");
      lib.faultAt(await send(op, { query: "client_id=1&contact_id=1" }), "#");
    }],
    ["as_of is an instant of the history, include is inactive", (op) => op.id === "catalog_get", async (op) => {
      for (const value of ["2020-01-01", "yesterday", "2026-02-30", "2026-01-01T00:00:00"]) lib.faultAt(await send(op, { query: `as_of=${value}` }), "#/as_of");
      lib.faultAt(await send(op, { query: "include=all" }), "#/include");
    }],
    ["a kind that there is not, and a file without columns", (op) => op.id === "import_create", async (op) => {
      lib.faultAt(await send(op, { query: "kind=advisors" }), "#/kind");
      lib.faultAt(await send(op, { body: Buffer.from("x\n") }), "#");
    }],
    ["an outcome that there is not", (op) => op.id === "import_report", async (op) => lib.faultAt(await send(op, { query: "outcome=good" }), "#/outcome")],
    ["limit is 1 to 100, of events 1000", (op) => op.query.includes("limit"), async (op) => {
      const g = await good[op.id]();
      for (const limit of badLimits.map((bad) => (bad === "101" && op.id === "event_list" ? "1001" : bad)))
        lib.faultAt(await send(op, { query: [g.query, `limit=${limit}`].filter(Boolean).join("&") }), "#/limit");
    }],
  ],
  429: [["too many stored responses", (op) => op.takesKey && !op.id.startsWith("session_"), async (op) => {
    const base = await frugal, g = await good[op.id](), as = lib.caller(base, (g.as || ana).token), key = () => ({ "idempotency-key": crypto.randomUUID() });
    await as.post("/v1/clients", lib.newClient(), key());
    const r = await send(op, { as, headers: key() }, g);
    faultless(r, 429, "too_many_keys");
    assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
    const without = await send(op, { as }, g);
    assert.ok(without.status < 300, without.text);
  }],
  ["too many guesses", (op) => ["client_search", "client_create", "client_update", "typification_create"].includes(op.id), async (op) => {
    const { as } = await lib.machine(chief, world.base, { rights: ["client_read", "client_write", "contact_write", "opportunity_write"] }), g = await good[op.id]();
    /* The default of GESTOR_GUESSES_PER_HOUR is 60. */
    for (let i = 0; i < 60; i++) assert.equal((await as.get(`/v1/clients?document_number=7${String(i).padStart(7, "0")}`)).status, 200);
    const r = await send(op, { as, ...(op.id === "client_update" ? { body: { document_number: "70000001" } } : {}) }, g);
    faultless(r, 429, "too_many_guesses");
    assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
  }],
  ["too many attempts", (op) => ["session_create", "password_put"].includes(op.id), async (op) => {
    const username = await newAccount(), wrong = op.id === "session_create" ? { body: { username, password: "no-es-esta-clave" } }
      : { as: lib.caller(world.base, (await world.anyone.post("/v1/sessions", { username, password: lib.password })).json.access_token),
        body: { old_password: "no-es-esta-clave", password: "otra-clave-de-prueba" } };
    let r;
    for (let i = 0; i < 12; i++) r = await send(op, wrong, {});
    faultless(r, 429, "too_many_attempts");
    assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
  }]],
  503: [["without a database", () => true, async (op) => {
    const base = await dead;
    const g = await good[op.id]();
    const r = await send(op, { as: lib.caller(base, op.signedIn ? (g.as || ana).token : undefined) }, g);
    assert.equal(r.status, 503, r.text);
    assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
    assert.ok(["database_unavailable", "not_ready"].includes(r.json.code), r.json.code);
  }]],
};

function succeeds(status) {
  return async (op) => {
    const r = await send(op);
    faultless(r, status);
    assert.equal(r.headers["x-content-type-options"], "nosniff");
    if (personal.test(op.path)) assert.match(r.headers["cache-control"], /no-store/);
    if (status === 201) {
      assert.equal(r.headers.location, op.id === "session_create" ? "/v1/sessions/current"
        : op.id === "catalog_item_create" ? `/v1/catalogs/operator/items/${r.json.code}`
        : op.id === "catalog_plan_create" ? `/v1/catalogs/stage/plans/${r.json.id}`
        : op.id === "advisor_secret_create" ? r.headers.location.replace(/[0-9]+$/, r.json.id)
        : op.id === "client_consent_create" ? fill(op.path)
        : op.id === "action_create" ? r.headers.location.replace(/[0-9]+$/, r.json.id)
        : op.id === "webhook_test" ? `/v1/webhooks/${webhook}/deliveries/${r.json.id}`
          : `${op.path.replace("typifications", "opportunities").replace(/\/clients\/.*contacts/, "/contacts")}/${r.json.id}`);
      /* A secret is shown in this answer alone. */
      if (op.id === "advisor_secret_create") return;
      const reader = op.id === "session_create" ? lib.caller(world.base, r.json.access_token) : forChiefs(op) ? chief : ana;
      const there = await reader.get(r.headers.location);
      assert.equal(there.status, 200);
      /* A secret is shown once; a delivery may have been attempted meanwhile. */
      if (["webhook_create", "webhook_test"].includes(op.id)) assert.equal(there.json.id, r.json.id);
      else if (op.id === "client_consent_create") assert.deepEqual(there.json.items[0], r.json);
      else if (op.id !== "session_create") assert.deepEqual(there.json, r.json);
    }
  };
}

for (const op of all) {
  assert.ok(good[op.id], `add a valid request of ${op.id} to \`good\``);
  for (const status of op.statuses) {
    /* share.test.js tests the 429 of an account that sends too many requests. */
    if (status === 429 && op.signedIn && !(ways[429] || []).some(([, of]) => of(op))) continue;
    const found = (ways[status] || []).filter(([, of]) => of(op));
    if (found.length === 0) test(`${op.id}: ${status} is declared, but no test provokes it`, () => assert.fail());
    for (const [what, , run] of found) test(`${op.id}: ${status}${what ? ", " : ""}${what}`, () => run(op));
  }
}

/* ------------------------------------------------ for all operations alike */

/* The operations that do not answer JSON. */
const types = { export_get: "application/x-ndjson", import_report: "application/x-ndjson", metrics: "text/plain", openapi_yaml: "application/yaml", docs_page: "text/html", docs_style: "text/css", docs_script: "text/javascript" };

for (const op of all.filter((o) => o.method === "PATCH"))
  test(`${op.id}: application/merge-patch+json and application/json are equivalent; parameters of the type are ignored`, async () => {
    for (const type of ["application/merge-patch+json", "application/json", "application/json; charset=utf-8",
      "Application/JSON;charset=\"UTF-8\""])
      faultless(await send(op, { headers: { "content-type": type } }), 200);
  });

for (const op of all.filter((o) => o.method === "GET")) {
  test(`${op.id}: HEAD answers like GET, without the body`, async () => {
    const g = { as: op.signedIn ? ana : world.anyone, query: "", ...await good[op.id]() };
    const where = fill(op.path, g.ids) + (g.query ? "?" + g.query : "");
    /* The counters of /metrics grow between the two, so its length differs. An export's instant is that of its body, which HEAD does not read. */
    const same = ({ date, "x-request-id": id, "content-length": length, "as-of": instant, ...rest }) => (op.id === "metrics" ? rest : { ...rest, length });
    const tries = [[g.as, where], [g.as, where.split("?")[0] + "?nope=1"]];
    if (op.signedIn) tries.push([world.anyone, where]);
    for (const [as, at] of tries) {
      let get = await as.get(at), head, before;
      /* The service records reads in the background, so the list of them may grow between the two requests. */
      for (let i = 0; i < 10; i++) {
        before = get;
        head = await as.request("HEAD", at);
        get = await as.get(at);
        if (JSON.stringify(same(get.headers)) === JSON.stringify(same(before.headers))) break;
      }
      assert.equal(head.status, get.status);
      assert.equal(head.text, "");
      assert.deepEqual(same(head.headers), same(get.headers));
    }
  });
  test(`${op.id}: accepted values of Accept`, async () => {
    const type = types[op.id] || "application/json";
    for (const accept of ["*/*", `${type.split("/")[0]}/*`, type, `image/avif, ${type};q=0.1`, "text/html,*/*;q=0.8", `${type}; charset=utf-8`])
      faultless(await send(op, { headers: { accept } }), 200);
  });
}

for (const shape of shapes) {
  const here = all.filter((op) => op.path === shape).map((op) => op.method);
  const allowed = [...here, ...(here.includes("GET") ? ["HEAD"] : []), "OPTIONS"].sort();
  const name = all.find((op) => op.path === shape).id;
  const allow = (r) => r.headers.allow.split(",").map((m) => m.trim()).sort();

  test(`${name}: OPTIONS ${shape} answers 204 and Allow, with or without a token`, async () => {
    for (const as of [ana, world.anyone]) {
      const r = await as.request("OPTIONS", fill(shape));
      assert.equal(r.status, 204);
      assert.equal(r.text, "");
      assert.deepEqual(allow(r), allowed);
      assert.equal(r.headers["content-length"], undefined);
      assert.equal(r.headers["access-control-allow-origin"], undefined);
    }
  });

  test(`${name}: ${shape} refuses other methods with 405 and Allow`, async () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((m) => !here.includes(m))) {
      const r = await ana.request(method, fill(shape));
      faultless(r, 405, "method_not_allowed");
      assert.deepEqual(allow(r), allowed);
    }
    if (!here.includes("GET")) {
      const r = await ana.request("HEAD", fill(shape));
      assert.equal(r.status, 405);
      assert.equal(r.text, "");
    }
  });
}

test("client_get: unknown paths are always 404 or 400", async () => {
  const id = mine.client.id;
  const nobody = ["/", "/v1", "/v1/", "/v1/nope", "/v2/clients", `/v1/clients/${id}/`, "/v1/clients/", `/v1/Clients/${id}`, `/V1/clients/${id}`,
    `//v1/clients/${id}`, `/v1//clients/${id}`, `/v1/clients//${id}`, `/v1/clients/${id}/../${id}`, `/v1/clients/${id}/.`, `/v1/./clients/${id}`,
    `/v1/clients/%2e%2e/clients/${id}`, `/v1/clients/${id}/..`, `/../v1/clients/${id}`, `/v1%2Fclients/${id}`,
      `/v1/clients%2F${id}`, `/v1/clients/${id}%2Fcontacts`,
    `/v1/clients/${id}%00`, `/v1/clients/%00${id}`, "/v1/clients/%00", "/%00", `/v1/clients/${id}%`, `/v1/clients/${id}%2`,
      `/v1/clients/${id}%zz`,
    "/v1/clients/%FF", `/v1/clients/${id}%C0%AF`, "/v1/clients/%ED%A0%80", "/v1/clients/%F4%90%80%80", `/v1/clients/${id}%20`,
      `/v1/clients/${id}+`,
    `/v1/clients/${id};a=b`, `/v1/clients/${id},1`, "/v1/clients/%EF%BC%91", `/v1/clients/${id}\\`, "/v1/clients/\xff",
      `/v1/clients/${id}\xc0\xaf`,
    `/v1/clients/${id}/contacts/1`, "/v1/clients/1/2/3/4/5/6/7/8/9", "/" + "a/".repeat(500), "/livez/", "/livez/..", "/Livez",
      "/openapi.yaml/", "/openapi.YAML", "/index.html",
    "/.htpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/../../etc/passwd"];
  const authorization = `Bearer ${ana.token}`;
  for (const where of nobody) {
    const r = await bare("GET", where, { authorization });
    assert.ok(r.status === 404 || r.status === 400, `${where} answered ${r.status}: ${r.text}`);
    await checkProblem(r);
  }
  assert.equal((await bare("GET", "/livez")).status, 200);
});

test("client_get: unreserved characters may be percent-encoded, and an empty query is ignored", async () => {
  const authorization = `Bearer ${ana.token}`, id = mine.client.id;
  const hex = (text) => [...text].map((c) => "%" + c.charCodeAt(0).toString(16)).join("");
  for (const where of [`/v1/%63lients/${id}`, `/v1/clients/${hex(id)}`, `/%76%31/clients/${id}`, `/v1/clients/${id}?`,
    `${world.base}/v1/clients/${id}`]) {
    const r = await bare("GET", where, { authorization });
    assert.equal(r.status, 200, `${where}: ${r.text}`);
    assert.equal(r.json.id, id);
  }
});

test("opportunity_reopen: a request without a body needs no Content-Length", async () => {
  const { at } = await finishedOne();
  const r = await bare("POST", `${at}/reopening`, { authorization: `Bearer ${boss.token}` });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json.stage.code, "en-proceso");
});

test("session_get: a harmless X-Request-Id is kept, any other replaced", async () => {
  for (const id of ["a", "0", "abc-123_X.y:z", "9f1c2e34-5a6b-4c7d-8e9f-0a1b2c3d4e5f", "y".repeat(64)]) {
    assert.equal((await ana.get("/v1/sessions/current", { "x-request-id": id })).headers["x-request-id"], id);
    const refused = await world.anyone.get("/v1/sessions/current", { "x-request-id": id });
    assert.equal(refused.headers["x-request-id"], id);
    assert.equal(refused.json.request_id, id);
  }
  const made = new Set();
  const bad = ["x".repeat(65), "x".repeat(4000), "", "a b", "\"quoted\"", "<script>", "a,b", "%0d%0a", "caf\xe9", "{}"];
  for (const id of bad) {
    const r = await ana.get("/v1/sessions/current", { "x-request-id": id });
    assert.equal(r.status, 200, `${JSON.stringify(id)}: ${r.text}`);
    assert.notEqual(r.headers["x-request-id"], id);
    assert.match(r.headers["x-request-id"], /^[A-Za-z0-9_.:-]{8,64}$/);
    made.add(r.headers["x-request-id"]);
  }
  assert.equal(made.size, bad.length, "each replacement is unique");
});

test("livez: livez and the OpenAPI document work without a database; readyz answers 503", async () => {
  const anyone = lib.caller(await dead);
  assert.equal((await anyone.get("/livez")).status, 200);
  assert.equal((await anyone.get("/openapi.json")).status, 200);
  assert.equal((await anyone.get("/openapi.yaml")).status, 200);
  const r = await anyone.get("/readyz");
  assert.equal(r.status, 503);
  assert.match(r.headers["retry-after"], /^[1-9][0-9]*$/);
});

test("session_get: without a database a bad token is still 401, a bad request still 400, 404, 406, 415", async () => {
  const base = await dead;
  const signed = lib.caller(base, ana.token);
  assert.equal((await lib.caller(base, "garbage").get("/v1/clients/1")).status, 401);
  assert.equal((await signed.get("/v1/clients/1?nope=1")).status, 400);
  assert.equal((await signed.get("/v1/nope")).status, 404);
  assert.equal((await signed.get("/v1/clients/1", { accept: "text/plain" })).status, 406);
  assert.equal((await lib.caller(base).post("/v1/sessions", {}, { "content-type": "text/plain" })).status, 415);
  /* Without a database the service cannot know whether a token's session has ended. */
  assert.equal((await signed.post("/v1/clients", {}, { "content-type": "text/plain" })).json.code, "not_ready");
});

test("openapi_json: the served documents equal openapi.yaml", async () => {
  assert.deepEqual((await world.anyone.get("/openapi.json")).json, openapi());
  assert.equal((await world.anyone.get("/openapi.yaml")).text, fs.readFileSync(`${lib.root}/openapi.yaml`, "utf8"));
});
