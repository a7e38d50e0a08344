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
	const bool waiting = without != NULL && strcmp(without, "true") == 0;
	struct call list, count;
	struct page page;

	if (!request_days(rq, "created_from", "created_to"))
		return reply_faults(rq);
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	if (waiting) {
		list = (struct call){ &sql_contact_search_waiting,
			{ advisor, from, to, voided, page.created_at, page.id, page.limit } };
		count = (struct call){ &sql_contact_count_waiting, { advisor, from, to, voided } };
	} else {
		list = (struct call){ &sql_contact_search,
			{ advisor, without, from, to, voided, page.created_at, page.id,
			    page.limit } };
		count = (struct call){ &sql_contact_count, { advisor, without, from, to, voided } };
	}
	return reply_listed(rq, &page, &list, &count);
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
