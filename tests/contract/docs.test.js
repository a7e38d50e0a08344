/*
 * The page at /docs in Debian's Chromium: its contents are compared with openapi.json, its requests
 * reach a real server, and it must cause no violation of its content security policy.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");
const lib = require("../http/lib.js");

let world, browser, document_;
let page, watched;       // the page as an advisor uses it
let whole;               // the page with every operation open, which takes long to draw

before(async () => {
  [world, browser] = await Promise.all([lib.world(), chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  })]);
  document_ = (await world.anyone.get("/openapi.json")).json;
  ({ page, watched } = await open());
  whole = await open();
});
after(async () => {
  if (browser) await browser.close();
  if (world) await world.end();
});

const operations = () => Object.entries(document_.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, op]) => ({ ...op, path, method: method.toUpperCase() })));

/* open(hash, settings) - opens the page in a new browser context, and records its requests, messages and violations. */
async function open(hash = "", settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(60000);   // a busy machine renders the whole document slowly
  const watched = { requests: [], faults: [], violations: [] };
  page.on("request", (r) => watched.requests.push(r.url()));
  page.on("websocket", (w) => watched.requests.push(w.url()));
  page.on("pageerror", (e) => watched.faults.push(String(e)));
  page.on("console", (m) => {
    /* Chromium logs every answer of 400 or more, but a refusal by the API is no fault of the page. */
    const refused = m.text().startsWith("Failed to load resource") && m.location().url.startsWith(world.base + "/v1/");
    if (["error", "warning"].includes(m.type()) && !refused) watched.faults.push(m.text());
  });
  if (settings.javaScriptEnabled !== false) {
    await page.exposeFunction("toldViolation", (what) => watched.violations.push(what));
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (e) =>
      window.toldViolation(`${e.violatedDirective} ${e.blockedURI}`)));
  }
  await page.goto(`${world.base}/docs${hash}`);
  if (settings.javaScriptEnabled !== false) await page.locator("article.card").first().waitFor();
  return { page, watched, close: () => context.close() };
}

function blameless({ requests, faults, violations }) {
  assert.deepEqual(faults, []);
  assert.deepEqual(violations, []);
  assert.ok(requests.length >= 4);
  assert.deepEqual(requests.filter((url) => !url.startsWith(world.base + "/") && !url.startsWith("data:")), []);
}

const show = async (on, hash) => {
  await on.evaluate((h) => { location.hash = h; }, hash);
  await on.locator(`[id="${hash.split("?")[0]}"]`).waitFor();
};
const card = (on, id) => on.locator(`article[id="operation/${id}"]`);

/* execute(on, id) - presses the button, waits for the answer, and returns its part of the card. */
async function execute(on, id) {
  const of = card(on, id);
  await of.locator(".answer").evaluate((e) => e.replaceChildren());
  await of.getByRole("button", { name: "Execute" }).click();
  await of.locator(".answer .outcome, .answer .note").first().waitFor();
  return of.locator(".answer");
}

