"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana, bea;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  bea = await world.signedIn("E8123497");
});
after(() => world.end());

/* --------------------------------------------------------- records to list */

const ids = (r) => {
  assert.equal(r.status, 200, r.text);
  return r.json.items.map((item) => item.id);
};
const numeric = (rows) => rows.split("\n").filter(Boolean);
const advisorId = (username) => world.database.sql(`select id from advisor where username = '${username}'`);
const newClientId = async () => (await ana.post("/v1/clients", lib.newClient())).json.id;
const quoted = (value) => (value === null || value === undefined ? "null" : `'${value}'`);

/*
 * opportunities(n, more) - inserts n opportunities into the table, like records of the old
 * application without contact and form, and returns their ids, newest first. The newest has
 * `createdAt`, or now, and each other one is `apart` older.
 */
function opportunities(n, { client, advisor = "E8153375", createdAt = null, apart = "1 minute", campaign = "consulta-previa-prepago",
  subCampaign = null, stage = "en-proceso", reason = null } = {}) {
  return numeric(world.database.sql(`
    insert into opportunity (client_id, advisor_id, created_at, updated_at, closed_at, campaign_id, campaign, sub_campaign_id, sub_campaign,
        stage_id, stage, reason_id, reason)
    select ${client}, a.id, t.at, t.at, case when '${stage}' <> 'en-proceso' then t.at end, ca.id, ca.choice, sc.id, sc.choice,
           st.id, st.choice, re.id, re.choice
      from (select coalesce(${quoted(createdAt)}::timestamptz, now()) - n * interval '${apart}' as at from generate_series(0, ${n} - 1) n) t,
           advisor a, choice('campaign', '${campaign}') ca, choice('sub_campaign', ${quoted(subCampaign)}) sc, choice('stage', '${stage}') st,
           choice('cancellation_reason', ${quoted(reason)}) re
     where a.username = '${advisor}' order by t.at desc
    returning id;`));
}

function contacts(n, client) {
  return numeric(world.database.sql(`
    insert into contact (client_id, advisor_id, origin_phone, serial_number, created_at)
    select ${client}, a.id, '944264648', '2505050000125674', now() - n * interval '1 minute'
      from generate_series(0, ${n} - 1) n, advisor a where a.username = 'E8153375' order by n returning id;`));
}

function clients(n, phone) {
  return numeric(world.database.sql(`
    insert into client (name, document_type_id, document_type, document_number, phone, created_at)
    select 'CLIENTE ' || n, t.id, t.choice, k.many + n, '${phone}', now() - n * interval '1 minute'
      from generate_series(0, ${n} - 1) n, choice('document_type', 'dni') t,
        (select 30000000 + count(*) as many from client) k order by n returning id;`));
}

/* New advisors without records, so that a list by advisor shows the records of one test. */
let nextAdvisor = 8700000;
function newAdvisor() {
  const username = `E${nextAdvisor++}`;
  world.database.sql(`insert into advisor (username, full_name, role, password_hash)
    values ('${username}', 'ASESOR ${username}', 'advisor', 'x');`);
  return username;
}

const at = (where, query) => where + (where.includes("?") ? "&" : "?") + query;
const linked = (r) => {
  const m = /^<([^>]+)>; rel="next"$/.exec(r.headers.link);
  assert.ok(m, `Link: ${r.headers.link}`);
  const u = new URL(m[1], world.base);
  assert.equal(u.origin, world.base);
  return u.pathname + u.search;
};

/* follow(where) - all pages from there to the end, by their Link. */
async function follow(where, between = async () => {}) {
  const pages = [];
  for (let next = where; next; ) {
    const r = await ana.get(next);
    pages.push(ids(r));
    assert.ok(pages.length < 200, "it does not end");
    if (r.json.next === null) {
      assert.equal(r.headers.link, undefined);
      break;
    }
    next = linked(r);
    assert.equal(new URL(next, world.base).searchParams.get("cursor"), r.json.next);
    await between();
  }
  return pages;
}

