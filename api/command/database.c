#include "command/database.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

struct pool *
command_pool(const struct config *c)
{
	log_set_level(LOG_WARN);
	return pool_start(&(struct pool_config){ .url = c->database_url,
	    .size = 1,
	    .wait_ms = COMMAND_CONNECT_MS,
	    .query_timeout_ms = COMMAND_TIMEOUT_MS });
}

struct result *
command_run(struct pool *pool, const struct call *call)
{
	struct db_error error = { .sqlstate = "" };
	struct result *row = NULL;

	if (db_run(pool, call, 1, &row, &error) == DB_OK)
		return row;
	fprintf(stderr, "gestor: %s: the database cannot be reached, or refuses (%s %s)\n",
	    call->st->name, error.sqlstate, error.message);
	return NULL;
}

long long
command_number(const struct result *r, int col)
{
	const char *text = result_text(r, 0, col);

	return text != NULL ? strtoll(text, NULL, 10) : 0;
}

bool
command_repeat(struct pool *pool, const struct call *call, long long *total)
{
	long long n = 1;

	while (n > 0) {
		auto_result struct result *row = command_run(pool, call);

		if (row == NULL)
			return false;
		n = command_number(row, 0);
		*total += n;
	}
	return true;
}
