#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

int
closure_get(struct request *rq)
{
	return reply_read(rq, &sql_closure_get);
}

int
closure_put(struct request *rq)
{
	struct call calls[] = {
		{ &sql_closure_put, { [3] = rq->body_text } },
		opportunity_close(rq, rq->body),
		{ &sql_closure_get, { rq->param[0] } },
	};
	auto_result struct result *row = NULL;

	if (opportunity_write(rq, calls, NITEMS(calls), "conflict", &row) != 0)
		return rq->reply.status;
	return reply_row(rq, 200, &row, 0);
}
