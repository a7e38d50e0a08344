/*
 * The answer to a write does not depend on how PostgreSQL plans its statement. The database has erased clients among the
 * others; under each of these planner settings, every write for another client succeeds and every refusal is the same.
 * The test starts one server per setting, all on one database.
 *
 * The test fails if this file lacks a write of openapi.yaml: add it to `requests`, or to `elsewhere`.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { openapi, operations } = require("./coverage.js");
const exchanges = require("./exchanges.js");

exchanges.off();

const off = (...names) => Object.fromEntries(names.map((name) => [`enable_${name}`, "off"]));
/* The step planner tries all of them (TEST_PLANS=every), the step http two. */
const settings = process.env.TEST_PLANS !== "every" ? { "default settings": {}, "generic plans": { plan_cache_mode: "force_generic_plan" } } : {
  "default settings": {},
  "no index scans": off("indexscan", "bitmapscan", "indexonlyscan"),
  "no nested loops": off("nestloop"),
  "no hash joins": off("hashjoin"),
  "no merge joins": off("mergejoin"),
  "no sequential scans": off("seqscan"),
  "no materialization": off("material"),
  "no memoization": off("memoize"),
  "generic plans": { plan_cache_mode: "force_generic_plan" },
  "custom plans": { plan_cache_mode: "force_custom_plan" },
};

/* Writes that neither concern a client's record nor compare an entity tag. */
const elsewhere = ["session_create", "session_refresh", "session_delete", "password_put", "advisor_create", "advisor_password_put",
  "advisor_password_delete", "advisor_secret_create", "advisor_secret_delete", "oauth_token",
  "catalog_item_create", "catalog_plan_create", "catalog_plan_apply", "catalog_update", "catalog_item_update", "catalog_item_replace",
  "webhook_create", "webhook_update", "webhook_delete", "webhook_secret_rotate", "webhook_test", "delivery_repeat", "delivery_repeat_all", "import_create", "import_cancel",
  /* merge.test.js tries it. */
  "client_merge_undo", "advisor_handover"];

/* The catalogues that the requests below choose from, each with a valid code. */
const right = {
  sub_campaign: "entel", retention_action: "bono-gb.bono-4-gb-por-12-meses", cancellation_reason: lib.reason, operator: "movistar",
  advertising_acceptance: "acepto", stage: "en-proceso", document_type: "dni",
};
/* every(code) - the same code as the choice from each of these catalogues. */
const every = (code) => Object.fromEntries(Object.keys(right).map((catalog) => [catalog, code]));

/*
 * requests(w, on, c) - by name, each write as {as, method, where, body}. A name is an operationId, perhaps with ", variant".
 *   on  {client, contact, at, row}: ids of a client and of a contact without an opportunity, the paths of an opportunity and of its row
 *   c   the choices
 * tagged: the path whose ETag its If-Match takes, if any. of: the kind of object that it changes. keyless: takes no Idempotency-Key.
 * chooses: the body has a choice. finished: it needs a finished opportunity; final: it finishes one. status: of a success.
 */