test("docs_page: shows every operation of the document completely", async () => {
  const all = operations();
  assert.equal(await whole.page.locator("article.card").count(), all.length);
  assert.equal(await whole.page.locator("#nav-list a[href^='#operation/']").count(), all.length);
  assert.equal(await whole.page.locator("h1").textContent(), document_.info.title);
  const shown = await whole.page.evaluate((ids) => ids.map((id) => {
    const e = document.getElementById(`operation/${id}`);
    e.querySelector("button.head").click();
    e.querySelectorAll("details.response").forEach((d) => { d.open = true; });
    return { text: e.textContent, inputs: [...e.querySelectorAll(".field input, .field select")].map((i) => i.id), body: e.querySelector("textarea")?.value,
      statuses: [...e.querySelectorAll(".response > summary > .status")].map((s) => s.textContent),
      expanded: e.querySelector("button.head").getAttribute("aria-expanded") };
  }), all.map((op) => op.operationId));
  for (const [i, op] of all.entries()) {
    const { text, inputs, body, statuses, expanded } = shown[i];
    for (const part of [op.method, op.path, op.summary, op.operationId]) assert.ok(text.includes(part), `${op.operationId}: ${part}`);
    assert.equal(expanded, "true");
    assert.deepEqual(statuses.sort(), Object.keys(op.responses).sort(), op.operationId);
    assert.doesNotMatch(text, /undefined|\[object/, op.operationId);
    for (const { $ref } of op.parameters || []) {
      const p = document_.components.parameters[$ref.split("/").pop()];
      assert.ok(inputs.includes(`${op.operationId}-${p.in}-${p.name}`), `${op.operationId}: ${p.name}`);
    }
    assert.equal(body !== undefined, op.requestBody !== undefined, op.operationId);
    if (body && op.requestBody.content["application/json"]) assert.equal(typeof JSON.parse(body), "object");
  }
  blameless(whole.watched);
});

test("docs_page: the service accepts the example that the page composes from a body's members", async () => {
  const ana = await world.signedIn("E8153375");
  const body = async (id) => JSON.parse(await card(whole.page, id).locator("textarea").inputValue());
  const client = (await ana.get("/v1/clients?phone=944264648")).json.items[0];
  const contact = await ana.post(`/v1/clients/${client.id}/contacts`, await body("contact_create"));
  assert.equal(contact.status, 201, contact.text);
  const opportunity = await ana.post("/v1/opportunities", { ...await body("opportunity_create"), contact_id: contact.json.id });
  assert.equal(opportunity.status, 201, opportunity.text);
  const form = await ana.put(`/v1/opportunities/${opportunity.json.id}/typification`, await body("typification_put"));
  assert.equal(form.status, 200, form.text);
});

test("docs_page: a recursive schema ends in a link; a code names its catalogue and links to it", async () => {
  await show(page, "schema/CatalogItem");
  const again = page.locator("[id='schema/CatalogItem'] a[href='#schema/CatalogItem']");
  await again.first().waitFor();
  assert.ok(await again.count() < 4);
  await show(page, "operation/diagnosis_put");
  const note = card(page, "diagnosis_put").locator(".catalog").first();
  assert.match(await note.textContent(), /A code of catalogue cancellation_reason/);
  await note.locator("a").click();
  const input = page.locator("#catalog_get-path-catalog");
  await input.waitFor();
  assert.equal(await input.inputValue(), "cancellation_reason");
});

test("docs_page: Markdown in descriptions is rendered as headings, lists and text", async () => {
  const raw = await whole.page.evaluate(() => {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!node.parentElement.closest("code, pre, textarea, script") && /(^|\s)#{2,} |\*[^*\s][^*]*\*|(^|\s)\d\. `|\*\*/.test(node.data)) found.push(node.data);
    }
    return { found, headings: [...document.querySelectorAll("main h3")].map((h) => h.textContent), steps: document.querySelectorAll("main ol li").length };
  });
  assert.deepEqual(raw.found, []);
  assert.ok(raw.headings.includes("The call, step by step") && raw.headings.includes("Conditional requests"), raw.headings.join());
  assert.ok(raw.steps >= 10);
});

test("docs_page: the filter shows the operations with all its words, and works by keyboard", async () => {
  await page.locator("h1").click();
  await page.keyboard.press("/");
  await page.keyboard.type("opportunit put");
  const all = operations().map((op) => `operation/${op.operationId}`);
  const put = await page.locator("article.card:visible").evaluateAll((cards) => cards.map((e) => e.id));
  for (const op of operations()) if (op.method === "PUT" && /opportunit/.test(op.path)) assert.ok(put.includes(`operation/${op.operationId}`), op.operationId);
  assert.ok(put.length < all.length / 2 && !put.includes("operation/client_search"), put.join());
  assert.equal(await page.locator("#nav-list a[href^='#operation/']:visible").count(), put.length);
  assert.equal(await page.locator("#filter-said").textContent(), `${put.length} of ${operations().length} operations`);
  await page.locator("#filter").fill("no such words");
  assert.equal(await page.locator("article.card:visible").count(), 0);
  assert.ok(await page.locator("#none-found").isVisible());
  await page.locator("#filter").fill("");
  assert.equal(await page.locator("article.card:visible").count(), operations().length);
});

test("docs_page: the URL of an operation opens it and scrolls to it", async () => {
  const deep = await open("#operation/closure_put");
  const head = card(deep.page, "closure_put").locator("button.head");
  assert.equal(await head.getAttribute("aria-expanded"), "true");
  const { y } = await head.boundingBox();
  assert.ok(y >= 40 && y < 300, `it is at ${y}`);
  assert.equal(await deep.page.locator("#nav a[aria-current='true']").getAttribute("href"), "#operation/closure_put");
  await deep.page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-expanded"), "false", "the operation has the focus, and can be closed by keyboard");
  blameless(deep.watched);
  await deep.close();
});

test("docs_page: sign-in with a wrong and with the right password", async () => {
  await page.locator("#sign-in-button").click();
  await page.getByLabel("Username").fill("E8153375");
  await page.getByLabel("Password").fill("no-es-esta-clave");
  await page.locator("#password-form button").click();
  await page.locator("#sign-in-said .note").waitFor();
  assert.match(await page.locator("#sign-in-said").textContent(), /credentials_wrong/);
  await page.getByLabel("Password").fill(lib.password);
  await page.locator("#password-form button").click();
  await page.locator("#sign-out-button").waitFor();
  assert.match(await page.locator("#who").textContent(), /NOMBRE DE E8153375 · advisor/);
  assert.equal(await page.locator("#sign-in").isVisible(), false);
  assert.equal(await page.locator("input[name=password]").inputValue(), "");
});

