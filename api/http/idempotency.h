/*
 * idempotency - the Idempotency-Key header: a client may retry a write, which is executed once.
 *
 * One transaction claims the key, executes the write and stores its answer
 * (db/migrations/0003_requests.sql). If the claim finds a stored answer, a second round trip
 * fetches it.
 * source   draft-ietf-httpapi-idempotency-key-header
 */
#ifndef HTTP_IDEMPOTENCY_H
#define HTTP_IDEMPOTENCY_H

#include "http/request.h"

/*
 * idempotency_take - sets rq->idempotency.key and .scope, in the arena. Ignores the header if the
 * operation does not take it, and in a rehearsal.
 *
 * header   value of the header; NULL: absent
 * returns  0; or the status of the reply: 400 if it is not 1 to 255 visible ASCII characters
 */
int idempotency_take(struct request *rq, const char *header) MUSTCHECK;

/* idempotency_hash - hashes the request, whose body is in normal form. The two functions below need it. */
void idempotency_hash(struct request *rq);

/* idempotency_claim - the call that claims the key; it precedes the write's calls. */
struct call idempotency_claim(struct request *rq);

/*
 * idempotency_replay - replies with the stored answer, which rq->idempotency.replay turns into the
 * reply if it is set.
 * returns  the status of the reply; 503 if the database cannot be asked; 0 if no answer is stored,
 *          with no reply set
 */
int idempotency_replay(struct request *rq) MUSTCHECK;

#endif
