#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

int
competitor_offer_get(struct request *rq)
{
	return reply_read(rq, &sql_competitor_offer_get);
}

int
competitor_offer_put(struct request *rq)
{
	struct call change = { &sql_competitor_offer_put, { [4] = rq->body_text } };

	return reply_written(rq, &change, 1, "conflict");
}
