/*
 * A valid request for every operation that writes, and helpers to inspect the
 * database.
 */
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const lib = require("./lib.js");

const row = { action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" };
const otherRow = { action: "migracion-prepagado-prepago", final_state: null };

/*
 * writes(world, {ana, boss}) - by operationId, a function that creates what the
 * request needs and returns a request that can be sent once:
 *   {as, method, where, body, other, tagged, creates}
 * other    another valid body, if there is one
 * tagged   the path whose ETag its If-Match takes, if it takes one
 * shows    the path of what it answers, where that is another
 * by       the username of `as`; E8153375 where it is left out
 * creates  true if it answers 201
 * later    true if it answers 202
 */
function writes(world, { ana, boss }) {
  const opened = () => lib.opened(ana);
  const session = async () => (await world.anyone.post("/v1/sessions", { username: "E8153375", password: lib.password })).json;
  const contact = async () => {
    const client = (await ana.post("/v1/clients", lib.newClient())).json;
    return (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json;
  };
  const ofTwo = async () => {
    const id = (await contact()).client_id;
    return { id, at: `/v1/clients/${id}` };
  };
  const withRow = async () => {
    const o = await opened();
    const r = await ana.post(`${o.at}/actions`, row);
    assert.equal(r.status, 201, r.text);
    return { ...o, rowAt: r.headers.location };
  };
  /* An item of a catalogue that nobody uses, of administrators. */
  const chief = () => world.signedIn("E8000002");
  let items = 0;
  const ofAdmin = async (method, where, more) => ({ as: await chief(), by: "E8000002", method, where, ...more });
  const item = async () => {
    const r = await (await chief()).post("/v1/catalogs/competitor_offer/items", { label: `OFERTA DE PRUEBA ${++items} ${Math.random()}` });
    assert.equal(r.status, 201, r.text);
    return r.headers.location;
  };
  const plan = async () => {
    const r = await (await chief()).post("/v1/catalogs/competitor_offer/plans", { items: [{ label: `OFERTA DEL PLAN ${++items} ${Math.random()}` }] });
    assert.equal(r.status, 201, r.text);
    return r.headers.location;
  };
  /* A webhook of the administrator, whose receiver is not there, for a type that no test has; its URL; one of its deliveries. */
  const nowhere = { url: "http://127.0.0.1:1025/hook", types: ["client.merged"] };
  const webhook = async () => {
    const r = await (await chief()).post("/v1/webhooks", nowhere);
    assert.equal(r.status, 201, r.text);
    world.database.sql(`delete from webhook where id < ${r.json.id} - 10`);
    return r.headers.location;
  };
  const delivery = async () => {
    const r = await (await chief()).post(`${await webhook()}/test`);
    assert.equal(r.status, 201, r.text);
    await until("an attempt", () => world.database.sql(`select status = 'pending' and leased_until is null and jsonb_array_length(log) = 1 from webhook_delivery where id = ${r.json.id}`) === "t");
    world.database.sql(`update webhook_delivery set next_at = 'infinity' where id = ${r.json.id}`);
    return r.headers.location;
  };
  const ofWebhook = (method, more) => async () => {
    const where = await webhook();
    return ofAdmin(method, where, { tagged: where, ...more });
  };
  const section = (name, body, other) => async () => {
    const where = `${(await opened()).at}/${name}`;
    return { as: ana, method: "PUT", where, tagged: where, body, other };
  };
  const emptied = (name) => async () => {
    const { at } = await opened();
    assert.equal((await ana.put(`${at}/typification`, { ...lib.form(), closure: { stage: "en-proceso" } })).status, 200);
    return { as: ana, method: "DELETE", where: `${at}/${name}`, tagged: `${at}/${name}` };
  };
  return {
    session_create: async () => ({ as: world.anyone, method: "POST", where: "/v1/sessions", creates: true,
      /* The key belongs to the username, so `other` cannot use another username: it is another spelling of the same request. */
      body: { username: "E8153375", password: lib.password }, same: { username: "e8153375 ", password: lib.password } }),
    session_refresh: async () => ({ as: world.anyone, method: "POST", where: "/v1/sessions/refresh", body: { refresh_token: (await session()).refresh_token } }),
    session_delete: async () => ({ as: lib.caller(world.base, (await session()).access_token), method: "DELETE", where: "/v1/sessions/current" }),
    client_create: async () => ({ as: ana, method: "POST", where: "/v1/clients", creates: true, body: lib.newClient({ name: "ÑAHUI \"QUISPE\"", sales: { lines: ["987654321"] } }),
      other: lib.newClient() }),
    client_update: async () => {
      const where = `/v1/clients/${(await ana.post("/v1/clients", lib.newClient())).json.id}`;
      return { as: ana, method: "PATCH", where, tagged: where, body: { gender: "F", sales: { plan: "CHIP", lines: ["987654321"] } }, other: { gender: "M" } };
    },
    client_merge: async () => {
      const [a, b, c] = [await ofTwo(), await ofTwo(), await ofTwo()];
      return ofAdmin("POST", `${a.at}/merge`, { tagged: a.at, shows: b.at, body: { into: b.id }, other: { into: c.id } });
    },
    client_merge_undo: async () => {
      const [a, b] = [await ofTwo(), await ofTwo()];
      assert.equal((await (await chief()).post(`${a.at}/merge`, { into: b.id })).status, 200);
      return ofAdmin("POST", `${a.at}/merge/undo`, { tagged: b.at, shows: a.at });
    },
    contact_create: async () => ({ as: ana, method: "POST", where: `/v1/clients/${(await ana.post("/v1/clients", lib.newClient())).json.id}/contacts`, creates: true,
      body: lib.newContact({ ownership_check: { asked: 3, right: 2 } }), other: lib.newContact() }),
    client_consent_create: async () => ({ as: boss, method: "POST", where: `/v1/clients/${(await ana.post("/v1/clients", lib.newClient())).json.id}/consents`, creates: true,
      body: { advertising_acceptance: "acepto", source: "CARTA", note: "\"Ñ\"" }, other: { advertising_acceptance: null, source: "CARTA" } }),
    contact_void: async () => {
      const at = `/v1/contacts/${(await contact()).id}`;
      return { as: ana, method: "POST", where: `${at}/voiding`, tagged: at, body: { reason: "REPETIDA" }, other: { reason: "OTRA" } };
    },
    contact_update: async () => {
      const where = `/v1/contacts/${(await contact()).id}`;
      return { as: ana, method: "PATCH", where, tagged: where, body: { ownership_check: { asked: 3, right: 2 } }, other: { ownership_check: { asked: 3, right: 1 } } };
    },
    opportunity_create: async () => {
      const body = { contact_id: (await contact()).id, sub_campaign: "entel" };
      return { as: ana, method: "POST", where: "/v1/opportunities", creates: true, body, other: { ...body, service: { current_plan: "OTRO" } } };
    },
    opportunity_update: async () => {
      const where = (await opened()).at;
      return { as: ana, method: "PATCH", where, tagged: where, body: { service: { current_plan: "CHIP PREPAGO", prior_consultation: true } }, other: { service: { current_plan: "OTRO" } } };
    },
    action_create: async () => {
      const where = `${(await opened()).at}/actions`;
      return { as: ana, method: "POST", where, tagged: where, creates: true, body: row, other: otherRow };
    },
    action_update: async () => {
      const { rowAt } = await withRow();
      return { as: ana, method: "PATCH", where: rowAt, tagged: rowAt, body: { final_state: "no-atendido" }, other: otherRow };
    },
    action_delete: async () => {
      const { rowAt } = await withRow();
      return { as: ana, method: "DELETE", where: rowAt, tagged: rowAt };
    },
    diagnosis_put: section("diagnosis", { reason: lib.reason }, { reason: "precio-y-contenido.contenido-prepago.no-recibio-su-recarga" }),
    competitor_offer_put: section("competitor-offer", lib.form().competitor_offer, { ...lib.form().competitor_offer, operator: "bitel" }),
    diagnosis_delete: emptied("diagnosis"),
    competitor_offer_delete: emptied("competitor-offer"),
    closure_put: section("closure", { advertising_acceptance: "acepto", stage: "en-proceso" }, { advertising_acceptance: "no-acepto", stage: "en-proceso" }),
    typification_put: async () => {
      const { at } = await opened();
      return { as: ana, method: "PUT", where: `${at}/typification`, tagged: at, body: lib.form(), other: { diagnosis: { reason: lib.reason } } };
    },
    catalog_update: () => ofAdmin("PATCH", "/v1/catalogs/competitor_plan", { tagged: "/v1/catalogs/competitor_plan", body: { name: `Plan ${++items}` }, other: { name: "Otro" } }),
    catalog_item_create: () => ofAdmin("POST", "/v1/catalogs/competitor_offer/items", { creates: true, body: { label: `"Ñ" ${++items} ${Math.random()}`, valid_from: "2027-01-01" },
      other: { label: "OTRA OFERTA DE PRUEBA" } }),
    catalog_item_update: async () => {
      const where = await item();
      return ofAdmin("PATCH", where, { tagged: where, body: { label: `OFERTA CON OTRO TEXTO ${items}`, valid_until: "2020-01-01", position: 900000 + items }, other: { label: "OTRO" } });
    },
    catalog_item_replace: async () => {
      const where = await item();
      return ofAdmin("POST", `${where}/replacement`, { tagged: where, body: { by: "bono-gb", move_open: true }, other: { by: "no-indica" } });
    },
    catalog_plan_create: () => ofAdmin("POST", "/v1/catalogs/competitor_offer/plans", { creates: true, body: { items: [{ label: `OFERTA ${++items}` }, { code: "bono-gb", position: 7 }] },
      other: { items: [] } }),
    catalog_plan_apply: async () => ofAdmin("POST", `${await plan()}/application`),
    webhook_create: async () => {
      await webhook();
      return ofAdmin("POST", "/v1/webhooks", { creates: true, body: { ...nowhere, description: `"Ñ" ${++items}` }, other: { ...nowhere, ordering: "strict" } });
    },
    webhook_update: ofWebhook("PATCH", { body: { types: ["client.merged", "client.erased"], ordering: "strict", description: "OTRO" }, other: { description: null } }),
    webhook_delete: ofWebhook("DELETE"),
    webhook_secret_rotate: async () => {
      const where = await webhook();
      return ofAdmin("POST", `${where}/secret`, { tagged: where });
    },
    webhook_test: async () => ofAdmin("POST", `${await webhook()}/test`, { creates: true }),
    delivery_repeat: async () => ofAdmin("POST", `${await delivery()}/redelivery`, { later: true }),
    delivery_repeat_all: async () => ofAdmin("POST", `${(await delivery()).replace(/[/]deliveries.*/, "")}/redeliveries`, { later: true, body: { from: "2026-01-01" }, other: { from: "2026-01-02" } }),
    opportunity_void: async () => {
      const { at } = await opened();
      return { as: ana, method: "POST", where: `${at}/voiding`, tagged: at, body: { reason: "REPETIDA" }, other: { reason: "OTRA" } };
    },
    opportunity_transfer: async () => {
      const { at } = await opened();
      return { as: ana, method: "POST", where: `${at}/transfer`, tagged: at, body: { advisor: "E8000001", reason: "TURNO" }, other: { advisor: "E8000001", reason: "OTRA" } };
    },
    follow_up_put: async () => {
      const { at } = await opened(), later = new Date(Date.now() + 86400000).toISOString();
      return { as: ana, method: "PUT", where: `${at}/follow-up`, tagged: at, body: { at: later, note: "\"Ñ\"" }, other: { at: later } };
    },
    follow_up_delete: async () => {
      const { at } = await opened();
      assert.equal((await ana.put(`${at}/follow-up`, { at: new Date(Date.now() + 86400000).toISOString() })).status, 200);
      return { as: ana, method: "DELETE", where: `${at}/follow-up`, tagged: at };
    },
    advisor_handover: async () => {
      await opened();
      return { as: boss, method: "POST", where: `/v1/advisors/${(await ana.get("/v1/sessions/current")).json.advisor.id}/handover`, body: { advisor: "E8000001", reason: "DEJA LA EMPRESA" },
        other: { advisor: "E8000001", reason: "OTRA" } };
    },
    opportunity_reopen: async () => {
      const { at } = await opened();
      assert.equal((await ana.put(`${at}/typification`, lib.form())).status, 200);
      return { as: boss, method: "POST", where: `${at}/reopening`, tagged: at };
    },
    typification_create: async () => {
      const body = { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form() };
      return { as: ana, method: "POST", where: "/v1/typifications", creates: true, body, other: { ...body, client: lib.newClient() } };
    },
  };
}

/* send(rq, headers, change) - sends a request, with some of {as, where, body} replaced. */
const send = (rq, headers = {}, change = {}) => {
  const { as, method, where, body } = { ...rq, ...change };
  return as.request(method, where, body, headers);
};

/* fingerprint(database) - changes whenever a row of any table changes, except in those that record sign-in attempts and reads, and in what the sender of webhooks and the maker of report days write. */
function fingerprint(database) {
  /* The service marks the rows of ended sessions some time later, so wait for that. */
  for (const until = Date.now() + 10000; database.sql(`select exists (select from session s join advisor a on a.id = s.advisor_id
    where s.ended_at is null and s.epoch < a.session_epoch)`) !== "f";) {
    if (Date.now() > until) throw new Error("the rows of ended sessions are not marked");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  const tables = database.tables ||= database.sql("select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'gestor'::regnamespace and relkind in ('r', 'p') and not relispartition and relname not in ('throttle', 'audit_read', 'webhook_delivery', 'webhook_progress', 'report_change', 'report_clock', 'report_day', 'report_column')").split(" ");
  const row = (t) => (t === "webhook" ? "(to_jsonb(x) - 'failing_since')::text" : "x::text");
  return database.sql(tables.map((t) => `select '${t} ' || count(*) || ' ' || coalesce(md5(string_agg(${row(t)}, '|' order by x::text)), '') from ${t} x;`).join("\n"));
}

/*
 * hold(database, statement) - runs the statement in a transaction of another session,
 * which stays open until the returned function is called.
 */
function hold(database, statement) {
  return new Promise((resolve, reject) => {
    const child = spawn("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database.owner], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((done) => child.on("close", done));
    ended.then(() => reject(new Error(`${statement}: the transaction ended early`)));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      if (text.includes("held")) resolve(() => { child.stdin.end("commit;\n"); return ended; });
    });
    child.stdin.write(`set search_path = gestor, pg_temp;\nbegin;\n${statement};\n\\echo held\n`);
  });
}

/* lockOf(scope, operation, key) - for hold(): takes the lock that a running request with this key holds. */
const lockOf = (scope, operation, key) =>
  `select pg_advisory_xact_lock(hashtextextended(json_build_array('${scope}'::text, '${operation}'::text, '${key}'::text)::text, 0))`;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* until(what, condition, limit) - checks the condition every 10 ms until it holds. */
async function until(what, condition, limit = 60000) {
  const began = Date.now();
  while (!(await condition())) {
    assert.ok(Date.now() - began < limit, `${what}: not within ${limit} ms`);
    await pause(10);
  }
}

/* waiting(database) - how many of the service's sessions wait for a lock. */
const waiting = (database) => Number(lib.sql(database.superuser, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'gestor' and wait_event_type = 'Lock'"));

/* The operations of writes(), without those in `but`: tests that hold for all writes take their names from here. */
const writeNames = (...but) => Object.keys(writes({}, {})).filter((id) => !but.includes(id));

module.exports = { writes, writeNames, send, fingerprint, hold, lockOf, pause, until, waiting, row };
