#include "db/catch_up.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/connect.h"

/* A step that needs a table for a moment gives up soon, because everybody else waits behind it; so it is tried often. */
#define LOCK_TRIES    200
#define LOCK_PAUSE_MS 300
/* How often a build says that it goes on. */
#define TELL_MS 5000

enum answer { FAILED = -1, NO, YES, LOCKED };

/* What ends when others have done their work: lock_not_available, deadlock_detected, and what a partition that a serving process makes at the
 * same time causes (invalid_object_definition, duplicate_table). */
static bool
is_passing(const char *state)
{
	return state != NULL && (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0 ||
				    strcmp(state, "42P17") == 0 || strcmp(state, "42P07") == 0);
}

/* answer_of - takes a statement's result, and says what failed. */
static enum answer
answer_of(PGresult *res, const PGconn *pg, const char *what)
{
	ExecStatusType status = PQresultStatus(res);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	enum answer answer = FAILED;

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		answer = PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), "t") == 0 ? YES : NO;
	else if (is_passing(state))
		answer = LOCKED;
	else /* the primary message, because DETAIL holds rows */
		fprintf(stderr, "%s: %s %s\n", what, state != NULL ? state : "",
		    state != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY)
				  : PQerrorMessage(pg));
	PQclear(res);
	return answer;
}

/* ask - runs one statement; NO if its first value is false or it returns nothing. LOCKED: others were in the way. */
static enum answer
ask(PGconn *pg, const char *what, const char *sql)
{
	return answer_of(PQexec(pg, sql), pg, what);
}

/* build - the same for a concurrent build, which may take long: it says that it goes on, and what it may wait for. */
static enum answer
build(PGconn *pg, const char *what, const char *sql)
{
	int64_t start_ms = clock_ms();
	PGresult *last = NULL, *res;
	int n = PQsendQuery(pg, sql) ? 0 : -1;

	while (n != -1) {
		n = connect_next(pg, clock_ms() + TELL_MS, &res);
		if (n == 1) {
			PQclear(last);
			last = res;
		} else if (n == 0) {
			printf("%s: %lld s so far: %s. It waits for every older transaction; "
			       "pg_stat_progress_create_index and pg_stat_activity show them\n",
			    what, (long long)(clock_ms() - start_ms) / 1000, sql);
			fflush(stdout);
		}
	}
	return answer_of(last, pg, what);
}

/* ask_patiently - as ask, for a statement that needs a lock which others have for a moment. */
static enum answer
ask_patiently(PGconn *pg, const char *what, const char *sql)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	enum answer answer = LOCKED;

	for (int i = 0; i < LOCK_TRIES && answer == LOCKED; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		answer = ask(pg, what, sql);
	}
	if (answer == LOCKED)
		fprintf(stderr,
		    "%s: another session uses the table all the time (a dump?): run `gestor "
		    "migrate` "
		    "again when it has ended\n",
		    what);
	return answer == LOCKED ? FAILED : answer;
}

static bool
render(PGconn *pg)
{
	static const char what[] = "documents";
	int64_t start_ms = clock_ms(), told_ms = start_ms;
	long long batches = 0;
	enum answer more;

	while ((more = ask(pg, what, "select gestor.rendering_step(500)")) == YES) {
		batches++;
		if (clock_ms() - told_ms >= 10000) {
			told_ms = clock_ms();
			printf("documents: %lld batches of 500 rendered\n", batches);
			fflush(stdout);
		}
	}
	/* Each of the tables takes at least one batch, even if it is empty. */
	if (more == NO && batches > 4)
		printf("documents rendered (%lld ms)\n", (long long)(clock_ms() - start_ms));
	if (more == LOCKED)
		fprintf(stderr, "%s: another session locks the rows\n", what);
	return more == NO;
}

/* audit_key - builds the key of the audit's rows from before it was partitioned (0022). An index that an interruption left is not valid. */
static bool
audit_key(PGconn *pg)
{
	static const char what[] = "the audit's key";
	int64_t start_ms = clock_ms();
	enum answer due = ask(pg, what,
	    "select not indisvalid from pg_index where indexrelid = 'gestor.audit_pkey'::regclass");

	if (due != YES)
		return due == NO;
	/* A concurrent build stops nobody, and waits for every transaction that is older. */
	if (ask(pg, what, "set lock_timeout to 0") == FAILED ||
	    build(pg, what, "drop index concurrently if exists gestor.audit_last_at_id") != NO ||
	    build(pg, what,
		"create unique index concurrently audit_last_at_id on gestor.audit_last (at, "
		"id)") != NO ||
	    ask_patiently(pg, what, "select gestor.audit_key_take()") == FAILED)
		return false;
	if (clock_ms() - start_ms >= 1000)
		printf("the audit's key built (%lld ms)\n", (long long)(clock_ms() - start_ms));
	return true;
}

