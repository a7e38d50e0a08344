#include "resource/write.h"

#include <string.h>

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
	return row != NULL ? reply_page(rq, &row) : rq->reply.status;
}

/* What opportunity_lock said; 0 = it may be changed. */
static int
judge(struct request *rq, const struct result *locked)
{
	if (result_rows(locked) == 0)
		return reply_problem(rq, "not_found");
	if (!result_true(locked, 0, 0))
		return reply_problem(rq, "not_owner");
	if (result_true(locked, 0, 2))
		return reply_problem(rq, "client_erased");
	if (result_true(locked, 0, 1))
		return reply_problem(rq, "opportunity_finished");
	return 0;
}

int
opportunity_write(
    struct request *rq, struct call *calls, int ncalls, const char *none, struct result **ret_last)
{
	struct call all[DB_CALLS_MAX] = {
		{ &sql_opportunity_lock, { rq->param[0], rq->advisor_id, rq->may_change_all } },
	};
	struct result *results[DB_CALLS_MAX];
	int status;

	memcpy(calls[0].args, all[0].args, 3 * sizeof(all[0].args[0]));
	calls[0].args[3] = rq->condition;
	memcpy(all + 1, calls, (size_t)ncalls * sizeof(*calls));
	status = request_run(rq, all, ncalls + 1, results);
	if (status != 0)
		return status;
	status = judge(rq, results[0]);
	if (status == 0 && result_rows(results[1]) == 0)
		status = reply_problem(rq, none);
	for (int i = 0; i < ncalls; i++)
		result_free(results[i]);
	if (status != 0)
		result_free(results[ncalls]);
	else
		*ret_last = results[ncalls];
	return status;
}

const char *
closure_stage(const json_t *closure)
{
	return json_string_value(json_object_get(closure, "stage"));
}

struct call
opportunity_close(const struct request *rq, const json_t *closure)
{
	return (struct call){ &sql_opportunity_close,
		{ closure_stage(closure), rq->param[0], rq->advisor_id, rq->may_change_all } };
}

int
reply_written(struct request *rq, struct call *calls, int ncalls, const char *none)
{
	auto_result struct result *row = NULL;

	if (opportunity_write(rq, calls, ncalls, none, &row) != 0)
		return rq->reply.status;
	return reply_row(rq, 200, &row, 0);
}

int
reply_last(struct request *rq, const struct call *calls, int ncalls)
{
	struct result *results[DB_CALLS_MAX];
	int status = request_run(rq, calls, ncalls, results);

	if (status != 0)
		return status;
	for (int i = 0; i < ncalls - 1; i++)
		result_free(results[i]);
	auto_result struct result *row = results[ncalls - 1];
	return reply_row(rq, 200, &row, 0);
}
