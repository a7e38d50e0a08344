#include "db/session.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/connect.h"
#include "db/sqlstate.h"

struct session {
	PGconn *pg;
	int timeout_ms;
};

struct session *
session_open(const char *url, int timeout_ms)
{
	struct session *s = malloc(sizeof(*s));
	char why[CONNECT_WHY_SIZE];

	if (s == NULL)
		abort();
	s->timeout_ms = timeout_ms;
	s->pg = connect_open(url, CONNECT_PRIMARY, why);
	if (s->pg != NULL && connect_session(s->pg, timeout_ms, clock_ms() + timeout_ms, why) == 0)
		return s;
	log_msg(LOG_ERROR, "database: %s", why);
	session_close(s);
	return NULL;
}

void
session_close(struct session *s)
{
	if (s == NULL)
		return;
	PQfinish(s->pg);
	free(s);
}

/* The last result of what was sent; NULL: none came in time. */
static PGresult *
receive(struct session *s)
{
	int64_t deadline_ms = clock_ms() + s->timeout_ms;
	PGresult *last = NULL, *res;
	int n;

	while ((n = connect_next(s->pg, deadline_ms, &res)) == 1) {
		PQclear(last);
		last = res;
		/* What follows is sent by session_put. */
		if (PQresultStatus(res) == PGRES_COPY_IN)
			break;
	}
	if (n == 0) {
		PQclear(last);
		last = NULL;
	}
	return last;
}

static void
copy_field(char *to, size_t size, const PGresult *res, int field)
{
	const char *text = PQresultErrorField(res, field);

	snprintf(to, size, "%s", text != NULL ? text : "");
}

enum db_status
session_run(struct session *s, const struct call *call, struct result **ret_rows,
    struct db_error *ret_error)
{
	PGresult *res = NULL;
	enum db_status status;

	memset(ret_error, 0, sizeof(*ret_error));
	if (PQsendQueryParams(
		s->pg, call->st->text, call->st->nargs, NULL, call->args, NULL, NULL, 0)) {
		res = receive(s);
		if (res == NULL)
			return DB_TIMEOUT;
	}
	if (PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK) {
		*ret_rows = (struct result *)res;
		return DB_OK;
	}
	copy_field(ret_error->sqlstate, sizeof(ret_error->sqlstate), res, PG_DIAG_SQLSTATE);
	copy_field(
	    ret_error->constraint, sizeof(ret_error->constraint), res, PG_DIAG_CONSTRAINT_NAME);
	/* Messages of class 22 quote a value. */
	if (strncmp(ret_error->sqlstate, "22", 2) != 0)
		copy_field(
		    ret_error->message, sizeof(ret_error->message), res, PG_DIAG_MESSAGE_PRIMARY);
	status =
	    PQstatus(s->pg) == CONNECTION_OK ? sqlstate_find(ret_error->sqlstate)->status : DB_DOWN;
	PQclear(res);
	return status;
}

/* Logs why a COPY failed, without its values. */
static bool
failed(const struct session *s, const PGresult *res)
{
	const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

	log_msg(LOG_ERROR, "database: COPY failed: %s",
	    state != NULL		       ? state
	    : PQstatus(s->pg) == CONNECTION_OK ? "no answer in time"
					       : "the connection was lost");
	return false;
}

bool
session_copy(struct session *s, const char *sql)
{
	PGresult *res = PQsendQuery(s->pg, sql) ? receive(s) : NULL;
	bool begun = PQresultStatus(res) == PGRES_COPY_IN;

	if (!begun)
		failed(s, res);
	PQclear(res);
	return begun;
}

/* Waits until the server takes what is buffered. */
static bool
flushed(struct session *s)
{
	int64_t until_ms = clock_ms() + s->timeout_ms, left_ms;
	struct pollfd p = { .fd = PQsocket(s->pg) };
	int more;

	while ((more = PQflush(s->pg)) == 1) {
		left_ms = until_ms - clock_ms();
		p.events = POLLIN | POLLOUT;
		if (left_ms <= 0 || poll(&p, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms) < 0)
			return failed(s, NULL);
		if ((p.revents & ~POLLOUT) != 0 && !PQconsumeInput(s->pg))
			return failed(s, NULL);
	}
	return more == 0 || failed(s, NULL);
}

bool
session_put(struct session *s, const char *bytes, size_t length)
{
	int taken;

	while ((taken = PQputCopyData(s->pg, bytes, (int)length)) == 0) {
		if (!flushed(s))
			return false;
	}
	return taken == 1 ? flushed(s) : failed(s, NULL);
}

bool
session_done(struct session *s)
{
	PGresult *res = NULL;
	bool stored = false;
	int taken;

	while ((taken = PQputCopyEnd(s->pg, NULL)) == 0) {
		if (!flushed(s))
			return false;
	}
	if (taken == 1) {
		res = receive(s);
		stored = PQresultStatus(res) == PGRES_COMMAND_OK;
	}
	if (!stored)
		failed(s, res);
	PQclear(res);
	return stored;
}
