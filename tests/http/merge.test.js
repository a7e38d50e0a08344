"use strict";
/* Two records of one person become one client, and two again. */
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { hold, until, waiting } = require("./writes.js");

let world, ana, luis, boss, admin;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  luis = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  admin = await world.signedIn("E8000002");
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r.json; };
const refused = (r, status, code) => { assert.equal(r.status, status, r.text); assert.equal(r.json.code, code, r.text); return r.json; };
const at = (client) => `/v1/clients/${client.id ?? client}`;
const client = async (more = {}) => ok(await ana.post("/v1/clients", { ...lib.newClient(), ...more }), 201);
const call = async (of, advisor = ana, stage = "en-proceso", answer = "acepto") => ok(await advisor.post("/v1/typifications",
  { client_id: of.id, contact: lib.newContact(), sub_campaign: "entel", ...lib.form(), closure: { advertising_acceptance: answer, stage } }), 201);
const merge = (from, into, how = "", headers) => admin.post(`${at(from)}/merge${how}`, { into: into.id ?? into }, headers);
const undo = (from, headers) => admin.post(`${at(from)}/merge/undo`, undefined, headers);
const phone = (() => { let n = 931000000; return () => String(++n); })();
const ids = (r) => ok(r).items.map((x) => x.id);

/* Every row of the tables that a merge could touch, without what a merge writes about itself. */
const tables = ["client", "client_phone", "contact", "opportunity", "action", "consent", "reopening", "transfer", "draft", "idempotency", "erasure"];
const rows = () => Object.fromEntries(tables.map((t) => [t, sql(`select md5(string_agg(x, E'\\n' order by x)) from (select to_jsonb(r)::text as x from gestor.${t} r) y`)]));
/* Documents that are stored equal those rendered anew. */
const rendered = () => assert.equal(sql(`set search_path = gestor; select (select count(*) from client c where c.document is distinct from client_stored_document(c))
  + (select count(*) from contact t where t.document is distinct from contact_document(t, false))
  + (select count(*) from opportunity o where o.document is distinct from opportunity_document(o, false))`), "0");

/* Two clients of one person, each with calls, answers, a phone. */
async function pair() {
  const a = await client({ phone: phone(), sales: { lines: [phone()], plan: null, activation_date: null }, external_id: `A${phone()}`, birth_date: "1980-02-29" }), b = await client({ phone: phone() });
  const calls = [await call(a, ana, "retenido", "acepto"), await call(b, luis, "en-proceso", "acepto"), await call(a, luis, "en-proceso", "no-acepto")];
  ok(await luis.put(`/v1/opportunities/${calls[2].id}/draft`, { note: "A MEDIAS" }));
  ok(await luis.put(`/v1/opportunities/${calls[2].id}/follow-up`, { at: new Date(Date.now() + 86400000).toISOString(), note: "DESPUÉS DE LAS SEIS" }));
  ok(await ana.post(`${at(a)}/contacts`, lib.newContact()), 201);
  return { a, b, calls };
}

test("client_merge: all records move with their dates, and the client that stays is answered", async () => {
  const { a, b, calls } = await pair(), before = ok(await admin.get(`${at(a)}/personal-data`));
  const dates = (list) => Object.fromEntries(list.map((x) => [x.id, [x.created_at, x.updated_at, x.advisor]]));
  const r = await merge(a, b), now = ok(r);
  assert.equal(now.id, b.id);
  assert.equal(now.advertising.acceptance.code, "no-acepto", "the newest answer of both");
  assert.equal(now.external_id, a.external_id, "the client that stays had none");
  const read = await ana.get(at(b));
  assert.deepEqual(read.json, r.json);
  assert.equal(read.headers.etag, r.headers.etag);
  const whole = ok(await admin.get(`${at(b)}/personal-data`));
  assert.deepEqual(whole.merged.map((m) => [m.id, m.document_number, m.phone]), [[a.id, a.document_number, a.phone]], "what was registered under the other id");
  assert.equal(whole.contacts.length, 4);
  assert.deepEqual(whole.opportunities.map((o) => o.id).sort(), calls.map((c) => c.id).sort());
  for (const list of ["contacts", "opportunities"])
    for (const [id, was] of Object.entries(dates(before[list]))) assert.deepEqual(dates(whole[list])[id], was);
  assert.ok(whole.contacts.every((t) => t.client_id === b.id) && whole.opportunities.every((o) => o.client_id === b.id));
  assert.deepEqual(whole.consents.history.map((c) => c.created_at), [...whole.consents.history.map((c) => c.created_at)].sort().reverse());
  assert.equal(whole.consents.history.length, 3);
  const moved = ok(await luis.get(`/v1/opportunities/${calls[2].id}`));
  assert.equal(moved.follow_up.note, "DESPUÉS DE LAS SEIS");
  assert.deepEqual(ok(await luis.get(`/v1/opportunities/${calls[2].id}/draft`)), { note: "A MEDIAS" });
  ok(await luis.put(`/v1/opportunities/${calls[2].id}/typification`, { diagnosis: { reason: lib.reason } }));
  rendered();
});

