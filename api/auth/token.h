/*
 * token - access tokens: JWT (RFC 7519, RFC 9068) signed with HS256, by libjwt.
 *
 * The only user of jwt.h. libjwt 1.10 checks the signature and nothing else;
 * all the rest is checked here. A token's header must be, byte for byte, the
 * one that we write under one of our keys, which leaves nothing to say about
 * alg, kid, typ or crit.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include "auth/claims.h"
#include "base/base.h"

#define TOKEN_SIZE_MAX 1024

/*
 * token_init - keeps the keys; before threads.
 *
 * secret    signs and verifies; both must outlive all tokens
 * previous  only verifies; NULL or "": there is none
 * returns   -1 when libjwt refuses
 */
int token_init(const char *secret, const char *previous) MUSTCHECK;

/*
 * token_issue - a token of the first key, good for life_s from `issued` (seconds since 1970): the
 * same bytes for the same claims, time and id (jti; secret_id()).
 * returns  a string of the caller's (free), or NULL when out of memory
 */
char *token_issue(
    const struct claims *claims, int64_t issued, int life_s, const char *id) MUSTCHECK;

/* token_verify - true: ours, unaltered, of the right form, and good now. */
bool token_verify(const char *token, struct claims *ret_claims) MUSTCHECK;

#endif
