#include "http/mask.h"

#include <string.h>

#include "base/arena.h"
#include "base/json_text.h"
#include "resource/personal.h"

#define MASK "***"

enum how { SHOWN, MASKED, GONE };

static const struct {
	const char *member;
	enum how how;
} table[] = {
#define P(member, how) { #member, how },
	PERSONAL(P)
#undef P
};

/* parent  the member that has the object; "": none */
static enum how
how_of(const char *parent, const char *member)
{
	const size_t length = strlen(parent);

	for (size_t i = 0; i < NITEMS(table); i++) {
		const char *name = table[i].member;

		if (strcmp(name, member) == 0 ||
		    (strncmp(name, parent, length) == 0 && name[length] == '.' &&
			strcmp(name + length + 1, member) == 0))
			return table[i].how;
	}
	return SHOWN;
}

bool
mask_is_null(const char *member)
{
	return how_of("", member) == GONE;
}

/* What an answer shows instead of the value; a new reference. */
static json_t *
masked(json_t *value, enum how how)
{
	if (how == GONE)
		return json_null();
	if (json_is_array(value))
		return json_array_size(value) > 0 ? json_pack("[s]", MASK) : json_array();
	return json_is_string(value) ? json_string(MASK) : json_incref(value);
}

static void
walk(json_t *value, const char *parent)
{
	const char *member;
	json_t *child;
	enum how how;

	for (size_t i = 0; i < json_array_size(value); i++)
		walk(json_array_get(value, i), parent);
	/* jansson allows replacing an existing member during the iteration. */
	json_object_foreach (value, member, child) {
		how = how_of(parent, member);
		if (how == SHOWN)
			walk(child, member);
		else
			json_object_set_new(value, member, masked(child, how));
	}
}

const char *
mask_json(struct arena *arena, const char *json, size_t length, size_t *ret_length)
{
	json_t *answer = json_loadb(json, length, JSON_DECODE_ANY, NULL);
	const char *text;

	if (answer == NULL)
		return NULL;
	walk(answer, "");
	text = json_text_dump(arena, answer, ret_length);
	json_decref(answer);
	return text;
}