test("client_merge: the old id answers 301, and 308 to what is not a read; the answer names the client that stays", async () => {
  const { a, b } = await pair();
  ok(await merge(a, b));
  for (const [rest, query] of [["", ""], ["/contacts", "?limit=1"], ["/opportunities", "?voided=true&limit=2"], ["/consents", ""], ["/personal-data", ""], ["/erasure", ""]]) {
    const r = await admin.get(`${at(a)}${rest}${query}`), body = refused(r, 301, "client_moved");
    assert.equal(r.headers.location, `${at(b)}${rest}${query}`);
    assert.deepEqual([body.existing, body.status], [{ id: b.id, href: at(b) }, 301]);
    assert.equal(r.headers["cache-control"], "no-store", "a merge can be undone");
    ok(await admin.get(r.headers.location));
    assert.equal(r.headers.etag, undefined);
  }
  const writes = [["PATCH", "", { email: "nuevo@example.com" }, 200], ["POST", "/contacts", lib.newContact(), 201], ["POST", "/consents", { advertising_acceptance: "acepto", source: "CARTA" }, 201]];
  for (const [method, rest, body, status] of writes) {
    const before = rows();
    const r = await admin.request(method, `${at(a)}${rest}`, body);
    refused(r, 308, "client_moved_write");
    assert.deepEqual(rows(), before, "nothing was done");
    assert.equal(r.headers.location, `${at(b)}${rest}`);
    ok(await admin.request(method, r.headers.location, body), status);
  }
  refused(await admin.post(`${at(a)}/erasure`), 308, "client_moved_write");
  /* A client that follows redirects gets the answer. */
  const token = { authorization: `Bearer ${admin.token}` };
  const followed = await fetch(`${world.base}${at(a)}`, { headers: token });
  assert.deepEqual([followed.status, (await followed.json()).id, followed.redirected], [200, b.id, true]);
  const sent = await fetch(`${world.base}${at(a)}/contacts`, { method: "POST", headers: { ...token, "content-type": "application/json" }, body: JSON.stringify(lib.newContact()) });
  assert.deepEqual([sent.status, (await sent.json()).client_id], [201, b.id]);
  /* History answers for the old id itself. */
  assert.ok(ok(await admin.get(`${at(a)}/audit`)).items.some((x) => x.operation === "client_merge" && x.after.merged_into === Number(b.id)));
  assert.ok(ok(await admin.get(`${at(b)}/audit`)).items.some((x) => x.object_type === "client_merge" && x.after.merged_id === Number(a.id)));
  ok(await admin.get(`${at(a)}/reads`));
});

