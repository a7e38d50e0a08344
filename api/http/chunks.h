/*
 * chunks - checks the framing of a chunked body more strictly than civetweb does.
 *
 * civetweb 1.15 refuses chunk extensions. 1.16 skips them up to the next CR, across any number of
 * bytes and line feeds, with one read per byte. A proxy that ends an extension at the line feed
 * would see another body. So this module refuses extensions and limits trailers, and both versions
 * answer alike.
 * source   RFC 9112, 7.1
 */
#ifndef HTTP_CHUNKS_H
#define HTTP_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

#define CHUNKS_TRAILER_MAX 4096 /* bytes */

/* The parser's state; all zero before the first byte. */
struct chunks {
	enum {
		CHUNKS_SIZE,
		CHUNKS_SIZE_LF,
		CHUNKS_DATA,
		CHUNKS_DATA_CR,
		CHUNKS_DATA_LF,
		CHUNKS_TRAILER, /* at the start of a line: a field, or the empty line that ends the body */
		CHUNKS_TRAILER_LINE,
		CHUNKS_TRAILER_LF,
		CHUNKS_END
	} state;
	bool has_digit; /* the current size has a digit */
	uint64_t left; /* the size read so far; then the bytes left of the chunk's data */
	size_t trailer; /* bytes since the last chunk */
};

/*
 * chunks_feed - checks the next n bytes as received, framing and data. Ignores bytes after the body.
 * returns false if one is malformed
 */
bool chunks_feed(struct chunks *c, const char *bytes, size_t n) MUSTCHECK;

#endif
