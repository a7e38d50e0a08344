/*
 * webhook_signature - secrets and signatures of webhooks, by Standard Webhooks 1.0 (standardwebhooks.com).
 *
 * A secret is 32 random bytes. Inside the program it is a token of auth/secret.h (base64url); its owner gets `whsec_` and the same
 * bytes as base64. All functions are safe from any thread.
 */
#ifndef AUTH_WEBHOOK_SIGNATURE_H
#define AUTH_WEBHOOK_SIGNATURE_H

#include <stddef.h>
#include "auth/secret.h"

#define WEBHOOK_SECRET_SIZE    51 /* whsec_, 44 characters of base64, and a NUL */
#define WEBHOOK_SIGNATURE_SIZE 48 /* v1, a comma, 44 characters of base64, and a NUL */

/* webhook_secret_text - writes the secret as its owner gets it. */
void webhook_secret_text(
    const char token[static SECRET_TOKEN_SIZE], char ret_text[static WEBHOOK_SECRET_SIZE]);

/*
 * webhook_signature - writes `v1,` and the HMAC-SHA256 of id.timestamp.body.
 *
 * token      the secret
 * id         header webhook-id
 * timestamp  header webhook-timestamp: seconds since 1970
 * body       length bytes
 */
void webhook_signature(const char token[static SECRET_TOKEN_SIZE], const char *id,
    const char *timestamp, const char *body, size_t length,
    char ret_signature[static WEBHOOK_SIGNATURE_SIZE]);

#endif
