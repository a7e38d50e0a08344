/*
 * Which answers openapi.yaml declares. Run as a program after the tests, it checks
 * that they received each of them: build/test/seen.txt has a line
 * "operationId status" for every answer.
 *
 * `default` stands for answers that a test cannot provoke, and is not required.
 * Exits with 1 if a declared answer is missing, or an answer was not declared.
 */
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "../..");

/* openapi() - the document as in the file, not as the server serves it. */
function openapi() {
  const script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1], encoding='utf-8')), sys.stdout, default=str)";
  return JSON.parse(execFileSync("/usr/bin/python3", ["-c", script, path.join(root, "openapi.yaml")],
    { encoding: "utf8", maxBuffer: 1 << 24 }));
}

/* operations(document) - [{id, method, path, query, takesKey, hasBody, signedIn, statuses}], in the document's order. */
function operations(document) {
  const parameter = (p) => (p.$ref ? document.components.parameters[p.$ref.split("/").pop()] : p);
  const all = [];
  for (const [where, methods] of Object.entries(document.paths))
    for (const [method, op] of Object.entries(methods))
      all.push({
        id: op.operationId, method: method.toUpperCase(), path: where,
        query: (op.parameters || []).map(parameter).filter((p) => p.in === "query").map((p) => p.name),
        takesKey: (op.parameters || []).map(parameter).some((p) => p.name === "Idempotency-Key"),
        /* A body of JSON; import.test.js has those of imports. */
        hasBody: op.requestBody !== undefined && op.requestBody.content?.["application/x-ndjson"] === undefined,
        streams: op.requestBody?.content?.["application/x-ndjson"] !== undefined,
        signedIn: (op.security || document.security).length > 0,
        statuses: Object.keys(op.responses).filter((s) => s !== "default").map(Number),
      });
  return all;
}

function main() {
  const declared = new Set(operations(openapi()).flatMap((op) => op.statuses.map((s) => `${op.id} ${s}`)));
  const seenFile = path.join(root, "build/test/seen.txt");
  const seen = new Set(fs.existsSync(seenFile) ? fs.readFileSync(seenFile, "utf8").split("\n").filter(Boolean) : []);
  const missing = [...declared].filter((x) => !seen.has(x));
  const extra = [...seen].filter((x) => !declared.has(x));
  for (const x of missing) console.log(`not seen:     ${x}`);
  for (const x of extra) console.log(`not declared: ${x}`);
  console.log(`${declared.size - missing.length} of ${declared.size} declared answers seen, ${missing.length} missing, ${extra.length} extra`);
  process.exitCode = missing.length + extra.length > 0 ? 1 : 0;
}

module.exports = { openapi, operations };
if (require.main === module) main();
