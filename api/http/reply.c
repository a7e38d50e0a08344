#include "http/reply.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "http/entity_tag.h"

#define JSON_TYPE "application/json"
/* API answers must be inert in a browser: no script, no frame, no origin. */
#define POLICY                                                                                     \
	"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

static const char *
reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = { { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
		{ 204, "No Content" }, { 301, "Moved Permanently" }, { 304, "Not Modified" },
		{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 411, "Length Required" }, { 412, "Precondition Failed" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
		{ 429, "Too Many Requests" }, { 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
		{ 501, "Not Implemented" }, { 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" } };

	for (size_t i = 0; i < NITEMS(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "";
}

/* Bytes of the lines that every head has, with the longest status, length, date and Connection. */
#define HEAD_BYTES 512

/*
 * Writes the head; returns its end. It uses stpcpy because printf would take several times as long,
 * and every request needs a head.
 */
static char *
write_head(const struct request *rq, bool keep_alive, bool chunked, char *at)
{
	const struct reply *r = &rq->reply;

	at = text_put_number(stpcpy(at, "HTTP/1.1 "), (uint64_t)r->status);
	at = stpcpy(stpcpy(at, " "), reason_phrase(r->status));
	at = stpcpy(at, "\r\nDate: ");
	clock_http_date(at);
	at = stpcpy(at + strlen(at), "\r\n");
	if (r->status != 204 && r->status != 304) {
		at = stpcpy(stpcpy(at, "Content-Type: "), r->type);
		if (r->streams && r->status < 300)
			at = stpcpy(at, chunked ? "\r\nTransfer-Encoding: chunked" : "");
		else
			at = text_put_number(stpcpy(at, "\r\nContent-Length: "), r->length);
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
reply_bytes(struct request *rq, bool head, bool keep_alive, bool chunked, size_t *ret_length)
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
	end = write_head(rq, keep_alive, chunked, bytes);
	/* Head and body in one write: a separate body would wait for the client's delayed ACK. */
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

void
reply_header(struct request *rq, const char *name, const char *value)
{
	const char *before = rq->reply.headers != NULL ? rq->reply.headers : "";
	char *all = arena_alloc(
	    &rq->arena, strlen(before) + strlen(name) + strlen(value) + sizeof(": \r\n"));

	rq->reply.headers = all;
	all = stpcpy(stpcpy(all, before), name);
	stpcpy(stpcpy(stpcpy(all, ": "), value), "\r\n");
}

void
reply_location(struct request *rq, const char *location)
{
	rq->reply.location = arena_copy(&rq->arena, location, strlen(location));
	reply_header(rq, "Location", location);
}

int
reply_tag(struct request *rq, const char *tag)
{
	char *quoted = arena_alloc(&rq->arena, strlen(tag) + sizeof("\"\""));

	stpcpy(stpcpy(stpcpy(quoted, "\""), tag), "\"");
	rq->reply.tag = arena_copy(&rq->arena, tag, strlen(tag));
	reply_header(rq, "ETag", quoted);
	if (entity_tags_match_weak(rq->if_none_match, tag)) {
		rq->reply.status = 304;
		rq->reply.length = 0;
	}
	return rq->reply.status;
}

int
reply_empty(struct request *rq)
{
	rq->reply.status = 204;
	rq->reply.length = 0;
	return 204;
}
