/*
 * revoked - sessions that ended before their access tokens expired.
 *
 * Two sets in memory: single sessions that ended, and accounts whose sessions all ended. Sign-outs
 * in this process add entries, and api/sign_outs.c adds those of the database. An entry is dropped
 * once every token that it concerns has expired. Safe from any thread after revoked_init.
 */
#ifndef AUTH_REVOKED_H
#define AUTH_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/token.h"

/* revoked_init - sets the life of an access token in seconds; before any thread starts. */
void revoked_init(int ttl_s);

/*
 * revoked_loaded - declares that the sets hold all sessions that ended before this process began.
 * revoked_ready - returns whether that happened; until then no token can be judged.
 */
void revoked_loaded(void);
bool revoked_ready(void);

/* revoked_add - records that the session ended. */
void revoked_add(int64_t session_id);

/*
 * revoked_add_account - records that all sessions of the account from before this epoch ended.
 * ended  Unix time of their end, by the database's clock
 */
void revoked_add_account(int64_t advisor_id, int64_t epoch, int64_t ended);

/* revoked_has - returns whether revoked_add was called for the session. */
bool revoked_has(int64_t session_id);

/*
 * revoked_token - returns whether the token's session ended. A token without an epoch (of an older
 * version) counts as ended if it was issued up to REVOKED_SKEW_S after the account's sessions
 * ended, as clocks differ.
 */
#define REVOKED_SKEW_S 5
bool revoked_token(const struct claims *claims);

#endif