/*
 * Indexes that a desk with data gets without being stopped: `create index concurrently` runs in no transaction, so no migration can
 * hold it. What an interrupted build leaves is not valid, and is dropped.
 */
#define INDEX_OF_KIND(kind, name, on)                                                              \
	{                                                                                          \
		name,                                                                              \
		    "select coalesce((select indisvalid from pg_index where indexrelid = "         \
		    "to_regclass('gestor." name "')), false)",                                     \
		    "drop index concurrently if exists gestor." name,                              \
		    "create " kind " concurrently " name " on gestor." on                          \
	}
#define INDEX(name, on)	       INDEX_OF_KIND("index", name, on)
#define UNIQUE_INDEX(name, on) INDEX_OF_KIND("unique index", name, on)
#define LATE_INDEX(name, at)                                                                       \
	INDEX(name, "opportunity (gestor.desk_day(created_at), " at " desc, id desc) where " at    \
		    " - created_at > interval '30 minutes'")
/* A check that a migration added without reading the table: marked valid. */
#define VALID(table, check)                                                                        \
	{                                                                                          \
		NULL,                                                                              \
		    "select convalidated from pg_constraint where conname = '" check               \
		    "' and conrelid = 'gestor." table "'::regclass",                               \
		    "select false", "alter table gestor." table " validate constraint " check      \
	}
static const struct {
	const char *name; /* NULL: a check */
	const char *is_valid, *drop, *create;
} indexes[] = {
	/* The open ones and their choices: for lists, and for how often a catalogue's item is used (0026_catalog_life.sql). */
	INDEX("opportunity_open_newest",
	    "opportunity (created_at desc, id desc) include (stage_id, advisor_id, reason_id, "
	    "competitor_plan_id, competitor_offer_id, offer_channel_id, operator_id, "
	    "advertising_acceptance_id, updated_at) where closed_at is null and voided_at is null"),
	/* The same by any of their choices (0061_open_choices.sql). Entries are made at once: a list would pass those that wait. No other statement has this condition,
	 * or PostgreSQL would read the whole index to learn which ones are open. */
	INDEX("opportunity_open_choices",
	    "opportunity using gin (gestor.opportunity_choices(reason_id, competitor_plan_id, "
	    "competitor_offer_id, offer_channel_id, operator_id, advertising_acceptance_id, "
	    "document)) with (fastupdate = off) where coalesce(closed_at, voided_at) is null"),
	INDEX("opportunity_of_competitor_plan", "opportunity (competitor_plan_id, created_at desc, "
						"id desc) where competitor_plan_id is not null"),
	INDEX("opportunity_of_competitor_offer",
	    "opportunity (competitor_offer_id, created_at desc, "
	    "id desc) where competitor_offer_id is not null"),
	INDEX("opportunity_of_offer_channel", "opportunity (offer_channel_id, created_at desc, id "
					      "desc) where offer_channel_id is not null"),
	INDEX("opportunity_of_operator",
	    "opportunity (operator_id, created_at desc, id desc) where operator_id is not null"),
	INDEX("opportunity_of_advertising_acceptance",
	    "opportunity (advertising_acceptance_id, created_at desc, id desc) where "
	    "advertising_acceptance_id is not null"),
	INDEX("action_of_action", "action (action_id, created_at)"),
	INDEX("action_of_final_state",
	    "action (final_state_id, created_at) where final_state_id is not null"),
	INDEX("client_of_document_type", "client (document_type_id, created_at)"),
	/* A client's id in another system (0032_imports.sql). */
	UNIQUE_INDEX(
	    "client_external_id_key", "client (external_id) where external_id is not null"),
	/* Clients that lead to another (0039_merge.sql). */
	INDEX("client_merged_into", "client (merged_into) where merged_into is not null"),
	/* The agenda (0037_desk.sql), of all and of an advisor. */
	INDEX("opportunity_follow_up",
	    "opportunity (follow_up_at, id) where follow_up_at is not null"),
	INDEX("opportunity_follow_up_of_advisor",
	    "opportunity (advisor_id, follow_up_at, id) where follow_up_at is not null"),
	/* A client's open ones; the orders of lists; contacts of all and of an advisor (0041_lists.sql). */
	INDEX("opportunity_open_of_client",
	    "opportunity (client_id, id) where closed_at is null and voided_at is null"),
	/* Those of each day that ended, or changed, more than half an hour later (resource/opportunity_list.sql). */
	LATE_INDEX("opportunity_closed_late", "closed_at"),
	LATE_INDEX("opportunity_updated_late", "updated_at"),
	INDEX("opportunity_by_closed",
	    "opportunity (closed_at desc, id desc) where closed_at is not null"),
	INDEX("opportunity_by_updated", "opportunity (updated_at desc, id desc)"),
	INDEX("contact_by_creation", "contact (created_at desc, id desc)"),
	INDEX("contact_of_advisor", "contact (advisor_id, created_at desc, id desc)"),
	INDEX("client_by_creation", "client (created_at desc, id desc) where erased_at is null"),
	/* Checks of old rows, which meet them (0042_write_cost.sql). */
	VALID("contact", "contact_valid"),
	VALID("opportunity", "opportunity_valid"),
	VALID("client", "client_phone_form"),
	VALID("client_phone", "client_phone_phone_form"),
};

