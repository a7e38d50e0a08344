/* A sign-in with an unknown username must cost as much as a wrong password, or the time would tell them apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "auth/password.h"

/* Without it, an allocation that must fail would end the program. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static const char word[] = "a made-up password of nobody's";

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static double
cost_ms(const char *hash)
{
	double began = cpu_ms();

	assert_int_equal(password_check(hash, word, 1000), PASSWORD_WRONG);
	return cpu_ms() - began;
}

/* "contraseña", with ñ composed and decomposed. */
static const char composed[] = "una contrase\u00f1a larga", parts[] = "una contrasen\u0303a larga";

static void
composed_and_decomposed_letters_are_equal(void **state)
{
	char hash[PASSWORD_HASH_SIZE], raw[PASSWORD_HASH_SIZE];

	(void)state;
	assert_int_equal(password_init(), 0);
	assert_int_equal(password_hash(composed, hash), 0);
	assert_int_equal(password_check(hash, parts, 1000), PASSWORD_RIGHT);
	assert_int_equal(password_check(hash, composed, 1000), PASSWORD_RIGHT);
	assert_int_equal(password_check(hash, "una contrasena larga", 1000), PASSWORD_WRONG);
	assert_int_equal(password_hash(parts, hash), 0);
	assert_int_equal(password_check(hash, composed, 1000), PASSWORD_RIGHT);
	assert_true(password_same(composed, parts));
	assert_false(password_same(composed, "una contrasena larga"));
	/* A hash that an earlier version made of the password as sent. */
	assert_int_equal(crypto_pwhash_str(raw, parts, strlen(parts), 2, 19 << 20), 0);
	assert_int_equal(password_check(raw, parts, 1000), PASSWORD_RIGHT);
	assert_int_equal(password_check(raw, composed, 1000), PASSWORD_WRONG);
	/* Blanks, case and compatible letters count: the normal form is NFC. */
	assert_int_equal(password_check(hash, "una contrase\u00d1a larga", 1000), PASSWORD_WRONG);
	assert_int_equal(password_hash("una \ufb01cha muy larga", hash), 0);
	assert_int_equal(password_check(hash, "una ficha muy larga", 1000), PASSWORD_WRONG);
	/* On the command line a password may be any bytes. */
	assert_int_equal(password_hash("\xff\xfe una clave larga", hash), 0);
	assert_int_equal(password_check(hash, "\xff\xfe una clave larga", 1000), PASSWORD_RIGHT);
	assert_int_equal(password_weakness("contrasen\u0303a1234", "x"), PASSWORD_IS_COMMON);
}

static double
less(double a, double b)
{
	return a < b ? a : b;
}

static bool
alike(double a_ms, double b_ms)
{
	return a_ms >= b_ms * 0.8 && a_ms <= b_ms * 1.25;
}

static void
unknown_name_costs_as_much_as_a_wrong_password(void **state)
{
	char hash[PASSWORD_HASH_SIZE];
	double wrong = 1e9, unknown = 1e9;

	(void)state;
	assert_int_equal(password_init(), 0);
	assert_int_equal(password_hash("another made-up password", hash), 0);
	/* Measures both in turn and takes the minimum, because other processes only add time. */
	for (int i = 0; i < 10 || (i < 60 && !alike(unknown, wrong)); i++) {
		wrong = less(wrong, cost_ms(hash));
		unknown = less(unknown, cost_ms(NULL));
	}
	if (!alike(unknown, wrong))
		fail_msg("an unknown name takes %.1f ms, a wrong password %.1f ms", unknown, wrong);
}

/* Hashing the unknown user's password at the start once took half of the time until readiness. */
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

/* Without memory the password cannot be checked, so the answer must not be "wrong". */
static void
out_of_memory_is_not_a_wrong_password(void **state)
{
	char hash[PASSWORD_HASH_SIZE];
	struct rlimit all, none;
	enum password_answer answer;
	int made;

	(void)state;
	assert_int_equal(password_init(), 0);
	assert_int_equal(password_hash(word, hash), 0);
	assert_int_equal(password_check(hash, word, 1000), PASSWORD_RIGHT);
	assert_int_equal(getrlimit(RLIMIT_AS, &all), 0);
	none = all;
	none.rlim_cur = 1024 * 1024;
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	answer = password_check(hash, word, 1000);
	made = password_hash(word, hash);
	assert_int_equal(setrlimit(RLIMIT_AS, &all), 0);
	assert_int_equal(answer, PASSWORD_BUSY);
	assert_int_equal(made, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(composed_and_decomposed_letters_are_equal),
		cmocka_unit_test(unknown_name_costs_as_much_as_a_wrong_password),
		cmocka_unit_test(start_computes_no_hash),
		cmocka_unit_test(out_of_memory_is_not_a_wrong_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
