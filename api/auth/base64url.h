/*
 * base64url - strict base64url without padding (RFC 4648, section 5), by libsodium.
 */
#ifndef AUTH_BASE64URL_H
#define AUTH_BASE64URL_H

#include <stdbool.h>
#include "base/base.h"

/* base64url_char - returns whether c is in the alphabet. */
bool base64url_char(char c);

/*
 * base64url_decode - decodes `length` characters into ret_bytes, which holds `size` bytes.
 * returns false for a character outside the alphabet, non-zero trailing bits, or a small buffer
 */
bool base64url_decode(
    const char *text, size_t length, char *ret_bytes, size_t size, size_t *ret_length) MUSTCHECK;

#endif
