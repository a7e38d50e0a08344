/* Checks every entry of the table of messages, and how placeholders are filled in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/messages.h"
#include "base/text.h"

struct told {
	const char *code;
	int status;
	const char *words[LANGUAGES][2]; /* title and detail */
};
static const struct told problems[] = {
#define PROBLEM(code, status, title_en, title_es, en, es)                                          \
	{ #code, status, { { title_en, en }, { title_es, es } } },
#include "base/messages.def"
};

static const struct label labels[] = {
#define LABEL(field, en, es, inside_en, inside_es) { field, { en, es }, { inside_en, inside_es } },
#include "base/messages.def"
};

static const struct {
	const char *name, *code; /* code NULL: part of a sentence */
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
			fail_msg("%s: a misplaced underscore", s);
		letter = *p != '_';
		if (letter && !(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9'))
			fail_msg("%s: not in lower case", s);
	}
	if (!letter || (*s >= '0' && *s <= '9'))
		fail_msg("\"%s\": not a name", s);
}

/* One bit for each {n}. */
static unsigned
placeholders(const char *words)
{
	unsigned bits = 0;

	for (const char *p = strpbrk(words, "{}"); p != NULL; p = strpbrk(p, "{}")) {
		if (p[0] != '{' || p[1] < '1' || p[1] > '9' || p[2] != '}')
			fail_msg("%s: a brace outside a placeholder", words);
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
		fail_msg("%s: the languages' placeholders differ", name);
	/* {1} and {3} without {2} are a gap. */
	if ((bits & (bits + 1)) != 0)
		fail_msg("%s: a gap between the placeholders", name);
}

/* Whether its answer has Retry-After, which fills {1}. */
static bool
tells_wait(const struct told *p)
{
	return p->status == 429 || p->status == 503 ||
	       strcmp(p->code, "idempotency_key_in_use") == 0;
}

static void
assert_sentence(const char *name, const char *words)
{
	size_t length = strlen(words);

	if (words[0] >= 'a' && words[0] <= 'z')
		fail_msg("%s: no capital: %s", name, words);
	if (words[length - 1] != '.')
		fail_msg("%s: no full stop: %s", name, words);
}

/* Texts that an advisor can see have no names of members or headers and no terms of HTTP. */
static void
assert_plain(const char *name, const char *words)
{
	static const char *const technical[] = { "_", "HTTP", "If-", "ETag", "Retry-After", "token",
		"JSON", "Bearer", "POST", "PUT", "GET", "header", "encabezado", "errors", "Allow" };

	for (size_t i = 0; i < NITEMS(technical); i++) {
		if (strstr(words, technical[i]) != NULL)
			fail_msg("%s: \"%s\" is not for an advisor: %s", name, technical[i], words);
	}
}

static void
details_are_sentences(void **state)
{
	static const char *const technical[] = { "method_not_allowed", "not_acceptable",
		"idempotency_key_reused", "media_type_unsupported", "invalid_client" };

	(void)state;
	for (size_t i = 0; i < NITEMS(problems); i++) {
		bool plain = problems[i].status > 400 && problems[i].status <= 503 &&
			     problems[i].status != 411 && problems[i].status != 413 &&
			     problems[i].status != 414 && problems[i].status != 417 &&
			     problems[i].status != 431 && problems[i].status != 501;

		for (size_t k = 0; k < NITEMS(technical); k++)
			plain &= strcmp(problems[i].code, technical[k]) != 0;
		for (enum language l = 0; l < LANGUAGES; l++) {
			const char *title = problems[i].words[l][0];

			if (title[strlen(title) - 1] == '.')
				fail_msg("%s: a title with a full stop", problems[i].code);
			assert_sentence(problems[i].code, problems[i].words[l][1]);
			if (plain) {
				assert_plain(problems[i].code, title);
				assert_plain(problems[i].code, problems[i].words[l][1]);
			}
		}
	}
	for (size_t i = 0; i < NITEMS(texts); i++) {
		for (enum language l = 0; texts[i].code != NULL && l < LANGUAGES; l++)
			assert_sentence(texts[i].name, texts[i].words[l]);
	}
}

static void
labels_are_complete_and_sorted(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(labels); i++) {
		const struct label *l = message_label(labels[i].field);

		if (i > 0 && strcmp(labels[i - 1].field, labels[i].field) >= 0)
			fail_msg("%s: out of order", labels[i].field);
		if (l == NULL)
			fail_msg("%s: not found", labels[i].field);
		for (enum language k = 0; k < LANGUAGES; k++) {
			assert_string_equal(l->words[k], labels[i].words[k]);
			assert_string_equal(l->inside[k], labels[i].inside[k]);
			if (l->words[k][0] == '\0' || l->inside[k][0] == '\0')
				fail_msg("%s: empty", labels[i].field);
			if (l->words[k][0] >= 'a' && l->words[k][0] <= 'z')
				fail_msg("%s: no capital", labels[i].field);
		}
	}
	assert_string_equal(message_label("competitor_offer.phone_to_manage")->words[LANGUAGE_ES],
	    "Teléfono a Gestionar");
	assert_string_equal(message_label("closure.stage")->inside[LANGUAGE_ES], "la Etapa");
	assert_null(message_label(""));
	assert_null(message_label("phone_to_manage"));
}

static void
problems_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(problems); i++) {
		const struct problem *p = message_problem(problems[i].code);

		assert_snake_case(problems[i].code);
		assert_true(problems[i].status == 301 || problems[i].status == 308 ||
			    (problems[i].status >= 400 && problems[i].status <= 599));
		for (int k = 0; k < 2; k++) {
			const char *en = problems[i].words[LANGUAGE_EN][k];

			assert_words(problems[i].code, en, problems[i].words[LANGUAGE_ES][k]);
			if (placeholders(en) != 0 && (k == 0 || !tells_wait(&problems[i])))
				fail_msg("%s: nothing fills its placeholder", problems[i].code);
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
texts_are_complete(void **state)
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
the_form_has_its_words(void **state)
{
	const struct section_words *s;
	size_t n = 0;

	(void)state;
	for (; (s = message_section(n)) != NULL; n++) {
		for (enum language l = 0; l < LANGUAGES; l++)
			assert_true(s->title[l][0] != '\0');
		assert_int_equal(s->script[0][0] == '\0', s->script[1][0] == '\0');
	}
	assert_int_equal(n, 7);
	assert_string_equal(message_section(6)->script[LANGUAGE_ES],
	    "\u00bfDesea seguir recibiendo publicidad de Claro?");
	/* Found by bsearch: every field that has a help is found, so the table is sorted. */
#define HELP(field, en, es)                                                                        \
	assert_string_equal(message_help(field, LANGUAGE_EN), en);                                 \
	assert_string_equal(message_help(field, LANGUAGE_ES), es);                                 \
	assert_non_null(message_label(field));
#include "base/messages.def"
	assert_null(message_help("client.name", LANGUAGE_ES));
}

static void
arguments_are_filled_in(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
	    message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_type, "x", "a string", "null")),
	    "x: the value must be a string, not null.");
	assert_string_equal(message_write(&a, LANGUAGE_ES, MESSAGE(TEXT_one_of, "a, b")),
	    "Indique exactamente uno de estos datos: a, b.");
	/* Placeholders inside an argument are not expanded. */
	assert_string_equal(
	    message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_type, "{2}", "{1}", "%s{3}")),
	    "{2}: the value must be {1}, not %s{3}.");
	assert_string_equal(message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_required, "")), "Enter .");
	/* With too few arguments a placeholder stays; surplus arguments are ignored. */
	assert_string_equal(message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_type_of_text, "x")),
	    "x: the value must be {2}.");
	assert_string_equal(message_write(&a, LANGUAGE_EN, TEXT_required, NULL), "Enter {1}.");
	assert_string_equal(message_write(&a, LANGUAGE_EN, MESSAGE(TEXT_client_unknown, "x", "y")),
	    "There is no such client; search for the client again.");
	assert_string_equal(
	    message_fill(&a, "{2} {1}", (const char *const[]){ "a", "b", NULL }), "b a");
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
		cmocka_unit_test(problems_are_complete),
		cmocka_unit_test(texts_are_complete),
		cmocka_unit_test(details_are_sentences),
		cmocka_unit_test(labels_are_complete_and_sorted),
		cmocka_unit_test(the_form_has_its_words),
		cmocka_unit_test(arguments_are_filled_in),
		cmocka_unit_test(patterns_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
