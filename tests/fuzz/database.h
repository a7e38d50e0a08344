/*
 * database - replaces api/db/: a database whose answers the target chooses, so that it
 * reaches handlers, their answers and their refusals without libpq. Include it once in a
 * target.
 */
#ifndef TESTS_FUZZ_DATABASE_H
#define TESTS_FUZZ_DATABASE_H

#include "catalog/catalog.h"
#include "db/pool.h"
#include "base/text.h"
#include "db/query.h"
#include "db/replica.h"
#include "fuzz.h"

struct result {
	int rows, columns;
	const char *const *cells;
};

/* How the next calls are answered; DATABASE_REFUSES + i: with database_refusals[i]. */
enum { DATABASE_ROWS, DATABASE_NO_ROWS, DATABASE_BUSY, DATABASE_REFUSES };
static int database_mood;
static int database_results; /* returned and not yet freed */

static const struct db_error database_refusals[] = {
	{ .sqlstate = "GE001", .message = "choice reason" },
	{ .sqlstate = "GE001", .message = "incomplete actions diagnosis competitor_offer" },
	{ .sqlstate = "GE001", .message = "precondition_failed" },
	{ .sqlstate = "GE001", .message = "idempotency_key_reused" },
	{ .sqlstate = "GE001", .message = "idempotency_replay" },
	{ .sqlstate = "GE001", .message = "client_unknown" },
	{ .sqlstate = "23505", .constraint = "client_document_key" },
};

#define ROW(code, id, parent, depth, item)                                                         \
	code, "A catalogue", "[\"One\", \"Two\"]", "1", id, parent, depth, item, "A label", "0",   \
	    NULL, NULL, NULL, NULL, NULL, NULL, NULL, "1"
static const char *const database_catalogs[] = {
	ROW("cancellation_reason", "1", NULL, "1", "price"),
	ROW("cancellation_reason", "2", "1", "2", "price.high"),
	ROW("sub_campaign", "3", NULL, "1", "entel"),
	ROW("stage", "4", NULL, "1", "retenido"),
	ROW("retention_action", "5", NULL, "1", "bono"),
	ROW("retention_action", "6", "5", "2", "bono.4-gb"),
	ROW("final_state", "7", NULL, "1", "atendido"),
	ROW("document_type", "8", NULL, "1", "dni"),
};
#undef ROW

#define OBJECT                                                                                     \
	"{\"id\":\"7\",\"diagnosis\":{},\"diagnosis_id\":\"8\",\"client\":{\"id\":\"9\"},"         \
	"\"client_id\":\"9\",\"actions\":[{\"id\":\"10\"},{\"id\":\"11\"}]}"
static const char *const database_objects[] = { OBJECT, OBJECT };
#undef OBJECT
static const char *const database_created[] = { "/v1/x/7", "{\"id\":\"7\",\"name\":\"\"}" };
/* Rows as reply_page() takes them; with limit=2 there is a next page. */
#define ROW(id) "{\"id\":\"" id "\"}", "2026-01-31T10:00:00.000001Z", id, "0123456789abcdef"
static const char *const database_page[] = { ROW("9"), ROW("8"), ROW("7") };
#undef ROW
/* The same with a client and without a contact beside. */
#define ROW(id) "{\"id\":\"" id "\"}", "2026-01-31T10:00:00.000001Z", id, "{\"id\":\"9\"}", NULL
static const char *const database_beside[] = { ROW("9"), ROW("8"), ROW("7") };
#undef ROW
static const char *const database_lock[] = { "t", "f", "t", "f" };
/* A client without stored parts: it must be rendered. */
static const char *const database_stored[] = { NULL, NULL };
/* What a record holds: one row, also of none. */
static const char *const database_held[] = { " cancellation_reason/price.high " };
static const char *const database_revision[] = { "8", "1" };

