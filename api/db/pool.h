/*
 * pool - the process's connections to PostgreSQL.
 *
 * A keeper thread of its own opens and reopens connections (resolver, TLS and
 * authentication need more stack and time than a request has), checks them,
 * sets session parameters and prepares every statement of build/sql.h.
 * Requests only take and give back.
 */
#ifndef DB_POOL_H
#define DB_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

struct pool;
struct pool_conn;

struct pool_config {
	const char *url; /* libpq connection string or URI */
	int size; /* connections, 1..100 */
	int wait_ms; /* longest wait for a free one */
	int query_timeout_ms; /* deadline of one db_run, with its wait; statement_timeout is a fifth less */
	/* Called by the keeper, once, when what answers is no session of PostgreSQL's own (db/probe.h); or NULL. */
	void (*unfit)(const char *why);
};

/* pool_start - starts the keeper and returns at once; NULL when out of threads (logged). */
struct pool *pool_start(const struct pool_config *config) MUSTCHECK;

/*
 * pool_ready - at least one connection is open, the schema is current, and the database has answered
 * something within POOL_HEARD_MS: one that hangs is found out though nobody asks for anything.
 */
#define POOL_HEARD_MS 3000
bool pool_ready(struct pool *pool);

struct pool_counts {
	int size, open, in_use; /* connections */
	int waiting; /* requests */
	int64_t waits,
	    waited_us; /* that are over, since the start; who is served at once has not waited */
	int64_t
	    laps; /* of the keeper: grows while he lives, every second or at each attempt to connect */
};

/* pool_counts - how it stands now; for metrics. */
struct pool_counts pool_counts(struct pool *pool);

/* pool_stop - closes everything; nobody may be inside db_run any more. */
void pool_stop(struct pool *pool);

#endif
