/*
 * sign_in - what the endpoints that check a password have in common.
 */
#ifndef RESOURCE_SIGN_IN_H
#define RESOURCE_SIGN_IN_H

#include "http/request.h"

/* attempt_block - the address, or network, whose attempts count together. */
const char *attempt_block(struct request *rq);

/* attempt_refused - 0, or 429: the database has refused such a one, and not long ago. */
int attempt_refused(struct request *rq, const char *username) MUSTCHECK;

/* attempt_judged - what sign_in_wait() said: columns col and col + 1 of the row. 0, or 429, and remembered. */
int attempt_judged(
    struct request *rq, const char *username, const struct result *row, int col) MUSTCHECK;

/* attempt_was_right - it does not count for the throttle; false: the reply is set. */
bool attempt_was_right(struct request *rq, const char *username) MUSTCHECK;

#endif
