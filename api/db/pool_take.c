#include "db/pool_take.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A connection that was used within this time is taken without pool_silent's system call. */
#define FRESH_MS 100
/* But for this time after a connection was lost all are checked: the others may be lost, too. */
#define SUSPECT_MS 1000

void
pool_push(struct pool_conn **list, struct pool_conn *c)
{
	c->next = *list;
	*list = c;
}

struct pool_conn *
pool_pop(struct pool_conn **list)
{
	struct pool_conn *c = *list;

	if (c != NULL)
		*list = c->next;
	return c;
}

bool
pool_silent(const struct pool_conn *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

void
pool_discard(struct pool *pool, struct pool_conn *c)
{
	pool->open--;
	pool->lost_ms = clock_ms();
	pool_push(&pool->closed, c);
	pthread_cond_signal(&pool->work);
}

/*
 * Writes wait for locks, so they must not occupy all connections: a quarter, or
 * one, is for reads alone. (With a half, writes were a fifth slower.)
 */
static bool
may_write(const struct pool *pool)
{
	int size = pool->size, for_reads = size >= 4 ? size / 4 : size > 1;

	return pool->writing < size - for_reads;
}

/* Takes a free connection, or returns NULL: none now. The caller holds the lock. */
static struct pool_conn *
take_free(struct pool *pool, bool writes)
{
	struct pool_conn *c = !writes || may_write(pool) ? pool_pop(&pool->free) : NULL;

	if (c != NULL) {
		c->writes = writes;
		pool->in_use++;
		pool->writing += writes;
	}
	return c;
}

static void
uncount_taken(struct pool *pool, const struct pool_conn *c)
{
	pool->in_use--;
	pool->writing -= c->writes;
}

/*
 * Removes the waiter at *link from the queue; the caller holds the lock. A thread
 * that removes another's waiter must wake it exactly once, and no other thread may:
 * the waiter is on its thread's stack and gone after that.
 */
static struct pool_waiter *
queue_remove(struct pool *pool, struct pool_waiter **link)
{
	struct pool_waiter *w = *link;

	*link = w->next;
	if (pool->end == &w->next)
		pool->end = link;
	w->queued = false;
	pool->waiting--;
	pool->queues[w->writes].waiting -= !w->patient;
	pool->waits++;
	pool->waited_us += clock_us() - w->began_us;
	return w;
}

/* The longest expected wait, 3/4 of wait_ms: with a longer one most waiters would time out. */
static int64_t
expected_max_us(const struct pool *pool)
{
	return pool->wait_ms * INT64_C(750);
}

/* Counts a waiter that got a connection; halves the weight of the past. The caller holds the lock. */
static void
note_served(const struct pool *pool, struct pool_queue *q)
{
	int64_t now_us = clock_us();

	q->served++;
	if (now_us - q->since_us > expected_max_us(pool)) {
		q->since_us += (now_us - q->since_us) / 2;
		q->served -= q->served / 2;
	}
}

struct pool_waiter *
pool_serve(struct pool *pool)
{
	struct pool_waiter **link = &pool->first, *w, *served = NULL;

	while ((w = *link) != NULL && pool->free != NULL) {
		w->conn = take_free(pool, w->writes);
		if (w->conn == NULL) {
			link = &w->next; /* a read behind it may still be served */
			continue;
		}
		note_served(pool, &pool->queues[w->writes]);
		queue_remove(pool, link)->next = served;
		served = w;
	}
	return served;
}

struct pool_waiter *
pool_dismiss(struct pool *pool)
{
	struct pool_waiter *all = pool->first;

	if (pool->open > 0)
		return NULL;
	while (pool->first != NULL)
		queue_remove(pool, &pool->first);
	return all;
}

void
pool_wake(struct pool_waiter *w)
{
	struct pool_waiter *next;

	for (; w != NULL; w = next) {
		next = w->next; /* w is invalid once its thread is awake */
		sem_post(&w->woken);
	}
}

/*
 * Whether a new waiter would have to wait too long, at the rate at which this queue was served.
 * The caller holds the lock.
 */
static bool
wait_too_long(const struct pool *pool, bool writes)
{
	const struct pool_queue *q = &pool->queues[writes];
	int64_t wait_us = clock_us() - q->since_us;

	/* The rate is unknown at first; before any waiter was served, use how long the first waits. */
	if (q->waiting == 0 || wait_us < expected_max_us(pool) / 4)
		return false;
	if (q->served > 0)
		wait_us = wait_us / q->served * q->waiting;
	return wait_us > expected_max_us(pool);
}

/* At the deadline: leaves the queue. DB_OK: another thread removed it just before, and wakes it. */
static enum db_status
stop_waiting(struct pool *pool, struct pool_waiter *self)
{
	struct pool_waiter **link = &pool->first;
	enum db_status status = DB_OK;

	pthread_mutex_lock(&pool->lock);
	if (self->queued) {
		while (*link != self)
			link = &(*link)->next;
		queue_remove(pool, link);
		status = pool->open == 0 ? DB_DOWN : DB_BUSY;
	}
	pthread_mutex_unlock(&pool->lock);
	return status;
}

/* Waits in the queue until served, dismissed or late. Called with the lock, which it releases. */
static enum db_status
wait_turn(
    struct pool *pool, bool writes, bool patient, int64_t deadline_ms, struct pool_conn **ret_conn)
{
	struct timespec until = clock_timespec(deadline_ms);
	struct pool_waiter self = {
		.writes = writes, .patient = patient, .queued = true, .began_us = clock_us()
	};
	enum db_status status;

	sem_init(&self.woken, 0, 0);
	*pool->end = &self;
	/* cppcheck-suppress autoVariables ; it leaves the queue before this returns */
	pool->end = &self.next;
	pool->waiting++;
	if (!patient && pool->queues[writes].waiting++ == 0)
		pool->queues[writes] =
		    (struct pool_queue){ .waiting = 1, .since_us = self.began_us };
	pthread_mutex_unlock(&pool->lock);
	while (sem_clockwait(&self.woken, CLOCK_MONOTONIC, &until) != 0) {
		if (errno == EINTR)
			continue;
		status = stop_waiting(pool, &self);
		if (status != DB_OK)
			return status;
		/* The thread that removed it is about to wake it. */
		until.tv_sec += 3600;
	}
	*ret_conn = self.conn;
	return self.conn != NULL ? DB_OK : DB_DOWN;
}

/* Whether it was used so recently that it need not be checked. */
static bool
is_fresh(struct pool *pool, const struct pool_conn *c)
{
	int64_t now_ms = clock_ms(), lost_ms;

	pthread_mutex_lock(&pool->lock);
	lost_ms = pool->lost_ms;
	pthread_mutex_unlock(&pool->lock);
	return now_ms - c->used_ms < FRESH_MS && now_ms - lost_ms > SUSPECT_MS;
}

enum db_status
pool_take(
    struct pool *pool, bool writes, bool patient, int64_t deadline_ms, struct pool_conn **ret_conn)
{
	enum db_status status = DB_OK;
	struct pool_conn *c;

	for (;;) {
		pthread_mutex_lock(&pool->lock);
		c = take_free(pool, writes);
		if (c == NULL && pool->open == 0 && pool->failing)
			status = DB_DOWN;
		else if (c == NULL &&
			 (clock_ms() >= deadline_ms || (!patient && wait_too_long(pool, writes))))
			status = DB_BUSY;
		if (c == NULL && status == DB_OK)
			status = wait_turn(pool, writes, patient, deadline_ms, &c);
		else
			pthread_mutex_unlock(&pool->lock);
		if (status != DB_OK)
			return status;
		if (is_fresh(pool, c) || pool_silent(c)) {
			*ret_conn = c;
			return DB_OK;
		}
		log_msg(LOG_WARN, "%s: the server closed an idle connection", pool->label);
		pthread_mutex_lock(&pool->lock);
		uncount_taken(pool, c);
		pool_discard(pool, c);
		pthread_mutex_unlock(&pool->lock);
	}
}

void
pool_give(struct pool *pool, struct pool_conn *c)
{
	/* The next request's statements would join a transaction that is still open. */
	bool usable = !c->broken && PQstatus(c->pg) == CONNECTION_OK &&
		      PQtransactionStatus(c->pg) == PQTRANS_IDLE;
	struct pool_waiter *served;

	c->used_ms = clock_ms();
	pthread_mutex_lock(&pool->lock);
	uncount_taken(pool, c);
	if (usable && c->opened > pool->renew) {
		pool->heard_ms = c->used_ms;
		pool_push(&pool->free, c);
	} else
		pool_discard(pool, c);
	/* Also after a discard: another may be free, and a waiting write may be allowed now. */
	served = pool_serve(pool);
	pthread_mutex_unlock(&pool->lock);
	pool_wake(served);
}
