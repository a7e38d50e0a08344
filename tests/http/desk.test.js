"use strict";
/* What a desk needs on its second day: voiding, transfer, handover, call-backs and answers outside a call. */
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { hold } = require("./writes.js");

let world, ana, luis, boss, admin, crm;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  luis = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  admin = await world.signedIn("E8000002");
  crm = await world.signedIn("E8000003");
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r.json; };
const refused = (r, status, code) => { assert.equal(r.status, status, r.text); assert.equal(r.json.code, code, r.text); return r.json; };
const idOf = (username) => sql(`select id from gestor.advisor where username = '${username}'`);
/* aged(table, id) - makes the record one of yesterday. */
const aged = (table, id) => sql(`update gestor.${table} set created_at = created_at - interval '1 day' where id = ${id}`);
const soon = (days) => new Date(Date.now() + days * 86400000).toISOString();
const whole = async (advisor, stage = "en-proceso") => {
  const o = ok(await advisor.post("/v1/typifications", { client: lib.newClient(), contact: lib.newContact(), sub_campaign: "entel", ...lib.form(),
    closure: { advertising_acceptance: "acepto", stage } }), 201);
  return { ...o, at: `/v1/opportunities/${o.id}` };
};

test("opportunity_void: its advisor may, on its day and while it is open; it shows who, when and why, and lists leave it out", async () => {
  const o = await whole(ana), reason = "REGISTRADA DOS VECES";
  ok(await ana.put(`${o.at}/follow-up`, { at: soon(1) }));
  refused(await luis.post(`${o.at}/voiding`, { reason }), 403, "not_owner");
  ok(await ana.post(`${o.at}/voiding?validate_only=true`, { reason }));
  assert.equal(ok(await ana.get(o.at)).voided, null);
  const r = await ana.post(`${o.at}/voiding`, { reason });
  const { voided } = ok(r);
  assert.equal(voided.reason, reason);
  assert.equal(voided.advisor.username, "E8153375");
  assert.ok(Math.abs(Date.parse(voided.at) - Date.now()) < 60000);
  assert.deepEqual((await ana.get(o.at)).json, r.json);
  assert.equal(r.headers.etag, (await ana.get(o.at)).headers.etag);
  assert.equal(r.json.follow_up, null, "what was promised ends with it");
  const ids = async (query) => ok(await ana.get(`/v1/clients/${o.client_id}/opportunities${query}`)).items.map((x) => x.id);
  assert.deepEqual(await ids(""), []);
  assert.deepEqual(await ids("?voided=true"), [o.id]);
  refused(await ana.post(`${o.at}/voiding`, { reason }), 409, "opportunity_voided");
  refused(await boss.post(`${o.at}/transfer`, { advisor: "E8123497", reason }), 409, "opportunity_voided");
  refused(await ana.put(`${o.at}/follow-up`, { at: soon(1) }), 409, "opportunity_voided");
  assert.equal(ok(await ana.get(`/v1/clients/${o.client_id}`)).advertising.acceptance.code, "acepto", "what the client answered stays");
  const audit = ok(await boss.get(`${o.at}/audit`)).items.filter((x) => x.operation === "opportunity_void");
  assert.equal(audit.length, 1);
  assert.equal(audit[0].after.void_reason, "***", "the reason may tell of the client");
});

test("opportunity_void: the day after, and a finished one, only a supervisor may", async () => {
  for (const prepare of [async () => { const o = await whole(ana); aged("opportunity", o.id); return [o, "void_day_over"]; },
    async () => [await whole(ana, "retenido"), "opportunity_finished"]]) {
    const [o, code] = await prepare();
    refused(await ana.post(`${o.at}/voiding`, { reason: "X" }), 409, code);
    const shown = ok(await boss.post(`${o.at}/voiding`, { reason: "X" }));
    assert.equal(shown.voided.advisor.username, "E8000001");
    assert.equal(shown.closure.closed_at, o.closure.closed_at);
  }
});

test("opportunity_void, contact_void, opportunity_transfer: a reason is needed, and it is trimmed", async () => {
  const o = await whole(ana);
  for (const reason of [undefined, null, "", "   ", "x".repeat(501), 7]) {
    for (const [path, more] of [[`${o.at}/voiding`, {}], [`/v1/contacts/${o.contact_id}/voiding`, {}], [`${o.at}/transfer`, { advisor: "E8123497" }]]) {
      const r = await ana.post(path, { ...more, reason });
      assert.equal(r.status, 422, r.text);
      assert.deepEqual(r.json.errors.map((e) => e.pointer), ["#/reason"]);
    }
  }
  assert.equal(ok(await ana.post(`${o.at}/voiding`, { reason: "  ÑANDÚ " })).voided.reason, "ÑANDÚ");
});

