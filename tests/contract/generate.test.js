/*
 * Generated bodies. From the document that the server serves, ajv and fast-check
 * make bodies for every operation that takes one: valid ones, which must not be
 * refused for their shape, and invalid ones (valid ones with one to three changes),
 * which must be refused with 400 or 422 and a fault at every place that ajv names.
 *
 * SEED=number generates other bodies; the seed is printed. fast-check shrinks a
 * failing body as far as possible and prints it.
 *
 * ajv judges the normal form of a body (x-field, normal() here), as the service does: the
 * document says that its keywords apply to the normal form.
 *
 * The service deliberately differs from JSON Schema in two points: it refuses U+0000 in any string
 * (the last test below), and an integer beyond 64 bits is 400.
 */
"use strict";

const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;
const fc = require("fast-check");
const lib = require("../http/lib.js");

const seed = Number(process.env.SEED || 20250503);
const wanted = 3000;               // number of valid bodies, and of invalid ones
const counted = { valid: 0, invalid: 0 };

let world, ana, boss, chief, tried, machine, account, person, webhook, changed;
let document, ajv;
let operations;                    // [{id, method, path, schema}] of the operations with a body
let legal;                         // the valid codes of each catalogue
const mine = {};                   // ana's records, separate for each operation, so that none closes another's opportunity

/* ---------------------------------------------------- the document, for ajv */

const pick = (ref) => ref.slice(2).split("/").reduce((at, name) => at[name], document);
const resolve = (schema) => (schema.$ref ? resolve(pick(schema.$ref)) : schema);
const typesOf = (schema) => [schema.type].flat();

const leaves = (items) => items.flatMap((item) => (item.items.length > 0 ? leaves(item.items) : [item.code]));
const today = () => new Date(Date.now() - 5 * 3600e3).toISOString().slice(0, 10);   // in Lima

function isRuc(number) {
  if (!/^(10|15|16|17|20)[0-9]{9}$/.test(number)) return false;
  const sum = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2].reduce((so, weight, i) => so + weight * Number(number[i]), 0);
  return Number(number[10]) === (11 - (sum % 11)) % 10;
}
const fits = {
  dni: (number) => /^[0-9]{8}$/.test(number),
  ruc: isRuc,
  ce: (number) => number.length <= 12,
  pasaporte: (number) => number.length <= 12,
};

/* ------------------------------------------ x-field, as api/field normalises it */

const space = /[\p{White_Space}\u2800]/u, breaks_ = /[\t-\r\x85\u2028\u2029]/u, direction = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const joiner = /[\u200c\u200d]/u, variation = /\p{Variation_Selector}/u, ignored = /\p{Default_Ignorable_Code_Point}/u;
const visible = (c) => c !== undefined && !space.test(c) && !ignored.test(c) && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(c);
const trim = (text) => text.replace(/^[\p{White_Space}\u2800]+|[\p{White_Space}\u2800]+$/gu, "");

function line(text) {
  const all = [...text.normalize("NFC")];
  const kept = [];
  let gap = false;
  all.forEach((c, i) => {
    const last = kept[kept.length - 1];
    if (space.test(c) && !breaks_.test(c)) gap = true;
    else if (variation.test(c) || joiner.test(c)) {
      const beside = !gap && last !== undefined && last.codePointAt(0) >= 0x80;
      if (beside && (variation.test(c) ? visible(last) : !joiner.test(last) && visible(all[i + 1]) && all[i + 1].codePointAt(0) >= 0x80)) kept.push(c);
    } else if (!ignored.test(c) || direction.test(c)) {
      if (breaks_.test(c) && kept.length === 0) return;
      if (gap && kept.length > 0) kept.push(" ");
      gap = false;
      kept.push(c);
    }
  });
  return trim(kept.join("")).normalize("NFC");
}
const word = (text) => trim([...text].filter((c) => !ignored.test(c)).join(""));
const closed = (text) => word(text).replace(/[\p{White_Space}\u2800]/gu, "");
const bare = (text) => closed(text).replace(/[\p{Pd}\u2212./()]/gu, "");
const capitals = (text) => text.replace(/[a-z]/g, (c) => c.toUpperCase());
/* E and 7 digits, or an integration's name in small letters. */
const accountName = (text) => text.replace(/[A-Z]/g, (c) => c.toLowerCase()).replace(/^e(?=[0-9]{7}$)/, "E");
const years = (n) => new Date(Date.now() + n * 366 * 864e5).toISOString().slice(0, 10);
const isLine = (text) => text !== "" && !/[\p{Cc}\p{Noncharacter_Code_Point}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text);
const isDay = (text) => /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text);
const ajvOk = (format, text) => ajv.validate({ format }, text);
const isInstant = (text) => /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$/.test(text) && ajvOk("date", text.slice(0, 10)) && text >= "1900" && text < "3000"
  && text.slice(11, 13) <= "23" && text.slice(14, 16) <= "59" && text.slice(17, 19) <= "60";
