#include "db/replica.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "db/pool.h"
#include "db/wal_history.h"
#include "sql.h"

#define LOOK_EVERY_MS 1000
/* Of each of the two questions; a standby without an answer by then is not asked. */
#define LOOK_MS 1000
/* Preparing the statements on new connections costs the server some 50 ms each. */
#define RENEW_EVERY_MS 30000

struct replica {
	char *url;
	struct pool *primary, *pool; /* pool NULL: no standby */
	int query_timeout_ms, lag_max_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, looked;
	bool stopping;
	/* Guarded by the lock. */
	struct wal_history history;
	int64_t renew_ms; /* from when on the connections may be renewed */
	bool fit;
	int looks; /* how often the thread has looked */
	int64_t lag_ms; /* when the thread looked last; -1: it got no answer */
	int64_t
	    fresh_ms; /* the newest time, by clock_ms(), of which the standby is known to have all */
	const char *why; /* what was logged last; the thread alone uses it */
};

/* -------------------------------------------------------------------- how old */

/* Whether the standby's answer to a question of asked_ms is fit; ret_lag_ms: -1 if it is unknown. */
static bool
judge(struct replica *r, int64_t asked_ms, const struct result *row,
    char ret_as_of[static AS_OF_SIZE], int64_t *ret_lag_ms)
{
	const struct wal_state state = wal_state_read(row);
	int64_t at_us = 0, lag_us = 0;
	bool renew = false;

	*ret_lag_ms = -1;
	pthread_mutex_lock(&r->lock);
	if (!state.standby) {
		/* It was promoted, or the URL allows a primary: look for a standby. */
		renew = clock_ms() >= r->renew_ms;
		if (renew)
			r->renew_ms = clock_ms() + RENEW_EVERY_MS;
	} else {
		at_us = wal_history_as_of(&r->history, asked_ms, &state, &lag_us);
	}
	if (at_us != 0) {
		*ret_lag_ms = lag_us > 0 ? lag_us / 1000 : 0;
		if (asked_ms - *ret_lag_ms > r->fresh_ms)
			r->fresh_ms = asked_ms - *ret_lag_ms;
	}
	pthread_mutex_unlock(&r->lock);
	if (renew)
		pool_renew(r->pool);
	as_of_write(at_us, ret_as_of);
	return *ret_lag_ms >= 0 && *ret_lag_ms <= r->lag_max_ms;
}

static void
primary_as_of(const struct result *row, char ret_as_of[static AS_OF_SIZE])
{
	const struct wal_state state = wal_state_read(row);

	as_of_write(state.at_us != 0 ? state.at_us : clock_epoch_us(), ret_as_of);
}

/* ------------------------------------------------------------------ the thread */

/* Asks a server for its state, for LOOK_MS at most; NULL: no answer. */
static struct result *
ask_state(const struct replica *r, struct pool *pool)
{
	const struct call call = { &sql_read_state, { NULL } };
	struct result *row = NULL;
	struct db_error error;

	/* db_run_by cancels what is late at 17/20 of the pool's query_timeout_ms before its deadline. */
	if (db_run_by(pool, clock_ms() + LOOK_MS + r->query_timeout_ms * 3 / 20, DB_PATIENT, &call,
		1, &row, &error) != DB_OK)
		return NULL;
	return row;
}

static void
sample_primary(struct replica *r)
{
	int64_t asked_ms = clock_ms();
	auto_result struct result *row = ask_state(r, r->primary);
	struct wal_state state;

	if (row == NULL)
		return;
	state = wal_state_read(row);
	if (state.standby)
		return;
	pthread_mutex_lock(&r->lock);
	wal_history_add(&r->history, asked_ms, &state);
	pthread_mutex_unlock(&r->lock);
}

/* Logs each change once. why: a constant; NULL: it is fit. */
static void
note(struct replica *r, const char *why, int64_t lag_ms)
{
	if (why == r->why)
		return;
	r->why = why;
	if (why == NULL)
		log_msg(LOG_INFO, "read replica: used, %" PRId64 " ms behind", lag_ms);
	else
		log_msg(LOG_WARN, "read replica: not used, the primary answers: %s", why);
}

static void
look(struct replica *r)
{
	int64_t asked_ms = clock_ms(), lag_ms = -1;
	auto_result struct result *row = ask_state(r, r->pool);
	char as_of[AS_OF_SIZE];
	bool fit = row != NULL && judge(r, asked_ms, row, as_of, &lag_ms);

	pthread_mutex_lock(&r->lock);
	r->fit = fit;
	r->lag_ms = lag_ms;
	r->looks++;
	pthread_cond_broadcast(&r->looked);
	pthread_mutex_unlock(&r->lock);
	if (fit)
		note(r, NULL, lag_ms);
	else if (row == NULL)
		note(r, "it does not answer", lag_ms);
	else if (lag_ms >= 0)
		note(r, "it is further behind than GESTOR_READ_LAG_S allows", lag_ms);
	else
		note(r, "it is no standby, or how far it is behind is unknown", lag_ms);
}

