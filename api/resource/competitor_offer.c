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
