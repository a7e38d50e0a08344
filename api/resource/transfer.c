#include "http/condition.h"
#include "http/record.h"
#include "http/run.h"
#include "resource/change.h"
#include "sql.h"

int
opportunity_transfer(struct request *rq)
{
	const char *target = json_string_value(json_object_get(rq->body, "advisor"));
	const struct call calls[] = {
		{ &sql_opportunity_transfer,
		    { rq->param[0], rq->advisor_id, rq->body_text, target } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PARTS_ALL, calls, NITEMS(calls));

	change.first = (struct call){ &sql_transfer_target_lock, { target } };
	return change_reply(rq, &change);
}

int
advisor_handover(struct request *rq)
{
	const char *target = json_string_value(json_object_get(rq->body, "advisor"));
	const struct call calls[] = {
		{ &sql_handover_lock, { rq->param[0], target } },
		{ &sql_handover_clients_lock, { rq->param[0] } },
		{ &sql_advisor_handover, { rq->param[0], rq->advisor_id, rq->body_text, target } },
	};
	struct result *results[NITEMS(calls)];
	auto_result struct result *row = NULL;

	if (request_run(rq, calls, NITEMS(calls), results) != 0)
		return rq->reply.status;
	result_free(results[0]);
	result_free(results[1]);
	row = results[2];
	return reply_row(rq, 200, &row, 0);
}