const fields = {
  name: [line, isLine], label: [line, isLine], text: [line, isLine],
  phone: [(text) => bare(text).replace(/^([+]51|0051|51)(?=9[0-9]{8}$)/, ""), (text) => /^9[0-9]{8}$/.test(text)],
  document_number: [(text) => capitals(bare(text)), (text) => /^[0-9A-Z]{1,20}$/.test(text)],
  serial_number: [bare, (text) => /^[0-9]{16}$/.test(text)],
  username: [(text) => accountName(closed(text)), (text) => /^(E[0-9]{7}|[a-z][a-z0-9-]{0,39})$/.test(text)],
  login: [(text) => accountName(closed(text)), () => true],
  moment: [word, (text) => (isDay(text) ? ajvOk("date", text) && text >= "1900-01-01" && text <= "2999-12-31" : isInstant(text))],
  email: [word, () => true], code: [word, () => true], id: [word, () => true],
  date: [word, (text) => !isDay(text) || (text >= "1990-01-01" && text <= years(10))],
  birth_date: [word, (text) => !isDay(text) || text >= "1900-01-01"],
};
const fieldOf = (schema) => schema["x-field"] || (schema["x-catalog"] && "code");

/* normal(schema, value) - the normal form of a body. */
function normal(of, value) {
  const schema = of && resolve(of);
  if (schema && typeof value === "string" && fieldOf(schema)) {
    const made = fields[fieldOf(schema)][0](value);
    return made === "" && typesOf(schema).includes("null") ? null : made;
  }
  if (Array.isArray(value)) return value.map((v) => normal(schema?.items, v));
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, normal(Object.hasOwn(schema?.properties ?? {}, name) ? schema.properties[name] : undefined, v)]));
  return value;
}

/* The rules of api/resource/rules.c that schemas cannot express: each returns the members that break it. */
const rules = {
  account: ({ role, username, password }) => (typeof role !== "string" ? [] : role === "integration" ? (password === undefined ? [] : ["password"])
    : [...(password === undefined ? ["password"] : []),
      ...(typeof username === "string" && fields.username[1](username) && !username.startsWith("E") ? ["username"] : [])]),
  client: ({ document_type: type, document_number: number, birth_date: birth }) => [
    ...(typeof number === "string" && Object.hasOwn(fits, type) && !fits[type](number) ? ["document_number"] : []),
    ...(typeof birth === "string" && birth > today() && ajv.validate({ format: "date" }, birth) ? ["birth_date"] : []),
  ],
  ownership_check: ({ asked, right }) => (Number.isInteger(asked) && Number.isInteger(right) && right > asked ? ["right"] : []),
  typification_create: ({ actions, diagnosis, competitor_offer: offer, closure }) => {
    if (!/^(no-)?retenido([.]|$)/.test(isObject(closure) && typeof closure.stage === "string" ? closure.stage : "")) return [];
    const rows = Array.isArray(actions) ? actions : [];
    return [
      ...(actions === undefined || (Array.isArray(actions) && rows.length === 0) ? ["actions"] : []),
      ...rows.flatMap((row, i) => (isObject(row) && (row.final_state ?? null) === null ? [`actions/${i}/final_state`] : [])),
      ...((diagnosis ?? null) === null ? ["diagnosis/reason"] : []),
      ...((offer ?? null) === null ? ["competitor_offer/phone_to_manage"] : []),
      ...((closure.advertising_acceptance ?? null) === null ? ["closure/advertising_acceptance"] : []),
    ];
  },
};

