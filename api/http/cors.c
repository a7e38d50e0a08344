#include "http/cors.h"
#include "http/reply.h"

#include <string.h>

#define BETWEEN ", \t"

/* How long a browser may remember a preflight's answer. */
#define PREFLIGHT_S "3600"

/* As a browser writes it: one in capitals would never be the same. */
static bool
is_origin(const char *s, size_t length)
{
	static const char authority[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]";
	size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;

	return scheme > 0 && length > scheme && scheme + strspn(s + scheme, authority) >= length;
}

bool
cors_origins_right(const char *origins)
{
	for (const char *p = origins + strspn(origins, BETWEEN); *p != '\0';) {
		size_t length = strcspn(p, BETWEEN);

		if (!is_origin(p, length))
			return false;
		p += length;
		p += strspn(p, BETWEEN);
	}
	return true;
}

/* What a page may send: our own headers, then those that tracing libraries add by themselves. */
static const char *const allowed_headers[] = { "Accept", "Accept-Language", "Authorization",
	"Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id",
	/* W3C Trace Context and Baggage: OpenTelemetry */
	"traceparent", "tracestate", "baggage",
	/* Sentry */
	"sentry-trace",
	/* Zipkin's B3 */
	"b3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags",
	/* Datadog */
	"x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority",
	"x-datadog-origin", "x-datadog-tags",
	/* Application Insights */
	"Request-Id", "Request-Context", "Correlation-Context",
	/* Google Cloud, AWS X-Ray, Elastic APM, New Relic, Jaeger, Honeycomb, Instana */
	"X-Cloud-Trace-Context", "X-Amzn-Trace-Id", "elastic-apm-traceparent", "newrelic",
	"uber-trace-id", "x-honeycomb-trace", "X-INSTANA-T", "X-INSTANA-S", "X-INSTANA-L",
	/* in use without a standard */
	"X-Correlation-Id" };

static const char *
allowed_list(struct request *rq)
{
	size_t bytes = 1;
	char *list, *p;

	for (size_t i = 0; i < NITEMS(allowed_headers); i++)
		bytes += strlen(allowed_headers[i]) + strlen(", ");
	list = p = arena_alloc(&rq->arena, bytes);
	for (size_t i = 0; i < NITEMS(allowed_headers); i++)
		p = stpcpy(stpcpy(p, i > 0 ? ", " : ""), allowed_headers[i]);
	return list;
}

static bool
is_listed(const char *origins, const char *origin)
{
	size_t wanted = strlen(origin);

	for (const char *p = origins + strspn(origins, BETWEEN); *p != '\0';) {
		size_t length = strcspn(p, BETWEEN);

		if (length == wanted && memcmp(p, origin, length) == 0)
			return true;
		p += length;
		p += strspn(p, BETWEEN);
	}
	return false;
}

void
cors_headers(struct request *rq, const char *origins, const char *origin, bool preflight)
{
	if (origins[strspn(origins, BETWEEN)] == '\0')
		return;
	/* Said to all: a cache must not give one origin what was for another. */
	reply_header(rq, "Vary", "Origin");
	if (origin == NULL || !is_listed(origins, origin))
		return;
	reply_header(rq, "Access-Control-Allow-Origin", origin);
	if (!preflight) {
		reply_header(rq, "Access-Control-Expose-Headers",
		    "Accept-Patch, Allow, Content-Language, ETag, Idempotent-Replayed, Link, "
		    "Location, Opportunity-ETag, RateLimit, RateLimit-Policy, Retry-After, "
		    "traceparent, WWW-Authenticate, X-Request-Id");
		return;
	}
	reply_header(
	    rq, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	reply_header(rq, "Access-Control-Allow-Headers", allowed_list(rq));
	reply_header(rq, "Access-Control-Max-Age", PREFLIGHT_S);
}
