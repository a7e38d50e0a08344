#include "http/request.h"

#include <string.h>

#include "base/text.h"
#include "config.h"

const char *
request_query_value(const struct request *rq, const char *name)
{
	for (int i = 0; i < rq->nquery; i++) {
		if (strcmp(rq->query_name[i], name) == 0)
			return rq->query_value[i];
	}
	return NULL;
}

const char *
request_member(const struct request *rq, const char *name)
{
	return json_string_value(json_object_get(rq->body, name));
}

const char *
request_number(struct request *rq, int64_t n)
{
	char *text = arena_alloc(&rq->arena, TEXT_NUMBER_SIZE);

	text_put_number(text, (uint64_t)n);
	return text;
}

int64_t
request_deadline_ms(struct request *rq)
{
	/* The first call sets it, after the request is read: a slow client does not use up this time. */
	if (rq->deadline_ms == 0)
		rq->deadline_ms = db_deadline_ms(rq->app->pool);
	return rq->deadline_ms;
}

int
request_patience_ms(struct request *rq)
{
	int64_t left_ms = db_time_left_ms(rq->app->pool, request_deadline_ms(rq));

	return left_ms < rq->app->config->pool_wait_ms ? (int)left_ms
						       : rq->app->config->pool_wait_ms;
}
