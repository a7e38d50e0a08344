/*
 * share - the fair share of a request's account, and what the answer says of it.
 *
 * Headers as draft-ietf-httpapi-ratelimit-headers has them: RateLimit-Policy tells how many requests (q)
 * an account may send in how many seconds (w), RateLimit how many are left now (r) and in how many
 * seconds the whole quota is there again (t).
 */
#ifndef HTTP_SHARE_H
#define HTTP_SHARE_H

#include "http/request.h"

/* share_take - counts the request, whose bearer is known; but no sign-out. A refusal comes after
 * a pause of 50 ms. returns 0; or the status of the reply: 429 */
int share_take(struct request *rq) MUSTCHECK;

/* share_headers - adds the headers to the reply, where the request was counted. */
void share_headers(struct request *rq);

#endif