static void *
watch(void *arg)
{
	struct replica *r = arg;
	int64_t until_ms;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		until_ms = clock_ms() + LOOK_EVERY_MS;
		pthread_mutex_unlock(&r->lock);
		sample_primary(r);
		look(r);
		pthread_mutex_lock(&r->lock);
		while (!r->stopping && clock_cond_wait(&r->wake, &r->lock, until_ms))
			;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---------------------------------------------------------------- called by requests */

bool
replica_fit(struct replica *r)
{
	bool fit;

	pthread_mutex_lock(&r->lock);
	fit = r->fit;
	pthread_mutex_unlock(&r->lock);
	return fit;
}

void
replica_await(struct replica *r, int limit_ms)
{
	int64_t until_ms = clock_ms() + limit_ms;

	if (r->pool == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	while (!r->fit && r->looks < 2 && clock_cond_wait(&r->looked, &r->lock, until_ms))
		;
	pthread_mutex_unlock(&r->lock);
}

bool
replica_failed(struct replica *r, enum db_status status, const struct db_error *error)
{
	/* query_canceled: it answers, and the statement takes too long. */
	if (strcmp(error->sqlstate, "57014") == 0)
		return false;
	/* A refusal or a conflict says nothing of the next statement. */
	if (status == DB_DOWN || status == DB_BUSY || status == DB_TIMEOUT) {
		pthread_mutex_lock(&r->lock);
		r->fit = false;
		pthread_mutex_unlock(&r->lock);
	}
	return true;
}

/* DB_OK: the standby's answer is fit. Otherwise *ret_ask_primary says whether the primary is to be asked. */
static enum db_status
run_on_standby(struct replica *r, const struct call calls[static 2], bool needs_rows,
    struct result **ret_result, char ret_as_of[static AS_OF_SIZE], struct db_error *ret_error,
    bool *ret_ask_primary)
{
	struct result *results[2];
	int64_t asked_ms = clock_ms(), lag_ms;
	enum db_status status =
	    db_run_by(r->pool, db_deadline_ms(r->pool), DB_IMPATIENT, calls, 2, results, ret_error);
	bool fit;

	*ret_ask_primary = true;
	if (status != DB_OK) {
		*ret_ask_primary = replica_failed(r, status, ret_error);
		return status;
	}
	fit = judge(r, asked_ms, results[0], ret_as_of, &lag_ms) &&
	      (!needs_rows || result_rows(results[1]) > 0);
	result_free(results[0]);
	if (!fit) {
		result_free(results[1]);
		return DB_DOWN;
	}
	*ret_result = results[1];
	return DB_OK;
}

enum db_status
replica_run_by(struct replica *r, int64_t deadline_ms, const struct call *call, bool needs_rows,
    struct result **ret_result, char ret_as_of[static AS_OF_SIZE], struct db_error *ret_error)
{
	const struct call calls[] = { { &sql_read_state, { NULL } }, *call };
	struct result *results[2];
	enum db_status status;
	bool ask_primary;

	if (replica_fit(r)) {
		status = run_on_standby(
		    r, calls, needs_rows, ret_result, ret_as_of, ret_error, &ask_primary);
		if (status == DB_OK)
			metrics_read(METRICS_READ_REPLICA);
		if (status == DB_OK || !ask_primary)
			return status;
		deadline_ms = db_deadline_ms(r->primary);
	}
	status = db_run_by(r->primary, deadline_ms, DB_IMPATIENT, calls, 2, results, ret_error);
	if (status != DB_OK)
		return status;
	primary_as_of(results[0], ret_as_of);
	result_free(results[0]);
	*ret_result = results[1];
	metrics_read(METRICS_READ_PRIMARY);
	return DB_OK;
}

static bool
accept_stream(void *arg, const struct result *row)
{
	struct replica_stream *s = arg;
	int64_t lag_ms;

	if (s->standby)
		return judge(s->replica, s->asked_ms, row, s->as_of, &lag_ms);
	primary_as_of(row, s->as_of);
	return true;
}

void
replica_stream(struct replica_stream *s, struct stream_config *config)
{
	s->asked_ms = clock_ms();
	s->as_of[0] = '\0';
	config->standby = s->standby;
	if (s->standby)
		config->url = s->replica->url;
	config->before = &sql_read_state;
	config->accept = accept_stream;
	config->arg = s;
}

void
replica_streamed(const struct replica_stream *s)
{
	metrics_read(s->standby ? METRICS_READ_REPLICA : METRICS_READ_PRIMARY);
}

int64_t
replica_lag_ms(struct replica *r)
{
	int64_t lag_ms;

	if (r->pool == NULL)
		return -1;
	pthread_mutex_lock(&r->lock);
	lag_ms = r->lag_ms >= 0 ? r->lag_ms : clock_ms() - r->fresh_ms;
	pthread_mutex_unlock(&r->lock);
	return lag_ms;
}

/* ------------------------------------------------------------------ start and stop */

struct replica *
replica_start(const struct replica_config *config)
{
	struct replica *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	r->url = strdup(config->url);
	if (r->url == NULL)
		abort();
	r->primary = config->primary;
	r->query_timeout_ms = config->query_timeout_ms;
	r->lag_max_ms = config->lag_max_ms;
	r->lag_ms = -1;
	r->fresh_ms = clock_ms();
	r->why = "";
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	pthread_cond_init(&r->looked, NULL);
	if (*config->url == '\0')
		return r;
	r->pool = pool_start(&(struct pool_config){ .url = config->url,
	    .size = config->size,
	    .wait_ms = config->wait_ms,
	    .query_timeout_ms = config->query_timeout_ms,
	    .standby = true });
	if (r->pool != NULL && pthread_create(&r->thread, NULL, watch, r) == 0)
		return r;
	log_msg(LOG_ERROR, "read replica: no thread to watch it");
	if (r->pool != NULL)
		pool_stop(r->pool);
	r->pool = NULL;
	replica_stop(r);
	return NULL;
}

void
replica_stop(struct replica *r)
{
	if (r->pool != NULL) {
		pthread_mutex_lock(&r->lock);
		r->stopping = true;
		pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
		pool_stop(r->pool);
	}
	pthread_cond_destroy(&r->wake);
	pthread_cond_destroy(&r->looked);
	pthread_mutex_destroy(&r->lock);
	free(r->url);
	free(r);
}
