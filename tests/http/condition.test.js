"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { openapi, operations } = require("./coverage.js");
const { writes, writeNames, send, fingerprint, hold, until, waiting, row } = require("./writes.js");

let world, ana, bea, boss, make;
before(async () => {
  /* Two writes must be able to wait for one lock even on a slow machine: 4 s, a fifth of the query timeout. */
  world = await lib.world({ env: { GESTOR_QUERY_TIMEOUT_MS: "20000" } });
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
  boss = await world.signedIn("E8000001");
  make = writes(world, { ana, boss });
});
after(() => world.end());

const strong = /^"[0-9a-f.-]{1,101}"$/;
const tagOf = async (where) => {
  const r = await (where.startsWith("/v1/webhooks") ? await world.signedIn("E8000002") : ana).get(where);
  assert.equal(r.status, 200, r.text);
  assert.match(r.headers.etag, strong);
  return r.headers.etag;
};
const unbound = ["session_create", "session_refresh", "session_delete", "client_create", "contact_create", "opportunity_create", "typification_create", "catalog_item_create", "catalog_plan_create", "catalog_plan_apply",
  "webhook_create", "webhook_test", "delivery_repeat", "delivery_repeat_all", "client_consent_create", "advisor_handover"];
/* What follows a success of the same request that named the state before; 412 where nothing else does. */
const afterwards = { client_merge: 409, client_merge_undo: 409, opportunity_reopen: 409, typification_put: 409, contact_void: 409, opportunity_void: 409, opportunity_transfer: 403, follow_up_delete: 404, webhook_secret_rotate: 200 };
const bound = writeNames(...unbound);
const malformed = ["abc", "\"abc", "abc\"", "W/abc", "w/\"abc\"", "\"a\" \"b\"", "\"a\";\"b\"", "\"a b\"", "*, \"a\"", "\"a\", *", "**", "W/*", "", ",", "W/"];

/* -------------------------------------------------------------- reading */

