#include "base/messages.h"

#include <stdlib.h>
#include <string.h>

/* With this enum, a DETAIL that names no problem does not compile. */
enum {
#define PROBLEM(code, ...) PROBLEM_##code,
#include "base/messages.def"
	PROBLEMS
};

static const struct problem problems[PROBLEMS] = {
#define PROBLEM(code, status, title_en, title_es, en, es)                                          \
	[PROBLEM_##code] = { #code, status, { title_en, title_es }, { en, es } },
#include "base/messages.def"
};

static const struct {
	const char *name;
	const struct problem *problem; /* DETAIL: the problem it belongs to; else NULL */
	const char *code; /* FAULT: its code; else "" */
	const char *words[LANGUAGES];
} texts[TEXTS] = {
	[TEXT_NONE] = { "", NULL, "", { "", "" } },
#define DETAIL(name, code, en, es)                                                                 \
	[TEXT_##name] = { #name, &problems[PROBLEM_##code], "", { en, es } },
#define FAULT(name, code, en, es) [TEXT_##name] = { #name, NULL, #code, { en, es } },
#define WORDS(name, en, es)	  [TEXT_##name] = { #name, NULL, "", { en, es } },
#include "base/messages.def"
};

static const struct label labels[] = {
#define LABEL(field, en, es, inside_en, inside_es) { field, { en, es }, { inside_en, inside_es } },
#include "base/messages.def"
};

static const struct help {
	const char *field;
	const char *words[LANGUAGES];
} helps[] = {
#define HELP(field, en, es) { field, { en, es } },
#include "base/messages.def"
};

static const struct section_words sections[] = {
#define SECTION(code, en, es, script_en, script_es) { #code, { en, es }, { script_en, script_es } },
#include "base/messages.def"
};

static int
compare_help(const void *field, const void *help)
{
	return strcmp(field, ((const struct help *)help)->field);
}

const char *
message_help(const char *field, enum language language)
{
	const struct help *h = bsearch(field, helps, NITEMS(helps), sizeof(helps[0]), compare_help);

	return h != NULL ? h->words[language] : NULL;
}

const struct section_words *
message_section(size_t i)
{
	return i < NITEMS(sections) ? &sections[i] : NULL;
}

static int
compare_field(const void *field, const void *label)
{
	return strcmp(field, ((const struct label *)label)->field);
}

const struct label *
message_label(const char *field)
{
	return bsearch(field, labels, NITEMS(labels), sizeof(labels[0]), compare_field);
}

const struct problem *
message_problem(const char *code)
{
	for (size_t i = 0; i < NITEMS(problems); i++) {
		if (strcmp(problems[i].code, code) == 0)
			return &problems[i];
	}
	return NULL;
}

const char *
message_code(enum text text)
{
	return texts[text].problem != NULL ? texts[text].problem->code : texts[text].code;
}

const char *
message_words(enum text text, enum language language)
{
	return texts[text].words[language];
}

/* The argument for a placeholder {n} at p; NULL: no placeholder, or no such argument. */
static const char *
argument_at(const char *p, const char *const args[])
{
	int n = p[0] == '{' && p[1] >= '1' && p[1] <= '9' && p[2] == '}' ? p[1] - '0' : 0;

	for (int i = 0; args != NULL && i < n && args[i] != NULL; i++) {
		if (i == n - 1)
			return args[i];
	}
	return NULL;
}

/* Replaces placeholders. Returns the length without NUL; ret_out NULL: measures only. */
static size_t
fill_in(const char *words, const char *const args[], char *ret_out)
{
	size_t length = 0;

	while (*words != '\0') {
		const char *argument = argument_at(words, args);
		const char *piece = argument != NULL ? argument : words;
		size_t n = argument != NULL ? strlen(argument) : 1;

		if (ret_out != NULL)
			memcpy(ret_out + length, piece, n);
		length += n;
		words += argument != NULL ? strlen("{1}") : 1;
	}
	return length;
}

const char *
message_fill(struct arena *a, const char *words, const char *const args[])
{
	size_t length = fill_in(words, args, NULL);
	char *out = arena_alloc(a, length + 1);

	fill_in(words, args, out);
	out[length] = '\0';
	return out;
}

const char *
message_write(struct arena *a, enum language language, enum text text, const char *const args[])
{
	return message_fill(a, message_words(text, language), args);
}

const char *
message_count(struct arena *a, enum language language, size_t n, enum text one, enum text many)
{
	if (n == 1)
		return message_words(one, language);
	return message_write(a, language, MESSAGE(many, arena_printf(a, "%zu", n)));
}

bool
message_pattern(const char *name, enum text *ret_text)
{
	for (size_t i = 0; i < NITEMS(texts); i++) {
		if (strcmp(texts[i].name, name) == 0 && (strcmp(texts[i].code, "pattern") == 0 ||
							    strcmp(texts[i].code, "one_of") == 0)) {
			*ret_text = (enum text)i;
			return true;
		}
	}
	return false;
}
