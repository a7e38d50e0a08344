#include "db/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/connect.h"
#include "db/sqlstate.h"

struct stream {
	PGconn *pg;
	int fetch_ms;
};

/* The error of a result, or of the connection where there is none. Returns the status that it means. */
static enum db_status
failure(const PGresult *res, struct db_error *ret_error)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	memset(ret_error, 0, sizeof(*ret_error));
	if (state == NULL)
		return DB_DOWN;
	snprintf(ret_error->sqlstate, sizeof(ret_error->sqlstate), "%s", state);
	return sqlstate_find(state)->status;
}

/* Waits for the result of what was sent. Returns it, the caller's (PQclear); NULL: ret_status and ret_error say why. */
static PGresult *
receive(struct stream *s, enum db_status *ret_status, struct db_error *ret_error)
{
	int64_t deadline_ms = clock_ms() + s->fetch_ms;
	PGresult *last = NULL, *res;
	int n;

	while ((n = connect_next(s->pg, deadline_ms, &res)) == 1) {
		PQclear(last);
		last = res;
	}
	if (n == 0 && last == NULL) {
		*ret_status = DB_TIMEOUT;
		memset(ret_error, 0, sizeof(*ret_error));
		return NULL;
	}
	if (PQresultStatus(last) == PGRES_COMMAND_OK || PQresultStatus(last) == PGRES_TUPLES_OK)
		return last;
	*ret_status = failure(last, ret_error);
	PQclear(last);
	return NULL;
}

static enum db_status
run(struct stream *s, const char *sql, const struct call *call, struct db_error *ret_error)
{
	enum db_status status = DB_OK;
	PGresult *res = NULL;

	if (PQsendQueryParams(s->pg, sql, call->st != NULL ? call->st->nargs : 0, NULL, call->args,
		NULL, NULL, 0))
		res = receive(s, &status, ret_error);
	else
		status = failure(NULL, ret_error);
	PQclear(res);
	return status;
}

/* Runs config->before. */
static enum db_status
look(struct stream *s, const struct stream_config *config, struct db_error *ret_error)
{
	enum db_status status = DB_OK;
	PGresult *res = NULL;

	if (config->before == NULL)
		return DB_OK;
	if (PQsendQueryParams(s->pg, config->before->text, 0, NULL, NULL, NULL, NULL, 0))
		res = receive(s, &status, ret_error);
	else
		status = failure(NULL, ret_error);
	if (res != NULL && !config->accept(config->arg, (const struct result *)res))
		status = DB_DOWN;
	PQclear(res);
	return status;
}

/*
 * The plan is made for all rows, and not for the first ones as a cursor's usually is; no other process of the
 * server helps, because requests need the cores.
 */
static enum db_status
begin(struct stream *s, int idle_ms, const struct call *call, struct db_error *ret_error)
{
	static const char settings[] =
	    "select set_config('cursor_tuple_fraction', '1', true),"
	    " set_config('max_parallel_workers_per_gather', '0', true),"
	    /* A sort of all rows would come before the first batch, and does not end in its time. */
	    " set_config('enable_sort', 'off', true),"
	    " set_config('idle_in_transaction_session_timeout', $1, true)";
	const struct statement one = { .nargs = 1 };
	char idle[16];
	const struct call with = { &one, { idle } };
	const struct call none = { .st = NULL };
	enum db_status status;

	snprintf(idle, sizeof(idle), "%d", idle_ms);
	status = run(s, "begin isolation level repeatable read read only", &none, ret_error);
	if (status == DB_OK)
		status = run(s, settings, &with, ret_error);
	if (status == DB_OK)
		status = run(s, call->st->cursor, call, ret_error);
	return status;
}

enum db_status
stream_open(const struct stream_config *config, const struct call *call, struct stream **ret_stream,
    struct db_error *ret_error)
{
	struct stream *s = malloc(sizeof(*s));
	char why[CONNECT_WHY_SIZE];
	enum db_status status;

	if (s == NULL)
		abort();
	memset(ret_error, 0, sizeof(*ret_error));
	s->fetch_ms = config->fetch_ms;
	s->pg = connect_open(config->url, config->standby ? CONNECT_STANDBY : CONNECT_PRIMARY, why);
	if (s->pg == NULL ||
	    connect_session(s->pg, config->fetch_ms, clock_ms() + config->fetch_ms, why) != 0)
		status = DB_DOWN;
	else
		status = look(s, config, ret_error);
	if (status == DB_OK)
		status = begin(s, config->idle_ms, call, ret_error);
	if (status == DB_OK)
		*ret_stream = s;
	else
		stream_close(s);
	return status;
}

enum db_status
stream_next(struct stream *s, struct result **ret_rows, struct db_error *ret_error)
{
	enum db_status status = DB_OK;
	PGresult *res = NULL;

	if (PQsendQueryParams(s->pg, "fetch 500 from stream", 0, NULL, NULL, NULL, NULL, 0))
		res = receive(s, &status, ret_error);
	else
		status = failure(NULL, ret_error);
	if (res != NULL)
		*ret_rows = (struct result *)res;
	return status;
}

void
stream_close(struct stream *s)
{
	if (s == NULL)
		return;
	PQfinish(s->pg);
	free(s);
}
