#include "event/feed.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "config.h"
#include "db/pool.h"
#include "event/types.h"
#include "http/interpose.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "spec/field_name.h"
#include "sql.h"

/* How often the thread looks: an event reaches those who wait within about this time. */
#define LOOK_MS 200

/* The default of the parameter limit. */
#define LIMIT "100"

/* Events that a request with a filter looks at in one statement. */
#define LOOKED_AT_ONCE "10000"

/* A cursor is valid for the feed alone, with any filter. */
#define IDENTITY "event_list"

/* Where a reader is: behind this event. Texts of the database; NULL: before the oldest. */
struct place {
	const char *position, *id, *at;
};

/* What one statement found. The result owns the texts of next. */
struct found {
	struct result *rows;
	int count; /* events, from row 1 on */
	struct place next;
	bool expired;
	bool more; /* it stopped before the end of the feed */
};

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t looked; /* the thread has looked, or ends */
	pthread_cond_t wanted; /* somebody waits, or the thread is to end */
	int waiters;
	bool ending;
	uint64_t position, id; /* of the last event that could be read */
} self = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---------------------------------------------------------------- waiting */

static void
look(struct pool *pool)
{
	const struct call call = { &sql_event_newest, { NULL } };
	auto_result struct result *row = NULL;
	struct db_error error;

	if (db_run(pool, &call, 1, &row, &error) != DB_OK || result_rows(row) == 0)
		return;
	pthread_mutex_lock(&self.lock);
	self.position = strtoull(result_text(row, 0, 0), NULL, 10);
	self.id = strtoull(result_text(row, 0, 1), NULL, 10);
	pthread_mutex_unlock(&self.lock);
}

static void *
watch(void *arg)
{
	struct app *app = arg;
	int64_t until_ms;

	pthread_mutex_lock(&self.lock);
	while (!self.ending) {
		if (self.waiters == 0) {
			pthread_cond_wait(&self.wanted, &self.lock);
			continue;
		}
		until_ms = clock_ms() + LOOK_MS;
		pthread_mutex_unlock(&self.lock);
		look(app->pool);
		pthread_mutex_lock(&self.lock);
		pthread_cond_broadcast(&self.looked);
		while (!self.ending && clock_ms() < until_ms)
			clock_cond_wait(&self.wanted, &self.lock, until_ms);
	}
	pthread_mutex_unlock(&self.lock);
	return NULL;
}

int
feed_start(struct app *app)
{
	pthread_cond_init(&self.looked, NULL);
	pthread_cond_init(&self.wanted, NULL);
	if (pthread_create(&self.thread, NULL, watch, app) == 0)
		return 0;
	log_msg(LOG_ERROR, "no thread for the feed of events");
	return -1;
}

void
feed_stop(void)
{
	pthread_mutex_lock(&self.lock);
	self.ending = true;
	pthread_cond_broadcast(&self.wanted);
	pthread_mutex_unlock(&self.lock);
	pthread_join(self.thread, NULL);
}

/* Whether the request may be one of those that wait. */
static bool
begin_waiting(struct request *rq)
{
	bool free;

	pthread_mutex_lock(&self.lock);
	free = self.waiters < rq->app->config->event_waiters;
	self.waiters += free;
	pthread_cond_signal(&self.wanted);
	pthread_mutex_unlock(&self.lock);
	metrics_long_add(METRICS_EVENT_WAITERS, free);
	return free;
}

static void
end_waiting(void)
{
	pthread_mutex_lock(&self.lock);
	self.waiters--;
	pthread_mutex_unlock(&self.lock);
	metrics_long_add(METRICS_EVENT_WAITERS, -1);
}

/* Waits until an event behind this place can be read. Returns false when the time is over, the client has left, or the process stops. */
static bool
wait_for(struct request *rq, const struct place *after, int64_t until_ms)
{
	uint64_t position = after->position != NULL ? strtoull(after->position, NULL, 10) : 0,
		 id = after->id != NULL ? strtoull(after->id, NULL, 10) : 0;
	bool there = false, stopping = false;

	pthread_mutex_lock(&self.lock);
	for (;;) {
		there = self.position > position || (self.position == position && self.id > id);
		stopping = __atomic_load_n(&rq->app->draining, __ATOMIC_SEQ_CST);
		/* The thread that looks wakes all who wait every LOOK_MS. */
		if (there || stopping || clock_ms() >= until_ms || client_has_left())
			break;
		clock_cond_wait(&self.looked, &self.lock, until_ms);
	}
	pthread_mutex_unlock(&self.lock);
	return there && !stopping;
}

/* ---------------------------------------------------------------- reading */

/* Reads the parameter types ("client.created,client.updated"). ret_types: a PostgreSQL array, or NULL. Returns false with a fault added. */
static bool
take_types(struct request *rq, const char **ret_types)
{
	static const char *const known[] = {
#define T(name) name,
		EVENT_TYPES(T)
#undef T
	};
	const char *list = request_query_value(rq, "types"), *legal = known[0];

	*ret_types = list != NULL ? arena_printf(&rq->arena, "{%s}", list) : NULL;
	for (const char *p = list; p != NULL;) {
		size_t length = strcspn(p, ","), i = 0;

		while (i < NITEMS(known) &&
		       (strlen(known[i]) != length || memcmp(known[i], p, length) != 0))
			i++;
		if (i == NITEMS(known)) {
			for (i = 1; i < NITEMS(known); i++)
				legal = arena_printf(&rq->arena, "%s, %s", legal, known[i]);
			faults_add(&rq->faults, "#/types", TEXT_event_types,
			    faults_label(&rq->faults, "types"), legal);
			return false;
		}
		p = p[length] == ',' ? p + length + 1 : NULL;
	}
	return true;
}

