#include "db/pool_take.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* Not looked at once more when it was in use a moment ago: what ends it then is told to the next that uses it. */
#define FRESH_MS 100
/* But what ended one may have ended the others: for so long they are looked at all the same. */
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
 * Writes wait for locks, so they never hold all: a quarter of the connections,
 * or one, is for reads alone. (With half of them writes were a fifth slower.)
 */
static bool
may_write(const struct pool *pool)
{
	int size = pool->size, for_reads = size >= 4 ? size / 4 : size > 1;

	return pool->writing < size - for_reads;
}

/* A free connection for the one use or the other; NULL: there is none now. Under the lock. */
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
untake(struct pool *pool, const struct pool_conn *c)
{
	pool->in_use--;
	pool->writing -= c->writes;
}

/*
 * Out of the queue, in which he stands at *link; under the lock. Whoever takes a
 * waiter out, but himself, wakes him once: so nobody who is gone is ever woken.
 */
static struct pool_waiter *
leave(struct pool *pool, struct pool_waiter **link)
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

/* Three quarters of what anybody waits at most: who would wait for longer would mostly wait in vain. */
static int64_t
promise_us(const struct pool *pool)
{
	return pool->wait_ms * INT64_C(750);
}

/* Under the lock: of those who wait, one more was served. What is long past counts by half. */
static void
note_served(const struct pool *pool, struct pool_queue *q)
{
	int64_t now_us = clock_us();

	q->served++;
	if (now_us - q->since_us > promise_us(pool)) {
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
		leave(pool, link)->next = served;
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
		leave(pool, &pool->first);
	return all;
}

void
pool_wake(struct pool_waiter *w)
{
	struct pool_waiter *next;

	for (; w != NULL; w = next) {
		next = w->next; /* once woken, he is gone */
		sem_post(&w->woken);
	}
}

/*
 * Where one who comes now could not be served in his time, at the pace at which others were
 * since there is a queue, he is better told so at once. Under the lock.
 */
static bool
is_crowded(const struct pool *pool, bool writes)
{
	const struct pool_queue *q = &pool->queues[writes];
	int64_t wait_us = clock_us() - q->since_us;

	/* A pace is known after a while; before the first was served, only what they have waited. */
	if (q->waiting == 0 || wait_us < promise_us(pool) / 4)
		return false;
	if (q->served > 0)
		wait_us = wait_us / q->served * q->waiting;
	return wait_us > promise_us(pool);
}

/* When his time is over: he leaves by himself, or was just taken out. */
static enum db_status
give_up(struct pool *pool, struct pool_waiter *self)
{
	struct pool_waiter **link = &pool->first;
	enum db_status status = DB_OK;

	pthread_mutex_lock(&pool->lock);
	if (self->queued) {
		while (*link != self)
			link = &(*link)->next;
		leave(pool, link);
		status = pool->open == 0 ? DB_DOWN : DB_BUSY;
	}
	pthread_mutex_unlock(&pool->lock);
	return status;
}

/* In the queue until served, dismissed, or late. Under the lock, which is free afterwards. */
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
		status = give_up(pool, &self);
		if (status != DB_OK)
			return status;
		/* Whoever took him out is about to wake him. */
		until.tv_sec += 3600;
	}
	*ret_conn = self.conn;
	return self.conn != NULL ? DB_OK : DB_DOWN;
}

/* Whether what ended it would have been told to its last user, and was not. */
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
			 (clock_ms() >= deadline_ms || (!patient && is_crowded(pool, writes))))
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
		log_msg(LOG_WARN, "database: an idle connection was ended");
		pthread_mutex_lock(&pool->lock);
		untake(pool, c);
		pool_discard(pool, c);
		pthread_mutex_unlock(&pool->lock);
	}
}

void
pool_give(struct pool *pool, struct pool_conn *c)
{
	/* A transaction that is still open would mix with the next request's. */
	bool usable = !c->broken && PQstatus(c->pg) == CONNECTION_OK &&
		      PQtransactionStatus(c->pg) == PQTRANS_IDLE;
	struct pool_waiter *served;

	c->used_ms = clock_ms();
	pthread_mutex_lock(&pool->lock);
	untake(pool, c);
	if (usable) {
		pool->heard_ms = c->used_ms;
		pool_push(&pool->free, c);
	} else
		pool_discard(pool, c);
	/* Even then: another may be free, and this was perhaps one of the writes that there may be. */
	served = pool_serve(pool);
	pthread_mutex_unlock(&pool->lock);
	pool_wake(served);
}
