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
		{ &sql_closure_put, { [4] = rq->body_text } },
		opportunity_close(rq, rq->body),
		{ &sql_closure_saved, { rq->param[0] } },
	};

	return reply_written(rq, calls, NITEMS(calls), "conflict");
}
