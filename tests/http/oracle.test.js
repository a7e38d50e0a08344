/*
 * No answer reveals a hidden value to a caller who sees masks. Two databases differ only in hidden values: for each personal
 * member there is a client, with contacts and opportunities, that has one value in the first and another in the second.
 * The same request to both must get the same bytes, for every operation of openapi.yaml.
 *
 * The test fails if this file lacks an operation of openapi.yaml: add it to `requests`, or to `elsewhere`. It also fails if
 * `values` lacks a member that resource/personal.h hides. Requests with a whole number (a search, a new client) do reveal
 * whether a client has it: tests/http/guess.test.js tests the limit on these.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const lib = require("./lib.js");
const exchanges = require("./exchanges.js");

exchanges.off();

/* For each hidden member: the part of a call that has it, and two values. */
const today = new Date().toLocaleDateString("sv-SE", { timeZone: "America/Lima" });
const values = {
  document_number: ["client", "41000001", "41000002"],
  phone: ["client", "955111222", "966333444"],
  email: ["client", "una@ejemplo.pe", "otra.persona@otro.ejemplo.pe"],
  birth_date: ["client", "1987-06-05", `1990${today.slice(4)}`],
  legal_representative: ["client", "UNA", "OTRA PERSONA DE NOMBRE LARGO"],
  lines: ["sales", ["955111333"], ["966111333", "966111334"]],
  plan: ["sales", "CHIP", "POSTPAGO DE NOMBRE LARGO"],
  activation_date: ["sales", "2020-01-02", "2021-02-03"],
  trac_profile: ["summary_360", "A", "OTRO PERFIL"],
  observed: ["summary_360", true, false],
  claro_points: ["summary_360", 1, 123456],
  segment: ["summary_360", "A", "OTRO SEGMENTO"],
  mi_claro: ["summary_360", true, false],
  expiring_points: ["experience", 1, 123456],
  overdue_payment: ["experience", "NO", "SI, DOS MESES"],
  latam_partner: ["experience", true, false],
  current_plan: ["service", "CHIP", "POSTPAGO DE NOMBRE LARGO"],
  prior_consultation: ["service", true, false],
  origin_phone: ["contact", "955111444", "966111444"],
  serial_number: ["contact", "9999888877776666", "1111222233334444"],
  phone_to_manage: ["competitor_offer", "955111555", "966111555"],
  additional_line: ["competitor_offer", "955111666", "966111666"],
  note: ["follow_up", "LLAMAR", "LLAMAR A SU HERMANA EN LA TARDE"],
};
/* Hidden members that are computed from another one. */
const derived = { birthday_today: "birth_date" };

/* Operations that have nothing to do with a client, and whose answers differ between processes or over time. */
const elsewhere = ["session_create", "session_refresh", "session_get", "session_delete", "password_put", "oauth_token", "livez", "readyz", "metrics",
  "openapi_yaml", "openapi_json", "docs_page", "docs_style", "docs_script",
  /* Of administrators and supervisors, who see everything. */
  "catalog_update", "catalog_item_create", "catalog_item_update", "catalog_item_usage", "catalog_item_replace", "catalog_revision_list",
  "catalog_plan_create", "catalog_plan_get", "catalog_plan_apply",
  "webhook_list", "webhook_create", "webhook_get", "webhook_update", "webhook_delete", "webhook_secret_rotate", "webhook_test",
  "delivery_list", "delivery_get", "delivery_repeat", "delivery_repeat_all",
  /* Of administrators, and of integrations that see personal data. */
  "import_create", "import_list", "import_get", "import_cancel", "import_report"];

