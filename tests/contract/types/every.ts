/*
 * Uses every operation of openapi.yaml as a front end would, without a cast: it is compiled in strict mode, and never run. What
 * does not compile here would not compile in a client's first use. tests/contract/types.sh checks that no operation is missing.
 */
import createClient from "openapi-fetch";
import type { components, paths } from "./gestor.d.ts";

type Schemas = components["schemas"];
const gestor = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: "http://127.0.0.1:8080" });

async function ok<A extends { data?: unknown; error?: Schemas["Problem"]; response: Response }>(answer: Promise<A>): Promise<NonNullable<A["data"]>> {
  const { data, error } = await answer;
  if (data === undefined || data === null) throw new Error(error?.detail);
  return data;
}

/* What a value must be; nothing is converted. */
const text = (value: string) => value;
const maybe = (value: string | null) => value ?? "";
const flag = (value: boolean) => value;
const count = (value: number) => value;

async function sessions() {
  const session = await ok(gestor.POST("/v1/sessions", { body: { username: "E8153375", password: "x" } }));
  text(session.access_token);
  const renewed = await ok(gestor.POST("/v1/sessions/refresh", { body: { refresh_token: session.refresh_token } }));
  text(renewed.refresh_token);
  text((await ok(gestor.GET("/v1/sessions/current"))).advisor.id);
  const machine = await gestor.POST("/v1/oauth/token", { body: { grant_type: "client_credentials", client_id: "crm", client_secret: "x", scope: "client_read" },
    bodySerializer: ({ grant_type, client_id = "", client_secret = "", scope = "" }) => new URLSearchParams({ grant_type, client_id, client_secret, scope }) });
  if (machine.data) text(machine.data.access_token);
  await gestor.PUT("/v1/sessions/current/password", { body: { old_password: "x", password: "otra-clave-de-prueba" } });
  await gestor.DELETE("/v1/sessions/current");
}

async function clients() {
  for (const c of (await ok(gestor.GET("/v1/clients", { params: { query: { phone: "944264648" } } }))).items) text(c.etag ?? c.id);
  await gestor.GET("/v1/clients", { params: { query: { ids: "1,2" } } });
  const made = await ok(gestor.POST("/v1/clients", { body: { name: "X", document_type: "dni", document_number: "45678912", sales: { lines: ["944264648"] } } }));
  const preview = await ok(gestor.POST("/v1/clients", { params: { query: { validate_only: true } }, body: { name: "X", document_type: "dni", document_number: "45678912" } }));
  text(preview.id);
  const path = { client_id: text(made.id) };
  const client = await ok(gestor.GET("/v1/clients/{client_id}", { params: { path } }));
  maybe(client.phone); maybe(client.document_type.operator_code); maybe(client.advertising?.acceptance.code ?? null);
  text((await ok(gestor.PATCH("/v1/clients/{client_id}", { params: { path, header: { "If-Match": "\"0\"" } }, body: { phone: null } }))).id);
  text((await ok(gestor.POST("/v1/clients/{client_id}/merge", { params: { path }, body: { into: "2" } }))).id);
  text((await ok(gestor.POST("/v1/clients/{client_id}/merge/undo", { params: { path } }))).id);
  await gestor.POST("/v1/clients/{client_id}/erasure", { params: { path } });
  const { state } = await ok(gestor.GET("/v1/clients/{client_id}/erasure", { params: { path } }));
  flag(state === "done");
  const data = await ok(gestor.GET("/v1/clients/{client_id}/personal-data", { params: { path } }));
  text(data.client.id);
  for (const o of (await ok(gestor.GET("/v1/clients/{client_id}/opportunities", { params: { path, query: { limit: 5 } } }))).items) text(o.stage.label);
  for (const c of (await ok(gestor.GET("/v1/clients/{client_id}/consents", { params: { path } }))).items) maybe(c.advertising_acceptance?.code ?? null);
  text((await ok(gestor.POST("/v1/clients/{client_id}/consents", { params: { path }, body: { advertising_acceptance: null, source: "CARTA" } }))).created_at);
  for (const c of (await ok(gestor.GET("/v1/clients/{client_id}/contacts", { params: { path } }))).items) text(c.id);
  const contact = await ok(gestor.POST("/v1/clients/{client_id}/contacts", { params: { path }, body: { origin_phone: "944264648", serial_number: "2505050000125674" } }));
  text(contact.id); text(contact.greeting);
  const ofContact = { contact_id: contact.id };
  for (const c of (await ok(gestor.GET("/v1/contacts", { params: { query: { without_opportunity: true } } }))).items) maybe(c.opportunity_id);
  maybe((await ok(gestor.GET("/v1/contacts/{contact_id}", { params: { path: ofContact } }))).opportunity_id);
  count((await ok(gestor.PATCH("/v1/contacts/{contact_id}", { params: { path: ofContact }, body: { ownership_check: { asked: 3, right: 3 } } }))).ownership_check?.right ?? 0);
  text((await ok(gestor.POST("/v1/contacts/{contact_id}/voiding", { params: { path: ofContact }, body: { reason: "X" } }))).voided?.at ?? "");
  return { client, contact };
}

