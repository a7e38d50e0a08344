/*
 * problem - the reply that refuses a request: application/problem+json (RFC 9457), in the request's language.
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "http/request.h"

/* Each of these sets the reply and returns its status. */

/* reply_problem - a problem of base/messages.def, in the request's language. */
int reply_problem(struct request *rq, const char *code);

/* reply_problem_wait - the same, with Retry-After, and the seconds in the detail. */
int reply_problem_wait(struct request *rq, const char *code, int wait_s);

/* reply_problem_text(rq, TEXT_x, args...) - the same, said more precisely: a DETAIL, with strings for its {1}, {2}, … */
#define reply_problem_text(rq, ...) reply_problem_message(rq, MESSAGE(__VA_ARGS__))
int reply_problem_message(struct request *rq, enum text text, const char *const args[]);

/* reply_faults - 422 with all that is in rq->faults; reply_faults_of: as another problem than `invalid`. */
int reply_faults(struct request *rq);
int reply_faults_of(struct request *rq, const char *code);

#endif
