"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");

let world, ana;
before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
});
after(() => world.end());

const choice = (code, label, more) => ({ code, label, levels: [{ code, label }], ...more });
const pointers = (r) => {
  assert.equal(r.status, 422, r.text);
  return r.json.errors.map((e) => e.pointer).sort();
};
const made = async (body) => {
  const r = await ana.post("/v1/clients", body);
  assert.equal(r.status, 201, r.text);
  return r.json;
};
const read = async (id) => (await ana.get(`/v1/clients/${id}`)).json;

/* A client with every writable member. */
let numbers = 0;
const whole = (more = {}) => lib.newClient({
  name: "HERMOZA HILDA ANTONIA", external_id: `CRM-${++numbers}`, phone: "944264649", email: "hilda@ejemplo.pe", gender: "F", birth_date: "1980-12-31",
    legal_representative: "ÑAHUI QUISPE, JOSÉ",
  sales: { lines: ["944264649", "933111222"], plan: "PREPAGO CHÉVERE", activation_date: "2019-02-28" },
  summary_360: { trac_profile: "A1", observed: false, claro_points: 2147483647, segment: "MASIVO", mi_claro: true },
  experience: { expiring_points: 0, overdue_payment: "S/ 29.90", latam_partner: false },
  ...more,
});
const nothing = {
  external_id: null, phone: null, email: null, gender: null, birth_date: null, legal_representative: null,
  sales: { lines: null, plan: null, activation_date: null },
  summary_360: { trac_profile: null, observed: null, claro_points: null, segment: null, mi_claro: null },
  experience: { birthday_today: null, expiring_points: null, overdue_payment: null, latam_partner: null },
  erased_at: null, advertising: null,
};

/* ----------------------------------------------------------------- creation */

test("client_create: every member is stored and read back in the documented shape", async () => {
  const body = whole();
  const r = await ana.post("/v1/clients", body);
  assert.equal(r.status, 201);
  const { id, created_at: at } = r.json;
  assert.match(id, /^[1-9][0-9]*$/);
  assert.equal(r.headers.location, `/v1/clients/${id}`);
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60000);
  assert.deepEqual(r.json, { ...body, id, document_type: choice("dni", "DNI", { operator_code: null }),
    experience: { ...body.experience, birthday_today: r.json.experience.birthday_today }, created_at: at, updated_at: at, erased_at: null, advertising: null });
  assert.deepEqual(await read(id), r.json);
  const found = await ana.get(`/v1/clients?document_number=${body.document_number}&document_type=dni`);
  assert.deepEqual(found.json, { items: [lib.listed(r)], next: null });
});

test("client_create: members left out or null are read as null, with their key", async () => {
  const nulls = { ...nothing, erased_at: undefined, advertising: undefined, experience: { expiring_points: null, overdue_payment: null, latam_partner: null } };
  const sections = { sales: null, summary_360: null, experience: null };
  for (const more of [{}, nulls, sections, { sales: {}, summary_360: {}, experience: {} }]) {
    const body = lib.newClient(more);
    const { id, created_at: at, ...rest } = await made(body);
    assert.deepEqual(rest, { name: body.name, document_type: choice("dni", "DNI", { operator_code: null }),
      document_number: body.document_number, ...nothing, updated_at: at });
    assert.match(id, /^[1-9][0-9]*$/);
  }
});

test("client_get: the manual's sample client", async () => {
  const [c] = (await ana.get("/v1/clients?phone=944264648")).json.items;
  const { id, created_at: at, updated_at: on, ...rest } = await read(c.id);
  assert.ok(id && at && on);
  assert.deepEqual(rest, { ...nothing, name: "AMERICA MOVIL PERU S.A.C.", document_type: choice("ruc", "RUC",
    { operator_code: "4" }), document_number: "20467534026",
    phone: "944264648", email: "demostracionescomerciales@demostracionescomerciales.com", summary_360: { ...nothing.summary_360,
      mi_claro: false } });
});

test("client_create: Unicode and the length limits of texts", async () => {
  const name = "Ñuñoa Ávila 株式会社 😀 \"'\\ <b>";
  assert.equal((await made(lib.newClient({ name }))).name, name);
  assert.equal((await made(lib.newClient({ name: "é".repeat(200) }))).name.length, 200);
  for (const bad of ["é".repeat(201), "", "   ", null, 1, ["x"]])
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ name: bad })), "#/name");
  lib.faultAt(await ana.post("/v1/clients", lib.newClient({ gender: "x".repeat(21) })), "#/gender");
  lib.faultAt(await ana.post("/v1/clients", lib.newClient({ legal_representative: "x".repeat(201) })), "#/legal_representative");
  lib.faultAt(await ana.post("/v1/clients", lib.newClient({ sales: { plan: "x".repeat(101) } })), "#/sales/plan");
});

