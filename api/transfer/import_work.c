#include "transfer/import_work.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "db/pool.h"
#include "db/session.h"
#include "http/request.h"
#include "sql.h"

/* Rows of a step: they are locked for some 100 ms, so a change of one of them waits so long. */
#define STEP_ROWS "1000"

/* An import that stores all its rows at once is one statement. */
#define SESSION_TIMEOUT_MS 600000

/* Rows that are deleted at once. */
#define TIDY_ROWS "5000"

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool woken, ending;
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
 * While requests are served, the thread rests as long as it worked: on few cores the database's work
 * for the import would stand in their way.
 */
static void
rest(int64_t worked_ms)
{
	struct timespec pause = { .tv_nsec = (worked_ms < 500 ? worked_ms : 500) * 1000000L };

	if (__atomic_load_n(&self.app->in_flight, __ATOMIC_SEQ_CST) > 0)
		nanosleep(&pause, NULL);
}

/* Does steps until there is nothing left to do, or another process does it. */
static void
work(void)
{
	struct session *s = session_open(self.app->config->database_url, SESSION_TIMEOUT_MS);
	const struct call call = { &sql_import_step, { STEP_ROWS } };
	struct db_error error;
	bool more = s != NULL;

	while (more && !is_ending()) {
		auto_result struct result *row = NULL;
		int64_t begun_ms = clock_ms();
		enum db_status status = session_run(s, &call, &row, &error);

		if (status == DB_OK) {
			more = strcmp(result_text(row, 0, 0), "more") == 0;
			rest(clock_ms() - begun_ms);
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

	(void)arg;
	while (!is_ending()) {
		int64_t until_ms = clock_ms() + self.app->config->check_ms;

		if (asks(&pending, "t"))
			work();
		tidy();
		pthread_mutex_lock(&self.lock);
		while (!self.ending && !self.woken && clock_ms() < until_ms)
			clock_cond_wait(&self.more, &self.lock, until_ms);
		self.woken = false;
		pthread_mutex_unlock(&self.lock);
	}
	return NULL;
}

int
import_work_start(struct app *app)
{
	self.app = app;
	pthread_cond_init(&self.more, NULL);
	if (pthread_create(&self.thread, NULL, worker, NULL) == 0)
		return 0;
	log_msg(LOG_ERROR, "no thread for imports");
	return -1;
}

void
import_work_wake(void)
{
	pthread_mutex_lock(&self.lock);
	self.woken = true;
	pthread_cond_signal(&self.more);
	pthread_mutex_unlock(&self.lock);
}

void
import_work_stop(void)
{
	pthread_mutex_lock(&self.lock);
	self.ending = true;
	pthread_cond_signal(&self.more);
	pthread_mutex_unlock(&self.lock);
	pthread_join(self.thread, NULL);
}
