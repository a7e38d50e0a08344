/*
 * sign_in - what the endpoints that check a password have in common.
 */
#ifndef RESOURCE_SIGN_IN_H
#define RESOURCE_SIGN_IN_H

#include "http/request.h"

/* reply_too_many - 429, with the seconds to wait in Retry-After. */
int reply_too_many(struct request *rq, const char *seconds);

/* attempt_was_right - it does not count for the throttle; false: the reply is set. */
bool attempt_was_right(struct request *rq, const char *username) MUSTCHECK;

#endif
