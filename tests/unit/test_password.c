/* What a sign-in by a name that nobody has costs, beside a wrong password: that is all that could tell them apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "auth/password.h"

static const char word[] = "a made-up password of nobody's";

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

/* The least of several, for what else the machine does only ever adds. */
static double
least_cost_ms(const char *hash)
{
	double least = 1e9, began;

	for (int i = 0; i < 5; i++) {
		began = cpu_ms();
		assert_int_equal(password_check(hash, word, 1000), PASSWORD_WRONG);
		if (cpu_ms() - began < least)
			least = cpu_ms() - began;
	}
	return least;
}

static void
unknown_name_costs_as_much_as_a_wrong_password(void **state)
{
	char hash[PASSWORD_HASH_SIZE];
	double wrong, unknown;

	(void)state;
	assert_int_equal(password_init(), 0);
	assert_int_equal(password_hash("another made-up password", hash), 0);
	wrong = least_cost_ms(hash);
	unknown = least_cost_ms(NULL);
	if (unknown < wrong * 0.8 || unknown > wrong * 1.25)
		fail_msg("an unknown name takes %.1f ms, a wrong password %.1f ms", unknown, wrong);
}

/* Of the time to readiness half was once the hash of a password that nobody has. */
static void
start_computes_no_hash(void **state)
{
	double began, start;

	(void)state;
	began = cpu_ms();
	assert_int_equal(password_init(), 0);
	start = cpu_ms() - began;
	began = cpu_ms();
	assert_int_equal(password_check(NULL, word, 1000), PASSWORD_WRONG);
	if (start > (cpu_ms() - began) / 5)
		fail_msg("it takes %.1f ms, a hash %.1f ms", start, cpu_ms() - began);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_name_costs_as_much_as_a_wrong_password),
		cmocka_unit_test(start_computes_no_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
