/* Request headers: conditions, traces, origins; and encrypted or signed texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include "auth/secret.h"
#include "http/condition.h"
#include "base/origin.h"
#include "http/cors.h"
#include "http/entity_tag.h"
#include "http/trace.h"

#define TEN	   "0123456789"
#define TAG_OF_102 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "ab"

static struct request rq;
static struct operation op = { .id = "client_update", .takes_if_match = true };

static const char *
condition(const char *if_match, const char *if_none_match, int *ret_status)
{
	memset(&rq, 0, sizeof(rq));
	arena_init(&rq.arena);
	rq.op = &op;
	*ret_status = condition_take(&rq, if_match, if_none_match);
	return rq.condition;
}

static void
condition_keeps_tags_of_the_service_s_form(void **state)
{
	static const struct {
		const char *if_match, *if_none_match, *condition;
	} cases[] = {
		{ NULL, NULL, NULL },
		{ "*", NULL, NULL },
		{ "* ", NULL, NULL },
		{ "\"a1\"", NULL, "a1" },
		{ " \"a1\" , \"b2\"", NULL, "a1,b2" },
		{ ",,\"a1\",", NULL, "a1" },
		{ "\"a1\"", "\"b2\"", "a1" },
		/* Only strong comparison (RFC 9110, 13.1.1), so no tag of this list can match. */
		{ "W/\"a1\"", NULL, "" },
		{ "\"\"", NULL, "" },
		{ "\"A1\"", NULL, "" },
		{ "\"a1.b2-c3\"", NULL, "a1.b2-c3" },
		{ "\"" TAG_OF_102 "\"", NULL, "" },
		{ "\"x';drop-table-client\"", NULL, "" },
		{ NULL, "*", "!*" },
		{ NULL, "\"a1\"", "!a1" },
		{ NULL, "W/\"a1\", \"b2\"", "!a1,b2" },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(cases); i++) {
		int status;
		const char *c = condition(cases[i].if_match, cases[i].if_none_match, &status);

		assert_int_equal(status, 0);
		if (cases[i].condition == NULL)
			assert_null(c);
		else
			assert_string_equal(c, cases[i].condition);
		arena_free(&rq.arena);
	}
}

static void
condition_refuses_malformed_lists(void **state)
{
	static const char *const bad[] = { "a1", "\"a1", "a1\"", "\"a1\" \"b2\"", "\"a1\"x", "",
		" ", ",", "w/\"a1\"", "W/a1", "\"a 1\"", "\"a\x01\"", "* , \"a1\"" };

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		int status;

		condition(bad[i], NULL, &status);
		assert_int_equal(status, 400);
		arena_free(&rq.arena);
	}
}

static void
if_match_where_nothing_has_a_tag_fails(void **state)
{
	int status;

	(void)state;
	op.takes_if_match = false;
	condition("\"a1\"", NULL, &status);
	assert_int_equal(status, 412);
	arena_free(&rq.arena);
	condition("*", NULL, &status);
	assert_int_equal(status, 0);
	condition(NULL, "*", &status);
	assert_int_equal(status, 0);
	assert_null(rq.condition);
	op.takes_if_match = true;
}

static void
none_match_compares_weakly(void **state)
{
	(void)state;
	assert_true(entity_tags_match_weak("*", "a1"));
	assert_true(entity_tags_match_weak("\"a1\"", "a1"));
	assert_true(entity_tags_match_weak("\"b2\", W/\"a1\"", "a1"));
	assert_false(entity_tags_match_weak("\"a1b\"", "a1"));
	assert_false(entity_tags_match_weak("a1", "a1"));
	assert_false(entity_tags_match_weak("", "a1"));
	assert_false(entity_tags_match_weak(NULL, "a1"));
}

#define ID   "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void
trace_continues_with_a_new_span(void **state)
{
	static const char *const good[] = { "00-" ID "-" SPAN "-01", "00-" ID "-" SPAN "-ff",
		"01-" ID "-" SPAN "-01", "cc-" ID "-" SPAN "-01-what-will-be" };
	char parent[TRACE_PARENT_SIZE];
	struct trace t;

	(void)state;
	for (size_t i = 0; i < NITEMS(good); i++) {
		trace_take(good[i], &t);
		assert_string_equal(t.id, ID);
		assert_int_equal(strlen(t.span), 16);
		assert_string_not_equal(t.span, SPAN);
		trace_parent(&t, parent);
		assert_int_equal(strlen(parent), 55);
		assert_memory_equal(parent, "00-" ID "-", 36);
	}
}

