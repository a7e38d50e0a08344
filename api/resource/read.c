#include "resource/read.h"

#include <string.h>

#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "sql.h"

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

static bool
count_asked(const struct request *rq)
{
	const char *count = request_query_value(rq, "count");

	return count != NULL && strcmp(count, "true") == 0;
}

int
reply_listed(
    struct request *rq, struct page *page, const struct call *list, const struct call *count)
{
	const char *advisor = request_query_value(rq, "advisor");
	struct call calls[3];
	struct result *results[3];
	int n = 0, at, status;

	if (advisor != NULL)
		calls[n++] = (struct call){ &sql_advisor_known, { advisor } };
	at = n;
	calls[n++] = *list;
	if (count_asked(rq))
		calls[n++] = *count;
	if (request_run(rq, calls, n, results) != 0)
		return rq->reply.status;
	if (count_asked(rq))
		page->count = result_text(results[n - 1], 0, 0);
	if (advisor != NULL && !advisor_known(rq, results[0]))
		status = reply_faults(rq);
	else
		status = reply_page(rq, page, &results[at]);
	for (int i = 0; i < n; i++)
		result_free(results[i]);
	return status;
}
