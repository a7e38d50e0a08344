/*
 * pool_take - the requests' side of the pool: taking and giving back, and the queue of those who
 * wait; and the pool's state, which its keeper (pool.c) shares. Private to db/.
 */
#ifndef DB_POOL_TAKE_H
#define DB_POOL_TAKE_H

#include <libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include "db/connect.h"

/* One who waits for a connection, on his own stack. Guarded by the pool's lock. */
struct pool_waiter {
	sem_t woken;
	bool writes, patient, queued;
	int64_t began_us;
	struct pool_conn *conn; /* his; NULL, once he was taken out of the queue: he is dismissed */
	struct pool_waiter *next;
};

struct pool_conn {
	PGconn *pg; /* NULL until it is open */
	struct pool_conn *next; /* in the list that it is in */
	bool writes; /* taken for a write */
	int64_t used_ms; /* when it was given back, by clock_ms() */
	bool broken; /* not to be used again: the keeper opens a new one */
	bool commit_unsure; /* the server gave up waiting for its standby during a COMMIT */
};

/*
 * A connection is in exactly one place: in free, in closed, with a request,
 * or with the keeper. Everything below the lock is guarded by it; whoever
 * holds a connection uses it without the lock.
 */
struct pool {
	/* As struct pool_config has them. */
	char *url;
	int size, wait_ms, query_timeout_ms;
	void (*unfit)(const char *why); /* keeper only; NULL: it need not be told, or was */
	pthread_t keeper;
	pthread_mutex_t lock;
	struct pool_waiter *first, **end; /* requests that wait: who came first is served first */
	pthread_cond_t work; /* for the keeper */
	struct pool_conn *free; /* last in, first out: the warm ones are used */
	struct pool_conn *closed;
	int open; /* in free or with a request */
	int in_use;
	int writing; /* of those in use */
	int64_t lost_ms; /* when the last connection was given up, by clock_ms() */
	struct pool_queue {
		int waiting; /* impatiently */
		int64_t since_us; /* when the first of them came; later, a while ago */
		int served; /* of those who waited, since then */
	} queues[2]; /* of reads; of writes */
	int waiting; /* at all */
	int64_t waits, waited_us;
	int64_t heard_ms; /* when the database answered last, by clock_ms() */
	int64_t laps; /* of the keeper */
	bool failing; /* the keeper's last attempt to connect came to nothing */
	bool stopping;
	bool
	    probed; /* keeper only: the sessions that it opens are PostgreSQL's own, or their pooler keeps them apart */
	char why[CONNECT_WHY_SIZE]; /* keeper only: what was logged last */
	struct pool_conn conns[];
};

/*
 * pool_take - a connection for the caller alone, until pool_give; `writes`: for a write, which may wait for locks.
 * patient  waits its turn until the deadline; else only where that will not be for long (query.h)
 * returns  DB_OK; DB_BUSY: all in use until the deadline, or too many wait; DB_DOWN: none is open.
 */
enum db_status pool_take(struct pool *pool, bool writes, bool patient, int64_t deadline_ms,
    struct pool_conn **ret_conn) MUSTCHECK;

void pool_give(struct pool *pool, struct pool_conn *c);

/* What requests and keeper share; under the lock all of it, but pool_silent. */

void pool_push(struct pool_conn **list, struct pool_conn *c);
struct pool_conn *pool_pop(struct pool_conn **list);

/* pool_discard - an open connection, in no list, becomes the keeper's. */
void pool_discard(struct pool *pool, struct pool_conn *c);

/*
 * pool_serve - the free connections go to those who wait, in their order.
 * returns  those who were served, for pool_wake
 */
struct pool_waiter *pool_serve(struct pool *pool) MUSTCHECK;

/* pool_wake - best without the lock, so that nobody is woken only to wait for it. */
void pool_wake(struct pool_waiter *served);

/* pool_dismiss - where no connection is open: all who wait, for pool_wake. */
struct pool_waiter *pool_dismiss(struct pool *pool) MUSTCHECK;

/*
 * pool_silent - an idle session has nothing to say but its farewell (or,
 * rarely, a changed setting): one that can be read from is not used again.
 */
bool pool_silent(const struct pool_conn *c);

#endif
