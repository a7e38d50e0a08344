/* Tokens of our own, and what is done to them; tests/http/token.test.js has the forgeries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "auth/token.h"
#include "base/clock.h"

static const char secret[] = "tests-only-0123456789-abcdefghijklmnop";
static const char other[] = "tests-only-9876543210-abcdefghijklmnop";
static const struct claims given = {
	.advisor_id = 905630, .session_id = 77, .role = ROLE_SUPERVISOR
};
static char *token;

static int
issue(void **state)
{
	(void)state;
	if (token_init(secret, 900) != 0)
		return -1;
	token = token_issue(&given, clock_epoch_s(), "0af7651916cd43dd8448eb211c80319c");
	return token == NULL ? -1 : 0;
}

static int
drop(void **state)
{
	(void)state;
	free(token);
	return 0;
}

static void
what_is_issued_is_verified(void **state)
{
	struct claims c;
	int64_t now = clock_epoch_s();

	(void)state;
	assert_true(token_verify(token, &c));
	assert_int_equal(c.advisor_id, 905630);
	assert_int_equal(c.session_id, 77);
	assert_int_equal(c.role, ROLE_SUPERVISOR);
	assert_in_range(c.expires - now, 898, 901);
	assert_true(strlen(token) <= TOKEN_SIZE_MAX);
}

static void
every_role_and_the_largest_ids(void **state)
{
	struct claims c;

	(void)state;
	for (int role = ROLE_ADVISOR; role <= ROLE_ADMIN; role++) {
		struct claims want = {
			.advisor_id = INT64_MAX, .session_id = INT64_MAX, .role = (enum role)role
		};
		char *t = token_issue(&want, clock_epoch_s(), "0af7651916cd43dd8448eb211c80319c");

		assert_non_null(t);
		assert_true(token_verify(t, &c));
		assert_int_equal(c.role, role);
		assert_true(c.advisor_id == INT64_MAX && c.session_id == INT64_MAX);
		free(t);
	}
}

static void
every_character_counts(void **state)
{
	struct claims c;

	(void)state;
	for (size_t i = 0; token[i] != '\0'; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_false(token_verify(token, &c));
		token[i] = '=';
		assert_false(token_verify(token, &c));
		token[i] = '\0';
		assert_false(token_verify(token, &c));
		token[i] = was;
	}
	assert_true(token_verify(token, &c));
}

static void
the_loose_bits_of_the_signature_count(void **state)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *last = token + strlen(token) - 1, was = *last;
	struct claims c;

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		*last = alphabet[i];
		assert_int_equal(token_verify(token, &c), *last == was);
	}
	*last = was;
}

static void
form_is_held_to(void **state)
{
	static const char *const bad[] = { "", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d",
		".b.c", "a..c" };
	struct claims c;
	char *longer = malloc(strlen(token) + 2000);

	(void)state;
	assert_non_null(longer);
	for (size_t i = 0; i < NITEMS(bad); i++)
		assert_false(token_verify(bad[i], &c));
	strcpy(longer, token);
	strcat(longer, ".x");
	assert_false(token_verify(longer, &c));
	strcpy(longer, token);
	strcat(longer, "A");
	assert_false(token_verify(longer, &c));
	strcpy(longer, token);
	memset(longer + strlen(token), 'A', 1999);
	longer[strlen(token) + 1999] = '\0';
	assert_false(token_verify(longer, &c));
	free(longer);
}

static void
another_key_and_an_ended_time_are_refused(void **state)
{
	struct claims c;
	char *ended;

	(void)state;
	assert_int_equal(token_init(other, 900), 0);
	assert_false(token_verify(token, &c));
	assert_int_equal(token_init(secret, 0), 0);
	ended = token_issue(&given, clock_epoch_s(), "0af7651916cd43dd8448eb211c80319c");
	assert_non_null(ended);
	assert_false(token_verify(ended, &c));
	free(ended);
	assert_int_equal(token_init(secret, 900), 0);
	assert_true(token_verify(token, &c));
}

static void
roles_have_names(void **state)
{
	enum role r;

	(void)state;
	for (int role = ROLE_ADVISOR; role <= ROLE_ADMIN; role++) {
		assert_true(role_named(role_name((enum role)role), &r));
		assert_int_equal(r, role);
	}
	assert_false(role_named("", &r));
	assert_false(role_named("Admin", &r));
	assert_false(role_named("admins", &r));
	assert_false(role_named("root", &r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_issued_is_verified),
		cmocka_unit_test(every_role_and_the_largest_ids),
		cmocka_unit_test(every_character_counts),
		cmocka_unit_test(the_loose_bits_of_the_signature_count),
		cmocka_unit_test(form_is_held_to),
		cmocka_unit_test(another_key_and_an_ended_time_are_refused),
		cmocka_unit_test(roles_have_names),
	};

	return cmocka_run_group_tests(tests, issue, drop);
}