/*
 * For every list: its path; 37 new items in the expected order; a function
 * that adds one more; and another list of the same operation.
 */
let nextPhone = 911000000;
const lists = {
  client_search: () => {
    const phone = String(nextPhone++);
    return { where: `/v1/clients?phone=${phone}`, items: clients(37, phone), more: () => clients(1, phone),
      other: "/v1/clients?phone=944264648" };
  },
  client_opportunity_list: async () => {
    const client = await newClientId(), another = await newClientId();
    opportunities(3, { client: another });
    return { where: `/v1/clients/${client}/opportunities`, items: opportunities(37, { client }), more: () => opportunities(1, { client }),
      other: `/v1/clients/${another}/opportunities` };
  },
  contact_list: async () => {
    const client = await newClientId(), another = await newClientId();
    contacts(3, another);
    return { where: `/v1/clients/${client}/contacts`, items: contacts(37, client), more: () => contacts(1, client),
      other: `/v1/clients/${another}/contacts` };
  },
  opportunity_list: async () => {
    const client = await newClientId(), advisor = newAdvisor();
    return { where: `/v1/opportunities?advisor=${advisor}`, items: opportunities(37, { client, advisor }),
      more: () => opportunities(1, { client, advisor }),
      other: "/v1/opportunities?stage=en-proceso" };
  },
};

for (const [operation, make] of Object.entries(lists)) {
  test(`${operation}: 15 items per page, newest first; limit is 1 to 100`, async () => {
    const { where, items } = await make();
    const first = await ana.get(where);
    assert.deepEqual(ids(first), items.slice(0, 15));
    assert.equal(typeof first.json.next, "string");
    for (const limit of [1, 2, 36]) assert.deepEqual(ids(await ana.get(at(where, `limit=${limit}`))), items.slice(0, limit));
    for (const limit of [37, 38, 100]) {
      const r = await ana.get(at(where, `limit=${limit}`));
      assert.deepEqual(ids(r), items);
      assert.equal(r.json.next, null);
      assert.equal(r.headers.link, undefined);
    }
    for (const limit of ["0", "101", "-1", "x"])
      lib.faultAt(await ana.get(at(where, `limit=${limit}`)), "#/limit");
  });

  test(`${operation}: Link leads through all pages; each item comes once`, async () => {
    const { where, items } = await make();
    for (const [limit, sizes] of [["", [15, 15, 7]], ["limit=5", [5, 5, 5, 5, 5, 5, 5, 2]], ["limit=37", [37]], ["limit=36", [36, 1]]]) {
      const pages = await follow(limit ? at(where, limit) : where);
      assert.deepEqual(pages.map((p) => p.length), sizes);
      assert.deepEqual(pages.flat(), items);
    }
  });

  test(`${operation}: items added between pages neither repeat nor hide older ones`, async () => {
    const { where, items, more } = await make();
    const pages = await follow(at(where, "limit=8"), async () => more());
    assert.deepEqual(pages.flat(), items, "new items come before the first page");
    assert.equal(ids(await ana.get(at(where, "limit=100"))).length, 41);
  });

  test(`${operation}: an altered cursor is refused with 400`, async () => {
    const { where } = await make();
    const { next } = (await ana.get(where)).json;
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const bad = new Set(["A", next.slice(1), next.slice(0, -1), next + "A", next + "AA", next + "AAA", next + "=", next + "%00",
      next.toLowerCase(), `${next.slice(0, 9)} ${next.slice(9)}`, "x".repeat(200), "%F0%9F%98%80",
      [...next].reverse().join(""), next.slice(0, next.length / 2)]);
    for (let i = 0; i < next.length; i++) bad.add(next.slice(0, i) + digits[(digits.indexOf(next[i]) + 1) % 64] + next.slice(i + 1));
    for (const d of digits) bad.add(next.slice(0, -1) + d);
    bad.delete(next);
    for (const cursor of bad) {
      const r = await ana.get(at(where, `cursor=${cursor.replace(/ /g, "%20").replace(/=/g, "%3D")}`));
      assert.equal(r.status, 400, `${cursor} instead of ${next}: ${r.status}`);
    }
    for (const absent of ["", "%20"]) assert.equal((await ana.get(at(where, `cursor=${absent}`))).json.next, next);
    assert.equal((await ana.get(at(where, `cursor=${next}`))).status, 200);
  });

  test(`${operation}: a cursor is valid only for its own list, with any limit and for any advisor`, async () => {
    const { where, other, items } = await make();
    const { next } = (await ana.get(where)).json;
    assert.equal((await ana.get(at(other, `cursor=${next}`))).json.code, "cursor_invalid");
    for (const elsewhere of Object.keys(lists).filter((o) => o !== operation)) {
      const list = await lists[elsewhere]();
      const r = await ana.get(at(list.where, `cursor=${next}`));
      assert.equal(r.json.code, "cursor_invalid", `${elsewhere}: ${r.status}`);
    }
    if (operation === "opportunity_list") {
      for (const filter of ["stage=en-proceso", "created_from=2000-01-01", "campaign=consulta-previa-prepago"])
        assert.equal((await ana.get(at(where, `${filter}&cursor=${next}`))).status, 400);
      assert.equal((await ana.get(`/v1/opportunities?cursor=${next}`)).status, 400);
    }
    assert.deepEqual(ids(await ana.get(at(where, `limit=3&cursor=${next}`))), items.slice(15, 18));
    assert.deepEqual(ids(await bea.get(at(where, `cursor=${next}`))), items.slice(15, 30));
  });
}

