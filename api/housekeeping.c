#include "housekeeping.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/metrics_desk.h"
#include "catalog/catalog.h"
#include "config.h"
#include "db/catch_up.h"
#include "db/pool.h"
#include "sql.h"

#define ALL_JOBS  (HOUSEKEEPING_CATALOG | HOUSEKEEPING_SESSIONS | PURGES | ADDRESSES)
#define PURGES	  4U
#define ADDRESSES 8U

/* Failed jobs are retried after this pause, which doubles: the process is not ready without them. */
#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  1000

/*
 * Rows per statement: locks are held briefly, and little work is lost when the process ends.
 * Each ended session is audited, which takes 0.3 ms.
 */
#define STEP_ROWS	  "1000"
#define STEP_ROWS_AUDITED "200"

#define PARTITIONS_RETRY_MS 60000

/* Days of the report are due after midnight, and some minutes after changes of earlier days. */
#define REPORT_MS 60000
/* How long one turn makes days. */
#define REPORT_MAKE_MS 1000

/* What the desk has open, and indexes that are missing, are counted at each twelfth check: once a minute, unless configured otherwise. */
#define RARE_CHECKS 12

/* Each load overlaps the last one, because a transaction may have been uncommitted then. */
#define ADDRESS_MARGIN_S 60

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	unsigned todo;
	bool ending;
	/* Used by the thread alone. */
	int64_t partitions_ms; /* when partitions may be made next, by clock_ms() */
	int64_t report_ms; /* when days of the report may be due next, by clock_ms() */
	int checks; /* so far */
	int missing; /* indexes, at the last look */
	char first_missing[64];
	int64_t addresses_ms; /* when addresses were loaded last, by clock_ms(); 0: never */
} self = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
is_ending(void)
{
	bool ending;

	pthread_mutex_lock(&self.lock);
	ending = self.ending;
	pthread_mutex_unlock(&self.lock);
	return ending;
}

/* Repeats a statement while its result is `again`. Returns false when it fails. */
static bool
repeat(struct pool *pool, const struct call *call, const char *again)
{
	struct db_error error;
	bool more = true;

	while (more && !is_ending()) {
		auto_result struct result *row = NULL;

		if (db_run(pool, call, 1, &row, &error) != DB_OK) {
			log_msg(LOG_DEBUG, "housekeeping: %s failed", call->st->name);
			return false;
		}
		more = strcmp(result_text(row, 0, 0), again) == 0;
	}
	return true;
}

/*
 * Repeats a statement, which returns how many rows it changed, until none is left. Returns false
 * when it fails.
 */
static bool
run_in_steps(struct pool *pool, const struct statement *st, const char *rows)
{
	return repeat(pool, &(struct call){ st, { rows } }, rows);
}

/*
 * Makes the partitions of the next months. They are made long before they are needed, and a last one takes all later rows. So a
 * failure is no hurry, and a retry stops all writers for a moment.
 */
static void
make_partitions(struct pool *pool)
{
	const struct call call = { &sql_partitions_keep, { NULL } };

	if (clock_ms() >= self.partitions_ms && !repeat(pool, &call, "t"))
		self.partitions_ms = clock_ms() + PARTITIONS_RETRY_MS;
}

/*
 * Makes the columns of days that are due: for a second, so that no other job waits for long. A statement stops after a quarter of one, but
 * not before it has made a day.
 */
static void
make_report_days(struct pool *pool)
{
	const struct call call = { &sql_report_make, { NULL } };
	int64_t begun_ms = clock_ms();
	struct db_error error;
	bool more = true;

	if (begun_ms < self.report_ms)
		return;
	while (more && clock_ms() - begun_ms < REPORT_MAKE_MS && !is_ending()) {
		auto_result struct result *row = NULL;

		if (db_run(pool, &call, 1, &row, &error) != DB_OK) {
			log_msg(LOG_DEBUG, "housekeeping: report_make failed");
			return;
		}
		more = result_true(row, 0, 0);
	}
	if (!more)
		self.report_ms = clock_ms() + REPORT_MS;
}

