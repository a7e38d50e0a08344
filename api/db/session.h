/*
 * session - a connection of its own, outside the pool, for work that lasts: the rows of a file go in
 * by COPY, and long statements keep no connection from requests.
 *
 * A session belongs to one thread at a time. Connecting needs some 100 KB of its stack.
 */
#ifndef DB_SESSION_H
#define DB_SESSION_H

#include <stddef.h>

#include "base/base.h"
#include "db/result.h"
#include "db/statement.h"

struct session;

/*
 * session_open - connects.
 * timeout_ms  longest time of a statement, and of a COPY's start and end; the server cancels at 4/5 of it
 * returns     the session, for session_close; NULL (logged): the database cannot be reached
 */
struct session *session_open(const char *url, int timeout_ms) MUSTCHECK;

/*
 * session_run - runs one statement as one transaction.
 * returns  DB_OK with ret_rows, the caller's (result_free); otherwise ret_error is filled in. After
 *          DB_DOWN and DB_TIMEOUT only session_close is left to do
 */
enum db_status session_run(struct session *s, const struct call *call, struct result **ret_rows,
    struct db_error *ret_error) MUSTCHECK;

/*
 * session_copy - begins "copy … from stdin" in a transaction of its own.
 * session_put  - sends bytes of COPY's text format. Waits until the server takes them.
 * session_done - ends the COPY and commits its rows.
 * return  false (logged): the database refused, or is gone; only session_close is left to do
 */
bool session_copy(struct session *s, const char *sql) MUSTCHECK;
bool session_put(struct session *s, const char *bytes, size_t length) MUSTCHECK;
bool session_done(struct session *s) MUSTCHECK;

/* session_close - ends the connection; a COPY that was not ended stores nothing. NULL is allowed. */
void session_close(struct session *s);

#endif
