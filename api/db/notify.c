#include "db/notify.h"

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
	notify_fn *fn;
	void *arg;
	pthread_t thread;
	int stop_fd; /* readable: end */

	/* The thread's own from here on. */
	PGconn *pg; /* NULL: not connected */
	int64_t check_at_ms;
	int64_t connect_at_ms;
	int64_t backoff_ms;
	bool failing; /* logged already */
};

static void
check(struct notify *n)
{
	n->fn(NULL, NULL, n->arg);
	n->check_at_ms = clock_ms() + n->check_ms;
}

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

static void
connect_listen(struct notify *n)
{
	char why[CONNECT_WHY_SIZE];
	PGresult *res;

	n->pg = connect_open(n->url, why);
	if (n->pg == NULL) {
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
	check(n);
}

static void
deliver(struct notify *n)
{
	char why[CONNECT_WHY_SIZE];
	PGnotify *note;
	int alive = PQconsumeInput(n->pg);

	while ((note = PQnotifies(n->pg)) != NULL) {
		n->fn(note->relname, note->extra, n->arg);
		PQfreemem(note);
	}
	if (!alive || PQstatus(n->pg) != CONNECTION_OK) {
		connect_why(why, PQerrorMessage(n->pg));
		disconnect(n, why);
	}
}

/* wait_event - sleeps until there is something to do; false: to end. */
static bool
wait_event(struct notify *n)
{
	struct pollfd p[2] = {
		{ .fd = n->stop_fd, .events = POLLIN },
		{ .fd = n->pg != NULL ? PQsocket(n->pg) : -1, .events = POLLIN },
	};
	int64_t until_ms = n->check_at_ms, left;

	if (n->pg == NULL && n->connect_at_ms < until_ms)
		until_ms = n->connect_at_ms;
	left = until_ms - clock_ms();
	left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
	if (poll(p, NITEMS(p), (int)left) < 0)
		return errno == EINTR;
	if (p[0].revents != 0)
		return false;
	if (p[1].revents != 0)
		deliver(n);
	return true;
}

static void *
notify_thread(void *arg)
{
	struct notify *n = arg;

	do {
		if (n->pg == NULL && clock_ms() >= n->connect_at_ms)
			connect_listen(n);
		/* Without a connection too: the check is what stands behind it. */
		if (clock_ms() >= n->check_at_ms)
			check(n);
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
notify_start(const char *url, int check_ms, notify_fn *fn, void *arg)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (n == NULL || (n->url = strdup(url)) == NULL)
		abort();
	n->check_ms = check_ms;
	n->fn = fn;
	n->arg = arg;
	n->backoff_ms = BACKOFF_FIRST_MS;
	n->check_at_ms = clock_ms() + check_ms;
	n->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->stop_fd < 0 || pthread_create(&n->thread, NULL, notify_thread, n) != 0) {
		log_msg(LOG_ERROR, "database: no thread or descriptor to listen with");
		notify_free(n);
		return NULL;
	}
	return n;
}

void
notify_stop(struct notify *n)
{
	uint64_t one = 1;

	/* It cannot fail: the counter has room, and the descriptor is ours. */
	if (write(n->stop_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		abort();
	pthread_join(n->thread, NULL);
	notify_free(n);
}