/* How far readers of events are behind. */
static void
sample_lag(struct pool *pool)
{
	const struct call call = { &sql_event_horizon_lag, { NULL } };
	auto_result struct result *row = NULL;
	struct db_error error;

	if (db_run(pool, &call, 1, &row, &error) == DB_OK)
		metrics_event_lag_set((int64_t)(strtod(result_text(row, 0, 0), NULL) * 1000));
}

/* What the desk has open. When it fails, the figures of before stay. */
static void
sample_desk(struct pool *pool)
{
	const struct call call = { &sql_desk_sample, { NULL } };
	auto_result struct result *rows = NULL;
	struct metrics_desk desk = { .follow_ups_overdue = -1 };
	struct db_error error;

	if (db_run(pool, &call, 1, &rows, &error) != DB_OK)
		return;
	for (int i = 0; i < result_rows(rows); i++) {
		const char *kind = result_text(rows, i, 0);
		int64_t n = strtoll(result_text(rows, i, 2), NULL, 10);

		if (strcmp(kind, "contacts") == 0) {
			desk.contacts_without_opportunity = n;
		} else if (strcmp(kind, "follow_ups") == 0) {
			desk.follow_ups_overdue = n;
		} else if (desk.nstages < METRICS_STAGES_MAX) {
			snprintf(desk.stages[desk.nstages].code, sizeof(desk.stages[0].code), "%s",
			    result_text(rows, i, 1));
			desk.stages[desk.nstages++].open = n;
		}
	}
	metrics_desk_set(&desk);
}

/* Says which index that `gestor migrate` builds is missing, when it is another one than before, or others were added. */
static void
tell_missing_indexes(struct pool *pool)
{
	char names[CATCH_UP_NAMES_SIZE];
	const struct call call = { &sql_indexes_missing, { names } };
	auto_result struct result *rows = NULL;
	struct db_error error;
	const char *first;
	int n;

	catch_up_indexes(names);
	if (db_run(pool, &call, 1, &rows, &error) != DB_OK)
		return;
	n = result_rows(rows);
	first = n > 0 ? result_text(rows, 0, 0) : "";
	if (n > self.missing || strcmp(first, self.first_missing) != 0) {
		if (n > 0)
			log_msg(LOG_WARN,
			    "an index is missing, so requests are slow: run gestor migrate (%s, %d "
			    "in all)",
			    first, n);
		else
			log_msg(LOG_INFO, "no index is missing any more");
	}
	self.missing = n;
	snprintf(self.first_missing, sizeof(self.first_missing), "%s", first);
}

static void
purge(struct pool *pool)
{
	const struct call throttles = { &sql_throttle_purge, { NULL } },
			  addresses = { &sql_known_address_purge, { NULL } };
	struct result *none;
	struct db_error error;

	if (db_run(pool, &throttles, 1, &none, &error) == DB_OK)
		result_free(none);
	if (db_run(pool, &addresses, 1, &none, &error) == DB_OK)
		result_free(none);
	(void)run_in_steps(pool, &sql_idempotency_purge, STEP_ROWS);
	(void)run_in_steps(pool, &sql_session_purge, STEP_ROWS);
	(void)run_in_steps(pool, &sql_delivery_purge, STEP_ROWS);
	make_partitions(pool);
	make_report_days(pool);
	sample_lag(pool);
	if (self.checks++ % RARE_CHECKS == 0) {
		sample_desk(pool);
		tell_missing_indexes(pool);
	}
	/* Unfinished erasures; other processes continue those of other clients. */
	(void)run_in_steps(pool, &sql_erasure_continue, STEP_ROWS);
	(void)run_in_steps(pool, &sql_client_name_words_tidy, STEP_ROWS);
}

