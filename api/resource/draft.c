#include "http/condition.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/change.h"
#include "sql.h"

/* Bytes of a draft in the service's spelling; the constraint draft_size has the same bound. */
#define DRAFT_MAX 8192

enum { BODY, OWN };

int
draft_get(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_draft_get, rq->param[0], rq->advisor_id);

	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0)
		return reply_problem(rq, "not_found");
	if (!result_true(row, 0, OWN))
		return reply_problem(rq, "not_owner");
	return reply_row(rq, 200, &row, BODY);
}

/*
 * A change of the draft: only the opportunity's own advisor may make it, whatever else the account may change.
 * absent  the refusal of an If-Match where there is no draft
 */
static struct change
draft_change(struct request *rq, const struct call *call, const char *absent)
{
	return (struct change){
		.lock = { &sql_opportunity_lock, { rq->param[0], rq->advisor_id, "false" } },
		.match = { &sql_draft_match, { rq->param[0], condition_of(rq, 0), absent } },
		.calls = call,
		.ncalls = 1,
	};
}

int
draft_put(struct request *rq)
{
	const struct call call = { &sql_draft_put, { rq->param[0], rq->body_text } };
	struct change change;

	if (rq->body_length > DRAFT_MAX)
		return reply_problem_text(
		    rq, TEXT_draft_max, arena_printf(&rq->arena, "%d", DRAFT_MAX));
	/* A PUT makes the draft that is not there, which `*` forbids (RFC 9110, 13.1.1). Elsewhere the lock answers 404. */
	if (rq->if_match_any)
		rq->condition = "*";
	change = draft_change(rq, &call, "precondition_failed");
	return change_reply(rq, &change);
}

int
draft_delete(struct request *rq)
{
	const struct call call = { &sql_draft_delete, { rq->param[0] } };
	const struct change change = draft_change(rq, &call, "not_found");
	auto_result struct result *row = change_run(rq, &change);

	return row != NULL ? reply_empty(rq) : rq->reply.status;
}