/* Whether a statement gives opportunities as resource/opportunity_shown.c takes them. */
static bool
database_gives_parts(const char *name)
{
	static const char *const names[] = { "opportunity_list_newest", "opportunity_list_advisor",
		"opportunity_list_stage", "opportunity_list_reason",
		"client_opportunity_list_newest" };

	for (size_t i = 0; i < NITEMS(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
database_is_about(const char *name, const char *what)
{
	size_t n = strlen(name), length = strlen(what);

	return n >= length && strcmp(name + n - length, what) == 0;
}

static struct result *
database_result(const char *name)
{
	static const struct result catalogs = { 8, 18, database_catalogs },
				   page = { 3, 4, database_page }, lock = { 1, 4, database_lock },
				   object = { 1, 2, database_objects },
				   created = { 1, 2, database_created },
				   revision = { 1, 2, database_revision }, none = { 0, 5, NULL },
				   stored = { 1, 2, database_stored },
				   held = { 1, 1, database_held },
				   opportunity = { 1, 4, database_page },
				   beside = { 3, 5, database_beside };
	const struct result *from = &object;
	struct result *copy = malloc(sizeof(*copy));

	MUST(copy != NULL);
	if (strcmp(name, "catalog_load") == 0 || strcmp(name, "catalog_at") == 0)
		from = &catalogs;
	else if (strcmp(name, "catalog_revision") == 0)
		from = &revision;
	else if (strcmp(name, "choices_held") == 0)
		from = &held;
	else if (database_mood == DATABASE_NO_ROWS || strcmp(name, "idempotency_find") == 0)
		from = &none;
	else if (strcmp(name, "client_get") == 0 || strcmp(name, "client_search_phone") == 0 ||
		 strcmp(name, "client_search_document") == 0 ||
		 strcmp(name, "client_search_external") == 0)
		from = &stored;
	else if (strcmp(name, "opportunity_get") == 0)
		from = &opportunity;
	else if (database_gives_parts(name))
		from = &page;
	else if (strncmp(name, "opportunity_list", 16) == 0)
		from = &beside;
	else if (database_is_about(name, "_list") || strncmp(name, "client_search", 13) == 0)
		from = &page;
	else if (database_is_about(name, "_lock"))
		from = &lock;
	else if (database_is_about(name, "_create") || database_is_about(name, "_created"))
		from = &created;
	*copy = *from;
	database_results++;
	return copy;
}

enum db_status
db_run(struct pool *pool, const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error)
{
	bool for_catalogs = strncmp(calls[0].st->name, "catalog_", 8) == 0;

	(void)pool;
	MUST(ncalls >= 1 && ncalls <= DB_CALLS_MAX);
	for (int i = 0; i < ncalls; i++) {
		MUST(calls[i].st->nargs <= DB_ARGS_MAX);
		/* PostgreSQL would refuse text that is not UTF-8; none may get this far. */
		for (int j = 0; j < calls[i].st->nargs; j++)
			MUST(calls[i].args[j] == NULL ||
			     text_is_utf8(calls[i].args[j], strlen(calls[i].args[j])));
	}
	memset(ret_error, 0, sizeof(*ret_error));
	if (!for_catalogs) {
		/* After an answer, signing in would run argon2id, for a quarter of a second. */
		if (database_mood == DATABASE_BUSY ||
		    strncmp(calls[0].st->name, "session_", 8) == 0)
			return DB_BUSY;
		if (database_mood >= DATABASE_REFUSES &&
		    strcmp(calls[0].st->name, "idempotency_find") != 0) {
			*ret_error = database_refusals[(size_t)(database_mood - DATABASE_REFUSES) %
						       NITEMS(database_refusals)];
			return DB_REFUSED;
		}
	}
	for (int i = 0; i < ncalls; i++)
		ret_results[i] = database_result(calls[i].st->name);
	return DB_OK;
}

int64_t
db_deadline_ms(const struct pool *pool)
{
	(void)pool;
	return 1;
}

int64_t
db_time_left_ms(const struct pool *pool, int64_t deadline_ms)
{
	(void)pool;
	return deadline_ms;
}

enum db_status
db_run_by(struct pool *pool, int64_t deadline_ms, enum db_patience patience,
    const struct call *calls, int ncalls, struct result *ret_results[], struct db_error *ret_error)
{
	(void)deadline_ms;
	(void)patience;
	return db_run(pool, calls, ncalls, ret_results, ret_error);
}

enum db_status
db_rehearse_by(struct pool *pool, int64_t deadline_ms, const struct call *calls, int ncalls,
    struct result *ret_results[], struct db_error *ret_error)
{
	return db_run_by(pool, deadline_ms, DB_IMPATIENT, calls, ncalls, ret_results, ret_error);
}

enum db_status
replica_run_by(struct replica *r, int64_t deadline_ms, const struct call *call, bool needs_rows,
    struct result **ret_result, char ret_as_of[static AS_OF_SIZE], struct db_error *ret_error)
{
	(void)r;
	(void)deadline_ms;
	(void)needs_rows;
	strcpy(ret_as_of, "2026-01-31T10:00:00.000001Z");
	return db_run(NULL, call, 1, ret_result, ret_error);
}

bool
replica_fit(struct replica *r)
{
	(void)r;
	return false;
}

void
replica_stream(struct replica_stream *s, struct stream_config *config)
{
	(void)config;
	s->as_of[0] = '\0';
}

void
replica_streamed(const struct replica_stream *s)
{
	(void)s;
}

bool
replica_failed(struct replica *r, enum db_status status, const struct db_error *error)
{
	(void)r;
	(void)status;
	(void)error;
	return false;
}

int64_t
replica_lag_ms(struct replica *r)
{
	(void)r;
	return -1;
}

struct pool_counts
pool_counts(struct pool *pool)
{
	(void)pool;
	return (struct pool_counts){ .size = 1, .open = 1 };
}

bool
pool_ready(struct pool *pool)
{
	(void)pool;
	return database_mood != DATABASE_BUSY;
}

int
result_columns(const struct result *r)
{
	return r->columns;
}

int
result_rows(const struct result *r)
{
	return r->rows;
}

const char *
result_text(const struct result *r, int row, int col)
{
	MUST(row >= 0 && row < r->rows && col >= 0 && col < r->columns);
	return r->cells[row * r->columns + col];
}

size_t
result_length(const struct result *r, int row, int col)
{
	return r->cells[row * r->columns + col] != NULL ? strlen(result_text(r, row, col)) : 0;
}

bool
result_true(const struct result *r, int row, int col)
{
	const char *text = result_text(r, row, col);

	return text != NULL && text[0] == 't';
}

/* Small, as kinds of rows and dimensions are. */
int64_t
result_number(const struct result *r, int row, int col)
{
	const char *text = result_text(r, row, col);

	return text != NULL ? text[0] & 15 : 0;
}

void
result_free(struct result *r)
{
	database_results -= r != NULL;
	free(r);
}

#endif