test("contact_void: not while its opportunity counts; then lists leave it out and no opportunity is opened for it", async () => {
  const o = await lib.opened(ana), at = `/v1/contacts/${o.contact.id}`, reason = "NÚMERO EQUIVOCADO";
  const held = refused(await ana.post(`${at}/voiding`, { reason }), 409, "contact_in_use");
  assert.equal(held.existing.href, o.at);
  ok(await ana.post(`${o.at}/voiding`, { reason }));
  refused(await luis.post(`${at}/voiding`, { reason }), 403, "contact_not_owner");
  const shown = ok(await ana.post(`${at}/voiding`, { reason }));
  assert.equal(shown.voided.reason, reason);
  assert.deepEqual(ok(await ana.get(at)), shown);
  assert.deepEqual(ok(await ana.get(`/v1/clients/${o.client.id}/contacts`)).items, []);
  assert.deepEqual(ok(await ana.get(`/v1/clients/${o.client.id}/contacts?voided=true`)).items.map((x) => x.id), [o.contact.id]);
  refused(await ana.post(`${at}/voiding`, { reason }), 409, "contact_voided");
  refused(await ana.patch(at, { ownership_check: { asked: 3, right: 3 } }), 409, "contact_voided");

  const alone = ok(await ana.post(`/v1/clients/${o.client.id}/contacts`, lib.newContact()), 201);
  aged("contact", alone.id);
  refused(await ana.post(`/v1/contacts/${alone.id}/voiding`, { reason }), 409, "void_day_over");
  ok(await boss.post(`/v1/contacts/${alone.id}/voiding`, { reason }));
  refused(await ana.post("/v1/opportunities", { contact_id: alone.id, sub_campaign: "entel" }), 409, "contact_voided");
});

test("contact_void: of a voiding and an opportunity that is opened at the same time one is refused", async () => {
  const client = ok(await ana.post("/v1/clients", lib.newClient()), 201);
  for (let i = 0; i < 12; i++) {
    const contact = ok(await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact()), 201);
    const [v, o] = await Promise.all([boss.post(`/v1/contacts/${contact.id}/voiding`, { reason: "X" }),
      ana.post("/v1/opportunities", { contact_id: contact.id, sub_campaign: "entel" })]);
    if (v.status === 200) refused(o, 409, "contact_voided");
    else { refused(v, 409, "contact_in_use"); ok(o, 201); }
  }
});

test("opportunity_transfer: it becomes another's, with its call-back; who may own it is checked and said", async () => {
  const o = await whole(ana), reason = "CAMBIO DE TURNO";
  ok(await ana.put(`${o.at}/follow-up`, { at: soon(2), note: "PIDE COMPARAR" }));
  for (const advisor of ["E9999999", "999999999", "E8000002", "E8000003", "E8153375", idOf("E8153375")]) {
    const r = await ana.post(`${o.at}/transfer`, { advisor, reason });
    assert.equal(r.status, 422, `${advisor}: ${r.text}`);
    assert.deepEqual(r.json.errors.map((e) => [e.pointer, e.code]), [["#/advisor", /999/.test(advisor) ? "not_found" : "not_allowed"]]);
  }
  refused(await luis.post(`${o.at}/transfer`, { advisor: "E8123497", reason }), 403, "not_owner");
  refused(await luis.post(`${o.at}/transfer`, { advisor: "E9999999", reason }), 403, "not_owner");
  const r = ok(await ana.post(`${o.at}/transfer`, { advisor: "e8123497", reason }));
  assert.equal(r.advisor.username, "E8123497");
  assert.equal(r.follow_up.note, "PIDE COMPARAR");
  refused(await ana.put(`${o.at}/follow-up`, { at: soon(1) }), 403, "not_owner");
  ok(await luis.put(`${o.at}/follow-up`, { at: soon(1) }));
  assert.equal(ok(await boss.post(`${o.at}/transfer`, { advisor: idOf("E8153375"), reason })).advisor.username, "E8153375");
  assert.equal(sql(`select string_agg(f.username || '>' || t.username || ' by ' || a.username || ': ' || x.reason, ', ' order by x.id)
    from gestor.transfer x join gestor.advisor f on f.id = x.from_id join gestor.advisor t on t.id = x.to_id
    join gestor.advisor a on a.id = x.advisor_id where x.opportunity_id = ${o.id}`),
  `E8153375>E8123497 by E8153375: ${reason}, E8123497>E8153375 by E8000001: ${reason}`);
  const done = await whole(ana, "retenido");
  refused(await ana.post(`${done.at}/transfer`, { advisor: "E8123497", reason }), 409, "opportunity_finished");
});

