/*
 * "gestor report rebuild": makes the columns of all days that the retention report reads anew from the rows. Reports stay exact meanwhile.
 */
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "command/progress.h"
#include "sql.h"

/* Makes the days anew that have columns. Returns how many, or -1. */
static long long
make_again(struct pool *pool, struct progress *progress)
{
	char kind[8] = "0", day[16] = "-infinity";

	for (long long days = 0;; days++) {
		const struct call call = { &sql_report_day_again, { kind, day } };
		auto_result struct result *row = command_run(pool, &call);

		if (row == NULL)
			return -1;
		if (result_rows(row) == 0)
			return days;
		snprintf(kind, sizeof(kind), "%s", result_text(row, 0, 0));
		snprintf(day, sizeof(day), "%s", result_text(row, 0, 1));
		progress_at(progress, (uint64_t)days + 1);
	}
}

/* Makes the days that have none yet. Returns whether nothing failed. */
static bool
make_missing(struct pool *pool, struct progress *progress, long long days)
{
	for (bool more = true; more; days++) {
		const struct call call = { &sql_report_make, { NULL } };
		auto_result struct result *row = command_run(pool, &call);

		if (row == NULL)
			return false;
		more = result_true(row, 0, 0);
		progress_at(progress, (uint64_t)days);
	}
	return true;
}

int
command_report_rebuild(void)
{
	struct progress progress;
	struct pool *pool;
	struct config c;
	long long days;
	bool done = false;

	if (config_load(&c, 0) != 0)
		return 2;
	pool = command_pool(&c);
	if (pool == NULL)
		return 1;
	progress_begin(&progress, "days", 0);
	days = make_again(pool, &progress);
	if (days >= 0 && make_missing(pool, &progress, days)) {
		const struct call call = { &sql_report_days, { NULL } };
		auto_result struct result *row = command_run(pool, &call);

		done = row != NULL;
		if (done)
			printf("report: %s days with %s opportunities\n", result_text(row, 0, 0),
			    result_text(row, 0, 1));
	}
	pool_stop(pool);
	return done ? 0 : 1;
}
