/*
 * walk - shared by the parts of validate(): validate.c walks arrays and
 * objects, scalar.c checks strings and numbers, walk.c adds their faults.
 * Private to api/spec.
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

/* The place of a value. It becomes a JSON Pointer only when a fault needs one. */
struct at {
	const struct at *up; /* NULL: the value that validate() was called with */
	const char *name; /* that value's pointer; a member's name; NULL: an item */
	size_t length; /* bytes of name */
	size_t index; /* of an item */
};

struct walk {
	const struct validate_hooks *hooks;
	struct faults *fs;
	bool *changed; /* a value was replaced by its normal form */
};

/* walk_is_full - returns whether the list is full, so that checking may stop. */
bool walk_is_full(const struct walk *w);

/* walk_pointer - returns the place as a JSON Pointer in a URI fragment, in the arena. */
const char *walk_pointer(const struct walk *w, const struct at *at);

/* walk_label - returns the label of the field at the pointer. */
const char *walk_label(const struct walk *w, const char *pointer);

/* walk_label_inside - the same for use inside a sentence, with its article. */
const char *walk_label_inside(const struct walk *w, const char *pointer);

/* walk_fault - adds a fault; {1} is the field's label, {2} the argument (or NULL). */
void walk_fault(const struct walk *w, const struct at *at, enum text text, const char *argument);

/* walk_fault_inside - the same; {1} is the label inside a sentence, and there is no {2}. */
void walk_fault_inside(const struct walk *w, const struct at *at, enum text text);

/* walk_count - returns "1 item" or "5 items": see message_count. */
const char *walk_count(const struct walk *w, size_t n, enum text one, enum text many);

/* walk_normal - returns a string's or number's normal form, a new reference; NULL: value is in it. */
json_t *walk_normal(const struct walk *w, const struct schema *s, const json_t *value);

/* walk_listed - checks enum and const. */
void walk_listed(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at);

void walk_string(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at);
void walk_number(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at);

#endif
