/*
 * The fair share of requests of an account, with a clock that the test sets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "auth/fair_share.h"
#include "base/base.h"

#define S 1000000LL

static void
a_bucket_empties_and_fills(void **state)
{
	struct fair_share share;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_true(fair_share_take(1, 5, 100 * S, &share));
		assert_int_equal(share.quota, 50);
		assert_int_equal(share.left, 49 - i);
		assert_int_equal(share.wait_s, 0);
	}
	assert_int_equal(share.full_s, 10);
	assert_false(fair_share_take(1, 5, 100 * S, &share));
	assert_int_equal(share.left, 0);
	assert_int_equal(share.wait_s, 1);
	/* A fifth of a second brings one token, and only one. */
	assert_true(fair_share_take(1, 5, 100 * S + S / 5, &share));
	assert_false(fair_share_take(1, 5, 100 * S + S / 5, &share));
	/* However long an account is quiet, its bucket holds no more than the quota. */
	assert_true(fair_share_take(1, 5, 100000 * S, &share));
	assert_int_equal(share.left, 49);
	assert_int_equal(share.full_s, 1);
}

static void
accounts_have_buckets_of_their_own(void **state)
{
	struct fair_share share;

	(void)state;
	while (fair_share_take(2, 1, S, &share))
		continue;
	assert_true(fair_share_take(3, 1, S, &share));
	assert_int_equal(share.left, 9);
}

/* Quiet accounts are forgotten first: one that asks all the time keeps its empty bucket among any number of others. */
static void
a_busy_account_is_not_forgotten_for_quiet_ones(void **state)
{
	struct fair_share share;
	int64_t now_us = 1000 * S;

	(void)state;
	while (fair_share_take(7, 1, now_us, &share))
		continue;
	for (int64_t id = 1000; id < 101000; id++) {
		now_us++;
		assert_true(fair_share_take(id, 1, now_us, &share));
		assert_false(fair_share_take(7, 1, now_us, &share));
	}
}

static void
an_earlier_clock_reading_takes_nothing(void **state)
{
	struct fair_share share;

	(void)state;
	assert_true(fair_share_take(8, 1, 50 * S, &share));
	assert_true(fair_share_take(8, 1, 49 * S, &share));
	assert_int_equal(share.left, 8);
}

static void
requests_at_once_are_spread_over_the_longest_pause(void **state)
{
	struct fair_share share;

	(void)state;
	/* A burst of one user is served at once. */
	for (int i = 0; i < FAIR_SHARE_BURST; i++) {
		assert_true(fair_share_take(10, 100, S, &share));
		assert_int_equal(share.pause_us, 0);
	}
	/* Later requests are a hundredth of a second apart. */
	for (int i = 1; i <= 20; i++) {
		assert_true(fair_share_take(10, 100, S, &share));
		assert_int_equal(share.pause_us, i * 10000);
	}
	for (int i = 21; i <= FAIR_SHARE_PAUSED; i++) {
		assert_true(fair_share_take(10, 100, S, &share));
		assert_int_equal(share.pause_us, FAIR_SHARE_PAUSE_MS * 1000);
	}
	/* One more is refused at once, and takes nothing. */
	assert_false(fair_share_take(10, 100, S, &share));
	assert_int_equal(share.pause_us, 0);
	assert_int_equal(share.wait_s, 1);
	assert_int_equal(share.left, 1000 - FAIR_SHARE_BURST - FAIR_SHARE_PAUSED);
	fair_share_paused(10);
	assert_true(fair_share_take(10, 100, S, &share));
	assert_int_equal(share.left, 1000 - FAIR_SHARE_BURST - FAIR_SHARE_PAUSED - 1);
}

/* 8 connections that send again as soon as they are answered are never refused. */
static void
clients_in_a_loop_settle_at_the_rate(void **state)
{
	struct fair_share share;
	int64_t ready_us[8] = { 0 };
	bool waits[8] = { false };
	int taken = 0;

	(void)state;
	for (int64_t now_us = 0; now_us < 12 * S; now_us += 100)
		for (int i = 0; i < 8; i++) {
			if (now_us < ready_us[i])
				continue;
			if (waits[i])
				fair_share_paused(11);
			assert_true(fair_share_take(11, 100, now_us, &share));
			waits[i] = share.pause_us > 0;
			ready_us[i] = now_us + share.pause_us + 1000;
			taken += now_us >= 2 * S;
		}
	assert_in_range(taken, 900, 1100);
}

#define THREADS 8
#define EACH	2000

static void *
take_many(void *arg)
{
	struct fair_share share;
	long *taken = arg;

	for (int i = 0; i < EACH; i++) {
		*taken += fair_share_take(9, 1000, 5 * S, &share);
		if (share.pause_us > 0)
			fair_share_paused(9);
	}
	return NULL;
}

static void
threads_take_no_token_twice(void **state)
{
	pthread_t threads[THREADS];
	long taken[THREADS] = { 0 }, all = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_many, &taken[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += taken[i];
	}
	assert_int_equal(all, 1000 * FAIR_SHARE_WINDOW_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_empties_and_fills),
		cmocka_unit_test(accounts_have_buckets_of_their_own),
		cmocka_unit_test(a_busy_account_is_not_forgotten_for_quiet_ones),
		cmocka_unit_test(an_earlier_clock_reading_takes_nothing),
		cmocka_unit_test(requests_at_once_are_spread_over_the_longest_pause),
		cmocka_unit_test(clients_in_a_loop_settle_at_the_rate),
		cmocka_unit_test(threads_take_no_token_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
