/*
 * check - validates a request's query parameters and body against openapi.yaml and reports all
 * faults at once. Both are in their normal form afterwards (field/field.h).
 */
#ifndef HTTP_CHECK_H
#define HTTP_CHECK_H

#include "http/request.h"

/*
 * check_request - validates query parameters and parsed body against rq->op.
 *
 * If a choice is not in the catalogues, they are first refreshed from the database, so that no
 * fault comes from outdated ones.
 *
 * take_held  called after such a refresh; sets rq->held if the request changes a record; returns 0
 *            or the status of the reply
 * returns    0; or the status of the reply: 422 with all faults; 503 if the catalogues cannot be
 *            loaded or compared
 */
int check_request(struct request *rq, int (*take_held)(struct request *rq)) MUSTCHECK;

/* check_again - validates again, with the current catalogues; replaces rq->faults. */
void check_again(struct request *rq);

/* check_names - whether a catalogue or rule that openapi.yaml names exists. */
extern const struct schema_names check_names;

#endif
