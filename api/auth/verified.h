/*
 * verified - a cache of access tokens whose signature and claims were verified.
 *
 * A table of fixed size in memory. Its keys are keyed hashes of the tokens
 * (BLAKE2b-256; the hash key is random and never leaves the process), so it
 * holds no token. An entry is valid as long as its token. It says nothing about
 * ended sessions: see revoked.h. Safe from any thread after verified_init.
 */
#ifndef AUTH_VERIFIED_H
#define AUTH_VERIFIED_H

#include "auth/claims.h"

#define VERIFIED_HASH_BYTES 32

/* verified_init - empties the cache; before any thread starts. */
void verified_init(void);

/* verified_hash - writes the keyed hash of a token of length bytes. */
void verified_hash(
    const char *token, size_t length, unsigned char ret_hash[static VERIFIED_HASH_BYTES]);

/* verified_find - returns whether the cache has the token and it is valid at `now` (Unix time). */
bool verified_find(
    const unsigned char hash[static VERIFIED_HASH_BYTES], int64_t now, struct claims *ret_claims);

/*
 * verified_keep - caches a verified token, valid from `from` (Unix time) until claims->expires. It
 * replaces the entry in its slot, if any.
 */
void verified_keep(const unsigned char hash[static VERIFIED_HASH_BYTES],
    const struct claims *claims, int64_t from);

#endif
