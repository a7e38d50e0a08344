#include "event/sender.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "config.h"
#include "db/pool.h"
#include "db/query.h"
#include "event/ahead.h"
#include "event/attempt.h"
#include "event/look.h"
#include "event/outcomes.h"
#include "event/rooms.h"
#include "event/secrets.h"
#include "event/worker.h"
#include "http/request.h"
#include "sql.h"

/* Longer than an attempt and the storing of its outcome, and short enough for another process to take over within 30 s. */
#define LEASE_S "25"
static_assert(AHEAD_MS + ATTEMPT_SECONDS * 1000 <= 20000, "a lease outlives an attempt");

/* Outcomes are gathered this long before they are stored, unless there are so many, or no attempt is under way any more. */
#define GATHER_MS 20
#define GATHERED  64
#define RETRY_MS  1000
/* How often is claimed what became due, while looking for events takes long. */
#define CLAIM_MS   1000
#define FINAL_MS   5000
#define UNREADY_MS 50
#define ID_SIZE	   20

static struct {
	struct app *app;
	pthread_t thread;
	CURLM *multi;
	/* Set by other threads, with __atomic builtins. */
	bool ending;
	bool changed; /* a webhook was: what was claimed before is given back */
	int64_t until_ms; /* when ending */
	/* Used by the thread alone. */
	struct attempt attempts[SLOTS];
	int busy;
	struct outcomes outcomes;
	int64_t claim_ms, store_ms; /* when due, by clock_ms() */
	/* Stores outcomes and claims deliveries, meanwhile. */
	struct worker worker;
	bool working;
	int nstored; /* outcomes that are being stored */
	int claim_call;
	/* Parameters; NULL: none. */
	char *stored, *claim_ids, *claim_rooms, *back_ids, *back_leases;
} self;

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---------------------------------------------------------------- claiming */

/* The webhook's own of before, if it has one, else one that no webhook has had, else any; NULL: none is free. */
static struct attempt *
free_slot(int64_t webhook)
{
	struct attempt *other = NULL;

	for (int i = 0; i < SLOTS; i++) {
		struct attempt *a = &self.attempts[i];

		if (a->busy)
			continue;
		if (a->webhook == webhook)
			return a;
		if (other == NULL || other->webhook != 0)
			other = a;
	}
	return other;
}

static void
begin(int64_t webhook, const struct claimed *c)
{
	struct attempt *a = free_slot(webhook);

	/* Rooms are no more than slots. */
	assert(a != NULL);
	if (a->webhook != webhook)
		a->took_us = 0;
	a->webhook = webhook;
	if (attempt_begin(a, self.multi, c))
		self.busy++;
	else
		attempt_unreadable(a, &self.outcomes);
}

/* Whether what was claimed is to be given back, and not begun. */
static bool
stale(void)
{
	return __atomic_load_n(&self.changed, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&self.ending, __ATOMIC_SEQ_CST);
}

/* Begins what there is room for. */
static void
begin_waiting(void)
{
	if (ahead_due() == INT64_MAX || stale())
		return;
	rooms_count(self.attempts, self.busy);
	ahead_begin(begin);
}

/* ------------------------------------------------- storing what came of it */

static void
note_finished(const struct result *rows)
{
	for (int i = 0; i < result_rows(rows); i++) {
		const char *what = result_text(rows, i, 0);
		uint64_t n = strtoull(result_text(rows, i, 1), NULL, 10);

		if (strcmp(what, "disabled") == 0) {
			log_msg(LOG_WARN, "webhook %llu is disabled: %s", (unsigned long long)n,
			    strcmp(result_text(rows, i, 2), "gone") == 0
				? "its receiver answered 410"
				: "all attempts of the last 5 days failed");
			look_wake();
		} else {
			metrics_webhook_attempts_add(
			    strcmp(what, "delivered") == 0 ? METRICS_WEBHOOK_DELIVERED
			    : strcmp(what, "dead") == 0	   ? METRICS_WEBHOOK_DEAD
							   : METRICS_WEBHOOK_FAILED,
			    n);
		}
	}
}