function learn() {
  ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false });
  addFormats(ajv, ["date", "email"]);
  ajv.addFormat("digits", /^[0-9]+$/);
  ajv.addFormat("date-time", isInstant);
  ajv.addKeyword({ keyword: "x-field", type: "string", validate: (type, text) => fields[type][1](text) });
  ajv.addKeyword({ keyword: "x-catalog", type: "string", validate: (code, text) => legal[code].includes(text) });
  const rule = (name, value) => {
    const broken = rules[name](value);
    rule.errors = broken.map((member) => ({ keyword: "x-rule", message: name, params: { place: member } }));
    return broken.length === 0;
  };
  ajv.addKeyword({ keyword: "x-rule", type: "object", errors: true, validate: rule });
  ajv.addSchema({ $id: "doc", components: { schemas: document.components.schemas } });
  operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods)
    /* A draft may be any object: there is nothing to generate, or to break. A tree may be as deep as one likes: catalog_plan.test.js. */
    /* oauth_token takes forms, import_create files: oauth.test.js and import.test.js of tests/http. */
    .filter(([, op]) => op.requestBody && !["oauth_token", "draft_put", "catalog_plan_create", "import_create"].includes(op.operationId))
    .map(([method, op]) => {
      const { $ref } = op.requestBody.content["application/json"].schema;
      const judge = ajv.compile({ $ref: "doc" + $ref });
      const valid = (body) => {
        const result = judge(normal(pick($ref), body));
        valid.errors = judge.errors;
        return result;
      };
      return { id: op.operationId, method: method.toUpperCase(), path, schema: pick($ref), valid };
    }));
}