function requests({ ana, boss, chief }, on, c = right) {
  const form = { actions: [{ action: c.retention_action, final_state: "atendido" }], diagnosis: { reason: c.cancellation_reason },
    competitor_offer: { ...lib.form().competitor_offer, operator: c.operator } };
  const closure = { advertising_acceptance: c.advertising_acceptance, stage: c.stage };
  const opportunity = (method, path, body, more = {}) => ({
    as: ana, of: "opportunity", method, where: on.at + path, tagged: on.at + path, body, status: 200, chooses: body !== undefined, ...more });
  return {
    client_create: { as: ana, of: "nothing", method: "POST", where: "/v1/clients", body: lib.newClient({ document_type: c.document_type }), status: 201, chooses: true },
    client_update: { as: ana, of: "client", method: "PATCH", where: `/v1/clients/${on.client}`, tagged: `/v1/clients/${on.client}`, body: { gender: "F", document_type: c.document_type }, status: 200, chooses: true },
    client_erase: { as: chief, of: "doomed", method: "POST", where: `/v1/clients/${on.doomed || on.client}/erasure`, status: 200 },
    /* on.staying: a client that nothing else changes. */
    client_merge: { as: chief, of: "doomed", method: "POST", where: `/v1/clients/${on.doomed || on.client}/merge`, tagged: `/v1/clients/${on.doomed || on.client}`, body: { into: on.staying }, status: 200 },
    contact_create: { as: ana, of: "client", method: "POST", where: `/v1/clients/${on.client}/contacts`, body: lib.newContact(), status: 201 },
    client_consent_create: { as: boss, of: "client", method: "POST", where: `/v1/clients/${on.client}/consents`, body: { advertising_acceptance: c.advertising_acceptance, source: "CARTA" },
      status: 201, chooses: true },
    contact_void: { as: ana, of: "called contact", method: "POST", where: `/v1/contacts/${on.contact}/voiding`, tagged: `/v1/contacts/${on.contact}`, body: { reason: "X" }, status: 200 },
    contact_update: { as: ana, of: "called contact", method: "PATCH", where: `/v1/contacts/${on.contact}`, tagged: `/v1/contacts/${on.contact}`,
      body: { ownership_check: { asked: 3, right: 2 } }, status: 200 },
    opportunity_create: { as: ana, of: "contact", method: "POST", where: "/v1/opportunities", body: { contact_id: on.contact, sub_campaign: c.sub_campaign }, status: 201, chooses: true },
    "typification_create, client_id": { as: ana, of: "named client", method: "POST", where: "/v1/typifications", status: 201, chooses: true,
      body: { client_id: on.client, contact: lib.newContact(), sub_campaign: c.sub_campaign, ...form } },
    "typification_create, new client": { as: ana, of: "nothing", method: "POST", where: "/v1/typifications", status: 201, chooses: true,
      body: { client: lib.newClient({ document_type: c.document_type }), contact: lib.newContact(), sub_campaign: c.sub_campaign, ...form } },
    opportunity_update: opportunity("PATCH", "", { sub_campaign: c.sub_campaign, service: { current_plan: "CHIP" } }),
    action_create: opportunity("POST", "/actions", { action: c.retention_action }, { status: 201 }),
    action_update: { ...opportunity("PATCH", "", { action: c.retention_action, final_state: "atendido" }), where: on.row, tagged: on.row },
    action_delete: { ...opportunity("DELETE", ""), where: on.row, tagged: on.row, status: 204 },
    diagnosis_put: opportunity("PUT", "/diagnosis", form.diagnosis),
    diagnosis_delete: opportunity("DELETE", "/diagnosis", undefined, { status: 204 }),
    competitor_offer_delete: opportunity("DELETE", "/competitor-offer", undefined, { status: 204 }),
    draft_put: opportunity("PUT", "/draft", { note: "X" }, { tagged: undefined, chooses: false, keyless: true }),
    draft_delete: opportunity("DELETE", "/draft", undefined, { status: 204, tagged: undefined, keyless: true }),
    competitor_offer_put: opportunity("PUT", "/competitor-offer", form.competitor_offer),
    "closure_put, in process": opportunity("PUT", "/closure", closure),
    "closure_put, final": opportunity("PUT", "/closure", { ...closure, stage: "retenido" }),
    typification_put: opportunity("PUT", "/typification", form, { tagged: on.at }),
    "typification_put, final": opportunity("PUT", "/typification", { ...form, closure: { ...closure, stage: "retenido" } }, { tagged: on.at }),
    opportunity_void: opportunity("POST", "/voiding", { reason: "X" }, { tagged: on.at, chooses: false }),
    opportunity_transfer: opportunity("POST", "/transfer", { advisor: "E8123497", reason: "X" }, { tagged: on.at, chooses: false }),
    follow_up_put: opportunity("PUT", "/follow-up", { at: new Date(Date.now() + 86400000).toISOString() }, { tagged: on.at, chooses: false }),
    follow_up_delete: opportunity("DELETE", "/follow-up", undefined, { tagged: on.at }),
    opportunity_reopen: { as: boss, of: "finished opportunity", method: "POST", where: `${on.at}/reopening`, tagged: on.at, status: 200 },
    advisor_update: { as: chief, of: "advisor", method: "PATCH", where: `/v1/advisors/${on.advisor}`, tagged: `/v1/advisors/${on.advisor}`, body: { full_name: "OTRO NOMBRE" }, status: 200 },
  };
}

