/*
 * "gestor purge": erases and deletes what is past its retention. For cron or a systemd
 * timer. It needs the schema owner's rights, because the serving role cannot delete sessions.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/command.h"
#include "command/database.h"
#include "sql.h"

#define SESSION_DAYS "30"
/* Rows per statement: well within the statement timeout. */
#define CLIENTS_AT_ONCE	 "10"
#define ERASURE_ROWS	 "1000"
#define SESSIONS_AT_ONCE "1000"
#define ANSWERS_AT_ONCE	 "1000"

/* A step that needs a table for a moment gives up after 200 ms, because everybody else waits behind it. */
#define LOCK_TRIES    50
#define LOCK_PAUSE_MS 300
/* The SQLSTATE. */
#define LOCK_NOT_AVAILABLE "55P03"

struct purged {
	long long clients, sessions, answers, erasures, months, days;
};

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

/* Drops the partitions of a table that are past their retention, or counts them: call is partitions_drop or events_drop. */
static bool
drop_partitions(struct pool *pool, const char *table, const struct call *call, long long *total)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	struct db_error error = { .sqlstate = "" };
	auto_result struct result *row = NULL;
	bool locked = true;

	for (int i = 0; i < LOCK_TRIES && locked && row == NULL; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		locked = db_run(pool, call, 1, &row, &error) != DB_OK &&
			 strcmp(error.sqlstate, LOCK_NOT_AVAILABLE) == 0;
	}
	if (row == NULL) {
		fprintf(stderr, "gestor: %s: %s\n", table,
		    locked ? "another session uses it all the time (a dump?): purge again when it "
			     "has ended"
			   : error.message);
		return false;
	}
	*total += command_number(row, 0);
	return true;
}

static bool
drop_old(struct pool *pool, const struct config *c, bool dry, struct purged *purged)
{
	const char *only_count = dry ? "true" : "false";
	char months[16], days[16];
	const struct call audit = { &sql_partitions_drop, { "audit", months, only_count } },
			  reads = { &sql_partitions_drop, { "audit_read", months, only_count } },
			  events = { &sql_events_drop, { days, only_count } };

	snprintf(months, sizeof(months), "%d", c->audit_months);
	snprintf(days, sizeof(days), "%d", c->event_days);
	return (c->audit_months == 0 ||
		   (drop_partitions(pool, "audit", &audit, &purged->months) &&
		       drop_partitions(pool, "audit_read", &reads, &purged->months))) &&
	       drop_partitions(pool, "event", &events, &purged->days);
}

static bool
count(struct pool *pool, const char *days, struct purged *ret_purged)
{
	const struct call call = { &sql_purge_counts, { days, SESSION_DAYS } };
	auto_result struct result *row = command_run(pool, &call);

	if (row == NULL)
		return false;
	*ret_purged = (struct purged){ command_number(row, 0), command_number(row, 1),
		command_number(row, 2), command_number(row, 3), 0, 0 };
	return true;
}

static bool
purge(struct pool *pool, int retention_days, const char *days, struct purged *purged)
{
	const struct call clients = { &sql_purge_clients, { days, CLIENTS_AT_ONCE } };
	const struct call answers = { &sql_idempotency_purge, { ANSWERS_AT_ONCE } };
	const struct call erasures = { &sql_erasure_continue, { ERASURE_ROWS } };
	const struct call words = { &sql_client_name_words_tidy, { ERASURE_ROWS } };
	const struct call open = { &sql_erasures_open, { NULL } };
	long long rows = 0;

	if ((retention_days != 0 && !command_repeat(pool, &clients, &purged->clients)) ||
	    !command_repeat(pool, &erasures, &rows) || !command_repeat(pool, &words, &rows))
		return false;
	/* Erasures that a serving process is continuing right now. */
	auto_result struct result *row = command_run(pool, &open);
	if (row == NULL)
		return false;
	purged->erasures = command_number(row, 0);
	return purge_sessions(pool, &purged->sessions) &&
	       command_repeat(pool, &answers, &purged->answers);
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
	done = (dry ? count(pool, days, &purged) : purge(pool, c.retention_days, days, &purged)) &&
	       drop_old(pool, &c, dry, &purged);
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
	if (c.audit_months == 0)
		printf("audit: all kept (GESTOR_AUDIT_MONTHS is 0)\n");
	else
		printf("partitions of the audit older than %d months: %lld %s\n", c.audit_months,
		    purged.months, dry ? "would be dropped" : "dropped");
	printf("days of events older than %d days: %lld %s\n", c.event_days, purged.days,
	    dry ? "would be dropped" : "dropped");
	if (purged.erasures > 0)
		printf("erasures under way: %lld\n", purged.erasures);
	return done ? 0 : 1;
}
