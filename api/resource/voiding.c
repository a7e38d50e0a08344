#include "http/condition.h"
#include "http/run.h"
#include "resource/change.h"
#include "sql.h"

int
opportunity_void(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_opportunity_void, { rq->param[0], rq->advisor_id, rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PARTS_ALL, calls, NITEMS(calls));

	change.lock.st = &sql_opportunity_void_lock;
	return change_reply(rq, &change);
}

int
contact_void(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_contact_void, { rq->param[0], rq->advisor_id, rq->body_text } },
		{ &sql_contact_saved, { rq->param[0] } },
	};
	const struct change change = {
		.first = { &sql_contact_void_lock,
		    { rq->param[0], rq->advisor_id, rq->may_change_all } },
		.lock = { &sql_contact_unused, { rq->param[0] } },
		.match = { &sql_contact_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = calls,
		.ncalls = NITEMS(calls),
	};

	return change_reply(rq, &change);
}
