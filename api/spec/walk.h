/*
 * walk - what the halves of validate() share: validate.c walks arrays and
 * objects, scalar.c looks at strings and numbers, faults.c says where. Private
 * to api/spec.
 */
#ifndef SPEC_WALK_H
#define SPEC_WALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/messages.h"

struct faults;
struct schema;
struct validate_hooks;

/* Where a value stands; written out as a pointer only when a fault needs it. */
struct at {
	const struct at *up; /* NULL: this is the base */
	const char *name; /* the base's pointer, or a member's name, or NULL: an item */
	size_t length; /* bytes of name */
	size_t index; /* of an item */
};

struct walk {
	const struct validate_hooks *hooks;
	struct faults *fs;
	bool *changed; /* a value was replaced by its normal form */
};

/* walk_is_full - as many faults as are kept: looking further is for nothing. */
bool walk_is_full(const struct walk *w);

/* walk_pointer - where at stands, as a JSON Pointer in a URI fragment; in the arena. */
const char *walk_pointer(const struct walk *w, const struct at *at);

/* walk_called - what people call the value there: its field's label. */
const char *walk_called(const struct walk *w, const char *pointer);

/* walk_called_inside - the same inside a sentence, with its article. */
const char *walk_called_inside(const struct walk *w, const char *pointer);

/* walk_fault - notes a fault there; {1} is what the value is called, {2} the argument (or NULL). */
void walk_fault(const struct walk *w, const struct at *at, enum text text, const char *argument);

/* walk_fault_inside - the same, where {1} is what the value is called inside a sentence. */
void walk_fault_inside(const struct walk *w, const struct at *at, enum text text);

/* walk_count - "1 item", "5 items". */
const char *walk_count(const struct walk *w, size_t n, enum text one, enum text many);

/* walk_normal - the normal form of a string or number, as a new reference; NULL: value is in it. */
json_t *walk_normal(const struct walk *w, const struct schema *s, const json_t *value);

/* walk_listed - enum and const. */
void walk_listed(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at);

void walk_string(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at);
void walk_number(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at);

#endif
