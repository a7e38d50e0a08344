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
#include <stddef.h>
#include "base/base.h"

#define SECRET_TOKEN_SIZE 44 /* 32 random bytes as base64url, and a NUL */
#define SECRET_HASH_SIZE  65 /* BLAKE2b-256 in hex, and a NUL */

/* secret_token - writes a new random refresh token. */
void secret_token(char ret_token[static SECRET_TOKEN_SIZE]);

/* What a machine account's secret begins with; a token follows. */
#define SECRET_PREFIX "gsec_"

/* secret_hash - writes the token's hash, which is what the database stores. */
void secret_hash(const char *token, char ret_hash[static SECRET_HASH_SIZE]);

/*
 * secret_hash_begin, _add, _end - the hash of bytes that come in pieces.
 */
struct secret_hashing {
	_Alignas(64) unsigned char state[384];
};
void secret_hash_begin(struct secret_hashing *h);
void secret_hash_add(struct secret_hashing *h, const char *bytes, size_t n);
void secret_hash_end(struct secret_hashing *h, char ret_hash[static SECRET_HASH_SIZE]);

/*
 * secret_encrypt - encrypts a token (XSalsa20-Poly1305) and writes base64url, for the database.
 * secret_decrypt - the inverse. Returns false for anything that secret_encrypt did not make with
 * the present or the previous secret.
 */
#define SECRET_ENCRYPTED_SIZE 112
void secret_encrypt(
    const char token[static SECRET_TOKEN_SIZE], char ret_encrypted[static SECRET_ENCRYPTED_SIZE]);
bool secret_decrypt(const char *encrypted, char ret_token[static SECRET_TOKEN_SIZE]) MUSTCHECK;

/* secret_is_current - whether secret_encrypt made it with the present secret. */
bool secret_is_current(const char *encrypted) MUSTCHECK;

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
 * secret_sign - writes base64url of a MAC and the text. The client stores it and sends it back.
 *
 * context  what the text is for; secret_verify must get the same
 * returns  ret_signed, or NULL when it does not fit into size bytes
 */
char *secret_sign(const char *context, const char *text, char *ret_signed, size_t size);

/*
 * secret_verify - writes the text of what secret_sign returned.
 * returns false, with ret_text undefined, for a wrong MAC or context, or when it does not fit
 */
bool secret_verify(
    const char *context, const char *signed_text, char *ret_text, size_t size) MUSTCHECK;

#endif
