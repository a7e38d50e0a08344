/*
 * docs - the page at /docs: renders /openapi.json, and sends the requests that it describes.
 *
 * Text from the document and from answers only becomes text nodes: no string is ever
 * parsed as markup. The access token is only in `session`.
 */
"use strict";

/* ------------------------------------------------------------------ elements */

/* el("a.big", {href: "#x", onclick: f}, ...children) - an element; strings become text nodes, null and false are left out. */
function el(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const byId = (id) => document.getElementById(id);
const code = (text) => el("code", null, String(text));
const note = (kind, ...children) => el(`div.note.${kind}`, null, ...children);

/* The Markdown that descriptions use: `code`, **bold**, *emphasis*, headings, paragraphs and lists. */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s](?:[^*]*[^*\s])?\*)/).map((part) => {
    if (/^`[^`]+`$/.test(part)) return code(part.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(part)) return el("strong", null, part.slice(2, -2));
    if (/^\*[^*]+\*$/.test(part)) return el("em", null, part.slice(1, -1));
    return part;
  });
}

/* A heading is its own block, and a list begins at its first item; other blocks end at blank lines. */
function markdown(text) {
  const item = /^ *(?:[-*]|\d+[.)]) +/, heading = /^#{1,6} +/;
  const blocks = [];
  let open = null;
  for (const line of String(text || "").trim().split("\n")) {
    if (!line.trim()) open = null;
    else if (heading.test(line)) blocks.push({ kind: "h3", lines: [line.replace(heading, "")] }), open = null;
    else if (item.test(line)) {
      const kind = /^ *\d/.test(line) ? "ol" : "ul";
      if (!open || open.kind !== kind) blocks.push(open = { kind, lines: [] });
      open.lines.push(line.replace(item, ""));
    } else if (open) open.lines[open.lines.length - 1] += ` ${line.trim()}`;
    else blocks.push(open = { kind: "p", lines: [line.trim()] });
  }
  return blocks.map(({ kind, lines }) => el(kind, null,
    kind === "ol" || kind === "ul" ? lines.map((one) => el("li", null, inline(one))) : inline(lines[0])));
}

/* json(text) - JSON text as coloured spans; plain if it is too long. */
function json(text) {
  const pre = el("pre", { tabindex: "0" });
  if (text.length > 200000) {
    pre.textContent = text;
    return pre;
  }
  let end = 0;
  for (const m of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g)) {
    const kind = m[2] ? "key" : m[1] ? "string" : "literal";
    pre.append(text.slice(end, m.index), el(`span.json-${kind}`, null, m[1] || m[0]), m[2] || "");
    end = m.index + m[0].length;
  }
  pre.append(text.slice(end));
  return pre;
}

const pretty = (value) => JSON.stringify(value, null, 2);

/* copyButton(text) - copies the result of text(). Browsers offer the clipboard only on https and localhost. */
function copyButton(text) {
  const button = el("button.quiet.copy", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      const block = button.parentElement.querySelector("pre");
      getSelection().selectAllChildren(block);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return button;
}

/* ------------------------------------------------------------------ document */

let doc;
const operations = [];     // {id, method, path, op, params, tag, secured, words}, and its elements
const session = { token: null };

/* resolve(node) - the target of a $ref, with the last part of the $ref as `name`. */
function resolve(node) {
  let name = null;
  for (let hops = 0; node && node.$ref && hops < 20; hops++) {
    const parts = node.$ref.replace(/^#\//, "").split("/").map((p) => decodeURIComponent(p).replace(/~1/g, "/").replace(/~0/g, "~"));
    name = parts[parts.length - 1];
    node = parts.reduce((at, part) => (at === undefined ? at : at[part]), doc);
  }
  return { name, node: node || {} };
}
const deref = (node) => resolve(node).node;

function readOperations() {
  const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const method of methods.filter((m) => item[m])) {
      const op = item[method];
      const params = new Map();
      for (const p of [...(item.parameters || []), ...(op.parameters || [])].map(deref)) params.set(`${p.in} ${p.name}`, p);
      operations.push({
        id: op.operationId, method: method.toUpperCase(), path, op, params: [...params.values()],
        tag: (op.tags || ["other"])[0], secured: (op.security || doc.security || []).length > 0,
        words: [op.operationId, method, path, op.summary, op.description, ...(op.tags || [])].join(" ").toLowerCase(),
      });
    }
  }
}

const exampleOf = (of) => {
  if (of.example !== undefined) return of.example;
  const [first] = Object.values(of.examples || {}).map(deref);
  return first && first.value;
};

/* parameterExample(p) - the parameter's example as text, or undefined. */
function parameterExample(p) {
  const schema = deref(p.schema || {});
  let value = exampleOf(p);
  if (value === undefined && schema.examples) value = schema.examples[0];
  return value === undefined ? undefined : String(value);
}

/*
 * compose(schema) - an instance made from the examples of its members: {value, shown}; shown
 * is true if it contains an example. In requests (all = false) optional members without an
 * example are left out.
 */
function compose(given, all, seen = []) {
  const { name, node } = resolve(given);
  if (name && seen.includes(name)) return { value: undefined, shown: false };
  const path = name ? [...seen, name] : seen;
  for (const example of [node.example, (node.examples || [])[0], node.const, node.default])
    if (example !== undefined) return { value: example, shown: true };
  if (node.enum) return { value: node.enum[0], shown: false };
  const types = [node.type].flat();
  if (node.properties) return composeObject(node, all, path);
  const branches = (node.oneOf || node.anyOf || []).map((branch) => compose(branch, all, path));
  if (branches.length) return branches.find((branch) => branch.shown) || branches[0];
  if (types.includes("array")) {
    const item = node.items ? compose(node.items, all, path) : {};
    return { value: item.value === undefined ? [] : [item.value], shown: Boolean(item.shown) };
  }
  const formats = { date: "2025-05-03", "date-time": "2025-05-03T05:00:00Z", email: "name@example.com", digits: "1" };
  const plain = { string: formats[node.format] || "string", integer: node.minimum || 0, number: node.minimum || 0, boolean: false, null: null, object: {} };
  return { value: types.includes("null") ? null : plain[types[0]], shown: false };
}

function composeObject(node, all, path) {
  const members = new Map(Object.entries(node.properties).map(([key, schema]) => [key, compose(schema, all, path)]));
  const required = new Set(node.required);
  /* Of alternative sets of required members, choose the one with the most examples, and leave out the members of the others. */
  const ways = (node.oneOf || node.anyOf || []).map((way) => way.required || []);
  const way = ways.find((keys) => keys.every((key) => members.has(key) && members.get(key).shown)) || ways[0] || [];
  const excluded = new Set(ways.flat().filter((key) => !way.includes(key)));
  way.forEach((key) => required.add(key));
  const value = {};
  let shown = false;
  for (const [key, member] of members) {
    if (excluded.has(key) || member.value === undefined || (!all && !required.has(key) && !member.shown)) continue;
    value[key] = member.value;
    shown = shown || member.shown;
  }
  return { value, shown };
}

/* examplesOf(media, all) - [{title, value}] of a media type: the document's examples, or a composed one. */
function examplesOf(media, all) {
  if (media.examples)
    return Object.entries(media.examples).map(([key, one]) => ({ title: deref(one).summary || key, value: deref(one).value }));
  if (media.example !== undefined) return [{ title: "Example", value: media.example }];
  if (!media.schema) return [];
  const { value } = compose(media.schema, all);
  return value === undefined || typeof value === "string" ? [] : [{ title: "Example", value }];
}

/* ------------------------------------------------------------------- schemas */

const schemaLink = (name) => el("a", { href: `#schema/${name}` }, name);

function typeName(node) {
  const types = [node.type || (node.properties ? "object" : node.oneOf || node.anyOf || node.allOf ? [] : "any")].flat();
  return types.map((type) => {
    if (type !== "array" || !node.items) return type;
    const { name, node: item } = resolve(node.items);
    return `array of ${name || [item.type || "any"].flat().join(" or ")}`;
  }).join(" or ");
}

/* The constraints of a value besides its type, each as a chip. */
function limits(node) {
  const out = [];
  const add = (...children) => out.push(el("span.limit", null, ...children));
  const range = (min, max, unit) => {
    if (min === undefined && max === undefined) return;
    add(min === undefined ? `at most ${max}` : max === undefined ? `at least ${min}` : min === max ? `${min}` : `${min} to ${max}`, unit);
  };
  if (node.format) add(node.format);
  range(node.minLength, node.maxLength, " characters");
  range(node.minimum, node.maximum, "");
  range(node.minItems, node.maxItems, " items");
  range(node.minProperties, node.maxProperties, " members");
  if (node.pattern) add("matches ", code(node.pattern));
  if (node.const !== undefined) add("always ", code(JSON.stringify(node.const)));
  if (node.default !== undefined) add("default ", code(JSON.stringify(node.default)));
  if (node.enum) add("one of ", node.enum.map((value, i) => [i ? ", " : "", code(value)]));
  return out.length ? el("span.limits", null, out) : null;
}

/* For a code of a dropdown: where to get its legal values. */
function catalogNote(node) {
  const name = String(node["x-catalog"] || "").replace(/\*.*$/, "");
  if (!name) return null;
  const reader = operations.find((o) => o.method === "GET" && /^\/v1\/catalogs\/\{[^}]+\}$/.test(o.path));
  const part = node["x-catalog"].includes("*,") ? "Codes, of any level, of catalogue " : node["x-catalog"].endsWith("*") ? "A code, of any level, of catalogue " : "A code of catalogue ";
  return el("span.catalog", null, part, code(name), reader && [" · ",
    el("a", { href: `#operation/${reader.id}?${reader.params[0].name}=${name}` }, `GET ${reader.path.replace(/\{[^}]+\}/, name)}`)]);
}

function about(node, given) {
  return [markdown((given && given.$ref && given.description) || node.description), limits(node), catalogNote(node),
    node.examples && el("span.limits", null, el("span.limit", null, "for example ", code(typeof node.examples[0] === "string"
      ? node.examples[0] : JSON.stringify(node.examples[0]))))];
}

/* schemaTree(schema, seen) - the members of an object or of an array's items, or null if there are none. */
function schemaTree(given, seen = []) {
  const { name, node } = resolve(given);
  const path = name ? [...seen, name] : seen;
  if (node.properties) {
    const rows = Object.entries(node.properties).map(([key, schema]) => memberRow(key, schema, (node.required || []).includes(key), path));
    const ways = (node.oneOf || node.anyOf || []).map((way) => way.required).filter(Boolean);
    return [ways.length > 0 && el("p.hint", null, "Exactly one of: ", ways.map((keys, i) => [i ? ", " : "", code(keys.join(" + "))])),
      el("ul.members", null, rows)];
  }
  if (node.items) return schemaTree(node.items, path);
  const branches = node.oneOf || node.anyOf || node.allOf;
  if (branches) return el("ul.members", null, branches.map((branch, i) => memberRow(`${node.allOf ? "part" : "option"} ${i + 1}`, branch, false, path)));
  return null;
}

function memberRow(key, given, required, seen) {
  const { name, node } = resolve(given);
  const target = node.items ? resolve(node.items).name : name;
  const again = (target && seen.includes(target)) || (name && seen.includes(name));
  const head = [code(key), el("span.type", null, name && node.properties ? schemaLink(name) : typeName(node)),
    required && el("span.required", null, "required"), node.deprecated && el("span.limit", null, "deprecated")];
  const below = again ? null : schemaTree(given, seen);
  return el("li", null, el("div.member", null, head), el("div.about", null, about(node, given),
    again && el("p.hint", null, "Recursive: see ", schemaLink(target || name), ".")),
  below && el("details", { open: seen.length < 2 }, el("summary", null, `members of ${key}`), below));
}

function schemaView(given, linked = true) {
  const { name, node } = resolve(given);
  return el("div.schema", null, el("div.member", null, linked && name && schemaLink(name), el("span.type", null, typeName(node))),
    el("div.about", null, about(node)), schemaTree(given));
}

/* ---------------------------------------------------------------- operations */

function parameterTable(params) {
  const groups = [["path", "In the path"], ["query", "In the query"], ["header", "Headers"], ["cookie", "Cookies"]];
  return groups.map(([place, title]) => {
    const here = params.filter((p) => p.in === place);
    return here.length > 0 && [el("h5", null, title), el("ul.members.flat", null, here.map((p) => {
      const node = deref(p.schema || {});
      const { examples, description, ...plain } = node;
      const example = parameterExample(p);
      return el("li", null,
        el("div.member", null, code(p.name), el("span.type", null, typeName(node)), p.required && el("span.required", null, "required")),
        el("div.about", null, markdown(p.description), p.description !== description && markdown(description), about(plain),
          example !== undefined && el("span.limits", null, el("span.limit", null, "for example ", code(example)))));
    }))];
  });
}

/* Problem codes that the document names, in examples or as values of `code`. */
function problemCodes(content) {
  const media = content && content["application/problem+json"];
  if (!media) return [];
  const examples = [media.example, ...Object.values(media.examples || {}).map((one) => deref(one).value)];
  const schema = deref((deref(media.schema || {}).properties || {}).code || {});
  return [...new Set([...examples.map((one) => one && one.code), ...(schema.enum || []), schema.const].filter(Boolean))];
}

function problemLink(given) {
  const { name } = resolve(given);
  return name ? el("p", null, schemaLink(name)) : schemaView(given);
}

/* Media types with the same content are shown once. Hundreds of answers share the schema of a problem, so they only link to it. */
function contentView(content, all) {
  const groups = new Map();
  for (const [type, media] of Object.entries(content || {})) {
    const same = JSON.stringify(media);
    groups.set(same, [...(groups.get(same) || []), type]);
  }
  return [...groups].map(([, types]) => {
    const media = content[types[0]];
    return [
      el("p.media", null, types.map((type, i) => [i ? " or " : "", code(type)])),
      media.schema && (types[0] === "application/problem+json" ? problemLink(media.schema) : schemaView(media.schema)),
      examplesOf(media, all).map(({ title, value }) =>
        el("details.example", null, el("summary", null, title), el("div.block", null, json(pretty(value)), copyButton(() => pretty(value))))),
    ];
  });
}

/* Success is shown open. The many other answers are rendered when they are opened. */
function responseView(status, given) {
  const response = deref(given), codes = problemCodes(response.content), open = /^2/.test(status);
  const inside = () => [
    codes.length > 0 && el("p", null, "Problem codes: ", codes.map((one, i) => [i ? ", " : "", code(one)])),
    response.headers && [el("h6", null, "Headers"), el("ul.members.flat", null, Object.entries(response.headers).map(([name, header]) => {
      const h = deref(header), schema = deref(h.schema || {}), example = exampleOf(h);
      return el("li", null, el("div.member", null, code(name), el("span.type", null, typeName(schema))),
        el("div.about", null, markdown(h.description), limits(schema),
          example !== undefined && el("span.limits", null, el("span.limit", null, "for example ", code(example)))));
    }))],
    contentView(response.content, true),
  ];
  const box = el("details.response", { open, ontoggle: () => {
    if (box.childElementCount === 1) box.append(el("div", null, inside()));
  } }, el("summary", null, el(`span.status.s${status[0]}`, null, status), " ", el("span", null, inline(response.description || ""))),
  open && el("div", null, inside()));
  return box;
}

/* The inside of a card, rendered when it is first opened, because rendering the whole document at once is slow. */
function operationBody(o) {
  const body = o.op.requestBody && deref(o.op.requestBody);
  return [
    el("div.described", null,
      markdown(o.op.description),
      el("p.facts", null, code(o.id), el("span.chip", null, o.secured ? "needs an access token" : "open to anyone")),
      o.params.length > 0 && [el("h4", null, "Parameters"), parameterTable(o.params)],
      body && [el("h4", null, "Request body", body.required && el("span.required", null, "required")), markdown(body.description), contentView(body.content, false)],
      el("h4", null, "Responses"),
      Object.entries(o.op.responses).map(([status, response]) => responseView(status, response))),
    el("div.try", null, tryForm(o)),
  ];
}

function setOpen(o, open) {
  if (open && !o.body.hasChildNodes()) o.body.append(...operationBody(o));
  o.body.hidden = !open;
  o.toggle.setAttribute("aria-expanded", String(open));
}

const methodBadge = (method) => el(`span.method.m-${method.toLowerCase()}`, null, method);

function operationCard(o) {
  o.body = el("div.inside", { id: `inside-${o.id}`, hidden: true });
  o.toggle = el("button.head", { type: "button", "aria-expanded": "false", "aria-controls": o.body.id, onclick: () => {
    setOpen(o, o.body.hidden);
    if (o.body.hidden) return;
    history.replaceState(null, "", `#operation/${o.id}`);
    markCurrent(o);
  } }, methodBadge(o.method), el("span.path", null, breakable(o.path)), el("span.summary", null, o.op.summary || o.id));
  o.card = el("article.card", { id: `operation/${o.id}` }, el("h3", null, o.toggle), o.body);
  return o.card;
}

/* Long paths may break before a slash. */
const breakable = (path) => path.split(/(?=\/)/).flatMap((part) => [el("wbr"), part]);

/* -------------------------------------------------------------------- try it */

const remembered = new Map();   // path parameters by name, to fill in an id that was used before

function parameterInput(o, p) {
  const schema = deref(p.schema || {});
  const values = schema.enum || ([schema.type].flat().includes("boolean") ? ["true", "false"] : null);
  const id = `${o.id}-${p.in}-${p.name}`;
  const example = parameterExample(p);
  const input = values
    ? el("select", { id }, el("option", { value: "" }, p.required ? "" : "(not sent)"), values.map((value) => el("option", { value }, value)))
    : el("input", { id, autocomplete: "off", spellcheck: "false", placeholder: example === undefined ? schema.default : example });
  input.required = Boolean(p.required);
  if (p.in === "path") input.value = remembered.get(p.name) || (p.example !== undefined ? String(p.example) : "");
  return { p, input, row: el("div.field", null, el("label", { for: id }, p.name, p.required && el("span.required", null, "required"),
    el("span.place", null, p.in)), input) };
}

/* The body's editor, filled in; with a selection if there are several examples or media types. */
function bodyEditor(o, body) {
  const types = Object.keys(body.content);
  const examples = examplesOf(body.content[types[0]], false);
  const text = el("textarea", { id: `${o.id}-body`, spellcheck: "false", autocomplete: "off" });
  const load = (i) => {
    text.value = examples[i] ? pretty(examples[i].value) : "";
    text.rows = Math.min(24, Math.max(4, text.value.split("\n").length + 1));
  };
  load(0);
  const type = types.length > 1 && el("select", { id: `${o.id}-type` }, types.map((one) => el("option", null, one)));
  const which = examples.length > 1 && el("select", { id: `${o.id}-example`, onchange: () => load(which.selectedIndex) },
    examples.map((one) => el("option", null, one.title)));
  return { text: () => text.value, type: () => (type ? type.value : types[0]), again: () => load(0), rows: [
    type && el("div.field", null, el("label", { for: type.id }, "Content-Type"), type),
    which && el("div.field", null, el("label", { for: which.id }, "Example"), which),
    el("div.field", null, el("label", { for: text.id }, "Body", body.required && el("span.required", null, "required"), el("span.place", null, types[0])), text)] };
}

/* requestOf(o, inputs, editor) - {url, headers, body} from the current form. */
function requestOf(o, inputs, editor) {
  let where = o.path;
  const query = [], headers = {};
  for (const { p, input } of inputs) {
    const value = input.value;
    if (p.in === "path") where = where.replace(`{${p.name}}`, value === "" ? `{${p.name}}` : encodeURIComponent(value));
    else if (value === "") continue;
    else if (p.in === "query") query.push(`${encodeURIComponent(p.name)}=${encodeURIComponent(value)}`);
    else if (p.in === "header") headers[p.name] = value;
  }
  const body = editor && editor.text() !== "" ? editor.text() : undefined;
  if (body !== undefined) headers["Content-Type"] = editor.type();
  return { url: where + (query.length ? "?" + query.join("&") : ""), headers, body };
}

const quoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;

/*
 * The same request as a bash command. It never contains the token, so that it can be shared. The variable TOKEN and the body do
 * not become arguments of curl, which other users of the machine could read.
 */
function curl(o, rq) {
  const words = [`curl -sS${o.method === "GET" ? "" : ` -X ${o.method}`} ${quoted(location.origin + rq.url)}`];
  if (o.secured) words.push("-H @<(echo \"Authorization: Bearer $TOKEN\")");
  for (const [name, value] of Object.entries(rq.headers)) words.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (rq.body !== undefined) words.push("--data-binary @- <<'BODY'");
  return words.join(" \\\n  ") + (rq.body !== undefined ? `\n${rq.body}\nBODY` : "");
}

/* A value as TypeScript. */
const literal = (p, value) => (/^(integer|number|boolean)$/.test(deref(p.schema).type) ? value : JSON.stringify(value));

/* The same request with the typed client (examples/typescript/client.ts). */
function typescript(o, inputs, editor) {
  const groups = ["path", "query", "header"].map((where) => {
    const given = inputs.filter(({ p, input }) => p.in === where && p.name !== "Accept" && (where === "path" || input.value !== ""));
    const members = given.map(({ p, input }) => `${/^\w+$/.test(p.name) ? p.name : JSON.stringify(p.name)}: ${literal(p, input.value)}`);
    return members.length > 0 ? `${where}: { ${members.join(", ")} }` : "";
  }).filter(Boolean);
  const options = [groups.length > 0 ? `  params: { ${groups.join(", ")} },` : "", editor && editor.text() !== "" ? `  body: ${editor.text().replace(/\n/g, "\n  ")},` : ""].filter(Boolean);
  return `const { data, error } = await gestor.${o.method}("${o.path}"${options.length > 0 ? `, {\n${options.join("\n")}\n}` : ""});`;
}

/* An operation that draws pictures has its media types to choose from. */
function acceptParameter(o) {
  const types = Object.keys((o.op.responses["200"] || {}).content || {});
  return types.includes(PICTURE) ? [{ name: "Accept", in: "header", description: "The form of the answer.", schema: { type: "string", enum: types } }] : [];
}

function tryForm(o) {
  const inputs = [...o.params.filter((p) => p.in !== "cookie"), ...acceptParameter(o)].map((p) => parameterInput(o, p));
  const editor = o.op.requestBody && bodyEditor(o, deref(o.op.requestBody));
  const command = el("pre", { tabindex: "0" }), program = el("pre", { tabindex: "0" });
  const answer = el("div.answer", { "aria-live": "polite" });
  const execute = el("button.primary", { type: "submit" }, "Execute");
  const hint = el("p.hint.wants-token", null, "You are not signed in: this request will be refused with 401.");
  const draw = () => {
    command.textContent = curl(o, requestOf(o, inputs, editor));
    program.textContent = typescript(o, inputs, editor);
    hint.hidden = !o.secured || session.token !== null;
  };
  const form = el("form", { "aria-label": `Try ${o.id}`, oninput: draw, onchange: draw, onsubmit: async (event) => {
    event.preventDefault();
    if (execute.disabled) return;
    for (const { p, input } of inputs) if (p.in === "path") remembered.set(p.name, input.value);
    execute.disabled = true;
    answer.replaceChildren(el("p.hint", null, "Waiting for the answer…"));
    answer.replaceChildren(...await perform(o, requestOf(o, inputs, editor)));
    execute.disabled = false;
  } },
  inputs.map((one) => one.row), editor && editor.rows, hint, el("div.actions", null, execute));
  o.draw = draw;
  o.fill = (values) => {
    for (const { p, input } of inputs) {
      if (values.has(p.name)) input.value = values.get(p.name);
      else if (p.in === "path" && input.value === "") input.value = remembered.get(p.name) || "";
    }
    draw();
  };
  o.forget = () => {
    form.reset();
    if (editor) editor.again();
    answer.replaceChildren();
  };
  draw();
  return [el("h4", null, "Try it"), form, el("h5", null, "As a command"), el("div.block", null, command, copyButton(() => command.textContent)),
    el("h5", null, "In TypeScript"), el("div.block", null, program, copyButton(() => program.textContent)), answer];
}

const PICTURE = "image/svg+xml";

/* send(method, url, headers, body) - {status, headers, type, text, ms}; throws like fetch. */
async function send(method, url, headers, body) {
  const begun = performance.now();
  const r = await fetch(url, { method, headers, body, cache: "no-store", credentials: "omit", redirect: "manual" });
  const text = await r.text();
  return { status: r.status, phrase: r.statusText, headers: [...r.headers], type: r.headers.get("content-type") || "", text, ms: performance.now() - begun };
}

const bearer = () => (session.token ? { Authorization: `Bearer ${session.token}` } : {});

function parsed(r) {
  try {
    return /json/.test(r.type) ? JSON.parse(r.text) : undefined;
  } catch {
    return undefined;
  }
}

async function perform(o, rq) {
  let r;
  try {
    r = await send(o.method, rq.url, { ...rq.headers, ...(o.secured ? bearer() : {}) }, rq.body);
  } catch (fault) {
    return [el("h5", null, "Answer"), note("bad", el("strong", null, "No answer. "), "The request could not be sent, or the connection broke: ", String(fault.message || fault))];
  }
  const value = parsed(r);
  /* This request ended the page's own session. */
  if (o.path === "/v1/sessions/current" && o.method === "DELETE" && r.status === 204) signedOut("The session was ended.");
  const fresh = r.status < 300 && value && value.access_token;
  return [
    el("h5", null, "Answer"),
    el("p.outcome", null, el(`span.status.s${String(r.status)[0]}`, null, `${r.status} ${r.phrase}`), el("span.hint", null,
      `${r.ms < 10 ? r.ms.toFixed(1) : Math.round(r.ms)} ms · ${new TextEncoder().encode(r.text).length} bytes`)),
    r.status >= 400 && value && problemView(value),
    fresh && el("button", { type: "button", onclick: () => signedIn(value.access_token, value) }, "Use this access token here"),
    el("details", null, el("summary", null, `${r.headers.length} response headers`),
      el("dl.headers", null, r.headers.map(([name, one]) => [el("dt", null, name), el("dd", null, one)]))),
    /* As an image a picture runs no script, whatever is in it. */
    r.status === 200 && r.type === PICTURE && el("img.picture", { src: `data:${PICTURE},${encodeURIComponent(r.text)}`, alt: o.op.summary }),
    r.text !== "" && el("div.block", null, value === undefined ? el("pre", { tabindex: "0" }, r.text) : json(pretty(value)), copyButton(() => r.text)),
  ].filter(Boolean);
}

function problemView(problem) {
  const allowed = (list) => (list.length <= 8 ? el("p.allowed", null, "allowed: ", list.map((one) => [code(one), " "]))
    : el("details", null, el("summary", null, `${list.length} values are allowed`), el("p.allowed", null, list.map((one) => [code(one), " "]))));
  return note("bad",
    el("p", null, el("strong", null, problem.title || "Refused"), " ", problem.code && code(problem.code)),
    problem.detail && el("p", null, problem.detail),
    problem.errors && el("ul.faults", null, problem.errors.map((e) =>
      el("li", null, code(e.pointer), " ", el("span.fault-code", null, e.code), el("p", null, e.detail, e.level ? ` (level ${e.level})` : ""), e.allowed && allowed(e.allowed)))),
    problem.request_id && el("p.hint", null, "request ", code(problem.request_id)));
}

/* ------------------------------------------------------------------- session */

function showAccount(text) {
  byId("who").textContent = text;
  byId("sign-in-button").hidden = session.token !== null;
  byId("sign-out-button").hidden = session.token === null;
  if (session.token !== null) showSignIn(false);
  for (const o of operations) if (o.draw) o.draw();
}

function showSignIn(open) {
  byId("sign-in").hidden = !open;
  byId("sign-in-button").setAttribute("aria-expanded", String(open));
  if (open) byId("password-form").elements.username.focus();
}

function signedIn(token, { advisor, expires_in: seconds }) {
  session.token = token;
  const until = new Date(Date.now() + seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  byId("sign-in-said").replaceChildren();
  showAccount(`${advisor.full_name} · ${advisor.role} · until ${until}`);
}

/* Inputs and answers belong to the session, so they are removed with it. */
function signedOut(text) {
  session.token = null;
  remembered.clear();
  for (const o of operations) if (o.forget) o.forget();
  showAccount(text);
}

/* attempt(form, work) - sends one request of the panel, and shows a refusal there. */
async function attempt(form, work) {
  const button = form.querySelector("button"), said = byId("sign-in-said");
  button.disabled = true;
  said.replaceChildren();
  try {
    const r = await work(), value = parsed(r);
    if (r.status < 300 && value && value.advisor) {
      form.reset();
      return value;
    }
    said.replaceChildren(value ? problemView(value) : note("bad", `The service answered ${r.status}.`));
  } catch (fault) {
    said.replaceChildren(note("bad", "No answer: ", String(fault.message || fault)));
  } finally {
    button.disabled = false;
  }
  return null;
}

function wireAccount() {
  byId("account").hidden = false;
  byId("sign-in-button").addEventListener("click", () => showSignIn(byId("sign-in").hidden));
  byId("sign-in").addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    showSignIn(false);
    byId("sign-in-button").focus();
  });
  byId("password-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { username, password } = Object.fromEntries(new FormData(event.target));
    const value = await attempt(event.target, () =>
      send("POST", "/v1/sessions", { "Content-Type": "application/json" }, JSON.stringify({ username, password })));
    if (value) signedIn(value.access_token, value);
    if (value) byId("sign-out-button").focus();
  });
  byId("token-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get("token").trim().replace(/^Bearer +/i, "");
    const value = await attempt(event.target, () => send("GET", "/v1/sessions/current", { Authorization: `Bearer ${token}` }));
    if (value) signedIn(token, value);
  });
  byId("sign-out-button").addEventListener("click", async () => {
    const headers = bearer();
    signedOut("Signed out.");
    byId("sign-in-button").focus();
    try {
      const r = await send("DELETE", "/v1/sessions/current", headers);
      if (r.status !== 204 && r.status !== 401) showAccount(`Signed out here; the service answered ${r.status}.`);
    } catch {
      showAccount("Signed out here; the service did not answer.");
    }
  });
}

