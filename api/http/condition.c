#include "http/condition.h"

#include <stdio.h>
#include <string.h>

#include "http/entity_tag.h"

/* One entity tag of a list: what stands between its quotes. */
struct entity_tag {
	const char *text;
	size_t length;
	bool weak;
};

/*
 * next_tag - the tag at *list, and *list behind it and its comma.
 * returns 1; 0 at the end; -1 for what is no entity tag (RFC 9110, 8.8.3)
 */
static int
next_tag(const char **list, struct entity_tag *ret_tag)
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

static bool
is_any(const char *list)
{
	return list[0] == '*' && list[1 + strspn(list + 1, " \t")] == '\0';
}

static bool
could_be_ours(const struct entity_tag *t)
{
	return t->length >= 1 && t->length <= ENTITY_TAG_MAX &&
	       strspn(t->text, "0123456789abcdef.-") >= t->length;
}

/* The tags that could be ours, joined by commas behind the prefix; NULL: not a list of tags. */
static const char *
joined(struct request *rq, const char *prefix, const char *list, bool weak_too)
{
	/* Each tag gives up its quotes and takes a comma. */
	char *text = arena_alloc(&rq->arena, strlen(prefix) + strlen(list) + 1), *p = text;
	struct entity_tag t;
	int n, tags = 0, kept = 0;

	p += sprintf(p, "%s", prefix);
	while ((n = next_tag(&list, &t)) == 1) {
		tags++;
		rq->weak_condition |= t.weak && !weak_too;
		if (!could_be_ours(&t) || (t.weak && !weak_too))
			continue;
		p += sprintf(p, "%s%.*s", kept++ > 0 ? "," : "", (int)t.length, t.text);
	}
	return n == 0 && tags > 0 ? text : NULL;
}

int
condition_take(struct request *rq, const char *if_match, const char *if_none_match)
{
	if (if_match != NULL) {
		if (is_any(if_match))
			return 0;
		rq->condition = joined(rq, "", if_match, false);
		if (rq->condition != NULL && !rq->op->takes_if_match)
			return reply_problem_text(rq, TEXT_condition_none);
	} else if (if_none_match != NULL && rq->op->takes_if_match) {
		rq->condition = is_any(if_none_match) ? "!*" : joined(rq, "!", if_none_match, true);
	} else {
		return 0;
	}
	if (rq->condition == NULL)
		return reply_problem_text(
		    rq, TEXT_condition_form, if_match != NULL ? "If-Match" : "If-None-Match");
	if (rq->masked && strcmp(rq->condition, "!*") != 0)
		rq->condition = if_match != NULL ? "" : NULL;
	return 0;
}

const char *
condition_of(struct request *rq, unsigned parts)
{
	const char *p = rq->condition, *tag;
	char *text, *at;
	size_t length;

	if (p == NULL || strcmp(p, "!*") == 0)
		return p;
	at = text = arena_alloc(&rq->arena, strlen(p) + 2);
	if (*p == '!')
		*at++ = *p++;
	for (; *p != '\0'; p += length + (p[length] == ',')) {
		length = strcspn(p, ",");
		tag = entity_tag_parts(&rq->arena, p, length, parts);
		if (tag == NULL)
			continue;
		if (at > text && at[-1] != '!')
			*at++ = ',';
		at = stpcpy(at, tag);
	}
	*at = '\0';
	return text;
}

bool
condition_names(const char *if_none_match, const char *tag)
{
	struct entity_tag t;

	if (if_none_match == NULL)
		return false;
	if (is_any(if_none_match))
		return true;
	while (next_tag(&if_none_match, &t) == 1) {
		if (t.length == strlen(tag) && memcmp(t.text, tag, t.length) == 0)
			return true;
	}
	return false;
}

int
condition_take_read(struct request *rq, const char *if_match, const char *if_none_match)
{
	rq->if_none_match = if_none_match;
	rq->if_match = if_match;
	if (if_match != NULL && !is_any(if_match) && joined(rq, "", if_match, false) == NULL)
		return reply_problem_text(rq, TEXT_condition_form, "If-Match");
	return 0;
}

/* By the strong comparison (RFC 9110, 8.8.3.2). */
static bool
matches(const char *if_match, const char *tag)
{
	struct entity_tag t;

	if (is_any(if_match))
		return true;
	while (tag != NULL && next_tag(&if_match, &t) == 1) {
		if (!t.weak && t.length == strlen(tag) && memcmp(t.text, tag, t.length) == 0)
			return true;
	}
	return false;
}

int
condition_check_read(struct request *rq)
{
	int status = rq->reply.status;

	if (rq->if_match == NULL || (status != 304 && (status < 200 || status > 299)) ||
	    matches(rq->if_match, rq->reply.tag))
		return status;
	memset(&rq->reply, 0, sizeof(rq->reply));
	if (rq->weak_condition)
		return reply_problem(rq, "precondition_failed");
	return reply_problem_text(rq, TEXT_condition_none);
}
