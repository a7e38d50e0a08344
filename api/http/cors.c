#include "http/cors.h"

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
		    "Allow, Content-Language, ETag, Idempotent-Replayed, Link, Location, "
		    "Opportunity-ETag, Retry-After, "
		    "traceparent, WWW-Authenticate, X-Request-Id");
		return;
	}
	reply_header(
	    rq, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	reply_header(rq, "Access-Control-Allow-Headers",
	    "Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, "
	    "If-None-Match, traceparent, tracestate, X-Request-Id");
	reply_header(rq, "Access-Control-Max-Age", PREFLIGHT_S);
}
