/*
 * A typed client of Gestor: openapi-typescript generates gestor.d.ts from openapi.yaml (`make types`), openapi-fetch uses these
 * types. It repeats requests that may be repeated, renews the tokens before they end, and turns an error answer into a
 * ProblemError, whose faults know the fields of a form. Nothing here is of the examples: copy the file.
 */
import { createHash, randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./gestor.d.ts";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Fault = Schemas["Fault"];

const tries = 5, timeoutMs = 15_000;
/* A renewal this long before the access token ends meets no request that is under way with the old one. */
const renewalMs = 60_000;

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/*
 * Whether the same request, with the same key, may succeed later: the service or the proxy is busy or restarts, or an earlier try
 * of this request is still under way (409 idempotency_key_in_use), whose answer the next try gets.
 */
async function isTemporary(answer: Response): Promise<boolean> {
  if ([502, 503, 504].includes(answer.status)) return true;
  if (answer.status !== 409) return false;
  const problem: unknown = await answer.clone().json().catch(() => null);
  return typeof problem === "object" && problem !== null && "code" in problem && problem.code === "idempotency_key_in_use";
}

/* Repeats a request when the network fails or the refusal is temporary, after Retry-After or 1, 2, 4, 8 seconds. */
async function fetchWithRetry(request: Request): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    let pause = 2 ** attempt;
    try {
      const answer = await fetch(request.clone(), { signal: AbortSignal.timeout(timeoutMs) });
      if (attempt === tries - 1 || !await isTemporary(answer)) return answer;
      pause = Number(answer.headers.get("Retry-After") ?? pause);
    } catch (e) {
      if (attempt === tries - 1) throw new Error(`${new URL(request.url).origin} does not answer`, { cause: e });
    }
    await sleep(pause);
  }
}

/* An error answer: application/problem+json (RFC 9457). `code` is for programs, `title` and `detail` for people. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    /* A 422 names every fault of the request at once, each with its field's name for people. */
    const faults = (problem.errors ?? []).map((fault) => `  ${fault.label} (${fault.pointer}): ${fault.detail}`);
    if (problem.status === 412) faults.push("Somebody changed the record since it was read: read it again, then decide.");
    super([`${problem.status} ${problem.code}: ${problem.title}. ${problem.detail} [request ${problem.request_id}]`, ...faults].join("\n"));
  }
  /* The fault of the field at this pointer of the request, to be shown beside it. */
  at(pointer: string): Fault | undefined {
    return this.problem.errors?.find((fault) => fault.pointer === pointer);
  }
}

/* The body of a successful answer; throws otherwise. */
export async function ok<A extends { data?: unknown; error?: Problem; response: Response }>(answer: Promise<A>): Promise<NonNullable<A["data"]>> {
  return (await withHeaders(answer)).data;
}

/* The same with the headers, for an ETag. */
export async function withHeaders<A extends { data?: unknown; error?: Problem; response: Response }>(answer: Promise<A>) {
  const { data, error, response } = await answer;
  if (!response.ok) throw error ? new ProblemError(error) : new Error(`${response.status} ${response.statusText}`);
  return { data: data ?? {}, headers: response.headers };
}

/* The day at the desk of an instant in UTC, dd/mm/yyyy: from 19:00 on it is a day earlier in Lima than in UTC. */
const limaDay = new Intl.DateTimeFormat("es-PE", { timeZone: "America/Lima", day: "2-digit", month: "2-digit", year: "numeric" });
export const dayInLima = (instant: string) => limaDay.format(new Date(instant));

/* signIn(url, username, password) - a session: {gestor, signOut}. */
export async function signIn(url: string, username: string, password: string) {
  const gestor = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: url, fetch: fetchWithRetry });
  let session: Schemas["Session"] | null = null, renewAt = 0;
  let renewal: Promise<void> | null = null;

  const keep = (next: Schemas["Session"]) => {
    session = next;
    renewAt = Date.now() + next.expires_in * 1000 - renewalMs;
  };
  /*
   * A refresh token can be used once, but several tabs of a browser may hold the same one. With a key derived from it their
   * requests count as one, and all get the same new tokens. One request renews; the others of this program wait for it.
   */
  const renew = (token: string) => {
    const key = createHash("sha256").update(token).digest("hex");
    renewal ??= ok(gestor.POST("/v1/sessions/refresh", { body: { refresh_token: token }, params: { header: { "Idempotency-Key": key } } }))
      .then(keep).finally(() => { renewal = null; });
    return renewal;
  };

  gestor.use({
    async onRequest({ request, schemaPath }) {
      request.headers.set("Accept-Language", "es");
      /* The same key at every try: however often the request arrives, the service executes it once. */
      if (request.method !== "GET" && !request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", randomUUID());
      if (session === null || schemaPath === "/v1/sessions/refresh") return request;
      if (Date.now() >= renewAt) await renew(session.refresh_token);
      request.headers.set("Authorization", `Bearer ${session.access_token}`);
      return request;
    },
  });

  keep(await ok(gestor.POST("/v1/sessions", { body: { username, password } })));
  return { gestor, signOut: () => ok(gestor.DELETE("/v1/sessions/current")) };
}

/* Where the examples find the service, and the advisor's account. */
export function settings() {
  const { GESTOR_URL: url = "http://127.0.0.1:8080", GESTOR_USERNAME: username, GESTOR_PASSWORD: password } = process.env;
  if (!username || !password) throw new Error("Set GESTOR_USERNAME and GESTOR_PASSWORD");
  return { url, username, password };
}

export function run(program: () => Promise<void>) {
  program().catch((e: unknown) => {
    console.error(e instanceof Error ? e.message : e);
    process.exitCode = 1;
  });
}
