/*
 * secrets - keeps the stored secrets of webhooks readable while the keys that encrypt them are rotated.
 */
#ifndef EVENT_SECRETS_H
#define EVENT_SECRETS_H

#include <stdbool.h>

struct pool;

/*
 * secrets_renew - encrypts with the key ring's first key what was encrypted with the second, before that goes. A secret that
 * no key decrypts is logged: its webhook cannot be sent to until the secret is rotated.
 * returns false when the database fails
 */
bool secrets_renew(struct pool *pool);

#endif