/* places(errors) - the places of ajv's errors, as decoded pointers like the service's. */
function places(errors) {
  const name = (e) => e.params.missingProperty ?? e.params.additionalProperty;
  const token = (text) => (text === undefined ? "" : "/" + text.replace(/~/g, "~0").replace(/\//g, "~1"));
  /* For oneOf the service reports the object itself, not what each branch lacks. */
  return [...new Set(errors.filter((e) => !e.schemaPath.includes("/oneOf/")).map((e) => "#" + e.instancePath + (e.params.place ? "/" + e.params.place : token(name(e)))))];
}

/* -------------------------------------------------------------- valid bodies */

const text = (constraints) => fc.string({ unit: "binary", ...constraints }).map((s) => s.replace(/\0/g, "\x01"));
const digits = (minLength, maxLength = minLength) => fc.string({ unit: fc.constantFrom(..."0123456789"), minLength, maxLength });
const day = fc.date({ min: new Date("1990-01-01"), max: new Date("2025-01-01"), noInvalidDate: true }).map((d) => d.toISOString().slice(0, 10));
const number = (type) => ({
  dni: digits(8),
  ruc: fc.tuple(fc.constantFrom("10", "15", "16", "17", "20"), digits(8)).map(([two, eight]) =>
    [..."0123456789"].map((check) => two + eight + check).find(isRuc)),
})[type] || fc.stringMatching(/^[0-9A-Za-z]{1,12}$/);

/* spelled(arbitrary, gaps) - the same values with characters around and between that the service drops. */
const spelled = (arbitrary, gaps) => fc.tuple(arbitrary, fc.nat(20), fc.constantFrom("", ...gaps), fc.constantFrom("", ...gaps), fc.constantFrom("", ...gaps))
  .map(([text, at, first, gap, last]) => first + text.slice(0, at) + gap + text.slice(at) + last);
const inWord = [" ", "\t", "\u00a0", "\u200b", "\u202a", "\ufeff"], between = [...inWord, "-", ".", "/", "(", ")", "\u2011", "\u2013", " - "];
const typed = {
  phone: spelled(fc.tuple(fc.constantFrom("", "51", "+51", "0051", "(+51) ", "5 1 "), digits(8)).map(([prefix, eight]) => `${prefix}9${eight}`), between),
  serial_number: spelled(digits(16), between),
  document_number: spelled(fc.stringMatching(/^[0-9A-Za-z]{1,12}$/), between),
  username: spelled(fc.oneof(fc.tuple(fc.constantFrom("E", "e"), digits(7)).map((parts) => parts.join("")),
    fc.tuple(fc.constantFrom("a", "Z", "e"), fc.stringMatching(/^[A-Za-z0-9-]{0,30}$/)).map((parts) => parts.join(""))), inWord),
  birth_date: fc.date({ min: new Date("1900-01-01"), max: new Date("2025-01-01"), noInvalidDate: true }).map((d) => d.toISOString().slice(0, 10)),
  date: day,
};

/* known - members that get the id of an existing record, half of the time. */
const known = { client_id: () => mine.client_create.client.id, contact_id: () => mine.contact };

function string(schema) {
  const { minLength = 0, maxLength = 300, pattern, format } = schema;
  if (schema["x-catalog"]) return fc.constantFrom(...legal[schema["x-catalog"]]);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (typed[schema["x-field"]]) return typed[schema["x-field"]];
  if (format === "date") return day;
  if (format === "date-time") return day.map((d) => `${2100 + Number(d.slice(2, 4))}${d.slice(4)}T12:34:56Z`);
  if (format === "email") return fc.emailAddress();
  if (format === "digits") return digits(minLength, maxLength);
  if (schema["x-field"] === "login" && schema.pattern) return fc.oneof(typed.username, digits(1, 9).filter((id) => id[0] !== "0"));
  if (schema["x-field"] === "login") return text({ minLength, maxLength }).filter((s) => closed(s) !== "");
  if (schema["x-field"] === "moment") return fc.oneof(day, day.map((d) => `${d}T12:34:56.5Z`));
  if (["name", "text", "label"].includes(schema["x-field"]))
    return text({ minLength, maxLength: maxLength + 20 }).filter((s) => (line(s) === "" ? typesOf(schema).includes("null") : isLine(line(s)) && [...line(s)].length <= maxLength));
  /* Which addresses are allowed no pattern can say. */
  if (schema["x-words"] === "url_form") return fc.constantFrom("http://127.0.0.1:1025/hook", "https://127.0.0.1:1025/a?b=c");
  if (pattern) return fc.stringMatching(new RegExp(pattern)).filter((s) => s.length <= maxLength);
  return fc.oneof({ weight: 9, arbitrary: text({ minLength, maxLength }) }, { weight: 1, arbitrary: text({ minLength: maxLength, maxLength }) });
}

/* valid(schema) - an arbitrary of values that the schema allows. */
function valid(of) {
  const schema = resolve(of), types = typesOf(schema), type = types.find((t) => t !== "null");
  const make = {
    string: () => string(schema),
    integer: () => fc.integer({ min: schema.minimum, max: schema.maximum }),
    boolean: () => fc.boolean(),
    array: () => (schema.uniqueItems ? fc.uniqueArray(valid(schema.items), { minLength: schema.minItems, maxLength: schema.maxItems, size: "medium" }) : fc.array(valid(schema.items), { minLength: schema.minItems, maxLength: schema.maxItems, size: "medium" })),
    object: () => object(schema),
  }[type]();
  return types.includes("null") ? fc.option(make, { nil: null, freq: 4 }) : make;
}

function object(schema) {
  const members = Object.fromEntries(Object.entries(schema.properties).map(([name, of]) => [name, known[name]
    ? fc.oneof(valid(of), fc.constant(null).map(known[name])) : valid(of)]));
  const branches = (schema.oneOf || [{ required: [] }]).map(({ required }) => {
    const others = (schema.oneOf || []).flatMap((branch) => branch.required).filter((name) => !required.includes(name));
    return fc.record(Object.fromEntries(Object.entries(members).filter(([name]) => !others.includes(name))),
      { requiredKeys: [...schema.required || [], ...required] });
  });
  let all = fc.oneof(...branches);
  if (schema["x-rule"] === "client")
    all = all.chain((client) => (client.document_number === undefined ? fc.constant(client)
      /* A number without a type must fit the stored type. */
      : number(client.document_type || "dni").map((n) => ({ ...client, document_number: n }))))
      .map((client) => ((client.document_type === undefined) === (client.document_number === undefined) ? client
        : (({ document_type: _type, document_number: _number, ...rest }) => rest)(client)));
  if (schema["x-rule"] === "account")
    all = all.map((account) => (rules.account(normal(schema, account)).length === 0 ? account
      : account.role === "integration" ? (({ password: _password, ...rest }) => rest)(account) : { password: lib.password, ...account, username: "E7654321" }));
  if (schema["x-rule"] === "ownership_check") all = all.map(({ asked, right }) => ({ asked: Math.max(asked, right), right: Math.min(asked, right) }));
  if (schema["x-rule"] === "typification_create")
    all = all.map((call) => (rules.typification_create(call).length ? { ...call, closure: { ...call.closure, stage: "en-proceso" } } : call));
  return schema.minProperties ? all.filter((o) => Object.keys(o).length >= schema.minProperties) : all;
}

/* ------------------------------------------------------------ invalid bodies */

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/* sites(schema, value) - every place in a value, from the root on: [{path, schema, value}]. */
function sites(of, value, path = []) {
  const schema = of && resolve(of);
  const below = Array.isArray(value) ? value.map((v, i) => [i, schema?.items, v])
    : isObject(value) ? Object.entries(value).map(([name, v]) => [name, schema?.properties?.[name], v]) : [];
  return [{ path, schema, value }, ...below.flatMap(([name, s, v]) => sites(s, v, [...path, name]))];
}

const put = (value, [first, ...rest], change) => {
  if (first === undefined) return change(value);
  if (Array.isArray(value)) return value.map((v, i) => (i === first ? put(v, rest, change) : v));
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, name === first ? put(v, rest, change) : v]));
};

