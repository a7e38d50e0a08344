/*
 * The log's thread writes whole lines, all of them and in order. When the reader is too
 * slow, lines are lost, and the log tells how many.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

static int read_end, stderr_as_it_was;
static char text[1U << 20]; /* what was read */
static size_t filled;

/* Connects standard error to a pipe. */
static int
redirect(void **state)
{
	int ends[2];

	(void)state;
	if (pipe(ends) != 0)
		return -1;
	filled = 0;
	text[0] = '\0';
	fflush(stderr);
	stderr_as_it_was = dup(STDERR_FILENO);
	read_end = ends[0];
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	return 0;
}

static int
restore(void **state)
{
	(void)state;
	dup2(stderr_as_it_was, STDERR_FILENO);
	close(stderr_as_it_was);
	close(read_end);
	return 0;
}

static size_t
count(const char *within, const char *what)
{
	size_t n = 0;

	for (; (within = strstr(within, what)) != NULL; within++)
		n++;
	return n;
}

/* Reads once; false: nothing came for so long. */
static bool
read_more(int wait_ms)
{
	struct pollfd p = { .fd = read_end, .events = POLLIN };
	ssize_t n;

	assert_true(filled + 1 < sizeof(text));
	if (poll(&p, 1, wait_ms) != 1)
		return false;
	n = read(read_end, text + filled, sizeof(text) - filled - 1);
	assert_true(n > 0);
	filled += (size_t)n;
	text[filled] = '\0';
	return true;
}

/* Reads until this has come. */
static void
read_until(const char *what)
{
	while (strstr(text, what) == NULL)
		assert_true(read_more(20000));
}

/* Reads what the pipe holds: all, after log_stop. */
static void
read_rest(void)
{
	while (read_more(0))
		;
}

static void *
hundred_lines(void *arg)
{
	for (int i = 0; i < 100; i++)
		log_msg(LOG_INFO, "line %d of %d", i, (int)(intptr_t)arg);
	return NULL;
}

static void
lines_are_whole_and_in_order(void **state)
{
	pthread_t threads[8];
	char *at, word[64];

	(void)state;
	assert_int_equal(log_start(), 0);
	for (intptr_t t = 0; t < 8; t++)
		pthread_create(&threads[t], NULL, hundred_lines, (void *)t);
	for (int t = 0; t < 8; t++)
		pthread_join(threads[t], NULL);
	log_stop();
	read_rest();
	assert_int_equal(count(text, "\n"), 800);
	assert_int_equal(count(text, "{\"time\":\""), 800);
	assert_int_equal(count(text, "\"}\n"), 800);
	for (int t = 0; t < 8; t++) {
		at = text;
		for (int i = 0; i < 100; i++) {
			snprintf(word, sizeof(word), "line %d of %d\"", i, t);
			at = strstr(at, word);
			assert_non_null(at);
		}
	}
	assert_int_equal(log_lost(), 0);
}

static void
a_single_line_is_written_without_others(void **state)
{
	(void)state;
	assert_int_equal(log_start(), 0);
	log_msg(LOG_INFO, "alone");
	read_until("alone");
	log_stop();
	read_rest();
	assert_int_equal(count(text, "alone"), 1);
}

/* Without a reader the writer thread waits; the threads that log do not. */
static void
lost_lines_are_counted(void **state)
{
	enum { LINES = 10000 };
	int64_t began_ms;
	uint64_t lost, told = 0;
	char *said;

	(void)state;
	assert_int_equal(log_start(), 0);
	began_ms = clock_ms();
	for (int i = 0; i < LINES; i++)
		log_msg(LOG_INFO, "line %d of a flood", i);
	assert_true(clock_ms() - began_ms < 60000);
	lost = log_lost();
	assert_true(lost > 0 && lost < LINES);
	while (count(text, "of a flood") + lost < LINES || strstr(text, "\"lost\":") == NULL)
		assert_true(read_more(20000));
	log_msg(LOG_INFO, "and on");
	log_stop();
	read_rest();
	assert_int_equal(count(text, "of a flood") + lost, LINES);
	for (said = text; (said = strstr(said, "\"lost\":")) != NULL; said++)
		told += strtoull(said + strlen("\"lost\":"), NULL, 10);
	assert_int_equal(told, lost);
	assert_int_equal(count(text, "and on"), 1);
}

static void
before_and_after_the_thread_at_once(void **state)
{
	(void)state;
	log_msg(LOG_INFO, "before");
	read_rest();
	assert_int_equal(count(text, "before"), 1);
	assert_int_equal(log_start(), 0);
	log_stop();
	log_msg(LOG_INFO, "after");
	read_rest();
	assert_int_equal(count(text, "after"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_are_whole_and_in_order, redirect, restore),
		cmocka_unit_test_setup_teardown(
		    a_single_line_is_written_without_others, redirect, restore),
		cmocka_unit_test_setup_teardown(lost_lines_are_counted, redirect, restore),
		cmocka_unit_test_setup_teardown(
		    before_and_after_the_thread_at_once, redirect, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