/* ---------------------------------------------------------------- navigation */

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const o of operations) {
    const hit = words.every((word) => o.words.includes(word));
    o.link.hidden = o.card.hidden = !hit;
    found += hit;
  }
  for (const group of document.querySelectorAll("[data-group]"))
    group.hidden = !operations.some((o) => o.tag === group.dataset.group && !o.card.hidden);
  for (const part of document.querySelectorAll("[data-unfiltered]")) part.hidden = words.length > 0;
  byId("none-found").hidden = found > 0;
  byId("filter-said").textContent = words.length ? `${found} of ${operations.length} operations` : "";
}

function showMenu(open) {
  byId("nav").classList.toggle("open", open);
  byId("menu-button").setAttribute("aria-expanded", String(open));
}

function markCurrent(o) {
  for (const one of operations) one.link.firstChild.setAttribute("aria-current", String(one === o));
  if (o) o.link.scrollIntoView({ block: "nearest" });
}

/* Fragments: #operation/ID, with values for its form after a "?"; #schema/NAME; #tag/NAME. */
function route() {
  const [where, values] = location.hash.slice(1).split("?");
  const node = where && byId(where);
  if (!node) return;
  if (node.closest("[hidden]")) {
    byId("filter").value = "";
    filter();
  }
  const o = operations.find((one) => `operation/${one.id}` === where);
  markCurrent(o);
  if (o) {
    setOpen(o, true);
    o.fill(new URLSearchParams(values || ""));
    o.toggle.focus({ preventScroll: true });
  }
  if (node.tagName === "DETAILS") node.open = true;
  showMenu(false);
  node.scrollIntoView({ block: "start" });
}

