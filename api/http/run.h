/*
 * run - statements that run for a request, and what a refusal means to its client.
 */
#ifndef HTTP_RUN_H
#define HTTP_RUN_H

#include "http/request.h"

/*
 * request_query - run one named statement for this request.
 *
 * st       from build/sql.h; st->nargs UTF-8 strings follow, NULL = SQL NULL
 * returns  0 or more rows, owned by the caller (auto_result); or NULL with the
 *          reply (409, 422, 500, 503) set
 */
struct result *request_query(struct request *rq, const struct statement *st, ...) MUSTCHECK;

/*
 * request_run - run several as one transaction in one round trip; rolled back
 * where the request is a rehearsal, and made once where it has an Idempotency-Key.
 * returns  0 with ret_results filled in, each the caller's; or the status of the reply, which is set
 */
int request_run(struct request *rq, const struct call *calls, int ncalls,
    struct result *ret_results[]) MUSTCHECK;

/* request_run_always - the same, without a rehearsal's rolling back: for what protects, whatever was asked. */
int request_run_always(struct request *rq, const struct call *calls, int ncalls,
    struct result *ret_results[]) MUSTCHECK;

#endif
