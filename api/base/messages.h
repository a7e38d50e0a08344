/*
 * messages - what clients read, in their language: the texts are in messages.def.
 *
 * Knows nothing of HTTP but that a problem has a number. What the log and the
 * terminal say is English, and is not here.
 */
#ifndef BASE_MESSAGES_H
#define BASE_MESSAGES_H

#include <stdbool.h>
#include "base/arena.h"

enum language { LANGUAGE_EN, LANGUAGE_ES };
#define LANGUAGES 2

/* Each text but those of the problems themselves. */
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

/* What people call a field of a request (spec/field_name.h). */
struct label {
	const char *field;
	const char *words[LANGUAGES]; /* by itself: "Teléfono a Gestionar" */
	const char *inside[LANGUAGES]; /* inside a sentence: "el Teléfono a Gestionar" */
};

/*
 * MESSAGE(TEXT_x, args...) - a text and its arguments, for functions that take
 * (enum text text, const char *const args[]). The arguments are strings, which
 * the compiler sees to; they stand for {1}, {2}, …
 */
#define MESSAGE(...)                                                                               \
	MESSAGE_TEXT(__VA_ARGS__, NULL), (const char *const[])                                     \
	{                                                                                          \
		MESSAGE_ARGS(__VA_ARGS__, NULL)                                                    \
	}
#define MESSAGE_TEXT(text, ...) text
#define MESSAGE_ARGS(text, ...) __VA_ARGS__

/* message_problem - the problem of that code; NULL: there is none. */
const struct problem *message_problem(const char *code);

/* message_label - the label of that field; NULL: there is none. */
const struct label *message_label(const char *field);

/* message_code - the code that the text belongs to; "" for parts of sentences. */
const char *message_code(enum text text);

/* message_words - the text as it stands in the table. */
const char *message_words(enum text text, enum language language);

/* message_write - the text with its arguments (NULL-terminated; may be NULL) filled in, in the arena. */
const char *message_write(
    struct arena *a, enum language language, enum text text, const char *const args[]);

/* message_fill - any words with their arguments filled in, in the same way. */
const char *message_fill(struct arena *a, const char *words, const char *const args[]);

/* message_count - "1 item" by the text one, "5 items" by the text many. */
const char *message_count(
    struct arena *a, enum language language, size_t n, enum text one, enum text many);

/* message_pattern - the text of that name and of the code `pattern` or `one_of`, for x-words; false: there is none. */
bool message_pattern(const char *name, enum text *ret_text);

#endif
