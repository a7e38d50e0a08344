#include "http/personal.h"

#include <string.h>

#include "base/json_text.h"

#define MASK "***"
/* Of what is no longer than this, the last three characters would be too much. */
#define SHORT_CHARACTERS 6
#define TAIL_CHARACTERS	 3

enum how { SHOWN, TAIL, GONE };

static const struct {
	const char *member;
	enum how how;
} table[] = {
#define P(member, how) { #member, how },
	PERSONAL(P)
#undef P
};

static enum how
how_of(const char *member)
{
	for (size_t i = 0; i < NITEMS(table); i++) {
		if (strcmp(table[i].member, member) == 0)
			return table[i].how;
	}
	return SHOWN;
}

static bool
begins_character(char c)
{
	return ((unsigned char)c & 0xC0) != 0x80;
}

static json_t *
tail_of(struct arena *arena, const char *text)
{
	const char *end = text + strlen(text);
	int characters = 0, wanted = TAIL_CHARACTERS;

	for (const char *p = text; *p != '\0'; p++)
		characters += begins_character(*p);
	if (characters <= SHORT_CHARACTERS)
		return json_string(MASK);
	while (wanted > 0)
		wanted -= begins_character(*--end);
	return json_string(arena_printf(arena, MASK "%s", end));
}

/* The value in place of this one, a new reference; of a list, each item's. */
static json_t *
masked(struct arena *arena, json_t *value, enum how how)
{
	json_t *list;

	if (how == GONE)
		return json_null();
	if (json_is_string(value))
		return tail_of(arena, json_string_value(value));
	if (!json_is_array(value))
		return json_incref(value);
	list = json_array();
	for (size_t i = 0; i < json_array_size(value); i++)
		json_array_append_new(list, masked(arena, json_array_get(value, i), how));
	return list;
}

static void
walk(struct arena *arena, json_t *value)
{
	const char *member;
	json_t *child;
	enum how how;

	for (size_t i = 0; i < json_array_size(value); i++)
		walk(arena, json_array_get(value, i));
	/* A member that is there may be given another value meanwhile. */
	json_object_foreach (value, member, child) {
		how = how_of(member);
		if (how == SHOWN)
			walk(arena, child);
		else
			json_object_set_new(value, member, masked(arena, child, how));
	}
}

const char *
personal_masked(struct arena *arena, const char *json, size_t length, size_t *ret_length)
{
	json_t *answer = json_loadb(json, length, JSON_DECODE_ANY, NULL);
	const char *text;

	if (answer == NULL)
		return NULL;
	walk(arena, answer);
	text = json_text_dump(arena, answer, ret_length);
	json_decref(answer);
	return text;
}
