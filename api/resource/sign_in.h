/*
 * sign_in - what the endpoints that check a password have in common.
 */
#ifndef RESOURCE_SIGN_IN_H
#define RESOURCE_SIGN_IN_H

#include "http/request.h"

/* reply_too_many - 429, with the seconds to wait in Retry-After. */
int reply_too_many(struct request *rq, const char *seconds);

#endif