test("client_get, contact_get, opportunity_get, action_list, diagnosis_get, catalog_get, openapi_json: a strong tag that stays while nothing changes", async () => {
  const o = await lib.opened(ana);
  const { headers } = await ana.post(`${o.at}/actions`, row);
  const personal = [`/v1/clients/${o.client.id}`, `/v1/contacts/${o.contact.id}`, o.at, `${o.at}/actions`, `${o.at}/actions?limit=1`, headers.location, `${o.at}/diagnosis`,
    `${o.at}/competitor-offer`, `${o.at}/closure`];
  const common = { "/v1/catalogs": "private, no-cache", "/v1/catalogs/stage": "private, no-cache", "/v1/catalogs/cancellation_reason": "private, no-cache",
    "/openapi.json": "no-cache", "/openapi.yaml": "no-cache" };
  for (const where of [...personal, ...Object.keys(common)]) {
    const first = await ana.get(where), tag = await tagOf(where);
    assert.equal(first.headers.etag, tag, where);
    assert.equal((await boss.get(where)).headers.etag, tag, where);
    assert.equal(first.headers["cache-control"], common[where] || "no-store", where);
    for (const match of [tag, `W/${tag}`, `"x", ${tag}`, `${tag},"x"`, `"a,b" ,, W/"c",   ${tag}`, "*", " * "]) {
      for (const method of ["GET", "HEAD"]) {
        const r = await ana.request(method, where, undefined, { "if-none-match": match });
        assert.equal(r.status, 304, `${method} ${where} ${match}`);
        assert.equal(r.text, "");
        assert.equal(r.headers.etag, tag);
        assert.equal(r.headers["cache-control"], common[where] || "no-store");
        for (const name of ["content-type", "content-length", "transfer-encoding"]) assert.equal(r.headers[name], undefined, name);
      }
    }
    for (const other of ["\"0\"", `"${tag.slice(1, -1)}0"`, tag.toUpperCase().replace(/[^A-F"]/g, "0"), tag.replace(/"/g, ""), ...malformed]) {
      const r = await ana.get(where, { "if-none-match": other });
      assert.equal(r.status, 200, `${where} ${other}`);
      assert.equal(r.text, first.text);
      assert.equal(r.headers.etag, tag);
    }
  }
  assert.equal((await ana.get("/v1/clients/999999999", { "if-none-match": "*" })).status, 404);
  assert.equal((await world.anyone.get(o.at, { "if-none-match": "*" })).status, 401);
});

test("client_get: the connection stays open after a 304, and several If-None-Match lines are one list", async () => {
  const { client } = await lib.opened(ana);
  const where = `/v1/clients/${client.id}`, tag = await tagOf(where);
  const head = (lines) => `GET ${where} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ana.token}\r\n${lines}\r\n`;
  const r = await lib.raw(world.port, head(`If-None-Match: ${tag}\r\n`) + head(`If-None-Match: "a"\r\nIf-None-Match: ${tag}\r\n`) + head("If-None-Match: \"a\"\r\n")
    + head(`If-None-Match: W/${tag}\r\nConnection: close\r\n`), { quiet: 3000 });
  assert.deepEqual(lib.statuses(r.text), [304, 304, 200, 304]);
  assert.ok(r.closed);
});

test("client_get: tags are equal exactly when the bodies are equal", async () => {
  const { client } = await lib.opened(ana);
  const where = `/v1/clients/${client.id}`, seen = new Map();
  const note = (r) => {
    assert.match(r.headers.etag, strong);
    assert.equal(seen.has(r.headers.etag), [...seen.values()].includes(r.text), "equal tags, equal bodies");
    seen.set(r.headers.etag, r.text);
  };
  const today = new Date(Date.now() - 5 * 3600e3).toISOString().slice(0, 10);
  for (const birth of [`1990${today.slice(4)}`.replace("02-29", "03-01"), "1990-01-01", null, "1991-12-31"]) {
    for (const more of [{ gender: "F" }, { gender: "M" }, { name: "OTRO" }, { experience: { claro_points: undefined, expiring_points: 5 } }, { sales: { lines: ["987654321"] } }, {}]) {
      const r = await ana.patch(where, { birth_date: birth, ...more });
      assert.equal(r.status, 200, r.text);
      const get = await ana.get(where);
      assert.equal(get.text, r.text);
      assert.equal(get.headers.etag, r.headers.etag);
      note(get);
      note(await ana.get(where));
    }
  }
  assert.equal(seen.size, 24);
});

test("opportunity_get: every change changes its tag; a part's tag depends on that part alone, and returns when the part's old state returns", async () => {
  const { at, contact } = await lib.opened(ana);
  const parts = ["diagnosis", "competitor-offer", "closure", "actions"];
  const tags = async () => Object.fromEntries(await Promise.all(parts.map(async (p) => [p, await tagOf(`${at}/${p}`)])));
  const whole = new Set([await tagOf(at)]);
  const first = await tags(), contactTag = await tagOf(`/v1/contacts/${contact.id}`);
  const change = async (part, request) => {
    const was = await tags(), r = await request();
    assert.ok([200, 201, 204].includes(r.status), r.text);
    const now = await tags();
    for (const p of parts) (p === part ? assert.notEqual : assert.equal)(now[p], was[p], `${p} after a change of ${part}`);
    const tag = await tagOf(at);
    assert.ok(!whole.has(tag), `after a change of ${part}`);
    whole.add(tag);
    return r;
  };
  await change("diagnosis", () => ana.put(`${at}/diagnosis`, { reason: lib.reason }));
  await change("competitor-offer", () => ana.put(`${at}/competitor-offer`, lib.form().competitor_offer));
  await change("closure", () => ana.put(`${at}/closure`, { advertising_acceptance: "acepto", stage: "en-proceso" }));
  const made = await change("actions", () => ana.post(`${at}/actions`, row));
  await change("actions", () => ana.patch(made.headers.location, { final_state: "no-atendido" }));
  await change("actions", () => ana.delete(made.headers.location));
  assert.equal((await tags()).actions, first.actions);
  await change(null, () => ana.patch(at, { service: { current_plan: "OTRO" } }));
  await change("diagnosis", () => ana.put(`${at}/typification`, { diagnosis: { reason: "precio-y-contenido.contenido-prepago.no-recibio-su-recarga" } }));
  const before = (await tags()).diagnosis;
  await change("diagnosis", () => ana.put(`${at}/diagnosis`, { reason: lib.reason }));
  await change("diagnosis", () => ana.put(`${at}/typification`, { diagnosis: { reason: "precio-y-contenido.contenido-prepago.no-recibio-su-recarga" } }));
  assert.equal((await tags()).diagnosis, before);
  assert.equal(await tagOf(`/v1/contacts/${contact.id}`), contactTag);
});

test("contact_get: the tag changes when the contact gets its opportunity", async () => {
  const client = (await ana.post("/v1/clients", lib.newClient())).json;
  const contact = await ana.post(`/v1/clients/${client.id}/contacts`, lib.newContact());
  assert.equal(await tagOf(contact.headers.location), contact.headers.etag);
  await ana.post("/v1/opportunities", { contact_id: contact.json.id, sub_campaign: "entel" });
  assert.notEqual(await tagOf(contact.headers.location), contact.headers.etag);
});

test("catalog_get, catalog_list: the tag changes with the items, and returns when the old items return; other catalogues keep theirs", async () => {
  const was = { list: await tagOf("/v1/catalogs"), operator: await tagOf("/v1/catalogs/operator"), stage: await tagOf("/v1/catalogs/stage") };
  world.database.sql("insert into catalog_item (catalog_id, label) select id, 'NUEVO' from catalog where code = 'operator'");
  await until("notified", async () => (await ana.get("/v1/catalogs/operator", { "if-none-match": was.operator })).status === 200);
  assert.notEqual(await tagOf("/v1/catalogs"), was.list);
  assert.equal(await tagOf("/v1/catalogs/stage"), was.stage);
  const now = await tagOf("/v1/catalogs/operator");
  world.database.sql("update catalog_item set active = false where code = 'nuevo'");
  await until("notified", async () => (await ana.get("/v1/catalogs/operator", { "if-none-match": now })).status === 200);
});

test("If-Match on a read: the current tag, a list that has it, and * are 200; any other tag is 412, a malformed one 400", async () => {
  const o = await lib.opened(ana);
  for (const where of [`/v1/clients/${o.client.id}`, `/v1/contacts/${o.contact.id}`, o.at, `${o.at}/actions`, `${o.at}/diagnosis`, "/v1/catalogs", "/openapi.json"]) {
    const first = await ana.get(where), tag = first.headers.etag;
    for (const method of ["GET", "HEAD"]) {
      const ask = (match, more) => ana.request(method, where, undefined, { "if-match": match, ...more });
      for (const match of [tag, `"0", ${tag}`, `W/"0",${tag}`, "*"]) {
        const r = await ask(match);
        assert.equal(r.status, 200, `${method} ${where} ${match}`);
        assert.equal(r.headers.etag, tag);
        if (method === "GET") assert.equal(r.text, first.text);
      }
      for (const match of ["\"0\"", `W/${tag}`, `"${tag.slice(1, -1)}0"`, "\"\""]) {
        const r = await ask(match);
        assert.equal(r.status, 412, `${method} ${where} ${match}`);
        assert.equal(r.headers.etag, undefined);
        if (method === "GET") assert.equal(r.json.code, "precondition_failed");
      }
      for (const match of malformed) assert.equal((await ask(match)).status, 400, `${where} ${match}`);
      assert.equal((await ask("\"0\"", { "if-none-match": tag })).status, 412, "If-Match is evaluated before If-None-Match");
      assert.equal((await ask(tag, { "if-none-match": tag })).status, 304);
    }
  }
  assert.equal((await ana.get("/v1/clients/999999999", { "if-match": "\"0\"" })).status, 404, "a 404 stays a 404");
});

test("If-Match on a read without a tag: * is 200, any tag 412", async () => {
  const admin = await world.signedIn("E8000002"), o = await lib.opened(ana);
  const id = { client_id: o.client.id, contact_id: o.contact.id, opportunity_id: o.at.split("/").pop(), advisor_id: o.contact.advisor.id, catalog: "stage", code: "retenido", kind: "clients" };
  id.plan_id = (await admin.post("/v1/catalogs/stage/plans", { items: [] })).json.id;
  id.webhook_id = (await admin.post("/v1/webhooks", { url: "http://127.0.0.1:1025/hook", types: ["client.merged"] })).json.id;
  id.delivery_id = (await admin.post(`/v1/webhooks/${id.webhook_id}/test`)).json.id;
  id.import_id = (await admin.post("/v1/imports?kind=clients", Buffer.from("document_type,document_number,name\ndni,45678912,A\n"), { "content-type": "text/csv" })).json.id;
  await until("the import ends", async () => (await admin.get(`/v1/imports/${id.import_id}`)).json.state === "done");
  await ana.post(`${o.at}/actions`, row);
  await ana.put(`${o.at}/draft`, {});
  id.action_id = (await ana.get(`${o.at}/actions`)).json.items[0].id;
  for (const op of operations(openapi()).filter((x) => x.method === "GET")) {
    const where = op.path.replace(/\{(\w+)\}/g, (all, name) => id[name]) + ({ client_search: "?phone=944264648", report_retention: "?group_by=day" }[op.id] || "");
    /* A draft is for the opportunity's own advisor. */
    const who = op.id === "draft_get" ? ana : admin;
    const any = await who.get(where, { "if-match": "*" }), none = await who.get(where, { "if-match": "\"0\"" });
    assert.equal(any.status, 200, `${where}: ${any.text.slice(0, 300)}`);
    assert.deepEqual([none.status, none.json.code], [412, "precondition_failed"], where);
  }
});

test("If-Match with a weak tag: 412 says that a weak tag never matches", async () => {
  const o = await lib.opened(ana);
  const tag = await tagOf(o.at);
  for (const r of [await ana.patch(o.at, {}, { "if-match": `W/${tag}` }), await ana.get(o.at, { "if-match": `W/${tag}` }),
    await ana.patch(`/v1/clients/${o.client.id}`, {}, { "if-match": `W/"0", "1"` })]) {
    assert.equal(r.status, 412);
    assert.equal(r.json.code, "precondition_failed");
    assert.match(r.json.detail, /weak/);
  }
  assert.doesNotMatch((await ana.patch(o.at, {}, { "if-match": "\"0\"" })).json.detail, /weak/);
  assert.equal((await ana.patch(o.at, {}, { "if-match": `W/"0", ${tag}` })).status, 200);
});

/* -------------------------------------------------------------- writing */

for (const id of bound)
  test(`${id}: If-Match: the current tag, a list that has it, and * succeed; any other is 412 or 400 and changes nothing`, async () => {
    for (const header of [(t) => t, (t) => `"zz", W/"a", ${t}`, (t) => `${t} , "0"`, () => "*"]) {
      const rq = await make[id](), tag = await tagOf(rq.tagged);
      if (header(tag) === tag) {
        const whole = fingerprint(world.database);
        for (const wrong of ["\"0\"", "\"\"", `W/${tag}`, "\"0\", \"1\"", "\"no-es-nuestra,!*\"", "\"!*\"", `W/"0", W/${tag}`, `"${tag.slice(1, -1)}x"`, `"${"f".repeat(4000)}"`]) {
          const r = await send(rq, { "if-match": wrong });
          assert.equal(r.status, 412, `${wrong}: ${r.text}`);
          assert.equal(r.json.code, "precondition_failed");
        }
        for (const wrong of [...malformed, tag.slice(1, -1)]) {
          const r = await send(rq, { "if-match": wrong });
          assert.equal(r.status, 400, `${wrong}: ${r.text}`);
          assert.equal(r.json.code, "bad_request");
          assert.match(r.json.detail, /If-Match/);
        }
        for (const own of [tag, `W/${tag}`, `"0",${tag}`, "*"]) {
          const r = await send(rq, { "if-none-match": own });
          assert.equal(r.status, 412, `If-None-Match: ${own}: ${r.text}`);
        }
        assert.equal((await send(rq, { "if-none-match": "abc" })).status, 400);
        assert.equal(fingerprint(world.database), whole, "nothing was changed");
      }
      const r = await send(rq, { "if-match": header(tag) });
      assert.ok([200, 201, 204].includes(r.status), `${header(tag)}: ${r.text}`);
      if (id.endsWith("_delete") && id !== "follow_up_delete") {
        assert.equal(r.headers.etag, undefined);
        const left = await rq.as.get(rq.where);
        if (["action_delete", "webhook_delete"].includes(id)) assert.equal(left.status, 404);
        else assert.ok(Object.values(left.json).every((value) => value === null), left.text);
        continue;
      }
      const there = await rq.as.get(rq.creates ? r.headers.location : rq.shows || rq.tagged);
      assert.equal(r.headers.etag, there.headers.etag);
      /* A new secret is shown by its rotation alone. */
      if (id !== "webhook_secret_rotate") assert.equal(r.text, there.text);
      const again = await send(rq, { "if-match": tag });
      assert.equal(again.status, afterwards[id] || 412, "the tag is out of date now: " + again.text);
    }
  });

for (const id of bound.filter((x) => x !== "opportunity_reopen"))
  test(`${id}: If-None-Match with the tag of another state succeeds`, async () => {
    const rq = await make[id]();
    const r = await send(rq, { "if-none-match": "\"0\", W/\"1\"" });
    assert.ok([200, 201, 204].includes(r.status), r.text);
  });

for (const id of bound)
  test(`${id}: owner, existence and finished state are checked before If-Match`, async () => {
    const rq = await make[id](), right = await tagOf(rq.tagged);
    const gone = { where: rq.where.replace(/(clients|contacts|opportunities|webhooks)\/[0-9]+/, "$1/999999999").replace(/(catalogs)\/[a-z_]+/, "$1/no_hay") };
    for (const tag of [right, "\"0\""]) {
      const absent = await send(rq, { "if-match": tag }, gone);
      assert.equal(absent.status, 404, `${tag}: ${absent.text}`);
      if (id === "client_update") continue;
      const foreign = await send(rq, { "if-match": tag }, { as: bea });
      assert.equal(foreign.status, 403, `${tag}: ${foreign.text}`);
    }
    if (["client_update", "client_merge", "client_merge_undo"].includes(id) || id.startsWith("catalog_") || id.startsWith("webhook_")) return;
    if (id === "contact_update") {
      const o = await ana.post("/v1/opportunities", { contact_id: rq.where.match(/[0-9]+$/)[0], sub_campaign: "entel" });
      assert.equal((await ana.put(`${o.headers.location}/typification`, lib.form())).status, 200);
      for (const tag of [right, "\"0\"", "*", await tagOf(rq.tagged)]) assert.equal((await send(rq, { "if-match": tag })).json.code, "opportunity_finished", tag);
      return;
    }
    if (id === "contact_void") {
      assert.equal((await ana.post("/v1/opportunities", { contact_id: rq.where.match(/[0-9]+/g)[1], sub_campaign: "entel" })).status, 201);
      for (const tag of [right, "\"0\"", "*", await tagOf(rq.tagged)]) assert.equal((await send(rq, { "if-match": tag })).json.code, "contact_in_use", tag);
      return;
    }
    const opportunity = rq.where.match(/opportunities\/[0-9]+/)[0];
    if (id === "opportunity_reopen") assert.equal((await send(rq)).status, 200);
    else if (rq.tagged.includes("/actions/")) assert.equal((await ana.put(`/v1/${opportunity}/typification`, { ...lib.form(), actions: undefined })).status, 200);
    else assert.equal((await ana.put(`/v1/${opportunity}/typification`, lib.form())).status, 200);
    for (const tag of [right, "\"0\"", "*", await tagOf(rq.tagged)]) {
      const r = await send(rq, { "if-match": tag });
      assert.equal(r.status, 409, `${tag}: ${r.text}`);
    }
  });

for (const id of unbound)
  test(`${id}: the object has no tag, so If-Match is 412, or 400 if malformed; * and If-None-Match have no effect`, async () => {
    const rq = await make[id](), whole = fingerprint(world.database);
    for (const tag of ["\"0\"", "W/\"0\"", "\"a\", \"b\""]) assert.equal((await send(rq, { "if-match": tag })).json.code, "precondition_failed");
    for (const wrong of malformed) assert.equal((await send(rq, { "if-match": wrong })).status, 400, wrong);
    assert.equal(fingerprint(world.database), whole, "nothing was changed");
    const r = await send(rq, { "if-match": "*", "if-none-match": "*" });
    assert.ok((rq.later ? [202] : [200, 201, 204]).includes(r.status), r.text);
    if (rq.creates && id !== "session_create") {
      const there = await rq.as.get(r.headers.location);
      /* The list of entries has no tag. */
      if (id === "client_consent_create") {
        assert.deepEqual(there.json.items[0], r.json);
        return;
      }
      if (id === "webhook_test") {
        /* The first attempt to send it may have come between. */
        for (const member of ["id", "event_id", "type", "created_at"]) assert.equal(r.json[member], there.json[member], member);
        return;
      }
      assert.equal(r.headers.etag, there.headers.etag);
      /* The secret of a new webhook is shown once. */
      const { secret, ...shown } = r.json;
      assert.equal(secret !== undefined, id === "webhook_create");
      assert.equal(secret === undefined ? r.text : JSON.stringify(shown), there.text);
    }
  });

test("client_update: the body is checked before If-Match; an empty patch with the current tag succeeds", async () => {
  const rq = await make.client_update();
  assert.equal((await send(rq, { "if-match": "\"0\"" }, { body: { document_type: "nope" } })).status, 422);
  const tag = await tagOf(rq.tagged), r = await send(rq, { "if-match": tag }, { body: {} });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.headers.etag, await tagOf(rq.tagged));
});

