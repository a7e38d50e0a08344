/*
 * token - access tokens: JWT (RFC 7519, RFC 9068) signed with HS256, by libjwt.
 *
 * The only user of jwt.h. libjwt 1.10 checks nothing but the signature; this
 * file checks everything else. A token's header must equal, byte for byte, the
 * one that we write with one of our keys, which settles alg, kid, typ and crit.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include "auth/claims.h"
#include "base/base.h"

#define TOKEN_SIZE_MAX 1024

/*
 * token_init - sets the keys; before any thread starts. Both strings must stay valid.
 *
 * secret    signs and verifies
 * previous  only verifies; NULL or "": there is none
 * returns   -1 when libjwt cannot use a key
 */
int token_init(const char *secret, const char *previous) MUSTCHECK;

/*
 * token_issue - makes a token that is valid for life_s seconds from `issued` (Unix time). Equal
 * arguments give equal bytes. Safe from any thread.
 *
 * id       the jti, from secret_id()
 * returns  a string that the caller frees; NULL when out of memory
 */
char *token_issue(
    const struct claims *claims, int64_t issued, int life_s, const char *id) MUSTCHECK;

/*
 * token_verify - returns whether we signed the token and it is valid now, with its claims. Whether
 * its session ended is for revoked_token to say. Safe from any thread.
 */
bool token_verify(const char *token, struct claims *ret_claims) MUSTCHECK;

#endif
