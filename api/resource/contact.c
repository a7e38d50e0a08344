#include <string.h>

#include "config.h"
#include "http/condition.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/change.h"
#include "resource/read.h"
#include "sql.h"

int
contact_list(struct request *rq)
{
	auto_result struct result *rows = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	rows = request_query(rq, &sql_contact_list, rq->param[0], page.created_at, page.id,
	    page.limit, request_query_value(rq, "voided"));
	return rows != NULL ? reply_page(rq, &page, &rows) : rq->reply.status;
}

int
contact_search(struct request *rq)
{
	const char *advisor = request_query_value(rq, "advisor"),
		   *without = request_query_value(rq, "without_opportunity"),
		   *from = request_query_value(rq, "created_from"),
		   *to = request_query_value(rq, "created_to"),
		   *voided = request_query_value(rq, "voided");
	struct call calls[2];
	struct result *results[2];
	struct page page;
	int n = 0, status;

	if (!request_days(rq, "created_from", "created_to"))
		return reply_faults(rq);
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	if (advisor != NULL)
		calls[n++] = (struct call){ &sql_advisor_known, { advisor } };
	if (without != NULL && strcmp(without, "true") == 0)
		calls[n++] = (struct call){ &sql_contact_search_waiting,
			{ advisor, from, to, voided, page.created_at, page.id, page.limit } };
	else
		calls[n++] = (struct call){ &sql_contact_search,
			{ advisor, without, from, to, voided, page.created_at, page.id,
			    page.limit } };
	if (request_run(rq, calls, n, results) != 0)
		return rq->reply.status;
	if (advisor != NULL && !advisor_known(rq, results[0]))
		status = reply_faults(rq);
	else
		status = reply_page(rq, &page, &results[n - 1]);
	for (int i = 0; i < n; i++)
		result_free(results[i]);
	return status;
}

int
contact_create(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_contact_create, rq->param[0],
	    rq->advisor_id, rq->body_text, request_number(rq, rq->app->config->contacts_per_day));

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

int
contact_get(struct request *rq)
{
	return reply_read(rq, &sql_contact_get);
}

int
contact_update(struct request *rq)
{
	const struct call update = { &sql_contact_update, { rq->param[0], rq->body_text } };
	const struct change change = {
		.lock = { &sql_contact_lock, { rq->param[0], rq->advisor_id, rq->may_change_all } },
		.match = { &sql_contact_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = &update,
		.ncalls = 1,
	};

	return change_reply(rq, &change);
}
