/*
 * base64url - RFC 4648, section 5, without padding; strict (libsodium's).
 */
#ifndef AUTH_BASE64URL_H
#define AUTH_BASE64URL_H

#include <stdbool.h>
#include "base/base.h"

/* base64url_char - one of the 64. */
bool base64url_char(char c);

/* base64url_decode - false for a character out of the alphabet, loose last bits, or too little room. */
bool base64url_decode(
    const char *text, size_t length, char *ret_bytes, size_t size, size_t *ret_length) MUSTCHECK;

#endif
