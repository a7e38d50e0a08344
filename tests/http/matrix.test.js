/*
 * Who may do what: every operation of the document, for every kind of bearer, on every
 * kind of object. The table is complete: a cell has one letter for each object
 * that its heading names, in that order, or one letter for all of them.
 *
 *   +  success: the status in the first column
 *   -  401 token_missing              x  401 token_invalid
 *   w  401 credentials_wrong          t  401 refresh_token_invalid
 *   u  401 invalid_client, of OAuth   y  409 not_an_integration
 *   p  403 password_change_required   r  403 role_forbidden
 *   o  403 not_owner                  c  403 contact_not_owner
 *   0  404 not_found
 *   f  409 opportunity_finished       n  409 opportunity_not_finished
 *   d  409 client_exists              e  409 advisor_exists
 *   h  409 contact_has_opportunity    i  422 invalid
 *
 * nobody   no token                          ended   an administrator who has signed out
 * off      a deactivated administrator       must    an administrator who must change the password
 * rights   an integration with all rights    none    one without any
 * reads, writes, clients, contacts, opportunities    one with only the rights to read, to write, or for that resource
 *
 * A row may end with cells of further integrations, each behind the rights that it has and no others: "events:+00", or
 * "import+export:+". An integration with one of the rights of `others` alone that the row does not name gets what `none` gets.
 *
 * oauth_token is asked with a secret that nobody has: oauth.test.js asks with valid ones.
 * session_* act on the bearer's own session; `nobody` has none, and signs in with an unknown username.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { fingerprint } = require("./writes.js");

const table = `
                            nobody ended off  must advisor  supervisor admin    rights   reads    writes   clients contacts opportunities none

the bearer's
session_create          201 w      +     w    +    +        +          +        +        +        +        +       +        +             +
session_refresh         200 t      t     t    +    +        +          +        +        +        +        +       +        +             +
oauth_token             200 u      u     u    u    u        u          u        u        u        u        u       u        u             u
session_get             200 -      x     x    +    +        +          +        +        +        +        +       +        +             +
session_delete          204 -      x     x    +    +        +          +        +        +        +        +       +        +             +
password_put            204 -      x     x    +    +        +          +        +        +        +        +       +        +             +

nothing
client_search           200 -      x     x    p    +        +          +        +        +        r        +       r        r             r
opportunity_list        200 -      x     x    p    +        +          +        +        +        r        r       r        +             r
report_retention        200 -      x     x    p    r        +          +        r        r        r        r       r        r             r              reports:+
catalog_list            200 -      x     x    p    +        +          +        +        +        +        +       +        +             +
contact_search          200 -      x     x    p    r        +          +        r        r        r        r       r        r             r
advisor_list            200 -      x     x    p    r        +          +        r        r        r        r       r        r             r
event_list              200 -      x     x    p    r        r          +        r        r        r        r        r       r             r    events:+
webhook_list            200 -      x     x    p    r        r          +        r        r        r        r       r        r             r              webhooks:+
webhook_create          201 -      x     x    p    r        r          +        r        r        r        r       r        r             r              webhooks:+
agenda_list             200 -      x     x    p    +        +          +        +        +        r        r       r        +             r
audit_list              200 -      x     x    p    r        +          +        r        r        r        r       r        r             r
audit_read_list         200 -      x     x    p    r        +          +        r        r        r        r       r        r             r
import_create           202 -      x     x    p    r        r          +        r        r        r        r       r        r             r    import+personal_data:+
import_list             200 -      x     x    p    r        r          +        r        r        r        r       r        r             r    import:+ import+personal_data:+
livez                   200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
readyz                  200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
metrics                 200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
openapi_yaml            200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
openapi_json            200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
docs_page               200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
docs_style              200 +      +     +    +    +        +          +        +        +        +        +       +        +             +
docs_script             200 +      +     +    +    +        +          +        +        +        +        +       +        +             +

webhook: an own one, another's, absent
webhook_get             200 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00
webhook_update          200 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00
webhook_delete          204 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00
webhook_secret_rotate   200 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00
webhook_test            201 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00
delivery_list           200 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00
delivery_repeat_all     202 -      x     x    p    r        r          ++0      r        r        r        r       r        r             r              webhooks:+00

delivery: of an own webhook, another's, of another webhook, absent
delivery_get            200 -      x     x    p    r        r          ++00     r        r        r        r       r        r             r              webhooks:+000
delivery_repeat         202 -      x     x    p    r        r          ++00     r        r        r        r       r        r             r              webhooks:+000

form: of an own opportunity, another's, a client's, absent
form_get                200 -      x     x    p    +++0     +++0       +++0     +++0     +++0     r        r       r        r             r

export: clients, absent
export_get              200 -      x     x    p    r        +0         +0       r        r        r        r       r        r             r             export:r0 export+client_read:+0

import: an administrator's, absent
import_get              200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r    import:00 import+personal_data:00
import_report           200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r    import+personal_data:00
import_cancel           204 -      x     x    p    r        r          +0       r        r        r        r       r        r             r    import:00 import+personal_data:00

catalog: one, absent
catalog_get             200 -      x     x    p    +0       +0         +0       +0       +0       +0       +0      +0       +0            +0
catalog_update          200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r
catalog_item_create     201 -      x     x    p    r        r          +0       r        r        r        r       r        r             r
catalog_revision_list   200 -      x     x    p    r        +0         +0       r        r        r        r       r        r             r
catalog_plan_create     201 -      x     x    p    r        r          +0       r        r        r        r       r        r             r

item: one, absent, in a catalogue that is absent
catalog_item_get        200 -      x     x    p    +00      +00        +00      +00      +00      +00      +00     +00      +00           +00
catalog_item_update     200 -      x     x    p    r        r          +00      r        r        r        r       r        r             r
catalog_item_usage      200 -      x     x    p    r        +00        +00      r        r        r        r       r        r             r
catalog_item_replace    200 -      x     x    p    r        r          +00      r        r        r        r       r        r             r

plan: one, absent, another catalogue's
catalog_plan_get        200 -      x     x    p    r        r          +00      r        r        r        r       r        r             r
catalog_plan_apply      200 -      x     x    p    r        r          +00      r        r        r        r       r        r             r

client: one, absent
client_get              200 -      x     x    p    +0       +0         +0       +0       +0       r        +0      r        r             r
client_consent_list     200 -      x     x    p    +0       +0         +0       +0       +0       r        +0      r        r             r
client_consent_create   201 -      x     x    p    r        +0         +0       r        r        r        r       r        r             r  client_read+consent:+0
client_update           200 -      x     x    p    +0       +0         +0       +0       r        r        +0      r        r             r
client_erase            200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r
client_erasure_get      200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r
client_personal_data    200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r
client_opportunity_list 200 -      x     x    p    +0       +0         +0       +0       +0       r        r       r        +0            r
contact_list            200 -      x     x    p    +0       +0         +0       +0       +0       r        r       r        r             r
contact_create          201 -      x     x    p    +0       +0         +0       +0       r        r        r       r        r             r
client_audit_list       200 -      x     x    p    r        +0         +0       r        r        r        r       r        r             r
client_read_list        200 -      x     x    p    r        +0         +0       r        r        r        r       r        r             r

client to merge: one, absent
client_merge            200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r

merged client: one, absent
client_merge_undo       200 -      x     x    p    r        r          +0       r        r        r        r       r        r             r

new client: new, known
client_create           201 -      x     x    p    +d       +d         +d       +d       r        +d       +d      r        r             r

client in the body: new, known, named by id, by an id that is absent
typification_create     201 -      x     x    p    +d+i     +d+i       +d+i     +d+i     r        +d+i     r       r        r             r

contact: own, another's, absent
contact_get             200 -      x     x    p    ++0      ++0        ++0      ++0      ++0      r        r       r        r             r

contact to change: own, another's, own with a finished opportunity, another's with one, absent
contact_update          200 -      x     x    p    +cfc0    ++ff0      ++ff0    +cfc0    r        r        r       r        r             r

contact to void: own without an opportunity, another's, absent
contact_void            200 -      x     x    p    +c0      ++0        ++0      +c0      r        r        r       r        r             r

contact in the body: own, another's, own with an opportunity, another's with one, absent
opportunity_create      201 -      x     x    p    +chci    ++hhi      ++hhi    ++hhi    r        ++hhi    r       r        +chci         r

opportunity: own, another's, own finished, another's finished, absent, own imported, another's imported
opportunity_get         200 -      x     x    p    ++++0++  ++++0++    ++++0++  ++++0++  ++++0++  r        r       r        ++++0++       r
opportunity_audit_list  200 -      x     x    p    r        ++++0++    ++++0++  r        r        r        r       r        r             r
opportunity_update      200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
action_list             200 -      x     x    p    ++++0++  ++++0++    ++++0++  ++++0++  ++++0++  r        r       r        ++++0++       r
action_create           201 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
diagnosis_get           200 -      x     x    p    ++++0++  ++++0++    ++++0++  ++++0++  ++++0++  r        r       r        ++++0++       r
diagnosis_put           200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
competitor_offer_get    200 -      x     x    p    ++++0++  ++++0++    ++++0++  ++++0++  ++++0++  r        r       r        ++++0++       r
competitor_offer_put    200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
closure_get             200 -      x     x    p    ++++0++  ++++0++    ++++0++  ++++0++  ++++0++  r        r       r        ++++0++       r
closure_put             200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
typification_put        200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
diagnosis_delete        204 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
competitor_offer_delete 204 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
draft_put               200 -      x     x    p    +ofo0+o  +ofo0+o    +ofo0+o  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
opportunity_void        200 -      x     x    p    +ofo0+o  ++++0++    ++++0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
opportunity_transfer    200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
follow_up_put           200 -      x     x    p    +ofo0+o  ++ff0++    ++ff0++  +ofo0+o  r        +ofo0+o  r       r        +ofo0+o       r
opportunity_reopen      200 -      x     x    p    r        nn++0nn    nn++0nn  r        r        r        r       r        r             r

opportunity with a draft: own, another's, absent, own without a draft
draft_get               200 -      x     x    p    +o00     +o00       +o00     +o00     r        +o00     r       r        +o00          r
draft_delete            204 -      x     x    p    +o00     +o00       +o00     +o00     r        +o00     r       r        +o00          r

opportunity with a call-back: own, another's, absent, own without one
follow_up_delete        200 -      x     x    p    +o00     ++00       ++00     +o00     r        +o00     r       r        +o00          r

action: as the opportunities; then of an own opportunity, absent, or of another opportunity; of another's, absent
action_get              200 -      x     x    p    ++++0000 ++++0000   ++++0000 ++++0000 ++++0000 r        r       r        ++++0000      r
action_update           200 -      x     x    p    +ofo000o ++ff0000   ++ff0000 +ofo000o r        +ofo000o r       r        +ofo000o      r
action_delete           204 -      x     x    p    +ofo000o ++ff0000   ++ff0000 +ofo000o r        +ofo000o r       r        +ofo000o      r

leaver: an account, a deactivated one, absent
advisor_handover        200 -      x     x    p    r        ++0        ++0      r        r        r        r       r        r             r

new account: new, known
advisor_create          201 -      x     x    p    r        r          +e       r        r        r        r       r        r             r

account: one's own, another's, deactivated, known only from old records, absent
advisor_get             200 -      x     x    p    r        r          +++00    r        r        r        r       r        r             r
advisor_update          200 -      x     x    p    r        r          +++00    r        r        r        r       r        r             r
advisor_password_put    204 -      x     x    p    r        r          +++00    r        r        r        r       r        r             r

account of: an integration, a person, one known only from old records, absent
advisor_password_delete 204 -      x     x    p    r        r          +y00     r        r        r        r       r        r             r
advisor_secret_list     200 -      x     x    p    r        r          ++00     r        r        r        r       r        r             r
advisor_secret_create   201 -      x     x    p    r        r          +y00     r        r        r        r       r        r             r

secret: one, another account's, absent
advisor_secret_delete   204 -      x     x    p    r        r          +00      r        r        r        r       r        r             r
`;

const refusals = {
  "-": [401, "token_missing"], x: [401, "token_invalid"], w: [401, "credentials_wrong"], u: [401, "invalid_client"], y: [409, "not_an_integration"], t: [401, "refresh_token_invalid"],
  p: [403, "password_change_required"], r: [403, "role_forbidden"], o: [403, "not_owner"], c: [403, "contact_not_owner"], 0: [404, "not_found"],
  f: [409, "opportunity_finished"], n: [409, "opportunity_not_finished"], d: [409, "client_exists"], e: [409, "advisor_exists"],
  h: [409, "contact_has_opportunity"], i: [422, "invalid"],
};
/* The refusals that are decided without the database. */
const early = "-pr";

