#include "http/entity_tag.h"

#include <string.h>

#include "base/text.h"

static const char *const parts_of[] = {
#define E(name, parts) [ENTITY_##name] = parts,
	ENTITIES(E)
#undef E
};
/* Member names of `etags`, in the order of the parts. */
static const char *const part_names[] = { "opportunity", "actions", "diagnosis", "competitor_offer",
	"closure" };
_Static_assert(NITEMS(part_names) == PARTS_MAX, "one name for each part");

/* The largest record, an opportunity, has some twenty members. */
#define MEMBERS_MAX 32

struct members {
	int count;
	struct span names[MEMBERS_MAX], values[MEMBERS_MAX];
	bool tagged[MEMBERS_MAX]; /* a part covers the whole member */
};

static void
read_members(struct span json, struct members *ret_members)
{
	struct span rest = json;
	int n = 0;

	while (n < MEMBERS_MAX &&
	       json_text_next(&rest, &ret_members->names[n], &ret_members->values[n]))
		n++;
	ret_members->count = n;
	memset(ret_members->tagged, 0, sizeof(ret_members->tagged));
}

/* The value at a path such as "sales" or "experience.latam_partner"; the text null if there is none. */
static struct span
value_at(struct members *m, const char *path, size_t length)
{
	static const struct span none = { "null", 4 };
	size_t first = 0;
	struct span value, rest, name;

	while (first < length && path[first] != '.')
		first++;
	for (int i = 0; i < m->count; i++) {
		if (m->names[i].length != first || memcmp(m->names[i].at, path, first) != 0)
			continue;
		if (first == length) {
			m->tagged[i] = true;
			return m->values[i];
		}
		rest = m->values[i];
		while (json_text_next(&rest, &name, &value)) {
			if (name.length == length - first - 1 &&
			    memcmp(name.at, path + first + 1, name.length) == 0)
				return value;
		}
	}
	return none;
}

/* Hashes one member's value, or the array of several members' values as json_build_array writes it. */
static void
tag_part(struct arena *a, struct members *m, const char *paths, size_t length,
    char ret_tag[static TEXT_TAG_SIZE])
{
	struct span values[MEMBERS_MAX];
	size_t n = 0, total = 2;
	char *text, *at;

	for (const char *p = paths; p < paths + length && n < MEMBERS_MAX; p++) {
		size_t one = strcspn(p, ", ");

		values[n] = value_at(m, p, one);
		total += values[n++].length + 2;
		p += one;
	}
	if (n == 1) {
		text_tag(values[0].at, values[0].length, ret_tag);
		return;
	}
	at = text = arena_alloc(a, total);
	*at++ = '[';
	for (size_t i = 0; i < n; i++) {
		at = i > 0 ? mempcpy(at, ", ", 2) : at;
		at = mempcpy(at, values[i].at, values[i].length);
	}
	*at++ = ']';
	text_tag(text, (size_t)(at - text), ret_tag);
}

/* Hashes the parts' tags and the members that are in no part, so that no value is hashed twice. */
static void
tag_all(struct arena *a, const struct members *m, const char *parts, size_t parts_length,
    size_t json_length, char ret_tag[static TEXT_TAG_SIZE])
{
	char *text = arena_alloc(a, parts_length + json_length), *at = text;

	at = mempcpy(at, parts, parts_length);
	for (int i = 0; i < m->count; i++) {
		if (m->tagged[i])
			continue;
		at = mempcpy(at, m->names[i].at, m->names[i].length);
		at = mempcpy(at, m->values[i].at, m->values[i].length);
	}
	text_tag(text, (size_t)(at - text), ret_tag);
}

const char *
entity_tag(struct arena *a, enum entity entity, struct span json)
{
	const char *parts = parts_of[entity];
	char tag_text[TEXT_TAG_SIZE], *tag, *at;
	struct members members;

	if (*parts == '\0') {
		text_tag(json.at, json.length, tag_text);
		return arena_copy(a, tag_text, strlen(tag_text));
	}
	read_members(json, &members);
	at = tag = arena_alloc(a, ENTITY_TAG_MAX + 1);
	while (*parts != '\0') {
		size_t length = strcspn(parts, " ");

		tag_part(a, &members, parts, length, tag_text);
		at = stpcpy(at, tag_text);
		parts += length + strspn(parts + length, " ");
		*at++ = *parts != '\0' ? '.' : '-';
	}
	tag_all(a, &members, tag, (size_t)(at - tag), json.length, tag_text);
	stpcpy(at, tag_text);
	return tag;
}

