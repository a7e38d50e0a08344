/*
 * "gestor check": compares every stored document with what its row renders to, and the report's columns with what the rows give, and looks
 * whether each client stands under the words of its name, and whether partitions are made ahead and indexes are there. It only reads, so the serving
 * role may run it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/database.h"
#include "db/catch_up.h"
#include "sql.h"

#define ROWS_AT_ONCE "1000"

/* Reads one table in the order of ids, and prints the ids whose `kept` (documents, entries) differ. */
static bool
check(struct pool *pool, const char *what, const char *kept, const struct statement *st,
    long long *ret_differing)
{
	long long rows = 0, differing = 0;
	char after[32] = "0";

	for (;;) {
		const struct call call = { st, { after, ROWS_AT_ONCE } };
		auto_result struct result *row = command_run(pool, &call);
		const char *ids;

		if (row == NULL)
			return false;
		if (command_number(row, 1) == 0)
			break;
		snprintf(after, sizeof(after), "%s", result_text(row, 0, 0));
		rows += command_number(row, 1);
		ids = result_text(row, 0, 2);
		for (const char *p = ids; p != NULL && *p != '\0'; p++)
			differing += *p == ' ';
		if (ids != NULL) {
			differing++;
			printf("%s: the %s of these ids differ from their rows: %s\n", what, kept,
			    ids);
		}
	}
	printf("%s: %lld %s, %lld differ\n", what, rows, kept, differing);
	*ret_differing += differing;
	return true;
}

/* Tells of tables whose last partition takes today's rows. Nothing is lost by it, but those rows are purged later than others. */
static bool
check_partitions(struct pool *pool, long long *ret_due)
{
	const struct call call = { &sql_partitions_due, { NULL } };
	auto_result struct result *rows = command_run(pool, &call);

	if (rows == NULL)
		return false;
	for (int i = 0; i < result_rows(rows); i++)
		printf("%s: no partition was made ahead: run `gestor migrate`\n",
		    result_text(rows, i, 0));
	*ret_due += result_rows(rows);
	return true;
}

/* Tells of indexes that are not there. Time is lost by it, and without client_external_id_key two clients may get the same external_id. */
static bool
check_indexes(struct pool *pool, long long *ret_missing)
{
	char names[CATCH_UP_NAMES_SIZE];
	const struct call call = { &sql_indexes_missing, { names } };
	auto_result struct result *rows;

	catch_up_indexes(names);
	rows = command_run(pool, &call);
	if (rows == NULL)
		return false;
	for (int i = 0; i < result_rows(rows); i++)
		printf(
		    "%s: this index is missing: run `gestor migrate`\n", result_text(rows, i, 0));
	*ret_missing += result_rows(rows);
	return true;
}

/* Compares the report's columns of each day with what its rows give. */
static bool
check_report(struct pool *pool, long long *ret_differing)
{
	char kind[8] = "0", day[16] = "-infinity";
	long long days = 0, differing = 0;

	for (;;) {
		const struct call call = { &sql_report_days_differing, { kind, day } };
		auto_result struct result *row = command_run(pool, &call);

		if (row == NULL)
			return false;
		if (result_rows(row) == 0)
			break;
		snprintf(kind, sizeof(kind), "%s", result_text(row, 0, 0));
		snprintf(day, sizeof(day), "%s", result_text(row, 0, 1));
		days++;
		if (!result_true(row, 0, 2))
			continue;
		differing++;
		printf("report: the columns of %s, by=%s, differ from the rows: run `gestor report "
		       "rebuild`\n",
		    day, strcmp(kind, "3") == 0 ? "created" : "closed");
	}
	printf("report: %lld days, %lld differ\n", days, differing);
	*ret_differing += differing;
	return true;
}

int
command_check(void)
{
	long long differing = 0;
	struct pool *pool;
	struct config c;
	bool done;

	if (config_load(&c, 0) != 0)
		return 2;
	pool = command_pool(&c);
	if (pool == NULL)
		return 1;
	done =
	    check_indexes(pool, &differing) && check_partitions(pool, &differing) &&
	    check(pool, "clients", "documents", &sql_clients_differing, &differing) &&
	    check(pool, "contacts", "documents", &sql_contacts_differing, &differing) &&
	    check(pool, "opportunities", "documents", &sql_opportunities_differing, &differing) &&
	    check(pool, "consents", "documents", &sql_consents_differing, &differing) &&
	    check(pool, "names", "entries", &sql_client_names_differing, &differing) &&
	    check_report(pool, &differing);
	pool_stop(pool);
	return done && differing == 0 ? 0 : 1;
}