const absent = "999999999";
const soon = () => new Date(Date.now() + 86400000).toISOString();
const row = { action: "bono-gb.bono-4-gb-por-12-meses" };

/* By heading, the objects to try for a bearer (created in before()): ids for the path, or parts of the body. */
const objects = {
  "the bearer's": (b) => [b],
  "nothing": () => [{}],
  "form": (b) => [`opportunity_id=${b.own.id}`, `opportunity_id=${theirs.own.id}`, `client_id=${b.own.client}`, `client_id=${absent}`].map((query) => ({ query })),
  "webhook": (b) => [b.webhook, theirs.webhook, absent].map((webhook_id) => ({ webhook_id })),
  "delivery": (b) => [[b.webhook, b.delivery], [theirs.webhook, theirs.delivery], [b.webhook, theirs.delivery], [b.webhook, absent]]
    .map(([webhook_id, delivery_id]) => ({ webhook_id, delivery_id })),
  "opportunity with a draft": (b) => [b.own, theirs.own, { id: absent }, b.imported].map((o) => ({ opportunity_id: o.id })),
  "export": () => [{ kind: "clients" }, { kind: "no-hay" }],
  "import": () => [{ import_id: known.import }, { import_id: "999999" }],
  "opportunity with a call-back": (b) => [b.own, theirs.own, { id: absent }, b.imported].map((o) => ({ opportunity_id: o.id })),
  "leaver": (b) => [theirs.id, bearers.off.id, absent].map((id) => ({ advisor_id: id })),
  "catalog": () => [{ catalog: "stage" }, { catalog: "no-hay" }],
  "item": () => [{ catalog: "operator", code: "bitel" }, { catalog: "operator", code: "no-hay" }, { catalog: "no-hay", code: "bitel" }],
  "plan": () => [{ catalog: "operator", plan_id: known.plan }, { catalog: "operator", plan_id: absent }, { catalog: "stage", plan_id: known.plan }],
  "client": (b) => [{ client_id: b.own.client }, { client_id: absent }],
  "client to merge": (b) => [{ client_id: b.own.client }, { client_id: absent }],
  "merged client": () => [{ client_id: known.merged }, { client_id: absent }],
  "new client": () => [{ document: {} }, { document: { document_number: known.client.document_number } }],
  "client in the body": (b) => [{ client: lib.newClient() }, { client: lib.newClient({ document_number: known.client.document_number }) },
    { client_id: b.own.client }, { client_id: absent }],
  "contact": (b) => [{ contact_id: b.own.contact }, { contact_id: theirs.own.contact }, { contact_id: absent }],
  "contact to change": (b) => [b.own.contact, theirs.own.contact, b.finished.contact, theirs.finished.contact, absent].map((contact_id) => ({ contact_id })),
  "contact to void": (b) => [b.own.unused, theirs.own.unused, absent].map((contact_id) => ({ contact_id })),
  "contact in the body": (b) => [b.own.unused, theirs.own.unused, b.own.contact, theirs.own.contact, absent].map((contact) => ({ contact })),
  "opportunity": (b) => [b.own, theirs.own, b.finished, theirs.finished, { id: absent }, b.imported, theirs.imported].map((o) => ({ opportunity_id: o.id })),
  "action": (b) => [b.own, theirs.own, b.finished, theirs.finished, { id: absent, row: b.own.row }, { id: b.own.id, row: absent },
    { id: b.own.id, row: theirs.own.row }, { id: theirs.own.id, row: absent }].map((o) => ({ opportunity_id: o.id, action_id: o.row })),
  "new account": () => [{ username: "E5500999" }, { username: theirs.username }],
  "account of": () => [bearers.rights.id, theirs.id, known.record, absent].map((id) => ({ advisor_id: id })),
  "secret": () => [[bearers.rights.id, known.secret], [bearers.none.id, known.secret], [bearers.rights.id, absent]].map(([advisor_id, secret_id]) => ({ advisor_id, secret_id })),
  "account": (b) => [b.id, theirs.id, bearers.off.id, known.record, absent].map((id) => ({ advisor_id: id })),
};

