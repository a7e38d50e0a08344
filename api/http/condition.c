#include "http/condition.h"

#include <stdio.h>
#include <string.h>

#include "http/entity_tag.h"
#include "http/problem.h"

static bool
has_tag_format(const struct listed_tag *t)
{
	return t->length >= 1 && t->length <= ENTITY_TAG_MAX &&
	       strspn(t->text, "0123456789abcdef.-") >= t->length;
}

/*
 * The prefix, then those tags of the list that have this service's format, joined by commas.
 * NULL if the list is malformed.
 */
static const char *
joined(struct request *rq, const char *prefix, const char *list, bool weak_too)
{
	/* Each tag loses two quotes and gains at most one comma. */
	char *text = arena_alloc(&rq->arena, strlen(prefix) + strlen(list) + 1), *p = text;
	struct listed_tag t;
	int n, tags = 0, kept = 0;

	p += sprintf(p, "%s", prefix);
	while ((n = entity_tags_next(&list, &t)) == 1) {
		tags++;
		rq->weak_condition |= t.weak && !weak_too;
		if (!has_tag_format(&t) || (t.weak && !weak_too))
			continue;
		p += sprintf(p, "%s%.*s", kept++ > 0 ? "," : "", (int)t.length, t.text);
	}
	return n == 0 && tags > 0 ? text : NULL;
}

int
condition_take(struct request *rq, const char *if_match, const char *if_none_match)
{
	if (if_match != NULL) {
		rq->if_match_any = entity_tags_any(if_match);
		if (rq->if_match_any)
			return 0;
		rq->condition = joined(rq, "", if_match, false);
		if (rq->condition != NULL && !rq->op->takes_if_match)
			return reply_problem_text(rq, TEXT_condition_none);
	} else if (if_none_match != NULL && rq->op->takes_if_match) {
		rq->condition =
		    entity_tags_any(if_none_match) ? "!*" : joined(rq, "!", if_none_match, true);
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

	if (p == NULL || strcmp(p, "!*") == 0 || strcmp(p, "*") == 0)
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

int
condition_take_read(struct request *rq, const char *if_match, const char *if_none_match)
{
	rq->if_none_match = if_none_match;
	rq->if_match = if_match;
	if (if_match != NULL && !entity_tags_any(if_match) &&
	    joined(rq, "", if_match, false) == NULL)
		return reply_problem_text(rq, TEXT_condition_form, "If-Match");
	return 0;
}

int
condition_check_read(struct request *rq)
{
	int status = rq->reply.status;

	if (rq->if_match == NULL || (status != 304 && (status < 200 || status > 299)) ||
	    entity_tags_match_strong(rq->if_match, rq->reply.tag))
		return status;
	memset(&rq->reply, 0, sizeof(rq->reply));
	if (rq->weak_condition)
		return reply_problem(rq, "precondition_failed");
	return reply_problem_text(rq, TEXT_condition_none);
}
