/*
 * mask - what is personal in answers (resource/personal.h), hidden from callers without the right personal_data.
 */
#ifndef HTTP_MASK_H
#define HTTP_MASK_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * mask_json - an answer with what is personal masked, in the arena. It is called before the
 * answer's entity tags are made: a tag is a hash without a key, so a tag of a hidden value would tell it.
 * returns  NULL for what is no JSON
 */
const char *mask_json(struct arena *arena, const char *json, size_t length, size_t *ret_length);

/* mask_is_null - whether a masked answer has null in place of this member. */
bool mask_is_null(const char *member);

#endif
