/*
 * The rights of Ley 29733 that administrators serve: erasure and access.
 */
#include "http/reply.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/read.h"
#include "sql.h"

int
client_erase(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_client_erase, { rq->param[0] } },
		{ &sql_client_erased, { rq->param[0] } },
	};
	struct result *results[NITEMS(calls)];

	if (request_run(rq, calls, NITEMS(calls), results) != 0)
		return rq->reply.status;
	result_free(results[0]);
	auto_result struct result *row = results[1];
	return reply_row(rq, 200, &row, 0);
}

int
client_personal_data(struct request *rq)
{
	int status = reply_read(rq, &sql_client_personal_data);

	if (status == 200)
		reply_tag_items(rq, "opportunities", ENTITY_OPPORTUNITY, false);
	return status;
}
