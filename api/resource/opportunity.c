#include <string.h>

#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "resource/change.h"
#include "resource/opportunity_shown.h"
#include "resource/read.h"
#include "sql.h"

int
opportunity_get(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_opportunity_get, rq->param[0]);
	const struct span *shown;

	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0)
		return reply_problem(rq, "not_found");
	shown = opportunities_shown(&rq->arena, row);
	if (shown == NULL)
		return reply_read(rq, &sql_opportunity_get_rendered);
	reply_json(rq, 200, shown->at, shown->length);
	return reply_tagged(rq);
}

int
opportunity_create(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_opportunity_create, rq->advisor_id,
	    rq->body_text, rq->may_change_all, rq->on_behalf);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

int
opportunity_update(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_opportunity_update, { rq->param[0], rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_OPPORTUNITY, calls, NITEMS(calls));

	return change_reply(rq, &change);
}

int
opportunity_reopen(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_opportunity_reopen, { rq->param[0], rq->advisor_id } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_CLOSURE, calls, NITEMS(calls));

	change.lock.st = &sql_opportunity_lock_finished;
	return change_reply(rq, &change);
}
