/*
 * What query.c sees of the pool, and what the pool and its keeper share.
 */
#ifndef DB_POOL_PRIVATE_H
#define DB_POOL_PRIVATE_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include "db/connect.h"
#include "db/pool.h"

struct pool_conn {
	PGconn *pg; /* NULL until it is open */
	struct pool_conn *next; /* in the list that it is in */
	bool writes; /* taken for a write */
	bool broken; /* not to be used again: the keeper opens a new one */
	bool commit_unsure; /* the server gave up waiting for its standby during a COMMIT */
};

/*
 * A connection is in exactly one place: in free, in closed, with a request,
 * or with the keeper. Everything below the lock is guarded by it; whoever
 * holds a connection uses it without the lock.
 */
struct pool {
	struct pool_config config;
	pthread_t keeper;
	pthread_mutex_t lock;
	pthread_cond_t freed; /* for reads: a connection, or the news that there is none */
	pthread_cond_t freed_write; /* for writes, the same */
	pthread_cond_t work; /* for the keeper */
	struct pool_conn *free; /* last in, first out: the warm ones are used */
	struct pool_conn *closed;
	int open; /* in free or with a request */
	int in_use;
	int writing; /* of those in use */
	int waiting;
	bool failing; /* the keeper's last attempt to connect came to nothing */
	bool stopping;
	char why[CONNECT_WHY_SIZE]; /* keeper only: what was logged last */
	struct pool_conn conns[];
};

/*
 * pool_take - a connection for the caller alone, until pool_give.
 *
 * Writes wait for locks, each for as long as lock_timeout: they leave a quarter of the
 * connections, and at least one, to reads, which else would wait with them. Of a single
 * connection nothing can be left. (To leave half makes writes slower by a fifth.)
 * returns DB_OK; DB_BUSY: all in use until the deadline; DB_DOWN: none is open.
 */
enum db_status pool_take(
    struct pool *pool, bool writes, int64_t deadline_ms, struct pool_conn **ret_conn) MUSTCHECK;

void pool_give(struct pool *pool, struct pool_conn *c);

#endif
