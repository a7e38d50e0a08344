/*
 * The functions that the program defines in place of the C library's must behave like those,
 * except in the HTTP library's threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/interpose.h"

static void
poll_of_nothing_is_a_sleep(void **state)
{
	int64_t begun = clock_ms();

	(void)state;
	assert_int_equal(poll(NULL, 0, 20), 0);
	assert_true(clock_ms() - begun >= 19);
	interpose_thread();
	assert_int_equal(poll(NULL, 0, 1), 0);
}

static void
other_threads_have_no_deadlines(void **state)
{
	char byte = 'x';
	int pair[2];

	(void)state;
	interpose_start(1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 3; i++) {
		struct pollfd p = { .fd = pair[0], .events = POLLIN };

		assert_int_equal(write(pair[1], &byte, 1), 1);
		usleep(3000);
		assert_int_equal(poll(&p, 1, 1000), 1);
		assert_int_equal(recv(pair[0], &byte, 1, 0), 1);
	}
	assert_null(head_buffer());
	close(pair[0]);
	close(pair[1]);
}

/* civetweb 1.16 takes an old errno for this call's when more than one descriptor is ready. */
static void
several_that_are_ready_leave_no_errno(void **state)
{
	struct pollfd p[2];
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 2; i++)
		p[i] = (struct pollfd){ .fd = pair[i], .events = POLLOUT };
	errno = EINTR;
	assert_int_equal(poll(p, 2, 1000), 2);
	assert_int_equal(errno, 0);
	close(pair[0]);
	close(pair[1]);
}

static void
stacks_are_large_enough(void **state)
{
	pthread_attr_t attr;
	size_t size;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)100 * 1024);
	pthread_attr_getstacksize(&attr, &size);
	assert_true(size >= (size_t)1024 * 1024);
	pthread_attr_destroy(&attr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poll_of_nothing_is_a_sleep),
		cmocka_unit_test(other_threads_have_no_deadlines),
		cmocka_unit_test(several_that_are_ready_leave_no_errno),
		cmocka_unit_test(stacks_are_large_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
