#include "event/worker.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

static void *
work(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->state != WORKER_ASKED && !w->ending)
			pthread_cond_wait(&w->asked, &w->lock);
		if (w->state != WORKER_ASKED)
			break;
		pthread_mutex_unlock(&w->lock);
		w->status = db_run(w->pool, w->calls, w->ncalls, w->results, &w->error);
		pthread_mutex_lock(&w->lock);
		w->state = WORKER_DONE;
		w->done();
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int
worker_start(struct worker *w, struct pool *pool, void (*done)(void))
{
	*w = (struct worker){ .pool = pool, .done = done };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->asked, NULL);
	return pthread_create(&w->thread, NULL, work, w) == 0 ? 0 : -1;
}

void
worker_begin(struct worker *w, const struct call *calls, int ncalls)
{
	pthread_mutex_lock(&w->lock);
	assert(w->state == WORKER_IDLE && ncalls <= WORKER_CALLS);
	memcpy(w->calls, calls, (size_t)ncalls * sizeof(*calls));
	w->ncalls = ncalls;
	w->state = WORKER_ASKED;
	pthread_cond_signal(&w->asked);
	pthread_mutex_unlock(&w->lock);
}

/* Logs that the first worker fails, and that none does any more. */
static void
tell(struct worker *w)
{
	static int failing; /* workers; for their owner alone */
	bool fails = w->status != DB_OK;
	int was = failing;

	failing += fails - w->failing;
	w->failing = fails;
	if (was == 0 && failing > 0)
		log_msg(LOG_WARN, "webhooks wait: %s",
		    w->status == DB_REFUSED ? w->error.sqlstate : "the database does not answer");
	else if (was > 0 && failing == 0)
		log_msg(LOG_INFO, "webhooks are sent again");
}

enum worker_outcome
worker_take(struct worker *w, struct result *ret_results[])
{
	bool done;

	pthread_mutex_lock(&w->lock);
	done = w->state == WORKER_DONE;
	if (done)
		w->state = WORKER_IDLE;
	pthread_mutex_unlock(&w->lock);
	if (!done)
		return WORKER_WAITS;
	tell(w);
	if (w->status != DB_OK)
		return WORKER_FAILED;
	memcpy(ret_results, w->results, (size_t)w->ncalls * sizeof(*ret_results));
	return WORKER_STORED;
}

void
worker_stop(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->asked);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
}
