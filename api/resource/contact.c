#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

int
contact_list(struct request *rq)
{
	return reply_list_of(rq, &sql_contact_list);
}

int
contact_create(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_contact_create, rq->param[0], rq->advisor_id, rq->body_text);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

int
contact_get(struct request *rq)
{
	return reply_read(rq, &sql_contact_get);
}
