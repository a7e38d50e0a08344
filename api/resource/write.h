/*
 * write - what the resources have in common: reading one, listing what belongs
 * to one, and changing an opportunity.
 */
#ifndef RESOURCE_WRITE_H
#define RESOURCE_WRITE_H

#include "http/request.h"

/* reply_read - 200 with column 0 of a statement whose arguments are the path's ids, in order; or 404. */
int reply_read(struct request *rq, const struct statement *st);

/* reply_list_of - a page of what belongs to the path's first id; statement: id, created_at, id, limit. */
int reply_list_of(struct request *rq, const struct statement *st);

/*
 * opportunity_write - changes the opportunity of the path, in one transaction
 * and one round trip: its row is locked, then the calls run.
 *
 * calls    ncalls of them, at most DB_CALLS_MAX - 3 (the lock, the claim of a key, the audit's context). The first is the change:
 *          its arguments 1 to 4 are set here (opportunity, advisor, may change
 *          another's, the request's condition), it holds them in its WHERE, and gives a row when done
 * ret_last the result of the last call, the caller's (auto_result)
 * returns  0; or the status of the reply: 404 no such opportunity, 403
 *          another's, 409 finished, `none` when the change found no row though
 *          the opportunity may be changed; or what request_run says
 */
int opportunity_write(struct request *rq, struct call *calls, int ncalls, const char *none,
    struct result **ret_last) MUSTCHECK;

/* closure_stage - the stage's code of a closure as it is written; NULL when there is no closure. */
const char *closure_stage(const json_t *closure);

/* opportunity_close - the call that takes the stage of a closure (NULL: none), to run after all else is saved. */
struct call opportunity_close(const struct request *rq, const json_t *closure);

/* reply_last - runs the calls as one transaction; 200 with column 0 of the last result, or 404. */
int reply_last(struct request *rq, const struct call *calls, int ncalls);

/* reply_written - opportunity_write, and 200 with column 0 of the last result. */
int reply_written(struct request *rq, struct call *calls, int ncalls, const char *none);

#endif
