/*
 * The whole call of the manual, in TypeScript: openapi-typescript generates gestor.d.ts
 * from openapi.yaml, and the HTTP client openapi-fetch uses these types.
 *
 * GESTOR_URL is the service's address, GESTOR_USERNAME and GESTOR_PASSWORD are the advisor's.
 */
import { createHash, randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./gestor.d.ts";

type Problem = components["schemas"]["Problem"];

const { GESTOR_URL: url = "http://127.0.0.1:8080", GESTOR_USERNAME: username, GESTOR_PASSWORD: password } = process.env;
const tries = 5;

/* Repeats the same request, with the same key, when the network fails or the service answers 503, after Retry-After seconds. */
async function fetchWithRetry(request: Request): Promise<Response> {
  for (let left = tries - 1; ; left--) {
    let pause = 2 ** (tries - 2 - left);
    try {
      const answer = await fetch(request.clone(), { signal: AbortSignal.timeout(15000) });
      if (answer.status !== 503 || left === 0) return answer;
      pause = Number(answer.headers.get("Retry-After") ?? pause);
    } catch (e) {
      if (left === 0) throw new Error(`${url} does not answer`, { cause: e });
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

/* An error answer: application/problem+json (RFC 9457). `code` is for programs, `title` and `detail` for people. */
class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    const faults = (problem.errors ?? []).map((fault) =>   // a 422 names every fault of the request at once
      `  ${fault.pointer}: ${fault.detail}${fault.allowed ? ` Allowed: ${fault.allowed.join(", ")}` : ""}`);
    if (problem.status === 412) faults.push("Somebody changed the record since it was read: read it again, then decide.");
    super([`${problem.status} ${problem.code}: ${problem.title}. ${problem.detail} [request ${problem.request_id}]`, ...faults].join("\n"));
  }
}

/* The body of a successful answer; throws otherwise. */
async function ok<A extends { data?: unknown; error?: Problem; response: Response }>(answer: Promise<A>): Promise<NonNullable<A["data"]>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw error ? new ProblemError(error) : new Error(`${response.status} ${response.statusText}`);
  return data as NonNullable<A["data"]>;
}

/* Narrows the type: only an answer to ?validate_only=true, which stores nothing, lacks the id or the token. */
const created = <T>(body: T) => body as Extract<T, { id: string } | { access_token: string }>;

const gestor = createClient<paths>({ baseUrl: url, fetch: fetchWithRetry });
let token = "";
gestor.use({
  onRequest({ request }) {
    request.headers.set("Accept-Language", "es");
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    /* The same key at every try: however often the request arrives, the service executes it once. */
    if (["POST", "PUT", "PATCH"].includes(request.method) && !request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", randomUUID());
    return request;
  },
});

/*
 * Gets new tokens. A refresh token can be used once, but several tabs of a browser may hold the same one. With a key derived
 * from it (SHA-256) their requests count as one, and all tabs get the same new tokens.
 */
async function renew(refreshToken: string) {
  const key = createHash("sha256").update(refreshToken).digest("hex");
  const { access_token, refresh_token } = await ok(gestor.POST("/v1/sessions/refresh", {
    body: { refresh_token: refreshToken }, params: { header: { "Idempotency-Key": key } },
  }));
  if (access_token === null || refresh_token === null) throw new Error("Only ?validate_only=true answers without tokens");
  return { access_token, refresh_token };
}

async function call() {
  if (!username || !password) throw new Error("Set GESTOR_USERNAME and GESTOR_PASSWORD");

  /* 1. Sign in. Every further request sends the access token, which is valid for 15 minutes. */
  const session = created(await ok(gestor.POST("/v1/sessions", { body: { username, password } })));
  token = session.access_token;

  /* A client refreshes it before it expires; here two tabs do so at once. */
  const [tab, otherTab] = await Promise.all([renew(session.refresh_token), renew(session.refresh_token)]);
  if (tab.refresh_token !== otherTab.refresh_token) throw new Error("The tabs have different tokens");
  token = tab.access_token;

  /* 2. Find the client by mobile number. Without a match the list is empty; that is not an error. */
  const [client] = (await ok(gestor.GET("/v1/clients", { params: { query: { phone: "944264648" } } }))).items;
  if (!client) throw new Error("No client has this number: register the client with POST /v1/clients");
  console.log(`Client: ${client.name}, ${client.document_type.label} ${client.document_number}`);

  /* 3. The history. */
  const ofClient = { client_id: client.id };
  const history = await ok(gestor.GET("/v1/clients/{client_id}/opportunities", { params: { path: ofClient, query: { limit: 5 } } }));
  for (const o of history.items)
    console.log(`  ${o.id}  ${o.campaign?.label}  ${o.stage?.label}  ${o.created_at.slice(0, 10)}  ${o.advisor.full_name}`);

  /* 4. Register the contact; the advisor reads the greeting to the client. */
  const contact = created(await ok(gestor.POST("/v1/clients/{client_id}/contacts", {
    params: { path: ofClient },
    body: { origin_phone: "944264648", serial_number: "2505050000125674", ownership_check: { asked: 3, right: 3 } },
  })));
  console.log(contact.greeting);

  /* 5. Generate the opportunity. */
  const { id } = created(await ok(gestor.POST("/v1/opportunities", { body: { contact_id: contact.id, sub_campaign: "entel" } })));
  const path = { opportunity_id: id };

  /* 6. Fill in the form. A choice is one code, its whole path; GET /v1/catalogs/{catalog} lists the codes. */
  await ok(gestor.POST("/v1/opportunities/{opportunity_id}/actions", {
    params: { path }, body: { action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" },
  }));
  await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/diagnosis", {
    params: { path }, body: { reason: "precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias" },
  }));
  await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/competitor-offer", {
    params: { path },
    body: { plan: "postpago-39-90", offer: "50-x-6-meses", channel: "telefonico", operator: "movistar", phone_to_manage: "944264648" },
  }));

  /* 7. Close the opportunity. If-Match with the ETag read before: the service refuses if somebody changed it since. */
  const read = gestor.GET("/v1/opportunities/{opportunity_id}/closure", { params: { path } });
  await ok(read);
  const etag = (await read).response.headers.get("ETag");
  await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/closure", {
    params: { path, ...(etag ? { header: { "If-Match": etag } } : {}) }, body: { advertising_acceptance: "acepto", stage: "retenido" },
  }));

  /* 8. Read it back, and sign out: both tokens end at once. */
  const opportunity = await ok(gestor.GET("/v1/opportunities/{opportunity_id}", { params: { path } }));
  console.log(`Opportunity ${opportunity.id}: ${opportunity.stage?.label}`);
  await ok(gestor.DELETE("/v1/sessions/current"));
}

call().catch((e: unknown) => {
  console.error(e instanceof Error ? e.message : e);
  process.exitCode = 1;
});