test("opportunity_list: items with the same created_at come once each", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const items = opportunities(10, { client, advisor, apart: "0", createdAt: "2024-01-01T12:00:00.123456Z" });
  opportunities(2, { client, advisor, createdAt: "2024-01-01T12:00:00.123457Z", apart: "2 microseconds" });
  const pages = await follow(`/v1/opportunities?advisor=${advisor}&limit=3`);
  assert.deepEqual(pages.map((p) => p.length), [3, 3, 3, 3]);
  assert.equal(new Set(pages.flat()).size, 12);
  const same = pages.flat().filter((id) => items.includes(id));
  assert.deepEqual(same, [...items].sort((a, b) => Number(b) - Number(a)));
});

test("opportunity_list: the next page works even if the last item of the page before was removed", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const items = opportunities(6, { client, advisor });
  const { next } = (await ana.get(`/v1/opportunities?advisor=${advisor}&limit=3`)).json;
  world.database.sql(`delete from opportunity where id = ${items[2]}`);
  assert.deepEqual(ids(await ana.get(`/v1/opportunities?advisor=${advisor}&cursor=${next}`)), items.slice(3));
});

/* -------------------------------------------------------------------- filters */

test("opportunity_list: filters by advisor, given by id or by username in any case", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const items = opportunities(4, { client, advisor });
  for (const written of [advisor, advisor.toLowerCase(), advisorId(advisor)]) {
    const r = await ana.get(`/v1/opportunities?advisor=${written}`);
    assert.deepEqual(ids(r), items);
    assert.ok(r.json.items.every((o) => o.advisor.username === advisor && o.advisor.id === advisorId(advisor)));
  }
  for (const nobody of ["E0000000", "999999999", "9223372036854775807"])
    assert.equal(lib.faultAt(await ana.get(`/v1/opportunities?advisor=${nobody}`), "#/advisor").code, "not_found");
  for (const bad of ["0", "-1", "1e3", "a_b", "-crm", "a.b", "c".repeat(41)])
    lib.faultAt(await ana.get(`/v1/opportunities?advisor=${bad}`), "#/advisor");
});

