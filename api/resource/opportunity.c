#include <string.h>

#include "catalog/catalog.h"
#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

/* ids - of the choice that the query has of this name, which was checked; NULL without one. */
static const char *
ids(struct request *rq, const char *catalog, const char *name)
{
	const char *code = request_query_value(rq, name);

	return code != NULL ? catalog_ids(rq->catalogs, catalog, code, &rq->arena) : NULL;
}

int
opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;
	const char *from = request_query_value(rq, "created_from"),
		   *to = request_query_value(rq, "created_to");

	if (from != NULL && to != NULL && strcmp(from, to) > 0) {
		faults_add(&rq->faults, "#/created_to", TEXT_days_reversed);
		return reply_faults(rq);
	}
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_opportunity_list, request_query_value(rq, "advisor"),
	    ids(rq, "stage", "stage"), ids(rq, "campaign", "campaign"),
	    ids(rq, "sub_campaign", "sub_campaign"), ids(rq, "cancellation_reason", "reason"), from,
	    to, page.created_at, page.id, page.limit);
	return row != NULL ? reply_page(rq, &row) : rq->reply.status;
}

int
opportunity_get(struct request *rq)
{
	return reply_read(rq, &sql_opportunity_get);
}

int
opportunity_create(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_opportunity_create, rq->advisor_id, rq->body_text);

	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0) {
		faults_add_field(&rq->faults, "opportunity.contact_id", "#", TEXT_contact_unknown);
		return reply_faults(rq);
	}
	return reply_created(rq, &row);
}

int
opportunity_update(struct request *rq)
{
	struct call calls[] = {
		{ &sql_opportunity_update, { [4] = rq->body_text } },
		{ &sql_opportunity_saved, { rq->param[0] } },
	};

	return reply_written(rq, calls, NITEMS(calls), "conflict");
}

int
opportunity_reopen(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_opportunity_lock, { rq->param[0], rq->advisor_id, rq->may_change_all } },
		{ &sql_opportunity_reopen, { rq->param[0], rq->advisor_id, rq->condition } },
		{ &sql_opportunity_saved, { rq->param[0] } },
	};
	struct result *results[NITEMS(calls)];
	int status = request_run(rq, calls, NITEMS(calls), results);

	if (status != 0)
		return status;
	auto_result struct result *locked = results[0];
	auto_result struct result *reopened = results[1];
	auto_result struct result *row = results[2];
	if (result_rows(locked) == 0)
		return reply_problem(rq, "not_found");
	if (result_true(locked, 0, 2))
		return reply_problem(rq, "client_erased");
	if (result_rows(reopened) == 0)
		return reply_problem(rq, "opportunity_not_finished");
	return reply_row(rq, 200, &row, 0);
}
