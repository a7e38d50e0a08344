/*
 * revoked - sessions that ended before their access tokens did.
 *
 * A set in memory, filled by sign-outs here, by NOTIFY from other processes
 * and by a periodic look at the database; an entry is forgotten when no token
 * of its session can be good any more.
 */
#ifndef AUTH_REVOKED_H
#define AUTH_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

/* revoked_init - ttl_s: the life of an access token. */
void revoked_init(int ttl_s);

void revoked_add(int64_t session_id);
bool revoked_has(int64_t session_id);

#endif
