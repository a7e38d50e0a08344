/*
 * "gestor purge": erases and deletes what is past its retention. For cron or a systemd
 * timer. It needs the schema owner's rights, because the serving role cannot delete sessions.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/database.h"
#include "sql.h"

#define SESSION_DAYS "30"
/* Rows per statement: well within the statement timeout. */
#define CLIENTS_AT_ONCE	 "10"
#define ERASURE_ROWS	 "1000"
#define SESSIONS_AT_ONCE "1000"
#define ANSWERS_AT_ONCE	 "1000"

struct purged {
	long long clients, sessions, answers, erasures;
};

/* Repeats a statement, which returns how many rows it changed, until that is 0. */
static bool
repeat(struct pool *pool, const struct call *call, long long *total)
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

static bool
purge_sessions(struct pool *pool, long long *total)
{
	char after[32] = "0";

	while (after[0] != '\0') {
		const struct call call = { &sql_purge_sessions,
			{ SESSION_DAYS, after, SESSIONS_AT_ONCE } };
		auto_result struct result *row = command_run(pool, &call);

		if (row == NULL)
			return false;
		*total += command_number(row, 1);
		snprintf(after, sizeof(after), "%s",
		    result_text(row, 0, 0) != NULL ? result_text(row, 0, 0) : "");
	}
	return true;
}

static bool
count(struct pool *pool, const char *days, struct purged *ret_purged)
{
	const struct call call = { &sql_purge_counts, { days, SESSION_DAYS } };
	auto_result struct result *row = command_run(pool, &call);

	if (row == NULL)
		return false;
	*ret_purged = (struct purged){ command_number(row, 0), command_number(row, 1),
		command_number(row, 2), command_number(row, 3) };
	return true;
}

static bool
purge(struct pool *pool, int retention_days, const char *days, struct purged *purged)
{
	const struct call clients = { &sql_purge_clients, { days, CLIENTS_AT_ONCE } };
	const struct call answers = { &sql_idempotency_purge, { ANSWERS_AT_ONCE } };
	const struct call erasures = { &sql_erasure_continue, { ERASURE_ROWS } };
	const struct call open = { &sql_erasures_open, { NULL } };
	long long rows = 0;

	if ((retention_days != 0 && !repeat(pool, &clients, &purged->clients)) ||
	    !repeat(pool, &erasures, &rows))
		return false;
	/* Erasures that a serving process is continuing right now. */
	auto_result struct result *row = command_run(pool, &open);
	if (row == NULL)
		return false;
	purged->erasures = command_number(row, 0);
	return purge_sessions(pool, &purged->sessions) && repeat(pool, &answers, &purged->answers);
}

int
command_purge(int argc, char *argv[])
{
	bool dry = argc == 2 && strcmp(argv[1], "--dry-run") == 0, done;
	struct purged purged = { 0 };
	struct pool *pool;
	struct config c;
	char days[16];

	if (argc > 2 || (argc == 2 && !dry)) {
		fprintf(stderr, "usage: gestor purge [--dry-run]\n");
		return 2;
	}
	if (config_load(&c, 0) != 0)
		return 2;
	snprintf(days, sizeof(days), "%d", c.retention_days);
	pool = command_pool(&c);
	if (pool == NULL)
		return 1;
	done = dry ? count(pool, days, &purged) : purge(pool, c.retention_days, days, &purged);
	pool_stop(pool);
	if (dry && !done)
		return 1;
	if (c.retention_days == 0)
		printf("clients: all kept (GESTOR_RETENTION_DAYS is 0)\n");
	else
		printf("clients idle for %s days: %lld %s\n", days, purged.clients,
		    dry ? "would be erased" : "erased");
	printf("sessions over for " SESSION_DAYS " days: %lld %s\n", purged.sessions,
	    dry ? "would be removed" : "removed");
	printf("kept answers older than a day: %lld %s\n", purged.answers,
	    dry ? "would be removed" : "removed");
	if (purged.erasures > 0)
		printf("erasures under way: %lld\n", purged.erasures);
	return done ? 0 : 1;
}
