/*
 * media - media types in Accept and Content-Type. Thread-safe.
 * source   RFC 9110, 8.3 and 12.5.1
 */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include <stdbool.h>

/* media_accepts - whether an Accept header (NULL: any type) accepts this type, "application/json". */
bool media_accepts(const char *accept, const char *type);

/*
 * media_quality - how much the client wants the type: the q of the range that matches it most
 * precisely; 0: not at all, 1 where there is no Accept.
 */
double media_quality(const char *accept, const char *type);

/*
 * media_is - whether a Content-Type (NULL: absent) is this type. If it has a charset, it must be
 * utf-8 or utf8, in any case, quoted or not.
 */
bool media_is(const char *content_type, const char *type);

#endif
