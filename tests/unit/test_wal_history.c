/* db/wal_history: how old what a standby shows is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "db/wal_history.h"

/* The primary's clock at 0 ms of ours: another clock than ours. */
#define BASE_US INT64_C(1764000000000000)
#define AT(ms)	(BASE_US + (ms)*INT64_C(1000))

/* One sample a second from 0 to last_s: the position at second s is position(s). */
static struct wal_history
history(int last_s, uint64_t (*position)(int s))
{
	struct wal_history h = { .count = 0 };

	for (int s = 0; s <= last_s; s++)
		wal_history_add(
		    &h, s * 1000, &(struct wal_state){ false, position(s), AT(s * 1000) });
	return h;
}

static uint64_t
still(int s)
{
	(void)s;
	return 500;
}

static uint64_t
busy(int s)
{
	return 1000 + (uint64_t)s * 10;
}

/* The lag in ms at asked_ms of a standby that has applied `position` and, last, a commit of commit_ms; -1: unknown. */
static int64_t
lag(const struct wal_history *h, int64_t asked_ms, uint64_t position, int64_t commit_ms)
{
	const struct wal_state standby = { true, position, commit_ms < 0 ? 0 : AT(commit_ms) };
	int64_t lag_us = -1;
	int64_t at_us = wal_history_as_of(h, asked_ms, &standby, &lag_us);

	if (at_us == 0)
		return -1;
	assert_int_equal(AT(asked_ms) - at_us, lag_us);
	return lag_us / 1000;
}

static void
an_idle_primarys_standby_does_not_age(void **state)
{
	struct wal_history h = history(100, still);

	(void)state;
	assert_int_equal(lag(&h, 100300, 500, 1000), 300);
	/* After its start a standby knows of no commit. */
	assert_int_equal(lag(&h, 100300, 500, -1), 300);
	/* Cut off before the last record: it is as old as its last commit. */
	assert_int_equal(lag(&h, 100300, 499, 1000), 99300);
}

static void
a_busy_primarys_standby_is_as_old_as_what_it_applied(void **state)
{
	struct wal_history h = history(100, busy);

	(void)state;
	assert_int_equal(lag(&h, 100200, busy(97), -1), 3200);
	assert_int_equal(lag(&h, 100200, busy(97) + 9, -1), 3200);
	/* A commit between two samples is newer than the older one. */
	assert_int_equal(lag(&h, 100200, busy(97) + 5, 97600), 2600);
	/* It may be newer than the question. */
	assert_int_equal(lag(&h, 100200, busy(100) + 5, 100250), -50);
}

static void
only_the_last_samples_are_kept(void **state)
{
	struct wal_history h = history(1000, busy);

	(void)state;
	assert_int_equal(lag(&h, 1000000, busy(1001 - WAL_SAMPLES), -1), (WAL_SAMPLES - 1) * 1000);
	/* Further behind: the commit's instant alone counts. */
	assert_int_equal(lag(&h, 1000000, busy(10), 10500), 989500);
}

static void
without_a_sample_the_age_is_unknown(void **state)
{
	struct wal_history h = { .count = 0 };

	(void)state;
	assert_int_equal(lag(&h, 1000, 500, 900), -1);
}

static void
instants_have_six_digits(void **state)
{
	char text[AS_OF_SIZE];

	(void)state;
	as_of_write(INT64_C(1763907704012045), text);
	assert_string_equal(text, "2025-11-23T14:21:44.012045Z");
	as_of_write(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_primarys_standby_does_not_age),
		cmocka_unit_test(a_busy_primarys_standby_is_as_old_as_what_it_applied),
		cmocka_unit_test(only_the_last_samples_are_kept),
		cmocka_unit_test(without_a_sample_the_age_is_unknown),
		cmocka_unit_test(instants_have_six_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