test("client_search: what the merged client had finds the client that stays, once", async () => {
  const a = await client({ phone: phone(), sales: { lines: [phone()], plan: null, activation_date: null }, external_id: `A${phone()}` });
  const b = await client({ phone: a.phone, external_id: `B${phone()}`, document_type: "pasaporte", document_number: a.document_number });
  ok(await merge(a, b));
  for (const query of [`phone=${a.phone}`, `phone=${a.sales.lines[0]}`, `document_number=${a.document_number}`, `document_number=${a.document_number}&document_type=dni`,
    `external_id=${a.external_id}`, `external_id=${b.external_id}`, `ids=${a.id}`, `ids=${a.id},${b.id}`])
    assert.deepEqual(ids(await ana.get(`/v1/clients?${query}`)), [b.id], query);
  assert.equal(refused(await ana.post("/v1/clients", { ...lib.newClient(), document_type: "dni", document_number: a.document_number }), 409, "client_exists").existing.id, b.id);
  assert.equal(refused(await ana.post("/v1/clients", { ...lib.newClient(), external_id: a.external_id }), 409, "client_exists").existing.id, b.id);
  /* Its phones stay when the client that stays changes its own, and go with a correction of neither. */
  ok(await ana.patch(at(b), { phone: phone() }));
  assert.deepEqual(ids(await ana.get(`/v1/clients?phone=${a.phone}`)), [b.id]);
  const lines = ok(await admin.get("/v1/exports/clients", undefined, { accept: "application/x-ndjson" }).then((r) => ({ ...r, json: r.text.trim().split("\n").map((l) => JSON.parse(l).id) })));
  assert.ok(lines.includes(b.id) && !lines.includes(a.id), "an export has no merged client");
  assert.equal(ok(await ana.get(`/v1/forms/typification?client_id=${a.id}`)).sections[0].fields.find((f) => f.field === "client.name").value, b.name);
  /* The name of the merged one is not searched: the client that stays has its own. */
  const named = [await client({ name: "ZULETA QUIÑONES PRIMERO" }), await client({ name: "ZULETA QUIÑONES SEGUNDO" })];
  assert.deepEqual(ids(await boss.get("/v1/clients?name=zuleta%20quinones")).sort(), named.map((c) => c.id).sort());
  ok(await merge(...named));
  assert.deepEqual(ids(await boss.get("/v1/clients?name=zuleta%20quinones")), [named[1].id]);
});

test("typification_create: a call for a merged client and an erasure of the other one do not wait for each other", async () => {
  const stays = await client(), gone = await client();
  ok(await merge(gone, stays));
  /* Both want the lock of the client that stays; the erasure is the first. */
  const release = await hold(world.database, `select from client where id = ${stays.id} for update`);
  const erasure = admin.post(`${at(stays)}/erasure`);
  await until("the erasure waits", () => waiting(world.database) === 1);
  const saved = ana.post("/v1/typifications", { client_id: gone.id, contact: lib.newContact(), sub_campaign: "entel", closure: { stage: "en-proceso" } });
  await until("the call waits", () => waiting(world.database) === 2);
  await release();
  ok(await erasure);
  refused(await saved, 409, "client_erased");
});

test("typification_create: a call that is saved for the merged client belongs to the one that stays", async () => {
  const { a, b } = await pair();
  ok(await merge(a, b));
  const saved = await call(a);
  assert.equal(saved.client_id, b.id);
  const again = await call(a);
  assert.deepEqual(again.other_open, ok(await ana.get(`/v1/opportunities/${again.id}`)).other_open);
  assert.ok(again.other_open.includes(saved.id), "the open ones of the client that stays");
  assert.equal(sql(`select count(*) from gestor.contact where client_id = ${a.id}`), "0");
});

test("client_merge_undo: puts every row back as it was, byte for byte", async () => {
  for (const prepare of [async (p) => p, async (p) => { ok(await ana.patch(at(p.b), { external_id: `B${phone()}` })); return p; },
    async (p) => { ok(await merge(await client({ phone: phone() }), p.a)); return p; }]) {
    const { a, b } = await prepare(await pair()), shown = [await ana.get(at(a)), await ana.get(at(b))], before = rows();
    ok(await merge(a, b));
    assert.notDeepEqual(rows(), before);
    const r = await undo(a);
    assert.equal(ok(r).id, a.id);
    const after = rows();
    for (const table of tables) assert.equal(after[table], before[table], table);
    for (const [i, c] of [a, b].entries()) {
      const now = await ana.get(at(c));
      assert.deepEqual([now.json, now.headers.etag], [shown[i].json, shown[i].headers.etag]);
    }
    refused(await undo(a), 409, "client_not_merged");
    ok(await merge(a, b));
    ok(await undo(a));
    assert.deepEqual(rows(), before, "and again");
  }
  rendered();
});

