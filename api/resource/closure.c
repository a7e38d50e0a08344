#include "http/route.h"
#include "resource/change.h"
#include "resource/read.h"
#include "sql.h"

int
closure_get(struct request *rq)
{
	return reply_read(rq, &sql_closure_get);
}

int
closure_put(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_closure_put, { rq->param[0], rq->advisor_id, rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_CLOSURE, calls, NITEMS(calls));

	return change_reply(rq, &change);
}
