/*
 * The deliveries of a webhook: what was sent, what came of it, and sending it again.
 */
#include <string.h>

#include "base/text.h"
#include "event/own.h"
#include "event/sender.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/route.h"
#include "http/run.h"
#include "sql.h"

int
delivery_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_delivery_list, rq->param[0], rq->advisor_id, sees_all(rq),
	    request_query_value(rq, "status"), page.created_at, page.id, page.limit);
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
delivery_get(struct request *rq)
{
	auto_result struct result *row = request_query(
	    rq, &sql_delivery_get, rq->param[0], rq->param[1], rq->advisor_id, sees_all(rq));

	return row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;
}

/* Locks the webhook in the path, which must be enabled, and makes deliveries due again. */
static int
repeat(struct request *rq, struct call call)
{
	const struct call calls[] = {
		{ &sql_webhook_lock_enabled, { rq->param[0], rq->advisor_id, sees_all(rq) } }, call
	};
	struct result *results[NITEMS(calls)];
	int status = request_run(rq, calls, NITEMS(calls), results);

	if (status != 0)
		return status;
	status = reply_row(rq, 202, &results[1], 0);
	result_free(results[0]);
	result_free(results[1]);
	sender_wake();
	return status;
}

int
delivery_repeat(struct request *rq)
{
	return repeat(rq, (struct call){ &sql_delivery_repeat, { rq->param[0], rq->param[1] } });
}

int
delivery_repeat_all(struct request *rq)
{
	const char *from = request_member(rq, "from"), *to = request_member(rq, "to");

	if (to != NULL && text_is_date(from) == text_is_date(to) &&
	    strncmp(from, to, strlen("YYYY-MM-DDTHH:MM:SS")) > 0) {
		faults_add_field(&rq->faults, "to", "#", TEXT_days_reversed);
		return reply_faults(rq);
	}
	return repeat(
	    rq, (struct call){ &sql_delivery_repeat_all, { rq->param[0], rq->body_text } });
}