function wireNavigation() {
  byId("menu-button").hidden = byId("filter").parentElement.hidden = false;
  byId("filter").addEventListener("input", filter);
  byId("menu-button").addEventListener("click", () => showMenu(byId("menu-button").getAttribute("aria-expanded") !== "true"));
  window.addEventListener("hashchange", route);
  /* A link to the current fragment causes no hashchange event, so handle it here. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash && link.hash.length > 1) route();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    event.preventDefault();
    showMenu(true);
    byId("filter").focus();
  });
}

/* ------------------------------------------------------------------ rendering */

function drawNavigation(tags) {
  const list = byId("nav-list");
  for (const tag of tags) {
    const here = operations.filter((o) => o.tag === tag.name);
    list.append(el("div.group", { "data-group": tag.name }, el("h2", null, tag.name), el("ul", null, here.map((o) => {
      o.link = el("li", null, el("a", { href: `#operation/${o.id}`, title: o.path }, methodBadge(o.method), el("span", null, o.op.summary || o.id)));
      return o.link;
    }))));
  }
  list.append(el("div.group", { "data-unfiltered": "" }, el("h2", null, "schemas"),
    el("ul", null, el("li", null, el("a", { href: "#schemas" }, "All schemas")))));
}

function drawMain(tags) {
  const main = byId("main"), schemas = Object.keys((doc.components || {}).schemas || {});
  main.replaceChildren(
    el("section.intro", { "data-unfiltered": "" }, el("h1", null, doc.info.title), doc.info.summary && el("p.lead", null, doc.info.summary),
      markdown(doc.info.description),
      el("p.hint", null, "The document itself: ", el("a", { href: "/openapi.yaml" }, "openapi.yaml"), " · ", el("a", { href: "/openapi.json" }, "openapi.json"),
        ` · OpenAPI ${doc.openapi} · ${operations.length} operations`)),
    el("p.hint", { id: "none-found", hidden: true }, "No operation matches."),
    ...tags.map((tag) => el("section.tag", { id: `tag/${tag.name}`, "data-group": tag.name, "aria-label": tag.name },
      el("h2", null, tag.name), el("div.hint", null, markdown(tag.description)), operations.filter((o) => o.tag === tag.name).map(operationCard))),
    el("section.tag", { id: "schemas", "data-unfiltered": "", "aria-label": "schemas" }, el("h2", null, "schemas"),
      schemas.map((name) => {
        const box = el("details.card.schema-card", { id: `schema/${name}`, ontoggle: () => {
          if (box.childElementCount === 1) box.append(el("div.inside", null, schemaView({ $ref: `#/components/schemas/${name}` }, false)));
        } }, el("summary", null, name));
        return box;
      })));
}

async function start() {
  wireAccount();
  byId("loading").hidden = false;
  try {
    const r = await fetch("/openapi.json", { credentials: "omit" });
    if (!r.ok) throw new Error(`the service answered ${r.status}`);
    doc = await r.json();
  } catch (fault) {
    byId("main").replaceChildren(note("bad", el("p", null, "The document could not be loaded: ", String(fault.message || fault), ". Reload the page to try again.")));
    return;
  }
  document.title = `${doc.info.title} – API documentation`;
  byId("brand").textContent = doc.info.title;
  byId("version").textContent = doc.info.version;
  readOperations();
  const names = [...new Set([...(doc.tags || []).map((tag) => tag.name), ...operations.map((o) => o.tag)])];
  const tags = names.filter((name) => operations.some((o) => o.tag === name))
    .map((name) => (doc.tags || []).find((tag) => tag.name === name) || { name });
  drawNavigation(tags);
  drawMain(tags);
  wireNavigation();
  route();
}

start();
