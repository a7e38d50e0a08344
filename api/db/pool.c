#include "db/pool_private.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/migrate.h"

#define BACKOFF_FIRST_MS 100
/* Long pauses would be added to the time that the database was away: 2 s is what clients are to see. */
#define BACKOFF_LAST_MS 500
#define SWEEP_MS	1000
/* For settings, schema and preparing together: three round trips. */
#define SETUP_MS 5000

static struct timespec
timespec_of(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };
}

static void
list_push(struct pool_conn **list, struct pool_conn *c)
{
	c->next = *list;
	*list = c;
}

static struct pool_conn *
list_pop(struct pool_conn **list)
{
	struct pool_conn *c = *list;

	if (c != NULL)
		*list = c->next;
	return c;
}

/*
 * conn_silent - an idle session has nothing to say but its farewell (or,
 * rarely, a changed setting): one that can be read from is not used again.
 */
static bool
conn_silent(const struct pool_conn *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* pool_discard - an open connection becomes the keeper's; under the lock. */
static void
pool_discard(struct pool *pool, struct pool_conn *c)
{
	pool->open--;
	list_push(&pool->closed, c);
	pthread_cond_signal(&pool->work);
}

static bool
may_write(const struct pool *pool)
{
	int size = pool->config.size, for_reads = size >= 4 ? size / 4 : size > 1;

	return pool->writing < size - for_reads;
}

/* One of each kind: who cannot have it waits on, and one more look costs little. */
static void
wake_one(struct pool *pool)
{
	pthread_cond_signal(&pool->freed);
	if (may_write(pool))
		pthread_cond_signal(&pool->freed_write);
}

/* conn_take - under the lock; NULL: there is none now, for this. */
static struct pool_conn *
conn_take(struct pool *pool, bool writes)
{
	struct pool_conn *c = !writes || may_write(pool) ? list_pop(&pool->free) : NULL;

	if (c != NULL) {
		c->writes = writes;
		pool->in_use++;
		pool->writing += writes;
	}
	return c;
}

static void
conn_untake(struct pool *pool, const struct pool_conn *c)
{
	pool->in_use--;
	pool->writing -= c->writes;
}

enum db_status
pool_take(struct pool *pool, bool writes, int64_t deadline_ms, struct pool_conn **ret_conn)
{
	struct timespec until = timespec_of(deadline_ms);
	enum db_status status = DB_OK;
	struct pool_conn *c;
	bool late = false, silent;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		c = conn_take(pool, writes);
		if (c != NULL) {
			pthread_mutex_unlock(&pool->lock);
			silent = conn_silent(c);
			if (silent) {
				*ret_conn = c;
				return DB_OK;
			}
			log_msg(LOG_WARN, "database: an idle connection was ended");
			pthread_mutex_lock(&pool->lock);
			conn_untake(pool, c);
			pool_discard(pool, c);
			continue;
		}
		if (pool->open == 0 && (pool->failing || late))
			status = DB_DOWN;
		else if (late)
			status = DB_BUSY;
		if (status != DB_OK)
			break;
		pool->waiting++;
		late = pthread_cond_timedwait(
			   writes ? &pool->freed_write : &pool->freed, &pool->lock, &until) != 0;
		pool->waiting--;
	}
	pthread_mutex_unlock(&pool->lock);
	return status;
}

void
pool_give(struct pool *pool, struct pool_conn *c)
{
	/* A transaction that is still open would mix with the next request's. */
	bool usable = !c->broken && PQstatus(c->pg) == CONNECTION_OK &&
		      PQtransactionStatus(c->pg) == PQTRANS_IDLE;

	pthread_mutex_lock(&pool->lock);
	conn_untake(pool, c);
	if (usable)
		list_push(&pool->free, c);
	else
		pool_discard(pool, c);
	/* Even then: another may be free, and this was one of the writes that there may be. */
	wake_one(pool);
	pthread_mutex_unlock(&pool->lock);
}

/* notice - its text may hold data, so nothing is logged; one kind changes what a COMMIT means. */
static void
notice(void *arg, const PGresult *res)
{
	struct pool_conn *c = arg;
	const char *from = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	/* Committed here, perhaps not on the standby. The function's name, for texts are translated. */
	if (from != NULL && strcmp(from, "SyncRepWaitForLSN") == 0)
		c->commit_unsure = true;
}

/* schema_current - 0 when the schema is at least what this program was built with. */
static int
schema_current(PGconn *pg, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE])
{
	const char *need = migrations[migrations_count - 1].version;
	const char *have = "nothing", *sqlstate;
	PGresult *res;
	int ok = 0;

	res = connect_exec(
	    pg, "select max(version collate \"C\") from gestor.schema_migrations", deadline_ms);
	sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	if (PQresultStatus(res) == PGRES_TUPLES_OK) {
		if (!PQgetisnull(res, 0, 0))
			have = PQgetvalue(res, 0, 0);
		ok = !PQgetisnull(res, 0, 0) && strcmp(have, need) >= 0;
	} else if (sqlstate == NULL || strcmp(sqlstate, "42P01") != 0) {
		connect_why(ret_why, res == NULL ? "no answer in time" : PQerrorMessage(pg));
		PQclear(res);
		return -1;
	}
	if (!ok)
		snprintf(ret_why, CONNECT_WHY_SIZE,
		    "the database's schema is at %.40s, this program needs %.40s: run gestor "
		    "migrate",
		    have, need);
	PQclear(res);
	return ok ? 0 : -1;
}

