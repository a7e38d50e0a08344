/*
 * Checks that no log has personal data or secrets. While the tests run, lib.js
 * passes it every request, every answer, and every byte that a server logs. Run
 * as a program afterwards, it searches the logs for the values of the requests.
 *
 * Exits with 1 if a value was found, or if too few values were collected to
 * prove anything.
 */
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const folder = path.join(process.env.TEST_RECORDS || path.join(__dirname, "../../build/test"), "privacy");
const members = new Set(["phone", "origin_phone", "phone_to_manage", "additional_line", "lines", "document_number", "name", "full_name",
  "username", "email", "birth_date", "legal_representative", "serial_number", "greeting", "access_token", "refresh_token", "password"]);

/* A shorter value may be in a log by chance. */
const shortest = 8;

const seen = new Set();

function keep(value) {
  if (typeof value !== "string" || value.trim().length < shortest) return;
  seen.add(value.trim());
  /* Also search for parts of tokens, and for other spellings of phones. */
  for (const part of value.split(/[.\s]+/)) if (part.length >= 20) seen.add(part);
  const digits = value.replace(/[^0-9]/g, "");
  if (/^[+0-9 ]+$/.test(value) && digits.length >= 9) seen.add(digits.slice(-9));
}

function walk(value, personal) {
  if (Array.isArray(value)) value.forEach((v) => walk(v, personal));
  else if (value !== null && typeof value === "object") for (const [k, v] of Object.entries(value)) walk(v, members.has(k));
  else if (personal) keep(value);
}

/* note(where, body, answer) - records a request's target and body, and its answer. */
function note(where, body, answer) {
  const query = where.split("?")[1];
  if (query) for (const [k, v] of new URLSearchParams(query)) if (members.has(k)) keep(v);
  let sent = body;
  if (typeof body === "string" || Buffer.isBuffer(body)) {
    try { sent = JSON.parse(body.toString()); } catch { sent = null; }
  }
  walk(sent, false);
  /* Not catalogues, whose names are not personal, and not problems, which have no personal data. */
  if (answer && !/^\/v1\/catalogs|^\/openapi/.test(where)) walk(answer, false);
}

/* log(text) - records what a server logged. */
function log(text) {
  fs.mkdirSync(folder, { recursive: true });
  fs.appendFileSync(path.join(folder, `${process.pid}.log`), text);
}

process.on("exit", () => {
  if (require.main === module || seen.size === 0) return;
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${process.pid}.json`), JSON.stringify([...seen]));
});

/* logged(values, logs) - the values that the logs contain. grep searches for all of them in one pass. */
function logged(values, logs) {
  const list = path.join(folder, "values.txt");
  /* A value with a line break cannot be in a log as it is: JSON writes \\n. */
  fs.writeFileSync(list, values.filter((v) => !v.includes("\n")).map((v) => v + "\n").join(""));
  const grep = spawnSync("grep", ["-aoFf", list], { input: logs, encoding: "utf8", maxBuffer: 1 << 26, env: { PATH: process.env.PATH, LC_ALL: "C" } });
  if (grep.status !== 0 && grep.status !== 1) throw new Error(`grep: ${grep.stderr || grep.error}`);
  return [...new Set(grep.stdout.split("\n").filter(Boolean))];
}

function main() {
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
  const values = new Set(files.filter((f) => f.endsWith(".json")).flatMap((f) => JSON.parse(fs.readFileSync(f, "utf8"))));
  const logs = files.filter((f) => f.endsWith(".log")).map((f) => fs.readFileSync(f, "utf8")).join("")
    /* Ignore today's date, which may be a birth date, and random ids, which may contain a client's number. */
    .replace(/^\{"time":"[^"]*",/gm, "{").replace(/"(request|trace|span)_id":"[0-9a-f]{16,32}"/g, "");
  const lines = logs.split("\n").length;
  const found = logged([...values], logs);
  for (const value of found) {
    const at = logs.indexOf(value);
    console.log(`in a log: ${value}\n    ${logs.slice(logs.lastIndexOf("\n", at) + 1, logs.indexOf("\n", at))}`);
  }
  console.log(`${values.size} phones, documents, names, e-mails, passwords and tokens searched for in ${lines} lines of logs; ${found.length} found`);
  process.exitCode = found.length > 0 || values.size < 300 || lines < 2000 ? 1 : 0;
}

module.exports = { note, log };
if (require.main === module) main();