/* By operation with a body: the body for this object. */
const bodies = {
  session_create: (o) => ({ username: o.username, password: lib.password }),
  session_refresh: (o) => ({ refresh_token: o.refresh_token }),
  oauth_token: (o) => lib.formEncoded({ grant_type: "client_credentials", client_id: o.username, client_secret: "gsec_x" }),
  advisor_secret_create: () => ({}),
  password_put: () => ({ old_password: lib.password, password: "otra-clave-de-prueba" }),
  client_create: (o) => lib.newClient(o.document),
  client_update: () => ({ gender: "F" }),
  contact_create: () => lib.newContact(),
  contact_update: () => ({ ownership_check: { asked: 3, right: 2 } }),
  opportunity_create: (o) => ({ contact_id: o.contact, sub_campaign: "entel" }),
  opportunity_update: () => ({ service: { current_plan: "CHIP PREPAGO" } }),
  action_create: () => row,
  action_update: () => ({ final_state: "no-atendido" }),
  diagnosis_put: () => ({ reason: "precio-y-contenido.contenido-prepago.no-recibio-su-recarga" }),
  competitor_offer_put: () => ({ ...lib.form().competitor_offer, operator: "bitel" }),
  closure_put: () => ({ advertising_acceptance: "no-acepto", stage: "en-proceso" }),
  draft_put: () => ({ note: "X" }),
  follow_up_put: () => ({ at: soon() }),
  opportunity_void: () => ({ reason: "X" }),
  contact_void: () => ({ reason: "X" }),
  opportunity_transfer: () => ({ advisor: "E8123497", reason: "X" }),
  advisor_handover: () => ({ advisor: "E8123497", reason: "X" }),
  client_merge: () => ({ into: known.client.id }),
  client_consent_create: () => ({ advertising_acceptance: "acepto", source: "CARTA" }),
  typification_put: () => ({ diagnosis: { reason: lib.reason } }),
  typification_create: (o) => ({ ...o, contact: lib.newContact(), sub_campaign: "entel", ...lib.form() }),
  catalog_update: () => ({ name: "Otro nombre" }),
  catalog_item_create: () => ({ label: "OTRA ETAPA" }),
  catalog_plan_create: () => ({ items: [{ label: "OTRA ETAPA" }] }),
  catalog_item_update: () => ({ label: "OTRO OPERADOR" }),
  catalog_item_replace: () => ({ by: "entel" }),
  webhook_create: () => ({ url: "http://127.0.0.1:1025/hook", types: ["client.merged"] }),
  webhook_update: () => ({ ordering: "strict" }),
  delivery_repeat_all: () => ({ from: "2026-01-01" }),
  advisor_create: (o) => ({ username: o.username, full_name: "CUENTA DE PRUEBA", role: "advisor", password: lib.password }),
  advisor_update: () => ({ full_name: "OTRO NOMBRE" }),
  advisor_password_put: () => ({ password: "otra-clave-de-prueba" }),
  import_create: () => Buffer.from("document_type,document_number,name\n"),
};
const queries = { client_search: "phone=944264648", import_create: "kind=clients", report_retention: "group_by=stage" };

