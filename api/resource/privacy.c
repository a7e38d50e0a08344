/*
 * A person's rights of erasure and access (Ley 29733), which administrators serve.
 */
#include <stdlib.h>

#include "http/record.h"
#include "http/reply.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/read.h"
#include "sql.h"

/* The columns of client_erased. */
enum { STATUS, LOCATION, BODY };

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
	/* 202: housekeeping erases the rest in steps; Location shows the state. */
	if (result_text(row, 0, LOCATION) != NULL)
		reply_location(rq, result_text(row, 0, LOCATION));
	return reply_row(rq, atoi(result_text(row, 0, STATUS)), &row, BODY);
}

int
client_erasure_get(struct request *rq)
{
	return reply_read(rq, &sql_client_erasure_get);
}

int
client_personal_data(struct request *rq)
{
	int status = reply_read(rq, &sql_client_personal_data);

	if (status == 200)
		reply_tag_items(rq, "opportunities", ENTITY_OPPORTUNITY);
	return status;
}
