/*
 * secret - random tokens, their hashes and encryption, and signed texts.
 *
 * All keys are derived from the signing secret (keyed BLAKE2b, the key being the
 * purpose), so the administrator keeps one secret. All functions but secret_init
 * are safe from any thread.
 */
#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

#include <stdbool.h>
#include "base/base.h"

#define SECRET_TOKEN_SIZE 44 /* 32 random bytes as base64url, and a NUL */
#define SECRET_HASH_SIZE  65 /* BLAKE2b-256 in hex, and a NUL */

/* secret_token - writes a new random refresh token. */
void secret_token(char ret_token[static SECRET_TOKEN_SIZE]);

/* secret_hash - writes the token's hash, which is what the database stores. */
void secret_hash(const char *token, char ret_hash[static SECRET_HASH_SIZE]);

/*
 * secret_keep - a token, encrypted (XSalsa20-Poly1305), as base64url: for the database to keep.
 * secret_kept - the token again; false when it was not kept by us, or under another secret.
 */
#define SECRET_KEPT_SIZE 112
void secret_keep(
    const char token[static SECRET_TOKEN_SIZE], char ret_kept[static SECRET_KEPT_SIZE]);
bool secret_kept(const char *kept, char ret_token[static SECRET_TOKEN_SIZE]) MUSTCHECK;

/*
 * secret_mac - writes two keyed hashes of a text that a plain hash would let attackers guess.
 * The database stores the first. The second, made with the previous secret, matches what was
 * stored under it; without a previous secret it equals the first.
 */
void secret_mac(const char *text, char ret_macs[static 2][SECRET_HASH_SIZE]);

/* secret_id - writes 16 random bytes in hex: a request's id, a token's jti. */
#define SECRET_ID_SIZE 33
void secret_id(char ret_id[static SECRET_ID_SIZE]);

/*
 * secret_init - derives the keys; before any thread starts.
 *
 * previous  the secret before: still accepted for decrypting and verifying, never used to make
 *           anything new; NULL or "": there is none
 */
void secret_init(const char *signing_secret, const char *previous);

/*
 * secret_seal - base64url of a seal and the text: what a client carries and gives back.
 *
 * about    what the text is good for; the same must be given to open it
 * returns  ret_sealed, or NULL when it does not fit
 */
char *secret_seal(const char *about, const char *text, char *ret_sealed, size_t size);

/* secret_open - the text; false when it was not sealed by us, for this. */
bool secret_open(const char *about, const char *sealed, char *ret_text, size_t size) MUSTCHECK;

#endif
