/*
 * media - Accept and Content-Type (RFC 9110, 8.3 and 12.5.1).
 */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include <stdbool.h>

/* media_accepts - whether an Accept header (NULL: all) takes the type "application/json". */
bool media_accepts(const char *accept, const char *type);

/*
 * media_is - whether a Content-Type is this type, in UTF-8 where it names a charset:
 * utf-8 or utf8, in either case, with or without quotes.
 */
bool media_is(const char *content_type, const char *type);

#endif
