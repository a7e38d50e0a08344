/*
 * conflict - what a client that was refused needs to go on: the record as it is now, or the one that exists already.
 *
 * Each asks the database once more, after a refusal alone; where that does not answer, the problem
 * goes without. The values are new references, or NULL.
 */
#ifndef RESOURCE_CONFLICT_H
#define RESOURCE_CONFLICT_H

#include "http/request.h"

/*
 * conflict_current - for 412: {etag, updated_at, advisor} of what the request would have changed: the tag that a GET
 * answers now (of a new row of the grid, the grid's), when it was changed last and by whom; advisor null: by hand.
 */
json_t *conflict_current(struct request *rq);

/*
 * conflict_document - says why a client's new number does not fit the type that the client has.
 * returns false: it says nothing, for the type is new, or not known in time
 */
bool conflict_document(struct request *rq);

/* conflict_existing - for 409 by this constraint: {id, href} of the record that has what must be unique. */
json_t *conflict_existing(struct request *rq, const char *constraint);

#endif
