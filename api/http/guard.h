/*
 * guard - refuses malformed and ambiguous heads that civetweb accepts.
 *
 * civetweb splits the head in place, in one buffer, and overwrites each terminator with NUL. From
 * the addresses of its strings the guard can tell what was between them: folded lines, bare line
 * feeds, spaces before a colon, dropped headers.
 * source   RFC 9112 sections 2.2, 3, 5, 6; RFC 9110 sections 5.6, 7.2
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>
#include "base/messages.h"

struct mg_request_info;

/* bytes */
#define GUARD_URI_MAX  8000
#define GUARD_HEAD_MAX 16384

/* How the body is delimited: not at all, by Content-Length, by chunked coding. */
enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct guard {
	enum framing framing;
	long long content_length; /* for FRAMING_LENGTH */
	bool keep_alive; /* the client wants to keep the connection, and civetweb will */
	bool expects_continue; /* the client waits for 100 Continue before it sends the body */
	size_t head_length; /* bytes of the buffer before the body; 0: unknown */
};

/*
 * guard_check - checks a head that civetweb has parsed, and trims blanks behind its values in place.
 *
 * buffer   address of the head's first byte; NULL: unknown
 * filled   bytes received there: the head, and what came with it
 * returns  TEXT_NONE if the head is good, with ret_guard filled in; else what is wrong: a DETAIL of
 *          bad_request, uri_too_long, headers_too_large or expectation_failed (messages.def)
 */
enum text guard_check(const struct mg_request_info *ri, const char *buffer, size_t filled,
    struct guard *ret_guard) MUSTCHECK;

/*
 * guard_method_is_unknown - whether the method is well-formed but not one that this service knows:
 * such a request is answered 501. False if HTTP's version is unknown.
 */
bool guard_method_is_unknown(const struct mg_request_info *ri);

/*
 * guard_header - the value of the first header of this name, or NULL. It is civetweb's string, and
 * trimmed after guard_check has returned TEXT_NONE.
 */
const char *guard_header(const struct mg_request_info *ri, const char *name);

/*
 * guard_raw_header - a header's value from a head that civetweb could not parse.
 *
 * bytes      the head, n bytes
 * ret_value  the value, cut to size - 1 bytes
 * returns    ret_value; NULL: the header is absent
 */
const char *guard_raw_header(
    const char *bytes, size_t n, const char *name, char *ret_value, size_t size);

#endif
