#include "housekeeping.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "config.h"
#include "db/pool.h"
#include "sql.h"

#define EVERYTHING (HOUSEKEEPING_CATALOG | HOUSEKEEPING_SESSIONS | PURGES | ADDRESSES)
#define PURGES	   4U
#define ADDRESSES  8U

/* What a process needs before it is ready, or better soon, is tried again after such a pause. */
#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  1000

/* Rows a statement, so that locks are short and little is lost when the process ends. A session's end is audited, which takes 0.3 ms. */
#define STEP_ROWS	  "1000"
#define STEP_ROWS_AUDITED "200"

/* Addresses are looked up from a little before the last look: a transaction may have been under way. */
#define ADDRESS_MARGIN_S 60

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	unsigned todo;
	bool ending;
	/* The thread's own. */
	int64_t addresses_ms; /* when they were looked up last; 0: never */
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

/* A statement that counts the rows it changed, again until there are none left; false: it could not be run. */
static bool
in_steps(struct pool *pool, const struct statement *st, const char *rows)
{
	const struct call call = { st, { rows } };
	struct db_error error;
	bool more = true;

	while (more && !is_ending()) {
		auto_result struct result *row = NULL;

		if (db_run(pool, &call, 1, &row, &error) != DB_OK) {
			log_msg(LOG_DEBUG, "%s was not run", st->name);
			return false;
		}
		more = strcmp(result_text(row, 0, 0), rows) == 0;
	}
	return true;
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
	(void)in_steps(pool, &sql_idempotency_purge, STEP_ROWS);
	(void)in_steps(pool, &sql_session_purge, STEP_ROWS);
	/* Erasures that are under way; other processes do the same, each with other clients. */
	(void)in_steps(pool, &sql_erasure_continue, STEP_ROWS);
}

/* What the memory of refusals must not refuse: all at first, then those that came since. */
static bool
look_up_addresses(struct pool *pool)
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

/* What of it is to be tried again soon. */
static unsigned
keep_house(struct app *app, unsigned todo)
{
	unsigned again = 0;

	if ((todo & HOUSEKEEPING_CATALOG) != 0 &&
	    catalog_refresh(app->pool, db_deadline_ms(app->pool)) != 0)
		again |= HOUSEKEEPING_CATALOG;
	if ((todo & ADDRESSES) != 0 && !look_up_addresses(app->pool))
		again |= ADDRESSES;
	if ((todo & HOUSEKEEPING_SESSIONS) != 0 &&
	    !in_steps(app->pool, &sql_session_tidy, STEP_ROWS_AUDITED))
		again |= HOUSEKEEPING_SESSIONS;
	if ((todo & PURGES) != 0)
		purge(app->pool);
	return again;
}

static void *
housekeeper(void *arg)
{
	struct app *app = arg;
	int64_t all_ms = 0, until_ms, retry_ms = RETRY_FIRST_MS;
	unsigned todo, again = 0;
	struct timespec until;

	pthread_mutex_lock(&self.lock);
	while (!self.ending) {
		todo = self.todo | again;
		if (clock_ms() >= all_ms) {
			todo = EVERYTHING;
			all_ms = clock_ms() + app->config->check_ms;
		}
		self.todo = 0;
		pthread_mutex_unlock(&self.lock);
		again = keep_house(app, todo);
		retry_ms = again == 0			  ? RETRY_FIRST_MS
			   : retry_ms * 2 < RETRY_LAST_MS ? retry_ms * 2
							  : RETRY_LAST_MS;
		pthread_mutex_lock(&self.lock);
		until_ms = clock_ms() + retry_ms;
		if (again == 0 || until_ms > all_ms)
			until_ms = all_ms;
		until = clock_timespec(until_ms);
		while (!self.ending && self.todo == 0 && clock_ms() < until_ms)
			pthread_cond_timedwait(&self.more, &self.lock, &until);
	}
	pthread_mutex_unlock(&self.lock);
	return NULL;
}

int
housekeeping_start(struct app *app)
{
	clock_cond_init(&self.more);
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
