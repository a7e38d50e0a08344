#include "http/upload.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "config.h"
#include "http/guard.h"
#include "http/interpose.h"
#include "http/media.h"
#include "http/problem.h"
#include "http/reply.h"

/* civetweb returns when it has read all that it was asked for, so this is not much. */
#define PIECE_BYTES 16384

static int
too_large(struct request *rq, const struct upload *up)
{
	return reply_problem_text(rq, TEXT_body_max, arena_printf(&rq->arena, "%lld", up->max));
}

int
upload_take(
    struct request *rq, const struct guard *g, const struct body_source *from, struct upload *up)
{
	*up = (struct upload){ .guard = g, .from = from };
	up->max = rq->app->config->import_max_bytes;
	up->csv = media_is(from->content_type, "text/csv");
	if (g->framing == FRAMING_NONE)
		return reply_problem(rq, "length_required");
	if (g->framing == FRAMING_LENGTH && g->content_length > up->max)
		return too_large(rq, up);
	if ((from->content_encoding != NULL &&
		strcasecmp(from->content_encoding, "identity") != 0) ||
	    (!up->csv && !media_is(from->content_type, "application/x-ndjson"))) {
		reply_header(rq, "Accept", "text/csv, application/x-ndjson");
		return reply_problem_text(rq, TEXT_body_lines);
	}
	rq->upload = up;
	return 0;
}

/* Whether all of the body came. */
static bool
is_whole(const struct upload *up)
{
	if (up->guard->framing == FRAMING_LENGTH)
		return up->have == up->guard->content_length;
	return up->chunks.state == CHUNKS_END;
}

/* When the next byte must be there, by clock_ms(). */
static int64_t
deadline_ms(const struct request *rq, const struct upload *up)
{
	int64_t idle_ms = clock_ms() + rq->app->config->request_timeout_ms,
		slow_ms = up->began_ms + rq->app->config->request_timeout_ms +
			  up->have * 1000 / UPLOAD_RATE;

	return idle_ms < slow_ms ? idle_ms : slow_ms;
}

long
upload_read(struct request *rq, char *buf, size_t size)
{
	struct upload *up = rq->upload;
	bool chunked = up->guard->framing == FRAMING_CHUNKED, first = !up->begun;
	int64_t until_ms;
	int n = -1;

	if (first) {
		up->begun = true;
		up->began_ms = clock_ms();
		if (up->guard->expects_continue)
			up->from->send_continue(up->from->arg);
	} else {
		/* The client is not slow while the service works on what it sent. */
		up->began_ms += clock_ms() - up->returned_ms;
	}
	if (up->guard->framing == FRAMING_LENGTH && is_whole(up)) {
		up->ended = true;
		return 0;
	}
	until_ms = deadline_ms(rq, up);
	/* The database's socket is read by this thread too: between two pieces there is neither deadline nor framing. */
	body_deadline_set(until_ms);
	if (body_chunks_set(chunked ? &up->chunks : NULL, first ? up->guard->head_length : 0))
		n = up->from->read(up->from->arg, buf, size < PIECE_BYTES ? size : PIECE_BYTES);
	(void)!body_chunks_set(NULL, 0);
	body_deadline_set(0);
	if (n > 0) {
		up->have += n;
		up->returned_ms = clock_ms();
		if (up->have <= up->max)
			return n;
		up->failure = UPLOAD_TOO_LARGE;
		return -1;
	}
	if (n == 0 && is_whole(up)) {
		up->ended = true;
		return 0;
	}
	up->failure = clock_ms() >= until_ms ? UPLOAD_LATE : UPLOAD_BROKEN;
	return -1;
}

int
upload_refuse(struct request *rq)
{
	switch (rq->upload->failure) {
	case UPLOAD_TOO_LARGE:
		return too_large(rq, rq->upload);
	case UPLOAD_LATE:
		return reply_problem(rq, "request_timeout");
	default:
		return reply_problem_text(rq, TEXT_body_incomplete);
	}
}
