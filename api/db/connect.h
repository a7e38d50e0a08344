/*
 * connect - opens a session of PostgreSQL and prepares it for use.
 *
 * Private to db/: used by pool, query, notify, probe and migrate. A PGconn may be used by one
 * thread at a time. Deadlines are times of clock_ms().
 * source   PostgreSQL manual, chapter 34 (libpq: asynchronous commands, pipeline mode).
 */
#ifndef DB_CONNECT_H
#define DB_CONNECT_H

#include <libpq-fe.h>
#include <stdint.h>
#include "base/base.h"
#include "db/statement.h"

/* All statements of the program, in build/sql.c. */
extern const struct statement *const sql_all[];
extern const int sql_all_count;

/* ret_why: an error in one line, for the log; it never contains a parameter's value. */
#define CONNECT_WHY_SIZE 256

/*
 * connect_open - connects to the first host of the URL that is of this kind, unless the URL sets
 * target_session_attrs.
 *
 * time     name resolution, and 5 s per host unless the URL sets connect_timeout
 * returns  the connection, owned by the caller (PQfinish); or NULL with ret_why filled in
 */
enum connect_to { CONNECT_PRIMARY, CONNECT_STANDBY };
PGconn *connect_open(
    const char *url, enum connect_to to, char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/*
 * connect_open_from - the same, but begins with the URL's host number *first, and sets it to the one that it connects to. A host that
 * is dead or hangs, and stands first, would take its time for each connection.
 */
PGconn *connect_open_from(const char *url, enum connect_to to, int *first,
    char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/*
 * connect_session - sets the session's parameters and non-blocking mode.
 * returns 0, or -1 with ret_why filled in
 */
int connect_session(PGconn *pg, int query_timeout_ms, int64_t deadline_ms,
    char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/*
 * connect_prepare - prepares all of sql_all in one round trip, also if some are prepared already.
 * returns 0, or -1 with ret_why filled in
 */
int connect_prepare(
    PGconn *pg, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

/*
 * connect_exec - runs SQL text without parameters.
 * returns the last result, owned by the caller (PQclear), which may be an error (PQresultStatus);
 *         or NULL: the deadline passed
 */
PGresult *connect_exec(PGconn *pg, const char *sql, int64_t deadline_ms) MUSTCHECK;

/*
 * connect_next - waits for the next result of what was sent, and skips libpq's NULLs between.
 * returns 1: *ret_result is set, owned by the caller (PQclear); 0: the deadline passed first;
 *         -1: no result is left
 */
int connect_next(PGconn *pg, int64_t deadline_ms, PGresult **ret_result) MUSTCHECK;

/* connect_why - copies the first line of a message. */
void connect_why(char ret_why[static CONNECT_WHY_SIZE], const char *message);

#endif