test("opportunity_list: filters by stage, campaign and sub campaign, alone and combined", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const common = { client, advisor };
  const [open] = opportunities(1, { ...common, createdAt: "2024-05-05T12:00:00Z", subCampaign: "entel" });
  const [kept] = opportunities(1, { ...common, createdAt: "2024-05-04T12:00:00Z", stage: "retenido",
    campaign: "retencion-movil-preventiva-postpago" });
  const [lost] = opportunities(1, { ...common, createdAt: "2024-05-03T12:00:00Z", stage: "no-retenido", subCampaign: "entel" });
  for (const [query, expected] of [
    ["", [open, kept, lost]],
    ["stage=en-proceso", [open]], ["stage=retenido", [kept]], ["stage=no-retenido", [lost]],
    ["campaign=consulta-previa-prepago", [open, lost]], ["campaign=retencion-movil-preventiva-postpago", [kept]],
    ["sub_campaign=entel", [open, lost]],
    ["sub_campaign=entel&stage=no-retenido", [lost]], ["sub_campaign=entel&stage=retenido", []],
    ["campaign=consulta-previa-prepago&stage=no-retenido&sub_campaign=entel&created_from=2024-05-03&created_to=2024-05-03", [lost]],
    ["created_from=2024-05-04", [open, kept]], ["created_to=2024-05-04", [kept, lost]],
  ])
    assert.deepEqual(ids(await ana.get(`/v1/opportunities?advisor=${advisor}&${query}`)), expected, query);
  const reversed = await ana.get("/v1/opportunities?created_from=2024-05-05&created_to=2024-05-03");
  assert.equal(lib.faultAt(reversed, "#/created_to").code, "range_reversed");
});

test("opportunity_list: a reason of any level selects everything below it, and nothing else", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const coverage = "problema-con-el-uso-del-servicio.problema-de-cobertura";
  const reasons = [lib.reason, `${coverage}.internet-llamadas.sin-senal-indoor.escalado-por-celdas-at`,
    `${coverage}.internet.sin-senal-indoor.no-escalado-por-celdas-at`,
    `${coverage}.internet.sin-senal-outdoor.escalado-por-celdas-at`, "problema-con-el-uso-del-servicio.mi-equipo-esta-fallando",
    "precio-y-contenido.contenido-prepago.bono-prepago-no-entregado", "precio-y-contenido.contenido-prepago.bono-prepago-no-entregado-2",
    "precio-y-contenido.evaluaciones-crediticias.sin-facilidades-para-migrar-a-postpago",
    "precio-y-contenido.evaluaciones-crediticias.sin-facilidades-para-migrar-a-postpago-con-equipo", null];
  const of = new Map(reasons.map((reason, i) => [reason, opportunities(1, { client, advisor, reason,
    createdAt: `2024-06-${20 - i}T12:00:00Z` })[0]]));
  const asked = new Set(reasons.filter(Boolean).flatMap((reason) => reason.split(".").map((_, i, all) => all.slice(0, i + 1).join("."))));
  assert.equal(Math.max(...[...asked].map((c) => c.split(".").length)), 5);
  for (const code of asked) {
    const r = await ana.get(`/v1/opportunities?advisor=${advisor}&reason=${code}`);
    assert.deepEqual(ids(r), reasons.filter((reason) => reason && (reason + ".").startsWith(code + ".")).map((reason) => of.get(reason)), code);
    for (const o of r.json.items) assert.ok(o.diagnosis.reason.levels.some((level) => level.code === code));
  }
});

