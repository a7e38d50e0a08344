/*
 * run - runs a request's statements, and turns what the database refuses into a problem.
 */
#ifndef HTTP_RUN_H
#define HTTP_RUN_H

#include "http/request.h"

/*
 * request_query - runs one statement. It waits until request_deadline_ms() at most.
 *
 * st       from build/sql.h; st->nargs UTF-8 strings follow, NULL for SQL NULL
 * returns  0 or more rows, owned by the caller (auto_result); or NULL with the reply set to a problem
 */
struct result *request_query(struct request *rq, const struct statement *st, ...) MUSTCHECK;

/*
 * A statement marked `-- replica` may be answered by a read replica (db/replica.h). rq->as_of is then the instant that its
 * rows show, also where the primary answered; a list shows it beside its items (page.h).
 */

/*
 * request_run - runs several statements as one transaction in one round trip. A write is rolled back
 * if the request is a rehearsal, and executed only once for an Idempotency-Key. Waits as above.
 *
 * returns  0 with ret_results[0..ncalls-1] filled in, each owned by the caller (result_free); or the
 *          status of the reply
 */
int request_run(struct request *rq, const struct call *calls, int ncalls,
    struct result *ret_results[]) MUSTCHECK;

/* request_run_always - the same, but stored in a rehearsal too: for writes that protect accounts. */
int request_run_always(struct request *rq, const struct call *calls, int ncalls,
    struct result *ret_results[]) MUSTCHECK;

#endif
