#include <string.h>

#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "resource/change.h"
#include "sql.h"

int
follow_up_put(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_follow_up_put, { rq->param[0], rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_OPPORTUNITY, calls, NITEMS(calls));

	return change_reply(rq, &change);
}

int
follow_up_delete(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_follow_up_delete, { rq->param[0] } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, PART_OPPORTUNITY, calls, NITEMS(calls));

	change.lock.st = &sql_follow_up_lock;
	return change_reply(rq, &change);
}

int
agenda_list(struct request *rq)
{
	auto_result struct result *rows = NULL;
	struct page page;
	const char *advisor = request_query_value(rq, "advisor"),
		   *from = request_query_value(rq, "from"), *to = request_query_value(rq, "to");

	if (from != NULL && to != NULL && strcmp(from, to) > 0) {
		faults_add(&rq->faults, "#/to", TEXT_days_reversed);
		return reply_faults(rq);
	}
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	if (advisor == NULL && strcmp(rq->may_change_all, "true") == 0)
		rows = request_query(
		    rq, &sql_agenda_list, from, to, page.created_at, page.id, page.limit);
	else
		rows = request_query(rq, &sql_agenda_list_advisor,
		    advisor != NULL ? advisor : rq->advisor_id, rq->advisor_id, rq->may_change_all,
		    from, to, page.created_at, page.id, page.limit);
	return rows != NULL ? reply_page(rq, &page, &rows) : rq->reply.status;
}
