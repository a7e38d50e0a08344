/*
 * basic - the client's credentials in an Authorization header.
 * source   RFC 7617; RFC 6749, 2.3.1
 */
#ifndef AUTH_BASIC_H
#define AUTH_BASIC_H

#include <stdbool.h>
#include "base/base.h"

#define BASIC_SIZE 1024

struct basic {
	char text[BASIC_SIZE];
	const char *id, *secret; /* in text */
};

/* basic_is - whether a header's value (NULL: absent) is of the scheme Basic. */
bool basic_is(const char *authorization);

/*
 * basic_read - decodes the value: base64 of "id:secret", each of the two as in a form (%XX, +).
 * returns false, with ret_basic undefined, for another scheme, bad base64, a missing colon, a
 * malformed %XX, bad UTF-8, or a value that does not fit
 */
bool basic_read(const char *authorization, struct basic *ret_basic) MUSTCHECK;

#endif
