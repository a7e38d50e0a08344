/*
 * problem - replies that refuse a request: application/problem+json, in the request's language.
 * source   RFC 9457
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "http/request.h"

/* Each function sets the reply and returns its status. */

/* reply_problem - the problem of base/messages.def with this code; an unknown code gives `internal`. */
int reply_problem(struct request *rq, const char *code);

/* reply_problem_wait - the same with Retry-After; the detail names the wait_s seconds. */
int reply_problem_wait(struct request *rq, const char *code, int wait_s);

/*
 * reply_problem_text(rq, TEXT_x, args...) - the problem that a DETAIL of base/messages.def belongs to,
 * with that more precise detail. args: one string for each of its {1}, {2}, …
 */
#define reply_problem_text(rq, ...) reply_problem_message(rq, MESSAGE(__VA_ARGS__))
int reply_problem_message(struct request *rq, enum text text, const char *const args[]);

/* reply_problem_about - the same with one more member (value NULL: without). Takes the reference to value. */
int reply_problem_about(struct request *rq, const char *code, const char *member, json_t *value);

/*
 * reply_faults - the problem `invalid` (422) with rq->faults.
 * reply_faults_of - another problem with rq->faults.
 */
int reply_faults(struct request *rq);
int reply_faults_of(struct request *rq, const char *code);

#endif