/* keeper_open - a connection that is ready for requests; NULL with ret_why filled in. */
static PGconn *
keeper_open(const struct pool_config *config, char ret_why[static CONNECT_WHY_SIZE])
{
	PGconn *pg = connect_open(config->url, ret_why);
	int64_t deadline_ms = clock_ms() + SETUP_MS;

	if (pg == NULL)
		return NULL;
	if (connect_session(pg, config->query_timeout_ms, deadline_ms, ret_why) == 0 &&
	    schema_current(pg, deadline_ms, ret_why) == 0 &&
	    connect_prepare(pg, deadline_ms, ret_why) == 0)
		return pg;
	PQfinish(pg);
	return NULL;
}

/* keeper_say - each change of state once, and not every attempt. */
static void
keeper_say(struct pool *pool, const char *why)
{
	if (strcmp(pool->why, why) == 0)
		return;
	if (*why != '\0')
		log_msg(LOG_ERROR, "database: %s", why);
	else
		log_msg(LOG_INFO, "database: connected");
	snprintf(pool->why, sizeof(pool->why), "%s", why);
}

/* keeper_reopen - tries for one closed connection; the lock is held, but not over the attempt. */
static bool
keeper_reopen(struct pool *pool)
{
	struct pool_conn *c = list_pop(&pool->closed);
	char why[CONNECT_WHY_SIZE] = "";

	pthread_mutex_unlock(&pool->lock);
	PQfinish(c->pg);
	c->broken = false;
	c->pg = keeper_open(&pool->config, why);
	if (c->pg != NULL)
		PQsetNoticeReceiver(c->pg, notice, c);
	keeper_say(pool, why);
	pthread_mutex_lock(&pool->lock);
	pool->failing = c->pg == NULL;
	if (pool->failing) {
		list_push(&pool->closed, c);
		/* Those who wait need not. */
		pthread_cond_broadcast(&pool->freed);
		pthread_cond_broadcast(&pool->freed_write);
	} else {
		list_push(&pool->free, c);
		pool->open++;
		wake_one(pool);
	}
	return !pool->failing;
}

/*
 * keeper_sweep - finds the connections that ended while nobody used them, so
 * that readiness does not speak of the past. Under the lock: it waits for nothing.
 */
static void
keeper_sweep(struct pool *pool)
{
	struct pool_conn **link = &pool->free, *c;

	while ((c = *link) != NULL) {
		if (conn_silent(c)) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		log_msg(LOG_WARN, "database: an idle connection was ended");
		pool_discard(pool, c);
	}
}

static void *
keeper(void *arg)
{
	struct pool *pool = arg;
	int64_t until_ms, backoff_ms = BACKOFF_FIRST_MS;
	struct timespec until;

	snprintf(pool->why, sizeof(pool->why), "not connected yet");
	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		if (pool->closed != NULL && keeper_reopen(pool)) {
			backoff_ms = BACKOFF_FIRST_MS;
			continue;
		}
		/* Here either all are open, or an attempt has just failed. */
		until_ms = clock_ms() + (pool->closed == NULL ? SWEEP_MS : backoff_ms);
		until = timespec_of(until_ms);
		if (pool->closed != NULL)
			backoff_ms =
			    backoff_ms * 2 < BACKOFF_LAST_MS ? backoff_ms * 2 : BACKOFF_LAST_MS;
		while (!pool->stopping && (pool->failing || pool->closed == NULL) &&
		       clock_ms() < until_ms)
			pthread_cond_timedwait(&pool->work, &pool->lock, &until);
		keeper_sweep(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void
pool_free(struct pool *pool)
{
	int i;

	for (i = 0; i < pool->config.size; i++)
		PQfinish(pool->conns[i].pg);
	pthread_cond_destroy(&pool->freed);
	pthread_cond_destroy(&pool->freed_write);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free((char *)(uintptr_t)pool->config.url);
	free(pool);
}

struct pool *
pool_start(const struct pool_config *config)
{
	struct pool *pool;
	pthread_condattr_t attr;
	int i;

	assert(config->size >= 1 && config->size <= 100);
	pool = calloc(1, sizeof(*pool) + (size_t)config->size * sizeof(pool->conns[0]));
	if (pool == NULL)
		abort();
	pool->config = *config;
	pool->config.url = strdup(config->url);
	if (pool->config.url == NULL)
		abort();
	for (i = config->size - 1; i >= 0; i--)
		list_push(&pool->closed, &pool->conns[i]);
	/* Deadlines are monotonic: a clock set back must not prolong a wait. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->freed, &attr);
	pthread_cond_init(&pool->freed_write, &attr);
	pthread_cond_init(&pool->work, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&pool->keeper, NULL, keeper, pool) != 0) {
		log_msg(LOG_ERROR, "database: no thread for the pool");
		pool_free(pool);
		return NULL;
	}
	return pool;
}

bool
pool_ready(struct pool *pool)
{
	bool ready;

	pthread_mutex_lock(&pool->lock);
	ready = pool->open > 0;
	pthread_mutex_unlock(&pool->lock);
	return ready;
}

void
pool_counts(struct pool *pool, int *ret_open, int *ret_in_use, int *ret_waiting)
{
	pthread_mutex_lock(&pool->lock);
	*ret_open = pool->open;
	*ret_in_use = pool->in_use;
	*ret_waiting = pool->waiting;
	pthread_mutex_unlock(&pool->lock);
}

void
pool_stop(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->keeper, NULL);
	pool_free(pool);
}
