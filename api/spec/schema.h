/*
 * schema - a schema of the document, compiled: what schema_compile() makes and validate() walks.
 * Private to api/spec.
 *
 * Names and texts point into the document or into the compiled schema's arena.
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
 * Levels of nested schemas, $refs counted. validate() calls itself once a
 * level with some 200 bytes of stack each: 32 levels are far below what a
 * worker thread has.
 */
#define SCHEMA_DEPTH_MAX 32

/* Items are compared each with each: 1000 of them are 500,000 comparisons at most. */
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

	const json_t **listed; /* enum, or const as the only one; NULL-terminated */
	const char *const *allowed; /* the same as text, without null */
	const char *allowed_text; /* "a, b, c" */

	const char *const *required; /* NULL-terminated, or NULL */
	struct property *properties;
	size_t nproperties;
	bool closed; /* additionalProperties: false */
	size_t min_properties;
	const char *const **one_of; /* each branch's required names; NULL-terminated */
	const char *one_of_text[LANGUAGES]; /* "client_id, client" */
	const char *rule;

	struct schema *items;
	size_t min_items, max_items;
	bool unique_items;

	size_t min_length, max_length;
	const char *pattern;
	regex_t regex; /* compiled when pattern is there */
	enum text words; /* what to say when it does not match; TEXT_NONE: the pattern */
	enum schema_format format;
	const char *catalog;
	const struct field *field; /* NULL: the text is taken as it is */
	bool personal; /* answers may mask it (http/mask.h), so no mask is taken as its value */

	const json_t *minimum, *maximum;

	struct schema *next_regex; /* the next one with a regex, for schema_free() */

	/* Of the outermost alone: */
	struct arena *arena; /* where all of the compiled schema lives */
	struct schema *all_regexes;
};

#endif