test("advisor_handover: all open ones of a leaver change hands at once; finished and voided ones stay", async () => {
  const leaver = await world.signedIn("E8123497"), id = idOf("E8123497");
  const open = [await whole(leaver), await whole(leaver)], done = await whole(leaver, "retenido"), voided = await whole(leaver);
  ok(await leaver.post(`${voided.at}/voiding`, { reason: "X" }));
  ok(await leaver.put(`${open[0].at}/follow-up`, { at: soon(1) }));
  const body = { advisor: "E8153375", reason: "DEJA LA EMPRESA" };
  refused(await ana.post(`/v1/advisors/${id}/handover`, body), 403, "role_forbidden");
  refused(await boss.post("/v1/advisors/999999999/handover", body), 404, "not_found");
  for (const advisor of ["E8123497", "E8000003", "E9999999"])
    assert.deepEqual((await boss.post(`/v1/advisors/${id}/handover`, { ...body, advisor })).json.errors.map((e) => e.pointer), ["#/advisor"]);
  const before = Number(sql(`select count(*) from gestor.opportunity where advisor_id = ${id} and closed_at is null and voided_at is null`));
  assert.equal(ok(await boss.post(`/v1/advisors/${id}/handover?validate_only=true`, body)).count, before);
  assert.equal(ok(await leaver.get(open[0].at)).advisor.username, "E8123497");
  const key = { "idempotency-key": "handover-of-a-leaver" };
  const r = await boss.post(`/v1/advisors/${id}/handover`, body, key);
  assert.equal(ok(r).count, before);
  assert.deepEqual([r.json.from.username, r.json.to.username], ["E8123497", "E8153375"]);
  for (const o of open) {
    assert.ok(r.json.opportunities.includes(o.id));
    assert.equal(ok(await ana.get(o.at)).advisor.username, "E8153375");
  }
  assert.ok(ok(await ana.get(open[0].at)).follow_up);
  for (const o of [done, voided]) assert.equal(ok(await ana.get(o.at)).advisor.username, "E8123497");
  assert.deepEqual((await boss.post(`/v1/advisors/${id}/handover`, body, key)).json, r.json);
  assert.equal(ok(await boss.post(`/v1/advisors/${id}/handover`, body)).count, 0);
});

test("follow_up_put, follow_up_delete: a time from now to a year from now, and closing ends it", async () => {
  const o = await whole(ana), at = soon(3);
  for (const wrong of [soon(-1), soon(367), "2026-13-01T00:00:00Z", "mañana", null, 5]) {
    const r = await ana.put(`${o.at}/follow-up`, { at: wrong });
    assert.equal(r.status, 422, r.text);
    assert.deepEqual(r.json.errors.map((e) => e.pointer), ["#/at"], r.text);
  }
  const first = await ana.put(`${o.at}/follow-up`, { at, note: "PIDE COMPARAR PLANES" });
  assert.equal(Date.parse(ok(first).follow_up.at), Date.parse(at));
  assert.equal(first.json.follow_up.note, "PIDE COMPARAR PLANES");
  assert.deepEqual((await ana.get(o.at)).json, first.json);
  const stale = await ana.patch(o.at, { service: { current_plan: "CHIP" } }, { "if-match": `"${"0".repeat(16)}"` });
  assert.equal(stale.status, 412);
  ok(await ana.put(`${o.at}/follow-up`, { at }, { "if-match": first.headers.etag }));
  assert.equal((await ana.put(`${o.at}/follow-up`, { at }, { "if-match": first.headers.etag })).status, 412, "the note is gone since");
  assert.equal(ok(await ana.get(o.at)).follow_up.note, null, "it is replaced as a whole");
  assert.equal(ok(await ana.delete(`${o.at}/follow-up`)).follow_up, null);
  refused(await ana.delete(`${o.at}/follow-up`), 404, "not_found");
  ok(await ana.put(`${o.at}/follow-up`, { at }));
  ok(await ana.put(`${o.at}/closure`, { advertising_acceptance: "acepto", stage: "retenido" }));
  const closed = ok(await ana.get(o.at));
  assert.equal(closed.follow_up, null);
  refused(await ana.put(`${o.at}/follow-up`, { at }), 409, "opportunity_finished");
  const again = ok(await boss.post(`${o.at}/reopening`));
  assert.equal(again.reopened.advisor.username, "E8000001");
  assert.ok(Math.abs(Date.parse(again.reopened.at) - Date.now()) < 60000);
  ok(await ana.put(`${o.at}/closure`, { advertising_acceptance: "acepto", stage: "retenido" }));
  assert.deepEqual(ok(await ana.get(o.at)).reopened, again.reopened, "its owner sees that it was reopened");
});

