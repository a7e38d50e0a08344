#include "transfer/import_work.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "db/pool.h"
#include "db/session.h"
#include "http/request.h"
#include "sql.h"
#include "transfer/desk_watch.h"

/* As many transactions as import_step lets work at once. */
#define WORKERS 2

/* The second worker pauses while the desk is busy. */
#define PAUSE_MS 500

/* Rows that an atomic import stores by one statement; a step has as many at most. They are locked for some 100 ms, so a change of one of
 * them waits so long. */
#define STEP_ROWS "1000"

/* An import that stores all its rows at once is one statement. */
#define SESSION_TIMEOUT_MS 600000

/* Rows that are deleted at once. */
#define TIDY_ROWS "5000"

struct worker {
	pthread_t thread;
	bool woken;
	struct desk_watch desk;
};

static struct {
	struct worker workers[WORKERS];
	int started;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool ending;
	struct app *app;
} self = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
is_ending(void)
{
	bool ending;

	pthread_mutex_lock(&self.lock);
	ending = self.ending;
	pthread_mutex_unlock(&self.lock);
	return ending;
}

/*
 * While requests are served, a worker rests as long as it worked, or twice as long if there are many, and then the second one works not at all:
 * on few cores the database's work for the import would stand in their way.
 */
static void
rest(struct worker *w, int64_t worked_ms)
{
	bool busy = desk_is_busy(&w->desk);

	if (busy || __atomic_load_n(&self.app->in_flight, __ATOMIC_SEQ_CST) > 0)
		desk_rest(busy ? 2 * worked_ms : worked_ms);
	while (busy && w != &self.workers[0] && !is_ending()) {
		desk_rest(PAUSE_MS);
		busy = desk_is_busy(&w->desk);
	}
}

/* Does steps until there is nothing left to do, or another process does it. */
static void
work(struct worker *w)
{
	struct session *s = session_open(self.app->config->database_url, SESSION_TIMEOUT_MS);
	const struct call call = { &sql_import_step, { STEP_ROWS } };
	struct db_error error;
	bool more = s != NULL;

	(void)desk_is_busy(&w->desk);
	while (more && !is_ending()) {
		auto_result struct result *row = NULL;
		int64_t begun_ms = clock_ms();
		enum db_status status = session_run(s, &call, &row, &error);

		if (status == DB_OK) {
			more = strcmp(result_text(row, 0, 0), "more") == 0;
			rest(w, clock_ms() - begun_ms);
		} else if (strncmp(error.message, "import_cancelled", strlen("import_cancelled")) !=
			   0) {
			log_msg(LOG_ERROR, "import: a step failed: SQLSTATE %s constraint %s",
			    error.sqlstate, error.constraint);
			more = false;
		}
	}
	session_close(s);
}

static bool
asks(const struct call *call, const char *answer)
{
	auto_result struct result *row = NULL;
	struct db_error error;

	return db_run(self.app->pool, call, 1, &row, &error) == DB_OK &&
	       strcmp(result_text(row, 0, 0), answer) == 0;
}

static void
tidy(void)
{
	char days[16];
	const struct call call = { &sql_import_tidy, { days, TIDY_ROWS } };

	snprintf(days, sizeof(days), "%d", self.app->config->import_days);
	while (!is_ending() && asks(&call, TIDY_ROWS))
		;
}

static void *
worker(void *arg)
{
	const struct call pending = { &sql_import_pending, { NULL } };
	struct worker *w = arg;

	while (!is_ending()) {
		int64_t until_ms = clock_ms() + self.app->config->check_ms;

		if (asks(&pending, "t"))
			work(w);
		if (w == &self.workers[0])
			tidy();
		pthread_mutex_lock(&self.lock);
		while (!self.ending && !w->woken && clock_ms() < until_ms)
			clock_cond_wait(&self.more, &self.lock, until_ms);
		w->woken = false;
		pthread_mutex_unlock(&self.lock);
	}
	return NULL;
}

int
import_work_start(struct app *app)
{
	self.app = app;
	pthread_cond_init(&self.more, NULL);
	while (self.started < WORKERS && pthread_create(&self.workers[self.started].thread, NULL,
					     worker, &self.workers[self.started]) == 0)
		self.started++;
	if (self.started == WORKERS)
		return 0;
	log_msg(LOG_ERROR, "no thread for imports");
	import_work_stop();
	return -1;
}

void
import_work_wake(void)
{
	pthread_mutex_lock(&self.lock);
	for (int i = 0; i < WORKERS; i++)
		self.workers[i].woken = true;
	pthread_cond_broadcast(&self.more);
	pthread_mutex_unlock(&self.lock);
}

void
import_work_stop(void)
{
	pthread_mutex_lock(&self.lock);
	self.ending = true;
	pthread_cond_broadcast(&self.more);
	pthread_mutex_unlock(&self.lock);
	for (int i = 0; i < self.started; i++)
		pthread_join(self.workers[i].thread, NULL);
}