/* ---------------------------------------------------------------- races */

/* By operation: two simultaneous requests that both carry the tag of the same state. */
const races = {
  client_update: async () => {
    const where = `/v1/clients/${(await ana.post("/v1/clients", lib.newClient())).json.id}`;
    return { tagged: where, write: (n, headers) => ana.patch(where, { name: `GANA ${n}` }, headers) };
  },
  contact_update: async () => {
    const { contact } = await lib.opened(ana), where = `/v1/contacts/${contact.id}`;
    return { tagged: where, write: (n, headers) => [ana, boss][n].patch(where, { ownership_check: { asked: 3, right: n } }, headers) };
  },
  diagnosis_put: async () => {
    const where = `${(await lib.opened(ana)).at}/diagnosis`;
    const reasons = [lib.reason, "precio-y-contenido.contenido-prepago.no-recibio-su-recarga"];
    return { tagged: where, write: (n, headers) => [ana, boss][n].put(where, { reason: reasons[n] }, headers) };
  },
  opportunity_update: async () => {
    const where = (await lib.opened(ana)).at;
    return { tagged: where, write: (n, headers) => [ana, boss][n].patch(where, { service: { current_plan: `GANA ${n}` } }, headers) };
  },
  typification_put: async () => {
    const where = (await lib.opened(ana)).at;
    return { tagged: where, write: (n, headers) => [ana, boss][n].put(`${where}/typification`, { service: { current_plan: `GANA ${n}` }, actions: Array(n + 1).fill(row) }, headers) };
  },
  action_create: async () => {
    const where = `${(await lib.opened(ana)).at}/actions`;
    return { tagged: where, write: (n, headers) => [ana, boss][n].post(where, row, headers) };
  },
};
for (const [id, begin] of Object.entries(races))
  test(`${id}: of two simultaneous requests with the same tag one succeeds and one is 412`, async () => {
    for (let round = 0; round < 12; round++) {
      const { tagged, write } = await begin();
      const tag = await tagOf(tagged);
      // In some rounds this test holds the lock, so that both requests surely wait for the row.
      const release = round >= 3 ? null
        : await hold(world.database, /clients|contacts/.test(tagged) ? `select from ${tagged.split("/")[2].slice(0, -1)} where id = ${tagged.match(/[0-9]+$/)[0]} for update`
          : `select from opportunity where id = ${tagged.match(/opportunities\/([0-9]+)/)[1]} for update`);
      const both = [0, 1].map((n) => write(n, { "if-match": tag }));
      if (release) {
        await until("both wait", () => waiting(world.database) === 2);
        await release();
      }
      const answers = await Promise.all(both), done = answers.filter((r) => r.status < 300), late = answers.filter((r) => r.status === 412);
      assert.deepEqual([done.length, late.length], [1, 1], answers.map((r) => r.text).join("\n"));
      const now = await ana.get(id === "action_create" ? done[0].headers.location : tagged);
      assert.equal(now.text, done[0].text);
      if (id === "action_create") assert.equal((await ana.get(tagged)).json.items.length, 1);
    }
  });

