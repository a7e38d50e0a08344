#include "http/access_log.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

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

void
access_log(const struct request *rq, size_t bytes)
{
	int64_t took_us = clock_us() - rq->began_us;
	char fields[768];
	int n = snprintf(fields, sizeof(fields),
	    "\"request_id\":\"%s\",\"operation_id\":\"%s\",\"status\":%d,\"duration_ms\":%lld.%03d,"
	    "\"bytes\":%zu",
	    rq->id, rq->op != NULL ? rq->op->id : "", rq->reply.status, (long long)(took_us / 1000),
	    (int)(took_us % 1000), bytes);

	if (rq->who.advisor_id != 0)
		n += snprintf(fields + n, sizeof(fields) - (size_t)n, ",\"advisor_id\":%lld",
		    (long long)rq->who.advisor_id);
	if (rq->trace.id[0] != '\0')
		n += snprintf(fields + n, sizeof(fields) - (size_t)n,
		    ",\"trace_id\":\"%s\",\"span_id\":\"%s\"", rq->trace.id, rq->trace.span);
	if (rq->reply.code != NULL)
		snprintf(
		    fields + n, sizeof(fields) - (size_t)n, ",\"code\":\"%s\"", rq->reply.code);
	log_fields(level_of(rq), "request", fields);
}