test("follow_up_put: a day is its beginning at the desk", async () => {
  const o = await whole(ana), day = sql("select ((now() + interval '3 days') at time zone 'America/Lima')::date");
  assert.equal(ok(await ana.put(`${o.at}/follow-up`, { at: day })).follow_up.at, `${day}T05:00:00.000000Z`);
  const today = sql("select (now() at time zone 'America/Lima')::date");
  assert.equal((await ana.put(`${o.at}/follow-up`, { at: today })).json.errors[0].code, "follow_up_range");
});

test("opportunity_void, opportunity_transfer, advisor_handover: the fault names the reason for it, not that of the cancellation", async () => {
  const o = await whole(ana), spanish = { "accept-language": "es" };
  for (const where of [`${o.at}/voiding`, `${o.at}/transfer`, `/v1/contacts/${o.contact_id}/voiding`, "/v1/advisors/1/handover"]) {
    const fault = (r) => r.json.errors.find((e) => e.pointer === "#/reason");
    assert.deepEqual(fault(await boss.post(where, {}, spanish)), { pointer: "#/reason", field: "reason", label: "Motivo", code: "required", detail: "Ingrese el motivo." }, where);
    assert.equal(fault(await boss.post(where, {})).detail, "Enter the reason.");
  }
  assert.equal((await boss.get("/v1/opportunities?reason=x", spanish)).json.errors[0].label, "Motivo de Cancelación");
});

test("advisor_handover: what is refused locks no client", async () => {
  const o = await whole(ana), id = sql("select id from gestor.advisor where username = 'E8153375'");
  const release = await hold(world.database, `select from client where id = ${o.client_id} for update`);
  const answer = await boss.post(`/v1/advisors/${id}/handover`, { advisor: "E8000002", reason: "X" });
  await release();
  refused(answer, 422, "invalid");
});

test("agenda_list: the earliest first, an advisor's own, days of Lima, page by page", async () => {
  const made = [];
  for (const days of [5, 1, 3, 2]) {
    const o = await whole(luis);
    made.push([days, o]);
    ok(await luis.put(`${o.at}/follow-up`, { at: soon(days) }));
  }
  const overdue = await whole(luis);
  ok(await luis.put(`${overdue.at}/follow-up`, { at: soon(1) }));
  sql(`update gestor.opportunity set follow_up_at = now() - interval '2 days' where id = ${overdue.id}`);
  const other = await whole(ana);
  ok(await ana.put(`${other.at}/follow-up`, { at: soon(1) }));
  sql(`update gestor.opportunity set follow_up_at = null, follow_up_note = null where follow_up_at is not null
    and id not in (${[overdue, other, ...made.map((x) => x[1])].map((o) => o.id)})`);
  const wanted = [overdue, ...made.sort((a, b) => a[0] - b[0]).map((x) => x[1])].map((o) => o.id);
  const mine = ok(await luis.get("/v1/agenda"));
  assert.deepEqual(mine.items.map((x) => x.id), wanted);
  assert.deepEqual(mine.items[0], { ...ok(await luis.get(overdue.at)), etag: (await luis.get(overdue.at)).headers.etag });
  assert.deepEqual(ok(await luis.get("/v1/agenda?advisor=E8123497")).items.map((x) => x.id), wanted);
  refused(await luis.get("/v1/agenda?advisor=E8153375"), 403, "agenda_not_own");
  const unknown = await boss.get("/v1/agenda?advisor=E9999999");
  assert.deepEqual([unknown.status, unknown.json.errors[0].code, unknown.json.errors[0].pointer], [422, "not_found", "#/advisor"], unknown.text);
  const all = ok(await boss.get("/v1/agenda?limit=100")).items.map((x) => x.id);
  for (const id of [...wanted, other.id]) assert.ok(all.includes(id));
  assert.deepEqual(ok(await boss.get("/v1/agenda?advisor=e8123497")).items.map((x) => x.id), wanted);
  let at = "/v1/agenda?limit=2", seen = [];
  while (at !== null) {
    const page = await luis.get(at);
    seen = seen.concat(ok(page).items.map((x) => x.id));
    at = page.json.next === null ? null : `/v1/agenda?limit=2&cursor=${page.json.next}`;
  }
  assert.deepEqual(seen, wanted);
  const day = (days) => sql(`select ((now() + interval '${days} days') at time zone 'America/Lima')::date`);
  assert.deepEqual(ok(await luis.get(`/v1/agenda?from=${day(1)}&to=${day(2)}`)).items.map((x) => x.id), wanted.slice(1, 3));
  assert.deepEqual(ok(await luis.get(`/v1/agenda?to=${day(0)}`)).items.map((x) => x.id), wanted.slice(0, 1));
  assert.equal((await luis.get(`/v1/agenda?from=${day(2)}&to=${day(1)}`)).status, 422);
});

