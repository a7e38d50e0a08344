#include "http/interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/clock.h"

#define STACK_BYTES_MIN (1024U * 1024)

typedef ssize_t recv_fn(int, void *, size_t, int);
typedef int stacksize_fn(pthread_attr_t *, size_t);

static recv_fn *real_recv;
static stacksize_fn *real_stacksize;

static _Thread_local int64_t deadline;
static _Thread_local char *buffer;
static _Thread_local size_t filled;
static _Thread_local int64_t began;

__attribute__((constructor)) static void
find_the_real_ones(void)
{
	/* ISO C has no conversion from dlsym's object pointer to a function's; POSIX has. */
	*(void **)&real_recv = dlsym(RTLD_NEXT, "recv");
	*(void **)&real_stacksize = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
	if (real_recv == NULL || real_stacksize == NULL)
		abort();
}

__attribute__((visibility("default"))) int
pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	return real_stacksize(attr, size < STACK_BYTES_MIN ? STACK_BYTES_MIN : size);
}

__attribute__((visibility("default"))) ssize_t
recv(int fd, void *buf, size_t size, int flags)
{
	ssize_t n;

	if (deadline != 0 && clock_ms() > deadline) {
		errno = ETIMEDOUT;
		return -1;
	}
	n = real_recv(fd, buf, size, flags);
	if (buffer == NULL)
		buffer = buf;
	if (buf == buffer) {
		began = clock_ms();
		filled = 0;
	}
	if (n > 0 && deadline == 0)
		filled += (size_t)n;
	return n;
}

void
recv_deadline(int64_t deadline_ms)
{
	deadline = deadline_ms;
}

const char *
recv_buffer(void)
{
	return buffer;
}

size_t
recv_filled(void)
{
	return filled;
}

int64_t
recv_age_ms(void)
{
	return clock_ms() - began;
}