/* Has outcomes stored and deliveries claimed, and those given back that waited for too long or for a changed webhook, in one round trip. */
static void
store_and_claim(bool claims)
{
	struct call calls[WORKER_CALLS];
	const int64_t now_ms = clock_ms(), *waiting;
	const bool changed = __atomic_exchange_n(&self.changed, false, __ATOMIC_SEQ_CST);
	int n = 0, nwaiting;

	self.store_ms = INT64_MAX;
	self.claim_ms = now_ms + CLAIM_MS;
	if (self.outcomes.n > 0) {
		self.stored = outcomes_take(&self.outcomes, &self.nstored);
		calls[n++] = (struct call){ &sql_delivery_finish, { self.stored } };
	}
	if (ahead_give_back(
		claims && !changed ? now_ms - AHEAD_MS : now_ms, &self.back_ids, &self.back_leases))
		calls[n++] =
		    (struct call){ &sql_delivery_give_back, { self.back_ids, self.back_leases } };
	rooms_count(self.attempts, self.busy);
	nwaiting = ahead_waiting(&waiting);
	if (claims && rooms_text(waiting, nwaiting, &self.claim_ids, &self.claim_rooms))
		calls[n++] = (struct call){ &sql_delivery_claim,
			{ self.claim_ids, self.claim_rooms, LEASE_S } };
	self.claim_call = n - 1;
	self.working = n > 0;
	if (self.working)
		worker_begin(&self.worker, calls, n);
}

/* Takes what came of it, if it has ended. Outcomes that were not stored are stored with the next ones. */
static void
take_store(int64_t now_ms)
{
	struct result *results[WORKER_CALLS] = { NULL };
	enum worker_outcome outcome = worker_take(&self.worker, results);
	bool done = outcome == WORKER_STORED;

	if (outcome == WORKER_WAITS)
		return;
	if (done && self.stored != NULL)
		note_finished(results[0]);
	if (done && self.claim_ids != NULL) {
		ahead_add(results[self.claim_call], now_ms);
		results[self.claim_call] = NULL;
		begin_waiting();
	}
	if (!done) {
		self.store_ms = self.claim_ms = now_ms + RETRY_MS;
		if (self.stored != NULL)
			outcomes_add_all(&self.outcomes, self.stored, self.nstored);
	}
	for (int i = 0; i < WORKER_CALLS; i++)
		result_free(results[i]);
	free(self.stored);
	free(self.claim_ids);
	free(self.claim_rooms);
	free(self.back_ids);
	free(self.back_leases);
	self.stored = self.claim_ids = self.claim_rooms = self.back_ids = self.back_leases = NULL;
	self.working = false;
}

static void
collect(void)
{
	struct CURLMsg *m;
	char *private;
	int left, before = self.busy;

	while ((m = curl_multi_info_read(self.multi, &left)) != NULL) {
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(self.multi, easy);
		attempt_end((struct attempt *)(void *)private, code, &self.outcomes);
		self.busy--;
	}
	if (self.busy < before)
		begin_waiting();
}

/* --------------------------------------------------------------- the thread */

/* When the database is asked next for what the worker `store` does. */
static int64_t
store_due(int64_t now_ms)
{
	int gathered = self.outcomes.n;

	if (gathered > 0 && self.store_ms == INT64_MAX)
		self.store_ms = now_ms + GATHER_MS;
	/* Not when the database has failed a moment ago. */
	if (gathered > 0 && (gathered >= GATHERED || self.busy == 0) &&
	    self.store_ms <= now_ms + GATHER_MS)
		self.store_ms = now_ms;
	if (ahead_due() != INT64_MAX && stale())
		return now_ms;
	return least(least(self.store_ms, self.claim_ms), ahead_due());
}

/* Has the database do what is due; returns when something is due again, by clock_ms(). A worker that has ended its work wakes the thread. */
static int64_t
work(bool ending)
{
	int64_t now_ms = clock_ms(), look_ms = INT64_MAX;
	bool found = false;

	if (!ending)
		look_ms = look_work(now_ms, &found);
	if (found)
		self.claim_ms = least(self.claim_ms, now_ms);
	take_store(now_ms);
	if (ending || look_enabled() == 0)
		self.claim_ms = INT64_MAX;
	if (!self.working && now_ms >= store_due(now_ms))
		store_and_claim(!ending && look_enabled() > 0);
	return self.working ? look_ms : least(look_ms, store_due(now_ms));
}

