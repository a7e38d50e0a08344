/*
 * throttle - a cache of the sign-ins that the database refused, and until when.
 *
 * The database decides (db/migrations/0009_sign_in_throttle.sql). This cache
 * lets the server refuse a flood of attempts without a query for each. Its
 * size is fixed; an evicted entry costs one more query. All functions but
 * throttle_init are safe from any thread.
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

/* The buckets, as sign_in_wait() numbers them. */
enum throttle_bucket {
	THROTTLE_PAIR = 1, /* attempts of one account from one address */
	THROTTLE_ADDRESS, /* attempts from one address */
	THROTTLE_ACCOUNT, /* attempts of one account */
	THROTTLE_SIGN_INS /* an account's successful sign-ins: sign_in_allowed_ms() */
};

/* throttle_init - drops all refusals and makes the key of its hashes; before any thread starts. */
void throttle_init(void);

/* throttle_wait_ms - returns for how long the database would still refuse an attempt; 0: ask it. */
int64_t throttle_wait_ms(const char *username, const char *address);

/*
 * throttle_refused - records that the database refused an attempt for wait_ms.
 *
 * asked_ms  clock_ms() from before the query, so that no refusal lasts longer than the database said
 */
void throttle_refused(enum throttle_bucket bucket, const char *username, const char *address,
    int64_t asked_ms, int64_t wait_ms);

/*
 * throttle_know - records that the account was signed in to from this address lately, so that only
 * the bucket of this pair counts (known_address in db/migrations/0015_sessions.sql).
 * throttle_know_hash - the same, given known_address_hash() in hex; or that a machine account's secret
 * has this hash, so that nothing is counted against it.
 * The record is a Bloom filter: for a false positive the server asks the database.
 */
void throttle_know(const char *username, const char *address);
void throttle_know_hash(const char *hash);

/* throttle_knows_hash - whether throttle_know_hash was called for it; of other hashes, of 1 in some 2,500. */
bool throttle_knows_hash(const char *hash);

/* throttle_forget - drops the refusals of attempts, after a sign-in succeeded and freed its buckets. */
void throttle_forget(const char *username, const char *address);

#endif