const char *
entity_tag_parts(struct arena *a, const char *tag, size_t length, unsigned parts)
{
	char *text = arena_alloc(a, length + 1), *at = text;
	const char *end = memchr(tag, '-', length);
	int count = 1, n = 0;

	end = end != NULL ? end : tag + length;
	for (const char *p = tag; p < end; p++)
		count += *p == '.';
	/* The tag of a single part, or of a record without parts. */
	if (count == 1 && (parts & (parts - 1)) == 0)
		return arena_copy(a, tag, (size_t)(end - tag));
	if (count != PARTS_MAX || parts == 0)
		return NULL;
	for (const char *p = tag; p < end; n++) {
		size_t one = strcspn(p, ".-");

		/* What stands behind the tag is not its own. */
		if (one > (size_t)(end - p))
			one = (size_t)(end - p);
		if ((parts >> n & 1) != 0) {
			at = at > text ? stpcpy(at, ".") : at;
			at = mempcpy(at, p, one);
		}
		p += one + 1;
	}
	*at = '\0';
	return text;
}

static char *
put_quoted(char *out, const char *tag, size_t length)
{
	out = stpcpy(out, "\"\\\"");
	out = mempcpy(out, tag, length);
	return stpcpy(out, "\\\"\"");
}

static char *
put_etags(char *out, const char *tag)
{
	const char *part = tag;

	out = stpcpy(out, ",\"etags\":{");
	for (size_t i = 0; i < NITEMS(part_names); i++) {
		size_t length = strcspn(part, ".-");

		out = stpcpy(stpcpy(stpcpy(out, i > 0 ? ",\"" : "\""), part_names[i]), "\":");
		out = i == 0 ? put_quoted(out, tag, strlen(tag)) : put_quoted(out, part, length);
		part += length + 1;
	}
	return stpcpy(out, "}");
}

char *
entity_with_tags(char *out, enum entity entity, struct span json, const char *tag, bool listed)
{
	/* All but the closing brace. */
	out = mempcpy(out, json.at, json.length - 1);
	if (entity == ENTITY_OPPORTUNITY)
		out = put_etags(out, tag);
	if (listed)
		out = put_quoted(stpcpy(out, ",\"etag\":"), tag, strlen(tag));
	return stpcpy(out, "}");
}

bool
entity_is_part(enum entity entity)
{
	return entity == ENTITY_ACTION || entity == ENTITY_DIAGNOSIS ||
	       entity == ENTITY_COMPETITOR_OFFER || entity == ENTITY_CLOSURE;
}

static bool
find_action(struct span opportunity, const char *id, struct span *ret_action)
{
	struct span rest, name, value;

	if (id == NULL || !json_text_member(opportunity, "actions", &rest))
		return false;
	while (json_text_next(&rest, &name, ret_action)) {
		/* The id is a JSON string: compare what is between its quotes. */
		if (json_text_member(*ret_action, "id", &value) && value.length == strlen(id) + 2 &&
		    memcmp(value.at + 1, id, value.length - 2) == 0)
			return true;
	}
	return false;
}

bool
entity_part(
    enum entity entity, struct span opportunity, const char *action_id, struct span *ret_part)
{
	switch (entity) {
	case ENTITY_ACTION:
		return find_action(opportunity, action_id, ret_part);
	case ENTITY_DIAGNOSIS:
		return json_text_member(opportunity, "diagnosis", ret_part);
	case ENTITY_COMPETITOR_OFFER:
		return json_text_member(opportunity, "competitor_offer", ret_part);
	case ENTITY_CLOSURE:
		return json_text_member(opportunity, "closure", ret_part);
	default:
		return false;
	}
}

/* ------------------------------------------------------------------- lists of tags */

int
entity_tags_next(const char **list, struct listed_tag *ret_tag)
{
	const char *p = *list + strspn(*list, " \t,");

	if (*p == '\0')
		return 0;
	ret_tag->weak = p[0] == 'W' && p[1] == '/';
	p += ret_tag->weak ? 2 : 0;
	if (*p++ != '"')
		return -1;
	ret_tag->text = p;
	while (*p == '!' || (unsigned char)*p >= '#')
		p++;
	ret_tag->length = (size_t)(p - ret_tag->text);
	if (*p++ != '"')
		return -1;
	p += strspn(p, " \t");
	if (*p != ',' && *p != '\0')
		return -1;
	*list = p;
	return 1;
}

bool
entity_tags_any(const char *list)
{
	return list[0] == '*' && list[1 + strspn(list + 1, " \t")] == '\0';
}

static bool
is_the_tag(const struct listed_tag *t, const char *tag)
{
	return t->length == strlen(tag) && memcmp(t->text, tag, t->length) == 0;
}

bool
entity_tags_match_weak(const char *list, const char *tag)
{
	struct listed_tag t;

	if (list == NULL)
		return false;
	if (entity_tags_any(list))
		return true;
	while (entity_tags_next(&list, &t) == 1) {
		if (is_the_tag(&t, tag))
			return true;
	}
	return false;
}

bool
entity_tags_match_strong(const char *list, const char *tag)
{
	struct listed_tag t;

	if (entity_tags_any(list))
		return true;
	while (tag != NULL && entity_tags_next(&list, &t) == 1) {
		if (!t.weak && is_the_tag(&t, tag))
			return true;
	}
	return false;
}
