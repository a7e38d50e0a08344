/*
 * Two records of one person become one client, and two again.
 */
#include "http/condition.h"
#include "resource/change.h"
#include "sql.h"

int
client_merge(struct request *rq)
{
	const char *into = json_string_value(json_object_get(rq->body, "into"));
	const struct call calls[] = {
		{ &sql_client_merge, { rq->param[0], into, rq->advisor_id } },
		{ &sql_client_merge_saved, { into } },
	};
	const struct change change = {
		.lock = { &sql_client_merge_lock, { rq->param[0], into } },
		.match = { &sql_client_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = calls,
		.ncalls = NITEMS(calls),
	};

	/* The reply shows another client than the path's, for the record of reads. */
	rq->shown = into;
	return change_reply(rq, &change);
}

int
client_merge_undo(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_client_merge_undo, { rq->param[0], rq->advisor_id } },
		{ &sql_client_merge_saved, { rq->param[0] } },
	};
	const struct change change = {
		.lock = { &sql_client_merge_undo_lock, { rq->param[0] } },
		.match = { &sql_client_merge_undo_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = calls,
		.ncalls = NITEMS(calls),
	};

	return change_reply(rq, &change);
}