/* Ways to break a place: each returns the new value, or undefined if it does not apply. */
const breaks = {
  "another type": (site, { other }) => other,
  "left out": ({ value }, { nth }) => isObject(value) && Object.keys(value).length > 0
    ? Object.fromEntries(Object.entries(value).filter((_, i, all) => i !== nth % all.length)) : undefined,
  "one key more": ({ value }, { key, other }) => (isObject(value) ? Object.fromEntries([...Object.entries(value), [key, other]]) : undefined),
  "a key from another place": ({ value }, { nth, other }) => {
    const names = ["id", "stage", "client", "client_id", "action", "right", "lines", "created_at"];
    return isObject(value) ? { ...value, [names[nth % names.length]]: other } : undefined;
  },
  "emptied": ({ value }) => (typeof value === "string" ? "" : Array.isArray(value) ? [] : isObject(value) ? {} : undefined),
  "too long": ({ value, schema }, { nth }) => typeof value === "string" && schema?.maxLength
    ? value + ([...value].pop() || "9").repeat(Math.max(1, schema.maxLength - [...value].length + 1 + nth % 3)) : undefined,
  "too many": ({ value, schema }) => Array.isArray(value) && value.length > 0 && schema?.maxItems
    ? Array.from({ length: schema.maxItems + 1 }, () => value[0]) : undefined,
  "out of bounds": ({ schema }, { nth }) => (schema?.maximum === undefined ? undefined
    : [schema.minimum - 1, schema.maximum + 1, -1e9, 1e9 * 4, 1e300][nth % 5]),
  "a fraction": ({ value }) => (typeof value === "number" ? value + 0.5 : undefined),
  "one character else": ({ value }, { nth, character }) => {
    const all = typeof value === "string" ? [...value] : [];
    return all.length > 0 ? all.map((c, i) => (i === nth % all.length ? character : c)).join("") : undefined;
  },
  "one character less": ({ value }) => (typeof value === "string" && value ? [...value].slice(0, -1).join("") : undefined),
  "one character more": ({ value }, { character }) => (typeof value === "string" ? value + character : undefined),
  "blank": ({ value }, { nth }) => (typeof value === "string" ? [" ", "   ", "\t", "\u00a0", "\n"][nth % 5] : undefined),
  "another text": ({ value }, { word }) => (typeof value === "string" ? word : undefined),
  "no such day": ({ schema }, { nth }) => (schema?.format === "date"
    ? ["2025-02-29", "2025-13-01", "2025-00-10", "2025-1-1", "03/05/2025", "2025-05-03T00:00:00Z", "9999-12-31"][nth % 7] : undefined),
  "no such address": ({ schema }, { nth }) => {
    const bad = ["a..b@x.pe", ".a@x.pe", "a.@x.pe", "a@x", "a@x..pe", "a@-x.pe", "a@x-.pe", "a b@x.pe", "a@b@x.pe", "ñ@x.pe", "@x.pe", "a@"];
    return schema?.format === "email" ? bad[nth % bad.length] : undefined;
  },
};

