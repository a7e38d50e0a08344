#include "resource/change.h"
#include "http/record.h"
#include "http/run.h"

#include <string.h>

#include "http/condition.h"
#include "sql.h"

struct result *
change_run(struct request *rq, const struct change *change)
{
	struct call all[DB_CALLS_MAX];
	struct result *results[DB_CALLS_MAX];
	int n = 0;

	if (change->first.st != NULL)
		all[n++] = change->first;
	all[n++] = change->lock;
	if (rq->condition != NULL)
		all[n++] = change->match;
	memcpy(all + n, change->calls, (size_t)change->ncalls * sizeof(*all));
	n += change->ncalls;
	if (request_run(rq, all, n, results) != 0)
		return NULL;
	for (int i = 0; i < n - 1; i++)
		result_free(results[i]);
	return results[n - 1];
}

int
change_reply(struct request *rq, const struct change *change)
{
	auto_result struct result *row = change_run(rq, change);

	return row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;
}

/* The parts' names as opportunity_match expects them: ",actions,closure,". */
static const char *
part_names(struct request *rq, unsigned parts)
{
	return arena_printf(&rq->arena, ",%s%s%s%s%s",
	    (parts & PART_OPPORTUNITY) != 0 ? "opportunity," : "",
	    (parts & PART_ACTIONS) != 0 ? "actions," : "",
	    (parts & PART_DIAGNOSIS) != 0 ? "diagnosis," : "",
	    (parts & PART_COMPETITOR_OFFER) != 0 ? "competitor_offer," : "",
	    (parts & PART_CLOSURE) != 0 ? "closure," : "");
}

struct change
opportunity_change(struct request *rq, unsigned parts, const struct call *calls, int ncalls)
{
	return (struct change){
		.lock = { &sql_opportunity_lock,
		    { rq->param[0], rq->advisor_id, rq->may_change_all } },
		.match = { &sql_opportunity_match,
		    { rq->param[0], condition_of(rq, parts), part_names(rq, parts) } },
		.calls = calls,
		.ncalls = ncalls,
	};
}

struct call
opportunity_saved(const struct request *rq)
{
	return (struct call){ &sql_opportunity_saved, { rq->param[0] } };
}