async function reports() {
  const report = await ok(gestor.GET("/v1/reports/retention", { params: { query: { group_by: "stage" } } }));
  text(report.as_of); count(report.totals.opened);
  for (const row of report.rows) text(row.opportunities);
}

async function opportunities({ client, contact }: { client: Schemas["Client"]; contact: Schemas["Contact"] }) {
  const listed = await ok(gestor.GET("/v1/opportunities", { params: { query: { stage: "en-proceso", include: "client,contact" } } }));
  for (const o of listed.items) { text(o.client?.name ?? ""); maybe(o.contact?.origin_phone ?? null); }
  maybe(listed.next);
  const made = await ok(gestor.POST("/v1/opportunities", { body: { contact_id: contact.id, sub_campaign: "entel" } }));
  const path = { opportunity_id: text(made.id) };
  text(made.etags.closure);
  text((await ok(gestor.GET("/v1/opportunities/{opportunity_id}", { params: { path } }))).id);
  text((await ok(gestor.PATCH("/v1/opportunities/{opportunity_id}", { params: { path }, body: { service: { current_plan: "X" } } }))).id);

  for (const a of (await ok(gestor.GET("/v1/opportunities/{opportunity_id}/actions", { params: { path } }))).items) text(a.action.code);
  const row = await ok(gestor.POST("/v1/opportunities/{opportunity_id}/actions", { params: { path }, body: { action: "bono-gb.bono-4-gb-por-12-meses" } }));
  const ofRow = { ...path, action_id: text(row.id) };
  text((await ok(gestor.GET("/v1/opportunities/{opportunity_id}/actions/{action_id}", { params: { path: ofRow } }))).id);
  /* With return=opportunity a part's write answers with the whole: `in` tells the two apart. */
  const changed = await ok(gestor.PATCH("/v1/opportunities/{opportunity_id}/actions/{action_id}", { params: { path: ofRow }, body: { final_state: "atendido" } }));
  if ("etags" in changed) text(changed.etags.actions); else maybe(changed.final_state?.code ?? null);
  await gestor.DELETE("/v1/opportunities/{opportunity_id}/actions/{action_id}", { params: { path: ofRow } });

  maybe((await ok(gestor.GET("/v1/opportunities/{opportunity_id}/diagnosis", { params: { path } }))).reason?.code ?? null);
  const diagnosis = await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/diagnosis", { params: { path }, body: { reason: "x" } }));
  if ("reason" in diagnosis) maybe(diagnosis.reason?.code ?? null);
  await gestor.DELETE("/v1/opportunities/{opportunity_id}/diagnosis", { params: { path } });
  maybe((await ok(gestor.GET("/v1/opportunities/{opportunity_id}/competitor-offer", { params: { path } }))).phone_to_manage);
  const offer = await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/competitor-offer", { params: { path }, body: { phone_to_manage: "944264648" } }));
  if ("operator" in offer) maybe(offer.operator?.code ?? null);
  await gestor.DELETE("/v1/opportunities/{opportunity_id}/competitor-offer", { params: { path } });
  text((await ok(gestor.GET("/v1/opportunities/{opportunity_id}/closure", { params: { path } }))).stage.code);
  const closure = await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/closure", { params: { path, header: { "If-Match": made.etags.closure } }, body: { stage: "en-proceso" } }));
  if ("closed_at" in closure) maybe(closure.closed_at);

  const whole = await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/typification", { params: { path }, body: { diagnosis: { reason: "x" } } }));
  const missing: Schemas["MissingField"][] = whole.missing;
  flag(missing.includes("actions"));
  const draft = await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/draft", { params: { path }, body: { note: "x", rows: [1, 2] } }));
  flag(draft["note"] === "x");
  await gestor.GET("/v1/opportunities/{opportunity_id}/draft", { params: { path } });
  await gestor.DELETE("/v1/opportunities/{opportunity_id}/draft", { params: { path } });
  text((await ok(gestor.POST("/v1/opportunities/{opportunity_id}/reopening", { params: { path } }))).id);
  text((await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/follow-up", { params: { path }, body: { at: "2030-01-15T15:30:00Z", note: "X" } }))).follow_up?.at ?? "");
  await gestor.DELETE("/v1/opportunities/{opportunity_id}/follow-up", { params: { path } });
  for (const o of (await ok(gestor.GET("/v1/agenda", { params: { query: { from: "2030-01-01", to: "2030-01-31" } } }))).items) maybe(o.follow_up?.note ?? null);
  text((await ok(gestor.POST("/v1/opportunities/{opportunity_id}/transfer", { params: { path }, body: { advisor: "E8123497", reason: "X" } }))).advisor.id);
  text((await ok(gestor.POST("/v1/opportunities/{opportunity_id}/voiding", { params: { path }, body: { reason: "X" } }))).voided?.reason ?? "");

  /* Exactly one of client_id and client. */
  const call = { contact: { origin_phone: "944264648", serial_number: "2505050000125674" }, sub_campaign: "entel" };
  text((await ok(gestor.POST("/v1/typifications", { body: { ...call, client_id: client.id } }))).id);
  text((await ok(gestor.POST("/v1/typifications", { body: { ...call, client: { name: "X", document_type: "dni", document_number: "45678912" } } }))).id);
  // @ts-expect-error neither
  await gestor.POST("/v1/typifications", { body: call });
  // @ts-expect-error both
  await gestor.POST("/v1/typifications", { body: { ...call, client_id: client.id, client: { name: "X", document_type: "dni", document_number: "45678912" } } });
  return path;
}

async function form() {
  const { sections, next, can_close, write } = await ok(gestor.GET("/v1/forms/typification", { params: { query: { client_id: "1", options: "inline" } } }));
  const codes = (options: Schemas["FormChoice"][]): string[] => options.flatMap((o) => [...(o.selectable ? [o.code] : []), ...codes(o.items)]);
  for (const section of sections)
    for (const field of section.fields)
      for (const option of field.options ?? []) if (typeof option !== "string") codes([option]);
  flag(can_close["no-retenido"]); maybe(next?.field ?? null); maybe(write?.if_match ?? null);
}

async function catalogs() {
  const catalog: Schemas["CatalogName"] = "retention_action", path = { catalog };
  count((await ok(gestor.GET("/v1/catalogs/{catalog}", { params: { path, query: { as_of: "2026-01-01", include: "inactive" } } }))).revision);
  text((await ok(gestor.PATCH("/v1/catalogs/{catalog}", { params: { path }, body: { name: "X" } }))).name);
  const made = await ok(gestor.POST("/v1/catalogs/{catalog}/items", { params: { path }, body: { label: "BONO 8 GB", parent: "bono-gb", position: 2 } }));
  const item = { params: { path: { ...path, code: text(made.code) } } };
  maybe((await ok(gestor.GET("/v1/catalogs/{catalog}/items/{code}", item))).valid_until);
  flag((await ok(gestor.PATCH("/v1/catalogs/{catalog}/items/{code}", { ...item, body: { valid_until: "2027-01-01" } }))).active);
  count((await ok(gestor.GET("/v1/catalogs/{catalog}/items/{code}/usage", item))).open);
  maybe((await ok(gestor.POST("/v1/catalogs/{catalog}/items/{code}/replacement", { ...item, body: { by: "bono-gb", move_open: true } }))).replaced_by);
  for (const change of (await ok(gestor.GET("/v1/catalogs/{catalog}/revisions", { params: { path } }))).items) { text(change.action); maybe(change.code); }
  const plan = await ok(gestor.POST("/v1/catalogs/{catalog}/plans", { params: { path, query: { retire_missing: true } }, body: { items: [] } }));
  const of = { params: { path: { ...path, plan_id: text(plan.id) } } };
  text((await ok(gestor.GET("/v1/catalogs/{catalog}/plans/{plan_id}", of))).id);
  text((await ok(gestor.POST("/v1/catalogs/{catalog}/plans/{plan_id}/application", of))).id);
}

async function others(path: { opportunity_id: string }) {
  for (const catalog of (await ok(gestor.GET("/v1/catalogs"))).items) text(catalog.name);
  const name: Schemas["CatalogName"] = "cancellation_reason";
  count((await ok(gestor.GET("/v1/catalogs/{catalog}", { params: { path: { catalog: name } } }))).revision);
  // @ts-expect-error no such catalogue
  await gestor.GET("/v1/catalogs/{catalog}", { params: { path: { catalog: "reasons" } } });

  for (const event of (await ok(gestor.GET("/v1/events", { params: { query: { types: "opportunity.closed", wait: 20 } } }))).items) text(event.type);
  for (const entry of (await ok(gestor.GET("/v1/audit", { params: { query: { operation: "closure_put" } } }))).items) maybe(entry.operation);
  for (const entry of (await ok(gestor.GET("/v1/audit/reads"))).items) text(entry.operation);
  await gestor.GET("/v1/clients/{client_id}/reads", { params: { path: { client_id: "1" } } });
  await gestor.GET("/v1/clients/{client_id}/audit", { params: { path: { client_id: "1" } } });
  await gestor.GET("/v1/opportunities/{opportunity_id}/audit", { params: { path } });

  await gestor.GET("/v1/advisors");
  const account = await ok(gestor.POST("/v1/advisors", { body: { username: "E8000009", full_name: "X", role: "advisor", password: "una-clave-de-prueba" } }));
  const ofAdvisor = { advisor_id: text(account.id) };
  text((await ok(gestor.GET("/v1/advisors/{advisor_id}", { params: { path: ofAdvisor } }))).full_name);
  flag((await ok(gestor.PATCH("/v1/advisors/{advisor_id}", { params: { path: ofAdvisor }, body: { active: false } }))).active);
  await gestor.DELETE("/v1/advisors/{advisor_id}/password", { params: { path: ofAdvisor } });
  count((await ok(gestor.POST("/v1/advisors/{advisor_id}/handover", { params: { path: ofAdvisor }, body: { advisor: "E8123497", reason: "X" } }))).count);
  const secret = await ok(gestor.POST("/v1/advisors/{advisor_id}/secrets", { params: { path: ofAdvisor }, body: {} }));
  text(secret.secret);
  for (const one of (await ok(gestor.GET("/v1/advisors/{advisor_id}/secrets", { params: { path: ofAdvisor } }))).items) maybe(one.expires_at);
  await gestor.DELETE("/v1/advisors/{advisor_id}/secrets/{secret_id}", { params: { path: { ...ofAdvisor, secret_id: secret.id } } });
  await gestor.PUT("/v1/advisors/{advisor_id}/password", { params: { path: ofAdvisor }, body: { password: "una-clave-de-prueba" } });

  const hook = await ok(gestor.POST("/v1/webhooks", { body: { url: "https://crm.example/hooks/gestor", types: ["opportunity.closed"] } }));
  text(hook.secret);
  const ofHook = { params: { path: { webhook_id: text(hook.id) } } };
  for (const one of (await ok(gestor.GET("/v1/webhooks"))).items) maybe(one.disabled_reason);
  flag((await ok(gestor.GET("/v1/webhooks/{webhook_id}", ofHook))).state === "enabled");
  flag((await ok(gestor.PATCH("/v1/webhooks/{webhook_id}", { ...ofHook, body: { state: "disabled", description: null } }))).types.includes("consent.recorded"));
  text((await ok(gestor.POST("/v1/webhooks/{webhook_id}/secret", ofHook))).secret);
  const delivery = { params: { path: { ...ofHook.params.path, delivery_id: text((await ok(gestor.POST("/v1/webhooks/{webhook_id}/test", ofHook))).id) } } };
  for (const one of (await ok(gestor.GET("/v1/webhooks/{webhook_id}/deliveries", { params: { ...ofHook.params, query: { status: "dead" } } }))).items) count(one.attempt_count);
  const sent = await ok(gestor.GET("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", delivery));
  text(sent.event.subject);
  for (const one of sent.attempts) maybe(one.answer);
  flag((await ok(gestor.POST("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redelivery", delivery))).status === "pending");
  count((await ok(gestor.POST("/v1/webhooks/{webhook_id}/redeliveries", { ...ofHook, body: { from: "2026-11-26" } }))).count);
  await gestor.DELETE("/v1/webhooks/{webhook_id}", ofHook);

  const lines = await gestor.GET("/v1/exports/{kind}", { params: { path: { kind: "clients" }, query: { created_from: "2026-11-01" } }, headers: { Accept: "text/csv" }, parseAs: "text" });
  if (lines.data) text(lines.data);
  const { data: file } = await gestor.POST("/v1/imports", { params: { query: { kind: "clients", mode: "valid_only" } }, headers: { "Content-Type": "text/csv" },
    body: "document_type,document_number,name\ndni,45678912,X\n", bodySerializer: (csv) => csv });
  for (const one of (await ok(gestor.GET("/v1/imports", { params: { query: { limit: 5 } } }))).items) maybe(one.reason);
  const ofImport = { params: { path: { import_id: text(file?.id ?? "1") } } };
  count((await ok(gestor.GET("/v1/imports/{import_id}", ofImport))).rows.failed);
  /* Two media types, so it is read as it comes. */
  const report = await gestor.GET("/v1/imports/{import_id}/report", { params: { ...ofImport.params, query: { outcome: "failed" } }, parseAs: "stream" });
  if (report.response.ok) maybe(report.response.headers.get("Content-Type"));
  await gestor.DELETE("/v1/imports/{import_id}", ofImport);

  await gestor.GET("/livez"); await gestor.GET("/readyz"); await gestor.GET("/metrics", { parseAs: "text" });
  await gestor.GET("/openapi.yaml", { parseAs: "text" }); await gestor.GET("/openapi.json"); await gestor.GET("/docs", { parseAs: "text" });
  await gestor.GET("/docs/docs.css", { parseAs: "text" }); await gestor.GET("/docs/docs.js", { parseAs: "text" });
}

/* A refusal, told by its code; a fault, shown at its field. */
async function refusals() {
  const { error } = await gestor.POST("/v1/clients", { body: { name: "", document_type: "dni", document_number: "1" } });
  if (error?.code === "client_exists") text(error.existing?.href ?? "");
  if (error?.code === "precondition_failed") maybe(error.current?.updated_at ?? null);
  for (const fault of error?.errors ?? []) { text(fault.label); text(fault.field); flag(fault.code === "choice_unknown" && (fault.allowed ?? []).length > 0); }
}

export async function every() {
  await sessions();
  await others(await opportunities(await clients()));
  await form();
  await catalogs();
  await reports();
  await refusals();
}
