#include "http/personal.h"

#include <string.h>

#include "base/log.h"

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
tail_of(struct request *rq, const char *text)
{
	const char *end = text + strlen(text);
	int characters = 0, wanted = TAIL_CHARACTERS;

	for (const char *p = text; *p != '\0'; p++)
		characters += begins_character(*p);
	if (characters <= SHORT_CHARACTERS)
		return json_string(MASK);
	while (wanted > 0)
		wanted -= begins_character(*--end);
	return json_string(arena_printf(&rq->arena, MASK "%s", end));
}

/* The value in place of this one, a new reference; of a list, each item's. */
static json_t *
masked(struct request *rq, json_t *value, enum how how)
{
	json_t *list;

	if (how == GONE)
		return json_null();
	if (json_is_string(value))
		return tail_of(rq, json_string_value(value));
	if (!json_is_array(value))
		return json_incref(value);
	list = json_array();
	for (size_t i = 0; i < json_array_size(value); i++)
		json_array_append_new(list, masked(rq, json_array_get(value, i), how));
	return list;
}

static void
walk(struct request *rq, json_t *value)
{
	const char *member;
	json_t *child;
	enum how how;

	for (size_t i = 0; i < json_array_size(value); i++)
		walk(rq, json_array_get(value, i));
	/* A member that is there may be given another value meanwhile. */
	json_object_foreach (value, member, child) {
		how = how_of(member);
		if (how == SHOWN)
			walk(rq, child);
		else
			json_object_set_new(value, member, masked(rq, child, how));
	}
}

void
personal_mask(struct request *rq)
{
	json_t *answer = json_loadb(rq->reply.body, rq->reply.length, JSON_DECODE_ANY, NULL);

	if (answer == NULL) {
		/* Nothing rather than too much. */
		log_msg(LOG_ERROR, "%s: an answer could not be masked", rq->id);
		answer = json_null();
	}
	walk(rq, answer);
	rq->reply.body = reply_dump(rq, answer, &rq->reply.length);
	json_decref(answer);
}
