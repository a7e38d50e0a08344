/*
 * The rules by which Spectral checks openapi.yaml: its OpenAPI rules and OWASP's
 * rules for the security of APIs. Every finding is an error. Comments give the
 * reason for each exception and each disabled rule.
 */
import { oas } from "@stoplight/spectral-rulesets";
import owasp from "@stoplight/spectral-owasp-ruleset";

const rules = {};

/* except(name, excused) - the rule, except where excused(value, path) is true. */
function except(name, excused) {
  const rule = owasp.rules[name];
  rules[name] = { ...rule, then: [rule.then].flat().map((one) => ({ ...one,
    function: (value, options, context) => (one.function(value, options, context) || [])
      .filter((fault) => !excused(value, fault.path || context.path)) })) };
}

/* A date or a fixed number of digits has a fixed length; a maxLength would only add "too long" to "not a date". */
except("owasp:api4:2023-string-limit", (s) => s.format === "date" || /^\^\[0-9\]\{[0-9]+\}\$$/.test(s.pattern));

/* A choice is restricted by its catalogue, free text by its length. A pattern for a credential or cursor would turn
 * 401 and 400 into 422, and show an attacker what a valid one looks like. */
const free = ["name", "full_name", "label", "levels", "greeting", "gender", "legal_representative", "plan", "current_plan", "trac_profile",
  "segment", "overdue_payment", "title", "detail", "allowed", "username", "password", "old_password", "Password", "refresh_token",
  "grant_type", "client_id", "client_secret", "scope", "external_id", "answer", "reason", "source", "note"];
/* The text that a webhook's owner gave it. */
const isNote = (path) => path.at(-1) === "description" && path.at(-2) === "properties";
except("owasp:api4:2023-string-restricted", (s, path) => s["x-catalog"] !== undefined || s.title === "Cursor" || isNote(path) || path.some((step) => free.includes(step)));

/* The id of a secret is no secret. */
except("owasp:api2:2023-no-credentials-in-url", (value) => value === "secret_id" || value.name === "secret_id");

/* Operations without a token: sign-in, renewal, probes and documents. */
const open = ["/v1/sessions", "/v1/sessions/refresh", "/v1/oauth/token", "/livez", "/readyz", "/metrics", "/openapi.yaml", "/openapi.json"];
const isOpen = (value, path) => open.includes(path[1]) || /^\/docs/.test(path[1]);
except("owasp:api2:2023-write-restricted", isOpen);
except("owasp:api2:2023-read-restricted", isOpen);
except("owasp:api8:2023-define-error-responses-401", isOpen);

/* The rate limit is per account, so it does not apply without a token. A sign-out is never refused. */
const isNotCounted = (value, path) => isOpen(value, path) || path[2] === "ClientUnauthorized" || (path[1] === "/v1/sessions/current" && path[2] === "delete");
except("owasp:api4:2023-rate-limit", isNotCounted);
except("owasp:api4:2023-rate-limit-responses-429", isNotCounted);

/* Tests cannot provoke a 500: `default` declares it, in every operation, with the same body. */
rules["owasp:api8:2023-define-error-responses-500"] = "off";

/* The header is sent only if origins are configured, and usually none are. */
rules["owasp:api8:2023-define-cors-origin"] = "off";

export default {
  extends: [oas, owasp],
  aliases: owasp.aliases,
  rules: { ...rules, "info-license": "error", "tag-description": "error", "oas3-parameter-description": "error" },
};
