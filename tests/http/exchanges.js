/*
 * Records the HTTP tests' requests and answers, which tests/contract/prism.js shows to Prism
 * afterwards: one line of JSON each, in build/test/exchanges, one file per process.
 */
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const folder = path.join(process.env.TEST_RECORDS || path.join(__dirname, "../../build/test"), "exchanges");

/* keep(request, answer) - {method, where, headers, body: Buffer or undefined} and {status, headers, text}. */
let made = false, silent = false;
function keep({ method, where, headers, body }, { status, headers: answered, text }) {
  if (silent) return;
  if (!made) fs.mkdirSync(folder, { recursive: true });
  made = true;
  const line = { method, where, headers, body: body && body.toString("base64"), answer: { status, headers: answered, text } };
  fs.appendFileSync(path.join(folder, `${process.pid}.jsonl`), JSON.stringify(line) + "\n");
}

/* off() - stops recording in this process, for tests that repeat requests and would show Prism nothing new. */
const off = () => { silent = true; };

/* kept() - everything recorded: [{method, where, headers, body, answer}]. */
function kept() {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).flatMap((name) => fs.readFileSync(path.join(folder, name), "utf8").split("\n").filter(Boolean))
    .map((line) => JSON.parse(line)).map((e) => ({ ...e, body: e.body === undefined ? undefined : Buffer.from(e.body, "base64") }));
}

module.exports = { keep, kept, off };
