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

  test(`${id}: the file as it is written, to anyone, under a policy that takes nothing from elsewhere`, async () => {
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

  test(`${id}: what browsers send as Accept is taken`, async () => {
    const browsers = { docs_page: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
      docs_style: "text/css,*/*;q=0.1", docs_script: "*/*" };
    assert.equal((await world.anyone.get(where, { accept: browsers[id] })).status, 200);
  });

  test(`${id}: names no other origin, and makes no code or markup of text`, () => {
    /* A namespace is a name, and nothing is fetched by it. */
    const text = written.replaceAll("http://www.w3.org/2000/svg", "");
    const bad = [/(?:https?:|wss?:)?\/\/[a-z0-9-]+\.[a-z]/i, /@import|\burl\(/,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|localStorage|sessionStorage/];
    if (file.endsWith("html")) bad.push(/<script(?![^>]* src="\/docs\/)|<style| style=| on[a-z]+=|javascript:/i);
    assert.deepEqual(bad.map((of) => (text.match(of) || [])[0]).filter(Boolean), []);
  });
}

test("docs_page: with and without a slash are two addresses, and one of them is nobody's", async () => {
  for (const where of ["/docs/", "/docs/index.html", "/docs/docs.css/", "/docs/docs", "/Docs"])
    assert.equal((await lib.exchange(world.base, "GET", where, {})).status, 404, where);
});

test("docs_page: the password's field hides it, and lets a password manager fill it in or it be pasted", () => {
  const page = fs.readFileSync(`${lib.root}/api/docs/index.html`, "utf8"), script = fs.readFileSync(`${lib.root}/api/docs/docs.js`, "utf8");
  assert.match(page, /<input name="username" autocomplete="username"/);
  assert.match(page, /<input name="password" type="password" autocomplete="current-password" required>/);
  assert.doesNotMatch(page, /maxlength/i);
  assert.doesNotMatch(page + script, /paste|beforeinput/i);
});

test("docs_page: the three files are small", () => {
  const bytes = files.reduce((sum, [, , , file]) => sum + fs.statSync(`${lib.root}/api/docs/${file}`).size, 0);
  assert.ok(bytes < 52 * 1024, `${bytes} bytes`);
});