const broken = fc.record({
  how: fc.constantFrom(...Object.keys(breaks)),
  where: fc.nat(1e6), nth: fc.nat(100),
  key: fc.oneof(fc.constantFrom("", "a/b", "m~n", "__proto__", "constructor", "%41", "ñandú", "x".repeat(60)), text({ maxLength: 12 })),
  other: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(null, true, 0, -1, 7, "", "text", [], {}, [null], { a: 1 }, 1e21)),
  character: fc.oneof(fc.constantFrom(" ", "x", "0", "-", ".", "@", "\n", "\u0663", "\u200b", "😀"), text({ minLength: 1, maxLength: 1 })),
  word: fc.oneof(text({}), fc.constantFrom("dni", "ENTEL", "Bearer", "null", "no-such-code", "bono-gb", "precio-y-contenido")),
});

/* JSON has neither -0 nor NaN, and the last test covers U+0000. */
const plain = (value) => JSON.parse(JSON.stringify(value).replace(/\\u0000/g, ""));

/* isTooBig(value) - whether it is an integer beyond 64 bits, written with digits only. */
const isTooBig = (value) => Number.isInteger(value) && Math.abs(value) >= 2 ** 63 && Math.abs(value) < 1e21;

function breakIt(schema, body, list) {
  return list.reduce((now, change) => {
    const all = sites(schema, now).map((site) => ({ site, made: breaks[change.how](site, change) })).filter(({ made }) => made !== undefined);
    if (all.length === 0) return now;
    const { site, made } = all[change.where % all.length];
    return plain(put(now, site.path, () => made));
  }, body);
}

/* ---------------------------------------------------------------- the server */

before(async () => {
  world = await lib.world();
  ana = await world.signedIn("E8153375");
  boss = await world.signedIn("E8000001");
  chief = await world.signedIn("E8000002");
  tried = await world.signedIn("E8123497");
  /* It may say whose call it is, and when it was. */
  machine = (await lib.machine(chief, world.base, { username: "crm-de-prueba",
    rights: ["client_read", "client_write", "contact_read", "contact_write", "opportunity_read", "opportunity_write", "personal_data", "on_behalf"] })).as;
  account = (await chief.post("/v1/advisors", { username: "E7000001", full_name: "CUENTA DE PRUEBA", role: "integration" })).json.id;
  person = (await chief.post("/v1/advisors", { username: "E7000002", full_name: "PERSONA DE PRUEBA", role: "advisor", password: lib.password })).json.id;
  const newWebhook = async () => (await chief.post("/v1/webhooks", { url: "http://127.0.0.1:1025/hook", types: ["client.merged"] })).json.id;
  webhook = await newWebhook();
  changed = await newWebhook(); // perhaps disabled
  document = (await world.anyone.get("/openapi.json")).json;
  legal = Object.fromEntries((await ana.get("/v1/catalogs")).json.items.map((catalog) => [catalog.code, leaves(catalog.items)]));
  learn();
  for (const { id } of operations) {
    mine[id] = await lib.opened(ana);
    const row = await ana.post(`${mine[id].at}/actions`, { action: "bono-gb.bono-4-gb-por-12-meses" });
    assert.equal(row.status, 201);
    mine[id].action = row.json.id;
  }
  await newContact();
});
after(() => world.end());

