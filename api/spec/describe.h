/*
 * describe - what a compiled schema says of its members, for the form contract: the same schema
 * that validate() checks a request by. Safe from any thread.
 */
#ifndef SPEC_DESCRIBE_H
#define SPEC_DESCRIBE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "field/field.h"

struct schema;

/* How a client enters a value. */
enum input {
	INPUT_GROUP, /* an object: its members are entered */
	INPUT_ROWS, /* an array of objects */
	INPUT_LIST, /* an array of values: the description is that of a value */
	INPUT_CHOICE,
	INPUT_BOOLEAN,
	INPUT_INTEGER,
	INPUT_DATE,
	INPUT_EMAIL,
	INPUT_PHONE,
	INPUT_ID,
	INPUT_TEXT
};

struct description {
	enum input input;
	bool nullable; /* null is accepted */
	const char *catalog; /* of a choice; else NULL */
	const char *pattern; /* of the normal form; NULL: none */
	size_t min_length, max_length; /* of the normal form; max_length SIZE_MAX: no bound */
	const json_t *minimum, *maximum; /* of an integer; NULL: no bound */
	char first_day[FIELD_DAY_SIZE], last_day[FIELD_DAY_SIZE]; /* of a date; "": no bound */
	size_t max_items; /* of rows and of a list; SIZE_MAX: no bound */
	const struct schema *items; /* of rows */
	const char *rule; /* the x-rule of a group; else NULL */
};

/* describe - describes a schema. */
void describe(const struct schema *s, struct description *ret_description);

/* describe_member - the i-th member of a group, in the document's order; NULL after the last. */
const struct schema *describe_member(const struct schema *s, size_t i, const char **ret_name);

/* describe_named - the member of that name; NULL: there is none. */
const struct schema *describe_named(const struct schema *s, const char *name);

/* describe_count - how many members a group has. */
size_t describe_count(const struct schema *s);

/* describe_requires - whether the group is refused without that member. */
bool describe_requires(const struct schema *s, const char *name);

/* describe_excludes - whether the group's oneOf refuses `name` beside `given`. */
bool describe_excludes(const struct schema *s, const char *given, const char *name);

#endif
