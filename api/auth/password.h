/*
 * password - argon2id, by libsodium, of a password in NFC (RFC 8265).
 *
 * 19 MiB and 2 passes (OWASP Password Storage Cheat Sheet): some 66 ms of one
 * core. While serving, threads of their own do it, half as many as there are cores,
 * each with a tenth of another thread's weight (nice 10): a flood of sign-ins
 * starves neither the other requests nor the memory. The niceness alone would not
 * do: PostgreSQL's processes may be scheduled in groups of their own, in which it
 * says nothing, and would find a hash on every core.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include <stdbool.h>
#include "base/base.h"

#define PASSWORD_HASH_SIZE 128

/* password_init - once, before threads. returns -1 when libsodium cannot be used. */
int password_init(void) MUSTCHECK;

/*
 * password_serve - starts the threads; when signals are blocked. They end with the process.
 *
 * places   sign-ins at once, of which most wait; no more than PASSWORD_PLACES in any case
 * returns  -1 when it cannot
 */
#define PASSWORD_PLACES 32 /* two seconds' worth for one thread, of which nobody waits for longer */
int password_serve(int places) MUSTCHECK;

/* password_hash - returns 0, or -1 when there was no memory for it, or no turn within PASSWORD_WAIT_MS. */
#define PASSWORD_WAIT_MS 2000
int password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE]) MUSTCHECK;

enum password_answer { PASSWORD_RIGHT, PASSWORD_WRONG, PASSWORD_BUSY };

/*
 * password_check - the password in NFC, and as it was sent where that differs, for older hashes. hash NULL (an unknown user) takes the same time and is wrong.
 * returns  PASSWORD_BUSY where it cannot be told: its turn did not come within wait_ms, or there was no memory (logged)
 */
enum password_answer password_check(const char *hash, const char *password, int wait_ms) MUSTCHECK;

/* password_same - they are one password, in whatever parts their letters were sent. */
bool password_same(const char *one, const char *other);

/*
 * password_admit - a place for a sign-in, from before its first question to the
 * database until password_leave(). false: all are taken, and one more could only
 * wait, holding a thread that somebody else's request needs.
 */
bool password_admit(void) MUSTCHECK;
void password_leave(void);

#define PASSWORD_MIN 12
#define PASSWORD_MAX 256

/*
 * password_weakness - whether it is one that is guessed first: the username, a
 * common or often leaked one (OWASP ASVS 5.0, 6.2.4, 6.2.12), or one character or a short piece again and again.
 */
enum password_strength { PASSWORD_STRONG, PASSWORD_IS_USERNAME, PASSWORD_IS_COMMON };
enum password_strength password_weakness(const char *password, const char *username) MUSTCHECK;

#endif
