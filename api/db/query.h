/*
 * query - runs prepared statements within a deadline, several in one round trip.
 *
 * A statement is SQL text in an .sql file beside the code that uses it. tools/sql2c.py turns these
 * files into build/sql.h. Each connection prepares every statement, under its name there. Only the
 * files of db/ include libpq-fe.h.
 * source   PostgreSQL manual, chapters 34 (libpq, pipeline mode) and 52
 */
#ifndef DB_QUERY_H
#define DB_QUERY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"
#include "db/result.h"
#include "db/statement.h"

struct pool;

/*
 * db_run - runs ncalls statements (1 to DB_CALLS_MAX) as one transaction in one round trip, as
 * DB_PATIENT: for the process's background work.
 *
 * The statements are one implicit transaction (pipeline mode with one sync), each with its own
 * snapshot (READ COMMITTED): the first one's locks are held, and the next sees the commits that the
 * first waited for.
 * time     at most query_timeout_ms, including the wait for a connection (at most pool_wait_ms) and
 *          the cancel of a late statement
 * retries  SQLSTATE 40001, 40P01 and XX000: the whole transaction, up to 3 times. A lost connection, if
 *          nothing can have been stored: on another connection, up to 3 times if the server
 *          announced the end of the session, else once. None on a standby's pool
 * returns  DB_OK: ret_results[0..ncalls-1] are set, owned by the caller (result_free); otherwise
 *          they are untouched and ret_error is filled in
 * threads  any; the connection is held only during the call
 */
enum db_status db_run(struct pool *pool, const struct call *calls, int ncalls,
    struct result *ret_results[], struct db_error *ret_error) MUSTCHECK;

/*
 * DB_IMPATIENT: fail with DB_BUSY at once when the expected wait for a connection, at the recent
 * rate, exceeds 3/4 of pool_wait_ms. DB_PATIENT: wait up to pool_wait_ms; impatient callers do not
 * count patient ones when they estimate their wait.
 */
enum db_patience { DB_IMPATIENT, DB_PATIENT };

/* db_deadline_ms - returns the time query_timeout_ms from now, by clock_ms(). */
int64_t db_deadline_ms(const struct pool *pool);

/*
 * db_run_by - db_run for a request; it ends before deadline_ms.
 * deadline_ms  what db_deadline_ms returned; several calls in a row may share it
 * returns      as db_run; also DB_BUSY when too little time is left to begin (db_time_left_ms)
 */
enum db_status db_run_by(struct pool *pool, int64_t deadline_ms, enum db_patience patience,
    const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error) MUSTCHECK;

/* db_time_left_ms - returns for how long a statement can still begin; 0 or less: no longer. */
int64_t db_time_left_ms(const struct pool *pool, int64_t deadline_ms);

/*
 * db_rehearse_by - db_run_by as DB_IMPATIENT, with a ROLLBACK in the same round trip. The database
 * checks all that it would check for the write, and stores nothing; only sequences advance.
 */
enum db_status db_rehearse_by(struct pool *pool, int64_t deadline_ms, const struct call *calls,
    int ncalls, struct result *ret_results[], struct db_error *ret_error) MUSTCHECK;

#endif
