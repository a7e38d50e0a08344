/*
 * OAuth client libraries that nobody here wrote get tokens of a machine account: openid-client, which checks each answer
 * by the RFCs, and simple-oauth2.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const lib = require("../http/lib.js");
const { ClientCredentials } = require("simple-oauth2");

let world, chief, openid;
before(async () => {
  openid = await import("openid-client");
  world = await lib.world();
  chief = await world.signedIn("E8000002");
});
after(() => world.end());

const works = async (token, status = 200) => assert.equal((await lib.caller(world.base, token).get("/v1/clients?phone=944264648")).status, status);
const machine = () => lib.machine(chief, world.base, { rights: ["client_read", "opportunity_read"] });

/* client(m, auth, secret) - a configured client of openid-client. */
function client(m, auth, secret = m.secret) {
  const config = new openid.Configuration({ issuer: world.base, token_endpoint: `${world.base}/v1/oauth/token` }, m.username, {}, auth(secret));
  openid.allowInsecureRequests(config);
  return config;
}

for (const how of ["ClientSecretBasic", "ClientSecretPost"])
  test(`oauth_token: openid-client gets a token, ${how}`, async () => {
    const m = await machine(), whole = await openid.clientCredentialsGrant(client(m, openid[how]));
    assert.deepEqual([whole.token_type.toLowerCase(), whole.expires_in, whole.scope], ["bearer", 900, "session catalog_read client_read opportunity_read"]);
    await works(whole.access_token);
    const narrow = await openid.clientCredentialsGrant(client(m, openid[how]), { scope: "opportunity_read" });
    await works(narrow.access_token, 403);
    const shown = await openid.fetchProtectedResource(client(m, openid[how]), whole.access_token, new URL(`${world.base}/v1/sessions/current`), "GET");
    assert.equal((await shown.json()).advisor.username, m.username);
    const refused = (error, status, name) => error.status === status && error.error === name && error.error_description.length > 0;
    await assert.rejects(openid.clientCredentialsGrant(client(m, openid[how]), { scope: "import" }), (e) => refused(e, 400, "invalid_scope"));
    await assert.rejects(openid.clientCredentialsGrant(client(m, openid[how], "gsec_x")),
      /* With a challenge the library reports the challenge. */
      (e) => refused(e, 401, "invalid_client") || (e.status === 401 && e.cause[0].scheme === "basic"));
  });

for (const authorizationMethod of ["header", "body"])
  test(`oauth_token: simple-oauth2 gets a token, ${authorizationMethod}`, async () => {
    const m = await machine();
    const client = new ClientCredentials({ client: { id: m.username, secret: m.secret }, auth: { tokenHost: world.base, tokenPath: "/v1/oauth/token" }, options: { authorizationMethod } });
    const { token } = await client.getToken({ scope: "client_read" });
    assert.equal(token.scope, "session catalog_read client_read");
    assert.ok(token.expires_at > new Date());
    await works(token.access_token);
  });
