#include "http/record.h"
#include "http/route.h"
#include "http/condition.h"
#include "resource/change.h"
#include "resource/read.h"
#include "sql.h"

/* Rows of an opportunity's grid, so that its answer stays small; the desk uses a handful. */
#define ACTIONS_MAX "20"

int
action_list(struct request *rq)
{
	return reply_list_of(rq, &sql_action_list);
}

int
action_get(struct request *rq)
{
	return reply_read(rq, &sql_action_get);
}

int
action_create(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_action_create, { rq->param[0], rq->body_text, ACTIONS_MAX } },
		{ &sql_action_created, { rq->param[0] } },
	};
	struct change change = opportunity_change(rq, PART_ACTIONS, calls, NITEMS(calls));
	auto_result struct result *row = change_run(rq, &change);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

/* A change of the row in the path; If-Match may have the row's entity tag or the grid's. */
static struct change
action_change(struct request *rq, const struct call *calls, int ncalls)
{
	struct change change = opportunity_change(rq, PART_ACTIONS, calls, ncalls);

	change.match = (struct call){ &sql_action_match,
		{ rq->param[0], rq->param[1], condition_of(rq, PART_ACTIONS) } };
	return change;
}

int
action_update(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_action_update, { rq->param[0], rq->param[1], rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = action_change(rq, calls, NITEMS(calls));

	return change_reply(rq, &change);
}

int
action_delete(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_action_delete, { rq->param[0], rq->param[1] } },
		{ &sql_section_emptied, { rq->param[0] } },
	};
	struct change change = action_change(rq, calls, NITEMS(calls));
	auto_result struct result *row = change_run(rq, &change);

	return row != NULL ? reply_row(rq, 204, &row, 0) : rq->reply.status;
}
