/*
 * text - checks and conversions of text that came from outside. All are safe from any thread.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

/* text_is_utf8 - well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, at most U+10FFFF. */
bool text_is_utf8(const char *s, size_t n);

/* text_length - returns the number of code points of well-formed UTF-8. */
size_t text_length(const char *s);

/* text_is_id - an id in a path: 1 to 19 digits without a leading zero, at most 2^63 - 1. */
bool text_is_id(const char *s);

/* text_is_date - an existing day as YYYY-MM-DD, years 0001 to 9999. */
bool text_is_date(const char *s);

/* text_is_instant - an instant in UTC: YYYY-MM-DDTHH:MM:SS, optionally .digits, then Z (RFC 3339). */
bool text_is_instant(const char *s);

/*
 * text_days_reversed - whether `to` is before `from`. Compares two days or two instants (to the second); a day and an instant, or
 * NULL, are not compared.
 */
bool text_days_reversed(const char *from, const char *to);

/* text_is_ruc - a Peruvian tax number (RUC): 11 digits, known prefix, correct check digit (SUNAT). */
bool text_is_ruc(const char *s);

/*
 * text_tag - writes a 64-bit hash of n bytes in hexadecimal, without leading zeros, for entity tags.
 * It equals PostgreSQL's to_hex(hashtextextended(s, 0)), so that the database can compute and
 * compare the same tag (PostgreSQL, src/common/hashfn.c; Bob Jenkins' lookup3).
 */
#define TEXT_TAG_SIZE 17
void text_tag(const char *s, size_t n, char ret_tag[static TEXT_TAG_SIZE]);

/*
 * text_put_number, text_put_hex - write n, a NUL behind it, and return the NUL's place. For what every request writes: printf takes
 * ten times as long.
 */
#define TEXT_NUMBER_SIZE 21
char *text_put_number(char *out, uint64_t n);
char *text_put_hex(char *out, uint64_t n);

/*
 * text_percent_decode - decodes %XX in place, and + to a space when plus is true.
 * returns false for a malformed escape, %00, or a result that is not UTF-8
 */
bool text_percent_decode(char *s, bool plus) MUSTCHECK;

#endif
