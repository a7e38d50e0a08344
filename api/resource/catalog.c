/*
 * Catalogues and their items. Plans are in catalog_plan.c.
 */
#include "catalog/catalog.h"

#include <string.h>

#include "base/text.h"
#include "http/condition.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/catalog.h"
#include "resource/change.h"
#include "resource/read.h"
#include "sql.h"

/* The column of catalog_at in which the history begins. */
#define HISTORY_BEGINS 18

static bool
hold(struct request *rq)
{
	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	return rq->catalogs != NULL;
}

int
catalog_list(struct request *rq)
{
	const char *json, *tag;
	size_t length;

	if (!hold(rq))
		return reply_problem(rq, "not_ready");
	json = catalog_list_json(rq->catalogs, &length, &tag);
	reply_json(rq, 200, json, length);
	/* Catalogues hold no personal data, so clients may cache them and revalidate with If-None-Match. */
	rq->reply.cache = "private, no-cache";
	return reply_tag(rq, tag);
}

static int
reply_catalog(struct request *rq, const struct catalogs *cs)
{
	const char *include = request_query_value(rq, "include"), *text, *kept;
	char tag[TEXT_TAG_SIZE];
	size_t length;

	text = catalog_text(cs, rq->param[0], rq->answers_csv ? CATALOG_CSV : CATALOG_JSON,
	    include != NULL, &rq->arena, &length);
	if (text == NULL)
		return reply_problem(rq, "not_found");
	if (rq->answers_csv) {
		reply_json_as_is(rq, 200, text, length);
		rq->reply.type = "text/csv; charset=utf-8";
		text_tag(text, length, tag);
	} else {
		reply_json(rq, 200, text, length);
	}
	rq->reply.cache = "private, no-cache";
	reply_header(rq, "Vary", "Accept");
	if (rq->answers_csv)
		return reply_tag(rq, tag);
	kept = cs == rq->catalogs && include == NULL ? catalog_tag(cs, rq->param[0]) : NULL;
	if (kept == NULL) {
		kept = entity_tag(
		    &rq->arena, ENTITY_CATALOG, (struct span){ rq->reply.body, rq->reply.length });
		if (cs == rq->catalogs && include == NULL)
			catalog_tag_keep(rq->catalogs, rq->param[0], kept);
	}
	return reply_tag(rq, kept);
}

/* As it was at an instant: from its history. */
static int
reply_past(struct request *rq, const char *as_of)
{
	auto_result struct result *rows = request_query(rq, &sql_catalog_at, rq->param[0], as_of);
	struct catalogs *past;
	int status;

	if (rows == NULL)
		return rq->reply.status;
	if (result_rows(rows) == 0)
		return reply_problem(rq, "not_found");
	if (result_text(rows, 0, 1) == NULL) {
		faults_add(&rq->faults, "#/as_of", TEXT_history_begins,
		    arena_copy(&rq->arena, result_text(rows, 0, HISTORY_BEGINS),
			result_length(rows, 0, HISTORY_BEGINS)));
		return reply_faults(rq);
	}
	past = catalog_past(rows);
	status = reply_catalog(rq, past);
	catalog_release(past);
	return status;
}

int
catalog_get(struct request *rq)
{
	const char *as_of = request_query_value(rq, "as_of");

	if (as_of != NULL)
		return reply_past(rq, as_of);
	if (!hold(rq))
		return reply_problem(rq, "not_ready");
	return reply_catalog(rq, rq->catalogs);
}

void
catalog_renew(struct request *rq)
{
	/* Without it this process would learn of its own change by the notification, a moment later. */
	if (!rq->validate_only && rq->reply.status < 300)
		(void)catalog_refresh(rq->app->pool, request_deadline_ms(rq));
}

static int
change_catalog(struct request *rq, const struct change *change)
{
	int status = change_reply(rq, change);

	catalog_renew(rq);
	return status;
}

int
catalog_update(struct request *rq)
{
	const struct call update = { &sql_catalog_update, { rq->param[0], rq->body_text } };
	const struct change change = {
		.lock = { &sql_catalog_lock, { rq->param[0], NULL } },
		.match = { &sql_catalog_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = &update,
		.ncalls = 1,
	};

	return change_catalog(rq, &change);
}

int
catalog_item_get(struct request *rq)
{
	return reply_read(rq, &sql_catalog_item_get);
}

int
catalog_item_create(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_catalog_item_create, rq->param[0], rq->body_text);
	int status = row != NULL ? reply_created(rq, &row) : rq->reply.status;

	catalog_renew(rq);
	return status;
}

/* A change of the item in the path. */
static int
change_item(struct request *rq, const struct statement *st)
{
	const struct call update = { st, { rq->param[0], rq->param[1], rq->body_text } };
	const struct change change = {
		.lock = { &sql_catalog_lock, { rq->param[0], rq->param[1] } },
		.match = { &sql_catalog_item_match,
		    { rq->param[0], rq->param[1], condition_of(rq, 0) } },
		.calls = &update,
		.ncalls = 1,
	};

	return change_catalog(rq, &change);
}

int
catalog_item_update(struct request *rq)
{
	return change_item(rq, &sql_catalog_item_update);
}

int
catalog_item_replace(struct request *rq)
{
	return change_item(rq, &sql_catalog_item_replace);
}

int
catalog_item_usage(struct request *rq)
{
	return reply_read(rq, &sql_catalog_item_usage);
}

int
catalog_revision_list(struct request *rq)
{
	return reply_list_of(rq, &sql_catalog_revision_list);
}
