#include "http/cors.h"

#include <string.h>

#include "base/origin.h"
#include "http/reply.h"

/* Seconds for which a browser may cache the answer to a preflight. */
#define PREFLIGHT_S "3600"

/* Request headers that a page may send: this API's, then those that tracing libraries add. */
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

void
cors_headers(struct request *rq, const char *origins, const char *origin, bool preflight)
{
	if (origin_list_empty(origins))
		return;
	/* For every origin: a cache must not serve one origin's answer to another. */
	reply_header(rq, "Vary", "Origin");
	if (origin == NULL || !origin_listed(origins, origin))
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