/* ----------------------------------------------------------- the parsed table */

const [head, ...lines] = table.split("\n").filter((line) => line.trim());
const columns = head.trim().split(/\s+/);
const rows = [];
for (const line of lines) {
  const [id, status, ...cells] = line.split(/\s+/);
  if (!/^[0-9]{3}$/.test(status)) rows.heading = line.split(":")[0];
  else rows.push({ id, status: Number(status), cells: cells.filter((cell) => !cell.includes(":")), of: rows.heading,
    further: Object.fromEntries(cells.filter((cell) => cell.includes(":")).map((cell) => cell.split(":"))) });
}

let world, operations;
const bearers = {};   // by column: {as, blind, id, username, refresh_token, own, finished}
let theirs;           // the bearer that owns the other objects
const known = {};     // a client, and the id of an advisor without an account

/* ------------------------------------------------------------------ before */

const rights = ["client", "contact", "opportunity"].flatMap((of) => [`${of}_read`, `${of}_write`]);
const integration = (which) => ({ role: "integration", rights: rights.filter((right) => which.test(right)) });
const roles = {
  ended: { role: "admin" }, off: { role: "admin" }, must: { role: "admin" }, advisor: { role: "advisor" }, supervisor: { role: "supervisor" }, admin: { role: "admin" },
  rights: integration(/./), reads: integration(/read/), writes: integration(/write/), clients: integration(/client/), contacts: integration(/contact/),
  opportunities: integration(/opportunity/), none: { role: "integration" }, theirs: { role: "advisor" },
};
/* Rights that no column has; `further` are the integrations with one of these alone, and those of the rows' further cells. */
const others = ["personal_data", "events", "webhooks", "import", "export", "consent", "reports", "on_behalf"];
const further = [...new Set([...others, ...rows.flatMap((r) => Object.keys(r.further))])];

