/*
 * mask - hides personal members (resource/personal.h) in answers to accounts without the right
 * personal_data. Thread-safe.
 */
#ifndef HTTP_MASK_H
#define HTTP_MASK_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * mask_json - masks the personal members of an answer. Call it before the answer's entity tags are
 * computed: a tag is an unkeyed hash, so the tag of a hidden value would reveal it.
 *
 * json     length bytes
 * returns  ret_length bytes in the arena; NULL if json is not JSON
 */
const char *mask_json(struct arena *arena, const char *json, size_t length, size_t *ret_length);

/* mask_is_null - whether a masked answer shows null instead of this member's value. */
bool mask_is_null(const char *member);

#endif
