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
#include "event/attempt.h"
#include "event/rooms.h"
#include "event/secrets.h"
#include "http/request.h"
#include "sql.h"

/* Longer than an attempt and the storing of its outcome, and short enough for another process to take over within 30 s. */
#define LEASE_S "25"
static_assert(ATTEMPT_SECONDS <= 20, "a lease outlives an attempt");

#define EVENTS_AT_ONCE "500"
/* How often new events are looked for, while any webhook is enabled. */
#define TICK_MS 200
/* Outcomes are gathered this long before they are stored, unless there are so many, or no attempt is under way any more. */
#define GATHER_MS  20
#define GATHERED   64
#define RETRY_MS   1000
#define BACKLOG_MS 5000
#define FINAL_MS   5000
#define UNREADY_MS 50
#define ID_SIZE	   20

static struct {
	struct app *app;
	pthread_t thread;
	CURLM *multi;
	/* Set by other threads, with __atomic builtins. */
	bool woken;
	bool ending;
	int64_t until_ms; /* when ending */
	/* Used by the thread alone. */
	struct attempt attempts[SLOTS];
	int busy;
	int nenabled; /* webhooks */
	bool more; /* events wait to be turned into deliveries */
	bool failing; /* the failure was logged */
	json_t *outcomes; /* an array */
	int64_t tick_ms, claim_ms, store_ms, backlog_ms; /* when due, by clock_ms() */
} self;

/* ---------------------------------------------------------------- database */

/* Runs calls; logs the first failure and the recovery. */
static bool
run(const struct call *calls, int ncalls, struct result *ret_results[])
{
	struct db_error error;
	enum db_status status = db_run(self.app->pool, calls, ncalls, ret_results, &error);

	if (status != DB_OK && !self.failing)
		log_msg(LOG_WARN, "webhooks wait: %s",
		    status == DB_REFUSED ? error.sqlstate : "the database does not answer");
	else if (status == DB_OK && self.failing)
		log_msg(LOG_INFO, "webhooks are sent again");
	self.failing = status != DB_OK;
	return status == DB_OK;
}

/* Turns events into deliveries, and learns which webhooks are enabled. */
static bool
fan_out(void)
{
	const struct call call = { &sql_delivery_fan_out, { EVENTS_AT_ONCE } };
	auto_result struct result *rows = NULL;

	if (!run(&call, 1, &rows))
		return false;
	self.nenabled = rooms_learn(rows, &self.more);
	return true;
}

static void
look_at_backlog(void)
{
	const struct call call = { &sql_delivery_backlog, { NULL } };
	auto_result struct result *row = NULL;

	if (run(&call, 1, &row) && result_rows(row) == 1)
		metrics_webhook_backlog_set(strtoll(result_text(row, 0, 0), NULL, 10),
		    strtoll(result_text(row, 0, 1), NULL, 10),
		    strtoll(result_text(row, 0, 2), NULL, 10));
}

/* ---------------------------------------------------------------- claiming */

static struct attempt *
free_slot(void)
{
	for (int i = 0; i < SLOTS; i++) {
		if (!self.attempts[i].busy)
			return &self.attempts[i];
	}
	return NULL;
}

static void
begin(const struct result *rows)
{
	enum { ID, WEBHOOK, LEASE, EVENT_ID, URL, SECRET, SECRET_PREVIOUS, BODY };

	for (int i = 0; i < result_rows(rows); i++) {
		const struct claimed c = { .id = result_text(rows, i, ID),
			.lease = result_text(rows, i, LEASE),
			.event_id = result_text(rows, i, EVENT_ID),
			.url = result_text(rows, i, URL),
			.body = result_text(rows, i, BODY),
			.body_length = result_length(rows, i, BODY),
			.secret = result_text(rows, i, SECRET),
			.secret_previous = result_text(rows, i, SECRET_PREVIOUS) };
		struct attempt *a = free_slot();

		/* The claim asked for no more than there is room for. */
		if (a == NULL)
			return;
		a->webhook = strtoll(result_text(rows, i, WEBHOOK), NULL, 10);
		if (attempt_begin(a, self.multi, &c))
			self.busy++;
		else
			json_array_append_new(self.outcomes, attempt_unreadable(a));
	}
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
			self.tick_ms = 0;
		} else {
			metrics_webhook_attempts_add(
			    strcmp(what, "delivered") == 0 ? METRICS_WEBHOOK_DELIVERED
			    : strcmp(what, "dead") == 0	   ? METRICS_WEBHOOK_DEAD
							   : METRICS_WEBHOOK_FAILED,
			    n);
		}
	}
}

