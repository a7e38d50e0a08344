#include "db/pool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/tested.h"
#include "db/migrate.h"
#include "db/pool_take.h"
#include "db/probe.h"

#define BACKOFF_FIRST_MS 100
/* Long pauses would be added to the time that the database was away: 2 s is what clients are to see. */
#define BACKOFF_LAST_MS 500
#define SWEEP_MS	1000
/* An idle database is asked every second whether it is there, and has as long to say so. */
#define PING_MS 1000
/* For settings, schema and preparing together: three round trips. */
#define SETUP_MS 5000

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

/* version_check - name: libpq or PostgreSQL; version as PQlibVersion and PQserverVersion have it, 170012 = 17.12. */
static void
version_check(const char *name, int version)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d", version / 10000, version % 10000);
	tested_warn(name, text);
}

/* keeper_probe - false: with ret_why filled in, and whoever started the pool told where no other connection would do. */
static bool
keeper_probe(
    struct pool *pool, PGconn *pg, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE])
{
	enum probe_answer answer =
	    pool->probed ? PROBE_FIT : probe_sessions(pg, pool->url, deadline_ms, ret_why);

	if (answer == PROBE_FIT && !pool->probed)
		version_check("PostgreSQL", PQserverVersion(pg));
	pool->probed = answer == PROBE_FIT;
	if (answer == PROBE_UNFIT && pool->unfit != NULL) {
		pool->unfit(ret_why);
		pool->unfit = NULL;
	}
	return answer == PROBE_FIT;
}

/* keeper_open - a connection that is ready for requests; NULL with ret_why filled in. */
static PGconn *
keeper_open(struct pool *pool, char ret_why[static CONNECT_WHY_SIZE])
{
	PGconn *pg = connect_open(pool->url, ret_why);
	int64_t deadline_ms = clock_ms() + SETUP_MS;

	if (pg == NULL)
		return NULL;
	if (keeper_probe(pool, pg, deadline_ms, ret_why) &&
	    connect_session(pg, pool->query_timeout_ms, deadline_ms, ret_why) == 0 &&
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
	struct pool_conn *c = pool_pop(&pool->closed);
	char why[CONNECT_WHY_SIZE] = "";

	pthread_mutex_unlock(&pool->lock);
	PQfinish(c->pg);
	c->broken = false;
	c->pg = keeper_open(pool, why);
	if (c->pg != NULL)
		PQsetNoticeReceiver(c->pg, notice, c);
	keeper_say(pool, why);
	pthread_mutex_lock(&pool->lock);
	pool->failing = c->pg == NULL;
	if (pool->failing) {
		pool_push(&pool->closed, c);
		pool_wake(pool_dismiss(pool)); /* those who wait need not */
	} else {
		pool->open++;
		pool->heard_ms = c->used_ms = clock_ms();
		pool_push(&pool->free, c);
		pool_wake(pool_serve(pool));
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
		if (pool_silent(c)) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		log_msg(LOG_WARN, "database: an idle connection was ended");
		pool_discard(pool, c);
	}
}

/* keeper_ping - where nothing was heard of the database for a while: without the lock, for it waits. */
static void
keeper_ping(struct pool *pool)
{
	struct pool_conn *c;
	PGresult *res;

	/* All are in use, or none is open: those will be heard of. */
	if (pool_take(pool, false, false, clock_ms(), &c) != DB_OK)
		return;
	res = connect_exec(c->pg, "select 1", clock_ms() + PING_MS);
	c->broken = PQresultStatus(res) != PGRES_TUPLES_OK;
	if (c->broken)
		log_msg(LOG_WARN, "database: an idle connection did not answer");
	PQclear(res);
	pool_give(pool, c);
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
		pool->laps++;
		if (pool->closed != NULL && keeper_reopen(pool)) {
			backoff_ms = BACKOFF_FIRST_MS;
			continue;
		}
		/* Here either all are open, or an attempt has just failed. */
		until_ms = clock_ms() + (pool->closed == NULL ? SWEEP_MS : backoff_ms);
		until = clock_timespec(until_ms);
		if (pool->closed != NULL)
			backoff_ms =
			    backoff_ms * 2 < BACKOFF_LAST_MS ? backoff_ms * 2 : BACKOFF_LAST_MS;
		while (!pool->stopping && (pool->failing || pool->closed == NULL) &&
		       clock_ms() < until_ms)
			pthread_cond_timedwait(&pool->work, &pool->lock, &until);
		keeper_sweep(pool);
		if (clock_ms() - pool->heard_ms >= PING_MS && pool->free != NULL) {
			pthread_mutex_unlock(&pool->lock);
			keeper_ping(pool);
			pthread_mutex_lock(&pool->lock);
		}
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void
pool_free(struct pool *pool)
{
	int i;

	for (i = 0; i < pool->size; i++)
		PQfinish(pool->conns[i].pg);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->url);
	free(pool);
}

struct pool *
pool_start(const struct pool_config *config)
{
	struct pool *pool;
	int i;

	assert(config->size >= 1 && config->size <= 100);
	version_check("libpq", PQlibVersion());
	pool = calloc(1, sizeof(*pool) + (size_t)config->size * sizeof(pool->conns[0]));
	if (pool == NULL)
		abort();
	pool->url = strdup(config->url);
	pool->size = config->size;
	pool->wait_ms = config->wait_ms;
	pool->query_timeout_ms = config->query_timeout_ms;
	pool->unfit = config->unfit;
	if (pool->url == NULL)
		abort();
	for (i = config->size - 1; i >= 0; i--)
		pool_push(&pool->closed, &pool->conns[i]);
	pthread_mutex_init(&pool->lock, NULL);
	clock_cond_init(&pool->work);
	pool->end = &pool->first;
	if (pthread_create(&pool->keeper, NULL, keeper, pool) != 0) {
		log_msg(LOG_ERROR, "database: no thread for the pool");
		pool_free(pool);
		return NULL;
	}
	return pool;
}

struct pool_counts
pool_counts(struct pool *pool)
{
	struct pool_counts counts;

	pthread_mutex_lock(&pool->lock);
	counts = (struct pool_counts){ pool->size, pool->open, pool->in_use, pool->waiting,
		pool->waits, pool->waited_us, pool->laps };
	pthread_mutex_unlock(&pool->lock);
	return counts;
}

bool
pool_ready(struct pool *pool)
{
	bool ready;

	pthread_mutex_lock(&pool->lock);
	ready = pool->open > 0 && clock_ms() - pool->heard_ms < POOL_HEARD_MS;
	pthread_mutex_unlock(&pool->lock);
	return ready;
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
