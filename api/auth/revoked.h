/*
 * revoked - sessions that ended before their access tokens did.
 *
 * Two sets in memory: sessions that ended one by one, and accounts whose sessions ended all together.
 * Sign-outs in this process fill them, and api/sign_outs.c from the database. An entry is forgotten
 * when no token that it speaks of can be good any more.
 */
#ifndef AUTH_REVOKED_H
#define AUTH_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/token.h"

/* revoked_init - ttl_s: the life of an access token. */
void revoked_init(int ttl_s);

/*
 * revoked_loaded - the sets now have what had ended before this process began.
 * revoked_ready - whether that was ever said: until then nobody can tell whether a token is good.
 */
void revoked_loaded(void);
bool revoked_ready(void);

/* revoked_add - this session is over. */
void revoked_add(int64_t session_id);

/*
 * revoked_add_account - all sessions of the account that began in an epoch before this one are over.
 * ended  when, in seconds since 1970 by the database's clock
 */
void revoked_add_account(int64_t advisor_id, int64_t epoch, int64_t ended);

/* revoked_has - revoked_add was called for the session. */
bool revoked_has(int64_t session_id);

/*
 * revoked_token - the token's session is over. A token of a version before, which says no epoch, is
 * over where it was issued before the account's sessions ended, or REVOKED_SKEW_S later: clocks differ.
 */
#define REVOKED_SKEW_S 5
bool revoked_token(const struct claims *claims);

#endif
