/*
 * stream - reads a statement's rows piece by piece, in one snapshot, on a connection of its own.
 *
 * The transaction is repeatable read and read only, and its cursor sends 500 rows at a time. So the
 * process holds one batch in memory, and the server never waits for the reader of the rows while it
 * sends. The connection is not one of the pool's.
 *
 * A stream belongs to one thread at a time. Connecting needs some 100 KB of its stack.
 */
#ifndef DB_STREAM_H
#define DB_STREAM_H

#include "base/base.h"
#include "db/result.h"
#include "db/statement.h"

struct stream;

struct stream_config {
	const char *url; /* libpq connection string or URI */
	bool standby; /* it is a read replica's */
	int fetch_ms; /* longest time for a batch, and for the connection's start; the server cancels at 4/5 of it */
	int idle_ms; /* how long the server keeps the transaction while no batch is asked for */
	/*
	 * A statement without arguments before the transaction, and whether its row allows to go on: if not, the
	 * status is DB_DOWN. NULL: none.
	 */
	const struct statement *before;
	bool (*accept)(void *arg, const struct result *row);
	void *arg;
};

/*
 * stream_open - connects and begins.
 * call      a statement with a cursor, and its arguments
 * returns   DB_OK with ret_stream, for stream_close; otherwise ret_error is filled in
 */
enum db_status stream_open(const struct stream_config *config, const struct call *call,
    struct stream **ret_stream, struct db_error *ret_error) MUSTCHECK;

/*
 * stream_next - the next rows.
 * returns  DB_OK with ret_rows, the caller's (result_free); no rows: this is the end.
 *          Otherwise ret_error is filled in, and only stream_close is left to do
 */
enum db_status stream_next(
    struct stream *s, struct result **ret_rows, struct db_error *ret_error) MUSTCHECK;

/* stream_close - ends the transaction and the connection. NULL is allowed. */
void stream_close(struct stream *s);

#endif
