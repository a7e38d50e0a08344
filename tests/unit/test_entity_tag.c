/*
 * Entity tags as values, and the JSON text that they are made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/json_text.h"
#include "base/text.h"
#include "http/entity_tag.h"

static struct arena arena;

static int
begin(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static const char *
hash_of(const char *text)
{
	char tag[TEXT_TAG_SIZE];

	text_tag(text, strlen(text), tag);
	return arena_copy(&arena, tag, strlen(tag));
}

static void
members_are_found_in_json_text(void **state)
{
	static const char json[] = "{\"a\":1,\"b\" : {\"c\":\"}],\\\"\",\"d\":[1,{\"e\":null}]}, "
				   "\n \"f\":[],\"g\":\"\\\\\"}";
	static const char *const members[][2] = { { "a", "1" },
		{ "b", "{\"c\":\"}],\\\"\",\"d\":[1,{\"e\":null}]}" }, { "f", "[]" },
		{ "g", "\"\\\\\"" } };
	struct span value, inside;

	(void)state;
	for (size_t i = 0; i < NITEMS(members); i++) {
		assert_true(json_text_member(span_of(json), members[i][0], &value));
		assert_true(json_text_is(value, members[i][1]));
	}
	assert_false(json_text_member(span_of(json), "c", &value));
	assert_false(json_text_member(span_of(json), "", &value));
	assert_true(json_text_member(span_of(json), "b", &value));
	assert_true(json_text_member(value, "d", &inside));
	assert_true(json_text_is(inside, "[1,{\"e\":null}]"));
}

static void
items_are_found_one_by_one(void **state)
{
	static const char *const arrays[] = { "[]", "[1]", "[\"a\",{\"b\":[2,3]},[],null]",
		"[ 1 , 2 ]", "{}", "{\"a\":[1,2],\"b\":3}" };
	static const int counts[] = { 0, 1, 4, 2, 0, 2 };

	(void)state;
	for (size_t i = 0; i < NITEMS(arrays); i++) {
		struct span rest = span_of(arrays[i]), name, value;
		int n = 0;

		while (json_text_next(&rest, &name, &value))
			n++;
		assert_int_equal(n, counts[i]);
	}
}

/* The reader expects well-formed text, but must not read past the end of other text. */
static void
truncated_text_is_safe(void **state)
{
	static const char json[] = "{\"a\":{\"b\":[\"c\\\"\",{}]},\"d\":1}";

	(void)state;
	for (size_t n = 0; n <= strlen(json); n++) {
		struct span rest = { arena_copy(&arena, json, n), n }, name, value;

		while (json_text_next(&rest, &name, &value))
			assert_true(value.length <= n);
	}
}

#define HEAD	  "{\"code\":\"entel\"}"
#define SERVICE	  "{\"current_plan\":null}"
#define FOLLOW_UP "{\"note\":null}"

static const char opportunity[] =
    "{\"id\":\"7\",\"sub_campaign\":" HEAD ",\"service\":" SERVICE
    ",\"actions\":[{\"id\":\"1\"},{\"id\":\"12\"}],\"diagnosis\":{\"reason\":null},"
    "\"competitor_offer\":{\"plan\":1},\"closure\":{\"stage\":2},\"missing\":[],\"follow_"
    "up\":" FOLLOW_UP "}";

static void
a_part_is_what_a_change_overwrites(void **state)
{
	const char *tag, *parts;

	(void)state;
	parts = arena_printf(&arena, "%s.%s.%s.%s.%s-",
	    hash_of("[" HEAD ", " SERVICE ", " FOLLOW_UP "]"),
	    hash_of("[{\"id\":\"1\"},{\"id\":\"12\"}]"), hash_of("{\"reason\":null}"),
	    hash_of("{\"plan\":1}"), hash_of("{\"stage\":2}"));
	tag = entity_tag(&arena, ENTITY_OPPORTUNITY, span_of(opportunity));
	assert_string_equal(tag, arena_printf(&arena, "%s%s", parts,
				     hash_of(arena_printf(&arena, "%sid\"7\"missing[]", parts))));
	assert_true(strlen(tag) <= ENTITY_TAG_MAX);
	/* A nested member, and a missing one. */
	tag = entity_tag(&arena, ENTITY_CONTACT, span_of("{\"id\":\"1\"}"));
	parts = arena_printf(&arena, "%s-", hash_of("null"));
	assert_string_equal(tag,
	    arena_printf(&arena, "%s%s", parts, hash_of(arena_printf(&arena, "%sid\"1\"", parts))));
	tag = entity_tag(&arena, ENTITY_DIAGNOSIS, span_of("{\"reason\":null}"));
	assert_string_equal(tag, hash_of("{\"reason\":null}"));
}

