"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const lib = require("./lib.js");

let world;
before(async () => { world = await lib.world({ demo: false }); });
after(() => world.end());

const files = [
  ["docs_page", "/docs", "text/html; charset=utf-8", "index.html"],
  ["docs_style", "/docs/docs.css", "text/css; charset=utf-8", "docs.css"],
  ["docs_script", "/docs/docs.js", "text/javascript; charset=utf-8", "docs.js"],
];

for (const [id, where, type, file] of files) {
  const written = fs.readFileSync(`${lib.root}/api/docs/${file}`, "utf8");

  test(`${id}: serves the file unchanged, without a token, with a CSP that allows no other origin`, async () => {
    const r = await world.anyone.get(where);
    assert.equal(r.status, 200);
    assert.equal(r.text, written);
    assert.equal(r.headers["content-type"], type);
    assert.equal(r.headers["x-content-type-options"], "nosniff");
    const policy = new Map(r.headers["content-security-policy"].split("; ").map((part) => [part.split(" ")[0], part.split(" ").slice(1).join(" ")]));
    assert.deepEqual(Object.fromEntries(policy), { "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
      "img-src": "'self' data:", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'" });
    const head = await world.anyone.request("HEAD", where);
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
    for (const name of ["content-type", "content-length", "content-security-policy"]) assert.equal(head.headers[name], r.headers[name]);
  });

  test(`${id}: accepts the Accept headers of browsers`, async () => {
    const browsers = { docs_page: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
      docs_style: "text/css,*/*;q=0.1", docs_script: "*/*" };
    assert.equal((await world.anyone.get(where, { accept: browsers[id] })).status, 200);
  });

  test(`${id}: names no other origin, and turns no text into code or markup`, () => {
    /* A namespace is only a name: browsers fetch nothing from it. */
    const text = written.replaceAll("http://www.w3.org/2000/svg", "");
    const bad = [/(?:https?:|wss?:)?\/\/[a-z0-9-]+\.[a-z]/i, /@import|\burl\(/,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|localStorage|sessionStorage/];
    if (file.endsWith("html")) bad.push(/<script(?![^>]* src="\/docs\/)|<style| style=| on[a-z]+=|javascript:/i);
    assert.deepEqual(bad.map((of) => (text.match(of) || [])[0]).filter(Boolean), []);
  });
}

test("docs_page: only the exact path serves the page", async () => {
  for (const where of ["/docs/", "/docs/index.html", "/docs/docs.css/", "/docs/docs", "/Docs"])
    assert.equal((await lib.exchange(world.base, "GET", where, {})).status, 404, where);
});

test("docs_page: the password field hides its value, and allows password managers and pasting", () => {
  const page = fs.readFileSync(`${lib.root}/api/docs/index.html`, "utf8"), script = fs.readFileSync(`${lib.root}/api/docs/docs.js`, "utf8");
  assert.match(page, /<input name="username" autocomplete="username"/);
  assert.match(page, /<input name="password" type="password" autocomplete="current-password" required>/);
  assert.doesNotMatch(page, /maxlength/i);
  assert.doesNotMatch(page + script, /paste|beforeinput/i);
});

test("docs_page: the three files are small", () => {
  const bytes = files.reduce((sum, [, , , file]) => sum + fs.statSync(`${lib.root}/api/docs/${file}`).size, 0);
  assert.ok(bytes < 54 * 1024, `${bytes} bytes`);
});
