/*
 * guess - limits and records guesses of hidden values by accounts without the right personal_data.
 *
 * Such an account sees masks, but may search by a whole number and register clients, and each answer
 * tells whether some client has the number. A number that no client has is a miss: it takes a token
 * from the account's bucket of GESTOR_GUESSES_PER_HOUR. The bucket is in the database, so the limit
 * holds across processes and restarts. A number that a client has costs nothing. http/reads.h
 * records both.
 *
 * A request is a guess if it has a query parameter that openapi.yaml marks x-personal, or a
 * document_number anywhere in its body. So a new endpoint is limited without code of its own.
 */
#ifndef HTTP_GUESS_H
#define HTTP_GUESS_H

#include "http/request.h"

/*
 * guess_take - takes a token before the handler runs, in a separate transaction, which a rehearsal
 * does not roll back. Does nothing if the request is not a guess.
 * returns  0; or the status of the reply: 429 with Retry-After; 503; that of a stored answer
 */
int guess_take(struct request *rq) MUSTCHECK;

/* guess_settle - gives the token back if the finished reply shows that the guess was no miss. */
void guess_settle(struct request *rq);

#endif
