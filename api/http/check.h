/*
 * check - a request against the contract: its query parameters and its body,
 * every fault at once. Both are in their normal form afterwards (field/field.h).
 */
#ifndef HTTP_CHECK_H
#define HTTP_CHECK_H

#include "http/request.h"

/*
 * check_request - query parameters and body (already parsed) against rq->op.
 *
 * Where a choice is wrong, the catalogues are first compared with the
 * database's, so that an answer never comes of old ones.
 *
 * take_held  then sets rq->held, where the request changes a record; 0, or the status of the reply
 * returns  0; or the status of the reply: 422 with all faults, 503 without catalogues
 */
int check_request(struct request *rq, int (*take_held)(struct request *rq)) MUSTCHECK;

/* check_again - fills rq->faults anew, by the catalogues as they are now. */
void check_again(struct request *rq);

/* check_names - the rules and catalogues that the document may name. */
extern const struct schema_names check_names;

#endif