test("opportunity_list: an unknown code is 422; the fault names the level and the legal codes", async () => {
  for (const name of ["stage", "campaign", "sub_campaign", "reason"]) {
    const catalog = (await ana.get(`/v1/catalogs/${name === "reason" ? "cancellation_reason" : name}`)).json;
    const top = catalog.items.map((item) => item.code);
    for (const code of ["nope", "RETENIDO", "%25", ".", top[0] + "."]) {
      const fault = lib.faultAt(await ana.get(`/v1/opportunities?${name}=${code}`), `#/${name}`);
      if (code === "nope") assert.deepEqual(fault.allowed, top);
    }
  }
  const tree = (await ana.get("/v1/catalogs/cancellation_reason")).json;
  const price = tree.items.find((item) => item.code === "precio-y-contenido");
  const fault = lib.faultAt(await ana.get("/v1/opportunities?reason=precio-y-contenido.nope"), "#/reason");
  assert.equal(fault.level, 2);
  assert.deepEqual(fault.allowed, price.items.map((item) => item.code));
  const both = await ana.get("/v1/opportunities?reason=nope&stage=nope&limit=0&created_from=x");
  assert.deepEqual(both.json.errors.map((e) => e.pointer).sort(), ["#/created_from", "#/limit", "#/reason", "#/stage"]);
});

test("opportunity_list: days are counted in America/Lima", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const insert = (createdAt) => opportunities(1, { client, advisor, createdAt })[0];
  const after = insert("2024-03-11T05:00:00.000000Z");
  const last = insert("2024-03-11T04:59:59.999999Z");
  const first = insert("2024-03-10T05:00:00.000000Z");
  const yesterday = insert("2024-03-10T04:59:59.999999Z");
  for (const [query, expected] of [
    ["created_from=2024-03-10&created_to=2024-03-10", [last, first]],
    ["created_from=2024-03-10", [after, last, first]],
    ["created_to=2024-03-10", [last, first, yesterday]],
    ["created_from=2024-03-11", [after]],
    ["created_to=2024-03-09", [yesterday]],
    ["created_from=2024-03-09&created_to=2024-03-11", [after, last, first, yesterday]],
    ["created_from=1900-01-01&created_to=2999-12-31", [after, last, first, yesterday]],
  ])
    assert.deepEqual(ids(await ana.get(`/v1/opportunities?advisor=${advisor}&${query}`)), expected, query);
  for (const bad of ["2024-02-30", "2023-02-29", "2024-3-10", "10/03/2024", "2024-03-10T00:00:00Z", "today", "0000-01-01", "2024-13-01"])
    lib.faultAt(await ana.get(`/v1/opportunities?created_from=${bad}`), "#/created_from");
});

test("opportunity_list: the link to the next page keeps the filters", async () => {
  const client = await newClientId(), advisor = newAdvisor();
  const items = opportunities(9, { client, advisor, createdAt: "2024-07-01T12:00:00Z", reason: lib.reason });
  opportunities(9, { client, advisor, createdAt: "2024-07-01T12:00:30Z" });
  const query = `reason=problema-con-el-uso-del-servicio&created_from=2024-07-01&created_to=2024-07-01&stage=en-proceso` +
    `&advisor=${advisor.toLowerCase()}&limit=4`;
  assert.deepEqual((await follow(`/v1/opportunities?${query}`)).flat(), items);
});

test("client_opportunity_list: the manual's client has one opportunity, a new client none", async () => {
  const found = (await ana.get("/v1/clients?document_number=20467534026&document_type=ruc")).json.items[0];
  const r = await ana.get(`/v1/clients/${found.id}/opportunities`);
  assert.deepEqual(ids(r), ["905630"]);
  const [o] = r.json.items;
  assert.equal(o.campaign.label, "RETENCIÓN MÓVIL PREVENTIVA POSTPAGO");
  assert.equal(o.stage.label, "RETENIDO");
  assert.equal(o.created_at, "2025-05-03T05:00:00.000000Z");
  assert.deepEqual({ ...o.advisor, id: "" }, { id: "", username: null, full_name: "HERMOZA HILDA ANTONIA" });
  assert.equal(o.contact_id, null);
  assert.deepEqual(lib.listed(await ana.get("/v1/opportunities/905630")), o);
  assert.deepEqual((await ana.get(`/v1/clients/${await newClientId()}/opportunities`)).json, { items: [], next: null });
});

