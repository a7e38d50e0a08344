/*
 * stream - sends a body that is made piece by piece while it is sent, as chunks (RFC 9112, 7.1).
 *
 * A client that does not take a piece within the request timeout is cut off, and so is one whose body breaks off: the
 * connection ends without the last chunk, so the client knows that it has not got all. A client of HTTP/1.0 gets no chunks, and
 * its body ends with the connection.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

/* Where the bytes go. */
struct sink {
	bool (*write)(void *arg, const char *bytes, size_t length); /* false: not all were taken */
	void *arg;
};

/*
 * stream_send - sends a reply: what reply_bytes made in one write, and then the pieces of rq->reply.stream if it has one.
 *
 * head     head_length bytes
 * chunked  the client knows chunks
 * returns  whether the client was sent all; ret_bytes: how much was sent
 */
bool stream_send(struct request *rq, const struct sink *sink, const char *head, size_t head_length,
    bool chunked, size_t *ret_bytes);

/* stream_cut_at - from when on, by clock_ms(), nothing more is sent: the process is about to stop. */
void stream_cut_at(int64_t ms);

#endif
