/* The service's own tokens, and altered ones; tests/http/token.test.js has forgeries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "auth/revoked.h"
#include "auth/token.h"
#include "auth/verified.h"
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
	if (token_init(secret, NULL) != 0)
		return -1;
	token = token_issue(&given, clock_epoch_s(), 900, "0af7651916cd43dd8448eb211c80319c");
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
issued_tokens_verify(void **state)
{
	struct claims c;
	int64_t now = clock_epoch_s();

	(void)state;
	assert_true(token_verify(token, &c));
	assert_int_equal(c.advisor_id, 905630);
	assert_int_equal(c.session_id, 77);
	assert_int_equal(c.role, ROLE_SUPERVISOR);
	assert_in_range(c.expires - now, 800, 901);
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
		char *t =
		    token_issue(&want, clock_epoch_s(), 900, "0af7651916cd43dd8448eb211c80319c");

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
unused_bits_of_the_signature_count(void **state)
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
malformed_tokens_are_refused(void **state)
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
wrong_key_and_expired_are_refused(void **state)
{
	struct claims c;
	char *ended;

	(void)state;
	assert_int_equal(token_init(other, NULL), 0);
	assert_false(token_verify(token, &c));
	assert_int_equal(token_init(secret, NULL), 0);
	ended = token_issue(&given, clock_epoch_s(), 0, "0af7651916cd43dd8448eb211c80319c");
	assert_non_null(ended);
	assert_false(token_verify(ended, &c));
	free(ended);
	assert_int_equal(token_init(secret, ""), 0);
	assert_true(token_verify(token, &c));
}

/* mixed - the header of one token with the rest of another. */
static char *
mixed(const char *header_of, const char *rest_of)
{
	size_t n = strcspn(header_of, ".");
	const char *rest = strchr(rest_of, '.');
	char *t = malloc(n + strlen(rest) + 1);

	assert_non_null(t);
	memcpy(t, header_of, n);
	strcpy(t + n, rest);
	return t;
}

static void
two_secrets_verify_and_the_first_signs(void **state)
{
	static const char id[] = "0af7651916cd43dd8448eb211c80319c";
	int64_t now = clock_epoch_s();
	struct claims c;
	char *new, *a, *b, *again;

	(void)state;
	assert_int_equal(token_init(other, secret), 0);
	assert_true(token_verify(token, &c));
	assert_int_equal(c.session_id, 77);
	new = token_issue(&given, now, 900, id);
	assert_non_null(new);
	assert_true(token_verify(new, &c));
	assert_true(strncmp(new, token, strcspn(token, ".") + 1) != 0);
	/* A header and a signature of different keys do not verify, in either combination. */
	a = mixed(token, new);
	b = mixed(new, token);
	assert_false(token_verify(a, &c));
	assert_false(token_verify(b, &c));
	/* A process that was not restarted yet still has the two secrets in the old order. */
	assert_int_equal(token_init(secret, other), 0);
	assert_true(token_verify(new, &c) && token_verify(token, &c));
	assert_false(token_verify(a, &c) || token_verify(b, &c));
	again = token_issue(&given, now, 900, id);
	assert_non_null(again);
	assert_int_equal(strncmp(again, token, strcspn(token, ".") + 1), 0);
	/* After the previous secret was removed. */
	assert_int_equal(token_init(other, NULL), 0);
	assert_true(token_verify(new, &c));
	assert_false(token_verify(token, &c) || token_verify(again, &c));
	assert_int_equal(token_init(secret, NULL), 0);
	assert_false(token_verify(new, &c));
	free(new);
	free(a);
	free(b);
	free(again);
}