/* -------------------------------------------------------------- client_search */

test("client_search: every spelling of a phone finds the client", async () => {
  const { id } = (await ana.get("/v1/clients?document_number=20467534026")).json.items[0];
  for (const written of ["944264648", "%2B51944264648", "%2B51%20944%20264%20648", "51944264648", "51%20944264648",
    "944%20264%20648", "944+264+648", "+51944264648",
    "%20944264648%20", "%2B%205%201%209%204%204%202%206%204%206%204%208"])
    assert.deepEqual(ids(await ana.get(`/v1/clients?phone=${written}`)), [id], written);
  for (const bad of ["94426464", "9442646480", "844264648", "00944264648", "%2B52944264648", "944_264_648", "nope",
    "%D9%A9%D9%A4%D9%A4%D9%A2%D9%A6%D9%A4%D9%A6%D9%A4%D9%A8"])
    assert.equal(lib.faultAt(await ana.get(`/v1/clients?phone=${bad}`), "#/phone").code, "pattern", bad);
});

test("client_search: finds by the client's current phone and lines, each client once", async () => {
  const lines = ["933000001", "+51 933 000 002", "933000003", "933000001"];
  const { id } = (await ana.post("/v1/clients", lib.newClient({ phone: "933000001", sales: { lines } }))).json;
  for (const phone of ["933000001", "933000002", "933000003"]) assert.deepEqual(ids(await ana.get(`/v1/clients?phone=${phone}`)), [id]);
  const second = (await ana.post("/v1/clients", lib.newClient({ sales: { lines: ["933000002"] } }))).json.id;
  assert.deepEqual(ids(await ana.get("/v1/clients?phone=933000002")), [second, id], "a line of two clients finds both");
  assert.equal((await ana.patch(`/v1/clients/${id}`, { sales: { lines: ["933000004"] } })).status, 200);
  assert.deepEqual(ids(await ana.get("/v1/clients?phone=933000001")), [id]);
  assert.deepEqual(ids(await ana.get("/v1/clients?phone=933000002")), [second]);
  assert.deepEqual(ids(await ana.get("/v1/clients?phone=933000003")), []);
  assert.deepEqual(ids(await ana.get("/v1/clients?phone=933000004")), [id]);
  assert.equal((await ana.patch(`/v1/clients/${id}`, { phone: null, sales: null })).status, 200);
  for (const phone of ["933000001", "933000004"]) assert.deepEqual(ids(await ana.get(`/v1/clients?phone=${phone}`)), []);
});

test("client_search: finds by document number, with and without its type, in any case", async () => {
  const ce = (await ana.post("/v1/clients", lib.newClient({ document_type: "ce", document_number: "AB12345" }))).json.id;
  const passport = (await ana.post("/v1/clients", lib.newClient({ document_type: "pasaporte", document_number: "ab12345" }))).json.id;
  assert.deepEqual(ids(await ana.get("/v1/clients?document_number=AB12345")), [passport, ce]);
  assert.deepEqual(ids(await ana.get("/v1/clients?document_number=ab12345")), [passport, ce]);
  assert.deepEqual(ids(await ana.get("/v1/clients?document_number=AB12345&document_type=ce")), [ce]);
  assert.deepEqual(ids(await ana.get("/v1/clients?document_type=pasaporte&document_number=aB12345")), [passport]);
  lib.faultAt(await ana.get("/v1/clients?document_number=AB12345&document_type=dni"), "#/document_number");
  assert.deepEqual(ids(await ana.get("/v1/clients?document_number=AB12346&document_type=ce")), []);
  const fault = lib.faultAt(await ana.get("/v1/clients?document_number=AB12345&document_type=nope"), "#/document_type");
  assert.deepEqual(fault.allowed, ["dni", "ce", "ruc", "pasaporte"]);
  for (const bad of ["1234_5678", "-", "%C3%91", "1".repeat(21)])
    lib.faultAt(await ana.get(`/v1/clients?document_number=${bad}`), "#/document_number");
});