test("client_update: many clients that read, add one and write with If-Match lose no update", async () => {
  const where = `/v1/clients/${(await ana.post("/v1/clients", lib.newClient({ summary_360: { claro_points: 0 } }))).json.id}`;
  let refused = 0;
  await Promise.all([ana, bea, boss, ana].map(async (as) => {
    for (let done = 0; done < 10;) {
      const r = await as.get(where);
      const w = await as.patch(where, { summary_360: { claro_points: r.json.summary_360.claro_points + 1 } }, { "if-match": r.headers.etag });
      if (w.status === 200) done++;
      else { assert.equal(w.status, 412, w.text); refused++; }
    }
  }));
  assert.equal((await ana.get(where)).json.summary_360.claro_points, 40);
  assert.ok(refused > 0, "some requests collided");
});

test("client_update: the tag of a read equals the one that the database computes, whatever the text's length and letters", async () => {
  const where = `/v1/clients/${(await ana.post("/v1/clients", lib.newClient())).json.id}`;
  let tag = await tagOf(where);
  const letters = ["x", "Ñ", "😀", "\ue000", "\u0301", "\\", "\"", "\u20ac"];
  for (let n = 1; n <= 48; n++) {
    const r = await ana.patch(where, { name: `A${letters[n % letters.length].repeat(n)}.` }, { "if-match": tag });
    assert.equal(r.status, 200, r.text);
    assert.equal(r.headers.etag, await tagOf(where));
    tag = r.headers.etag;
  }
});