test("client_merge_undo: not after a change of either or of a record of theirs, and the refusal says of which", async () => {
  const changes = [
    async ({ b }) => { ok(await ana.patch(at(b), { email: "otro@example.com" })); return ["client", b.id]; },
    async ({ b }) => ["contact", ok(await ana.post(`${at(b)}/contacts`, lib.newContact()), 201).id],
    async ({ b }) => ["consent", (ok(await boss.post(`${at(b)}/consents`, { advertising_acceptance: "acepto", source: "CARTA" }), 201), sql(`select max(id) from gestor.consent where client_id = ${b.id}`))],
    async ({ calls }) => { ok(await luis.put(`/v1/opportunities/${calls[2].id}/diagnosis`, { reason: lib.reason })); return ["opportunity", calls[2].id]; },
    async ({ calls }) => { const grid = `/v1/opportunities/${calls[1].id}/actions`; ok(await luis.patch(`${grid}/${calls[1].actions[0].id}`, { final_state: null })); return ["opportunity", calls[1].id]; },
    async ({ calls }) => { ok(await boss.post(`/v1/opportunities/${calls[2].id}/transfer`, { advisor: "E8153375", reason: "TURNO" })); return ["opportunity", calls[2].id]; },
    async ({ calls }) => { ok(await boss.post(`/v1/opportunities/${calls[2].id}/voiding`, { reason: "REPETIDA" })); return ["opportunity", calls[2].id]; },
    async ({ calls }) => { ok(await boss.post(`/v1/opportunities/${calls[0].id}/reopening`)); return ["opportunity", calls[0].id]; },
    async ({ b }) => { const c = await client(); ok(await merge(c, b)); return ["client", c.id]; },
    async ({ b }) => { const c = await client(); ok(await merge(b, c)); return ["client", c.id]; },
  ];
  for (const [i, change] of changes.entries()) {
    const p = await pair();
    ok(await merge(p.a, p.b));
    const [object_type, object_id] = await change(p), before = rows();
    const { changed } = refused(await undo(p.a), 409, "merge_changed");
    assert.ok(changed.some((c) => c.object_type === object_type && c.object_id === object_id), `${i}: ${JSON.stringify(changed)} has no ${object_type} ${object_id}`);
    assert.deepEqual(rows(), before);
  }
});

test("client_merge, client_merge_undo: a change that waited for it finds its record where it is now", async () => {
  const { a, b, calls } = await pair(), [closed, , open] = calls, spare = ids(await ana.get(`${at(a)}/contacts`))[0], only = "?validate_only=true";
  /* Rehearsals, because after a change there is no undo. */
  const changes = [() => luis.patch(`/v1/opportunities/${open.id}${only}`, { service: { current_plan: "CHIP" } }), () => luis.post(`/v1/opportunities/${open.id}/voiding${only}`, { reason: "X" }),
    () => luis.delete(`/v1/opportunities/${open.id}/follow-up${only}`), () => boss.post(`/v1/opportunities/${closed.id}/reopening${only}`),
    () => ana.patch(`/v1/contacts/${spare}${only}`, { ownership_check: { asked: 3, right: 2 } }), () => ana.post(`/v1/contacts/${spare}/voiding${only}`, { reason: "X" }),
    () => ana.post(`/v1/opportunities${only}`, { contact_id: spare, sub_campaign: "entel" })];
  for (const change of changes)
    for (const [statement, where] of [[`select gestor.client_merge(${a.id}, ${b.id}, null)`, b], [`select gestor.client_merge_undo(${a.id}, null)`, a]]) {
      const release = await hold(world.database, statement), answer = change();
      try {
        await until("it waits", () => waiting(world.database) === 1);
      } finally {
        await release();
      }
      assert.equal(ok(await answer).client_id, where.id, String(change));
    }
});

