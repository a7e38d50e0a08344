/*
 * reads - the access record: which advisor was shown which person's data.
 *
 * A request is recorded if its answer has members that openapi.yaml marks x-personal. A write of an
 * opportunity's part that has none is recorded only if it answered the whole opportunity. Guesses
 * (http/guess.h) are recorded too: a miss without an object, a confirmed guess with the client.
 *
 * At its end a request puts its entries into a ring buffer of fixed size; it waits only if that is
 * full. A thread stores them twice a second, many entries in one statement. Without a database the
 * buffer keeps what fits; the rest is counted and the count logged. A process that is killed loses
 * the entries that it has not stored yet.
 */
#ifndef HTTP_READS_H
#define HTTP_READS_H

#include "http/request.h"

/*
 * reads_check - checks that this module knows, for each operation that answers personal data, whose
 * data that is. Call it after openapi.yaml is loaded.
 * returns 0; or -1 with ret_err filled in
 */
int reads_check(char *ret_err, size_t err_size) MUSTCHECK;

/* reads_start - starts the thread; returns 0, or -1 (logged) if there can be none. */
int reads_start(struct app *app) MUSTCHECK;

/* reads_note - records what a request with a finished reply has shown. Threads: any. */
void reads_note(const struct request *rq);

/*
 * reads_stop - ends the thread after all entries are stored, or after wait_ms. No request may be in
 * flight any more.
 */
void reads_stop(int wait_ms);

#endif