test("this file covers every write of openapi.yaml", () => {
  const on = { client: 1, contact: 1, at: "/v1/opportunities/1", row: "/v1/opportunities/1/actions/1", advisor: 1 };
  const tried = Object.keys(requests({}, on)).map((name) => name.split(",")[0]);
  const writes = operations(openapi()).filter((o) => o.method !== "GET" && o.method !== "HEAD").map((o) => o.id);
  const missing = writes.filter((id) => !tried.includes(id) && !elsewhere.includes(id));
  assert.deepEqual(missing, [], `tests/http/erased.test.js does not try these writes under other plans: ${missing.join(", ")}. ` +
    "Add each to `requests` there, or to `elsewhere` if it neither concerns a client's record nor compares an entity tag.");
  assert.deepEqual([...tried, ...elsewhere].filter((id) => !writes.includes(id)), [], "this file names writes that openapi.yaml lacks");
});

const unknown = "999999999";
const stale = { "if-match": "\"0\"" };

/* ---------------------------------------------------------------- the world */

/*
 * prepared(clients, erased) - a world with this many clients, of whom `erased` are erased. Everything that the writes will
 * change is registered before the first erasure, so that no refusal for an erased client can disturb it.
 */
async function prepared(clients, erased) {
  const world = await lib.world({ demo: false, env: { GESTOR_CHECK_MS: "600000" } });
  const sql = world.database.sql, superuser = (text) => lib.sql(world.database.superuser, text);
  const as = { ana: await world.signedIn("E8153375"), eva: await world.signedIn("E8123497"), boss: await world.signedIn("E8000001"), chief: await world.signedIn("E8000002") };
  const client = async () => (await as.ana.post("/v1/clients", lib.newClient())).json.id;
  const contact = async (id, by = as.ana) => (await by.post(`/v1/clients/${id}/contacts`, lib.newContact())).json.id;
  const opportunity = async (id, by = as.ana, more = {}) => {
    const r = await by.post("/v1/typifications", { client_id: id, contact: lib.newContact(), sub_campaign: "entel", ...lib.form(), closure: undefined, ...more });
    assert.equal(r.status, 201, r.text);
    return { at: r.headers.location, row: `${r.headers.location}/actions/${r.json.actions[0].id}` };
  };
  /* With a call-back to delete. */
  const called = async (o) => {
    assert.equal((await as.ana.put(`${o.at}/follow-up`, { at: new Date(Date.now() + 86400000).toISOString() })).status, 200);
    return o;
  };
  const finished = (id) => opportunity(id, as.ana, { closure: lib.form().closure });

  const one = await client(), gone = await client(), count = Object.keys(settings).length;
  const advisor = sql("select id from advisor where username = 'E8123497'"), chief = sql("select id from advisor where username = 'E8000002'");
  /* One object for each setting and request, without a tag and with one. */
  const fresh = { open: [], finished: [], contacts: [], doomed: [] };
  const names = requests(as, {}), needs = (of) => Object.values(names).filter((r) => r.of === of).length * 2 * count;
  for (let i = 0; i < needs("opportunity"); i++) fresh.open.push(await opportunity(one));
  for (let i = 0; i < needs("finished opportunity"); i++) fresh.finished.push(await finished(one));
  for (let i = 0; i < needs("contact") + needs("called contact"); i++) fresh.contacts.push(await contact(one));
  /* take(of) - a fresh object that a request of this kind may change. */
  const staying = await client(), base = { client: one, advisor, staying };
  const take = (of) => ({ ...base, at: "/v1/opportunities/0", row: "/v1/opportunities/0/actions/0",
    ...(of === "opportunity" ? fresh.open.pop() : of === "finished opportunity" ? fresh.finished.pop() : {}),
    contact: of === "contact" || of === "called contact" ? fresh.contacts.pop() : "0", doomed: of === "doomed" ? fresh.doomed.pop() : undefined });
  /* A refused request changes nothing, so one target of each kind is enough. */
  const targets = {
    own: { ...base, ...await called(await opportunity(one)), contact: await contact(one) },
    "another's": { ...base, ...await opportunity(one, as.eva), contact: await contact(one, as.eva) },
    finished: { ...base, ...await finished(one), contact: await contact(one) },
    erased: { advisor, staying, client: gone, ...await opportunity(gone), contact: await contact(gone) },
    "erased and another's": { advisor, staying, client: gone, ...await opportunity(gone, as.eva), contact: await contact(gone, as.eva) },
    "erased and finished": { advisor, staying, client: gone, ...await finished(gone), contact: await contact(gone) },
    unknown: { staying, client: unknown, contact: unknown, at: `/v1/opportunities/${unknown}`, row: `/v1/opportunities/${unknown}/actions/1`, advisor: unknown },
    "unknown row": { ...base, ...await opportunity(one), contact: unknown },
    "last administrator": { advisor: chief },
  };
  targets["unknown row"].row = `${targets["unknown row"].at}/actions/${unknown}`;
  /* Clients to erase, and clients that only add to the number of rows. */
  for (let i = 0; i < needs("doomed"); i++) fresh.doomed.push(await client());
  for (let i = Number(sql("select count(*) from client")); i < clients; i++) await client();
  /* Choices to be refused: some are retired while the processes still have them cached, one is known as retired only to the database. */
  const catalogs = Object.keys(right).map((c) => `'${c}'`).join(", ");
  const tries = Object.values(names).filter((r) => r.chooses).length * count;
  sql(`insert into catalog_item (catalog_id, label) select c.id, l from catalog c, (select 'RETIRADA ' || n as l from generate_series(1, ${tries}) n union all select 'SIN AVISO') x
        where c.code in (${catalogs})`);
  superuser("set session_replication_role = replica; update catalog_item set selectable_during = '{}' where code = 'sin-aviso'");
  let retired = 0;
  /* retire() - retires a choice without notifying any process, and returns its code. */
  const retire = () => {
    const code = `retirada-${++retired}`;
    superuser(`set session_replication_role = replica; update catalog_item set active = false, valid_until = now(), selectable_during = '{}' where code = '${code}';
      update catalog set revision = revision + 1 where code in (${catalogs})`);
    return code;
  };
  assert.equal((await as.chief.post(`/v1/clients/${gone}/erasure`)).status, 200);
  sql(`select count(client_erase(id)) from (select id from client where erased_at is null and id not in (${[one, ...fresh.doomed].join(", ")}) order by id desc limit ${erased - 1}) x`);
  assert.equal(sql("select count(*) from client where erased_at is not null"), String(erased));
  /* Records the planner settings of the sessions that write. The serving role has no rights on this table, hence `security definer`. */
  sql(`create table planner_seen (name text, setting text);
    create function planner_seen() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
    begin insert into planner_seen select name, setting from pg_settings where name like 'enable\\_%' or name = 'plan_cache_mode'; return null; end $$;
    create trigger planner_seen after insert on contact for each statement execute function planner_seen()`);
  const tables = sql("select string_agg(relname, ', ') from pg_class where relnamespace = 'gestor'::regnamespace and relkind in ('r', 'p') and not relispartition");
  return { world, sql, as, take, targets, retire, analyze: () => sql(`analyze ${tables}`) };
}

