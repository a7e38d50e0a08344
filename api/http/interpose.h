/*
 * interpose - two functions of the C library that this program puts itself
 * before, because libcivetweb offers no other way (the executable exports
 * them, so the library's calls come here first).
 *
 * pthread_attr_setstacksize  Debian's library asks for 100 KiB a worker, of
 *                            which jansson alone can use more: at least 1 MiB.
 * recv                       the library has no deadline for a whole body: a
 *                            peer that sends a byte a second would hold a
 *                            thread for hours. Past the thread's deadline recv
 *                            fails, and the library gives the connection up.
 */
#ifndef HTTP_INTERPOSE_H
#define HTTP_INTERPOSE_H

#include <stddef.h>
#include <stdint.h>

/* recv_deadline - until when (clock_ms) this thread may receive; 0 = no bound. */
void recv_deadline(int64_t deadline_ms);

/*
 * recv_buffer - where this thread's connection keeps its bytes: the library
 * reads every request to the start of one buffer a thread. NULL before the
 * first recv.
 */
const char *recv_buffer(void);

/* recv_filled - bytes in that buffer when it was last received into. */
size_t recv_filled(void);

/* recv_age_ms - how long ago the first bytes of the present head were received. */
int64_t recv_age_ms(void);

#endif
