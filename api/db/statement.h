/*
 * statement - a statement, its arguments and its possible outcomes. Knows no connection.
 */
#ifndef DB_STATEMENT_H
#define DB_STATEMENT_H

#include <stdbool.h>

#define DB_ARGS_MAX  40
#define DB_CALLS_MAX 8

struct statement {
	const char *name; /* the operationId, for most */
	const char *text; /* SQL with $1..$n */
	int nargs; /* n; at most DB_ARGS_MAX */
	/*
	 * A statement that only reads has all three flags; one that writes has those that its .sql
	 * file declares (tools/sql2c.py).
	 * repeatable  running it twice does no harm: after a lost connection it is run again
	 * brief       it never waits for a lock that a whole transaction of several statements holds, so it
	 *             may use the connections that are kept for reads
	 * apart       it is no part of the request's write: it runs without Idempotency-Key and audit
	 *             context, and validate_only does not roll it back
	 */
	bool repeatable, brief, apart;
	/*
	 * PostgreSQL plans it at each execution, for the arguments. All others have one plan for all arguments:
	 * left alone, PostgreSQL plans anew what has a limit, because it guesses an unknown limit too high, and
	 * planning costs more than most reads. Lists whose filters may be absent need it.
	 */
	bool custom_plan;
	/* A read replica may answer it (db/replica.h): what it shows may be some seconds old. */
	bool replica;
	/* Its values come in PostgreSQL's binary formats: result_number() reads integers and booleans. */
	bool binary;
	/* Its arguments are in PostgreSQL's binary formats, each behind its bytes' number as 4 bytes in network order; none is NULL. db_run and its like send it. */
	bool binary_arguments;
	/* The same as a cursor, for db/stream.h; NULL: the .sql file does not mark it `-- cursor`. */
	const char *cursor;
};

/* One statement with its arguments: NUL-terminated UTF-8 text, NULL = SQL NULL; or binary_arguments. */
struct call {
	const struct statement *st;
	const char *args[DB_ARGS_MAX];
};

enum db_status {
	DB_OK,
	DB_BUSY, /* no connection within pool_wait_ms: 503, try again */
	DB_DOWN, /* no connection, or it was lost before anything could be stored: 503 */
	DB_TIMEOUT, /* the statement passed its deadline and was cancelled: 503 */
	DB_UNKNOWN, /* the connection was lost when a write may have been committed: 503 */
	DB_CONFLICT, /* serialization failure or deadlock, also after the retries: 409 */
	DB_REFUSED /* the database refused: see struct db_error */
};

struct db_error {
	char sqlstate[6]; /* "23505"; "" when there was none */
	char constraint[64]; /* the constraint's name, or "" */
	bool committed; /* with DB_UNKNOWN: committed on the primary, perhaps not on the standby */
	/*
	 * The primary message, for the log of a 5xx, never for a client. "" for SQLSTATE class 22,
	 * whose messages quote values.
	 */
	char message[1024];
};

#endif