test("client_merge: chains lead to the last one, and are undone from the last one on", async () => {
  const [a, b, c] = [await client({ phone: phone() }), await client({ phone: phone() }), await client()], before = rows();
  ok(await merge(a, b));
  const between = rows();
  ok(await merge(b, c));
  for (const x of [a, b]) assert.equal((await ana.get(at(x))).headers.location, at(c));
  assert.deepEqual(ids(await ana.get(`/v1/clients?phone=${a.phone}`)), [c.id]);
  assert.equal(refused(await merge(a, c), 409, "client_merged").existing.id, c.id);
  assert.equal(refused(await merge(await client(), a), 409, "client_merged").existing.id, c.id);
  refused(await undo(a), 409, "merge_changed");
  ok(await undo(b));
  const without = ({ client: _, ...rest }) => rest;
  assert.deepEqual(without(rows()).client_phone, between.client_phone);
  assert.equal((await ana.get(at(a))).headers.location, at(b));
  ok(await undo(a));
  assert.deepEqual(without(rows()).client_phone, before.client_phone);
  assert.equal(ok(await ana.get(at(a))).id, a.id);
});

test("client_merge: refuses itself, unknown, erased and merged ones, and all but administrators", async () => {
  const [a, b, gone] = [await client(), await client(), await client()];
  ok(await admin.post(`${at(gone)}/erasure`));
  for (const [r, code] of [[await merge(a, a), "not_allowed"], [await merge(a, "999999999"), "not_found"]]) {
    refused(r, 422, "invalid");
    assert.deepEqual(r.json.errors.map((e) => [e.pointer, e.field, e.code]), [["#/into", "into", code]]);
  }
  refused(await merge("999999999", a), 404, "not_found");
  refused(await merge(gone, a), 409, "client_erased");
  refused(await merge(a, gone), 409, "client_erased");
  refused(await undo(a), 409, "client_not_merged");
  refused(await undo("999999999"), 404, "not_found");
  for (const who of [ana, boss]) refused(await who.post(`${at(a)}/merge`, { into: b.id }), 403, "role_forbidden");
  for (const who of [ana, boss]) refused(await who.post(`${at(a)}/merge/undo`), 403, "role_forbidden");
  refused(await merge(a, b, "", { "if-match": "\"falso\"" }), 412, "precondition_failed");
  const tag = (await ana.get(at(a))).headers.etag, staying = (await ana.get(at(b))).headers.etag;
  assert.equal(ok(await merge(a, b, "?validate_only=true")).phone, b.phone);
  assert.equal(ok(await ana.get(at(a))).id, a.id);
  assert.equal(sql(`select count(*) from gestor.client where merged_into = ${b.id}`), "0");
  const key = { "idempotency-key": `fusion-${a.id}`, "if-match": tag };
  const first = await merge(a, b, "", key), again = await merge(a, b, "", key);
  assert.deepEqual([ok(first), again.headers["idempotent-replayed"]], [ok(again), "true"]);
  assert.equal(refused(await merge(a, b), 409, "client_merged").existing.id, b.id);
  refused(await undo(a, { "if-match": "\"falso\"" }), 412, "precondition_failed");
  ok(await admin.post(`${at(a)}/merge/undo?validate_only=true`));
  assert.equal((await ana.get(at(a))).status, 301);
  ok(await undo(a, { "if-match": staying }));
});

test("client_merge: of two that cross one is made", async () => {
  for (let i = 0; i < 10; i++) {
    const [a, b] = [await client(), await client()];
    const answers = await Promise.all([merge(a, b), merge(b, a)]);
    assert.deepEqual(answers.map((r) => r.status).sort(), [200, 409], answers.map((r) => r.text).join());
    assert.equal(answers.find((r) => r.status === 409).json.code, "client_merged");
    assert.equal(sql(`select count(*) from gestor.client where id in (${a.id}, ${b.id}) and merged_into is not null`), "1");
  }
});

test("client_merge: calls and changes under way meanwhile are not lost, and none stays with the merged client", async () => {
  for (let i = 0; i < 10; i++) {
    const { a, b, calls } = await pair();
    const work = [merge(a, b), ...[0, 1, 2].map(() => ana.post("/v1/typifications", { client_id: a.id, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() })),
      luis.put(`/v1/opportunities/${calls[2].id}/diagnosis`, { reason: lib.reason }), ana.post(`${at(a)}/contacts`, lib.newContact()),
      luis.post(`/v1/opportunities/${calls[2].id}/actions`, { action: lib.form().actions[0].action })];
    const answers = await Promise.all(work.sort(() => Math.random() - 0.5));
    for (const r of answers) assert.ok([200, 201, 308].includes(r.status), r.text);
    assert.equal(sql(`select (select count(*) from gestor.contact where client_id = ${a.id}) + (select count(*) from gestor.opportunity where client_id = ${a.id}) + (select count(*) from gestor.consent where client_id = ${a.id})`), "0");
  }
  rendered();
});

