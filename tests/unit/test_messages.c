/* The table of messages, entry by entry, and how its texts are filled in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/messages.h"
#include "base/text.h"

static const struct {
	const char *code;
	int status;
	const char *words[LANGUAGES][2]; /* title and detail */
} problems[] = {
#define PROBLEM(code, status, title_en, title_es, en, es)                                          \
	{ #code, status, { { title_en, en }, { title_es, es } } },
#include "base/messages.def"
};

static const struct {
	const char *name, *code; /* code NULL: a part of a sentence */
	bool of_problem;
	const char *words[LANGUAGES];
} texts[] = {
#define DETAIL(name, code, en, es) { #name, #code, true, { en, es } },
#define FAULT(name, code, en, es)  { #name, #code, false, { en, es } },
#define WORDS(name, en, es)	   { #name, NULL, false, { en, es } },
#include "base/messages.def"
};

static void
assert_snake_case(const char *s)
{
	bool letter = false;

	for (const char *p = s; *p != '\0'; p++) {
		if (*p == '_' && !letter)
			fail_msg("%s: an underscore out of place", s);
		letter = *p != '_';
		if (letter && !(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9'))
			fail_msg("%s: not in lower case", s);
	}
	if (!letter || (*s >= '0' && *s <= '9'))
		fail_msg("\"%s\": no name", s);
}

/* A bit for each {n}. */
static unsigned
placeholders(const char *words)
{
	unsigned bits = 0;

	for (const char *p = strpbrk(words, "{}"); p != NULL; p = strpbrk(p, "{}")) {
		if (p[0] != '{' || p[1] < '1' || p[1] > '9' || p[2] != '}')
			fail_msg("%s: a brace that is no placeholder's", words);
		bits |= 1U << (p[1] - '1');
		p += 3;
	}
	return bits;
}

static void
assert_words(const char *name, const char *en, const char *es)
{
	unsigned bits = placeholders(en);

	if (*en == '\0' || *es == '\0')
		fail_msg("%s: empty", name);
	if (!text_is_utf8(en, strlen(en)) || !text_is_utf8(es, strlen(es)))
		fail_msg("%s: not UTF-8", name);
	if (bits != placeholders(es))
		fail_msg("%s: the languages have not the same placeholders", name);
	/* {1} and {3} without {2} would be a gap. */
	if ((bits & (bits + 1)) != 0)
		fail_msg("%s: a gap between the placeholders", name);
}

static void
problems_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(problems); i++) {
		const struct problem *p = message_problem(problems[i].code);

		assert_snake_case(problems[i].code);
		assert_true(problems[i].status >= 400 && problems[i].status <= 599);
		for (int k = 0; k < 2; k++) {
			const char *en = problems[i].words[LANGUAGE_EN][k];

			assert_words(problems[i].code, en, problems[i].words[LANGUAGE_ES][k]);
			if (placeholders(en) != 0)
				fail_msg("%s: nothing fills its placeholder in", problems[i].code);
		}
		assert_non_null(p);
		assert_string_equal(p->code, problems[i].code);
		for (enum language l = 0; l < LANGUAGES; l++) {
			assert_string_equal(p->title[l], problems[i].words[l][0]);
			assert_string_equal(p->detail[l], problems[i].words[l][1]);
		}
	}
	assert_null(message_problem("required"));
	assert_null(message_problem(""));
}

static void
texts_are_whole(void **state)
{
	(void)state;
	assert_int_equal(NITEMS(texts) + 1, TEXTS);
	for (size_t i = 0; i < NITEMS(texts); i++) {
		enum text text = (enum text)(i + 1);

		assert_snake_case(texts[i].name);
		assert_words(
		    texts[i].name, texts[i].words[LANGUAGE_EN], texts[i].words[LANGUAGE_ES]);
		assert_string_equal(message_code(text), texts[i].code != NULL ? texts[i].code : "");
		if (texts[i].code != NULL)
			assert_snake_case(texts[i].code);
		if (texts[i].of_problem)
			assert_non_null(message_problem(texts[i].code));
		for (enum language l = 0; l < LANGUAGES; l++)
			assert_string_equal(message_words(text, l), texts[i].words[l]);
	}
	assert_string_equal(message_code(TEXT_NONE), "");
}

static void
arguments_are_filled_in(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
	    message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_type, "x", "a string", "null")),
	    "x must be a string, not null");
	assert_string_equal(message_write(&a, LANGUAGE_ES, MESSAGE(TEXT_one_of, "a, b")),
	    "indique exactamente uno de estos: a, b");
	/* What the argument holds is not looked at again. */
	assert_string_equal(
	    message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_type, "{2}", "{1}", "%s{3}")),
	    "{2} must be {1}, not %s{3}");
	assert_string_equal(
	    message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_required, "")), " is required");
	/* Too few leave the placeholder, too many are passed over. */
	assert_string_equal(
	    message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_type_of_text, "x")), "x must be {2}");
	assert_string_equal(message_write(&a, LANGUAGE_EN, TEXT_required, NULL), "{1} is required");
	assert_string_equal(message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_client_unknown, "x", "y")),
	    "there is no such client");
	assert_string_equal(
	    message_count(&a, LANGUAGE_ES, 1, TEXT_character, TEXT_characters), "1 carácter");
	assert_string_equal(
	    message_count(&a, LANGUAGE_ES, 0, TEXT_character, TEXT_characters), "0 caracteres");
	arena_free(&a);
}

static void
patterns_are_named(void **state)
{
	enum text text = TEXT_NONE;

	(void)state;
	assert_true(message_pattern("phone_form", &text));
	assert_int_equal(text, TEXT_phone_form);
	assert_false(message_pattern("required", &text));
	assert_false(message_pattern("bad_request", &text));
	assert_false(message_pattern("", &text));
	assert_int_equal(text, TEXT_phone_form);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems_are_whole),
		cmocka_unit_test(texts_are_whole),
		cmocka_unit_test(arguments_are_filled_in),
		cmocka_unit_test(patterns_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
