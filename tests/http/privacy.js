/*
 * That no log holds what is personal or secret. While the tests run, lib.js
 * gives this every request and answer of theirs, and every byte that a server
 * logs; run by itself afterwards, it looks for the ones in the others.
 *
 * Ends with 1 when something was found, or when so little was gathered that
 * finding nothing proves nothing.
 */
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const folder = path.join(process.env.TEST_RECORDS || path.join(__dirname, "../../build/test"), "privacy");
const members = new Set(["phone", "origin_phone", "phone_to_manage", "additional_line", "lines", "document_number", "name", "full_name",
  "username", "email", "birth_date", "legal_representative", "serial_number", "greeting", "access_token", "refresh_token", "password"]);

/* Below this length a value may stand in a log by chance. */
const shortest = 8;

const seen = new Set();

function keep(value) {
  if (typeof value !== "string" || value.trim().length < shortest) return;
  seen.add(value.trim());
  /* A part of a token would be as bad, and a phone in its other forms. */
  for (const part of value.split(/[.\s]+/)) if (part.length >= 20) seen.add(part);
  const digits = value.replace(/[^0-9]/g, "");
  if (/^[+0-9 ]+$/.test(value) && digits.length >= 9) seen.add(digits.slice(-9));
}

function walk(value, personal) {
  if (Array.isArray(value)) value.forEach((v) => walk(v, personal));
  else if (value !== null && typeof value === "object") for (const [k, v] of Object.entries(value)) walk(v, members.has(k));
  else if (personal) keep(value);
}

/* note(where, body, answer) - a request's target and body, as it is sent, and what came back. */
function note(where, body, answer) {
  const query = where.split("?")[1];
  if (query) for (const [k, v] of new URLSearchParams(query)) if (members.has(k)) keep(v);
  let sent = body;
  if (typeof body === "string" || Buffer.isBuffer(body)) {
    try { sent = JSON.parse(body.toString()); } catch { sent = null; }
  }
  walk(sent, false);
  /* A catalogue's name is not a person's, and a problem holds nothing of anybody's. */
  if (answer && !/^\/v1\/catalogs|^\/openapi/.test(where)) walk(answer, false);
}

/* log(text) - what a server has written. */
function log(text) {
  fs.mkdirSync(folder, { recursive: true });
  fs.appendFileSync(path.join(folder, `${process.pid}.log`), text);
}

process.on("exit", () => {
  if (require.main === module || seen.size === 0) return;
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${process.pid}.json`), JSON.stringify([...seen]));
});

function main() {
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
  const values = new Set(files.filter((f) => f.endsWith(".json")).flatMap((f) => JSON.parse(fs.readFileSync(f, "utf8"))));
  const logs = files.filter((f) => f.endsWith(".log")).map((f) => fs.readFileSync(f, "utf8")).join("")
    /* Somebody may have been born today, and an id that was drawn may have somebody's number in it. */
    .replace(/^\{"time":"[^"]*",/gm, "{").replace(/"(request|trace|span)_id":"[0-9a-f]{16,32}"/g, "");
  const lines = logs.split("\n").length;
  const found = [...values].filter((value) => logs.includes(value));
  for (const value of found) {
    const at = logs.indexOf(value);
    console.log(`in a log: ${value}\n    ${logs.slice(logs.lastIndexOf("\n", at) + 1, logs.indexOf("\n", at))}`);
  }
  console.log(`${values.size} phones, documents, names, e-mails, passwords and tokens looked for in ${lines} lines of logs; ${found.length} found`);
  process.exitCode = found.length > 0 || values.size < 300 || lines < 2000 ? 1 : 0;
}

module.exports = { note, log };
if (require.main === module) main();
