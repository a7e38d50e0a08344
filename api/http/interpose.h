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
 *                            library gives the connection up. On other threads
 *                            they are as they were.
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

/* peer_head_timeout - how long a head may take from its first byte; for all threads, before they start. */
void peer_head_timeout(int timeout_ms);

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

/* peer_body - until when (clock_ms) a body may be received; 0 = no body is. */
void peer_body(int64_t deadline_ms);

/* peer_next - the request is answered; it had `consumed` of the bytes in the buffer. */
void peer_next(size_t consumed);

#endif
