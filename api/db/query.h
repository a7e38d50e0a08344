/*
 * query - prepared statements, run within a deadline, several in one round trip.
 *
 * The only users of libpq-fe.h are the files of db/. A statement is SQL text
 * from an .sql file beside the code that uses it, turned into build/sql.h by
 * tools/sql2c.py, prepared once a connection and named by its sql name.
 * source   PostgreSQL manual, chapters 34 (libpq, pipeline mode) and 52.
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
 * db_run - runs ncalls statements as one transaction in one round trip: the process's own
 * work, which waits its turn patiently.
 *
 * One call is sent as it is; several go in pipeline mode with one sync, so
 * they are one implicit transaction, each with a snapshot of its own (READ
 * COMMITTED): a lock taken by the first is held, and what it waited for is
 * seen, by the next.
 * time     at most query_timeout_ms, the wait for a connection (at most pool_wait_ms), a cancel
 *          and what is waited for it included
 * retries  40001 and 40P01: the whole transaction, up to 3 times; when the
 *          connection was lost and nothing can have been stored, on another:
 *          up to 3 times if the server had said that it ends the session,
 *          else (where all are repeatable) once
 * returns  DB_OK: ret_results[0..ncalls-1] are set, owned by the caller
 *          (result_free); else they are untouched and ret_error is filled in
 * threads  any; the connection is held only during the call
 */
enum db_status db_run(struct pool *pool, const struct call *calls, int ncalls,
    struct result *ret_results[], struct db_error *ret_error) MUSTCHECK;

/*
 * Who is impatient is refused at once, with DB_BUSY, where at the pace of late the wait for such a connection
 * would be longer than three quarters of pool_wait_ms; who is patient waits all of it, and is not counted in that.
 */
enum db_patience { DB_IMPATIENT, DB_PATIENT };

/* db_deadline_ms - query_timeout_ms from now, by clock_ms(). */
int64_t db_deadline_ms(const struct pool *pool);

/*
 * db_run_by - the same for a request: over before deadline_ms, which several in a row may share.
 * deadline_ms  db_deadline_ms() at some moment
 * returns      as db_run; DB_BUSY, too, where so little time is left that nothing is begun
 */
enum db_status db_run_by(struct pool *pool, int64_t deadline_ms, enum db_patience patience,
    const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error) MUSTCHECK;

/* db_time_left_ms - until deadline_ms is too near for anything to be begun; not above 0: it is. */
int64_t db_time_left_ms(const struct pool *pool, int64_t deadline_ms);

/*
 * db_rehearse_by - the same, impatiently, and then rolled back, in the same round trip: all that
 * the database checks is checked, and nothing is kept but numbers drawn from sequences.
 */
enum db_status db_rehearse_by(struct pool *pool, int64_t deadline_ms, const struct call *calls,
    int ncalls, struct result *ret_results[], struct db_error *ret_error) MUSTCHECK;

#endif