test("client_consent_create: an answer outside a call counts, and null withdraws it", async () => {
  const client = ok(await ana.post("/v1/clients", lib.newClient()), 201), at = `/v1/clients/${client.id}/consents`;
  refused(await ana.post(at, { advertising_acceptance: "acepto", source: "CARTA" }), 403, "role_forbidden");
  const wrong = await boss.post(at, { advertising_acceptance: "quizas" });
  assert.deepEqual(wrong.json.errors.map((e) => e.pointer).sort(), ["#/advertising_acceptance", "#/source"], wrong.text);
  assert.ok(wrong.json.errors.find((e) => e.pointer === "#/advertising_acceptance").allowed.includes("no-acepto"));
  const r = await boss.post(at, { advertising_acceptance: "no-acepto", source: "CARTA", note: "EXPEDIENTE 17" });
  const entry = ok(r, 201);
  assert.equal(r.headers.location, at);
  assert.deepEqual({ ...entry, created_at: "", advisor: entry.advisor.username }, { advertising_acceptance: entry.advertising_acceptance, opportunity_id: null,
    contact_id: null, advisor: "E8000001", source: "CARTA", note: "EXPEDIENTE 17", created_at: "" });
  assert.deepEqual(ok(await ana.get(at)).items, [entry]);
  assert.equal(ok(await ana.get(`/v1/clients/${client.id}`)).advertising.acceptance.code, "no-acepto");
  ok(await admin.post(at, { advertising_acceptance: null, source: "CORREO" }), 201);
  assert.equal(ok(await ana.get(`/v1/clients/${client.id}`)).advertising, null);
  assert.equal((await crm.post(at, { advertising_acceptance: "acepto", source: "WEB" })).status, 403);
  refused(await boss.post("/v1/clients/999999999/consents", { advertising_acceptance: "acepto", source: "WEB" }), 404, "not_found");
  assert.throws(() => sql(`update gestor.consent set note = 'X' where client_id = ${client.id}`));
  assert.throws(() => sql(`update gestor.consent set source = 'X' where client_id = ${client.id}`));
});

test("client_erase: reasons and notes of the desk go too", async () => {
  const o = await whole(ana), spare = ok(await ana.post(`/v1/clients/${o.client_id}/contacts`, lib.newContact()), 201);
  const marker = "FULANO MARCADO";
  ok(await ana.put(`${o.at}/follow-up`, { at: soon(1), note: marker }));
  ok(await ana.post(`${o.at}/transfer`, { advisor: "E8123497", reason: marker }));
  ok(await ana.post(`/v1/contacts/${spare.id}/voiding`, { reason: marker }));
  ok(await boss.post(`/v1/clients/${o.client_id}/consents`, { advertising_acceptance: "acepto", source: "CARTA", note: marker }), 201);
  ok(await admin.post(`/v1/clients/${o.client_id}/erasure`));
  for (const table of ["opportunity", "contact", "transfer", "consent", "audit", "idempotency"])
    assert.equal(sql(`select count(*) from gestor.${table} t where t::text like '%${marker}%'`), "0", table);
  assert.equal(ok(await ana.get(`/v1/contacts/${spare.id}`)).voided.reason, "CLIENTE BORRADO");
  assert.equal(ok(await ana.get(`/v1/clients/${o.client_id}/consents`)).items[0].source, "CARTA");
});