test("client_erase: the client that stays takes the merged ones with it", async () => {
  const { a, b, calls } = await pair(), marker = "FULANO DE TAL";
  ok(await ana.patch(at(a), { name: marker, email: "fulano@example.com" }));
  ok(await ana.post(`${at(a)}/contacts`, lib.newContact(), { "idempotency-key": `contacto-${a.id}` }), 201);
  ok(await admin.patch(at(a), { legal_representative: marker }, { "idempotency-key": `cliente-${a.id}` }));
  ok(await merge(a, b, "", { "idempotency-key": `fusion-${a.id}-x` }));
  ok(await admin.post(`${at(b)}/erasure`));
  for (const table of [...tables, "client_merge", "audit", "event"])
    for (const value of [marker, a.document_number, a.phone, a.sales.lines[0], a.external_id, "fulano@example.com"])
      assert.equal(sql(`select count(*) from gestor.${table} t where t::text like '%${value}%'`), "0", `${table} has ${value}`);
  assert.equal(sql(`select count(*) from gestor.erasure where client_id in (${a.id}, ${b.id}) and done_at is not null`), "2");
  assert.equal((await ana.get(at(a))).headers.location, at(b));
  assert.equal(ok(await ana.get(at(b))).name, "BORRADO");
  assert.equal(ok(await luis.get(`/v1/opportunities/${calls[2].id}`)).follow_up, null);
  refused(await undo(a), 409, "client_erased");
  assert.equal(ids(await ana.get(`/v1/clients?phone=${a.phone}`)).length, 0);
  ok(await ana.post("/v1/clients", { ...lib.newClient(), document_number: a.document_number }), 201);
  assert.deepEqual(ok(await boss.get(`/v1/audit?object_type=client&object_id=${a.id}`)).items[0].after.name, "***");
});

test("client_erase: of a list of erasures the merged one erases the client that stays", async () => {
  const [a, b] = [await client(), await client()];
  ok(await merge(a, b));
  sql(`select gestor.client_erase(${a.id})`);
  assert.equal(sql(`select count(*) from gestor.client where id in (${a.id}, ${b.id}) and erased_at is not null`), "2");
});

test("gestor purge: a merged client stays as long as the one that it leads to", async () => {
  const [a, b] = [await client(), await client()];
  ok(await merge(a, b));
  const old = (...list) => sql(`update gestor.client set updated_at = now() - interval '9 years' where id in (${list.map((c) => c.id)})`);
  const idle = (c) => sql(`select gestor.client_idle(${c.id}, now() - interval '5 years')`);
  old(a, b);
  assert.deepEqual([idle(a), idle(b)], ["f", "f"], "a merge is a change");
  sql(`update gestor.client_merge set created_at = now() - interval '8 years' where merged_id = ${a.id}`);
  assert.deepEqual([idle(a), idle(b)], ["f", "t"]);
  sql(`update gestor.client set updated_at = now() where id = ${a.id}`);
  assert.deepEqual([idle(a), idle(b)], ["f", "f"]);
});