test("client_search: needs exactly one of phone and document_number", async () => {
  for (const query of ["", "?limit=5", "?phone=944264648&document_number=20467534026"]) {
    const r = await ana.get(`/v1/clients${query}`);
    assert.equal(r.status, 422, query);
    assert.ok(r.json.errors.some((e) => e.code === "one_of"));
  }
  for (const query of ["?document_type=ruc",
    "?phone=944264648&document_type=ruc"]) assert.equal((await ana.get(`/v1/clients${query}`)).status, 422, query);
});

test("client_search: no match gives an empty list", async () => {
  for (const query of ["phone=999999999", "document_number=00000000", "document_number=00000000&document_type=dni"]) {
    const r = await ana.get(`/v1/clients?${query}`);
    assert.deepEqual(r.json, { items: [], next: null });
    assert.equal(r.headers.link, undefined);
  }
});

/* ---------------------------------------------------------------- action_list */

test("action_list: rows in the order they were added, 15 per page", async () => {
  const { at: where } = await lib.opened(ana);
  const plans = ["bono-gb.bono-4-gb-por-12-meses", "migracion-prepagado-prepago"];
  const items = [];
  for (let i = 0; i < 20; i++) items.push((await ana.post(`${where}/actions`, { action: plans[i % 2] })).json.id);
  const first = await ana.get(`${where}/actions`);
  assert.deepEqual(ids(first), items.slice(0, 15));
  assert.deepEqual(await follow(`${where}/actions`), [items.slice(0, 15), items.slice(15)]);
  assert.deepEqual((await follow(`${where}/actions?limit=1`)).flat(), items);
  assert.deepEqual((await follow(`${where}/actions?limit=6`)).map((p) => p.length), [6, 6, 6, 2]);
  const whole = await ana.get(`${where}/actions?limit=20`);
  assert.deepEqual(ids(whole), items);
  assert.equal(whole.json.next, null);
  assert.deepEqual((await ana.get(where)).json.actions, whole.json.items.map(({ etag, ...item }) => item));
  for (const item of whole.json.items) assert.deepEqual(item, lib.listed(await ana.get(`${where}/actions/${item.id}`)));
  /* Remove one row before and one after the beginning of the next page. */
  const page = (await ana.get(`${where}/actions?limit=6`)).json;
  for (const i of [2, 5, 7]) assert.equal((await ana.delete(`${where}/actions/${items[i]}`)).status, 204);
  assert.deepEqual(ids(await ana.get(`${where}/actions?limit=3&cursor=${page.next}`)), [items[6], items[8], items[9]]);
});

test("action_list: a cursor is valid only for its own opportunity", async () => {
  const [a, b] = [await lib.opened(ana), await lib.opened(ana)];
  for (const o of [a, b]) for (let i = 0; i < 3; i++) await ana.post(`${o.at}/actions`, { action: "migracion-prepagado-prepago" });
  const { next } = (await ana.get(`${a.at}/actions?limit=1`)).json;
  assert.equal((await ana.get(`${b.at}/actions?cursor=${next}`)).json.code, "cursor_invalid");
  assert.equal((await ana.get(`/v1/opportunities?cursor=${next}`)).json.code, "cursor_invalid");
  for (const tail of ["A", "AA", "AAA", "x"])
    assert.equal((await ana.get(`${a.at}/actions?cursor=${next}${tail}`)).status, 400, `${next} and ${tail}`);
  assert.equal((await ana.get(`${a.at}/actions?cursor=${next}`)).json.items.length, 2);
});

test("catalog_list: all catalogues on one page", async () => {
  const r = await ana.get("/v1/catalogs");
  assert.equal(r.json.next, null);
  assert.equal(r.headers.link, undefined);
  assert.equal(r.json.items.length, 12);
});
