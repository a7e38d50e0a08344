/*
 * body - reads a request's body within bounds of size, time and nesting, and parses it.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "http/request.h"

struct guard;

/* Where the body's bytes come from; exchange.c reads them with civetweb. */
struct body_source {
	/* reads up to size bytes; returns their number, 0 at the end, < 0 if framing or connection broke */
	int (*read)(void *arg, char *buf, size_t size);
	/* sends 100 Continue; called once, before the first read, if the client expects it */
	void (*send_continue)(void *arg);
	void *arg; /* first argument of both */
	const char *content_type; /* or NULL */
	const char *content_encoding; /* or NULL */
};

/* Accept and Accept-Patch of an operation that takes application/merge-patch+json. */
#define BODY_PATCH_TYPES "application/merge-patch+json, application/json"

/*
 * body_take - reads the body of an operation that has one, checks its media type, and sets
 * rq->body_text (in the arena) and rq->body (freed at the request's end).
 *
 * time        at most request_timeout_ms (interpose.h enforces it)
 * ret_unread  set to true if bytes of this request may still be on the connection
 * returns     0; or the status of the reply: 400, 408, 411, 413; 415 with Accept and, for an
 *             operation that takes patches, Accept-Patch
 */
int body_take(struct request *rq, const struct guard *g, const struct body_source *from,
    bool *ret_unread) MUSTCHECK;

/*
 * body_skip - reads and drops an unused body of up to body_max_bytes, so that the connection can be
 * kept. returns false if bytes of the body may still be on the connection.
 */
bool body_skip(struct request *rq, const struct guard *g, const struct body_source *from);

#endif
