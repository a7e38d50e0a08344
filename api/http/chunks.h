/*
 * chunks - holds a chunked body to a strict form of RFC 9112, 7.1, whatever the HTTP library takes.
 *
 * civetweb 1.15 refuses chunk extensions; 1.16 skips them up to the next CR,
 * however many bytes and line feeds come before it, a byte a call. A proxy in
 * front that ends the extension at the line feed would see another body. So
 * extensions are refused here, and trailers have a bound; both versions then
 * answer alike.
 */
#ifndef HTTP_CHUNKS_H
#define HTTP_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

#define CHUNKS_TRAILER_MAX 4096

/* How far a body has come; all zero at its begin. */
struct chunks {
	enum {
		CHUNKS_SIZE,
		CHUNKS_SIZE_LF,
		CHUNKS_DATA,
		CHUNKS_DATA_CR,
		CHUNKS_DATA_LF,
		CHUNKS_TRAILER, /* at the begin of a line: a field, or the empty line that ends all */
		CHUNKS_TRAILER_LINE,
		CHUNKS_TRAILER_LF,
		CHUNKS_END
	} state;
	bool has_digit; /* of the present size */
	uint64_t left; /* of the present size, then of the present chunk's data */
	size_t trailer; /* bytes since the last chunk */
};

/* chunks_feed - takes the next n bytes as they were received, framing and data; false at the first that is malformed. */
bool chunks_feed(struct chunks *c, const char *bytes, size_t n) MUSTCHECK;

#endif
