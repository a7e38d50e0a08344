#include "event/look.h"

#include <stdlib.h>

#include "base/metrics.h"
#include "config.h"
#include "event/rooms.h"
#include "event/worker.h"
#include "http/request.h"
#include "sql.h"

/* So few that their transaction is short: while it is open, no session can remove what the rows that others write leave behind. */
#define EVENTS_AT_ONCE "100"
/* How often new events are looked for, while any webhook is enabled. */
#define TICK_MS	   200
#define RETRY_MS   1000
#define BACKLOG_MS 5000
/* Counting what waits takes a 50th of the worker's time at most. */
#define BACKLOG_SHARE 50

static struct {
	struct app *app;
	bool woken; /* by other threads, with __atomic builtins */
	/* Used by the sender's thread alone. */
	struct worker worker;
	enum { NOTHING, EVENTS, BACKLOG } does;
	int64_t since_ms;
	int nenabled;
	int64_t tick_ms, backlog_ms; /* when due, by clock_ms() */
} self;

static void
begin(int what, const struct statement *st, const char *arg, int64_t now_ms)
{
	const struct call call = { st, { arg } };

	self.does = what;
	self.since_ms = now_ms;
	worker_begin(&self.worker, &call, 1);
}

/* Events became deliveries: learns which webhooks are enabled, and when to look again. */
static void
learn(const struct result *rows, int64_t now_ms)
{
	bool more;

	self.nenabled = rooms_learn(rows, &more);
	self.tick_ms = more		   ? now_ms
		       : self.nenabled > 0 ? now_ms + TICK_MS
					   : now_ms + self.app->config->check_ms;
}

static void
note_backlog(const struct result *row)
{
	if (result_rows(row) == 1)
		metrics_webhook_backlog_set(strtoll(result_text(row, 0, 0), NULL, 10),
		    strtoll(result_text(row, 0, 1), NULL, 10),
		    strtoll(result_text(row, 0, 2), NULL, 10));
}

/* Takes what has ended; returns whether there may be new deliveries. */
static bool
take(int64_t now_ms)
{
	auto_result struct result *rows = NULL;
	enum worker_outcome outcome = worker_take(&self.worker, &rows);
	int did = self.does;

	if (outcome == WORKER_WAITS)
		return false;
	self.does = NOTHING;
	if (did == BACKLOG)
		self.backlog_ms = now_ms + BACKLOG_MS + BACKLOG_SHARE * (now_ms - self.since_ms);
	if (did == BACKLOG && outcome == WORKER_STORED)
		note_backlog(rows);
	if (did == EVENTS && outcome == WORKER_STORED)
		learn(rows, now_ms);
	else if (did == EVENTS)
		self.tick_ms = now_ms + RETRY_MS;
	return did == EVENTS && outcome == WORKER_STORED;
}

int64_t
look_work(int64_t now_ms, bool *ret_found)
{
	*ret_found = take(now_ms);
	if (self.does == NOTHING && now_ms >= self.backlog_ms)
		begin(BACKLOG, &sql_delivery_backlog, NULL, now_ms);
	else if (self.does == NOTHING && (now_ms >= self.tick_ms || __atomic_exchange_n(&self.woken,
									false, __ATOMIC_SEQ_CST)))
		begin(EVENTS, &sql_delivery_fan_out, EVENTS_AT_ONCE, now_ms);
	if (self.does != NOTHING)
		return INT64_MAX;
	return self.tick_ms < self.backlog_ms ? self.tick_ms : self.backlog_ms;
}

int
look_enabled(void)
{
	return self.nenabled;
}

int
look_start(struct app *app, void (*done)(void))
{
	self.app = app;
	return worker_start(&self.worker, app->pool, done);
}

void
look_wake(void)
{
	__atomic_store_n(&self.woken, true, __ATOMIC_SEQ_CST);
}

void
look_stop(void)
{
	worker_stop(&self.worker);
	(void)take(0);
}
