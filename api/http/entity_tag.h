/*
 * entity_tag - the entity tags of answers (RFC 9110, 8.8.3), as values.
 *
 * A tag is made of an answer's bytes: `part.part.…-all`. The parts are hashes of what one kind of
 * change could overwrite (resource/entities.h), `all` is one of those and of the rest of the answer. If-None-Match
 * compares the whole tag, If-Match of a change the part alone: so what is derived from other
 * records, such as a birthday, never makes a change fail. A record without parts has `all` alone.
 * Hashes are text_tag()'s, which the database makes too.
 */
#ifndef HTTP_ENTITY_TAG_H
#define HTTP_ENTITY_TAG_H

#include "base/arena.h"
#include "base/json_text.h"
#include "resource/entities.h"

enum entity {
#define E(name, parts) ENTITY_##name,
	ENTITIES(E)
#undef E
};

/* The parts of an opportunity, as bits, in the order of resource/entities.h. */
enum {
	PART_OPPORTUNITY = 1,
	PART_ACTIONS = 2,
	PART_DIAGNOSIS = 4,
	PART_COMPETITOR_OFFER = 8,
	PART_CLOSURE = 16
};
#define PARTS_MAX 5

/* A tag's bytes at most: five parts and all, 16 digits each, and what joins them. */
#define ENTITY_TAG_MAX 101

/* entity_tag - the tag of a record, without quotes, in the arena. */
const char *entity_tag(struct arena *a, enum entity entity, struct span json);

/*
 * entity_tag_parts - of a tag that a client sent, those of its parts that `parts` names, joined by dots; in the arena.
 *
 * parts    bits of PART_x; 0 for a record that is no opportunity
 * returns  NULL for a tag that is of another kind of record
 */
const char *entity_tag_parts(struct arena *a, const char *tag, size_t length, unsigned parts);

/* entity_is_part - a part of an opportunity, or a row of its grid. */
bool entity_is_part(enum entity entity);

/*
 * entity_part - finds a part in the JSON of an opportunity.
 *
 * action_id  which row of the grid, where the part is one
 * returns    false: it has no such part
 */
bool entity_part(
    enum entity entity, struct span opportunity, const char *action_id, struct span *ret_part);

/*
 * entity_with_tags - the record with its tags in it: an opportunity gets `etags`, an item of a list `etag`.
 *
 * json     the record
 * tag      its entity_tag
 * out      room for json.length + ENTITY_TAGS_ROOM bytes
 * returns  behind the last byte written; no NUL
 */
#define ENTITY_TAGS_ROOM 512
#define ENTITY_TAG_ROOM	 (ENTITY_TAG_MAX + 20) /* of a record that is no opportunity */
char *entity_with_tags(
    char *out, enum entity entity, struct span json, const char *tag, bool listed);

/* One entity tag of a list, as If-Match and If-None-Match have it: what stands between its quotes. */
struct listed_tag {
	const char *text;
	size_t length;
	bool weak;
};

/*
 * entity_tags_next - the tag at *list, and *list behind it and its comma.
 * returns 1; 0 at the end; -1 for what is no entity tag (RFC 9110, 8.8.3)
 */
int entity_tags_next(const char **list, struct listed_tag *ret_tag);

/* entity_tags_any - the list is an asterisk. */
bool entity_tags_any(const char *list);

/* entity_tags_name - the list (NULL: none) names this tag, or any, by the weak comparison (RFC 9110, 8.8.3.2). */
bool entity_tags_name(const char *list, const char *tag);

/* entity_tags_match - the list names this tag (NULL: there is none), or any, by the strong comparison. */
bool entity_tags_match(const char *list, const char *tag);

#endif