/*
 * Loads the addresses from which accounts signed in, and the hashes of secrets: first all, later the
 * new ones. The throttle's cache must not refuse them.
 */
static bool
load_addresses(struct pool *pool)
{
	int64_t now_ms = clock_ms();
	char seconds[24] = "";
	const struct call call = { &sql_known_address_since,
		{ self.addresses_ms != 0 ? seconds : NULL } };
	auto_result struct result *rows = NULL;
	struct db_error error;

	snprintf(seconds, sizeof(seconds), "%lld",
	    (long long)(now_ms - self.addresses_ms) / 1000 + ADDRESS_MARGIN_S);
	if (db_run(pool, &call, 1, &rows, &error) != DB_OK)
		return false;
	for (int i = 0; i < result_rows(rows); i++)
		throttle_know_hash(result_text(rows, i, 0));
	self.addresses_ms = now_ms;
	return true;
}

/* Does the jobs of a mask; returns those that failed. */
static unsigned
run_jobs(struct app *app, unsigned todo)
{
	unsigned failed = 0;

	if ((todo & HOUSEKEEPING_CATALOG) != 0 &&
	    catalog_refresh(app->pool, db_deadline_ms(app->pool)) != 0)
		failed |= HOUSEKEEPING_CATALOG;
	if ((todo & ADDRESSES) != 0 && !load_addresses(app->pool))
		failed |= ADDRESSES;
	if ((todo & HOUSEKEEPING_SESSIONS) != 0 &&
	    !run_in_steps(app->pool, &sql_session_tidy, STEP_ROWS_AUDITED))
		failed |= HOUSEKEEPING_SESSIONS;
	if ((todo & PURGES) != 0)
		purge(app->pool);
	return failed;
}

static void *
housekeeper(void *arg)
{
	struct app *app = arg;
	int64_t all_ms = 0, until_ms, retry_ms = RETRY_FIRST_MS;
	unsigned todo, failed = 0;

	pthread_mutex_lock(&self.lock);
	while (!self.ending) {
		todo = self.todo | failed;
		if (clock_ms() >= catalog_due_ms())
			todo |= HOUSEKEEPING_CATALOG;
		if (clock_ms() >= all_ms) {
			todo = ALL_JOBS;
			all_ms = clock_ms() + app->config->check_ms;
		}
		self.todo = 0;
		pthread_mutex_unlock(&self.lock);
		failed = run_jobs(app, todo);
		retry_ms = failed == 0			  ? RETRY_FIRST_MS
			   : retry_ms * 2 < RETRY_LAST_MS ? retry_ms * 2
							  : RETRY_LAST_MS;
		pthread_mutex_lock(&self.lock);
		until_ms = clock_ms() + retry_ms;
		if (failed == 0 || until_ms > all_ms)
			until_ms = all_ms;
		/* An item begins or ends to be valid: no notification tells of it. */
		if (failed == 0 && until_ms > catalog_due_ms())
			until_ms = catalog_due_ms();
		while (!self.ending && self.todo == 0 && clock_ms() < until_ms)
			clock_cond_wait(&self.more, &self.lock, until_ms);
	}
	pthread_mutex_unlock(&self.lock);
	return NULL;
}

int
housekeeping_start(struct app *app)
{
	pthread_cond_init(&self.more, NULL);
	if (pthread_create(&self.thread, NULL, housekeeper, app) == 0)
		return 0;
	log_msg(LOG_ERROR, "no thread for housekeeping");
	return -1;
}

void
housekeeping_wake(unsigned what)
{
	pthread_mutex_lock(&self.lock);
	self.todo |= what;
	pthread_cond_signal(&self.more);
	pthread_mutex_unlock(&self.lock);
}

void
housekeeping_stop(void)
{
	pthread_mutex_lock(&self.lock);
	self.ending = true;
	pthread_cond_signal(&self.more);
	pthread_mutex_unlock(&self.lock);
	pthread_join(self.thread, NULL);
}