/* sending(base, as) - callers for the same advisors at another server. */
const sending = (base, as) => Object.fromEntries(Object.entries(as).map(([name, who]) => [name, lib.caller(base, who.token)]));

async function send(rq, headers = {}) {
  const r = await rq.as.request(rq.method, rq.where, rq.body, headers);
  return { r, said: r.status < 300 ? String(r.status) : `${r.status} ${r.json.code}` };
}

/* ---------------------------------------------------------------- the tries */

/* Each write for a client that is not erased, without and with If-Match and Idempotency-Key: [name, outcome, expected outcome]. */
async function successes(p, as, name) {
  const said = [];
  for (const [op, { of }] of Object.entries(requests(as, {}))) {
    const bare = requests(as, p.take(of))[op];
    /* What it removes. */
    const prepared = async (one) => {
      if (op === "draft_delete") await as.ana.put(one.where, { note: "X" });
      if (op === "follow_up_delete") await as.ana.put(one.where, { at: new Date(Date.now() + 86400000).toISOString() });
    };
    await prepared(bare);
    said.push([op, (await send(bare)).said, String(bare.status)]);
    const rq = requests(as, p.take(of))[op], headers = { "idempotency-key": `${name} ${op}`.replace(/[ ,]+/g, "-") };
    if (of === "advisor") delete headers["idempotency-key"];
    if (rq.keyless) delete headers["idempotency-key"];
    await prepared(rq);
    if (rq.tagged) {
      const seen = await rq.as.get(rq.method === "POST" && op === "action_create" ? rq.where : rq.tagged);
      headers["if-match"] = seen.headers.etag;
    }
    const first = await send(rq, headers);
    said.push([`${op}, with ${Object.keys(headers)}`, first.said, String(rq.status)]);
    if (!headers["idempotency-key"] || first.r.status >= 300) continue;
    const again = await send(rq, headers);
    said.push([`${op}, repeated`, `${again.said} ${again.r.headers["idempotent-replayed"]} ${again.r.text === first.r.text}`, `${rq.status} true true`]);
  }
  return said;
}

