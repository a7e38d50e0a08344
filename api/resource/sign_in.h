/*
 * sign_in - throttling, for the endpoints that check a password (auth/throttle.h).
 */
#ifndef RESOURCE_SIGN_IN_H
#define RESOURCE_SIGN_IN_H

#include "http/request.h"

/*
 * attempt_block - returns the client's address, or its IPv6 network, in the arena: attempts from it
 * are counted together.
 */
const char *attempt_block(struct request *rq);

/* attempt_check_cache - returns 0, or 429 (the reply is set): the cache says the database refuses. */
int attempt_check_cache(struct request *rq, const char *username) MUSTCHECK;

/*
 * attempt_check_row - the same, from what sign_in_wait() returned: bucket and milliseconds in columns
 * col and col + 1 of row 0. A refusal is cached.
 */
int attempt_check_row(
    struct request *rq, const char *username, const struct result *row, int col) MUSTCHECK;

/* attempt_succeeded - frees the buckets after a right password. returns false: the reply is set */
bool attempt_succeeded(struct request *rq, const char *username) MUSTCHECK;

#endif
