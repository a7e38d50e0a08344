/*
 * The form of a call, drawn on a terminal from GET /v1/forms/typification. The program knows no field: titles, labels, help,
 * scripts, options, and what is required come from the contract, and a value is put where the contract says.
 *
 *   node build/form.js 944264648     the phone of a client; answers are read line by line from the terminal or a pipe
 *
 * An empty line keeps the value that is shown, or leaves the field out. * marks what is required now, + what a final stage needs.
 */
import { createInterface } from "node:readline/promises";
import { ok, ProblemError, run, settings, signIn } from "./client.js";
import type { Schemas } from "./client.js";

type Form = Schemas["Form"];
type Field = Schemas["FormField"];
type Choice = Schemas["FormChoice"];
type Value = Field["value"];

const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();

async function ask(question: string): Promise<string> {
  process.stdout.write(`${question} `);
  const { value, done } = await lines.next();
  if (done) throw new Error("The input has ended");
  if (!process.stdin.isTTY) process.stdout.write(`${value}\n`);
  return value.trim();
}

/* -------------------------------------------------------------- one field */

/* Asks level by level, until the choice may end. An empty answer at a level where it may end, ends it. */
async function askChoice(field: Field, options: Choice[]): Promise<string | null> {
  let level = 0, code: string | null = null, from = options, mayEnd = field.required !== "now" || field.value !== null;
  while (from.length > 0) {
    from.forEach((o, i) => console.log(`      ${i + 1}. ${o.label}`));
    const answer = await ask(`    ${field.levels?.[level] ?? field.label}:`);
    if (answer === "" && mayEnd) return code;
    const chosen = from[Number(answer) - 1];
    if (!chosen) {
      console.log(`    1 - ${from.length}`);
      continue;
    }
    code = chosen.code;
    mayEnd = chosen.selectable;
    from = chosen.items;
    level++;
  }
  return code;
}

/* Why a text cannot be right; the service judges again, and accepts more spellings of the same value. */
function refusal(field: Field, text: string): string | null {
  const compact = field.pattern === null ? text : text.replace(/[\s.()/-]/g, "");
  if (field.pattern !== null && !new RegExp(field.pattern, "u").test(compact)) return field.help ?? field.pattern;
  if (field.max_length !== null && [...text].length > field.max_length && field.pattern === null) return `${field.max_length}`;
  return null;
}

async function askText(field: Field): Promise<Value> {
  for (;;) {
    const answer = await ask(`    ${field.label}:`);
    if (answer === "") return field.value;
    const problem = refusal(field, answer);
    if (problem !== null) {
      console.log(`    ${problem}`);
      continue;
    }
    switch (field.type) {
      case "integer": return Number(answer);
      case "boolean": return /^(s|y|1|true)/i.test(answer);
      case "list": return answer.split(/[ ,;]+/);
      default: return answer;
    }
  }
}

const trees = (options: Schemas["FormOption"][]) => options.filter((o) => typeof o !== "string");

async function askField(field: Field, fault: string | undefined): Promise<Value> {
  if (field.type === "id") return field.value;
  const mark = { now: "*", to_close: "+", no: " " }[field.required];
  console.log(`  ${mark} ${field.group === null ? "" : `${field.group} · `}${field.label}${field.value === null ? "" : ` [${String(field.value)}]`}`);
  if (field.help !== null) console.log(`      ${field.help}`);
  if (fault !== undefined) console.log(`    ! ${fault}`);
  if (field.type !== "choice") return askText(field);
  return await askChoice(field, trees(field.options ?? [])) ?? field.value;
}

/* ---------------------------------------------------------------- the body */

type Json = { [key: string]: Json } | Json[] | Value | undefined;

/* Puts a value at its pointer, with the objects and arrays that lead there. */
function put(at: { [key: string]: Json }, steps: string[], value: Value): void {
  const [step = "", next, ...rest] = steps;
  if (next === undefined) {
    at[step] = value;
  } else if (/^[0-9]+$/.test(next)) {
    const rows = Array.isArray(at[step]) ? at[step] : [];
    const row = rows[Number(next)], made: { [key: string]: Json } = isObject(row) ? row : {};
    put(made, rest, value);
    rows[Number(next)] = made;
    at[step] = rows;
  } else {
    const inner = isObject(at[step]) ? at[step] : {};
    put(inner, [next, ...rest], value);
    at[step] = inner;
  }
}
const isObject = (value: Json): value is { [key: string]: Json } => typeof value === "object" && value !== null && !Array.isArray(value);

/* Shows the form, asks for each visible field (or only those in `faults`), and returns the body. */
async function fill(form: Form, answers: Map<string, Value>, faults: Map<string, string>) {
  for (const section of form.sections) {
    const fields = section.fields.filter((f) => f.visible && (faults.size === 0 || faults.has(f.pointer)));
    const shown = section.fields.filter((f) => !f.visible && f.value !== null && faults.size === 0);
    if (fields.length + shown.length === 0) continue;
    console.log(`\n${section.title}${section.complete ? "" : " (…)"}`);
    if (section.script !== null) console.log(`  «${section.script}»`);
    for (const field of shown) console.log(`    ${field.label}: ${String(field.value)}`);
    for (const field of fields) answers.set(field.pointer, await askField(field, faults.get(field.pointer)));
  }
  const body: { [key: string]: Json } = {};
  for (const [pointer, value] of answers) if (value !== null) put(body, pointer.slice(2).split("/"), value);
  return body;
}

/* The compiler cannot know what the contract's pointers lead to; the service checks every member. */
const isCall = (body: unknown): body is Schemas["TypificationCreate"] => typeof body === "object" && body !== null && "contact" in body;

async function main() {
  const { url, username, password } = settings(), [phone = "944264648"] = process.argv.slice(2);

  /* Three requests until the form is on the screen: sign in, find the client, read the form. */
  const { gestor, signOut } = await signIn(url, username, password);
  const [client] = (await ok(gestor.GET("/v1/clients", { params: { query: { phone } } }))).items;
  const form = await ok(gestor.GET("/v1/forms/typification", { params: { query: client ? { client_id: client.id } : {} } }));
  if (form.write === null) throw new Error("Nothing can be saved here");

  const answers = new Map<string, Value>(), faults = new Map<string, string>();
  for (;;) {
    const body = await fill(form, answers, faults);
    try {
      if (!isCall(body)) throw new Error("Nothing was entered");
      const saved = await ok(gestor.POST("/v1/typifications", { body }));
      console.log(`\nOpportunity ${saved.id}: ${saved.stage.label}`);
      break;
    } catch (e) {
      /* Faults are shown at their fields, and only these are asked for again. */
      if (!(e instanceof ProblemError) || e.problem.status !== 422) throw e;
      faults.clear();
      for (const fault of e.problem.errors ?? []) faults.set(fault.pointer, fault.detail);
      const known = form.sections.some((s) => s.fields.some((f) => f.visible && faults.has(f.pointer)));
      console.log(`\n${e.problem.title}. ${e.problem.detail}`);
      if (!known) throw e;
    }
  }
  await signOut();
  input.close();
}

run(main);
