/*
 * pool - the process's connections to PostgreSQL.
 *
 * The pool's keeper thread opens and reopens connections, checks them, sets session parameters and
 * prepares every statement of build/sql.h: name resolution, TLS and authentication need more stack
 * and time than a request has. Requests only take connections and give them back (db/query.h).
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
	int wait_ms; /* longest wait for a connection */
	int query_timeout_ms; /* longest time of a db_run, with its wait; statement_timeout: 4/5 of it */
	/* Called once, by the keeper thread, if a pooler shares sessions (db/probe.h); or NULL. */
	void (*unfit)(const char *why);
	bool standby; /* of a read replica's: db_run tries a statement once, and counts no errors */
};

/*
 * pool_start - starts the keeper thread and returns at once, before it has connected.
 * returns the pool, for pool_stop; or NULL (logged): the thread could not be created
 */
struct pool *pool_start(const struct pool_config *config) MUSTCHECK;

/*
 * pool_ready - returns whether a connection is open and the database answered within the last
 * POOL_HEARD_MS. A connection opens only if the schema is current, and the keeper thread pings an
 * idle database every second, so a database that hangs is noticed without requests.
 */
#define POOL_HEARD_MS 3000
bool pool_ready(struct pool *pool);

struct pool_counts {
	int size, open, in_use; /* connections */
	int waiting; /* requests that wait for a connection now */
	int64_t waits,
	    waited_us; /* finished waits since the start; without requests served at once */
	int64_t
	    laps; /* loops of the keeper thread: at least one a second, or per connection attempt */
};

/* pool_counts - returns the current counts. */
struct pool_counts pool_counts(struct pool *pool);

/*
 * pool_renew - closes each connection that is open now when it is not in use, so that the URL's hosts are
 * tried anew: this host is not, or no longer, the right one.
 */
void pool_renew(struct pool *pool);

/*
 * pool_stop - ends the keeper thread, closes all connections and frees the pool. No thread may be
 * inside db_run.
 */
void pool_stop(struct pool *pool);

#endif
