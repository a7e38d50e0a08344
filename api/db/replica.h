/*
 * replica - reads that may be some seconds old, from a standby if one is configured and fit, else from the primary.
 *
 * Only statements marked `-- replica` come here. Each answer has `as_of`: all that was acknowledged before that
 * instant is in it. A standby is fit while as_of is at most lag_max_ms before the question.
 *
 * How as_of is known. Once a second a thread asks the primary for its clock and its position in the write-ahead log
 * (WAL). A standby that has applied that position holds all that was acknowledged at that time; so the lag of an idle
 * primary's standby does not grow, and one whose connection to the primary is cut gets no better while the primary
 * writes. Between these samples the instant of the last commit that the standby has applied counts. Both come in the
 * round trip of the question, from the session that answers it. None of it needs a right that a serving role lacks.
 * With synchronous_commit off a commit may reach the WAL, and so as_of, 0.6 s after it was acknowledged.
 *
 * A standby that fails, hangs, or ends a statement because it conflicts with recovery is not asked twice: the primary
 * answers. What took too long on it (SQLSTATE 57014) is not repeated there. After a failure nothing is asked of
 * the standby until the thread, which looks once a second, finds it fit.
 * source   PostgreSQL manual, 9.27.3 (recovery information functions), 27.4 (hot standby)
 */
#ifndef DB_REPLICA_H
#define DB_REPLICA_H

#include "base/base.h"
#include "db/query.h"
#include "db/stream.h"
#include "db/wal_history.h"

struct replica_config {
	const char
	    *url; /* libpq connection string or URI; "": no standby, and the primary answers */
	struct pool *primary; /* lives longer */
	int size, wait_ms, query_timeout_ms; /* of a pool for the standby (db/pool.h) */
	int lag_max_ms;
};

/* replica_start - returns it, for replica_stop; or NULL (logged): its threads could not be created. */
struct replica *replica_start(const struct replica_config *config) MUSTCHECK;

/*
 * replica_run_by - runs a statement that only reads, as db_run_by with DB_IMPATIENT.
 *
 * deadline_ms  of the request. After a standby failed, the primary has its whole query_timeout_ms again
 * needs_rows   no row may mean that the record is too new for the standby: then the primary is asked
 * returns      as db_run_by; DB_OK with ret_as_of
 */
enum db_status replica_run_by(struct replica *r, int64_t deadline_ms, const struct call *call,
    bool needs_rows, struct result **ret_result, char ret_as_of[static AS_OF_SIZE],
    struct db_error *ret_error) MUSTCHECK;

/*
 * replica_await - returns when the thread has found the standby fit, or twice unfit, or after limit_ms; at once if there
 * is no standby. For a command, which asks right after the start.
 */
void replica_await(struct replica *r, int limit_ms);

/* A stream from the standby or from the primary. */
struct replica_stream {
	struct replica *replica;
	bool standby;
	int64_t asked_ms;
	char as_of[AS_OF_SIZE]; /* "" until it is known */
};

/* replica_fit - whether the standby may be asked now; false if there is none. */
bool replica_fit(struct replica *r);

/*
 * replica_stream - completes the settings of a stream (db/stream.h), which then fails if the standby is not fit, and
 * sets s->as_of.
 * s  lives until stream_open returned
 */
void replica_stream(struct replica_stream *s, struct stream_config *config);

/* replica_streamed - counts a stream that was opened. */
void replica_streamed(const struct replica_stream *s);

/* replica_failed - a stream from the standby failed: returns whether the primary is to be asked. */
bool replica_failed(
    struct replica *r, enum db_status status, const struct db_error *error) MUSTCHECK;

/*
 * replica_lag_ms - how old the standby's data were when the thread looked last; while it gets no answer, how old they are
 * at least by now. -1: there is no standby.
 */
int64_t replica_lag_ms(struct replica *r);

/* replica_stop - ends the threads and closes the connections. No thread may be inside replica_run_by. */
void replica_stop(struct replica *r);

#endif
