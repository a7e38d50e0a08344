/*
 * body - reads a request's body within its bounds, and parses it.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "http/request.h"

struct guard;

/* How the bytes are had; server.c gives civetweb's. */
struct body_source {
	/* up to size bytes; 0 at the end; below 0 when framing or connection broke */
	int (*read)(void *arg, char *buf, size_t size);
	/* sends 100 Continue; called once, before the first read, when the peer waits for it */
	void (*go_on)(void *arg);
	void *arg;
	const char *content_type; /* or NULL */
	const char *content_encoding; /* or NULL */
};

/* What an operation takes that lists application/merge-patch+json, for Accept and Accept-Patch. */
#define BODY_PATCH_TYPES "application/merge-patch+json, application/json"

/*
 * body_take - for an operation with a body: reads it, checks its media type,
 * parses it into rq->body_text and rq->body.
 *
 * time     until request_timeout_ms from now (interpose.h's deadline)
 * returns  0; or the status of the reply: 400, 408, 411, 413; 415 with Accept, of a
 *          patch with Accept-Patch too.
 *          *ret_unread: bytes of this request may still be on the connection
 */
int body_take(struct request *rq, const struct guard *g, const struct body_source *from,
    bool *ret_unread) MUSTCHECK;

/* body_skip - reads off a body that nobody wants, if it is a small one; false when it is not all gone. */
bool body_skip(struct request *rq, const struct guard *g, const struct body_source *from);

#endif
