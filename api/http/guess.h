/*
 * guess - bounds and records how callers who see masks find out what is hidden.
 *
 * Such a caller may search by a whole number and register clients, and each answer says whether
 * some client has the number. A number that no client has is a miss. An account has
 * GESTOR_GUESSES_PER_HOUR misses, a token bucket in the database, so the bound holds over processes
 * and restarts. A number that a client has costs nothing. Both are in the record of reads (http/reads.h).
 *
 * A request guesses when it has a query parameter that openapi.yaml marks x-personal, or a
 * document_number anywhere in its body. So an endpoint that is added is bounded without a word of its own.
 */
#ifndef HTTP_GUESS_H
#define HTTP_GUESS_H

#include "http/request.h"

/*
 * guess_take - takes a miss from the account before the handler runs, in a transaction of its own,
 * which a rehearsal does not undo. Nothing, where the request does not guess.
 * returns  0; or the status of the reply: 429 with Retry-After, 503
 */
int guess_take(struct request *rq) MUSTCHECK;

/* guess_settle - judges the reply, which is set: gives the miss back where it was none. */
void guess_settle(struct request *rq);

#endif
