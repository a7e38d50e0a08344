/*
 * throttle - which sign-ins the database has refused, and until when.
 *
 * The throttle itself is the database's (db/migrations/0009_sign_in_throttle.sql);
 * this remembers what it said, so that a flood of attempts is refused without a
 * round trip each. Of fixed size: who is forgotten is asked for again.
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include <stdint.h>
#include "base/base.h"

/* The buckets, as sign_in_wait() numbers them. */
enum throttle_bucket {
	THROTTLE_PAIR = 1,
	THROTTLE_ADDRESS,
	THROTTLE_ACCOUNT,
	THROTTLE_SIGN_INS /* those of an account that went well: sign_in_allowed_ms() */
};

/* throttle_init - makes the key of its hashes; before threads. */
void throttle_init(void);

/* throttle_wait_ms - how long an attempt would yet be refused; 0: ask the database. */
int64_t throttle_wait_ms(const char *username, const char *address);

/*
 * throttle_refused - the database has refused an attempt.
 *
 * asked_ms  clock_ms() of before it was asked, so that nothing is held for longer than it said
 */
void throttle_refused(enum throttle_bucket bucket, const char *username, const char *address,
    int64_t asked_ms, int64_t wait_ms);

/*
 * throttle_know - the account was signed in to from there lately, so only the account's own bucket at this
 * address counts (known_address in db/migrations/0015_sessions.sql). throttle_know_hash - the same, given known_address_hash()
 * in hex. Some others are taken for known: for them the database is asked, which knows better.
 */
void throttle_know(const char *username, const char *address);
void throttle_know_hash(const char *hash);

/* throttle_forget - a right password has given back what it took. */
void throttle_forget(const char *username, const char *address);

#endif