/* belongings(ana) - an opportunity in process and a finished one, each with a row, and a contact without an opportunity. */
async function belongings(ana) {
  const one = await lib.opened(ana), done = await lib.opened(ana);
  const action = await ana.post(`${one.at}/actions`, row), unused = await ana.post(`/v1/clients/${one.client.id}/contacts`, lib.newContact());
  const closed = await ana.put(`${done.at}/typification`, lib.form());
  assert.deepEqual([action.status, unused.status, closed.status], [201, 201, 200]);
  return {
    own: { client: one.client.id, contact: one.contact.id, unused: unused.json.id, id: one.opportunity.id, row: action.json.id },
    finished: { contact: done.contact.id, id: done.opportunity.id, row: closed.json.actions[0].id },
  };
}

before(async () => {
  world = await lib.world();
  ({ operations } = await lib.loadContract(world.base));
  /* This server loads the ended sessions before the database is dropped; otherwise it would answer 503 to every token. */
  const gone = lib.createDatabase(), dead = (await lib.startServer(gone.serve)).base;
  gone.drop();
  const ana = await world.signedIn("E8153375"), chief = await world.signedIn("E8000002");
  known.client = (await ana.post("/v1/clients", lib.newClient())).json;
  known.merged = (await ana.post("/v1/clients", lib.newClient())).json.id;
  assert.equal((await chief.post(`/v1/clients/${known.merged}/merge`, { into: known.client.id })).status, 200);
  known.plan = (await chief.post("/v1/catalogs/operator/plans", { items: [{ label: "OTRO OPERADOR" }] })).json.id;
  /* It is never worked on: nothing more of its file comes. */
  known.import = world.database.sql(`insert into import (kind, mode, format, separator, words, said, heard_at)
    values ('clients', 'dry_run', 'csv', ',', '{}', '{}', now() + interval '1 hour') returning id`).split("\n")[0];
  known.record = world.database.sql("select min(id) from advisor where username is null");
  let n = 0;
  for (const [name, account] of [...Object.entries(roles), ...further.map((name) => [name, { role: "integration", rights: name.split("+") }])]) {
    const username = `E55${String(++n).padStart(5, "0")}`;
    const isMachine = account.role === "integration";
    const made = await chief.post("/v1/advisors", { username, full_name: "CUENTA DE PRUEBA", password: lib.password, ...(isMachine ? { role: "advisor" } : account) });
    assert.equal(made.status, 201, made.text);
    if (isMachine) lib.withPassword(world.database, made.json.id, account.rights || []);
    if (name !== "must") world.database.sql(`update advisor set must_change_password = false where id = ${made.json.id}`);
    const { json: session } = await world.anyone.post("/v1/sessions", { username, password: lib.password });
    bearers[name] = { id: made.json.id, username, refresh_token: session.refresh_token, as: lib.caller(world.base, session.access_token),
      blind: lib.caller(dead, session.access_token), ...await belongings(ana) };
  }
  /* Records of the old application: below 1,000,000, without a contact. */
  for (const [n, b] of Object.values(bearers).entries()) b.imported = { id: String(900001 + n) };
  world.database.sql(Object.values(bearers).map((b) =>
    `insert into opportunity (id, client_id, advisor_id, campaign_id, campaign, stage_id, stage) overriding system value
       select ${b.imported.id}, client_id, ${b.id}, campaign_id, campaign, stage_id, stage from opportunity where id = ${b.own.id};` +
    `update opportunity set advisor_id = ${b.id} where id in (${b.own.id}, ${b.finished.id});` +
    `update contact set advisor_id = ${b.id} where id in (${b.own.contact}, ${b.own.unused}, ${b.finished.contact});`).join("\n"));
  world.database.sql(`update opportunity set follow_up_at = now() + interval '1 day' where id in (${Object.values(bearers).map((b) => b.own.id)})`);
  world.database.sql(`insert into draft (opportunity_id, body) values ${Object.values(bearers).map((b) => `(${b.own.id}, '{"note": "X"}')`)}`);
  known.secret = (await chief.post(`/v1/advisors/${bearers.rights.id}/secrets`, {})).json.id;
  /* Deliveries that nobody attempts, because their time is far. */
  for (const b of Object.values(bearers)) {
    b.webhook = world.database.sql(`insert into webhook (advisor_id, url, types, ordering, secret) values (${b === bearers.theirs ? "(select id from advisor where username = 'E8000002')" : b.id}, 'http://127.0.0.1:1025/', '{client.merged}', 'none', 'x') returning id`);
    b.delivery = world.database.sql(`insert into webhook_delivery (webhook_id, event_id, type, body, next_at)
      values (${b.webhook}, '1', 'client.merged', '{"specversion": "1.0", "id": "1", "source": "/gestor", "type": "client.merged", "subject": "/v1/clients/1", "time": "2026-11-27T08:30:00Z", "datacontenttype": "application/json", "data": {}}', 'infinity') returning id`);
  }
  theirs = bearers.theirs;
  delete bearers.theirs;
  bearers.nobody = { ...bearers.advisor, username: "E5500000", refresh_token: "A".repeat(bearers.advisor.refresh_token.length), as: world.anyone, blind: lib.caller(dead) };
  assert.equal((await bearers.ended.as.delete("/v1/sessions/current")).status, 204);
  assert.equal((await chief.patch(`/v1/advisors/${bearers.off.id}`, { active: false })).status, 200);
});
after(() => world.end());

