#include "http/body.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "config.h"
#include "http/chunks.h"
#include "http/form_body.h"
#include "http/guard.h"
#include "http/interpose.h"
#include "http/media.h"
#include "http/problem.h"
#include "http/reply.h"

/* jansson needs some 80 bytes of stack for each level; the deepest body in openapi.yaml has 5. */
#define JSON_DEPTH_MAX 32

/*
 * Reads the whole body into text. A chunked body may give max + 1 bytes: then it is too long.
 * Returns 0, or the status of the reply.
 */
static int
read_all(struct request *rq, const struct guard *g, const struct body_source *from, char *text,
    size_t max)
{
	size_t want = g->framing == FRAMING_LENGTH ? (size_t)g->content_length : max + 1, have = 0;
	int64_t until = clock_ms() + rq->app->config->request_timeout_ms;
	struct chunks chunks = { 0 };
	bool chunked = g->framing == FRAMING_CHUNKED;
	int n = 0;

	body_deadline_set(until);
	if (!body_chunks_set(chunked ? &chunks : NULL, g->head_length))
		n = -1;
	else if (g->expects_continue && want > 0)
		from->send_continue(from->arg);
	while (n >= 0 && have < want && (n = from->read(from->arg, text + have, want - have)) > 0)
		have += (size_t)n;
	(void)!body_chunks_set(NULL, 0);
	body_deadline_set(0);
	rq->body_length = have;
	text[have] = '\0';
	if (chunked && have > max)
		return reply_problem(rq, "content_too_large");
	if (n < 0 || (g->framing == FRAMING_LENGTH && have < want)) {
		if (clock_ms() >= until)
			return reply_problem(rq, "request_timeout");
		return reply_problem_text(rq, TEXT_body_incomplete);
	}
	return 0;
}

static int
not_json(struct request *rq, const json_error_t *error)
{
	const char *line = arena_printf(&rq->arena, "%d", error->line),
		   *column = arena_printf(&rq->arena, "%d", error->column);

	switch (json_error_code(error)) {
	case json_error_duplicate_key:
		return reply_problem_text(rq, TEXT_duplicate_key_at, line, column);
	case json_error_numeric_overflow:
		return reply_problem_text(rq, TEXT_json_number_at, line, column);
	case json_error_invalid_utf8:
		return reply_problem_text(rq, TEXT_json_not_utf8);
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return reply_problem_text(rq, TEXT_json_null_at, line, column);
	case json_error_premature_end_of_input:
		return reply_problem_text(rq, TEXT_json_ends_early);
	default:
		return reply_problem_text(rq, TEXT_json_malformed_at, line, column);
	}
}

static int
parse(struct request *rq)
{
	json_error_t error;

	/* jansson would stop at a NUL and ignore the rest. */
	if (memchr(rq->body_text, '\0', rq->body_length) != NULL)
		return reply_problem_text(rq, TEXT_json_nul);

	if (json_text_depth(rq->body_text, rq->body_length, JSON_DEPTH_MAX) > JSON_DEPTH_MAX)
		return reply_problem(rq, "json_too_deep");
	/* Any JSON value is parsed: the schema refuses what is not an object. */
	rq->body = json_loadb(
	    rq->body_text, rq->body_length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	return rq->body != NULL ? 0 : not_json(rq, &error);
}

static bool
coding_is_accepted(const struct body_source *from)
{
	return from->content_encoding == NULL ||
	       strcasecmp(from->content_encoding, "identity") == 0;
}

static bool
is_csv(const struct request *rq, const struct body_source *from)
{
	return rq->op->body_csv && media_is(from->content_type, "text/csv");
}

static bool
type_is_accepted(const struct request *rq, const struct body_source *from)
{
	if (rq->op->body_form)
		return media_is(from->content_type, FORM_TYPE);
	return media_is(from->content_type, "application/json") ||
	       (rq->op->body_merge_patch &&
		   media_is(from->content_type, "application/merge-patch+json")) ||
	       is_csv(rq, from);
}

/* The largest body that the operation takes. */
static size_t
body_max(const struct request *rq)
{
	long long max = rq->op != NULL ? rq->op->body_max : 0;

	return max > rq->app->config->body_max_bytes ? (size_t)max
						     : (size_t)rq->app->config->body_max_bytes;
}

/* 415, with the types and codings that are accepted (RFC 9110, 12.5.1 and 12.5.3; RFC 5789, 2.2). */
static int
refuse_type(struct request *rq, const struct body_source *from)
{
	bool patch = rq->op->body_merge_patch;

	reply_header(rq, "Accept",
	    patch		? BODY_PATCH_TYPES
	    : rq->op->body_form ? FORM_TYPE
	    : rq->op->body_csv	? "text/csv, application/json"
				: "application/json");
	if (patch)
		reply_header(rq, "Accept-Patch", BODY_PATCH_TYPES);
	if (!coding_is_accepted(from))
		reply_header(rq, "Accept-Encoding", "identity");
	if (rq->op->body_form)
		return reply_problem_text(rq, TEXT_body_form);
	if (rq->op->body_csv)
		return reply_problem_text(rq, TEXT_body_csv);
	return reply_problem_text(rq, patch ? TEXT_body_merge_patch : TEXT_body_json);
}

int
body_take(
    struct request *rq, const struct guard *g, const struct body_source *from, bool *ret_unread)
{
	size_t max = body_max(rq);
	/* A client that leaves an optional body out may frame an empty one, without a type. */
	bool may_be_absent = !rq->op->body_required && from->content_type == NULL;
	int status;

	if (g->framing == FRAMING_NONE)
		return rq->op->body_required ? reply_problem(rq, "length_required") : 0;
	*ret_unread = true;
	if (g->framing == FRAMING_LENGTH && g->content_length > (long long)max)
		return reply_problem_text(rq, TEXT_body_max, arena_printf(&rq->arena, "%zu", max));
	if (!coding_is_accepted(from) || (!may_be_absent && !type_is_accepted(rq, from)))
		return refuse_type(rq, from);
	rq->body_text = arena_alloc(
	    &rq->arena, (g->framing == FRAMING_LENGTH ? (size_t)g->content_length : max) + 2);
	status = read_all(rq, g, from, rq->body_text, max);
	if (status != 0)
		return status;
	*ret_unread = false;
	if (may_be_absent && rq->body_length > 0)
		return refuse_type(rq, from);
	if (may_be_absent)
		return 0;
	if (rq->op->body_form)
		return form_body_parse(rq);
	if (is_csv(rq, from))
		return memchr(rq->body_text, '\0', rq->body_length) == NULL
			   ? 0
			   : reply_problem_text(rq, TEXT_csv_nul);
	return parse(rq);
}

bool
body_skip(struct request *rq, const struct guard *g, const struct body_source *from)
{
	char scratch[2048];
	long long left = g->content_length;
	int n = 1;

	if (g->framing == FRAMING_NONE || (g->framing == FRAMING_LENGTH && left == 0))
		return true;
	/* A client that waits for 100 Continue may never send its body. */
	if (g->framing == FRAMING_CHUNKED || g->expects_continue ||
	    left > rq->app->config->body_max_bytes)
		return false;
	body_deadline_set(clock_ms() + rq->app->config->request_timeout_ms);
	while (left > 0 && n > 0) {
		n = from->read(from->arg, scratch,
		    left < (long long)sizeof(scratch) ? (size_t)left : sizeof(scratch));
		left -= n > 0 ? n : 0;
	}
	body_deadline_set(0);
	return left == 0;
}
