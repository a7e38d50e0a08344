#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

int
typification_put(struct request *rq)
{
	struct call calls[] = {
		{ &sql_typification_put, { [4] = rq->body_text } },
		opportunity_close(rq, json_object_get(rq->body, "closure")),
		{ &sql_opportunity_saved, { rq->param[0] } },
	};

	return reply_written(rq, calls, NITEMS(calls), "conflict");
}

int
typification_create(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_typification_create, { rq->advisor_id, rq->body_text } },
		{ &sql_opportunity_close_new,
		    { closure_stage(json_object_get(rq->body, "closure")) } },
		{ &sql_opportunity_created, { NULL } },
	};
	struct result *results[NITEMS(calls)];
	int status = request_run(rq, calls, NITEMS(calls), results);

	if (status != 0)
		return status;
	result_free(results[0]);
	result_free(results[1]);
	auto_result struct result *row = results[2];
	return reply_created(rq, &row);
}
