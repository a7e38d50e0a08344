/*
 * Plans: what a file would change of a catalogue, and its application.
 */
#include <jansson.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/sheet.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/catalog.h"
#include "resource/read.h"
#include "sql.h"

static const char *
text_of(struct request *rq, const json_t *value)
{
	size_t length;
	const char *text = json_text_dump(&rq->arena, value, &length);

	return arena_copy(&rq->arena, text, length);
}

int
catalog_plan_create(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct sheet sheet = rq->body == NULL ? sheet_read_csv(rq->body_text, rq->body_length,
						    rq->language, &rq->arena)
					      : sheet_read_tree(rq->body);
	json_t *words = sheet_words(rq->language);

	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	if (rq->catalogs != NULL)
		sheet_compare(&sheet, rq->catalogs, rq->param[0], &rq->arena);
	row = request_query(rq, &sql_catalog_plan_create, rq->param[0], text_of(rq, sheet.lines),
	    request_query_value(rq, "retire_missing"), text_of(rq, sheet.faults),
	    text_of(rq, words));
	json_decref(words);
	sheet_free(&sheet);
	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

int
catalog_plan_get(struct request *rq)
{
	return reply_read(rq, &sql_catalog_plan_get);
}

int
catalog_plan_apply(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_catalog_plan_apply, rq->param[0], rq->param[1]);
	int status = row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;

	catalog_renew(rq);
	return status;
}