test("client_create: e-mail addresses and dates are checked", async () => {
  for (const email of ["a@b.pe", "first.last+tag@sub.dominio.com.pe"]) assert.equal((await made(lib.newClient({ email }))).email, email);
  for (const email of ["a", "a@", "@b.pe", "a b@c.pe", "a@b@c.pe", "a@b.pe\nx", "x".repeat(250) + "@b.pe"])
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ email })), "#/email");
  /* JSON Schema's `email` is RFC 5321's, ASCII only; other addresses would be `idn-email`. */
  for (const email of ["ñandú@ejemplo.pe", "a@ñandú.pe"])
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ email })), "#/email");
  assert.equal((await made(lib.newClient({ birth_date: "2000-02-29" }))).birth_date, "2000-02-29");
  for (const date of ["2001-02-29", "1900-02-29", "2000-13-01", "2000-00-10", "2000-1-1", "31/12/1980", "1980-12-31T00:00:00Z",
    19801231, "0000-01-01"]) {
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ birth_date: date })), "#/birth_date");
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ sales: { activation_date: date } })), "#/sales/activation_date");
  }
});

test("client_create: reports all faults at once, each with its pointer", async () => {
  const r = await ana.post("/v1/clients", {
    name: " ", document_type: "nope", phone: "123", email: "x", gender: 1, birth_date: "ayer", id: "1", "a/b~c": 0,
    sales: { lines: ["944264648", "nope", null], plan: [], nope: 1 },
    summary_360: { observed: "yes", claro_points: -1, mi_claro: 1 },
    experience: { birthday_today: true, expiring_points: 1.5, latam_partner: null },
  });
  assert.deepEqual(pointers(r), ["#/a~1b~0c", "#/birth_date", "#/document_number", "#/document_type", "#/email",
    "#/experience/birthday_today", "#/experience/expiring_points",
    "#/gender", "#/id", "#/name", "#/phone", "#/sales/lines/1", "#/sales/lines/2", "#/sales/nope", "#/sales/plan",
      "#/summary_360/claro_points", "#/summary_360/mi_claro",
    "#/summary_360/observed"]);
  assert.equal(r.json.code, "invalid");
  const fault = lib.faultAt(r, "#/document_type");
  assert.deepEqual(fault.allowed, ["dni", "ce", "ruc", "pasaporte"]);
  assert.equal(fault.level, 1);
  assert.equal(lib.faultAt(r, "#/document_number").code, "required");
  assert.equal(lib.faultAt(r, "#/id").code, "unknown_property");
});

test("client_create: numbers and sizes at their bounds", async () => {
  for (const points of [0, 2147483647]) assert.equal((await made(lib.newClient({ summary_360: { claro_points: points } })))
    .summary_360.claro_points, points);
  for (const points of [-1, 2147483648, "1", 1.5, "1e400", true])
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ summary_360: { claro_points: points } })), "#/summary_360/claro_points");
  const lines = Array.from({ length: 100 }, (_, i) => String(955000000 + i));
  assert.deepEqual((await made(lib.newClient({ sales: { lines } }))).sales.lines, lines);
  lib.faultAt(await ana.post("/v1/clients", lib.newClient({ sales: { lines: [...lines, "955000100"] } })), "#/sales/lines");
});

test("client_create: every spelling of a phone is stored as 9 digits", async () => {
  for (const written of ["933444555", "+51933444555", "+51 933 444 555", "51933444555", "51 933 444 555", " 933 444 555 "]) {
    const c = await made(lib.newClient({ phone: written, sales: { lines: ["922333444", written] } }));
    assert.equal(c.phone, "933444555");
    assert.deepEqual(c.sales.lines, ["922333444", "933444555"]);
  }
  for (const bad of ["93344455", "9334445555", "833444555", "+52933444555", "933_444_555", "nueve", 933444555, "９33444555"]) {
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ phone: bad })), "#/phone");
    lib.faultAt(await ana.post("/v1/clients", lib.newClient({ sales: { lines: [bad] } })), "#/sales/lines/0");
  }
});

/* ---------------------------------------------------------------- documents */

const weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
/* remainder(ten) - 11 minus the weighted sum modulo 11; SUNAT writes 10 as 0 and 11 as 1. */
const remainder = (ten) => 11 - weights.reduce((sum, w, i) => sum + w * Number(ten[i]), 0) % 11;
const ruc = (ten) => ten + String(remainder(ten) % 10);
/* rucWith(prefix, r) - a RUC with this prefix and remainder. */
let serial = 1000;
function rucWith(prefix, r) {
  for (;;) {
    const ten = prefix + String(46750000 + serial++);
    if (remainder(ten) === r) return ruc(ten);
  }
}
const withDocument = (document_type, document_number) => lib.newClient({ document_type, document_number });
const refused = async (type, number) => {
  const r = await ana.post("/v1/clients", withDocument(type, number));
  lib.faultAt(r, "#/document_number");
};

test("client_create: a DNI has 8 digits, and its leading zeros stay", async () => {
  for (const number of ["00000001", "01234567"]) {
    const c = await made(withDocument("dni", number));
    assert.equal(c.document_number, number);
    assert.deepEqual(c.document_type, choice("dni", "DNI", { operator_code: null }));
    assert.equal((await ana.get(`/v1/clients?document_number=${number}`)).json.items[0].id, c.id);
  }
  for (const number of ["1", "1234567", "123456789", "1234567A", "1234 567", "", "-1234567", "１２３４５６７８", 12345678,
    null]) await refused("dni", number);
});

test("client_create: a RUC's check digit, at every remainder and prefix", async () => {
  assert.equal(ruc("2046753402"), "20467534026");
  for (const prefix of ["10", "15", "16", "17", "20"])
    for (const r of [1, 2, 5, 9, 10, 11]) {
      const number = rucWith(prefix, r);
      const c = await made(withDocument("ruc", number));
      assert.equal(c.document_number, number);
      assert.deepEqual(c.document_type, choice("ruc", "RUC", { operator_code: "4" }));
    }
  for (const r of [1, 5, 10, 11]) {
    const good = rucWith("20", r);
    for (let d = 0; d < 10; d++) if (String(d) !== good[10]) await refused("ruc", good.slice(0, 10) + d);
  }
  for (const prefix of ["00", "11", "12", "13", "14", "18", "19", "21", "30", "90"]) await refused("ruc", rucWith(prefix, 5));
  for (const number of ["2046753402", "204675340266", "2046753402A", "20467534025", "A0467534026"]) await refused("ruc", number);
});

test("client_create: CE and passport have up to 12 letters and digits, stored in capitals", async () => {
  for (const type of ["ce", "pasaporte"]) {
    const prefix = type === "ce" ? "x" : "y";
    for (const number of [`${prefix}1`, `${prefix}00123456`, `${prefix}bCdEfGhIjKl`, type === "ce" ? "000000001" : "000000002"]) {
      const c = await made(withDocument(type, number));
      assert.equal(c.document_number, number.toUpperCase());
      assert.equal(c.document_type.code, type);
      assert.equal(c.document_type.operator_code, null);
    }
    for (const number of ["1234567890123", "A_123", "A+123", "", "ÑANDU", "ſtrasse"]) await refused(type, number);
  }
});

test("client_create: a document belongs to one client", async () => {
  const body = withDocument("pasaporte", "dup00001");
  const first = await made(body);
  for (const number of ["dup00001", "DUP00001", "Dup00001"]) {
    const r = await ana.post("/v1/clients", withDocument("pasaporte", number));
    assert.equal(r.status, 409);
    assert.equal(r.json.code, "client_exists");
  }
  await made(withDocument("ce", "DUP00001"));
  assert.equal((await ana.get("/v1/clients?document_number=DUP00001")).json.items.length, 2);
  assert.deepEqual(await read(first.id), first);
});

test("client_create: of ten simultaneous requests with one document, one succeeds", async () => {
  const body = lib.newClient({ phone: "977888999" });
  const all = await Promise.all(Array.from({ length: 10 }, () => ana.post("/v1/clients", body)));
  assert.deepEqual(all.map((r) => r.status).sort(), [201, ...Array(9).fill(409)]);
  assert.equal((await ana.get("/v1/clients?phone=977888999")).json.items.length, 1);
});

/* -------------------------------------------------------------- merge patch */