static void
malformed_trace_is_ignored(void **state)
{
	static const char *const bad[] = { NULL, "", "00", "00-" ID "-" SPAN,
		"00-" ID "-" SPAN "-1", "00-" ID "-" SPAN "-01-x", "00-" ID "-" SPAN "-01x",
		"ff-" ID "-" SPAN "-01", "01-" ID "-" SPAN "-01x", "0-" ID "-" SPAN "-001",
		"00_" ID "-" SPAN "-01", "00-00000000000000000000000000000000-" SPAN "-01",
		"00-" ID "-0000000000000000-01", "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
		"00-" ID "-b7ad6b716920333g-01" };
	struct trace t;

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		trace_take(bad[i], &t);
		assert_string_equal(t.id, "");
	}
}

static void
origins_are_a_list_of_origins(void **state)
{
	static const char *const good[] = { "", " ", "https://desk.example",
		"http://localhost:3000", "https://a.example,https://b.example",
		" https://a.example , http://[::1]:80 ," };
	static const char *const bad[] = { "*", "null", "desk.example", "https://", "https://a/",
		"https://a.example/x", "ftp://a", "https://a.example;https://b", "HTTPS://a",
		"https://a\r\nX: y" };

	(void)state;
	for (size_t i = 0; i < NITEMS(good); i++)
		assert_true(origin_list_valid(good[i]));
	for (size_t i = 0; i < NITEMS(bad); i++)
		assert_false(origin_list_valid(bad[i]));
}

static void
encrypted_texts_decrypt_and_altered_ones_do_not(void **state)
{
	char token[SECRET_TOKEN_SIZE], encrypted[SECRET_ENCRYPTED_SIZE], again[SECRET_TOKEN_SIZE],
	    other[SECRET_ENCRYPTED_SIZE];

	(void)state;
	secret_init("0123456789abcdef0123456789abcdef", NULL);
	secret_token(token);
	secret_encrypt(token, encrypted);
	assert_true(secret_decrypt(encrypted, again));
	assert_string_equal(again, token);
	assert_null(strstr(encrypted, token));
	/* Encrypting twice gives different texts. */
	secret_encrypt(token, other);
	assert_string_not_equal(encrypted, other);
	for (size_t i = 0; i < strlen(encrypted); i += 7) {
		memcpy(other, encrypted, sizeof(encrypted));
		other[i] = other[i] == 'A' ? 'B' : 'A';
		assert_false(secret_decrypt(other, again));
	}
	encrypted[40] = '\0';
	assert_false(secret_decrypt(encrypted, again));
	assert_false(secret_decrypt("", again));
}

static void
texts_under_the_previous_secret_decrypt(void **state)
{
	static const char old[] = "0123456789abcdef0123456789abcdef";
	static const char new[] = "fedcba9876543210fedcba9876543210";
	char token[SECRET_TOKEN_SIZE], encrypted[SECRET_ENCRYPTED_SIZE], again[SECRET_TOKEN_SIZE],
	    old_signed[128], new_signed[128], text[64];

	(void)state;
	secret_init(old, NULL);
	secret_token(token);
	secret_encrypt(token, encrypted);
	assert_non_null(secret_sign("list", "2026 1", old_signed, sizeof(old_signed)));
	secret_init(new, old);
	assert_true(secret_decrypt(encrypted, again));
	assert_string_equal(again, token);
	assert_true(secret_verify("list", old_signed, text, sizeof(text)));
	assert_string_equal(text, "2026 1");
	assert_false(secret_verify("another", old_signed, text, sizeof(text)));
	/* New texts are encrypted under the current secret. */
	assert_non_null(secret_sign("list", "2026 1", new_signed, sizeof(new_signed)));
	assert_string_not_equal(old_signed, new_signed);
	secret_init(old, NULL);
	assert_false(secret_verify("list", new_signed, text, sizeof(text)));
	secret_init(new, "");
	assert_true(secret_verify("list", new_signed, text, sizeof(text)));
	assert_false(secret_verify("list", old_signed, text, sizeof(text)));
	assert_false(secret_decrypt(encrypted, again));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(condition_keeps_tags_of_the_service_s_form),
		cmocka_unit_test(condition_refuses_malformed_lists),
		cmocka_unit_test(if_match_where_nothing_has_a_tag_fails),
		cmocka_unit_test(none_match_compares_weakly),
		cmocka_unit_test(trace_continues_with_a_new_span),
		cmocka_unit_test(malformed_trace_is_ignored),
		cmocka_unit_test(origins_are_a_list_of_origins),
		cmocka_unit_test(encrypted_texts_decrypt_and_altered_ones_do_not),
		cmocka_unit_test(texts_under_the_previous_secret_decrypt),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
