/*
 * json_text - finds values in JSON text without parsing all of it. The text must be well-formed
 * JSON, as PostgreSQL and jansson write it. Nothing is copied: spans point into the text.
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct span {
	const char *at; /* not terminated with NUL */
	size_t length; /* bytes */
};

/*
 * json_text_next - reads the next member of an object, or the next item of an array.
 *
 * rest      initially the whole object or array; each call shortens it to the unread rest
 * ret_name  the member's name, still escaped, without its quotes; empty for an item
 * ret_value the value, without white space around it
 * returns   false at the end, and for text that is neither object nor array
 */
bool json_text_next(struct span *rest, struct span *ret_name, struct span *ret_value);

/* json_text_member - finds an object's member by name. Returns false when it has none. */
bool json_text_member(struct span object, const char *name, struct span *ret_value);

/* json_text_is - returns whether the span equals this text. */
bool json_text_is(struct span span, const char *text);

/* json_text_depth - the deepest nesting of arrays and objects in any text; max + 1 if it exceeds max. */
int json_text_depth(const char *text, size_t length, int max);

/* json_text_dump - serializes a JSON value into the arena; *ret_length bytes, no NUL. */
const char *json_text_dump(struct arena *arena, const json_t *value, size_t *ret_length);

#endif
