/*
 * reads - the record of who was shown whose personal data.
 *
 * Besides, the guesses of callers who see masks (http/guess.h): of one that missed an entry of
 * nothing, of one that a conflict confirmed the client.
 *
 * An operation is recorded if what it answers has members that openapi.yaml
 * marks x-personal; a write of an opportunity's part, which may answer the whole
 * opportunity, only where it did. A request's end puts an entry into a ring of fixed size,
 * and waits for nothing but room in it; a thread of its own stores what is
 * there, many entries a statement, twice a second. Without a database the ring
 * keeps what fits, and what does not is counted, and the count logged. A process that is
 * killed takes with it what it had not stored yet.
 */
#ifndef HTTP_READS_H
#define HTTP_READS_H

#include "http/request.h"

/* reads_check - -1, with ret_err filled in: of an operation that shows what is personal it is not known whose that is. */
int reads_check(char *ret_err, size_t err_size) MUSTCHECK;

/* reads_start - starts the thread; -1 when there is none to be had. */
int reads_start(struct app *app) MUSTCHECK;

/* reads_note - records what a request whose reply is set has shown; threads: any. */
void reads_note(const struct request *rq);

/* reads_stop - ends the thread when all is stored, or wait_ms are over; nothing is noted any more. */
void reads_stop(int wait_ms);

#endif
