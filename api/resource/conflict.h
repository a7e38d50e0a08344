/*
 * conflict - what a refused client needs to continue: the state of the record that changed, or the
 * record that exists already.
 *
 * Each function queries the database after a refusal. The json_t are new references; NULL (the
 * query failed, or there is nothing to report): the problem is sent without the member.
 */
#ifndef RESOURCE_CONFLICT_H
#define RESOURCE_CONFLICT_H

#include "http/request.h"

/*
 * conflict_current - returns `current` of a 412: {etag, updated_at, advisor} of the record or part
 * that the request would have changed (for a new row, of the grid): its present entity tag, when it
 * was changed last, and by whom. advisor is null for a change by hand in the database.
 */
json_t *conflict_current(struct request *rq);

/*
 * conflict_document - adds a fault that says why a new document number does not fit the document
 * type that the client already has.
 * returns false, without a fault: the request sets the type, too, or the query failed
 */
bool conflict_document(struct request *rq);

/*
 * conflict_existing - returns `existing` of a 409: {id, href} of the record that has the same unique
 * value. constraint: the violated one's name
 */
json_t *conflict_existing(struct request *rq, const char *constraint);

#endif