test("client_search: a search by phone shows the sample client, and the shell command has no token", async () => {
  await show(page, "operation/client_search");
  await page.locator("#client_search-query-phone").fill("944264648");
  const answer = await execute(page, "client_search");
  const text = await answer.textContent();
  assert.match(text, /200 OK/);
  assert.match(text, /AMERICA MOVIL PERU S\.A\.C\./);
  assert.match(text, /x-request-id/);
  assert.match(text, / ms · \d+ bytes/);
  const command = await card(page, "client_search").locator(".try > .block pre").allTextContents();
  assert.deepEqual(command, [`curl -sS '${world.base}/v1/clients?phone=944264648' \\\n  -H @<(echo "Authorization: Bearer $TOKEN")`,
    "const { data, error } = await gestor.GET(\"/v1/clients\", {\n  params: { query: { phone: \"944264648\" } },\n});"]);
  const kept = await page.evaluate(() => JSON.stringify([document.documentElement.outerHTML, { ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.doesNotMatch(kept, /eyJ[A-Za-z0-9_-]{10}/, "the token is neither in an element nor in storage");
});

test("contact_create: with 15 digits the page shows where the fault is, with 16 the new contact", async () => {
  await show(page, "operation/contact_create?client_id=1");
  assert.equal(await page.locator("#contact_create-path-client_id").inputValue(), "1", "the URL can fill in the form");
  const id = (await (await world.signedIn("E8153375")).get("/v1/clients?phone=944264648")).json.items[0].id;
  const of = card(page, "contact_create");
  await page.locator("#contact_create-path-client_id").fill(id);
  await page.locator("#contact_create-body").fill("{\"origin_phone\": \"944264648\", \"serial_number\": \"250505000012567\"}");
  let answer = await execute(page, "contact_create");
  assert.match(await answer.locator(".outcome").textContent(), /^422/);
  const fault = answer.locator(".faults li");
  assert.equal(await fault.count(), 1);
  assert.match(await fault.textContent(), /^#\/serial_number pattern.*exactly 16 digits/);

  await page.locator("#contact_create-body").fill("{\"origin_phone\": \"944264648\", \"serial_number\": \"2505050000125674\"}");
  assert.match(await of.locator(".try > .block pre").first().textContent(), /-X POST .*\n.*\$TOKEN.*\n.*application\/json.*\n {2}--data-binary @- <<'BODY'\n\{"origin_phone"/);
  answer = await execute(page, "contact_create");
  const text = await answer.textContent();
  assert.match(text, /201 Created/);
  const [, where] = text.match(/location(\/v1\/contacts\/\d+)/);
  const made = await (await world.signedIn("E8153375")).get(where);
  assert.equal(made.json.serial_number, "2505050000125674");
});

test("diagnosis_put: for a wrong choice the page lists the legal ones", async () => {
  const { opportunity } = await lib.opened(await world.signedIn("E8153375"));
  await show(page, `operation/diagnosis_put?opportunity_id=${opportunity.id}`);
  await page.locator("#diagnosis_put-path-opportunity_id").fill(opportunity.id);
  await page.locator("#diagnosis_put-body").fill("{\"reason\": \"precio-y-contenido.nope\"}");
  const answer = await execute(page, "diagnosis_put");
  assert.match(await answer.locator(".faults").textContent(), /#\/reason.*level 2.*precio-y-contenido\./s);
});

test("session_delete: after signing out the page sends no token, and the session has ended", async () => {
  const token = await page.evaluate(() => session.token);
  const held = lib.caller(world.base, token);
  assert.equal((await held.get("/v1/sessions/current")).status, 200);
  const typed = () => page.evaluate(() => [document.querySelector("#client_search-query-phone").value, document.querySelector("#diagnosis_put-body").value,
    [...document.querySelectorAll(".answer")].map((e) => e.textContent).join("")]);
  await show(page, "operation/client_search");
  await page.locator("#client_search-query-phone").fill("944264648");
  await execute(page, "client_search");
  const [phone, body, answers] = await typed();
  assert.equal(phone, "944264648");
  assert.match(body, /precio-y-contenido\.nope/);
  assert.match(answers, /AMERICA MOVIL PERU/);
  await page.locator("#sign-out-button").click();
  await page.locator("#sign-in-button").waitFor();
  /* Inputs and answers belong to the account that was signed in, so they are cleared. */
  const left = await typed();
  assert.deepEqual([left[0], left[2]], ["", ""]);
  assert.deepEqual(JSON.parse(left[1]).reason.split(".").length > 1, true, "the form shows the example again");
  assert.doesNotMatch(left[1], /nope/);
  await show(page, "operation/client_search");
  const answer = await execute(page, "client_search");
  assert.match(await answer.textContent(), /401 Unauthorized.*token_missing/s);
  assert.equal((await held.get("/v1/sessions/current")).status, 401);
});

test("session_get: a pasted token is checked, and used if it is valid", async () => {
  const pasted = await open();
  await pasted.page.locator("#sign-in-button").click();
  await pasted.page.getByLabel("Access token").fill("garbage");
  await pasted.page.locator("#token-form button").click();
  await pasted.page.locator("#sign-in-said .note").waitFor();
  assert.match(await pasted.page.locator("#sign-in-said").textContent(), /token_invalid/);
  await pasted.page.getByLabel("Access token").fill((await world.signedIn("E8000001")).token);
  await pasted.page.locator("#token-form button").click();
  await pasted.page.locator("#sign-out-button").waitFor();
  assert.match(await pasted.page.locator("#who").textContent(), /supervisor/);
  blameless(pasted.watched);
  await pasted.close();
});

test("docs_page: the tests above caused no request to another origin, no violation and no error", () => blameless(watched));

test("docs_page: the browser refuses inline scripts, inline styles and other origins", async () => {
  const attacked = await open();
  await attacked.page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.owned = true";
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.body.append(script, style);
    document.body.insertAdjacentHTML("beforeend", "<img src='/nope.png' onerror='window.owned = true'>");
    await fetch("https://example.invalid/").catch(() => {});
    /* Stands for eval(), because the policy does not apply to an eval() in a test's own code. */
    setTimeout("window.owned = true");
    await new Promise((resolve) => setTimeout(resolve, 100));
  });
  assert.equal(await attacked.page.evaluate(() => window.owned), undefined);
  assert.ok(await attacked.page.locator("h1").isVisible());
  const found = attacked.watched.violations.map((v) => v.split(" ")[0]);
  for (const directive of ["script-src-elem", "style-src-elem", "script-src-attr", "connect-src", "script-src"])
    assert.ok(found.includes(directive), `${directive}: ${found}`);
  await attacked.close();
});

test("docs_page: a narrow screen needs no horizontal scrolling and has the list behind a button; dark mode is dark", async () => {
  const narrow = await open("#operation/typification_create", { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
  assert.equal(await narrow.page.evaluate(() => document.documentElement.scrollWidth), 360);
  assert.equal(await narrow.page.locator("#filter").isVisible(), false);
  await narrow.page.getByRole("button", { name: "Operations" }).click();
  await narrow.page.locator("#filter").fill("livez");
  await narrow.page.locator("#nav-list a:visible").first().click();
  /* The page gets the event of a changed URL a little later. */
  await narrow.page.locator("#filter").waitFor({ state: "hidden" });
  await card(narrow.page, "livez").locator("button.head[aria-expanded='true']").waitFor();
  const [r, g, b] = (await narrow.page.evaluate(() => getComputedStyle(document.body).backgroundColor)).match(/\d+/g).map(Number);
  assert.ok(r + g + b < 120);
  blameless(narrow.watched);
  await narrow.close();
});

test("docs_page: every input has a label, every button a name, and ids are unique", async () => {
  const found = await whole.page.evaluate(() => ({
    nameless: [...document.querySelectorAll("input, select, textarea")].filter((e) => !e.labels.length && !e.ariaLabel).map((e) => e.outerHTML)
      .concat([...document.querySelectorAll("button, a, summary")].filter((e) => !e.textContent.trim()).map((e) => e.outerHTML)),
    ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
    odd: document.body.textContent.match(/.{0,40}(?:undefined|\[object|NaN).{0,40}/),
    mains: document.querySelectorAll("main").length, inline: document.querySelectorAll("[style], style").length,
  }));
  assert.deepEqual(found.nameless, []);
  assert.equal(new Set(found.ids).size, found.ids.length);
  assert.equal(found.mains, 1);
  assert.equal(found.odd, null);
  assert.equal(found.inline, 0);
});

test("docs_page: without JavaScript the page says that it needs it, and links to the document", async () => {
  const plain = await open("", { javaScriptEnabled: false });
  const text = await plain.page.locator("main").innerText();
  assert.match(text, /needs JavaScript/);
  assert.ok(await plain.page.locator("main a[href='/openapi.yaml']").isVisible());
  assert.equal(await plain.page.locator("#sign-in-button").isVisible(), false);
  await plain.close();
});
