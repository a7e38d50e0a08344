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

/* How often it looks, at least. */
#define LOOK_MS	    500
#define STARTING_MS 50

/* A resolver and a connection attempt of the keeper's, and whatever else is not reckoned. */
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

/* The longest that a request may take: head, body and answer; the database, and passwords beside it. */
static int64_t
limit_ms(const struct config *c)
{
	return 3LL * c->request_timeout_ms + 2LL * c->pool_wait_ms + c->query_timeout_ms + SLACK_MS;
}

static void
tell(const char *state)
{
	if (notify_socket_send(state) != 0)
		log_msg(LOG_WARN, "systemd could not be told: %m");
}

/* Until ms have gone by, or it is to end. */
static bool
rest(int64_t ms)
{
	int64_t until_ms = clock_ms() + ms;
	const struct timespec until = clock_timespec(until_ms);
	bool ending;

	pthread_mutex_lock(&self.lock);
	while (!self.ending && clock_ms() < until_ms)
		pthread_cond_timedwait(&self.end, &self.lock, &until);
	ending = self.ending;
	pthread_mutex_unlock(&self.lock);
	return !ending;
}

static void *
supervise(void *arg)
{
	const struct app *app = arg;
	int64_t every_ms = notify_socket_watchdog_ms() / 2, fed_ms = 0;
	struct progress progress = { .laps = 0 };
	bool ready, was_ready = false, told_ready = false, moving = true, moved;

	tell("STATUS=waiting for the database");
	do {
		const struct pool_counts pool = pool_counts(app->pool);

		/* READY=1 counts once; what comes and goes later is /readyz's matter. */
		ready = pool.open > 0 && catalog_revision() > 0 && revoked_ready();
		if (ready && !told_ready)
			tell("READY=1\nSTATUS=serving");
		else if (ready != was_ready)
			tell(ready ? "STATUS=serving" : "STATUS=waiting for the database");
		told_ready |= ready;
		was_ready = ready;

		moved = progress_made(&progress, clock_ms(), pool.laps, metrics_answered(),
		    __atomic_load_n(&app->in_flight, __ATOMIC_RELAXED), limit_ms(app->config));
		if (moving && !moved)
			log_msg(LOG_ERROR, "no request and no connection gets any further");
		moving = moved;
		if (moving && every_ms > 0 && clock_ms() - fed_ms >= every_ms) {
			fed_ms = clock_ms();
			tell("WATCHDOG=1");
		}
	} while (rest(!told_ready			   ? STARTING_MS
		      : every_ms > 0 && every_ms < LOOK_MS ? every_ms / 2 + 1
							   : LOOK_MS));
	return NULL;
}

int
supervision_start(struct app *app)
{
	if (!notify_socket_there())
		return 0;
	clock_cond_init(&self.end);
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
	tell("STOPPING=1\nSTATUS=answering what is in flight");
}
