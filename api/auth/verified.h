/*
 * verified - access tokens whose signature and claims were found good before.
 *
 * A table of fixed size in memory, kept under a keyed hash of the token
 * (BLAKE2b-256, the key random and of this process), so that no token lies in
 * it. An entry is good as long as its token: it says nothing of ended
 * sessions, whom `revoked` knows.
 */
#ifndef AUTH_VERIFIED_H
#define AUTH_VERIFIED_H

#include "auth/claims.h"

#define VERIFIED_HASH_BYTES 32

/* verified_init - forgets all; before threads. */
void verified_init(void);

void verified_hash(
    const char *token, size_t length, unsigned char ret_hash[static VERIFIED_HASH_BYTES]);

/* verified_find - true: it was found good before, and is so at `now` (seconds since 1970). */
bool verified_find(
    const unsigned char hash[static VERIFIED_HASH_BYTES], int64_t now, struct claims *ret_claims);

/* verified_keep - in the place of whatever had it; good from `from` on, until claims->expires. */
void verified_keep(const unsigned char hash[static VERIFIED_HASH_BYTES],
    const struct claims *claims, int64_t from);

#endif
