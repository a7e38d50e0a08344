#include "http/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/personal.h"
#include "http/problem.h"

#define JSON_TYPE "application/json"
/* Of what is for programs a browser that is led to it makes nothing: no script, no frame, no origin. */
#define POLICY                                                                                     \
	"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

static const char *
reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = { { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
		{ 204, "No Content" }, { 304, "Not Modified" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
		{ 408, "Request Timeout" }, { 409, "Conflict" }, { 411, "Length Required" },
		{ 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" }, { 429, "Too Many Requests" },
		{ 422, "Unprocessable Content" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" } };

	for (size_t i = 0; i < NITEMS(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "";
}

/* What stands in every head, with the longest status, length, date and connection. */
#define HEAD_BYTES 512

/*
 * The head, by stpcpy: printf takes several times as long for it, and it is
 * made for every request.
 */
static char *
write_head(const struct request *rq, bool keep_alive, char *at)
{
	const struct reply *r = &rq->reply;
	char number[24];

	snprintf(number, sizeof(number), "HTTP/1.1 %d ", r->status);
	at = stpcpy(stpcpy(at, number), reason_phrase(r->status));
	at = stpcpy(at, "\r\nDate: ");
	clock_http_date(at);
	at = stpcpy(at + strlen(at), "\r\n");
	if (r->status != 204 && r->status != 304) {
		snprintf(number, sizeof(number), "%zu", r->length);
		at = stpcpy(stpcpy(at, "Content-Type: "), r->type);
		at = stpcpy(stpcpy(at, "\r\nContent-Length: "), number);
		at = stpcpy(at, "\r\n");
	}
	at = stpcpy(stpcpy(at, "Cache-Control: "), r->cache != NULL ? r->cache : "no-store");
	at = stpcpy(stpcpy(at, "\r\nContent-Security-Policy: "), r->policy);
	at = stpcpy(at, "\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
			"X-Request-Id: ");
	at = stpcpy(stpcpy(at, rq->id), "\r\n");
	if (r->headers != NULL)
		at = stpcpy(at, r->headers);
	return stpcpy(
	    stpcpy(at, "Connection: "), keep_alive ? "keep-alive\r\n\r\n" : "close\r\n\r\n");
}

const char *
reply_bytes(struct request *rq, bool head, bool keep_alive, size_t *ret_length)
{
	struct reply *r = &rq->reply;
	size_t body = head ? 0 : r->length, room;
	char *bytes, *end;

	if (r->policy == NULL)
		r->policy = POLICY;
	room = HEAD_BYTES + (r->type != NULL ? strlen(r->type) : 0) +
	       (r->cache != NULL ? strlen(r->cache) : 0) + strlen(r->policy) + strlen(rq->id) +
	       (r->headers != NULL ? strlen(r->headers) : 0) + body;
	bytes = arena_alloc(&rq->arena, room);
	end = write_head(rq, keep_alive, bytes);
	/* One write, not two: a body sent after its head waits for the client's delayed ACK. */
	if (body > 0)
		memcpy(end, r->body, body);
	*ret_length = (size_t)(end - bytes) + body;
	return bytes;
}

int
reply_json_as_is(struct request *rq, int status, const char *json, size_t length)
{
	rq->reply.status = status;
	rq->reply.type = JSON_TYPE;
	rq->reply.body = json;
	rq->reply.length = length;
	return status;
}

int
reply_json(struct request *rq, int status, const char *json, size_t length)
{
	reply_json_as_is(rq, status, json, length);
	if (rq->masked) {
		rq->reply.body = personal_masked(&rq->arena, json, length, &rq->reply.length);
		/* Nothing rather than too much. */
		if (rq->reply.body == NULL)
			return reply_problem(rq, "internal");
	}
	return status;
}

/* Of a row of the grid: the path's, or the one that was just created. */
static const char *
action_id(const struct request *rq)
{
	const char *location = rq->reply.location;

	if (rq->param[1] != NULL || location == NULL)
		return rq->param[1];
	return strrchr(location, '/') + 1;
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
 * A part was written, and the reply's body is the whole opportunity: the part is shown, or the
 * opportunity where the request asks for it. An answer that an earlier version kept is the part itself.
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

int
reply_row(struct request *rq, int status, struct result **row, int col)
{
	enum entity entity = rq->shows;
	struct span body;
	const char *tag;

	if (result_rows(*row) == 0 || result_text(*row, 0, col) == NULL)
		return reply_problem(rq, "not_found");
	rq->kept = *row;
	*row = NULL;
	reply_json(rq, status, result_text(rq->kept, 0, col), result_length(rq->kept, 0, col));
	if (entity_is_part(entity) && !rq->reads)
		return reply_part(rq);
	body = (struct span){ rq->reply.body, rq->reply.length };
	tag = entity_tag(&rq->arena, entity, body);
	if (entity == ENTITY_OPPORTUNITY)
		reply_whole(rq, body, tag);
	return reply_tag(rq, tag);
}

void
reply_location(struct request *rq, const char *location)
{
	rq->reply.location = arena_copy(&rq->arena, location, strlen(location));
	reply_header(rq, "Location", location);
}

int
reply_created(struct request *rq, struct result **row)
{
	if (result_rows(*row) == 0)
		return reply_problem(rq, "not_found");
	reply_location(rq, result_text(*row, 0, 0));
	return reply_row(rq, 201, row, 1);
}

int
reply_tag(struct request *rq, const char *tag)
{
	rq->reply.tag = arena_copy(&rq->arena, tag, strlen(tag));
	reply_header(rq, "ETag", arena_printf(&rq->arena, "\"%s\"", tag));
	if (entity_tags_name(rq->if_none_match, tag)) {
		rq->reply.status = 304;
		rq->reply.length = 0;
	}
	return rq->reply.status;
}

struct span
reply_items_tagged(struct request *rq, struct span items, enum entity entity, bool listed)
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
		at = entity_with_tags(at, entity, item, tag, listed);
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
	tagged = reply_items_tagged(rq, items, entity, false);
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

int
reply_empty(struct request *rq)
{
	rq->reply.status = 204;
	rq->reply.length = 0;
	return 204;
}