const newContact = async () => {
  mine.contact = (await ana.post(`/v1/clients/${mine.contact_create.client.id}/contacts`, lib.newContact())).json.id;
};

async function send(op, body) {
  const { client, contact, opportunity, action } = mine[op.id];
  const ids = { client_id: client.id, contact_id: contact.id, opportunity_id: opportunity.id, action_id: action, advisor_id: op.id === "advisor_password_put" ? person : account, webhook_id: op.id === "webhook_update" ? changed : webhook,
    /* One that no body chooses from. */
    catalog: "campaign", code: "retencion-movil-preventiva-postpago" };
  const where = op.path.replace(/\{([a-z_]+)\}/g, (_, name) => ids[name]);
  const r = await (/^session_/.test(op.id) ? world.anyone : ["client_consent_create", "client_merge"].includes(op.id) || /^(advisor|catalog|webhook|delivery)_/.test(op.id) ? chief : op.id === "password_put" ? tried : op.id === "typification_create" ? machine : ana).request(op.method, where, JSON.stringify(body));
  if (r.status >= 500) assert.fail(`${op.id} answered ${r.status} to ${JSON.stringify(body)}: ${r.text}`);
  return r;
}

/* restore(op, r) - undoes what a request did to the opportunity, for the next one; returns whether to send the request again. */
async function restore(op, r) {
  const { at } = mine[op.id];
  const code = r.json?.code;
  /* An account has 20 at most. */
  if (op.id === "webhook_create" && r.status === 201) assert.equal((await chief.delete(r.headers.location)).status, 204);
  /* Two of them at most. */
  if (op.id === "advisor_secret_create" && r.status === 201) assert.equal((await chief.delete(`/v1/advisors/${account}/secrets/${r.json.id}`)).status, 204);
  if (code === "opportunity_finished" || r.json?.closed_at || r.json?.closure?.closed_at) {
    if (op.id !== "typification_create") assert.equal((await boss.post(`${at}/reopening`)).status, 200);
    return code !== undefined;
  }
  if (code === "actions_full") {
    assert.equal((await ana.put(`${at}/typification`, { actions: [] })).status, 200);
    return true;
  }
  return false;
}

/* The only faults that a valid body may have: unknown ids, an incomplete form, and rules about the account. */
const ofState = new Set(["parent_unknown", "code_misfit", "code_needed", "too_deep", "validity_reversed", "sunat_code_elsewhere", "levels_in_use", "successor_cycle", "not_found", "missing", "rights", "password_weak", "password_wrong"]);
/* Faults that can result from merging with the stored record. */
const ofRecord = { contact_update: ["required", "right_range"], advisor_update: ["not_allowed"], delivery_repeat_all: ["range_reversed"],
  /* Whose call it was, and when, are checked against the accounts and the clock. */
  typification_create: ["date_range", "not_allowed"], opportunity_transfer: ["not_allowed"], advisor_handover: ["not_allowed"], follow_up_put: ["follow_up_range"] };
/* The only problems that a valid body may get: credentials are random, a document or a contact may be in use. */
const allowed = {
  session_create: ["credentials_wrong"], session_refresh: ["refresh_token_invalid"], client_create: ["client_exists"],
  client_update: ["client_exists"], typification_create: ["client_exists"], opportunity_create: ["contact_has_opportunity"],
  catalog_item_create: ["label_taken", "code_taken"], catalog_item_update: ["label_taken"],
  client_merge: ["client_merged", "client_erased"], contact_void: ["contact_in_use"], opportunity_void: ["opportunity_voided"],
  advisor_create: ["advisor_exists"], password_put: ["too_many_attempts"],
};

/* The statuses of each operation: if all bodies were refused, the test would prove nothing. */
const met = new Map();
const runs = () => ({ seed, numRuns: Math.ceil(wanted / operations.length), endOnFailure: false });

