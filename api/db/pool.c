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
/* Clients should be served within 2 s of the database's return, so pauses stay short. */
#define BACKOFF_LAST_MS 500
#define SWEEP_MS	1000
/* How often the keeper pings an idle database, and how long it waits for the answer. */
#define PING_MS 1000
/* For the probe, settings, schema check and preparing together. */
#define SETUP_MS 5000

/* notice - handles the server's notices. They are not logged, because their text may hold data. */
static void
notice(void *arg, const PGresult *res)
{
	struct pool_conn *c = arg;
	const char *from = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	/*
	 * Committed here, perhaps not on the standby. Compare the function's name,
	 * because the server translates the text.
	 */
	if (from != NULL && strcmp(from, "SyncRepWaitForLSN") == 0)
		c->commit_unsure = true;
}

/* schema_current - 0: the schema is at least as new as the program's last migration; or -1. */
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

/*
 * version_check - logs a version of libpq or PostgreSQL that was never tested.
 * version  of PQlibVersion or PQserverVersion: 170012 is 17.12
 */
static void
version_check(const char *name, int version)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d", version / 10000, version % 10000);
	tested_warn(name, text);
}

static enum connect_to
connect_to(const struct pool *pool)
{
	return pool->standby ? CONNECT_STANDBY : CONNECT_PRIMARY;
}

/* keeper_probe - false, with ret_why filled in: a pooler shares sessions, or the probe failed. */
static bool
keeper_probe(
    struct pool *pool, PGconn *pg, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE])
{
	enum probe_answer answer =
	    pool->probed ? PROBE_FIT
			 : probe_sessions(pg, pool->url, connect_to(pool), deadline_ms, ret_why);

	if (answer == PROBE_FIT && !pool->probed)
		version_check("PostgreSQL", PQserverVersion(pg));
	pool->probed = answer == PROBE_FIT;
	if (answer == PROBE_UNFIT && pool->unfit != NULL) {
		pool->unfit(ret_why);
		pool->unfit = NULL;
	}
	return answer == PROBE_FIT;
}

/* keeper_open - opens a connection and makes it ready for requests; NULL with ret_why filled in. */
static PGconn *
keeper_open(struct pool *pool, char ret_why[static CONNECT_WHY_SIZE])
{
	PGconn *pg = connect_open_from(pool->url, connect_to(pool), &pool->host, ret_why);
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

/* keeper_log - logs each change of the error once, not each attempt; why "": connected. */
static void
keeper_log(struct pool *pool, const char *why)
{
	if (strcmp(pool->why, why) == 0)
		return;
	if (*why != '\0')
		log_msg(pool->standby ? LOG_WARN : LOG_ERROR, "%s: %s", pool->label, why);
	else
		log_msg(LOG_INFO, "%s: connected", pool->label);
	snprintf(pool->why, sizeof(pool->why), "%s", why);
}

/*
 * keeper_reopen - tries to open one closed connection; the caller holds the lock, which is released
 * during the attempt.
 */
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
	keeper_log(pool, why);
	pthread_mutex_lock(&pool->lock);
	pool->failing = c->pg == NULL;
	if (pool->failing) {
		pool_push(&pool->closed, c);
		pool_wake(pool_dismiss(pool)); /* waiting is useless without a database */
	} else {
		pool->open++;
		c->opened = ++pool->openings;
		pool->heard_ms = c->used_ms = clock_ms();
		pool_push(&pool->free, c);
		pool_wake(pool_serve(pool));
	}
	return !pool->failing;
}

/*
 * keeper_sweep - discards idle connections that the server closed, so that
 * pool_ready notices. The caller holds the lock; it does not block.
 */
static void
keeper_sweep(struct pool *pool)
{
	struct pool_conn **link = &pool->free, *c;

	while ((c = *link) != NULL) {
		bool silent = pool_silent(c);

		if (silent && c->opened > pool->renew) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		if (!silent)
			log_msg(LOG_WARN, "%s: the server closed an idle connection", pool->label);
		pool_discard(pool, c);
	}
}

/* keeper_ping - checks that the database answers. It blocks, so the caller must not hold the lock. */
static void
keeper_ping(struct pool *pool)
{
	struct pool_conn *c;
	PGresult *res;

	/* No free connection: the requests that use them will notice a failure. */
	if (pool_take(pool, false, false, clock_ms(), &c) != DB_OK)
		return;
	res = connect_exec(c->pg, "select 1", clock_ms() + PING_MS);
	c->broken = PQresultStatus(res) != PGRES_TUPLES_OK;
	if (c->broken)
		log_msg(LOG_WARN, "%s: an idle connection did not answer", pool->label);
	PQclear(res);
	pool_give(pool, c);
}

static void *
keeper(void *arg)
{
	struct pool *pool = arg;
	int64_t until_ms, backoff_ms = BACKOFF_FIRST_MS;

	snprintf(pool->why, sizeof(pool->why), "not connected yet");
	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		pool->laps++;
		if (pool->closed != NULL && keeper_reopen(pool)) {
			backoff_ms = BACKOFF_FIRST_MS;
			continue;
		}
		/* All connections are open, or the last attempt failed. */
		until_ms = clock_ms() + (pool->closed == NULL ? SWEEP_MS : backoff_ms);
		if (pool->closed != NULL)
			backoff_ms =
			    backoff_ms * 2 < BACKOFF_LAST_MS ? backoff_ms * 2 : BACKOFF_LAST_MS;
		while (!pool->stopping && (pool->failing || pool->closed == NULL) &&
		       clock_ms() < until_ms)
			clock_cond_wait(&pool->work, &pool->lock, until_ms);
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
	pool->standby = config->standby;
	pool->label = config->standby ? "read replica" : "database";
	if (pool->url == NULL)
		abort();
	for (i = config->size - 1; i >= 0; i--) {
		pool->conns[i].label = pool->label;
		pool_push(&pool->closed, &pool->conns[i]);
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pool->end = &pool->first;
	if (pthread_create(&pool->keeper, NULL, keeper, pool) != 0) {
		log_msg(LOG_ERROR, "%s: cannot create the pool's thread", pool->label);
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
pool_renew(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->renew = pool->openings;
	pthread_cond_signal(&pool->work);
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
