/*
 * The rights of Ley 29733 that administrators serve: erasure and access.
 */
#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

int
client_erase(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_client_erase, { rq->param[0] } },
		{ &sql_client_erased, { rq->param[0] } },
	};

	return reply_last(rq, calls, NITEMS(calls));
}

int
client_personal_data(struct request *rq)
{
	return reply_read(rq, &sql_client_personal_data);
}
