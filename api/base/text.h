/*
 * text - small questions about bytes that came from outside.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

/* text_is_utf8 - well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, at most U+10FFFF. */
bool text_is_utf8(const char *s, size_t n);

/* text_length - characters (code points) of well-formed UTF-8. */
size_t text_length(const char *s);

/* text_is_id - 1 to 19 digits, no leading zero, fits a positive int64: an id in a path. */
bool text_is_id(const char *s);

/* text_is_date - a day that exists, as YYYY-MM-DD, years 0001 to 9999. */
bool text_is_date(const char *s);

/* text_is_instant - such a day and a time of it in UTC: YYYY-MM-DDTHH:MM:SS, a fraction of the second or none, Z. */
bool text_is_instant(const char *s);

/* text_is_ruc - 11 digits with a known prefix and the right check digit (SUNAT). */
bool text_is_ruc(const char *s);

/*
 * text_tag - a 64-bit hash in hexadecimal, without leading zeros: tells a text from the one
 * before it. It is PostgreSQL's to_hex(hashtextextended(s, 0)), so that the database can
 * compare what was made here (PostgreSQL, src/common/hashfn.c; Bob Jenkins' lookup3).
 */
#define TEXT_TAG_SIZE 17
void text_tag(const char *s, size_t n, char ret_tag[static TEXT_TAG_SIZE]);

/*
 * text_percent_decode - decodes %XX in place (and + as space when plus is true).
 * returns false for a malformed escape, %00, or bytes that are not UTF-8.
 */
bool text_percent_decode(char *s, bool plus) MUSTCHECK;

#endif
