"use strict";
/* Migrations 0013 and 0014: they bring existing rows into the normal form, and constraints enforce it afterwards. */
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const lib = require("./lib.js");

let database;
before(() => { database = lib.createDatabase(); });
after(() => database.drop());

const migrate = () => execFileSync(lib.gestor, ["migrate"], { env: { ...process.env, DATABASE_URL: database.owner }, encoding: "utf8" });
const e = (text) => `U&'${[...text].map((c) => `\\+${c.codePointAt(0).toString(16).padStart(6, "0")}`).join("")}'`;

/* Back to the schema before 0013. */
const before13 = `
  delete from schema_migrations where version in ('0013', '0014');
  alter table catalog_item drop constraint catalog_item_label_form, add constraint catalog_item_label_form check (label = btrim(label) and label <> '');
  alter table advisor drop constraint advisor_full_name_form, add constraint advisor_full_name_form check (btrim(full_name) <> '');
  alter table client drop constraint client_legal_representative_form, drop constraint client_name_form, add constraint client_name_form check (btrim(name) <> '');
  alter table catalog drop constraint catalog_name_form, drop constraint catalog_levels_form;
  drop function are_lines(text[]);
  alter table client drop constraint if exists client_external_id_form;
  drop trigger if exists client_events on client;
  drop function is_line(text);`;

const names = [["\tJUAN\u00a0", "JUAN"], ["PEN\u0303A", "PEÑA"], ["A\nB", "A B"], ["\u202eJUAN", "JUAN"], ["\u200b", "SIN NOMBRE"], ["A \u2003 B", "A B"],
  ["JU\u200dAN\ufe0f", "JUAN"], ["N\u200b\u0303", "Ñ"], ["👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"], ["\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"], ["ANA LUZ", "ANA LUZ"], ["é\u200d", "é"],
  ["\u200d", "SIN NOMBRE"], ["\u2800\u3164A", "A"], ["A\u0007", "A"]];

test("migrate: brings names, labels and blank texts into the normal form, counts them, and enforces the form", () => {
  database.sql(before13);
  names.forEach(([name], i) => database.sql(`insert into client (name, document_type_id, document_type, document_number, phone)
    select ${e(name)}, t.id, t.choice, '${20000000 + i}', '944264648' from choice('document_type', 'dni') t`));
  database.sql(`insert into client (name, document_type_id, document_type, document_number, legal_representative, gender, plan, segment, email, overdue_payment, trac_profile)
    select 'TEXTOS', t.id, t.choice, '30000000', ${e(" ANA\u200b  LUZ ")}, ' ', '', ${e("\u00a0")}, ' a@b.pe', 'S/ 1', ${e("\t")} from choice('document_type', 'dni') t`);
  database.sql(`insert into client (name, document_type_id, document_type, document_number) select 'BORRADA', t.id, t.choice, '30000001' from choice('document_type', 'dni') t`);
  database.sql("select client_erase(id) from client where name = 'BORRADA'");
  database.sql(`insert into advisor (full_name, role) values (${e("LUZ\u00a0 PEN\u0303A")}, 'advisor')`);
  const code = database.sql(`insert into catalog_item (catalog_id, label) values (2, ${e("BI\u200bTEL  PERU\u0301")}) returning code`);
  database.sql(`update catalog set name = ${e(" Sub\u200b Campan\u0303a ")}, levels = array[${e("Sub\u00a0Campaña")}, ${e("\t")}] where code = 'sub_campaign'`);
  const untouched = database.sql("select string_agg(xmin::text, ',' order by id) from client where name in ('ANA LUZ', 'BORRADO')");
  const updated = database.sql("select string_agg(updated_at::text, ',' order by id) from client");

  const out = migrate();
  assert.match(out, /0013_normal_form\.sql {2}applied/);
  assert.match(out, /0014_normal_form_valid\.sql {2}applied/);
  for (const [name, count] of [["client.name", 12], ["client.legal_representative", 1], ["client.gender", 1], ["client.plan", 1], ["client.segment", 1], ["client.email", 1],
    ["client.trac_profile", 1], ["advisor.full_name", 1], ["catalog_item.label", 1], ["catalog", 1]])
    assert.ok(out.includes(`${name}: ${count} in another form, now normal`), `${name} ${count}: ${out}`);
  assert.ok(!out.includes("overdue_payment"));
  for (const [name] of names) if (name !== "ANA LUZ") assert.ok(!out.includes(name), "the output has no personal data");
  names.forEach(([name, normal], i) => assert.equal(database.sql(`select name = ${e(normal)} from client where document_number = '${20000000 + i}'`), "t", JSON.stringify(name)));
  assert.equal(database.sql("select legal_representative, gender, plan, segment, email, overdue_payment, trac_profile from client where name = 'TEXTOS'"), "ANA LUZ||||a@b.pe|S/ 1|");
  assert.equal(database.sql("select full_name from advisor where username is null"), "LUZ PEÑA");
  assert.equal(database.sql(`select label, code, choice ->> 'label' from catalog_item where code = '${code}'`), `BITEL PERÚ|${code}|BITEL PERÚ`);
  assert.equal(database.sql("select name, levels from catalog where code = 'sub_campaign'"), 'Sub Campaña|{"Sub Campaña",sub_campaign}');
  assert.equal(database.sql("select string_agg(xmin::text, ',' order by id) from client where name in ('ANA LUZ', 'BORRADO')"), untouched);
  assert.equal(database.sql("select string_agg(updated_at::text, ',' order by id) from client"), updated);
  assert.equal(database.sql("select count(*) from pg_constraint where conname ~ '_form$' and not convalidated"), "0");

  /* A second run finds everything in normal form and reports nothing. */
  database.sql(before13);
  assert.ok(!migrate().includes("now normal"));
});

test("constraints enforce the normal form on names and labels written by hand", () => {
  for (const bad of [" X", "X ", "", "X  Y", "A\nB", "A\u0007", "PEN\u0303A", "\u200b", "X\u00a0Y", "\u202eX", "X\u200f", "\ufeffX", "\u200d", "X\u0085", "\u2028", "\u00ad"]) {
    for (const [constraint, statement] of [["catalog_item_label_form", `insert into catalog_item (catalog_id, code, label) values (2, 'x', ${e(bad)})`],
      ["catalog_item_label_form", `update catalog_item set label = ${e(bad)} where code = 'entel' and catalog_id = 2`],
      ["advisor_full_name_form", `insert into advisor (full_name, role) values (${e(bad)}, 'advisor')`],
      ["catalog_name_form", `update catalog set name = ${e(bad)} where code = 'stage'`],
      ["catalog_levels_form", `update catalog set levels = array['Etapa', ${e(bad)}] where code = 'stage'`],
      ["client_name_form", `update client set name = ${e(bad)} where name = 'TEXTOS'`],
      ["client_legal_representative_form", `update client set legal_representative = ${e(bad)} where name = 'TEXTOS'`]])
      assert.throws(() => database.sql(bad === "" ? statement.replace("U&''", "''") : statement), new RegExp(constraint), `${JSON.stringify(bad)} ${statement}`);
  }
  for (const good of ["MAX 29.90 - 30GB Y S/5 POR 6 MESES", "ÑANDÚ", "株式会社", "👨\u200d👩"])
    database.sql(`update catalog_item set label = ${e(good)} where code = 'entel' and catalog_id = 2`);
});
