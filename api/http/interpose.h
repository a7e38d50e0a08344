/*
 * interpose - replaces four functions of the C library for libcivetweb, which offers no other way
 * to change what it does. The executable exports them, so the library's calls come here first.
 *
 * pthread_attr_setstacksize  Debian's libcivetweb asks for stacks of 100 KiB, less than jansson
 *                            alone can use. A stack has at least 1 MiB.
 * recv, poll                 civetweb has no deadline for a whole body, nor for a head on a
 *                            kept-alive connection: a client that sends one byte a second would
 *                            hold a thread for hours. After the deadline they fail with ETIMEDOUT,
 *                            and civetweb closes the connection. recv also fails, with EBADMSG, if
 *                            a chunked body is malformed (chunks.h). poll also wakes civetweb's
 *                            threads when the server stops. Other threads get the C library's
 *                            behaviour, except that poll clears errno if several descriptors are
 *                            ready.
 *
 * This relies on the source of civetweb 1.15 and 1.16: pull_inner, read_message, get_message,
 * parse_http_request, parse_http_headers and process_new_connection are the same in both. mg_poll
 * differs (see poll in interpose.c), and so does how mg_read decodes chunks (chunks.h). For a
 * version that base/tested.c does not list, read all of these again.
 *
 * civetweb receives every head at the start of the thread's one buffer, and moves what follows a
 * request to that start. So this module knows which bytes of the buffer belong to the head.
 *
 * send, poll                 civetweb gives each part of a write that the client takes a timeout of its own, so a client
 *                            that takes a byte now and then would never be cut off (write_deadline_set).
 *
 * All state but interpose_start's and interpose_cut_at's is thread-local.
 */
#ifndef HTTP_INTERPOSE_H
#define HTTP_INTERPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

struct chunks;

/*
 * interpose_start - call it once, before civetweb starts.
 *
 * timeout_ms  how long a client may take for a head, from its first byte
 * returns     0; or -1 with errno set: no file descriptor left
 */
int interpose_start(int timeout_ms);

/* interpose_thread - marks the calling thread as civetweb's. */
void interpose_thread(void);

/* interpose_stop - wakes civetweb's threads that wait for a client, so that mg_stop() does not wait. */
void interpose_stop(void);

/* head_buffer - where this thread's heads are received; NULL before the first. */
const char *head_buffer(void);

/* head_bytes - number of bytes in that buffer: the current head, and what came with it. */
size_t head_bytes(void);

/* head_is_late - whether the current head has taken longer than that timeout. */
bool head_is_late(void);

/* connection_begun - the calling thread serves a new connection. */
void connection_begun(void);

/* request_begun - the head is complete, so its deadline no longer applies. */
void request_begun(void);

/* body_deadline_set - until when, by clock_ms(), a body may be received; 0: no deadline. */
void body_deadline_set(int64_t deadline_ms);

/* client_has_left - whether the client of the request in hand has closed its connection. A request that waits for something asks. */
bool client_has_left(void);

/*
 * write_deadline_set - until when, by clock_ms(), the client must have taken what is written next; 0: no deadline but civetweb's.
 * After it send fails with ETIMEDOUT. Keep it at 0 while this thread uses another socket.
 */
void write_deadline_set(int64_t deadline_ms);

/* interpose_cut_at - from then on, by clock_ms(), each write with a deadline fails, in every thread. */
void interpose_cut_at(int64_t ms);

/*
 * body_chunks_set - makes recv fail if the body that it receives is not well-formed chunks.
 *
 * c            all zero, and must live until the next call; NULL: recv no longer checks
 * head_length  bytes of the buffer before the body; 0: unknown
 * returns      false if the part of the body that came with the head is malformed
 */
bool body_chunks_set(struct chunks *c, size_t head_length) MUSTCHECK;

/*
 * request_done - the request is answered.
 * bytes  size of its head and body: the first bytes of the buffer; SIZE_MAX: all of them
 */
void request_done(size_t bytes);

#endif
