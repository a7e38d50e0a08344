#include "http/record.h"
#include "http/route.h"
#include "resource/change.h"
#include "resource/read.h"
#include "sql.h"

int
competitor_offer_get(struct request *rq)
{
	return reply_read(rq, &sql_competitor_offer_get);
}

int
competitor_offer_put(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_competitor_offer_put, { rq->param[0], rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_COMPETITOR_OFFER, calls, NITEMS(calls));

	return change_reply(rq, &change);
}

int
competitor_offer_delete(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_competitor_offer_delete, { rq->param[0] } },
		{ &sql_section_emptied, { rq->param[0] } },
	};
	struct change change = opportunity_change(rq, PART_COMPETITOR_OFFER, calls, NITEMS(calls));
	auto_result struct result *row = change_run(rq, &change);

	return row != NULL ? reply_row(rq, 204, &row, 0) : rq->reply.status;
}
