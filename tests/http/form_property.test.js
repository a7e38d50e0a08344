/*
 * Over generated states of records and catalogues: what the form offers, the write accepts; what it leaves out or hides, the
 * write refuses at the form's pointer; `required`, `missing` and `can_close` are what the write says.
 *
 * 2,000 states in the step bulk, 100 in the step http. FORM_STATES says how many, FORM_SEED repeats a run.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const filler = require("./form_filler.js");

const states = Number(process.env.FORM_STATES || lib.many(2000)), seed = Number(process.env.FORM_SEED || 20250503);
const LANES = 4, EACH_CATALOGUE = 80;
let world, ana;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
});
after(() => world.end());

const sql = (text) => world.database.sql(text);
const at = "/v1/forms/typification";
const formOf = async (query) => {
  const r = await ana.get(`${at}?${query}`);
  assert.equal(r.status, 200, r.text);
  return r.json;
};
const send = (form, body) => ana.request(form.write.method, `${form.write.href}?validate_only=true`, body);
const pointers = (r) => (r.status === 422 ? r.json.errors.map((e) => e.pointer) : []);
const told = (what, form, body, r) => `seed ${seed}, ${what}: ${JSON.stringify(body)} to ${form.write.href}: ${r.status} ${r.text.slice(0, 600)}`;

/* Every code that there ever was, by catalogue. */
function codes() {
  const all = {};
  for (const line of sql("select c.code || ' ' || i.code from catalog_item i join catalog c on c.id = i.catalog_id").trim().split("\n")) {
    const [catalog, code] = line.split(" ");
    (all[catalog] ||= []).push(code);
  }
  return all;
}

/* Retires and restores items, and adds a level below a leaf; the form must know before the states go on. */
async function change(r) {
  const statements = [];
  for (let i = 0; i < 4; i++)
    statements.push(`update catalog_item set active = not active where id = (select i.id from catalog_item i join catalog c on c.id = i.catalog_id
      where c.code not in ('campaign', 'document_type', 'stage') and not (c.code in ('sub_campaign') and i.active)
      order by md5(i.id || '${r.below(1e9)}') limit 1)`);
  if (r.chance(0.5))
    statements.push(`insert into catalog_item (catalog_id, parent_id, label)
      select i.catalog_id, i.id, 'NIVEL ${r.below(1e9)}' from catalog_item i join catalog c on c.id = i.catalog_id
       where c.code in ('final_state', 'retention_action', 'operator', 'cancellation_reason') and i.depth < array_length(c.levels, 1)
       order by md5(i.id || '${r.below(1e9)}') limit 1`);
  /* A closed door: the desk has no stage detail today; it may have one tomorrow. */
  if (r.chance(0.3)) {
    statements.push(`insert into catalog_item (catalog_id, parent_id, label, active) select i.catalog_id, i.id, 'DETALLE ${r.below(1e9)}', false
      from catalog_item i join catalog c on c.id = i.catalog_id where c.code = 'stage' and i.code in ('retenido', 'no-retenido') order by md5(i.id || '${r.below(1e9)}') limit 1`);
    statements.push(`update catalog_item set active = not active where id = (select i.id from catalog_item i join catalog c on c.id = i.catalog_id
      where c.code = 'stage' and i.depth = 2 order by md5(i.id || '${r.below(1e9)}') limit 1)`);
  }
  sql(statements.join(";\n"));
  const wanted = Number(sql("select sum(revision) from catalog"));
  while ((await formOf("")).revision < wanted);
}

const needed = (form, body) => filler.fieldsOf(form).filter((f) => f.visible && f.required !== "no" && f.required !== undefined)
  .filter((f) => (filler.get(body, f.pointer) ?? null) === null);

/* The pointers of what a final stage would miss in the record after this body. */
function missingAfter(form, body) {
  const after = { ...filler.stored(form), ...body };
  const fields = filler.fieldsOf(form), absent = [];
  const rows = Array.isArray(after.actions) ? after.actions : [];
  for (const f of fields.filter((x) => x.visible && form.missing !== undefined)) {
    const empty = (filler.get(after, f.pointer) ?? null) === null;
    if (!empty) continue;
    if (f.required === "to_close" && (f.row === null || f.row < rows.length)) absent.push(f.pointer);
    if (f.required === "now" && filler.group(f.pointer) !== "#" && f.row === null) absent.push(f.pointer);
  }
  if (rows.length === 0) absent.push("#/actions");
  return absent.sort();
}

