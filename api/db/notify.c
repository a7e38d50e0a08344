#include "db/notify.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/connect.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS	 2000
#define LISTEN_MS	 5000

struct notify {
	char *url;
	int check_ms;
	struct notify_handler handler;
	void *arg;
	pthread_t thread;
	int stop_fd; /* an eventfd: readable when the thread must end */

	/* Used by the thread alone from here on. */
	PGconn *pg; /* NULL: not connected */
	int64_t reload_at_ms;
	int64_t retry_ms; /* the pause after the next failed reload */
	int64_t connect_at_ms;
	int64_t backoff_ms;
	bool failing; /* the failure was logged */
};

static_assert(NOTIFY_WHY_SIZE == CONNECT_WHY_SIZE, "notify_run passes ret_why to connect_why");

static void
disconnect(struct notify *n, const char *why)
{
	if (!n->failing)
		log_msg(LOG_ERROR, "database: not listening: %s", why);
	n->failing = true;
	PQfinish(n->pg);
	n->pg = NULL;
	n->connect_at_ms = clock_ms() + n->backoff_ms;
	n->backoff_ms = n->backoff_ms * 2 < BACKOFF_LAST_MS ? n->backoff_ms * 2 : BACKOFF_LAST_MS;
}

struct result *
notify_run(struct notify *n, const struct call *call, char ret_why[static NOTIFY_WHY_SIZE])
{
	int64_t deadline_ms = clock_ms() + NOTIFY_RUN_MS;
	PGresult *res = NULL, *next;
	int more = 0;

	if (n->pg == NULL) {
		connect_why(ret_why, "not connected");
		return NULL;
	}
	if (PQsendQueryParams(
		n->pg, call->st->text, call->st->nargs, NULL, call->args, NULL, NULL, 0))
		while ((more = connect_next(n->pg, deadline_ms, &next)) == 1) {
			PQclear(res);
			res = next;
		}
	if (more == -1 && PQresultStatus(res) == PGRES_TUPLES_OK)
		return (struct result *)res;
	connect_why(ret_why, more == 0 ? "no answer in time" : PQerrorMessage(n->pg));
	PQclear(res);
	/* A late result would be taken for the next statement's, so drop the connection. */
	if (more != -1 || PQstatus(n->pg) != CONNECTION_OK)
		disconnect(n, ret_why);
	return NULL;
}

bool
notify_connected(const struct notify *n)
{
	return n->pg != NULL;
}

static void
reload(struct notify *n)
{
	int64_t pause_ms = n->check_ms;

	if (n->handler.reload(n, n->arg)) {
		n->retry_ms = NOTIFY_RETRY_FIRST_MS;
	} else {
		pause_ms = n->retry_ms < pause_ms ? n->retry_ms : pause_ms;
		n->retry_ms =
		    n->retry_ms * 2 < NOTIFY_RETRY_LAST_MS ? n->retry_ms * 2 : NOTIFY_RETRY_LAST_MS;
	}
	n->reload_at_ms = clock_ms() + pause_ms;
}

static void
connect_listen(struct notify *n)
{
	char why[CONNECT_WHY_SIZE];
	PGresult *res;

	n->pg = connect_open(n->url, CONNECT_PRIMARY, why);
	if (n->pg == NULL) {
		disconnect(n, why);
		return;
	}
	if (connect_session(n->pg, NOTIFY_RUN_MS, clock_ms() + LISTEN_MS, why) != 0) {
		disconnect(n, why);
		return;
	}
	res = connect_exec(
	    n->pg, "listen gestor_catalog; listen gestor_session", clock_ms() + LISTEN_MS);
	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		connect_why(why, res == NULL ? "no answer in time" : PQerrorMessage(n->pg));
		PQclear(res);
		disconnect(n, why);
		return;
	}
	PQclear(res);
	if (n->failing)
		log_msg(LOG_INFO, "database: listening again");
	n->failing = false;
	n->backoff_ms = BACKOFF_FIRST_MS;
	reload(n);
}

/* Until none is left: more may arrive with the results of the callbacks' statements. */
static void
deliver(struct notify *n)
{
	PGnotify *note;
	int count;

	do {
		for (count = 0; n->pg != NULL && (note = PQnotifies(n->pg)) != NULL; count++) {
			n->handler.notified(note->relname, note->extra, n->arg);
			PQfreemem(note);
		}
		if (count > 0 && !n->handler.batch_end(n, n->arg))
			n->reload_at_ms = clock_ms();
	} while (count > 0);
}

static void
receive(struct notify *n)
{
	char why[CONNECT_WHY_SIZE];
	int alive = PQconsumeInput(n->pg);

	deliver(n);
	if (n->pg != NULL && (!alive || PQstatus(n->pg) != CONNECTION_OK)) {
		connect_why(why, PQerrorMessage(n->pg));
		disconnect(n, why);
	}
}

/* wait_event - waits for input or the next due time; false: the thread must end. */
static bool
wait_event(struct notify *n)
{
	struct pollfd p[2] = {
		{ .fd = n->stop_fd, .events = POLLIN },
		{ .fd = n->pg != NULL ? PQsocket(n->pg) : -1, .events = POLLIN },
	};
	int64_t until_ms = n->reload_at_ms, left;

	if (n->pg == NULL && n->connect_at_ms < until_ms)
		until_ms = n->connect_at_ms;
	left = until_ms - clock_ms();
	left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
	if (poll(p, NITEMS(p), (int)left) < 0)
		return errno == EINTR;
	if (p[0].revents != 0)
		return false;
	if (p[1].revents != 0)
		receive(n);
	return true;
}

static void *
notify_thread(void *arg)
{
	struct notify *n = arg;

	do {
		if (n->pg == NULL && clock_ms() >= n->connect_at_ms)
			connect_listen(n);
		/* Also without a connection: the handler may use another one. */
		if (clock_ms() >= n->reload_at_ms)
			reload(n);
		if (n->pg != NULL)
			deliver(n);
	} while (wait_event(n));
	PQfinish(n->pg);
	return NULL;
}

static void
notify_free(struct notify *n)
{
	if (n->stop_fd >= 0)
		close(n->stop_fd);
	free(n->url);
	free(n);
}

struct notify *
notify_start(const char *url, int check_ms, const struct notify_handler *handler, void *arg)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (n == NULL || (n->url = strdup(url)) == NULL)
		abort();
	n->check_ms = check_ms;
	n->handler = *handler;
	n->arg = arg;
	n->backoff_ms = BACKOFF_FIRST_MS;
	n->retry_ms = NOTIFY_RETRY_FIRST_MS;
	n->reload_at_ms = clock_ms() + check_ms;
	n->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->stop_fd < 0 || pthread_create(&n->thread, NULL, notify_thread, n) != 0) {
		log_msg(LOG_ERROR, "database: no thread or file descriptor to listen with");
		notify_free(n);
		return NULL;
	}
	return n;
}

void
notify_stop(struct notify *n)
{
	uint64_t one = 1;

	/* This cannot fail: the eventfd's counter is 0 and only this function writes to it. */
	if (write(n->stop_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		abort();
	pthread_join(n->thread, NULL);
	notify_free(n);
}
