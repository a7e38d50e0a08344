/*
 * messages - the texts that clients read, in their language; messages.def is the table.
 *
 * Of HTTP this file knows only that a problem has a status. Texts of the log
 * and of the command line are English and are not in the table. Returned
 * strings are constants, or live in the given arena. Safe from any thread.
 */
#ifndef BASE_MESSAGES_H
#define BASE_MESSAGES_H

#include <stdbool.h>
#include "base/arena.h"

enum language { LANGUAGE_EN, LANGUAGE_ES };
#define LANGUAGES 2

/* Every text of the table but the problems' own titles and details. */
enum text {
	TEXT_NONE,
#define DETAIL(name, code, en, es) TEXT_##name,
#define FAULT(name, code, en, es)  TEXT_##name,
#define WORDS(name, en, es)	   TEXT_##name,
#include "base/messages.def"
	TEXTS
};

struct problem {
	const char *code;
	int status;
	const char *title[LANGUAGES], *detail[LANGUAGES];
};

/* What users call a field of a request (spec/field_name.h). */
struct label {
	const char *field;
	const char *words[LANGUAGES]; /* by itself: "Teléfono a Gestionar" */
	const char *inside[LANGUAGES]; /* inside a sentence: "el Teléfono a Gestionar" */
};

/* A section of the form. */
struct section_words {
	const char *code; /* "competitor_offer" */
	const char *title[LANGUAGES];
	const char *script[LANGUAGES]; /* what the advisor says, with placeholders; "": nothing */
};

/*
 * MESSAGE(TEXT_x, args...) - a text and its arguments, for functions that take
 * (enum text text, const char *const args[]). The arguments are strings; they
 * replace {1}, {2}, …
 */
#define MESSAGE(...)                                                                               \
	MESSAGE_TEXT(__VA_ARGS__, NULL), (const char *const[])                                     \
	{                                                                                          \
		MESSAGE_ARGS(__VA_ARGS__, NULL)                                                    \
	}
#define MESSAGE_TEXT(text, ...) text
#define MESSAGE_ARGS(text, ...) __VA_ARGS__

/* message_problem - returns the problem of that code; NULL: there is none. */
const struct problem *message_problem(const char *code);

/* message_label - returns the label of that field; NULL: there is none. */
const struct label *message_label(const char *field);

/* message_help - returns what to enter in that field; NULL: there is no such text. */
const char *message_help(const char *field, enum language language);

/* message_section - returns the i-th section of the form, in the order of the call; NULL after the last. */
const struct section_words *message_section(size_t i);

/* message_code - returns the code of a DETAIL or FAULT; "" for WORDS. */
const char *message_code(enum text text);

/* message_words - returns the text as it stands in the table, with its placeholders. */
const char *message_words(enum text text, enum language language);

/*
 * message_write - returns the text with its placeholders replaced, in the arena.
 * args  NULL-terminated, or NULL
 */
const char *message_write(
    struct arena *a, enum language language, enum text text, const char *const args[]);

/* message_fill - the same for any string with placeholders. */
const char *message_fill(struct arena *a, const char *words, const char *const args[]);

/* message_count - returns "1 item" (the text `one`) or "5 items" (the text `many` with {1}). */
const char *message_count(
    struct arena *a, enum language language, size_t n, enum text one, enum text many);

/*
 * message_pattern - finds the text that an x-words of openapi.yaml names: its code must be
 * `pattern` or `one_of`. Returns false when there is none.
 */
bool message_pattern(const char *name, enum text *ret_text);

#endif
