/*
 * What Spectral holds openapi.yaml to: its own rules for OpenAPI and OWASP's for
 * the security of APIs, whatever they find being an error. A rule that is off,
 * or does not hold everywhere, has its reason here.
 */
import { oas } from "@stoplight/spectral-rulesets";
import owasp from "@stoplight/spectral-owasp-ruleset";

const rules = {};

/* except(rule, excused) - the rule, but for what excused(value, path) names. */
function except(name, excused) {
  const rule = owasp.rules[name];
  rules[name] = { ...rule, then: [rule.then].flat().map((one) => ({ ...one,
    function: (value, options, context) => (one.function(value, options, context) || [])
      .filter((fault) => !excused(value, fault.path || context.path)) })) };
}

/* A date has 10 characters by its format, and 16 digits are 16: a maxLength beside them would only say "too long" for "no day". */
except("owasp:api4:2023-string-limit", (s) => s.format === "date" || /^\^\[0-9\]\{[0-9]+\}\$$/.test(s.pattern));

/* The catalogue restricts a choice, not a pattern. What people write or read is free but for its length. Of a credential
 * or a cursor a pattern would only make 422 of 401 and 400, and tell a stranger what a right one looks like. */
const free = ["name", "full_name", "label", "levels", "greeting", "gender", "legal_representative", "plan", "current_plan", "trac_profile",
  "segment", "overdue_payment", "title", "detail", "allowed", "username", "password", "old_password", "Password", "refresh_token"];
except("owasp:api4:2023-string-restricted", (s, path) => s["x-catalog"] !== undefined || s.title === "Cursor" || path.some((step) => free.includes(step)));

/* Who signs in or renews has no token yet; the probes and this document are for everybody. */
const open = ["/v1/sessions", "/v1/sessions/refresh", "/livez", "/readyz", "/metrics", "/openapi.yaml", "/openapi.json"];
const isOpen = (value, path) => open.includes(path[1]) || /^\/docs/.test(path[1]);
except("owasp:api2:2023-write-restricted", isOpen);
except("owasp:api2:2023-read-restricted", isOpen);
except("owasp:api8:2023-define-error-responses-401", isOpen);

/* Requests are counted by account: where there is no token there is no account, and nothing to count. A sign-out is never refused. */
const isNotCounted = (value, path) => isOpen(value, path) || (path[1] === "/v1/sessions/current" && path[2] === "delete");
except("owasp:api4:2023-rate-limit", isNotCounted);
except("owasp:api4:2023-rate-limit-responses-429", isNotCounted);

/* 500 cannot be provoked either: it is among what `default` declares, in every operation, with the same body. */
rules["owasp:api8:2023-define-error-responses-500"] = "off";

/* Origins are a matter of configuration; without one, which is usual, the header is never sent. */
rules["owasp:api8:2023-define-cors-origin"] = "off";

export default {
  extends: [oas, owasp],
  aliases: owasp.aliases,
  rules: { ...rules, "info-license": "error", "tag-description": "error", "oas3-parameter-description": "error" },
};
