/*
 * A program that fills in forms, and knows nothing but what GET /v1/forms/typification says: no field's name, no catalogue,
 * no rule. Choices come from a pseudo-random source, so a run can be repeated.
 */
"use strict";

/* random(seed) - mulberry32: below(n) an integer from 0 to n - 1, pick(list), chance(p). */
function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)], chance: (p) => next() < p };
}

const fieldsOf = (form) => form.sections.flatMap((s) => s.fields);

/* codesOf(options) - the codes at which a choice may end, of either form of options. */
function codesOf(options) {
  return options.flatMap((o) => (typeof o === "string" ? [o] : [...(o.selectable ? [o.code] : []), ...codesOf(o.items)]));
}

const digits = (r, n) => Array.from({ length: n }, () => r.below(10)).join("");
const day = (r, from, to) => {
  const first = Date.parse(from || "1950-01-01"), last = Date.parse(to || "2020-01-01");
  return new Date(first + r.below(Math.floor((last - first) / 86400000) + 1) * 86400000).toISOString().slice(0, 10);
};

/* A text that matches one of the few patterns that a text field may have. */
function text(r, f) {
  const exact = /^\^(9)?\[0-9\](?:\{(\d+)\})\$$/.exec(f.pattern || "");
  if (exact) return (exact[1] || "") + digits(r, Number(exact[2]));
  const alphanumeric = /^\^\[0-9A-Z\]\{1,(\d+)\}\$$/.exec(f.pattern || "");
  if (alphanumeric) return Array.from({ length: 1 + r.below(12) }, () => r.pick([..."0123456789ABCDEFXYZ"])).join("");
  const length = 1 + r.below(Math.min(f.max_length ?? 50, 40));
  const made = Array.from({ length }, () => r.pick([..."ABC abc ÑÁé 019.-/'"])).join("").trim();
  return made || "X";
}

/* valueFor(r, f) - a value that the form offers for a field. */
function valueFor(r, f) {
  switch (f.type) {
    case "choice": return r.pick(codesOf(f.options));
    case "boolean": return r.chance(0.5);
    case "integer": return f.minimum + r.below(Math.min(f.maximum - f.minimum, 1000) + 1);
    case "date": return day(r, f.first_day, f.last_day);
    case "email": return `u${digits(r, 5)}@example.pe`;
    case "id": return f.value;
    case "list": return Array.from({ length: r.below(3) }, () => text(r, f));
    default: return text(r, f);
  }
}

const steps = (pointer) => pointer.slice(2).split("/");

/* set(body, pointer, value) - puts a value at its place, with the objects and arrays that lead there. */
function set(body, pointer, value) {
  const path = steps(pointer);
  let at = body;
  path.slice(0, -1).forEach((step, i) => {
    if (at[step] === undefined || at[step] === null) at[step] = /^[0-9]+$/.test(path[i + 1]) ? [] : {};
    at = at[step];
  });
  at[path.at(-1)] = value;
  return body;
}

/* unset(body, pointer) - removes a member. */
function unset(body, pointer) {
  const path = steps(pointer), owner = path.slice(0, -1).reduce((at, step) => at?.[step], body);
  if (owner) delete owner[path.at(-1)];
  return body;
}

const get = (body, pointer) => steps(pointer).reduce((at, step) => at?.[step], body);

/* stored(form) - the body that saves what the form shows, unchanged. */
function stored(form) {
  const body = {};
  for (const f of fieldsOf(form)) if (f.visible && f.value !== null) set(body, f.pointer, f.value);
  return body;
}

const group = (pointer) => pointer.slice(0, pointer.lastIndexOf("/"));

/*
 * fill(r, form, share, all) - a body of values that the form offers: of the fields not required some, and what is required now
 * beside them. With `all`, every field that is required now, as a new record needs it.
 */
function fill(r, form, share = 0.6, all = false) {
  const body = {}, visible = fieldsOf(form).filter((f) => f.visible);
  const chosen = new Set(visible.filter((f) => f.type === "id" || r.chance(share)));
  for (const f of visible) {
    const top = group(f.pointer) === "#";
    if (f.required === "now" && (all || top || visible.some((x) => chosen.has(x) && x !== f && x.pointer.startsWith(group(f.pointer) + "/")))) chosen.add(f);
  }
  /* A grid has no empty rows. */
  const last = Math.max(-1, ...[...chosen].map((f) => f.row ?? -1));
  for (const f of visible) if (f.row !== null && f.row <= last && f.required === "now") chosen.add(f);
  for (const f of visible) if (chosen.has(f)) set(body, f.pointer, valueFor(r, f));
  /* What one field allows another. */
  for (const f of visible) {
    if (f.depends_on === null || get(body, f.pointer) === undefined) continue;
    const on = visible.find((x) => x.field === f.depends_on);
    if (f.type === "integer" && get(body, f.pointer) > get(body, on.pointer)) set(body, f.pointer, get(body, on.pointer));
  }
  return body;
}

module.exports = { random, fieldsOf, codesOf, valueFor, set, unset, get, stored, fill, group };
