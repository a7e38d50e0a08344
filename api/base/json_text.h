/*
 * json_text - finds values in JSON text without parsing all of it: for text that is well formed,
 * because PostgreSQL or jansson wrote it. Nothing is copied; a span points into the text.
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct span {
	const char *at; /* no NUL behind it */
	size_t length; /* bytes */
};

/*
 * json_text_next - the next member of an object, or the next item of an array.
 *
 * rest      first the whole object or array; then what is left of it
 * ret_name  the member's name as it is written between its quotes; empty for an item
 * ret_value the value, without blanks around it
 * returns   false at the end, and for text that is neither object nor array
 */
bool json_text_next(struct span *rest, struct span *ret_name, struct span *ret_value);

/* json_text_member - the value of an object's member of this name; false: it has none. */
bool json_text_member(struct span object, const char *name, struct span *ret_value);

/* json_text_is - the span is this text. */
bool json_text_is(struct span span, const char *text);

/* json_text_dump - a JSON value as text in the arena, without a NUL behind its length bytes. */
const char *json_text_dump(struct arena *arena, const json_t *value, size_t *ret_length);

#endif