/* ------------------------------------------------------------------- the test */

/* shown(r) - everything in an answer except what identifies the request or the existing record. */
function shown(r) {
  const { date, "x-request-id": id, traceparent, ...headers } = r.headers;
  const { request_id, existing, ...json } = r.json;
  return { status: r.status, headers, json };
}

/*
 * tried(op, b, object, letter, status) - sends the request as this bearer on this object, and expects the result `letter`.
 * Requests that would succeed use validate_only. A refusal must be the same with validate_only, with a stale If-Match
 * and to HEAD. A refusal that is decided without the database must also be the same with an unreadable body, and
 * from a server without a database, so its time cannot depend on existing records.
 */
async function tried(op, b, object, letter, status) {
  const what = `${op.operationId}, ${letter}, ${JSON.stringify(object)}`;
  const path = op.path.replace(/\{([a-z_]+)\}/g, (_, name) => object[name]);
  const body = op.requestBody ? bodies[op.operationId](object) : undefined;
  const type = op.operationId === "oauth_token" ? { "content-type": "application/x-www-form-urlencoded" } : {};
  const file = op.operationId === "import_create" ? { "content-type": "text/csv" } : {};
  const ask = (as, query, headers, other = body, method = op.method) =>
    as.request(method, [path, [object.query || queries[op.operationId], query].filter(Boolean).join("&")].filter(Boolean).join("?"), other, { ...type, ...file, ...headers });
  /* A file is rehearsed by its mode, and an import is cancelled or not. */
  const writes = op.method !== "GET" && !op.operationId.startsWith("import_");
  if (letter === "+") {
    const r = await ask(b.as, writes ? "validate_only=true" : "");
    assert.equal(r.status, writes && [201, 202].includes(status) ? 200 : status, `${what}: ${r.text}`);
    return r;
  }
  const r = await ask(b.as);
  assert.deepEqual([r.status, r.json.code || r.json.error], refusals[letter], `${what}: ${r.text}`);
  const others = [];
  if (writes && takes(op, "validate_only")) others.push(["validate_only", await ask(b.as, "validate_only=true")]);
  if (writes && takes(op, "If-Match")) others.push(["If-Match", await ask(b.as, "", { "if-match": "\"0\"" })]);
  if (early.includes(letter)) {
    if (op.requestBody) others.push(["no JSON", await ask(b.as, "", {}, "{")]);
    others.push(["without a database", await ask(b.blind)]);
  }
  for (const [how, other] of others) assert.deepEqual(shown(other), shown(r), `${what}: ${how}`);
  if (op.method === "GET") {
    const head = await ask(b.as, "", {}, undefined, "HEAD");
    assert.deepEqual(shown({ ...head, json: r.json }), shown(r), `${what}: HEAD`);
  }
  return r;
}

