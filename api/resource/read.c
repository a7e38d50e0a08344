#include "resource/read.h"

#include <string.h>

#include "http/page.h"
#include "http/record.h"
#include "http/run.h"

int
reply_read(struct request *rq, const struct statement *st)
{
	auto_result struct result *row = request_query(rq, st, rq->param[0], rq->param[1]);

	return row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;
}

int
reply_list_of(struct request *rq, const struct statement *st)
{
	auto_result struct result *row = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, st, rq->param[0], page.created_at, page.id, page.limit);
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

bool
request_days(struct request *rq, const char *from, const char *to)
{
	const char *first = request_query_value(rq, from), *last = request_query_value(rq, to);

	if (first == NULL || last == NULL || strcmp(first, last) <= 0)
		return true;
	faults_add(&rq->faults, arena_printf(&rq->arena, "#/%s", to), TEXT_days_reversed);
	return false;
}

bool
advisor_known(struct request *rq, const struct result *known)
{
	if (strcmp(result_text(known, 0, 0), "t") == 0)
		return true;
	faults_add(
	    &rq->faults, "#/advisor", TEXT_advisor_unknown, faults_label(&rq->faults, "advisor"));
	return false;
}
