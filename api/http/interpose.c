#include "http/interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/clock.h"
#include "http/chunks.h"

#define STACK_BYTES_MIN (1024U * 1024)

typedef ssize_t recv_fn(int, void *, size_t, int);
typedef int poll_fn(struct pollfd *, nfds_t, int);
typedef int stacksize_fn(pthread_attr_t *, size_t);

static recv_fn *real_recv;
static poll_fn *real_poll;
static stacksize_fn *real_stacksize;
static int64_t head_timeout;
static int end_fd = -1; /* readable when the library is about to stop */

static _Thread_local struct {
	char *buffer;
	size_t filled;
	int64_t head_began;
	int64_t body_deadline;
	struct chunks *chunks; /* of the chunked body that is being received, or NULL */
	bool in_request;
	bool first; /* head of its connection, for which the library's clock runs already */
	bool serves; /* this thread has a connection of the library's */
	bool ends; /* this thread is the library's, and is woken when it stops */
} peer;

__attribute__((constructor)) static void
find_the_real_ones(void)
{
	/* ISO C has no conversion from dlsym's object pointer to a function's; POSIX has. */
	*(void **)&real_recv = dlsym(RTLD_NEXT, "recv");
	*(void **)&real_poll = dlsym(RTLD_NEXT, "poll");
	*(void **)&real_stacksize = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
	if (real_recv == NULL || real_poll == NULL || real_stacksize == NULL)
		abort();
}

__attribute__((visibility("default"))) int
pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	return real_stacksize(attr, size < STACK_BYTES_MIN ? STACK_BYTES_MIN : size);
}

/* When this thread's peer must have sent what is waited for, by clock_ms(); 0 = no bound. */
static int64_t
deadline(void)
{
	if (!peer.serves)
		return 0;
	if (peer.in_request)
		return peer.body_deadline;
	return peer.filled > 0 ? peer.head_began + head_timeout : 0;
}

/* The library looks whether it is to stop every 2 s: those who wait idly are woken. */
static int
poll_until_end(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pollfd all[2];
	int ready;

	if (n != 1 || !peer.ends || peer.in_request) {
		ready = real_poll(fds, n, timeout_ms);
		/*
		 * civetweb 1.16 looks at errno after a success too if more than one
		 * descriptor is ready: an old EINTR or EAGAIN makes it wait again, and
		 * with two listeners ready it would accept no connection any more.
		 */
		if (ready > 1)
			errno = 0;
		return ready;
	}
	/* Read by the library's threads alone: the others may be here while peer_start() sets it. */
	all[1] = (struct pollfd){ .fd = end_fd, .events = POLLIN };
	all[0] = fds[0];
	ready = real_poll(all, 2, timeout_ms);
	fds[0].revents = all[0].revents;
	if (ready > 0 && all[0].revents == 0) {
		errno = ECANCELED;
		return -1;
	}
	return ready > 1 ? 1 : ready;
}

__attribute__((visibility("default"))) int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int64_t until = deadline(), left;

	if (until == 0)
		return poll_until_end(fds, n, timeout_ms);
	left = until - clock_ms();
	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return poll_until_end(fds, n, timeout_ms < 0 || timeout_ms > left ? (int)left : timeout_ms);
}

__attribute__((visibility("default"))) ssize_t
recv(int fd, void *buf, size_t size, int flags)
{
	int64_t until = deadline();
	ssize_t n;

	if (until != 0 && clock_ms() >= until) {
		errno = ETIMEDOUT;
		return -1;
	}
	n = real_recv(fd, buf, size, flags);
	if (n > 0 && peer.chunks != NULL && !chunks_feed(peer.chunks, buf, (size_t)n)) {
		errno = EBADMSG;
		return -1;
	}
	if (peer.in_request || !peer.serves)
		return n;
	if (peer.buffer == NULL)
		peer.buffer = buf;
	if (buf == peer.buffer) {
		if (!peer.first)
			peer.head_began = clock_ms();
		peer.filled = 0;
	}
	/* What is read off a connection that is being closed goes elsewhere. */
	if (n > 0 && (char *)buf == peer.buffer + peer.filled)
		peer.filled += (size_t)n;
	return n;
}

int
peer_start(int head_timeout_ms)
{
	head_timeout = head_timeout_ms;
	end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return end_fd == -1 ? -1 : 0;
}

void
peer_thread(void)
{
	peer.ends = true;
}

void
peer_end(void)
{
	/* An eventfd takes a first count always. */
	(void)!eventfd_write(end_fd, 1);
}

const char *
peer_buffer(void)
{
	return peer.buffer;
}

size_t
peer_filled(void)
{
	return peer.filled;
}

bool
peer_is_late(void)
{
	return peer.filled > 0 && clock_ms() >= peer.head_began + head_timeout;
}

void
peer_connection(void)
{
	peer.serves = true;
	peer_next(SIZE_MAX);
	peer.first = true;
}

void
peer_request(void)
{
	peer.in_request = true;
	peer.body_deadline = 0;
}

void
peer_body(int64_t deadline_ms)
{
	peer.body_deadline = deadline_ms;
}

bool
peer_chunks(struct chunks *c, size_t head_length)
{
	peer.chunks = c;
	if (c == NULL || head_length == 0 || head_length >= peer.filled)
		return true;
	return chunks_feed(c, peer.buffer + head_length, peer.filled - head_length);
}

void
peer_next(size_t consumed)
{
	peer.chunks = NULL;
	peer.in_request = false;
	peer.first = false;
	peer.body_deadline = 0;
	peer.filled = consumed < peer.filled ? peer.filled - consumed : 0;
	peer.head_began = clock_ms();
}
