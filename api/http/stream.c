#include "http/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config.h"
#include "http/interpose.h"

/* A chunk's size in hexadecimal digits, and two line breaks. */
#define FRAME_BYTES 24

static int64_t cut_ms; /* 0: not yet; accessed with __atomic builtins */

void
stream_cut_at(int64_t ms)
{
	__atomic_store_n(&cut_ms, ms, __ATOMIC_SEQ_CST);
	interpose_cut_at(ms);
}

static bool
is_cut(void)
{
	int64_t ms = __atomic_load_n(&cut_ms, __ATOMIC_SEQ_CST);

	return ms != 0 && clock_ms() >= ms;
}

static bool
put(const struct request *rq, const struct sink *sink, const char *bytes, size_t length,
    size_t *ret_bytes)
{
	bool taken;

	write_deadline_set(clock_ms() + rq->app->config->request_timeout_ms);
	taken = sink->write(sink->arg, bytes, length);
	write_deadline_set(0);
	*ret_bytes += taken ? length : 0;
	return taken;
}

/* One write for each chunk: three would be three packets. */
static bool
put_chunk(const struct request *rq, const struct sink *sink, const char *piece, size_t length,
    size_t *ret_bytes)
{
	char *chunk = malloc(length + FRAME_BYTES), *end;
	bool taken;

	if (chunk == NULL)
		abort();
	end = chunk + snprintf(chunk, FRAME_BYTES, "%zx\r\n", length);
	end = stpcpy((char *)mempcpy(end, piece, length), "\r\n");
	taken = put(rq, sink, chunk, (size_t)(end - chunk), ret_bytes);
	free(chunk);
	return taken;
}

bool
stream_send(struct request *rq, const struct sink *sink, const char *head, size_t head_length,
    bool chunked, size_t *ret_bytes)
{
	static const char last[] = "0\r\n\r\n";
	const struct reply_stream *body = &rq->reply.stream;
	const char *piece;
	size_t length;
	bool taken;
	int more = 1;

	*ret_bytes = head_length;
	/* The handler's stream may stand behind a refusal that came later. */
	if (body->next == NULL || rq->reply.status != 200 || rq->head)
		return sink->write(sink->arg, head, head_length);
	*ret_bytes = 0;
	taken = put(rq, sink, head, head_length, ret_bytes);
	while (taken && !is_cut() && (more = body->next(body->arg, &piece, &length)) == 1) {
		/* An empty chunk would end the body. */
		if (length == 0)
			continue;
		taken = chunked ? put_chunk(rq, sink, piece, length, ret_bytes)
				: put(rq, sink, piece, length, ret_bytes);
	}
	if (!taken || more != 0)
		return false;
	return !chunked || put(rq, sink, last, sizeof(last) - 1, ret_bytes);
}
