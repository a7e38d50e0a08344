#include <string.h>

#include "catalog/catalog.h"
#include "http/authenticate.h"
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

/* Whether one of these filters is given. */
static bool
filtered_by(const struct request *rq, const char *const names[])
{
	for (; *names != NULL; names++) {
		if (request_query_value(rq, *names) != NULL)
			return true;
	}
	return false;
}

/* A first page that needs no filter but one: its rows, if all are stored; NULL: opportunity_list gives them, or the reply is a problem. */
static struct result *
first_page(struct request *rq, const struct page *page)
{
	static const char *const others[] = { "cursor", "campaign", "sub_campaign", "reason",
		"created_from", "created_to", "voided", "include", NULL };
	const char *advisor = request_query_value(rq, "advisor"),
		   *stages = choice_ids(rq, "stage", "stage"), *stage;
	struct result *rows;

	if (filtered_by(rq, others) || (advisor != NULL && stages != NULL) ||
	    (stages != NULL && strchr(stages, ',') != NULL))
		return NULL;
	if (advisor != NULL) {
		rows = request_query(rq, &sql_opportunity_list_advisor, advisor, page->limit);
	} else if (stages != NULL) {
		/* "{7}" */
		stage = arena_copy(&rq->arena, stages + 1, strlen(stages) - 2);
		rows = request_query(rq, &sql_opportunity_list_stage, stage, page->limit);
	} else {
		rows = request_query(rq, &sql_opportunity_list_newest, page->limit);
	}
	if (rows != NULL && !all_stored(rows)) {
		result_free(rows);
		rows = NULL;
	}
	return rows;
}

/* The columns of page_rows_beside. */
enum { CLIENT_BESIDE = 3, CONTACT_BESIDE };

static const char *
sql_bool(bool b)
{
	return b ? "true" : "false";
}

/*
 * Reads the query parameter include.
 * ret_with    whether the client, and the contact, is asked for
 * ret_beside  what the items show inside
 * returns     0, or 403: the account may not read such records
 */
static int
include_take(struct request *rq, bool ret_with[static 2], struct beside ret_beside[static 3])
{
	const char *include = request_query_value(rq, "include");
	unsigned needs = 0;
	int n = 0;

	ret_with[0] = include != NULL && strstr(include, "client") != NULL;
	ret_with[1] = include != NULL && strstr(include, "contact") != NULL;
	if (ret_with[0]) {
		needs |= route_needs("client_get");
		ret_beside[n++] = (struct beside){ "client", ENTITY_CLIENT, CLIENT_BESIDE };
	}
	if (ret_with[1]) {
		needs |= route_needs("contact_get");
		ret_beside[n++] = (struct beside){ "contact", ENTITY_CONTACT, CONTACT_BESIDE };
	}
	ret_beside[n] = (struct beside){ NULL, ENTITY_OTHER, 0 };
	return authorize_also(rq, needs);
}

int
opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;
	struct beside beside[3];
	const char *ids;
	bool with[2];
	const char *reason, *from = request_query_value(rq, "created_from"),
			    *to = request_query_value(rq, "created_to");

	if (from != NULL && to != NULL && strcmp(from, to) > 0) {
		faults_add(&rq->faults, "#/created_to", TEXT_days_reversed);
		return reply_faults(rq);
	}
	if (!request_ids(rq, &ids))
		return reply_faults(rq);
	if (include_take(rq, with, beside) != 0 || request_page(rq, &page) != 0)
		return rq->reply.status;
	page.beside = beside[0].member != NULL ? beside : NULL;
	if (ids != NULL) {
		page.limit = IDS_LIMIT;
		row = request_query(
		    rq, &sql_opportunity_list_ids, ids, sql_bool(with[0]), sql_bool(with[1]));
		return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
	}
	row = first_page(rq, &page);
	if (row != NULL || rq->reply.status != 0)
		return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
	reason = choice_ids(rq, "cancellation_reason", "reason");
	/* Of several reasons, the newest of each are found by the index. */
	row = request_query(rq,
	    reason != NULL && strchr(reason, ',') != NULL ? &sql_opportunity_list_reasons
							  : &sql_opportunity_list,
	    request_query_value(rq, "advisor"), choice_ids(rq, "stage", "stage"),
	    choice_ids(rq, "campaign", "campaign"), choice_ids(rq, "sub_campaign", "sub_campaign"),
	    reason, from, to, page.created_at, page.id, page.limit,
	    request_query_value(rq, "voided"), sql_bool(with[0]), sql_bool(with[1]));
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
client_opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	if (page.id == NULL && request_query_value(rq, "voided") == NULL) {
		row = request_query(
		    rq, &sql_client_opportunity_list_newest, rq->param[0], page.limit);
		if (row == NULL || all_stored(row))
			return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
		result_free(row);
	}
	row = request_query(rq, &sql_client_opportunity_list, rq->param[0], page.created_at,
	    page.id, page.limit, request_query_value(rq, "voided"));
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
opportunity_get(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_opportunity_get, rq->param[0]);

	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 1 && !all_stored(row))
		return reply_read(rq, &sql_opportunity_get_rendered);
	return reply_row(rq, 200, &row, 0);
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