/* The expected refusal of a request to this target; undefined if it is valid. */
function refusal(op, rq, target) {
  const about = { opportunity: 1, "finished opportunity": 1 }[rq.of] ? "opportunity" : rq.of;
  if (target === "unknown") return { "named client": "422 invalid", contact: "422 invalid", nothing: undefined }[about] || (about === "nothing" ? undefined : "404 not_found");
  if (target === "last administrator") return undefined;
  /* The owner is checked first. */
  if (target === "erased and another's" && (about.endsWith("contact") || rq.of === "opportunity")) return about === "opportunity" ? "403 not_owner" : "403 contact_not_owner";
  if (target.startsWith("erased")) return ["client", "contact", "called contact", "named client", "opportunity", "doomed"].includes(about) ? "409 client_erased" : undefined;
  if (target === "another's" && about.endsWith("contact")) return "403 contact_not_owner";
  if (about === "called contact") return target === "unknown row" ? "404 not_found" : undefined;
  if (about !== "opportunity") return undefined;
  if (target === "unknown row") return /^action_(update|delete)/.test(op) ? "404 not_found" : undefined;
  if (rq.of === "finished opportunity") return target === "own" || target === "another's" ? "409 opportunity_not_finished" : undefined;
  return { "another's": "403 not_owner", finished: "409 opportunity_finished" }[target];
}