static void
of_a_tag_the_parts_are_taken_that_are_asked_for(void **state)
{
	static const struct {
		const char *tag;
		unsigned parts;
		const char *taken;
	} cases[] = {
		{ "a.b.c.d.e-f", PART_OPPORTUNITY, "a" },
		{ "a.b.c.d.e-f", PART_CLOSURE, "e" },
		{ "a.b.c.d.e-f", PART_OPPORTUNITY | PART_DIAGNOSIS, "a.c" },
		{ "a.b.c.d.e-f", 31, "a.b.c.d.e" },
		{ "a.b.c.d.e", PART_ACTIONS, "b" },
		{ "c", PART_DIAGNOSIS, "c" },
		{ "c-f", 0, "c" },
		{ "c", 0, "c" },
		{ "c", PART_DIAGNOSIS | PART_CLOSURE, NULL },
		{ "a.b-f", PART_DIAGNOSIS, NULL },
		{ "a.b.c.d.e-f", 0, NULL },
		{ "a.b.c.d.e.f-g", PART_ACTIONS, NULL },
		{ "....-", PART_ACTIONS, "" },
		{ "-", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(cases); i++) {
		const char *taken =
		    entity_tag_parts(&arena, cases[i].tag, strlen(cases[i].tag), cases[i].parts);

		if (cases[i].taken == NULL)
			assert_null(taken);
		else
			assert_string_equal(taken, cases[i].taken);
	}
	/* In a list the next tag stands behind this one. */
	assert_string_equal(
	    entity_tag_parts(&arena, "a.b.c.d.e,0123", strlen("a.b.c.d.e"), PART_CLOSURE), "e");
}

static void
a_record_shows_its_tags(void **state)
{
	char out[sizeof(opportunity) + ENTITY_TAGS_ROOM];
	const char *tag = "1.2.3.4.5-6";

	(void)state;
	*entity_with_tags(out, ENTITY_OPPORTUNITY, span_of("{\"id\":\"7\"}"), tag, true) = '\0';
	assert_string_equal(out, "{\"id\":\"7\",\"etags\":{\"opportunity\":\"\\\"1.2.3.4.5-6\\\"\","
				 "\"actions\":\"\\\"2\\\"\","
				 "\"diagnosis\":\"\\\"3\\\"\",\"competitor_offer\":\"\\\"4\\\"\","
				 "\"closure\":\"\\\"5\\\"\"},"
				 "\"etag\":\"\\\"1.2.3.4.5-6\\\"\"}");
	*entity_with_tags(out, ENTITY_CLIENT, span_of("{\"id\":\"7\"}"), "1-2", true) = '\0';
	assert_string_equal(out, "{\"id\":\"7\",\"etag\":\"\\\"1-2\\\"\"}");
}

static void
parts_are_found_in_an_opportunity(void **state)
{
	struct span part;

	(void)state;
	assert_true(entity_part(ENTITY_CLOSURE, span_of(opportunity), NULL, &part));
	assert_true(json_text_is(part, "{\"stage\":2}"));
	assert_true(entity_part(ENTITY_ACTION, span_of(opportunity), "12", &part));
	assert_true(json_text_is(part, "{\"id\":\"12\"}"));
	assert_false(entity_part(ENTITY_ACTION, span_of(opportunity), "2", &part));
	assert_false(entity_part(ENTITY_ACTION, span_of(opportunity), NULL, &part));
	assert_false(entity_part(ENTITY_CLIENT, span_of(opportunity), NULL, &part));
}

static void
lists_of_tags_are_compared_weakly_and_strongly(void **state)
{
	(void)state;
	assert_true(entity_tags_match_weak("\"b\", W/\"a\"", "a"));
	assert_false(entity_tags_match_strong("\"b\", W/\"a\"", "a"));
	assert_true(entity_tags_match_strong("\"b\", \"a\"", "a"));
	assert_true(entity_tags_match_strong(" * ", "a") || entity_tags_match_strong("*", "a"));
	assert_true(entity_tags_match_strong("*", NULL));
	assert_false(entity_tags_match_strong("\"a\"", NULL));
	assert_false(entity_tags_match_weak(NULL, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_are_found_in_json_text, begin, end),
		cmocka_unit_test_setup_teardown(items_are_found_one_by_one, begin, end),
		cmocka_unit_test_setup_teardown(truncated_text_is_safe, begin, end),
		cmocka_unit_test_setup_teardown(a_part_is_what_a_change_overwrites, begin, end),
		cmocka_unit_test_setup_teardown(
		    of_a_tag_the_parts_are_taken_that_are_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(a_record_shows_its_tags, begin, end),
		cmocka_unit_test_setup_teardown(parts_are_found_in_an_opportunity, begin, end),
		cmocka_unit_test_setup_teardown(
		    lists_of_tags_are_compared_weakly_and_strongly, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
