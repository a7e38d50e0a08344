/* A thread that is held to its pace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "auth/pace.h"
#include "base/clock.h"

static int64_t
used_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* Returns how long it took to use that much of a core. */
static int64_t
compute_us(struct pace *p, int64_t time_us)
{
	int64_t begun_us = clock_us(), until_us = used_us() + time_us;

	pace_begin(p);
	while (used_us() < until_us)
		;
	pace_end(p);
	return clock_us() - begun_us;
}

static void
what_was_saved_is_used_first(void **state)
{
	struct pace p;

	(void)state;
	assert_int_equal(pace_init(&p), 0);
	assert_int_equal(p.saved_us, PACE_SAVED_US);
	/* Others may want the core too, but nobody takes four fifths of it. */
	assert_true(compute_us(&p, 50000) < 200000);
	assert_in_range(p.saved_us, PACE_SAVED_US - 60000, PACE_SAVED_US - 40000);
}

static void
then_a_share_of_a_core(void **state)
{
	struct pace p;
	int64_t took_us;

	(void)state;
	assert_int_equal(pace_init(&p), 0);
	p.saved_us = 0;
	p.at_us = clock_us();
	took_us = compute_us(&p, 50000);
	assert_true(took_us > 50000 * (PACE_SHARE - 1));
	/* What it has saved up meanwhile is not enough for another. */
	took_us = compute_us(&p, 50000);
	assert_true(took_us > 50000 * (PACE_SHARE - 1));
	assert_true(p.saved_us < PACE_LEAST_US);
}

static void
rest_is_saved_up(void **state)
{
	struct pace p;

	(void)state;
	assert_int_equal(pace_init(&p), 0);
	p.saved_us = 0;
	p.at_us = clock_us() - PACE_LEAST_US * PACE_SHARE;
	assert_true(compute_us(&p, 50000) < 200000);
	p.at_us = clock_us() - INT64_C(3600000000);
	pace_begin(&p);
	assert_int_equal(p.saved_us, PACE_SAVED_US);
	pace_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_is_used_first),
		cmocka_unit_test(then_a_share_of_a_core),
		cmocka_unit_test(rest_is_saved_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