void
catch_up_indexes(char ret_names[static CATCH_UP_NAMES_SIZE])
{
	/* The braces and audit_pkey take less than one name. */
	static_assert(CATCH_UP_NAMES_SIZE >= 64 * (NITEMS(indexes) + 1), "there is room");
	size_t n = (size_t)snprintf(ret_names, CATCH_UP_NAMES_SIZE, "{audit_pkey");

	for (size_t i = 0; i < NITEMS(indexes); i++)
		if (indexes[i].name != NULL)
			n += (size_t)snprintf(
			    ret_names + n, CATCH_UP_NAMES_SIZE - n, ",%s", indexes[i].name);
	strcpy(ret_names + n, "}");
}

static bool
build_indexes(PGconn *pg, int *ret_built)
{
	static const char what[] = "indexes";
	int64_t start_ms = clock_ms();
	int built = 0;

	if (ask(pg, what, "set lock_timeout to 0") == FAILED)
		return false;
	for (size_t i = 0; i < NITEMS(indexes); i++) {
		enum answer valid = ask(pg, what, indexes[i].is_valid);

		if (valid == FAILED)
			return false;
		if (valid == YES)
			continue;
		if (build(pg, what, indexes[i].drop) != NO ||
		    build(pg, what, indexes[i].create) != NO)
			return false;
		built += indexes[i].name != NULL;
	}
	if (built > 0)
		printf("indexes built: %d (%lld ms)\n", built, (long long)(clock_ms() - start_ms));
	*ret_built = built;
	return ask(pg, what, "set lock_timeout to '200ms'") != FAILED;
}

/*
 * Indexes that others have replaced. Names are found by their words (0055_client_names.sql), which render() has entered; processes of the version before
 * read from the newest client on. Open opportunities have one index in place of two.
 */
static bool
drop_unused(PGconn *pg)
{
	static const char what[] = "unused indexes";
	static const char *const drop[] = {
		"drop index concurrently if exists gestor.client_by_name",
		"drop index concurrently if exists gestor.opportunity_open",
		"drop index concurrently if exists gestor.opportunity_open_of_stage",
	};
	bool dropped = ask(pg, what, "set lock_timeout to 0") != FAILED;

	for (size_t i = 0; dropped && i < NITEMS(drop); i++)
		dropped = build(pg, what, drop[i]) == NO;
	return dropped && ask(pg, what, "set lock_timeout to '200ms'") != FAILED;
}

static bool
partitions(PGconn *pg)
{
	static const char what[] = "partitions";
	int64_t start_ms = clock_ms();
	enum answer more;

	do
		more = ask_patiently(pg, what, "select gestor.partitions_step(true)");
	while (more == YES);
	if (more == NO && clock_ms() - start_ms >= 1000)
		printf("partitions made (%lld ms)\n", (long long)(clock_ms() - start_ms));
	return more == NO;
}

/* Whether the indexes are there; says which one is not. */
static bool
indexes_there(PGconn *pg)
{
	static const char what[] = "indexes";
	enum answer valid = YES;

	for (size_t i = 0; i < NITEMS(indexes) && valid == YES; i++) {
		valid = ask(pg, what, indexes[i].is_valid);
		if (valid == NO)
			fprintf(stderr,
			    "%s: %s is missing: run `gestor migrate` as the schema's owner\n", what,
			    indexes[i].name != NULL ? indexes[i].name : "the check of old rows");
	}
	return valid == YES;
}

bool
catch_up(PGconn *pg, int *ret_built)
{
	static const char what[] = "migrate";
	enum answer desk = ask(pg, what, "select to_regclass('gestor.rendering') is not null"),
		    owner;

	*ret_built = 0;
	/* Unit tests migrate schemas without the desk's tables. */
	if (desk != YES)
		return desk == NO;
	owner = ask(pg, what,
	    "select pg_has_role(nspowner, 'USAGE') from pg_namespace where nspname = 'gestor'");
	/* A role without DDL rights may run `gestor migrate` when nothing is to be done. */
	if (owner == NO)
		return indexes_there(pg);
	if (owner != YES)
		return false;
	return build_indexes(pg, ret_built) && render(pg) && drop_unused(pg) && audit_key(pg) &&
	       partitions(pg);
}
