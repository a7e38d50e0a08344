/*
 * statement - what is asked of the database, and what can become of it. Ground of db/: it knows no connection.
 */
#ifndef DB_STATEMENT_H
#define DB_STATEMENT_H

#include <stdbool.h>

#define DB_ARGS_MAX  24
#define DB_CALLS_MAX 8

struct statement {
	const char *name; /* the operationId, for most */
	const char *text; /* SQL with $1..$n */
	int nargs; /* n; at most DB_ARGS_MAX */
	/* All three are true of what writes nothing; tools/sql2c.py says of what else. */
	bool
	    repeatable; /* once more does no harm: so it is run again where a connection was lost */
	bool brief; /* it waits for no lock that a whole write holds: any connection will do */
	bool
	    apart; /* it is no part of a write: no rehearsal undoes it, no Idempotency-Key goes before it */
};

/* One statement with its arguments: NUL-terminated UTF-8 text, NULL = SQL NULL. */
struct call {
	const struct statement *st;
	const char *args[DB_ARGS_MAX];
};

enum db_status {
	DB_OK,
	DB_BUSY, /* no connection within pool_wait_ms: 503, try again */
	DB_DOWN, /* no database, or it went away before anything could be stored: 503 */
	DB_TIMEOUT, /* the statement passed its deadline and was cancelled: 503 */
	DB_UNKNOWN, /* the connection was lost when a write may have been committed: 503, look first */
	DB_CONFLICT, /* serialization failure or deadlock, retries included: 409 */
	DB_REFUSED /* the database refused: see struct db_error */
};

struct db_error {
	char sqlstate[6]; /* "23505"; "" when there was none */
	char constraint[64]; /* constraint's name, or "" */
	bool committed; /* with DB_UNKNOWN: here it was, but perhaps not on the standby */
	char message[1024]; /* primary message: for our log on 5xx, never for a user; left out
	                          for class 22, whose messages quote the values */
};

#endif
