/*
 * connect - one session with PostgreSQL, made ready for its use.
 *
 * Shared by pool, query, notify and migrate; private to db/.
 * source   PostgreSQL manual, chapter 34 (libpq: asynchronous commands, pipeline mode).
 */
#ifndef DB_CONNECT_H
#define DB_CONNECT_H

#include <libpq-fe.h>
#include <stdint.h>
#include "base/base.h"
#include "db/statement.h"

/* build/sql.c: every statement of the program. */
extern const struct statement *const sql_all[];
extern const int sql_all_count;

/* What went wrong, in one line, for the log: never a value of a parameter. */
#define CONNECT_WHY_SIZE 256

/*
 * connect_open - connects; the caller owns the connection (PQfinish).
 *
 * time     5 s a host, unless the URL says otherwise (connect_timeout), and the resolver's
 * returns  NULL with ret_why filled in
 */
PGconn *connect_open(const char *url, char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/*
 * connect_session - the settings of a session that serves requests, and non-blocking mode.
 * returns 0, or -1 with ret_why filled in.
 */
int connect_session(PGconn *pg, int query_timeout_ms, int64_t deadline_ms,
    char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/* connect_prepare - (again) prepares all of sql_all in one round trip; 0, or -1 with ret_why. */
int connect_prepare(
    PGconn *pg, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/*
 * connect_exec - runs SQL text without parameters; the last result, owned by
 * the caller, or NULL: the deadline passed. It may be an error: look at its status.
 */
PGresult *connect_exec(PGconn *pg, const char *sql, int64_t deadline_ms) MUSTCHECK;

/*
 * connect_next - the next result of what was sent, without the NULLs between.
 * returns 1: *ret_result is set, owned by the caller; 0: the deadline passed
 * first; -1: there is none any more.
 */
int connect_next(PGconn *pg, int64_t deadline_ms, PGresult **ret_result) MUSTCHECK;

/* connect_why - copies a message's first line. */
void connect_why(char ret_why[static CONNECT_WHY_SIZE], const char *message);

#endif