static void
every_character_counts_with_two_secrets(void **state)
{
	struct claims c;

	(void)state;
	assert_int_equal(token_init(other, secret), 0);
	every_character_counts(state);
	for (size_t n = 0; n < strlen(token); n += 5) {
		char *cut = strndup(token, n);

		assert_non_null(cut);
		assert_false(token_verify(cut, &c));
		free(cut);
	}
	assert_int_equal(token_init(secret, NULL), 0);
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

/* A remembered token is not valid before or after its own time. */
static void
remembered_tokens_expire(void **state)
{
	struct claims c, brief = { .advisor_id = 1, .session_id = 2, .role = ROLE_ADVISOR };
	int64_t now = clock_epoch_s();
	unsigned char hash[VERIFIED_HASH_BYTES];
	char *ending = token_issue(&brief, now - 895, 900, "b"),
	     *ended = token_issue(&brief, now - 900, 900, "c");

	(void)state;
	assert_true(token_verify(ending, &c));
	assert_true(token_verify(ending, &c));
	assert_int_equal(c.session_id, 2);
	while (clock_epoch_s() < now + 5)
		usleep(50000);
	assert_false(token_verify(ending, &c));
	assert_false(token_verify(ended, &c));
	assert_false(token_verify(ended, &c));
	free(ending);
	free(ended);
	brief.expires = now + 100;
	verified_hash("some token", 10, hash);
	assert_false(verified_find(hash, now, &c));
	verified_keep(hash, &brief, now - 10);
	assert_true(verified_find(hash, now, &c));
	assert_false(verified_find(hash, now - 11, &c));
	assert_false(verified_find(hash, now + 100, &c));
}

/* Only the exact text is remembered: any other spelling of a known token is unknown. */
static void
remembered_tokens_match_exactly(void **state)
{
	size_t length = strlen(token);
	struct claims c;

	(void)state;
	assert_true(token_verify(token, &c));
	for (size_t i = 0; i < length; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_false(token_verify(token, &c));
		token[i] = was;
	}
	assert_true(token_verify(token, &c));
}

static void
tokens_carry_the_epoch(void **state)
{
	const char *const id = "0af7651916cd43dd8448eb211c80319c";
	const int64_t now = clock_epoch_s(), epochs[] = { 0, 7, 2147483647, -1 };
	struct claims c, who = given;
	char *one;

	(void)state;
	for (size_t i = 0; i < NITEMS(epochs); i++) {
		who.epoch = epochs[i];
		one = token_issue(&who, now - 3, 900, id);
		assert_true(token_verify(one, &c));
		assert_int_equal(c.epoch, epochs[i]);
		assert_int_equal(c.issued, now - 3);
		free(one);
	}
}

static void
sessions_end_one_by_one_and_by_account(void **state)
{
	const int64_t now = 1800000000;
	struct claims c = { .advisor_id = 5, .session_id = 50, .epoch = 3, .issued = now };
	struct claims another = { .advisor_id = 6, .session_id = 60, .epoch = 0, .issued = now };
	struct claims old = { .advisor_id = 5, .session_id = 51, .epoch = -1, .issued = now };

	(void)state;
	assert_false(revoked_ready());
	revoked_loaded();
	assert_true(revoked_ready());
	revoked_init(900);
	assert_false(revoked_token(&c));
	revoked_add_account(5, 3, now - 100);
	assert_false(revoked_token(&c)); /* the session began in this epoch */
	assert_false(revoked_token(&old)); /* issued later */
	revoked_add_account(5, 4, now);
	assert_true(revoked_token(&c));
	assert_true(revoked_token(&old));
	assert_false(revoked_token(&another));
	/* An older epoch that arrives late does not undo a newer one. */
	revoked_add_account(5, 2, now - 200);
	assert_true(revoked_token(&c));
	assert_true(revoked_token(&old));
	c.epoch = 4;
	old.issued = now + REVOKED_SKEW_S + 1;
	assert_false(revoked_token(&c));
	assert_false(revoked_token(&old));
	revoked_add(50);
	revoked_add(60);
	assert_true(revoked_token(&c));
	assert_true(revoked_token(&another));
	/* An account's id does not revoke the session with the same id. */
	another.session_id = 5;
	assert_false(revoked_token(&another));
	/* Many ids, in any order. */
	for (int64_t i = 0; i < 3000; i++) {
		revoked_add(100000 + i * 7919 % 3000);
		revoked_add_account(100000 + i * 7919 % 3000, 1, now);
	}
	for (int64_t i = 0; i < 3000; i++) {
		c = (struct claims){ .advisor_id = 100000 + i, .session_id = 1, .issued = now };
		assert_true(revoked_token(&c));
		assert_true(revoked_has(100000 + i));
	}
	assert_false(revoked_has(103000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_carry_the_epoch),
		cmocka_unit_test(sessions_end_one_by_one_and_by_account),
		cmocka_unit_test(issued_tokens_verify),
		cmocka_unit_test(every_role_and_the_largest_ids),
		cmocka_unit_test(every_character_counts),
		cmocka_unit_test(unused_bits_of_the_signature_count),
		cmocka_unit_test(malformed_tokens_are_refused),
		cmocka_unit_test(remembered_tokens_expire),
		cmocka_unit_test(remembered_tokens_match_exactly),
		cmocka_unit_test(wrong_key_and_expired_are_refused),
		cmocka_unit_test(two_secrets_verify_and_the_first_signs),
		cmocka_unit_test(every_character_counts_with_two_secrets),
		cmocka_unit_test(roles_have_names),
	};

	return cmocka_run_group_tests(tests, issue, drop);
}
