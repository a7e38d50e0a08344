/*
 * Where webhooks may send, and receivers that lie: the URLs that are refused, addresses that change, redirects, resets, slow and endless
 * answers, wrong certificates.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("./lib.js");
const { authority, receiver } = require("./receiver.js");
const { until } = require("./writes.js");

let world, chief, ca, closed;
before(async () => {
  ca = authority();
  world = await lib.world({ env: { GESTOR_WEBHOOK_ALLOW: "127.0.0.0/8, ::1", GESTOR_WEBHOOK_CA_FILE: ca.ca, http_proxy: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1", ALL_PROXY: "http://127.0.0.1:1" } });
  chief = await world.signedIn("E8000002");
  /* A server that allows no other than public addresses. */
  closed = lib.caller((await lib.startServer(world.database.serve, { env: { GESTOR_WEBHOOK_ALLOW: "" } })).base, chief.token);
});
after(async () => { await world.end(); ca.end(); });

const types = ["client.merged"];
const refused = {
  "loopback": ["https://127.0.0.1/", "https://127.8.9.10/", "https://localhost/", "https://[::1]/", "http://127.0.0.1/"],
  "private": ["https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://[fd00::1]/", "https://[fc00::1]/"],
  "link-local, shared, special": ["https://169.254.169.254/latest/meta-data", "https://[fe80::1]/", "https://100.64.0.1/", "https://100.127.255.255/",
    "https://0.0.0.0/", "https://0.1.2.3/", "https://[::]/", "https://192.0.0.1/", "https://198.18.0.1/", "https://192.0.2.1/", "https://198.51.100.1/",
    "https://203.0.113.1/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/", "https://[ff02::1]/", "https://192.88.99.1/"],
  "IPv4 inside IPv6": ["https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:10.0.0.1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2002:a00:1::1]/", "https://[2001:0:7f00:1::]/", "https://[fec0::1]/"],
  "other spellings of addresses": ["https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.1/",
    "https://127.0.1/", "https://134744072/", "https://8.8.2056/", "https://010.8.8.8/", "https://1.2.3.4.5/", "https://256.1.1.1/", "https://8.8.8.8./", "https://crm.example./", "https://127.0.0.1.:443/"],
  "other hosts": ["https://user@8.8.8.8/", "https://user:secret@crm.example/", "https://crm.example@127.0.0.1/", "https://%31%32%37.0.0.1/", "https://crm%2eexample/", "https://[fe80::1%25eth0]/",
    "https:///path", "https://:443/", "https://crm.example\\@127.0.0.1/", "https://crm example/", "https://[::1/", "https://\u2460\u2461\u2466.0.0.1/", "https://\u00f1.example/", "https://127\u30020\u30020\u30021/"],
  "schemes, ports, fragments": ["http://crm.example/", "HTTPS://crm.example/", "hTTps://8.8.8.8/", "ftp://crm.example/", "file:///etc/passwd", "gopher://crm.example/", "javascript:alert(1)", "crm.example/hook", "//crm.example/", "https:crm.example",
    "https://crm.example:22/", "https://crm.example:0/", "https://crm.example:65536/", "https://crm.example:25/", "https://crm.example/#x", "", " ", "https://"],
};
for (const [what, urls] of Object.entries(refused))
  test(`webhook_create: refuses ${what}`, async () => {
    for (const url of urls) {
      const r = await closed.post("/v1/webhooks?validate_only=true", { url, types });
      assert.equal(r.status, 422, `${url}: ${r.text}`);
      assert.ok(r.json.errors.some((e) => e.pointer === "#/url" && e.detail.length > 10), `${url}: ${r.text}`);
    }
  });

test("webhook_create, webhook_update: a public address is accepted, and a name that cannot be resolved now", async () => {
  for (const url of ["https://8.8.8.8/", "https://8.8.8.8:8443/a?b=c", "https://[2606:4700::1111]/", "https://no-such-name.invalid/hook", "https://xn--a-ecp.example/", "https://[64:ff9b::808:808]/"]) {
    const r = await closed.post("/v1/webhooks?validate_only=true", { url, types });
    assert.equal(r.status, 200, `${url}: ${r.text}`);
    assert.equal(r.json.secret, "");
  }
  const made = await chief.post("/v1/webhooks", { url: "http://127.0.0.1:1025/", types });
  lib.faultAt(await closed.patch(made.headers.location, { url: "https://10.1.2.3/" }), "#/url");
  assert.equal((await chief.get(made.headers.location)).json.url, "http://127.0.0.1:1025/");
  await chief.delete(made.headers.location);
});

test("delivery_get: each attempt checks the address again: what is refused is never connected to", async () => {
  const r = await receiver(), tls = await receiver({ tls: ca.issue("rebinding", "DNS:localhost,IP:127.0.0.1") });
  /* Registered where loopback is allowed, and sent where it is not: as a name whose address has changed meanwhile. */
  world.database.sql("update webhook set disabled_reason = 'manual'");
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_WEBHOOK_ALLOW: "10.0.0.0/8" } }), strict = lib.caller(server.base, chief.token);
  const others = await lib.startServer(world.database.serve);
  const urls = [r.url(), tls.url("/hook", "localhost"), tls.url()];
  for (const url of urls) {
    const made = await chief.post("/v1/webhooks?validate_only=true", { url, types });
    assert.equal(made.status, 200, made.text);
  }
  await others.stop();
  /* The processes that allow it are stopped while the strict one sends. */
  await world.server.stop();
  const [{ id: owner }] = [{ id: world.database.sql("select id from advisor where username = 'E8000002'") }];
  const probe = await strict.post("/v1/webhooks", { url: "https://8.8.8.8/", types });
  const encrypted = world.database.sql(`select secret from webhook where id = ${probe.json.id}`);
  await strict.delete(probe.headers.location);
  for (const url of urls) {
    const id = world.database.sql(`with w as (insert into webhook (advisor_id, url, types, ordering, secret) values (${owner}, '${url}', '{client.merged}', 'none', '${encrypted}') returning id),
      p as (insert into webhook_progress (webhook_id) select id from w) select id from w`);
    const sent = await strict.post(`/v1/webhooks/${id}/test`);
    let shown;
    await until("an attempt", async () => (shown = (await strict.get(sent.headers.location)).json).attempt_count > 0);
    assert.deepEqual([shown.attempts[0].error, shown.attempts[0].status], ["address_refused", null], url);
  }
  assert.deepEqual([r.connections, tls.connections], [0, 0]);
  await server.stop();
  await r.end();
  await tls.end();
});
