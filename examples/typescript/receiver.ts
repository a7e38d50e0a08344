/*
 * A receiver of webhooks: verifies each request by Standard Webhooks 1.0, answers at once, and then works on the event, once.
 *
 * WEBHOOK_SECRET is what POST /v1/webhooks answered; during a rotation two of them, separated by a blank. PORT is where it listens, on
 * 127.0.0.1: in front of it stands what ends TLS.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { components } from "./gestor.d.ts";

type Event = components["schemas"]["SentEvent"];

const TOLERANCE_S = 300;
const BODY_MAX = 65536;
const keys = (process.env["WEBHOOK_SECRET"] ?? "").split(" ").filter(Boolean).map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
if (keys.length === 0) throw new Error("Set WEBHOOK_SECRET to the webhook's secret: whsec_…");

/* A request may come twice. Real receivers keep the ids of some days in their database, in the transaction that works on the event. */
const seen = new Set<string>();

const header = (request: IncomingMessage, name: string): string => {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
};

/* The signature is made of the bytes as they arrived, so they must not be parsed and written anew before. */
function verified(request: IncomingMessage, body: Buffer): boolean {
  const id = header(request, "webhook-id"), timestamp = header(request, "webhook-timestamp");
  if (id === "" || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
  const wanted = keys.map((key) => createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest());
  return header(request, "webhook-signature").split(" ").filter((one) => one.startsWith("v1,")).some((one) => {
    const given = Buffer.from(one.slice(3), "base64");
    return wanted.some((mac) => mac.length === given.length && timingSafeEqual(mac, given));
  });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > BODY_MAX) throw new Error("too long");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/* Here the real work begins: put the event into a queue, or read the record at event.subject with the account's own token. */
function work(event: Event) {
  console.log(`${event.type} ${event.subject}`);
}

const server = createServer((request, response) => {
  bodyOf(request).then((body) => {
    if (request.method !== "POST" || !verified(request, body)) {
      response.writeHead(401).end();
      return;
    }
    response.writeHead(204).end();
    const event: Event = JSON.parse(body.toString("utf8"));
    if (seen.has(event.id)) return;
    seen.add(event.id);
    work(event);
  }).catch(() => response.writeHead(400).end());
});
server.listen(Number(process.env["PORT"] ?? "8090"), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
