#include "http/access_log.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* Probes and scrapes come every few seconds; what makes them fail is logged elsewhere. */
static enum log_level
level_of(const struct request *rq)
{
	if (rq->op != NULL &&
	    (strcmp(rq->op->id, "livez") == 0 || strcmp(rq->op->id, "readyz") == 0 ||
		strcmp(rq->op->id, "metrics") == 0))
		return LOG_DEBUG;
	/* 501 and 505 (unknown method, unknown HTTP version) are the client's errors. */
	return rq->reply.status >= 500 && rq->reply.status != 501 && rq->reply.status != 505
		   ? LOG_WARN
		   : LOG_INFO;
}

/* A member whose value is a text that needs no escaping. Without a comma before it. */
static char *
put_text(char *out, const char *name, const char *value)
{
	out = stpcpy(stpcpy(stpcpy(out, "\""), name), "\":\"");
	return stpcpy(stpcpy(out, value), "\"");
}

static char *
put_number(char *out, const char *name, uint64_t value)
{
	out = stpcpy(stpcpy(stpcpy(out, ",\""), name), "\":");
	return text_put_number(out, value);
}

void
access_log(const struct request *rq, size_t bytes)
{
	uint64_t took_us = (uint64_t)(clock_us() - rq->began_us);
	/* Of the texts, an operationId, a code, and ids have at most 64 characters each. */
	char fields[768], *at = fields;

	at = put_text(at, "request_id", rq->id);
	at = put_text(stpcpy(at, ","), "operation_id", rq->op != NULL ? rq->op->id : "");
	at = put_number(at, "status", (uint64_t)rq->reply.status);
	at = stpcpy(put_number(at, "duration_ms", took_us / 1000), ".");
	*at++ = (char)('0' + took_us / 100 % 10);
	*at++ = (char)('0' + took_us / 10 % 10);
	*at++ = (char)('0' + took_us % 10);
	at = put_number(at, "bytes", bytes);
	if (rq->who.advisor_id != 0)
		at = put_number(at, "advisor_id", (uint64_t)rq->who.advisor_id);
	if (rq->trace.id[0] != '\0') {
		at = put_text(stpcpy(at, ","), "trace_id", rq->trace.id);
		at = put_text(stpcpy(at, ","), "span_id", rq->trace.span);
	}
	if (rq->reply.code != NULL)
		put_text(stpcpy(at, ","), "code", rq->reply.code);
	log_fields(level_of(rq), "request", fields);
}
