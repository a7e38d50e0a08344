/*
 * share - limits each account's request rate (auth/fair_share.h), and tells the client its quota.
 *
 * RateLimit-Policy: an account may send q requests in w seconds. RateLimit: r requests are left, and
 * the quota is full again in t seconds.
 * source   draft-ietf-httpapi-ratelimit-headers
 */
#ifndef HTTP_SHARE_H
#define HTTP_SHARE_H

#include "http/request.h"

/*
 * share_take - counts an authenticated request, and pauses its thread if the account sends too fast.
 * Sign-outs and requests without a token are not counted.
 * returns 0; or the status of the reply: 429 with Retry-After
 */
int share_take(struct request *rq) MUSTCHECK;

/* share_headers - adds the two headers to the reply, if the request was counted. */
void share_headers(struct request *rq);

#endif
