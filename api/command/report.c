/*
 * "gestor report rebuild": makes the columns of all days that the retention report reads anew from the rows. Reports stay exact meanwhile.
 */
#include <stdio.h>

#include "command/command.h"
#include "command/database.h"
#include "sql.h"

/* Makes the days anew that have columns. Returns whether nothing failed. */
static bool
make_again(struct pool *pool)
{
	char kind[8] = "0", day[16] = "-infinity";

	for (;;) {
		const struct call call = { &sql_report_make_again, { kind, day } };
		auto_result struct result *row = command_run(pool, &call);

		if (row == NULL)
			return false;
		if (result_text(row, 0, 0) == NULL)
			return true;
		snprintf(kind, sizeof(kind), "%s", result_text(row, 0, 0));
		snprintf(day, sizeof(day), "%s", result_text(row, 0, 1));
	}
}

/* Makes the days that have none yet. Returns whether nothing failed. */
static bool
make_missing(struct pool *pool)
{
	for (;;) {
		const struct call call = { &sql_report_make, { NULL } };
		auto_result struct result *row = command_run(pool, &call);

		if (row == NULL)
			return false;
		if (!result_true(row, 0, 0))
			return true;
	}
}

int
command_report_rebuild(void)
{
	struct pool *pool;
	struct config c;
	bool done = false;

	if (config_load(&c, 0) != 0)
		return 2;
	pool = command_pool(&c);
	if (pool == NULL)
		return 1;
	if (make_again(pool) && make_missing(pool)) {
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