/* Stores outcomes and claims deliveries, in one round trip. Returns false when the database fails. */
static bool
store_and_claim(bool claims)
{
	struct call calls[2];
	struct result *results[2] = { NULL, NULL };
	char *outcomes = json_array_size(self.outcomes) > 0
			     ? json_dumps(self.outcomes, JSON_COMPACT)
			     : NULL,
	     *ids = NULL, *room = NULL;
	int n = 0;
	bool done = true;

	if (outcomes != NULL)
		calls[n++] = (struct call){ &sql_delivery_finish, { outcomes } };
	if (claims && rooms_text(self.attempts, self.busy, &ids, &room))
		calls[n++] = (struct call){ &sql_delivery_claim, { ids, room, LEASE_S } };
	else
		claims = false;
	if (n > 0)
		done = run(calls, n, results);
	if (n > 0 && done) {
		if (outcomes != NULL) {
			json_array_clear(self.outcomes);
			note_finished(results[0]);
		}
		if (claims)
			begin(results[n - 1]);
		result_free(results[0]);
		result_free(results[1]);
	}
	free(outcomes);
	free(ids);
	free(room);
	return done;
}

static void
collect(void)
{
	struct CURLMsg *m;
	char *private;
	int left;

	while ((m = curl_multi_info_read(self.multi, &left)) != NULL) {
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(self.multi, easy);
		json_array_append_new(
		    self.outcomes, attempt_end((struct attempt *)(void *)private, code));
		self.busy--;
	}
}

/* --------------------------------------------------------------- the thread */

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Does what is due at the database; returns when something is due again, by clock_ms(). */
static int64_t
work(bool ending)
{
	int64_t now_ms = clock_ms();
	size_t gathered;
	bool claims;

	if (!ending &&
	    (now_ms >= self.tick_ms || __atomic_exchange_n(&self.woken, false, __ATOMIC_SEQ_CST))) {
		if (!fan_out()) {
			self.tick_ms = now_ms + RETRY_MS;
		} else {
			self.tick_ms = self.more	   ? now_ms
				       : self.nenabled > 0 ? now_ms + TICK_MS
							   : now_ms + self.app->config->check_ms;
			self.claim_ms = self.nenabled > 0 ? now_ms : INT64_MAX;
		}
	}
	gathered = json_array_size(self.outcomes);
	if (gathered > 0 && self.store_ms == INT64_MAX)
		self.store_ms = now_ms + GATHER_MS;
	/* Not when the database has failed a moment ago. */
	if (gathered > 0 && (gathered >= GATHERED || self.busy == 0) &&
	    self.store_ms <= now_ms + GATHER_MS)
		self.store_ms = now_ms;
	claims = !ending && now_ms >= self.claim_ms;
	if (now_ms >= self.store_ms || claims) {
		claims = !ending && self.nenabled > 0;
		self.store_ms = self.claim_ms = INT64_MAX;
		if (!store_and_claim(claims))
			self.store_ms = self.claim_ms = now_ms + RETRY_MS;
		else if (gathered == 0 && json_array_size(self.outcomes) > 0)
			self.store_ms = now_ms;
	}
	if (!ending && now_ms >= self.backlog_ms) {
		look_at_backlog();
		self.backlog_ms = now_ms + BACKLOG_MS;
	}
	return least(least(self.tick_ms, self.claim_ms), least(self.store_ms, self.backlog_ms));
}

/* Gives back what was not finished in time. */
static void
give_back(void)
{
	char ids[SLOTS * (ID_SIZE + 1) + 3], leases[SLOTS * (LEASE_SIZE + 3) + 3], *p = ids,
										   *q = leases;
	const struct call call = { &sql_delivery_give_back, { ids, leases } };
	struct result *none = NULL;

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
	if (p != ids && run(&call, 1, &none))
		result_free(none);
	self.busy = 0;
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
		if (ending && (self.busy == 0 || clock_ms() >= self.until_ms))
			break;
		wait_ms = due_ms - clock_ms();
		if (ending || wait_ms > RETRY_MS)
			wait_ms = ending ? GATHER_MS : RETRY_MS;
		curl_multi_poll(self.multi, NULL, 0, wait_ms > 0 ? (int)wait_ms : 0, NULL);
	}
	give_back();
	(void)store_and_claim(false);
	return arg;
}

int
sender_start(struct app *app)
{
	self.app = app;
	self.multi = curl_multi_init();
	self.outcomes = json_array();
	if (self.multi == NULL || self.outcomes == NULL)
		abort();
	curl_multi_setopt(self.multi, CURLMOPT_MAXCONNECTS, (long)SLOTS);
	self.store_ms = self.claim_ms = INT64_MAX;
	if (pthread_create(&self.thread, NULL, sender, NULL) == 0)
		return 0;
	log_msg(LOG_ERROR, "no thread to send webhooks");
	return -1;
}

void
sender_wake(void)
{
	__atomic_store_n(&self.woken, true, __ATOMIC_SEQ_CST);
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
	json_decref(self.outcomes);
	rooms_free();
}
