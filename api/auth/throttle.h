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
enum throttle_bucket { THROTTLE_PAIR = 1, THROTTLE_ADDRESS, THROTTLE_ACCOUNT };

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

/* throttle_forget - a right password has given back what it took. */
void throttle_forget(const char *username, const char *address);

#endif
