#include "http/record.h"

#include <string.h>

#include "base/text.h"
#include "http/entity_tag.h"
#include "http/mask.h"
#include "http/problem.h"
#include "http/reply.h"

int
reply_json(struct request *rq, int status, const char *json, size_t length)
{
	reply_json_as_is(rq, status, json, length);
	if (rq->masked) {
		rq->reply.body = mask_json(&rq->arena, json, length, &rq->reply.length);
		/* An answer that cannot be masked must not be sent. */
		if (rq->reply.body == NULL)
			return reply_problem(rq, "internal");
	}
	return status;
}

/* The id of an action: from the path, or of the action just created. */
static const char *
action_id(const struct request *rq)
{
	const char *location = rq->reply.location;

	if (rq->param[1] != NULL || location == NULL)
		return rq->param[1];
	return strrchr(location, '/') + 1;
}

/* The digits of an id; 0: it is none. */
static size_t
id_length(const char *id)
{
	size_t digits = strspn(id, "0123456789");

	return digits <= 19 ? digits : 0;
}

char *
record_id(char *out, struct span document)
{
	static const char begin[] = "{\"id\":\"";
	const char *id = document.at + sizeof(begin) - 1;

	if (document.length < sizeof(begin) || memcmp(document.at, begin, sizeof(begin) - 1) != 0)
		return out;
	return mempcpy(out, id, id_length(id));
}

char *
record_client(char *out, struct span opportunity)
{
	static const char member[] = "\"client_id\":\"";
	const char *id = memmem(opportunity.at, opportunity.length, member, sizeof(member) - 1);

	if (id == NULL || id_length(id + sizeof(member) - 1) == 0)
		return out;
	id += sizeof(member) - 1;
	*out++ = '/';
	return mempcpy(out, id, id_length(id));
}

static void
reply_whole(struct request *rq, struct span whole, const char *tag)
{
	char *text = arena_alloc(&rq->arena, whole.length + ENTITY_TAGS_ROOM);

	rq->reply.body = text;
	rq->reply.length =
	    (size_t)(entity_with_tags(text, ENTITY_OPPORTUNITY, whole, tag, false) - text);
}

/*
 * After a write of a part, the reply's body is the whole opportunity. This cuts the part out, unless
 * the client asked for the opportunity. A stored answer of an earlier version is the part itself.
 */
static int
reply_part(struct request *rq)
{
	struct span whole = { rq->reply.body, rq->reply.length }, part = whole;
	const char *wanted = request_query_value(rq, "return"), *tag;
	bool is_there = entity_part(rq->shows, whole, action_id(rq), &part),
	     deleted = rq->reply.status == 204;

	if (is_there || deleted) {
		tag = entity_tag(&rq->arena, ENTITY_OPPORTUNITY, whole);
		reply_header(rq, "Opportunity-ETag", arena_printf(&rq->arena, "\"%s\"", tag));
		if (wanted != NULL) {
			reply_whole(rq, whole, tag);
			rq->reply.status = deleted ? 200 : rq->reply.status;
		} else {
			rq->reply.body = part.at;
			rq->reply.length = deleted ? 0 : part.length;
		}
	}
	if (deleted)
		return rq->reply.status;
	return reply_tag(rq, entity_tag(&rq->arena, rq->shows, part));
}

/* The path's opportunity with its client, for the record of reads. */
static const char *
shown_opportunity(struct request *rq, struct span opportunity)
{
	size_t length = strlen(rq->param[0]);
	char *shown = arena_alloc(&rq->arena, length + TEXT_NUMBER_SIZE + 1);

	*record_client(mempcpy(shown, rq->param[0], length), opportunity) = '\0';
	return shown;
}

int
reply_tagged(struct request *rq)
{
	struct span body = { rq->reply.body, rq->reply.length };
	const char *tag = entity_tag(&rq->arena, rq->shows, body);

	if (rq->shows == ENTITY_OPPORTUNITY) {
		reply_whole(rq, body, tag);
		if (rq->param[0] != NULL)
			rq->shown = shown_opportunity(rq, body);
	}
	return reply_tag(rq, tag);
}

int
reply_row(struct request *rq, int status, struct result **row, int col)
{
	if (result_rows(*row) == 0 || result_text(*row, 0, col) == NULL)
		return reply_problem(rq, "not_found");
	rq->body_rows = *row;
	*row = NULL;
	reply_json(
	    rq, status, result_text(rq->body_rows, 0, col), result_length(rq->body_rows, 0, col));
	if (entity_is_part(rq->shows) && !rq->reads)
		return reply_part(rq);
	return reply_tagged(rq);
}

int
reply_created(struct request *rq, struct result **row)
{
	if (result_rows(*row) == 0)
		return reply_problem(rq, "not_found");
	reply_location(rq, result_text(*row, 0, 0));
	return reply_row(rq, 201, row, 1);
}

static struct span
items_tagged(struct request *rq, struct span items, enum entity entity)
{
	size_t room = entity == ENTITY_OPPORTUNITY ? ENTITY_TAGS_ROOM : ENTITY_TAG_ROOM, n = 0;
	struct span rest, name, item;
	char *tagged, *at;

	for (rest = items; json_text_next(&rest, &name, &item);)
		n++;
	at = tagged = arena_alloc(&rq->arena, items.length + n * room + 2);
	*at++ = '[';
	for (rest = items, n = 0; json_text_next(&rest, &name, &item); n++) {
		const char *tag = entity_tag(&rq->arena, entity, item);

		if (n > 0)
			*at++ = ',';
		at = entity_with_tags(at, entity, item, tag, false);
	}
	*at++ = ']';
	return (struct span){ tagged, (size_t)(at - tagged) };
}

void
reply_tag_items(struct request *rq, const char *member, enum entity entity)
{
	struct span body = { rq->reply.body, rq->reply.length }, items, tagged;
	char *text, *at;

	if (!json_text_member(body, member, &items))
		return;
	tagged = items_tagged(rq, items, entity);
	at = text = arena_alloc(&rq->arena, body.length + tagged.length);
	at = mempcpy(at, body.at, (size_t)(items.at - body.at));
	at = mempcpy(at, tagged.at, tagged.length);
	at = mempcpy(
	    at, items.at + items.length, (size_t)(body.at + body.length - items.at) - items.length);
	rq->reply.body = text;
	rq->reply.length = (size_t)(at - text);
}

int
reply_static(struct request *rq, const char *type, const char *text, size_t length, const char *tag)
{
	reply_json(rq, 200, text, length);
	rq->reply.type = type;
	rq->reply.cache = "no-cache";
	return reply_tag(rq, tag);
}
