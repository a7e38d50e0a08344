/*
 * change - changes a record in one transaction and one round trip.
 *
 * The transaction's statements are:
 *   first    only if it is set: what must be locked before the record
 *   lock     locks the record; refuses if it does not exist, is another advisor's, finished or erased
 *   match    only if the request has a condition: refuses if the entity tag differs
 *   calls    the changes, and a statement that returns the record
 * A refusal ends the transaction, and request_run sets the reply.
 */
#ifndef RESOURCE_CHANGE_H
#define RESOURCE_CHANGE_H

#include "http/entity_tag.h"
#include "http/request.h"

struct change {
	struct call first, lock, match;
	const struct call *calls; /* last the statement that returns the record */
	int ncalls;
};

/*
 * change_run - runs a change.
 * returns  the last statement's result, owned by the caller (auto_result); or NULL: the reply is set
 */
struct result *change_run(struct request *rq, const struct change *change) MUSTCHECK;

/*
 * change_reply - runs a change, and replies 200 with column 0 of the last statement's result.
 * returns  the status of the reply
 */
int change_reply(struct request *rq, const struct change *change);

/*
 * opportunity_change - builds a change of the opportunity in the path; its lock refuses a finished one.
 * parts  the parts that the change could overwrite: a mask of PART_x (http/entity_tag.h)
 */
struct change opportunity_change(
    struct request *rq, unsigned parts, const struct call *calls, int ncalls);

/* opportunity_saved - returns the last call of a change, which returns the opportunity in the path. */
struct call opportunity_saved(const struct request *rq);

#endif
