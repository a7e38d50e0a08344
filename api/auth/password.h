/*
 * password - argon2id hashes of passwords, by libsodium. A password is hashed in NFC (RFC 8265).
 *
 * 19 MiB and 2 passes (OWASP Password Storage Cheat Sheet) take some 66 ms of one core. While the
 * server runs, dedicated hash threads do this: half as many as there are cores, at nice 10 (a
 * tenth of another thread's weight), so a flood of sign-ins starves neither the other requests
 * nor the memory. Niceness alone would not protect PostgreSQL: its processes may be in another
 * scheduling group, where our niceness has no effect, and would share every core with a hash.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include <stdbool.h>
#include "base/base.h"

#define PASSWORD_HASH_SIZE 128

/* password_init - call once, before any thread starts. Returns -1 when libsodium cannot be used. */
int password_init(void) MUSTCHECK;

/*
 * password_serve - starts the hash threads, which end with the process. The caller has blocked the
 * signals that it waits for. Before this call (and in commands) the caller's thread hashes.
 *
 * places   how many sign-ins may be under way at once; at most PASSWORD_PLACES
 * returns  -1 when a thread cannot be created
 */
#define PASSWORD_PLACES 32 /* 32 hashes of 66 ms: one hash thread needs about PASSWORD_WAIT_MS */
int password_serve(int places) MUSTCHECK;

/*
 * The functions below are safe from any thread.
 *
 * password_hash - hashes a new password.
 * returns 0; or -1 without memory, or when no hash thread was free within PASSWORD_WAIT_MS
 */
#define PASSWORD_WAIT_MS 2000
int password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE]) MUSTCHECK;

enum password_answer { PASSWORD_RIGHT, PASSWORD_WRONG, PASSWORD_BUSY };

/*
 * password_check - compares a password with a hash: in NFC first, then, where that differs, as
 * sent, because older versions hashed that.
 *
 * hash     NULL for an unknown user: takes the same time, and the answer is PASSWORD_WRONG
 * returns  PASSWORD_BUSY when no hash thread was free within wait_ms, or without memory (logged)
 */
enum password_answer password_check(const char *hash, const char *password, int wait_ms) MUSTCHECK;

/* password_same - returns whether two passwords are equal in NFC. */
bool password_same(const char *one, const char *other);

/*
 * password_admit - reserves a place for a sign-in. The caller calls it before its first query and
 * ends with password_leave().
 * returns false: all places are taken; one more sign-in would only block a worker thread
 */
bool password_admit(void) MUSTCHECK;
void password_leave(void);

/* The bounds of the command line, in bytes; openapi.yaml has those of the API. */
#define PASSWORD_MIN 12
#define PASSWORD_MAX 256

/*
 * password_weakness - tells passwords that attackers guess first: the username, a common or leaked
 * password (OWASP ASVS 5.0, 6.2.4, 6.2.12), or a piece of up to four bytes repeated.
 */
enum password_strength { PASSWORD_STRONG, PASSWORD_IS_USERNAME, PASSWORD_IS_COMMON };
enum password_strength password_weakness(const char *password, const char *username) MUSTCHECK;

#endif
