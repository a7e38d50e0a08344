/*
 * entity_tag - makes and compares entity tags (RFC 9110, 8.8.3).
 *
 * A tag is computed from an answer's bytes: `part.part.…-all`. Each part is a hash of the members
 * that one kind of change could overwrite (resource/entities.h); `all` is a hash of the parts and of
 * the rest of the answer. If-None-Match compares the whole tag. If-Match of a write compares only
 * the part that the write changes, so a value derived from other records, such as a birthday, never
 * makes a write fail. The tag of a record without parts is `all`. The hash is text_tag() of
 * base/text.h, which a function in the database computes too.
 *
 * All functions are thread-safe.
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

/* Bits for the parts of an opportunity's tag, in the order of resource/entities.h. */
enum {
	PART_OPPORTUNITY = 1,
	PART_ACTIONS = 2,
	PART_DIAGNOSIS = 4,
	PART_COMPETITOR_OFFER = 8,
	PART_CLOSURE = 16,
	PARTS_ALL = 31
};
#define PARTS_MAX 5

/* Longest tag in bytes: five parts and `all`, 16 digits each, and 5 separators. */
#define ENTITY_TAG_MAX 101

/*
 * entity_tag - computes the tag of a record.
 *
 * json     the record, a well-formed JSON object
 * returns  the tag without quotes, in the arena
 */
const char *entity_tag(struct arena *a, enum entity entity, struct span json);

/*
 * entity_tag_parts - selects parts of a tag that a client sent.
 *
 * tag      length bytes, without quotes
 * parts    PART_x bits; 0 for a record without parts
 * returns  the selected parts joined by dots, in the arena; NULL if the tag is another kind of record's
 */
const char *entity_tag_parts(struct arena *a, const char *tag, size_t length, unsigned parts);

/* entity_is_part - whether the record is a part of an opportunity, or an action of its grid. */
bool entity_is_part(enum entity entity);

/*
 * entity_part - finds a part in the JSON of an opportunity.
 *
 * action_id   which action, if entity is ENTITY_ACTION
 * ret_part    points into opportunity
 * returns     false if there is no such part
 */
bool entity_part(
    enum entity entity, struct span opportunity, const char *action_id, struct span *ret_part);

/*
 * entity_with_tags - copies a record and adds its tags: member `etags` for an opportunity, member
 * `etag` for an item of a list.
 *
 * out      room for json.length + ENTITY_TAGS_ROOM bytes (ENTITY_TAG_ROOM if no opportunity)
 * json     the record
 * tag      its entity_tag
 * listed   the record is an item of a list
 * returns  one past the last byte written; writes no NUL
 */
#define ENTITY_TAGS_ROOM 512
#define ENTITY_TAG_ROOM	 (ENTITY_TAG_MAX + 20)
char *entity_with_tags(
    char *out, enum entity entity, struct span json, const char *tag, bool listed);

/* One entity tag of the list in If-Match or If-None-Match. */
struct listed_tag {
	const char *text; /* what is between the quotes, in the list's memory */
	size_t length;
	bool weak;
};

/*
 * entity_tags_next - reads the tag at *list and moves *list past it.
 * returns 1; 0 at the end of the list; -1 if there is no well-formed entity tag
 */
int entity_tags_next(const char **list, struct listed_tag *ret_tag);

/* entity_tags_any - whether the list is an asterisk, which matches any tag. */
bool entity_tags_any(const char *list);

/*
 * entity_tags_match_weak - whether the list (NULL: empty) matches the tag by the weak comparison
 * (RFC 9110, 8.8.3.2).
 */
bool entity_tags_match_weak(const char *list, const char *tag);

/*
 * entity_tags_match_strong - whether the list matches the tag by the strong comparison.
 * tag  NULL: the answer has none, which only the asterisk matches
 */
bool entity_tags_match_strong(const char *list, const char *tag);

#endif