/* Gives back what was not finished in time. */
static void
give_back(void)
{
	char ids[SLOTS * (ID_SIZE + 1) + 3], leases[SLOTS * (LEASE_SIZE + 3) + 3], *p = ids,
										   *q = leases;
	const struct call call = { &sql_delivery_give_back, { ids, leases } };
	struct result *none = NULL;
	struct db_error error;

	for (int i = 0; i < SLOTS; i++) {
		struct attempt *a = &self.attempts[i];

		if (!a->busy)
			continue;
		p += sprintf(p, "%c%lld", p == ids ? '{' : ',', (long long)a->id);
		q += sprintf(q, "%c\"%s\"", q == leases ? '{' : ',', a->lease);
		attempt_drop(a, self.multi);
	}
	memcpy(p, "}", 2);
	memcpy(q, "}", 2);
	if (p != ids && db_run(self.app->pool, &call, 1, &none, &error) == DB_OK)
		result_free(none);
	self.busy = 0;
}

/* Lets the workers end what they do, and stores the last outcomes. */
static void
finish(void)
{
	look_stop();
	/* What was claimed last is given back, too. */
	for (take_store(clock_ms()); self.working; take_store(clock_ms()))
		curl_multi_poll(self.multi, NULL, 0, GATHER_MS, NULL);
	give_back();
	store_and_claim(false);
	worker_stop(&self.worker);
	take_store(clock_ms());
}

static void *
sender(void *arg)
{
	bool ending = false, renewed = false;
	int running;
	int64_t due_ms, wait_ms;

	for (;;) {
		curl_multi_perform(self.multi, &running);
		collect();
		ending = __atomic_load_n(&self.ending, __ATOMIC_SEQ_CST);
		/* At the start connections are still being made, which is no failure. */
		if (!ending && !pool_ready(self.app->pool)) {
			curl_multi_poll(self.multi, NULL, 0, UNREADY_MS, NULL);
			continue;
		}
		if (!ending && !renewed)
			renewed = secrets_renew(self.app->pool);
		due_ms = work(ending);
		if (ending && ((self.busy == 0 && !self.working) || clock_ms() >= self.until_ms))
			break;
		wait_ms = due_ms - clock_ms();
		if (ending || wait_ms > RETRY_MS)
			wait_ms = ending ? GATHER_MS : RETRY_MS;
		curl_multi_poll(self.multi, NULL, 0, wait_ms > 0 ? (int)wait_ms : 0, NULL);
	}
	finish();
	return arg;
}

/* A worker has ended what it did. */
static void
wake(void)
{
	curl_multi_wakeup(self.multi);
}

int
sender_start(struct app *app)
{
	self.app = app;
	self.multi = curl_multi_init();
	if (self.multi == NULL)
		abort();
	outcomes_begin(&self.outcomes);
	curl_multi_setopt(self.multi, CURLMOPT_MAXCONNECTS, (long)SLOTS);
	self.store_ms = self.claim_ms = INT64_MAX;
	if (worker_start(&self.worker, app->pool, wake) == 0 && look_start(app, wake) == 0 &&
	    pthread_create(&self.thread, NULL, sender, NULL) == 0)
		return 0;
	log_msg(LOG_ERROR, "no threads to send webhooks");
	return -1;
}

void
sender_wake(void)
{
	__atomic_store_n(&self.changed, true, __ATOMIC_SEQ_CST);
	look_wake();
	curl_multi_wakeup(self.multi);
}

void
sender_end(int wait_ms)
{
	self.until_ms = clock_ms() + (wait_ms < FINAL_MS ? wait_ms : FINAL_MS);
	__atomic_store_n(&self.ending, true, __ATOMIC_SEQ_CST);
	curl_multi_wakeup(self.multi);
}

void
sender_stop(void)
{
	pthread_join(self.thread, NULL);
	for (int i = 0; i < SLOTS; i++)
		attempt_free(&self.attempts[i]);
	curl_multi_cleanup(self.multi);
	outcomes_end(&self.outcomes);
	rooms_free();
}