test("event_list: a merge and its undo tell what moved", async () => {
  const { a, b, calls } = await pair();
  const from = ok(await admin.get("/v1/events?limit=1000")).next;
  const events = async (after) => {
    await until("every event is shown", () => sql("select count(*) from gestor.event where position >= pg_snapshot_xmin(pg_current_snapshot())") === "0");
    let all = [], next = after; for (;;) { const page = ok(await admin.get(`/v1/events?limit=1000&after=${next}`)); all = all.concat(page.items); if (page.items.length === 0) return [all, page.next]; next = page.next; } };
  let [, start] = await events(from);
  ok(await merge(a, b));
  let [told, next] = await events(start);
  const lines = (list) => list.map((e) => [e.type, e.subject, e.data.client_id, ...e.data.changed].join(" ")).sort();
  const contacts = sql(`select string_agg(unnest::text, ' ') from gestor.client_merge, unnest(contacts) where merged_id = ${a.id}`).split(" ");
  assert.deepEqual(lines(told), [`client.merged ${at(a)} ${a.id} merged_into`, `client.updated ${at(a)} ${a.id} external_id`, `client.updated ${at(b)} ${b.id} external_id`,
    ...contacts.map((t) => `contact.updated /v1/contacts/${t} ${b.id} client_id`), ...[calls[0], calls[2]].map((o) => `opportunity.updated /v1/opportunities/${o.id} ${b.id} client_id`)].sort());
  ok(await undo(a));
  [told, next] = await events(next);
  assert.deepEqual(lines(told), [`client.updated ${at(a)} ${a.id} external_id merged_into`, `client.updated ${at(b)} ${b.id} external_id`,
    ...contacts.map((t) => `contact.updated /v1/contacts/${t} ${a.id} client_id`), ...[calls[0], calls[2]].map((o) => `opportunity.updated /v1/opportunities/${o.id} ${a.id} client_id`)].sort());
});

test("the database: nothing but a merge moves a consent, and the serving role moves nothing", async () => {
  const { a, b } = await pair();
  assert.throws(() => sql(`update gestor.consent set client_id = ${b.id} where client_id = ${a.id}`), /only the merge of two clients moves a consent/);
  ok(await merge(a, b));
  assert.throws(() => sql(`update gestor.consent set client_id = ${a.id} where client_id = ${b.id}`), /only the merge/);
});

test("import_create: a file changes no merged client, and its opportunities go to the one that stays", async () => {
  const a = await client(), b = await client();
  ok(await merge(a, b));
  const send = async (kind, line) => {
    const r = await admin.post(`/v1/imports?kind=${kind}&mode=valid_only`, Buffer.from(`${JSON.stringify(line)}\n`), { "content-type": "application/x-ndjson" });
    const { id } = ok(r, 202);
    for (;;) {
      const now = ok(await admin.get(`/v1/imports/${id}`));
      if (now.finished_at) return { ...now, report: (await admin.get(`/v1/imports/${id}/report`)).text };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const before = rows();
  const clients = await send("clients", { ...lib.newClient(), name: "OTRO NOMBRE", document_type: "dni", document_number: a.document_number });
  assert.equal(clients.rows.failed, 1);
  assert.match(clients.report, /client_merged/);
  assert.match(clients.report, new RegExp(`cliente? ${b.id}|client ${b.id}`));
  assert.equal(rows().client, before.client);
  const opportunities = await send("opportunities", { id: "77", document_type: "dni", document_number: a.document_number, campaign: "consulta-previa-prepago", stage: "retenido", created_at: "2020-01-02", advisor_name: "E8153375" });
  assert.equal(opportunities.rows.created, 1, opportunities.report);
  assert.equal(sql("select client_id from gestor.opportunity where id = 77"), b.id);
});

test("client_merge: a client with thousands of contacts moves and comes back in one request each; one that is too large is refused, and stays whole", async () => {
  const a = await client(), b = await client(), n = Number(process.env.MERGE_SIZE ?? 2000);
  sql(`set search_path = gestor; insert into contact (client_id, advisor_id, origin_phone, serial_number, created_at) select ${a.id}, (select id from advisor where username = 'E8153375'), '987654321', '1234567890123456', now() - interval '1 day' * (1 + g % 900) from generate_series(1, ${n}) g`);
  sql(`set search_path = gestor; insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage, created_at)
    select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice, t.created_at from contact t, catalog_item_of('campaign', 'consulta-previa-prepago') ca, catalog_item_of('sub_campaign', 'entel') sc, catalog_item_of('stage', 'en-proceso') st where t.client_id = ${a.id} and t.id % 2 = 0`);
  const r = await merge(a, b);
  if (r.status === 503) refused(r, 503, "too_slow");
  else {
    ok(r);
    assert.equal(sql(`select count(*) from gestor.contact where client_id = ${b.id}`), String(n));
    ok(await undo(a));
  }
  assert.equal(sql(`select count(*) from gestor.contact where client_id = ${a.id}`), String(n));
  assert.equal(sql(`select count(*) from gestor.opportunity where client_id = ${a.id}`), String(n / 2));
});
