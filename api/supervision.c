#include "supervision.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/revoked.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/notify_socket.h"
#include "catalog/catalog.h"
#include "config.h"
#include "db/pool.h"
#include "http/request.h"

/* How often the thread checks: at least, and until the service is ready. */
#define CHECK_MS    500
#define STARTING_MS 50

/* For the keeper thread's name resolution and connection attempt, and whatever limit_ms omits. */
#define SLACK_MS 30000

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t end;
	bool running, ending;
} self = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool
progress_made(struct progress *p, int64_t now_ms, int64_t laps, uint64_t answered, int in_flight,
    int64_t limit_ms)
{
	if (p->keeper_ms == 0 || laps != p->laps)
		p->keeper_ms = now_ms;
	if (p->requests_ms == 0 || answered != p->answered || in_flight == 0)
		p->requests_ms = now_ms;
	p->laps = laps;
	p->answered = answered;
	return now_ms - p->keeper_ms <= limit_ms && now_ms - p->requests_ms <= limit_ms;
}

/*
 * The longest time that a request may take: its head, body and answer, each request_timeout_ms; two
 * waits for a connection or the password hash; its statements.
 */
static int64_t
limit_ms(const struct config *c)
{
	return 3LL * c->request_timeout_ms + 2LL * c->pool_wait_ms + c->query_timeout_ms + SLACK_MS;
}

static void
notify_systemd(const char *state)
{
	if (notify_socket_send(state) != 0)
		log_msg(LOG_WARN, "cannot notify systemd: %m");
}

/* Waits for ms, or until supervision_stop is called; returns false for the latter. */
static bool
wait_ms(int64_t ms)
{
	int64_t until_ms = clock_ms() + ms;
	bool ending;

	pthread_mutex_lock(&self.lock);
	while (!self.ending && clock_ms() < until_ms)
		clock_cond_wait(&self.end, &self.lock, until_ms);
	ending = self.ending;
	pthread_mutex_unlock(&self.lock);
	return !ending;
}

static void *
supervise(void *arg)
{
	const struct app *app = arg;
	int64_t every_ms = notify_socket_watchdog_ms() / 2, watchdog_ms = 0;
	struct progress progress = { .laps = 0 };
	bool ready, was_ready = false, sent_ready = false, alive = true, was_alive;

	notify_systemd("STATUS=waiting for the database");
	do {
		const struct pool_counts pool = pool_counts(app->pool);

		/* READY=1 is sent once; /readyz shows later changes. */
		ready = pool.open > 0 && catalog_revision() > 0 && revoked_ready();
		if (ready && !sent_ready)
			notify_systemd("READY=1\nSTATUS=serving");
		else if (ready != was_ready)
			notify_systemd(
			    ready ? "STATUS=serving" : "STATUS=waiting for the database");
		sent_ready |= ready;
		was_ready = ready;

		was_alive = alive;
		alive = progress_made(&progress, clock_ms(), pool.laps, metrics_answered(),
		    __atomic_load_n(&app->in_flight, __ATOMIC_RELAXED), limit_ms(app->config));
		if (was_alive && !alive)
			log_msg(
			    LOG_ERROR, "the requests or the database connections make no progress");
		if (alive && every_ms > 0 && clock_ms() - watchdog_ms >= every_ms) {
			watchdog_ms = clock_ms();
			notify_systemd("WATCHDOG=1");
		}
	} while (wait_ms(!sent_ready			       ? STARTING_MS
			 : every_ms > 0 && every_ms < CHECK_MS ? every_ms / 2 + 1
							       : CHECK_MS));
	return NULL;
}

int
supervision_start(struct app *app)
{
	if (!notify_socket_there())
		return 0;
	pthread_cond_init(&self.end, NULL);
	self.running = pthread_create(&self.thread, NULL, supervise, app) == 0;
	return self.running ? 0 : -1;
}

void
supervision_stop(void)
{
	if (!self.running)
		return;
	pthread_mutex_lock(&self.lock);
	self.ending = true;
	pthread_cond_signal(&self.end);
	pthread_mutex_unlock(&self.lock);
	pthread_join(self.thread, NULL);
	notify_systemd("STOPPING=1\nSTATUS=answering the requests in flight");
}
