#include "db/probe.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * An idle pooler that shares sessions uses one process for both connections, a busy one changes the
 * process. One that takes its processes in turn is detected because this order does not alternate.
 */
#define QUERIES 16
static const int order[] = { 0, 1, 1, 0, 0, 0, 1 };

static const char unfit[] =
    "DATABASE_URL leads to a pooler that assigns sessions per transaction or statement "
    "(such as PgBouncer with pool_mode = transaction): use pool_mode = session, or connect to "
    "PostgreSQL directly";

static enum probe_answer
answer_with(enum probe_answer answer, const char *why, char ret_why[static CONNECT_WHY_SIZE])
{
	connect_why(ret_why, why);
	return answer;
}

/*
 * Reads the process id from a result, and frees the result.
 * returns 0, with ret_answer and ret_why filled in, for an error
 */
static int
process_of(
    PGconn *pg, PGresult *res, enum probe_answer *ret_answer, char ret_why[static CONNECT_WHY_SIZE])
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	int pid = 0;

	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		pid = atoi(PQgetvalue(res, 0, 0));
	/* invalid_sql_statement_name: another process prepared the statement. */
	else if (sqlstate != NULL && strcmp(sqlstate, "26000") == 0)
		*ret_answer = answer_with(PROBE_UNFIT, unfit, ret_why);
	else
		*ret_answer = answer_with(
		    PROBE_FAILED, res == NULL ? "no answer in time" : PQerrorMessage(pg), ret_why);
	PQclear(res);
	return pid;
}

static int
ask_prepared(PGconn *pg, int64_t deadline_ms, enum probe_answer *ret_answer,
    char ret_why[static CONNECT_WHY_SIZE])
{
	return process_of(
	    pg, connect_exec(pg, "execute gestor_probe", deadline_ms), ret_answer, ret_why);
}

/* A pooler may pass on a session in which an earlier probe prepared the statement. */
static bool
prepare(PGconn *pg, int64_t deadline_ms, enum probe_answer *ret_answer,
    char ret_why[static CONNECT_WHY_SIZE])
{
	PGresult *res =
	    connect_exec(pg, "prepare gestor_probe as select pg_backend_pid()", deadline_ms);
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	bool ok = PQresultStatus(res) == PGRES_COMMAND_OK ||
		  (sqlstate != NULL && strcmp(sqlstate, "42P05") == 0);

	if (!ok)
		*ret_answer = answer_with(
		    PROBE_FAILED, res == NULL ? "no answer in time" : PQerrorMessage(pg), ret_why);
	PQclear(res);
	return ok;
}

static enum probe_answer
compare(PGconn *one, PGconn *other, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE])
{
	enum probe_answer answer = PROBE_FIT;
	PGconn *const conns[] = { one, other };
	int pids[2] = { 0, 0 };

	if (!prepare(one, deadline_ms, &answer, ret_why) ||
	    !prepare(other, deadline_ms, &answer, ret_why))
		return answer;
	for (size_t i = 0; i < QUERIES; i++) {
		int which = order[i % NITEMS(order)];
		int pid = ask_prepared(conns[which], deadline_ms, &answer, ret_why);

		if (pid == 0)
			return answer;
		if (pid == pids[!which] || (pids[which] != 0 && pid != pids[which]))
			return answer_with(PROBE_UNFIT, unfit, ret_why);
		pids[which] = pid;
	}
	/* A pooler may pass sessions on without a reset. */
	PQclear(connect_exec(one, "deallocate gestor_probe", deadline_ms));
	PQclear(connect_exec(other, "deallocate gestor_probe", deadline_ms));
	return PROBE_FIT;
}

enum probe_answer
probe_sessions(PGconn *pg, const char *url, enum connect_to to, int64_t deadline_ms,
    char ret_why[static CONNECT_WHY_SIZE])
{
	enum probe_answer answer = PROBE_FIT;
	int pid = process_of(
	    pg, connect_exec(pg, "select pg_backend_pid()", deadline_ms), &answer, ret_why);
	PGconn *other;

	if (pid == 0 || pid == PQbackendPID(pg))
		return answer;
	other = connect_open(url, to, ret_why);
	if (other == NULL)
		return PROBE_FAILED;
	answer = compare(pg, other, deadline_ms, ret_why);
	PQfinish(other);
	return answer;
}
