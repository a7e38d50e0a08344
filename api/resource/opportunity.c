#include <string.h>

#include "catalog/catalog.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/change.h"
#include "resource/read.h"
#include "sql.h"

/* The ids of the choice in the query parameter `name`, which was validated; NULL: not given. */
static const char *
choice_ids(struct request *rq, const char *catalog, const char *name)
{
	const char *code = request_query_value(rq, name);

	return code != NULL ? catalog_ids(rq->catalogs, catalog, code, &rq->arena) : NULL;
}

int
opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;
	const char *reason, *from = request_query_value(rq, "created_from"),
			    *to = request_query_value(rq, "created_to");

	if (from != NULL && to != NULL && strcmp(from, to) > 0) {
		faults_add(&rq->faults, "#/created_to", TEXT_days_reversed);
		return reply_faults(rq);
	}
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	reason = choice_ids(rq, "cancellation_reason", "reason");
	/* Of several reasons, the newest of each are found by the index. */
	row = request_query(rq,
	    reason != NULL && strchr(reason, ',') != NULL ? &sql_opportunity_list_reasons
							  : &sql_opportunity_list,
	    request_query_value(rq, "advisor"), choice_ids(rq, "stage", "stage"),
	    choice_ids(rq, "campaign", "campaign"), choice_ids(rq, "sub_campaign", "sub_campaign"),
	    reason, from, to, page.created_at, page.id, page.limit,
	    request_query_value(rq, "voided"));
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
client_opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_client_opportunity_list, rq->param[0], page.created_at,
	    page.id, page.limit, request_query_value(rq, "voided"));
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
opportunity_get(struct request *rq)
{
	return reply_read(rq, &sql_opportunity_get);
}

int
opportunity_create(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_opportunity_create, rq->advisor_id,
	    rq->body_text, rq->may_change_all, rq->on_behalf);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

int
opportunity_update(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_opportunity_update, { rq->param[0], rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_OPPORTUNITY, calls, NITEMS(calls));

	return change_reply(rq, &change);
}

int
opportunity_reopen(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_opportunity_reopen, { rq->param[0], rq->advisor_id } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_CLOSURE, calls, NITEMS(calls));

	change.lock.st = &sql_opportunity_lock_finished;
	return change_reply(rq, &change);
}
