/*
 * idempotency - writes that may be sent again: the Idempotency-Key header.
 *
 * The key goes along with the write: a first statement claims it, and the
 * write's own answer() keeps the answer, in one transaction (see
 * db/migrations/0003_requests.sql). Only when the claim says that there is an
 * answer already does it take a second round trip, to fetch that.
 * source   draft-ietf-httpapi-idempotency-key-header
 */
#ifndef HTTP_IDEMPOTENCY_H
#define HTTP_IDEMPOTENCY_H

#include "http/request.h"

/*
 * idempotency_take - the header's value (NULL: not there) into rq->idempotency;
 * body and route must be known.
 * returns  0; or 400 for a key that is none
 */
int idempotency_take(struct request *rq, const char *header) MUSTCHECK;

/* idempotency_asked - notes what the request asks, its body being in its normal form: before the two below. */
void idempotency_asked(struct request *rq);

/* idempotency_claim - the call that goes before the write's. */
struct call idempotency_claim(struct request *rq);

/*
 * idempotency_replay - the kept answer, as rq->replay makes it into a reply.
 * returns  its status, or 503 when the database did not say; 0 when there is
 *          none: nothing was replied then
 */
int idempotency_replay(struct request *rq) MUSTCHECK;

#endif