/* Reads the parameter after. Returns 0, or the reply's status. */
static int
take_after(struct request *rq, struct place *ret_after)
{
	const char *cursor = request_query_value(rq, "after");
	char text[128], *id, *at;

	*ret_after = (struct place){ NULL, NULL, NULL };
	if (cursor == NULL)
		return 0;
	if (!secret_verify(IDENTITY, cursor, text, sizeof(text)) ||
	    (id = strchr(text, '|')) == NULL || (at = strchr(id + 1, '|')) == NULL)
		return reply_problem(rq, "cursor_invalid");
	ret_after->position = arena_copy(&rq->arena, text, (size_t)(id - text));
	ret_after->id = arena_copy(&rq->arena, id + 1, (size_t)(at - id - 1));
	if (at[1] != '\0')
		ret_after->at = arena_copy(&rq->arena, at + 1, strlen(at + 1));
	return 0;
}

/* Returns false with the reply set. The caller frees found->rows. */
static bool
read_behind(struct request *rq, const struct place *after, const char *types, const char *limit,
    struct found *ret_found)
{
	const char *most = types != NULL ? LOOKED_AT_ONCE : limit;
	struct result *rows = request_query(
	    rq, &sql_event_list, after->position, after->id, after->at, types, limit, most);
	int last, looked;

	if (rows == NULL)
		return false;
	last = result_rows(rows) - 1;
	looked = atoi(result_text(rows, 0, 5));
	ret_found->rows = rows;
	ret_found->count = last > 0 ? last - 1 : 0;
	ret_found->expired = strcmp(result_text(rows, 0, 4), "t") == 0;
	ret_found->more = looked == atoi(most);
	/* The page is full: what was looked at behind it is for the next one. */
	if (ret_found->count > 0 && ret_found->count == atoi(limit))
		last = ret_found->count;
	ret_found->next = (struct place){ result_text(rows, last, 1), result_text(rows, last, 2),
		result_text(rows, last, 3) };
	return true;
}

static struct place
place_copied(struct request *rq, const struct place *p)
{
	return (struct place){ arena_copy(&rq->arena, p->position, strlen(p->position)),
		arena_copy(&rq->arena, p->id, strlen(p->id)),
		p->at != NULL ? arena_copy(&rq->arena, p->at, strlen(p->at)) : NULL };
}

static int
reply_found(struct request *rq, const struct found *found)
{
	char cursor[256], lag[32], *text, *end;
	size_t size = sizeof("{\"items\":[],\"next\":\"\",\"horizon_lag_s\":}") + sizeof(cursor) +
		      sizeof(lag);
	const char *next = arena_printf(&rq->arena, "%s|%s|%s", found->next.position,
	    found->next.id, found->next.at != NULL ? found->next.at : "");

	if (found->expired)
		return reply_problem(rq, "cursor_expired");
	if (secret_sign(IDENTITY, next, cursor, sizeof(cursor)) == NULL)
		return reply_problem(rq, "internal");
	for (int i = 1; i <= found->count; i++)
		size += result_length(found->rows, i, 0) + 1;
	snprintf(lag, sizeof(lag), "%.3f", (double)metrics_event_lag_ms() / 1000);
	text = arena_alloc(&rq->arena, size);
	end = stpcpy(text, "{\"items\":[");
	for (int i = 1; i <= found->count; i++) {
		if (i > 1)
			*end++ = ',';
		end =
		    mempcpy(end, result_text(found->rows, i, 0), result_length(found->rows, i, 0));
	}
	end = stpcpy(stpcpy(stpcpy(end, "],\"next\":\""), cursor), "\",\"horizon_lag_s\":");
	end = stpcpy(stpcpy(end, lag), "}");
	return reply_json_as_is(rq, 200, text, (size_t)(end - text));
}

int
event_list(struct request *rq)
{
	const char *limit = request_query_value(rq, "limit"),
		   *wait = request_query_value(rq, "wait"), *types;
	int64_t until_ms = clock_ms() + (wait != NULL ? 1000 * atoi(wait) : 0);
	struct found found;
	struct place after;
	bool waiting = false, over = false;
	int status;

	if (!take_types(rq, &types))
		return reply_faults(rq);
	if (take_after(rq, &after) != 0)
		return rq->reply.status;
	for (;;) {
		if (!read_behind(rq, &after, types, limit != NULL ? limit : LIMIT, &found)) {
			status = rq->reply.status;
			break;
		}
		over = over || clock_ms() >= until_ms ||
		       (!found.more && !waiting && !(waiting = begin_waiting(rq)));
		if (found.count > 0 || found.expired || over) {
			status = reply_found(rq, &found);
			result_free(found.rows);
			break;
		}
		/* Events of other types are not looked at again. */
		after = place_copied(rq, &found.next);
		over = !found.more && !wait_for(rq, &after, until_ms);
		result_free(found.rows);
		/* What it asks of the database begins anew. */
		rq->deadline_ms = 0;
	}
	if (waiting)
		end_waiting();
	return status;
}