test("client_update: an absent member stays, null clears it, a value sets it; inside sections too", async () => {
  let c = await made(whole());
  const change = async (patch, expected) => {
    const r = await ana.patch(`/v1/clients/${c.id}`, patch, { "content-type": "application/merge-patch+json" });
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.json, { ...c, ...expected, updated_at: r.json.updated_at });
    assert.ok(r.json.updated_at >= c.updated_at);
    assert.deepEqual(await read(c.id), r.json);
    c = r.json;
  };
  await change({}, {});
  await change({ name: "  OTRO NOMBRE " }, { name: "OTRO NOMBRE" });
  await change({ email: null }, { email: null });
  await change({ email: "otra@ejemplo.pe", phone: "+51 955 666 777", gender: null }, { email: "otra@ejemplo.pe",
    phone: "955666777", gender: null });
  await change({ sales: { plan: null } }, { sales: { ...c.sales, plan: null } });
  await change({ sales: { lines: ["+51 966 777 888"] }, summary_360: {} }, { sales: { ...c.sales, lines: ["966777888"] } });
  await change({ summary_360: { observed: true, mi_claro: null }, experience: { expiring_points: 7 } },
    { summary_360: { ...c.summary_360, observed: true, mi_claro: null }, experience: { ...c.experience, expiring_points: 7 } });
  await change({ sales: { lines: null } }, { sales: { ...c.sales, lines: null } });
  await change({ sales: { lines: ["966777888", "944000111"], plan: "X" } }, { sales: { ...c.sales, lines: ["966777888",
    "944000111"], plan: "X" } });
  await change({ sales: null }, { sales: nothing.sales });
  await change({ summary_360: null, experience: null },
    { summary_360: nothing.summary_360, experience: { ...nothing.experience, birthday_today: c.experience.birthday_today } });
  await change({ birth_date: null }, { birth_date: null, experience: { ...c.experience, birthday_today: null } });
  await change({ legal_representative: null, phone: null, email: null }, { legal_representative: null, phone: null, email: null });
});

test("client_update: document type and number change together, or each alone if the result fits", async () => {
  const { id } = await made(whole());
  const number = rucWith("20", 11);
  const patched = async (patch) => {
    const r = await ana.patch(`/v1/clients/${id}`, patch);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(await read(id), r.json);
    return [r.json.document_type.code, r.json.document_type.operator_code, r.json.document_number];
  };
  assert.deepEqual(await patched({ document_type: "ruc", document_number: number }), ["ruc", "4", number]);
  assert.deepEqual(await patched({ document_type: "ce" }), ["ce", null, number]);
  assert.deepEqual(await patched({ document_number: "zz9" }), ["ce", null, "ZZ9"]);
  assert.deepEqual(await patched({ document_type: "pasaporte" }), ["pasaporte", null, "ZZ9"]);
  const dni = lib.newClient().document_number;
  assert.deepEqual(await patched({ document_number: dni }), ["pasaporte", null, dni]);
  assert.deepEqual(await patched({ document_type: "dni" }), ["dni", null, dni]);
});

test("client_update: a patch whose resulting document would not fit is 422 and stores nothing", async () => {
  const c = await made(whole());
  for (const patch of [{ document_type: "ruc" }, { document_number: "123456789" }, { document_number: "AB" },
    { document_type: "ruc", document_number: "20467534025" }]) {
    const r = await ana.patch(`/v1/clients/${c.id}`, { name: "NO SE GUARDA", phone: "911222333", sales: null, ...patch });
    assert.deepEqual(pointers(r), ["#/document_number"]);
    assert.equal(r.json.errors[0].code, "document_number");
    assert.deepEqual(await read(c.id), c);
  }
  assert.deepEqual((await ana.get("/v1/clients?phone=911222333")).json.items, []);
});

test("client_update: required members cannot be cleared, derived ones cannot be written; all faults at once", async () => {
  const c = await made(whole());
  const r = await ana.patch(`/v1/clients/${c.id}`, { name: null, document_type: null, document_number: null, id: "1",
    created_at: null, updated_at: "x",
    experience: { birthday_today: true, expiring_points: -1 }, sales: { lines: ["1"] }, summary_360: [], phone: "x" });
  assert.deepEqual(pointers(r), ["#/created_at", "#/document_number", "#/document_type", "#/experience/birthday_today",
    "#/experience/expiring_points", "#/id", "#/name",
    "#/phone", "#/sales/lines/0", "#/summary_360", "#/updated_at"]);
  assert.deepEqual(await read(c.id), c);
});

test("client_update: another client's document is 409 and stores nothing; the client's own is accepted", async () => {
  const a = await made(whole()), b = await made(whole());
  const r = await ana.patch(`/v1/clients/${a.id}`, { name: "X", document_number: b.document_number });
  assert.equal(r.status, 409);
  assert.equal(r.json.code, "client_exists");
  assert.deepEqual(await read(a.id), a);
  assert.equal((await ana.patch(`/v1/clients/${a.id}`, { document_number: a.document_number })).status, 200);
});