const is = (stage, final) => stage === final || String(stage).startsWith(final + ".");
const isFinal = (form, stage) => Object.keys(form.can_close).some((final) => is(stage, final));
const stageOf = (form) => filler.fieldsOf(form).find((f) => f.field === "closure.stage");

/* One state: the form of an opportunity, and what the write says to bodies made from it. */
async function check(r, form, all) {
  const visible = filler.fieldsOf(form).filter((f) => f.visible), choices = visible.filter((f) => f.type === "choice");

  /* 1. What it shows may be saved again, what it offers may be saved. */
  const kept = filler.stored(form);
  let answer = await send(form, kept);
  assert.equal(answer.status, 200, told("stored", form, kept, answer));
  const body = filler.fill(r, form);
  answer = await send(form, body);
  const stage = filler.get(body, stageOf(form).pointer);
  const missing = stage !== undefined && isFinal(form, stage) ? missingAfter(form, body) : [];
  if (Object.keys(body).length > 0) {
    assert.equal(answer.status, missing.length > 0 ? 422 : 200, told("offered", form, body, answer));
    if (missing.length > 0) {
      assert.deepEqual(pointers(answer).sort(), missing, told("missing", form, body, answer));
      assert.ok(answer.json.errors.every((e) => e.code === "missing"));
    }
  }

  /* 2. A code that it leaves out is refused, at its pointer. */
  const choice = r.pick(choices), offered = new Set(filler.codesOf(choice.options));
  const left = [...(all[choice.catalog] || []), "no-hay", `${r.pick([...offered])}.no-hay`].filter((code) => !offered.has(code));
  const wrong = filler.set(structuredClone(kept), choice.pointer, r.pick(left));
  for (const f of visible) if (f.required === "now" && (filler.get(wrong, f.pointer) ?? null) === null && wrong[f.pointer.split("/")[1]] !== undefined)
    filler.set(wrong, f.pointer, filler.valueFor(r, f));
  const leftOut = filler.get(wrong, choice.pointer);
  if (!offered.has(leftOut)) {
    answer = await send(form, wrong);
    assert.deepEqual(pointers(answer), [choice.pointer], told(`left out ${choice.field}`, form, wrong, answer));
  }

  /* 3. What is required now is refused when it is empty. */
  const now = r.pick(visible.filter((f) => f.required === "now"));
  const empty = structuredClone(kept);
  for (const f of visible)
    if (f !== now && filler.group(f.pointer) === filler.group(now.pointer) && filler.group(f.pointer) !== "#" && f.required === "now") filler.set(empty, f.pointer, filler.valueFor(r, f));
  filler.set(empty, now.pointer, null);
  answer = await send(form, empty);
  assert.deepEqual(pointers(answer), [now.pointer], told(`required ${now.field}`, form, empty, answer));
  if (filler.group(now.pointer) !== "#") {
    answer = await send(form, filler.unset(empty, now.pointer));
    assert.deepEqual(pointers(answer), [now.pointer], told(`required ${now.field} left out`, form, empty, answer));
    if (answer.json) assert.equal(answer.json.errors[0].field, now.field);
  }

  /* 4. What is not required may be left out. */
  const free = visible.filter((f) => f.required !== "now");
  if (free.length > 0) {
    const less = filler.unset(structuredClone(kept), r.pick(free).pointer);
    for (const key of Object.keys(less)) if (!Array.isArray(less[key]) && typeof less[key] === "object" && Object.keys(less[key]).length === 0) delete less[key];
    answer = await send(form, less);
    assert.equal(answer.status, 200, told("not required", form, less, answer));
  }

  /* 5. What it hides is refused, at the pointer it gives. */
  const hidden = r.pick(filler.fieldsOf(form).filter((f) => !f.visible));
  const more = hidden.pointer === "#" ? [] : filler.set(structuredClone(kept), hidden.pointer, hidden.type === "choice" ? r.pick(all[hidden.catalog]) : { x: 1 });
  if (hidden.pointer.split("/")[1] === "competitor_offer") more.competitor_offer.phone_to_manage ??= "944264648";
  answer = await send(form, more);
  assert.deepEqual(pointers(answer), [hidden.pointer], told(`hidden ${hidden.field}`, form, more, answer));

  /* 6. can_close and missing. */
  for (const [final, can] of Object.entries(form.can_close)) {
    const under = filler.codesOf(stageOf(form).options).filter((code) => is(code, final));
    const close = filler.set(structuredClone(kept), stageOf(form).pointer, under.length > 0 ? r.pick(under) : final);
    answer = await send(form, close);
    assert.equal(answer.status, can ? 200 : 422, told(`can_close ${final} ${can}`, form, close, answer));
    if (!can && form.missing.length > 0) assert.deepEqual([...new Set(answer.json.errors.map((e) => e.field))], form.missing, told("missing", form, close, answer));
  }
}