test("action_create, diagnosis_put, competitor_offer_put, closure_put, action_update: the opportunity's tag is accepted too, as long as it is current", async () => {
  const o = await lib.opened(ana), whole = async () => (await ana.get(o.at)).headers.etag;
  const row = (await ana.post(`${o.at}/actions`, { action: "bono-gb.bono-4-gb-por-12-meses" }, { "if-match": await whole() })).json;
  const writes = [["put", "diagnosis", { reason: lib.reason }], ["put", "competitor-offer", lib.form().competitor_offer],
    ["put", "closure", { advertising_acceptance: "acepto", stage: "en-proceso" }], ["patch", `actions/${row.id}`, { final_state: "atendido" }]];
  for (const [method, part, body] of writes) {
    const tag = await whole();
    assert.equal((await ana[method](`${o.at}/${part}`, body, { "if-match": tag })).status, 200, part);
    assert.equal((await ana[method](`${o.at}/${part}`, body, { "if-match": tag })).status, 412, `${part}: the opportunity has changed since`);
  }
  const etag = await whole();
  assert.equal((await ana.delete(`${o.at}/actions/${row.id}`, { "if-match": etag })).status, 204);
});

test("client_update, opportunity_update: an empty patch changes neither data nor tag", async () => {
  const o = await lib.opened(ana);
  for (const where of [o.at, `/v1/clients/${o.client.id}`]) {
    const { headers, text } = await ana.get(where);
    const r = await ana.patch(where, {}, { "if-match": headers.etag });
    assert.deepEqual([r.status, r.headers.etag, r.text], [200, headers.etag, text]);
  }
});

test("opportunity_update: updated_at is the time of the change, not of the start of waiting for the lock", async () => {
  const o = await lib.opened(ana);
  const release = await hold(world.database, `select 1 from opportunity where id = ${o.opportunity.id} for update`);
  const waits = ana.patch(o.at, { service: { current_plan: "A" } });
  await new Promise((done) => setTimeout(done, 300));
  const before = new Date();
  await release();
  assert.ok(new Date((await waits).json.updated_at) >= before);
});
