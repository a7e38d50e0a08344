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
typedef ssize_t send_fn(int, const void *, size_t, int);
typedef int poll_fn(struct pollfd *, nfds_t, int);
typedef int stacksize_fn(pthread_attr_t *, size_t);

static recv_fn *real_recv;
static send_fn *real_send;
static poll_fn *real_poll;
static stacksize_fn *real_stacksize;
static int64_t head_timeout_ms;
static int64_t cut_ms; /* see interpose_cut_at; 0: not yet; accessed with __atomic builtins */
static int stop_fd = -1; /* an eventfd, readable when civetweb is about to stop */

static _Thread_local struct {
	char *buffer;
	int fd; /* where the last head came from */
	size_t head_bytes;
	int64_t head_began; /* by clock_ms() */
	int64_t body_deadline; /* by clock_ms(); 0: none */
	int64_t write_deadline; /* by clock_ms(); 0: none */
	struct chunks *chunks; /* state of the chunked body being received, or NULL */
	bool in_request; /* between request_begun() and request_done() */
	bool first_head; /* of its connection: its time began when the connection did */
	bool has_connection; /* this thread has served a connection of civetweb's */
	bool is_civetweb; /* this thread is civetweb's: stop_fd wakes it */
} thread;

__attribute__((constructor)) static void
resolve_libc_functions(void)
{
	/* ISO C cannot convert dlsym's object pointer to a function pointer; POSIX requires that it works. */
	*(void **)&real_recv = dlsym(RTLD_NEXT, "recv");
	*(void **)&real_send = dlsym(RTLD_NEXT, "send");
	*(void **)&real_poll = dlsym(RTLD_NEXT, "poll");
	*(void **)&real_stacksize = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
	if (real_recv == NULL || real_send == NULL || real_poll == NULL || real_stacksize == NULL)
		abort();
}

__attribute__((visibility("default"))) int
pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	return real_stacksize(attr, size < STACK_BYTES_MIN ? STACK_BYTES_MIN : size);
}

/* When the client must have taken what is being written; 0: no deadline. */
static int64_t
write_deadline(void)
{
	int64_t cut = __atomic_load_n(&cut_ms, __ATOMIC_SEQ_CST);

	if (thread.write_deadline == 0 || cut == 0 || cut > thread.write_deadline)
		return thread.write_deadline;
	return cut;
}

/* When the client must have sent its head or body, or taken its answer, by clock_ms(); 0: no deadline. */
static int64_t
deadline(void)
{
	if (!thread.has_connection)
		return 0;
	if (thread.write_deadline != 0)
		return write_deadline();
	if (thread.in_request)
		return thread.body_deadline;
	return thread.head_bytes > 0 ? thread.head_began + head_timeout_ms : 0;
}

/* civetweb's threads check only every 2 s whether to stop; stop_fd wakes those that wait for a client. */
static int
poll_until_stop(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pollfd all[2];
	int ready;

	if (n != 1 || !thread.is_civetweb || thread.in_request) {
		ready = real_poll(fds, n, timeout_ms);
		/*
		 * If several descriptors are ready, civetweb 1.16 checks errno even after a
		 * success. An old EINTR or EAGAIN would make it wait again, and with two
		 * listeners ready it would never accept a connection.
		 */
		if (ready > 1)
			errno = 0;
		return ready;
	}
	/* Only civetweb's threads read stop_fd: others may call poll() while interpose_start() sets it. */
	all[1] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
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
		return poll_until_stop(fds, n, timeout_ms);
	left = until - clock_ms();
	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return poll_until_stop(
	    fds, n, timeout_ms < 0 || timeout_ms > left ? (int)left : timeout_ms);
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
	if (n > 0 && thread.chunks != NULL && !chunks_feed(thread.chunks, buf, (size_t)n)) {
		errno = EBADMSG;
		return -1;
	}
	if (thread.in_request || !thread.has_connection)
		return n;
	if (thread.buffer == NULL)
		thread.buffer = buf;
	if (buf == thread.buffer) {
		thread.fd = fd;
		if (!thread.first_head)
			thread.head_began = clock_ms();
		thread.head_bytes = 0;
	}
	/* When civetweb drains a closing connection, it reads into another buffer. */
	if (n > 0 && (char *)buf == thread.buffer + thread.head_bytes)
		thread.head_bytes += (size_t)n;
	return n;
}

/* civetweb writes by send, and polls while the client takes nothing; libpq has no deadline here. */
__attribute__((visibility("default"))) ssize_t
send(int fd, const void *buf, size_t size, int flags)
{
	int64_t until = write_deadline();

	if (until != 0 && clock_ms() >= until) {
		errno = ETIMEDOUT;
		return -1;
	}
	return real_send(fd, buf, size, flags);
}

int
interpose_start(int timeout_ms)
{
	head_timeout_ms = timeout_ms;
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return stop_fd == -1 ? -1 : 0;
}

void
interpose_thread(void)
{
	thread.is_civetweb = true;
}

void
interpose_stop(void)
{
	/* The first write to an eventfd cannot fail. */
	(void)!eventfd_write(stop_fd, 1);
}

const char *
head_buffer(void)
{
	return thread.buffer;
}

size_t
head_bytes(void)
{
	return thread.head_bytes;
}

bool
head_is_late(void)
{
	return thread.head_bytes > 0 && clock_ms() >= thread.head_began + head_timeout_ms;
}

void
connection_begun(void)
{
	thread.has_connection = true;
	request_done(SIZE_MAX);
	thread.first_head = true;
}

void
request_begun(void)
{
	thread.in_request = true;
	thread.body_deadline = 0;
}

void
body_deadline_set(int64_t deadline_ms)
{
	thread.body_deadline = deadline_ms;
}

bool
client_has_left(void)
{
	ssize_t n;
	char next;

	if (!thread.has_connection || !thread.in_request)
		return false;
	n = real_recv(thread.fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void
write_deadline_set(int64_t deadline_ms)
{
	thread.write_deadline = deadline_ms;
}

void
interpose_cut_at(int64_t ms)
{
	__atomic_store_n(&cut_ms, ms, __ATOMIC_SEQ_CST);
}

bool
body_chunks_set(struct chunks *c, size_t head_length)
{
	thread.chunks = c;
	if (c == NULL || head_length == 0 || head_length >= thread.head_bytes)
		return true;
	return chunks_feed(c, thread.buffer + head_length, thread.head_bytes - head_length);
}

void
request_done(size_t bytes)
{
	thread.chunks = NULL;
	thread.in_request = false;
	thread.first_head = false;
	thread.body_deadline = 0;
	thread.head_bytes = bytes < thread.head_bytes ? thread.head_bytes - bytes : 0;
	thread.head_began = clock_ms();
}