const takes = (op, name) => (op.parameters || []).some((p) => p.name === name || (p.$ref || "").endsWith(`/${name.toLowerCase().replace("-", "_")}`));

test("the table has a row for every operation of the document, and every row has all columns", () => {
  assert.deepEqual(columns, ["nobody", ...Object.keys(roles).filter((name) => name !== "theirs")]);
  assert.deepEqual(rows.map((r) => r.id).sort(), operations.map((op) => op.operationId).sort());
  for (const { id, cells, of, further: more } of rows) {
    assert.equal(cells.length, columns.length, id);
    const n = objects[of](bearers.advisor).length;
    for (const cell of [...cells, ...Object.values(more)]) {
      assert.ok(cell.length === 1 || cell.length === n, `${id}: ${cell} has no letter for each of the ${n} objects`);
      for (const letter of cell) assert.ok(letter === "+" || refusals[letter], `${id}: ${letter}`);
    }
    const op = operations.find((o) => o.operationId === id);
    const free = op.security && op.security.length === 0;
    assert.equal(cells[0] !== "-", Boolean(free), `${id}: the table and the document agree on whether it needs a token`);
    assert.equal(Boolean(op.requestBody), bodies[id] !== undefined, `${id}: a body`);
  }
});

for (const { id, status, cells, of, further: more } of rows)
  test(`${id}: every bearer gets the table's answer for every object`, async () => {
    const op = operations.find((o) => o.operationId === id), whole = fingerprint(world.database);
    for (const [name, cell] of [...columns.map((name, i) => [name, cells[i]]), ...Object.entries(more)]) {
      const b = bearers[name], all = objects[of](b);
      const letters = cell.length === 1 ? all.map(() => cell) : [...cell];
      const answers = await Promise.all(all.map((object, n) => tried(op, b, object, letters[n], status)));
      /* Refusals with the same letter must be indistinguishable. */
      for (const [n, r] of answers.entries())
        if (letters[n] !== "+") assert.deepEqual(shown(r), shown(answers[letters.indexOf(letters[n])]), `${name}, object ${n}`);
    }
    const none = cells[columns.indexOf("none")];
    for (const name of others.filter((right) => !more[right]))
      await tried(op, bearers[name], objects[of](bearers[name])[0], none[0], status);
    /* Imports have no rehearsal: wait for the end of the work. */
    while (id === "import_create" && world.database.sql("select count(*) from import where finished_at is null and state <> 'receiving'") !== "0")
      await new Promise((resolve) => setTimeout(resolve, 20));
    if (!id.startsWith("import_")) assert.equal(fingerprint(world.database), whole, "nothing has changed");
  });