const row = { action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" };
let fresh = 42000000;

/* By operation, the requests on the objects of one client, as [path and query, body]; `of` has the ids. */
const requests = {
  client_search: (of) => [[`/v1/clients?${of.search}`], ["/v1/clients?phone=900000001"], ["/v1/clients?document_number=49999999"]],
  client_create: (of, n) => [["/v1/clients", { name: "NUEVO", document_type: "dni", document_number: String(n) }]],
  client_get: (of) => [[of.client]],
  client_update: (of) => [[of.client, {}], [of.client, { gender: "F" }], [of.client, { phone: "977777777" }], [of.client, { document_type: "ruc" }], [of.client, { birth_date: null }],
    [of.client, { document_number: "***" }], [of.client, { sales: { lines: ["977777771"] } }]],
  client_erase: (of) => [[`${of.client}/erasure`]],
  client_merge: (of) => [[`${of.client}/merge`, { into: "999999999" }]],
  client_merge_undo: (of) => [[`${of.client}/merge/undo`]],
  client_erasure_get: (of) => [[`${of.client}/erasure`]],
  client_personal_data: (of) => [[`${of.client}/personal-data`]],
  client_opportunity_list: (of) => [[`${of.client}/opportunities`]],
  contact_search: () => [["/v1/contacts"], ["/v1/contacts?without_opportunity=true"]],
  contact_list: (of) => [[`${of.client}/contacts`]],
  contact_create: (of) => [[`${of.client}/contacts`, lib.newContact()]],
  client_consent_list: (of) => [[`${of.client}/consents`]],
  client_consent_create: (of) => [[`${of.client}/consents`, { advertising_acceptance: "acepto", source: "CARTA" }]],
  contact_void: (of) => [[`${of.unused}/voiding`, { reason: "X" }]],
  contact_get: (of) => [[of.contact]],
  contact_update: (of) => [[of.contact, { ownership_check: { asked: 3, right: 1 } }], [of.unused, { ownership_check: { asked: 3, right: 1 } }]],
  opportunity_list: () => [["/v1/opportunities?limit=100"], ["/v1/opportunities?stage=retenido"], ["/v1/opportunities?sort=closed_at&operator=none,entel&action=none&count=true"], ["/v1/opportunities?include=client,contact"]],
  opportunity_create: (of) => [["/v1/opportunities", { contact_id: of.unused.split("/").pop(), sub_campaign: "entel" }],
    ["/v1/opportunities", { contact_id: of.contact.split("/").pop(), sub_campaign: "entel" }]],
  opportunity_get: (of) => [[of.open], [of.done]],
  opportunity_update: (of) => [[of.open, { service: { current_plan: "CHIP" } }], [of.done, { service: { current_plan: "CHIP" } }]],
  action_list: (of) => [[`${of.open}/actions`]],
  action_create: (of) => [[`${of.open}/actions`, row]],
  action_get: (of) => [[of.row]],
  action_update: (of) => [[of.row, { final_state: "no-atendido" }]],
  action_delete: (of) => [[of.row]],
  diagnosis_get: (of) => [[`${of.open}/diagnosis`]],
  diagnosis_put: (of) => [[`${of.open}/diagnosis`, { reason: lib.reason }]],
  competitor_offer_get: (of) => [[`${of.open}/competitor-offer`], [`${of.done}/competitor-offer`]],
  competitor_offer_put: (of) => [[`${of.open}/competitor-offer`, lib.form().competitor_offer]],
  diagnosis_delete: (of) => [[`${of.open}/diagnosis`]],
  competitor_offer_delete: (of) => [[`${of.open}/competitor-offer`]],
  draft_get: (of) => [[`${of.open}/draft`]],
  draft_put: (of) => [[`${of.open}/draft`, { note: "X" }]],
  draft_delete: (of) => [[`${of.open}/draft`]],
  form_get: (of) => [`opportunity_id=${of.open.split("/").pop()}`, `opportunity_id=${of.done.split("/").pop()}`, `contact_id=${of.unused.split("/").pop()}`,
    `client_id=${of.client.split("/").pop()}`].map((query) => [`/v1/forms/typification?${query}`]),
  closure_get: (of) => [[`${of.open}/closure`], [`${of.done}/closure`]],
  closure_put: (of) => [[`${of.open}/closure`, lib.form().closure]],
  typification_put: (of) => [[`${of.open}/typification`, { diagnosis: { reason: lib.reason } }], [`${of.open}/typification`, lib.form()]],
  opportunity_void: (of) => [[`${of.open}/voiding`, { reason: "X" }]],
  opportunity_transfer: (of) => [[`${of.open}/transfer`, { advisor: "E8123497", reason: "X" }]],
  follow_up_put: (of) => [[`${of.open}/follow-up`, { at: new Date(Date.now() + 86400000).toISOString().slice(0, 11) + "15:30:00Z" }]],
  follow_up_delete: (of) => [[`${of.open}/follow-up`]],
  agenda_list: () => [["/v1/agenda"]],
  advisor_handover: () => [["/v1/advisors/1/handover", { advisor: "E8123497", reason: "X" }]],
  opportunity_reopen: (of) => [[`${of.done}/reopening`]],
  typification_create: (of, n) => [["/v1/typifications", { client_id: of.client.split("/").pop(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form() }],
    ["/v1/typifications", { client: { name: "NUEVO", document_type: "dni", document_number: String(n) }, contact: lib.newContact(), sub_campaign: "entel" }]],
  event_list: () => [["/v1/events"]],
  audit_list: (of) => [[`/v1/audit?object_type=client&object_id=${of.client.split("/").pop()}`]],
  audit_read_list: (of) => [[`/v1/audit/reads?client_id=${of.client.split("/").pop()}`]],
  client_read_list: (of) => [[`${of.client}/reads`]],
  client_audit_list: (of) => [[`${of.client}/audit`]],
  opportunity_audit_list: (of) => [[`${of.open}/audit`]],
  report_retention: () => [["/v1/reports/retention?group_by=advisor,action"]],
  export_get: () => ["clients", "contacts", "opportunities", "consents"].map((kind) => [`/v1/exports/${kind}`]),
  catalog_list: () => [["/v1/catalogs"]],
  catalog_get: () => [["/v1/catalogs/stage"]],
  catalog_item_get: () => [["/v1/catalogs/stage/items/retenido"]],
  advisor_list: () => [["/v1/advisors"]],
  advisor_create: () => [["/v1/advisors", { username: "E5500999", full_name: "X", role: "advisor", password: lib.password }]],
  advisor_get: () => [["/v1/advisors/1"]],
  advisor_update: () => [["/v1/advisors/1", { full_name: "X" }]],
  advisor_password_put: () => [["/v1/advisors/1/password", { password: lib.password }]],
  advisor_password_delete: () => [["/v1/advisors/1/password"]],
  advisor_secret_list: () => [["/v1/advisors/1/secrets"]],
  advisor_secret_create: () => [["/v1/advisors/1/secrets", {}]],
  advisor_secret_delete: () => [["/v1/advisors/1/secrets/1"]],
};

/* -------------------------------------------------------- the two databases */

/* built(which) - a world whose hidden values are the first (0) or the second (1) of each pair. */
async function built(which) {
  const world = await lib.world({ env: { GESTOR_GUESSES_PER_HOUR: "0" } });
  worlds.push(world);
  const chief = await world.signedIn("E8000002");
  const { as } = await lib.machine(chief, world.base, { username: "crm", rights: ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write"] }), of = {};
  const made = async (where, body) => {
    const r = await as.post(where, body);
    assert.equal(r.status, 201, r.text);
    return r.headers.location;
  };
  for (const [n, [member, [part, ...pair]]] of Object.entries(values).entries()) {
    const has = (name, base) => (part === name ? { ...base, [member]: pair[which] } : base);
    const number = String(43000000 + n), phone = String(944000100 + n);
    const client = await made("/v1/clients", has("client", { name: "CLIENTE DE PRUEBA", document_type: "dni", document_number: number, phone, email: "a@b.pe",
      birth_date: "1980-01-01", legal_representative: "X", sales: has("sales", { lines: ["944000099"], plan: "CHIP" }),
      summary_360: has("summary_360", {}), experience: has("experience", {}) }));
    const contact = () => made(`${client}/contacts`, has("contact", lib.newContact()));
    const opened = async (more) => {
      const id = await contact(), at = await made("/v1/opportunities", { contact_id: id.split("/").pop(), sub_campaign: "entel" });
      const r = await as.put(`${at}/typification`, { ...lib.form(), service: has("service", { current_plan: "PREPAGO" }), competitor_offer: has("competitor_offer", { ...lib.form().competitor_offer, additional_line: "944264649" }), ...more });
      assert.equal(r.status, 200, r.text);
      return { contact: id, at, row: `${at}/actions/${r.json.actions[0].id}` };
    };
    const open = await opened({ closure: { advertising_acceptance: "acepto", stage: "en-proceso" } }), done = await opened({});
    const promised = await as.put(`${open.at}/follow-up`, has("follow_up", { at: `${new Date(Date.now() + 86400000).toISOString().slice(0, 11)}15:30:00Z` }));
    assert.equal(promised.status, 200, promised.text);
    of[member] = { client, contact: open.contact, unused: await contact(), open: open.at, row: open.row, done: done.at,
      search: part === "client" && member === "document_number" ? `phone=${phone}` : `document_number=${number}` };
  }
  /* The same time in all records, so that entity tags can be compared. */
  lib.sql(world.database.superuser, `set search_path = gestor; set session_replication_role = replica;
    update client set created_at = '2025-05-03', updated_at = '2025-05-03'; update contact set created_at = '2025-05-03';
    alter table consent disable trigger consent_stays_whole; update consent set created_at = '2025-05-03'; alter table consent enable always trigger consent_stays_whole;
    update opportunity set created_at = '2025-05-03', updated_at = '2025-05-03', closed_at = case when closed_at is not null then '2025-05-03'::timestamptz end`);
  return { world, as, of, sees: await world.signedIn("E8000001") };
}

let pair, operations;
const worlds = [];
before(async () => {
  pair = await Promise.all([built(0), built(1)]);
  ({ operations } = await lib.loadContract(pair[0].world.base));
});
after(async () => { for (const world of worlds) await world.end(); });

/* comparable(r) - an answer without what differs for each request, and for writes without their time, which tags contain too. */
function comparable(r, writes, closes) {
  const { date, "x-request-id": id, traceparent, ...headers } = r.headers;
  /* The length varies, because trailing zeros of a time are left out. */
  if (writes) delete headers["content-length"];
  const plain = (text) => {
    const bare = text.replace(/"request_id":"[^"]*"/, "");
    /* The tag of a closure depends on its time too. */
    if (closes) return bare.replace(/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/g, "T").replace(/"[0-9a-f]{1,16}([.-][0-9a-f]{1,16})*(\\?")/g, '"TAG"');
    return writes ? bare.replace(/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/g, "T").replace(/-[0-9a-f]{1,16}(\\?")/g, "-$1") : bare;
  };
  return { status: r.status, headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, plain(String(v))])), body: plain(r.text) };
}

/* asked(op, member, path, body, headers) - sends the request to both, compares the answers, and returns the first. */
async function asked(op, member, path, body, headers = {}) {
  const answers = await Promise.all(pair.map((one) => one.as.request(op.method, path, body, headers)));
  const [a, b] = answers.map((r) => comparable(r, op.method !== "GET", JSON.stringify(body || "").includes('"retenido"')));
  assert.deepEqual(b, a, `${op.operationId} ${path} ${JSON.stringify(body)} ${JSON.stringify(headers)} reveals ${member}`);
  return answers[0];
}

const takes = (op, name) => (op.parameters || []).some((p) => new RegExp(`/${name}(_read)?$`).test(p.$ref || ""));

test("this file covers every operation of openapi.yaml and every hidden member", () => {
  const ids = operations.map((op) => op.operationId), known = [...Object.keys(requests), ...elsewhere];
  const missing = ids.filter((id) => !known.includes(id));
  assert.deepEqual(missing, [], `tests/http/oracle.test.js does not send ${missing.join(", ")} to the two databases. ` +
    "Add each to `requests` there, or to `elsewhere` if its answer has nothing to do with a client.");
  assert.deepEqual(known.filter((id) => !ids.includes(id)), [], "this file names operations that openapi.yaml lacks");
  const hidden = [...fs.readFileSync(`${lib.root}/api/resource/personal.h`, "utf8").matchAll(/^\tP\(([a-z_]+), (?:MASKED|GONE)\)/gm)].map((m) => m[1]);
  assert.deepEqual([...Object.keys(values), ...Object.keys(derived)].sort(), hidden.sort(), "each hidden member has two values in `values`");
});

for (const member of Object.keys(values))
  test(`reads and validate_only do not reveal ${member}`, async () => {
    const of = pair[0].of[member];
    assert.deepEqual(pair[1].of[member], of, "the ids are the same in both");
    for (const op of operations.filter((o) => requests[o.operationId]))
      for (const [path, body] of requests[op.operationId](of, fresh++)) {
        const where = op.method === "GET" ? path : `${path}?validate_only=true`;
        const r = await asked(op, member, where, body);
        if (op.method === "GET") {
          if (r.headers.etag) await asked(op, member, where, body, { "if-none-match": r.headers.etag });
          continue;
        }
        if (!takes(op, "if_match")) continue;
        /* The tags that an unmasked caller gets for the record and its parts. They come from the first database, so they match only there. */
        const seen = await pair[0].sees.get(path.replace(/\/(typification|reopening|erasure|voiding|transfer|follow-up)$/, "")), parts = seen.json && seen.json.etags ? Object.values(seen.json.etags) : [];
        for (const tag of [...new Set([seen.headers.etag || "\"1\"", ...parts, "\"0\"", `"0", ${seen.headers.etag || "\"1\""}`])]) {
          const refused = await asked(op, member, where, body, { "if-match": tag });
          assert.ok(refused.status >= 400, `${op.operationId}: If-Match ${tag} matches`);
          assert.notEqual((await asked(op, member, where, body, { "if-none-match": tag })).status, 412, op.operationId);
        }
        await asked(op, member, where, body, { "if-none-match": "*" });
      }
  });

test("the `current` of a 412 has the same tag that a read gives the masked caller", async () => {
  const of = pair[0].of.phone_to_manage, as = pair[0].as;
  for (const op of operations.filter((o) => o.method !== "GET" && requests[o.operationId] && takes(o, "if_match"))) {
    const [path, body] = requests[op.operationId](of)[0];
    /* A draft has a state once there is one. */
    if (op.operationId.startsWith("draft_")) await as.put(path, { note: "X" });
    const r = await as.request(op.method, path, body, { "if-match": "\"0\"" });
    if (r.status !== 412) continue;
    const read = await as.get(path.replace(/\/(typification|reopening|voiding|transfer|follow-up)$/, ""));
    assert.equal(r.json.current.etag, read.headers.etag, op.operationId);
  }
});

for (const member of Object.keys(values))
  test(`writes and their replays do not reveal ${member}`, async () => {
    const of = pair[0].of[member], last = ["action_delete", "closure_put", "follow_up_delete", "contact_void", "opportunity_void", "opportunity_transfer"];
    const writes = operations.filter((o) => o.method !== "GET" && requests[o.operationId]);
    writes.sort((a, b) => last.indexOf(a.operationId) - last.indexOf(b.operationId));
    for (const op of writes)
      for (const [n, [path, body]] of requests[op.operationId](of, fresh++).entries()) {
        const key = takes(op, "idempotency_key") ? { "idempotency-key": `${op.operationId}-${member}-${n}` } : {};
        /* This request would close the opportunity that later requests change. */
        const where = op.operationId === "typification_put" && n === 1 ? `${path}?validate_only=true` : path;
        const r = await asked(op, member, where, body, key);
        if (r.status < 300 && key["idempotency-key"] && where === path) {
          const again = await asked(op, member, where, body, key);
          assert.equal(again.headers["idempotent-replayed"], "true", op.operationId);
          assert.deepEqual([again.text, again.headers.etag], [r.text, r.headers.etag]);
        }
      }
  });
