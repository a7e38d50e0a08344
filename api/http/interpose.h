/*
 * interpose - functions of the C library that this program puts itself before,
 * because libcivetweb offers no other way (the executable exports them, so the
 * library's calls come here first).
 *
 * pthread_attr_setstacksize  Debian's library asks for 100 KiB a worker, of
 *                            which jansson alone can use more: at least 1 MiB.
 * recv, poll                 the library has no deadline for a whole body, nor
 *                            for a head on a connection that is kept: a peer
 *                            that sends a byte a second would hold a thread for
 *                            hours. Past the deadline they fail, and the
 *                            library gives the connection up. recv fails too
 *                            where a chunked body is malformed (chunks.h). Nor can its
 *                            threads be woken when it stops: poll does. On
 *                            other threads they are as they were, but that
 *                            poll clears errno when several are ready.
 *
 * All this was read in the source of civetweb 1.15 and 1.16, between which
 * what receives, cuts and keeps a head did not change: pull_inner,
 * read_message, get_message, parse_http_request, parse_http_headers,
 * process_new_connection. mg_poll did (see poll in interpose.c), and how
 * mg_read takes chunks apart (chunks.h). For a version that base/tested.c does
 * not have, look at all of these again.
 *
 * The library reads every head of a connection to the start of one buffer a
 * thread; what follows a request is moved to that start. So a thread can tell
 * what was received to where.
 */
#ifndef HTTP_INTERPOSE_H
#define HTTP_INTERPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

struct chunks;

/*
 * peer_start - once, before the library starts: how long a head may take from its first byte.
 * returns 0; or -1, errno set, when out of descriptors
 */
int peer_start(int head_timeout_ms);

/* peer_thread - this thread is the library's. */
void peer_thread(void);

/* peer_end - wakes the library's threads that wait for a peer, so that it can stop at once. */
void peer_end(void);

/* peer_buffer - where this thread's heads are received to; NULL before the first. */
const char *peer_buffer(void);

/* peer_filled - bytes in that buffer: the present head and what came with it. */
size_t peer_filled(void);

/* peer_is_late - the present head has taken longer than it may. */
bool peer_is_late(void);

/* peer_connection - this thread serves a new connection. */
void peer_connection(void);

/* peer_request - a head is whole: its deadline is over. */
void peer_request(void);

/* peer_body - until when (clock_ms) a body may be received; 0 = no bound. */
void peer_body(int64_t deadline_ms);

/*
 * peer_chunks - what is received for a body from here on must be well-formed chunks, or recv fails; NULL = no more.
 *
 * c            all zero, and the caller's until the next call
 * head_length  bytes of the buffer up to the body; 0 = not known
 * returns      false when what came with the head is malformed already
 */
bool peer_chunks(struct chunks *c, size_t head_length) MUSTCHECK;

/* peer_next - the request is answered; it had `consumed` of the bytes in the buffer. */
void peer_next(size_t consumed);

#endif