test("client_update: twenty simultaneous patches of one client all take effect", async () => {
  const { id } = await made(lib.newClient());
  const parts = [["phone", "911111111"], ["email", "a@b.pe"], ["gender", "F"], ["legal_representative", "X"], ["birth_date", "1990-01-01"]];
  const nested = [["sales", "plan", "P"], ["sales", "activation_date", "2020-01-01"], ["summary_360", "segment", "S"],
    ["summary_360", "observed", true], ["experience", "overdue_payment", "NO"]];
  const all = await Promise.all([...parts.map(([k, v]) => ({ [k]: v })), ...nested.map(([s, k, v]) => ({ [s]: { [k]: v } }))].flatMap((patch) =>
    [ana.patch(`/v1/clients/${id}`, patch), ana.patch(`/v1/clients/${id}`, patch)]));
  assert.ok(all.every((r) => r.status === 200), all.map((r) => r.status).join());
  const c = await read(id);
  for (const [k, v] of parts) assert.equal(c[k], v);
  for (const [s, k, v] of nested) assert.equal(c[s][k], v);
});

test("client_search: the newest first, also where ids say otherwise, and on several pages", async () => {
  const phone = "977000123", ids = [];
  for (let i = 0; i < 3; i++) ids.push((await made(lib.newClient({ phone }))).id);
  const found = async (query = "") => (await ana.get(`/v1/clients?phone=${phone}${query}`)).json;
  assert.deepEqual((await found()).items.map((c) => c.id), [...ids].reverse());
  /* Whoever began first may have been stored last. */
  world.database.sql(`update client set created_at = created_at + interval '1 hour' where id = ${ids[0]}`);
  const wanted = [ids[0], ids[2], ids[1]];
  assert.deepEqual((await found()).items.map((c) => c.id), wanted);
  const first = await found("&limit=2");
  assert.deepEqual(first.items.map((c) => c.id), wanted.slice(0, 2));
  assert.deepEqual((await found(`&limit=2&cursor=${encodeURIComponent(first.next)}`)).items.map((c) => c.id), wanted.slice(2));
});

/* ----------------------------------------------------------------- birthday */

test("client_get: birthday_today uses the current day in Lima", async () => {
  /* 1992 and 2000 have a 29 February. If the day changes during the test, it starts again. */
  const days = () => world.database.sql(`select to_char(d, 'YYYY-MM-DD') from (values (today()), (today() + 1), (today() - 1)) v (d);
    select to_char((now() at time zone 'America/Lima')::date, 'YYYY-MM-DD')`).split("\n");
  for (let again = 0; ; again++) {
    const [today, tomorrow, yesterday, lima] = days();
    assert.equal(today, lima);
    const seen = [];
    for (const [day, year] of [[today, 1992], [today, 2000], [tomorrow, 1992], [yesterday, 1992]])
      seen.push((await made(lib.newClient({ birth_date: year + day.slice(4) }))).experience.birthday_today);
    if (days()[0] !== today && again === 0) continue;
    assert.deepEqual(seen, [true, true, false, false]);
    assert.equal((await made(lib.newClient({ birth_date: today }))).experience.birthday_today, true);
    const r = await ana.post("/v1/clients", lib.newClient({ birth_date: tomorrow }));
    assert.equal(lib.faultAt(r, "#/birth_date").code, "birth_date_future");
    const { id } = await made(lib.newClient());
    assert.equal(lib.faultAt(await ana.patch(`/v1/clients/${id}`, { birth_date: "2999-01-01" }), "#/birth_date").code, "birth_date_future");
    break;
  }
});

test("client_get: in a common year a birthday on 29 February falls on the 28th", async () => {
  const rows = [["2000-02-29", "2024-02-29", "t"], ["2000-02-29", "2024-02-28", "f"], ["2000-02-29", "2023-02-28", "t"],
    ["2000-02-29", "2023-03-01", "f"],
    ["2000-02-29", "2100-02-28", "t"], ["2000-02-28", "2024-02-29", "f"], ["2000-02-28", "2023-02-28", "t"], ["2000-12-31",
      "2023-12-31", "t"], ["2000-12-31", "2024-01-01", "f"]];
  assert.deepEqual(world.database.sql(rows.map(([born,
    day]) => `select is_birthday('${born}', '${day}');`).join("\n")).split("\n"), rows.map(([, , is]) => is));
  assert.equal(world.database.sql("select is_birthday(null, '2024-02-29') is null"), "t");
});
