/*
 * guard - refuses what civetweb lets through.
 *
 * civetweb cuts the head in place, in one buffer, each terminator overwritten
 * by NUL; so from where its strings stand the guard can tell what was between
 * them: folded lines, bare line feeds, spaces before a colon, dropped headers.
 * source   RFC 9112 sections 2.2, 3, 5, 6; RFC 9110 sections 5.6, 7.2
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>
#include "base/messages.h"

struct mg_request_info;

#define GUARD_URI_MAX  8000
#define GUARD_HEAD_MAX 16384

/* How the body comes, as the head says. */
enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct guard {
	enum framing framing;
	long long content_length; /* for FRAMING_LENGTH */
	bool keep_alive; /* the peer wants to keep the connection, and civetweb will */
	bool expects_continue;
	size_t head_length; /* bytes of the buffer up to the body; 0 = not known */
};

/*
 * guard_check - looks at a head that civetweb has parsed.
 *
 * buffer   where the head's first byte was received to, NULL = not known;
 * filled   bytes received there, the head's and what came with it
 * returns  TEXT_NONE when it is good, and ret_guard is filled in; or what was
 *          wrong, a DETAIL of bad_request, uri_too_long, headers_too_large or
 *          expectation_failed
 */
enum text guard_check(const struct mg_request_info *ri, const char *buffer, size_t filled,
    struct guard *ret_guard) MUSTCHECK;

/* guard_method_is_strange - the method is none of HTTP's own that this service takes, whether civetweb knows it or not. */
bool guard_method_is_strange(const struct mg_request_info *ri);

/* guard_header - the value of the first header of that name, or NULL; trimmed once guard_check was passed. */
const char *guard_header(const struct mg_request_info *ri, const char *name);

/* guard_json_depth - the deepest nesting of arrays and objects in JSON text; stops counting past max. */
int guard_json_depth(const char *text, size_t length, int max);

#endif