test(`form_get: what it offers is accepted, what it leaves out or hides is refused, in ${states.toLocaleString("en-US")} generated states`, async () => {
  const r = filler.random(seed);
  const lanes = await Promise.all(Array.from({ length: LANES }, async (_, n) => {
    const records = [];
    for (let i = 0; i < 6; i++) records.push((await lib.opened(ana)).opportunity.id);
    return { r: filler.random(seed + 1 + n), records };
  }));
  let done = 0;
  for (let all = codes(); done < states; all = codes()) {
    await Promise.all(lanes.map(async (lane) => {
      for (let i = 0; i < EACH_CATALOGUE / LANES; i++, done++) {
        const query = `opportunity_id=${lane.r.pick(lane.records)}${lane.r.chance(0.2) ? "&options=codes" : ""}`;
        let form = await formOf(query);
        /* The next state: some of what the form offers, in a stage that ends nothing. */
        const body = filler.fill(lane.r, form, lane.r.pick([0.1, 0.5, 0.9]));
        if (lane.r.chance(0.15)) body.actions = [];
        else if (body.actions && lane.r.chance(0.4)) body.actions = [...body.actions, ...body.actions].slice(0, 4);
        if (body.closure) body.closure.stage = "en-proceso";
        if (Object.keys(body).length > 0) {
          const saved = await ana.put(form.write.href, body, { "if-match": form.write.if_match });
          assert.equal(saved.status, 200, told("next state", form, body, saved));
          form = await formOf(query);
        }
        await check(lane.r, form, all);
      }
    }));
    await change(r);
  }
});

/* A document number that fits its type: the one thing that the form does not say in full, for it has a check digit. */
const numbers = { dni: "45678912", ruc: "20100070970", ce: "001234567", pasaporte: "AB123456" };

test("form_get: of a client, of a contact and of a new client too, in 200 generated states", async () => {
  const r = filler.random(seed + 99), { client, contact: used } = await lib.opened(ana);
  const contact = (await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact())).json;
  assert.ok(used);
  for (let i = 0; i < 200; i++) {
    const form = await formOf(["", `client_id=${client.id}`, `contact_id=${contact.id}`][i % 3]);
    const visible = filler.fieldsOf(form).filter((f) => f.visible), hidden = filler.fieldsOf(form).filter((f) => !f.visible);
    const body = filler.fill(r, form, r.pick([0, 0.3, 0.7, 1]), true);
    if (body.client) body.client.document_number = numbers[body.client.document_type];
    if (body.closure && isFinal(form, body.closure.stage)) body.closure.stage = "en-proceso";
    let answer = await send(form, body);
    assert.equal(answer.status, 200, told("offered", form, body, answer));

    const now = r.pick(visible.filter((f) => f.required === "now" && filler.get(body, f.pointer) !== undefined && !f.pointer.endsWith("/client_id")));
    const less = filler.unset(structuredClone(body), now.pointer);
    answer = await send(form, less);
    assert.ok(pointers(answer).includes(now.pointer), told(`required ${now.field}`, form, less, answer));

    if (hidden.length > 0) {
      const f = r.pick(hidden);
      const more = f.pointer === "#" ? { ...body, client: lib.newClient() } : filler.set(structuredClone(body), f.pointer, {});
      answer = await send(form, more);
      assert.deepEqual(pointers(answer), [f.pointer], told(`hidden ${f.field}`, form, more, answer));
    }

    /* What a final stage would miss, had it nothing but what this write needs. */
    if (form.write.operation === "typification_create") {
      const { actions, competitor_offer, ...close } = filler.fill(r, form, 0, true);
      assert.ok(actions && competitor_offer);
      if (close.client) close.client.document_number = numbers[close.client.document_type];
      const final = r.pick(Object.keys(form.can_close));
      close.closure = { stage: r.pick(filler.codesOf(stageOf(form).options).filter((code) => is(code, final))) };
      answer = await send(form, close);
      assert.deepEqual(answer.json.errors.map((e) => e.field), form.missing, told("missing", form, close, answer));
    }
  }
});