/* Requests with one fault, and the refusal expected for it. */
async function faults(p, as) {
  const said = [];
  for (const target of Object.keys(p.targets).filter((t) => t !== "last administrator"))
    for (const [op, rq] of Object.entries(requests(as, p.targets[target]))) {
      const wanted = refusal(op, rq, target);
      if (wanted) said.push([`${op} of ${target}`, (await send(rq)).said, wanted]);
    }
  for (const op of Object.keys(requests(as, {}))) {
    const rq = requests(as, op === "opportunity_reopen" ? p.targets.finished : p.targets.own)[op];
    if (rq.tagged) said.push([`${op} with a stale If-Match`, (await send(rq, stale)).said, "412 precondition_failed"]);
    if (rq.chooses) said.push([`${op} with a choice retired meanwhile`, (await send(requests(as, p.targets.own, every(p.retire()))[op])).said, "422 invalid"]);
  }
  const last = requests(as, p.targets["last administrator"]).advisor_update;
  said.push(["advisor_update of the last administrator", (await send({ ...last, body: { role: "advisor" } })).said, "409 last_admin"]);
  return said;
}

/* Requests with several faults: which fault the answer reports must be the same under every plan. */
async function precedence(p, as) {
  const said = {};
  const last = requests(as, p.targets["last administrator"]).advisor_update;
  said["advisor_update of the last administrator, stale"] = (await send({ ...last, body: { role: "advisor" } }, stale)).said;
  for (const target of Object.keys(p.targets).filter((t) => t !== "last administrator"))
    for (const [op, plain] of Object.entries(requests(as, p.targets[target])))
      for (const tag of [false, true])
        for (const choice of [false, true]) {
          const rq = choice ? requests(as, p.targets[target], { ...every("sin-aviso"), stage: right.stage })[op] : plain;
          if ((tag && !rq.tagged) || (choice && !rq.chooses) || rq.of === "doomed") continue;
          if ([Boolean(refusal(op, rq, target)), tag, choice].filter(Boolean).length < 2) continue;
          said[`${op} of ${target}${tag ? ", stale" : ""}${choice ? ", retired choice" : ""}`] = (await send(rq, tag ? stale : {})).said;
        }
  return said;
}

const differing = (said) => said.filter(([, got, wanted]) => got !== wanted).map(([what, got, wanted]) => `${what}: ${got} instead of ${wanted}`);

for (const [clients, erased] of [[2, 1], [200, 50]]) {
  let p, reference;
  before(async () => { p = await prepared(clients, erased); });
  after(() => p && p.world.end());

  for (const [name, set] of Object.entries(settings))
    test(`${erased} erased client${erased > 1 ? "s" : ""} among ${clients} or more, ${name}: writes for others succeed, refusals are the same`, async () => {
      p.analyze();
      p.sql("truncate planner_seen");
      /* A disabled plan node costs 10^10, which would make PostgreSQL compile the plan (jit). */
      const options = Object.entries({ jit: "off", ...set }).map(([k, v]) => `-c ${k}=${v}`).join(" ");
      const server = await lib.startServer(`${p.world.database.serve}?options=${encodeURIComponent(options)}`, { env: { GESTOR_CHECK_MS: "600000" } });
      try {
        const as = sending(server.base, p.as);
        const wrong = [...differing(await successes(p, as, `${name} ${clients}`)), ...differing(await faults(p, as))];
        const now = await precedence(p, as);
        reference ||= now;
        wrong.push(...differing(Object.keys(now).map((what) => [what, now[what], reference[what]])));
        const statuses = Object.entries(now).filter(([, said]) => said < "4" || said >= "5");
        wrong.push(...statuses.map(([what, said]) => `${what}: ${said} instead of a refusal`));
        for (const [k, v] of Object.entries(set)) {
          const seen = p.sql(`select string_agg(distinct setting, ' ') from planner_seen where name = '${k}'`);
          assert.equal(seen, v, `${k} is in force in the sessions of the service`);
        }
        assert.ok(wrong.length === 0, `\n${wrong.join("\n")}`);
      } finally {
        await server.stop();
      }
    });
}
