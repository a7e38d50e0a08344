#include "http/audit.h"

#include "sql.h"

/* A number as JSON; null for 0. */
static const char *
number(struct request *rq, int64_t n)
{
	return n != 0 ? arena_printf(&rq->arena, "%lld", (long long)n) : "null";
}

struct call
audit_context(struct request *rq)
{
	/* Ids, addresses and operationIds hold no character that JSON escapes (exchange.c, address.c). */
	return (struct call){ &sql_audit_context,
		{ arena_printf(&rq->arena,
		    "{\"advisor\":%s,\"session\":%s,\"address\":%s%s%s,\"request\":\"%s\","
		    "\"operation\":\"%s\"}",
		    rq->advisor_id != NULL ? rq->advisor_id : "null",
		    number(rq, rq->who.session_id), rq->address[0] != '\0' ? "\"" : "",
		    rq->address[0] != '\0' ? rq->address : "null",
		    rq->address[0] != '\0' ? "\"" : "", rq->id, rq->op->id) } };
}