test("valid bodies are not refused for their shape", async (t) => {
  console.log(`SEED=${seed}`);
  for (const op of operations)
    await t.test(op.id, async () => {
      await fc.assert(fc.asyncProperty(valid(op.schema).map(plain), async (body) => {
        assert.ok(op.valid(body), `the generator made an invalid body: ${JSON.stringify(body)}: ${ajv.errorsText(op.valid.errors)}`);
        let r = await send(op, body);
        if (await restore(op, r)) r = await send(op, body), await restore(op, r);
        if (op.id === "opportunity_create" && r.status === 201) await newContact();
        counted.valid++;
        met.set(op.id, (met.get(op.id) || new Set()).add(r.status));
        const why = `${JSON.stringify(body)} was answered ${r.text}`;
        if (r.status === 422) assert.deepEqual(r.json.errors.filter((e) => !ofState.has(e.code) && !(ofRecord[op.id] || []).includes(e.code)), [], why);
        else if (r.status >= 300) assert.ok((allowed[op.id] || []).includes(r.json.code), why);
      }), runs());
      if (!/^session_|^password_|^catalog_item_replace|^contact_void|^opportunity_transfer|^advisor_handover|^follow_up_put|^client_merge/.test(op.id)) assert.ok([...met.get(op.id)].some((s) => s < 300), "some bodies are accepted");
    });
  assert.ok(counted.valid >= wanted, `${counted.valid} valid bodies`);
  console.log(`${counted.valid} valid bodies`);
});

test("invalid bodies are refused, with a fault at each place that ajv names", async (t) => {
  for (const op of operations)
    await t.test(op.id, async () => {
      const bodies = fc.tuple(valid(op.schema).map(plain), fc.array(broken, { minLength: 1, maxLength: 3 }))
        .map(([body, list]) => breakIt(op.schema, body, list));
      await fc.assert(fc.asyncProperty(bodies, async (body) => {
        fc.pre(!op.valid(body));
        const named = places(op.valid.errors);
        const r = await send(op, body);
        counted.invalid++;
        if (r.status === 400 && sites(op.schema, body).some(({ value }) => isTooBig(value))) return;
        assert.equal(r.status, 422, `${JSON.stringify(body)} was answered ${r.status} ${r.text}; ajv: ${ajv.errorsText(op.valid.errors)}`);
        const pointers = new Set(r.json.errors.map((e) => decodeURIComponent(e.pointer)));
        for (const place of named)
          assert.ok(pointers.has(place) || r.json.errors.length === 100, `no fault at ${place} of ${JSON.stringify(body)}: ${r.text}`);
        /* ajv compares no items that are of another type than they should be. */
        for (const { code, pointer } of r.json.errors) if (code === "not_unique" && named.some((place) => place.startsWith(`${pointer}/`))) pointers.delete(pointer);
        for (const pointer of pointers)
          assert.ok(named.includes(pointer), `ajv finds no fault at ${pointer} of ${JSON.stringify(body)}: ${r.text}`);
      }), { ...runs(), maxSkipsPerRun: 100 });
    });
  assert.ok(counted.invalid >= wanted, `${counted.invalid} invalid bodies`);
  console.log(`${counted.invalid} invalid bodies`);
});

/* holdsText(schema) - whether it has a string anywhere. */
const holdsText = (of) => {
  const schema = resolve(of);
  return typesOf(schema).includes("string") || [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])].some(holdsText);
};

test("U+0000 and lone surrogates in any string are 400", async (t) => {
  for (const op of operations.filter((one) => holdsText(one.schema)))
    await t.test(op.id, () => fc.assert(fc.asyncProperty(valid(op.schema).map(plain), fc.nat(), fc.constantFrom("\0", "\ud800", "\udfff"),
      async (body, nth, bad) => {
        const strings = sites(op.schema, body).filter(({ value }) => typeof value === "string");
        fc.pre(strings.length > 0);
        const { path } = strings[nth % strings.length];
        const r = await send(op, put(body, path, (value) => value + bad));
        assert.equal(r.status, 400, `${JSON.stringify(body)}, ${JSON.stringify(bad)} at ${path.join("/")}: ${r.text}`);
      }), { seed, numRuns: 10 }));
});
