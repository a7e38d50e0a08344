/*
 * schema - a compiled schema: schema_compile() makes it, validate() reads it. Private to api/spec.
 *
 * Strings belong to the document or to the compiled schema's arena.
 */
#ifndef SPEC_SCHEMA_H
#define SPEC_SCHEMA_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include "base/arena.h"
#include "base/messages.h"
#include "field/field.h"

/*
 * How deep schemas may be nested, $refs included. validate() recurses once per
 * level with some 200 bytes of stack: 32 levels need little of a worker thread's.
 */
#define SCHEMA_DEPTH_MAX 32

/* All pairs of items are compared: 1000 items need at most 500,000 comparisons. */
#define UNIQUE_ITEMS_MAX 1000

/* The bits of schema.types; 0 = any. */
enum schema_type {
	TYPE_OBJECT = 1,
	TYPE_ARRAY = 2,
	TYPE_STRING = 4,
	TYPE_INTEGER = 8,
	TYPE_NUMBER = 16,
	TYPE_BOOLEAN = 32,
	TYPE_NULL = 64
};

enum schema_format { FORMAT_NONE, FORMAT_DATE, FORMAT_EMAIL, FORMAT_DIGITS, FORMAT_INSTANT };

struct property {
	const char *name;
	struct schema *schema;
};

struct schema {
	unsigned types;
	const char *types_text[LANGUAGES]; /* "a string or null" */

	const json_t **listed; /* the values of enum, or the one of const; NULL-terminated */
	const char *const *allowed; /* the same as text, without null */
	const char *allowed_text; /* the same as one text: "a, b, c" */

	const char *const *required; /* NULL-terminated, or NULL */
	struct property *properties;
	size_t nproperties;
	bool closed; /* additionalProperties: false */
	size_t min_properties;
	const char *const **one_of; /* the required names of each branch; NULL-terminated */
	const char *one_of_text[LANGUAGES]; /* "client_id, client" */
	const char *rule; /* x-rule */

	struct schema *items;
	size_t min_items, max_items;
	bool unique_items;

	size_t min_length, max_length;
	const char *pattern;
	regex_t regex; /* valid when pattern is not NULL */
	enum text words; /* x-words: the fault's text; TEXT_NONE: a general one */
	enum schema_format format;
	const char *catalog; /* x-catalog */
	const struct field *field; /* x-field; NULL: the text is not normalized */
	bool
	    personal; /* x-personal: answers may mask it (http/mask.h); a request may not send a mask */

	const json_t *minimum, *maximum;

	struct schema *next_regex; /* the next one with a regex, for schema_free() */

	/* In the outermost schema only: */
	struct arena *arena; /* owns the compiled schema */
	struct schema *all_regexes; /* linked by next_regex */
};

#endif
