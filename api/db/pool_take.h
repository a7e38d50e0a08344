/*
 * pool_take - takes connections from the pool and gives them back, with a queue of waiters; and the
 * pool's state, shared with its keeper thread (pool.c). Private to db/.
 */
#ifndef DB_POOL_TAKE_H
#define DB_POOL_TAKE_H

#include <libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include "db/connect.h"

/* A thread that waits for a connection; on that thread's stack, guarded by the pool's lock. */
struct pool_waiter {
	sem_t woken;
	bool writes, patient, queued;
	int64_t began_us;
	struct pool_conn
	    *conn; /* what it got; NULL after it left the queue: the database is down */
	struct pool_waiter *next;
};

struct pool_conn {
	PGconn *pg; /* NULL until it is open */
	const char *label; /* the pool's */
	struct pool_conn *next; /* in the list that contains it */
	bool writes; /* taken for a write */
	int64_t used_ms; /* when it was given back, by clock_ms() */
	int64_t opened; /* which of the pool's openings it was */
	bool broken; /* must not be used again: the keeper opens a new one */
	bool commit_unsure; /* the server stopped waiting for its standby during a COMMIT */
};

/*
 * Invariant: each connection is in exactly one place: in `free`, in `closed`, taken by a thread, or
 * with the keeper. The lock guards all members below it. The thread that has taken a connection uses
 * it without the lock.
 */
struct pool {
	/* From struct pool_config. */
	char *url;
	int size, wait_ms, query_timeout_ms;
	void (*unfit)(const char *why); /* keeper only; NULL after the call */
	bool standby;
	const char *label; /* "database" or "read replica", for the log */
	pthread_t keeper;
	pthread_mutex_t lock;
	struct pool_waiter *first, **end; /* the queue, first in, first out */
	pthread_cond_t work; /* wakes the keeper */
	struct pool_conn *free; /* last in, first out: recently used ones have warm caches */
	struct pool_conn *closed;
	int open; /* free or taken */
	int in_use; /* taken */
	int writing; /* taken for a write */
	int64_t lost_ms; /* when a connection was last discarded, by clock_ms() */
	struct pool_queue {
		int waiting; /* impatient waiters */
		int64_t since_us; /* start of the time over which `served` counts, by clock_us() */
		int served; /* waiters that got a connection since then */
	} queues[2]; /* [0]: reads; [1]: writes */
	int waiting; /* all waiters */
	int64_t waits, waited_us;
	int64_t heard_ms; /* when the database answered last, by clock_ms() */
	int64_t laps; /* loops of the keeper */
	int64_t openings; /* how many connections were opened since the start */
	int64_t renew; /* connections opened up to this one are closed when they are free */
	bool failing; /* the keeper's last attempt to connect failed */
	bool stopping;
	int host; /* keeper only: which of the URL's the last connection is to */
	bool probed; /* keeper only: probe_sessions returned PROBE_FIT */
	char why[CONNECT_WHY_SIZE]; /* keeper only: the error that was logged last */
	struct pool_conn conns[];
};

/*
 * pool_take - takes a connection for the calling thread, until pool_give.
 * writes   the connection is for a write, which may wait for locks
 * patient  wait until the deadline; else fail at once if the expected wait is too long (query.h)
 * returns  DB_OK; DB_BUSY: no connection until the deadline, or too long a wait expected;
 *          DB_DOWN: none is open
 * threads  any
 */
enum db_status pool_take(struct pool *pool, bool writes, bool patient, int64_t deadline_ms,
    struct pool_conn **ret_conn) MUSTCHECK;

/* pool_give - gives a connection back, or discards it if it is broken. */
void pool_give(struct pool *pool, struct pool_conn *c);

/* For pool.c. The caller holds the lock, except for pool_silent and pool_wake. */

void pool_push(struct pool_conn **list, struct pool_conn *c);
struct pool_conn *pool_pop(struct pool_conn **list);

/* pool_discard - passes an open connection, which is in no list, to the keeper to be reopened. */
void pool_discard(struct pool *pool, struct pool_conn *c);

/*
 * pool_serve - gives the free connections to the waiters, in the queue's order.
 * returns  the waiters that got one, for pool_wake
 */
struct pool_waiter *pool_serve(struct pool *pool) MUSTCHECK;

/* pool_wake - wakes these waiters. Best without the lock, which they may need next. */
void pool_wake(struct pool_waiter *served);

/* pool_dismiss - if no connection is open, empties the queue; returns the waiters, for pool_wake. */
struct pool_waiter *pool_dismiss(struct pool *pool) MUSTCHECK;

/*
 * pool_silent - returns whether an idle connection has nothing to read. The server sends an idle
 * session hardly anything but the message that ends it, so a readable connection is discarded.
 */
bool pool_silent(const struct pool_conn *c);

#endif
