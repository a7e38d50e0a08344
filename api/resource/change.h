/*
 * change - how a record is changed: one transaction in one round trip.
 *
 * Its statements are a lock, which refuses what must not be changed (no such record, another's,
 * finished, erased); where the request has a condition, a comparison of tags, which refuses what
 * was changed since; the changes; and one that shows the record. What they refuse ends the
 * transaction and is answered by request_run, so a change that returns was made.
 */
#ifndef RESOURCE_CHANGE_H
#define RESOURCE_CHANGE_H

#include "http/entity_tag.h"
#include "http/request.h"

/* A record that may be changed, and what the change could overwrite. */
struct change {
	struct call lock;
	struct call
	    match; /* compares the condition, which is one of its arguments; sent where the request has one */
	const struct call *calls; /* the changes, and last the statement that shows the record */
	int ncalls;
};

/*
 * change_run - runs a change.
 * returns  the last statement's result, the caller's (auto_result); or NULL: the reply is set
 */
struct result *change_run(struct request *rq, const struct change *change) MUSTCHECK;

/* change_reply - change_run, and 200 with column 0 of the last statement's result. */
int change_reply(struct request *rq, const struct change *change);

/*
 * opportunity_change - a change of the opportunity in the path, which is open.
 * parts  those that the change could overwrite: bits of http/entity_tag.h
 */
struct change opportunity_change(
    struct request *rq, unsigned parts, const struct call *calls, int ncalls);

/* opportunity_saved - the call that shows the opportunity in the path, last of a change. */
struct call opportunity_saved(const struct request *rq);

/* closure_stage - the stage's code of a closure as it is written; NULL when there is no closure. */
const char *closure_stage(const json_t *closure);

/* opportunity_close - the call that takes this stage, to run after all else is saved. opportunity NULL: the one just made. */
struct call opportunity_close(const char *stage, const char *opportunity);

#endif
