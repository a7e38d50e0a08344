/*
 * upload - the body of an operation that reads it by itself, piece by piece, instead of getting it
 * in memory: rq->upload.
 *
 * Such a body has no deadline. Its client is cut off when it sends nothing for request_timeout_ms,
 * or less than UPLOAD_RATE bytes a second on average, without the time between two calls.
 */
#ifndef HTTP_UPLOAD_H
#define HTTP_UPLOAD_H

#include <stdbool.h>

#include "http/body.h"
#include "http/chunks.h"
#include "http/request.h"

struct guard;

#define UPLOAD_RATE (8 * 1024)

struct upload {
	const struct guard *guard;
	const struct body_source *from;
	struct chunks chunks; /* of a chunked body */
	bool csv; /* text/csv; else application/x-ndjson */
	bool begun, ended; /* a byte was asked for; the whole body was read */
	long long have, max; /* bytes */
	int64_t began_ms; /* by clock_ms(); later by what the service worked between two pieces */
	int64_t returned_ms; /* when the last piece was given */
	enum { UPLOAD_WHOLE, UPLOAD_TOO_LARGE, UPLOAD_LATE, UPLOAD_BROKEN } failure;
};

/*
 * upload_take - checks framing, media type and length, and sets rq->upload to `up`, which outlives
 * the request. Reads nothing.
 * returns  0; or the status of the reply: 411, 413, 415
 */
int upload_take(struct request *rq, const struct guard *g, const struct body_source *from,
    struct upload *up) MUSTCHECK;

/* upload_read - reads up to size bytes. Returns their number; 0: the end; -1: upload_refuse says why. */
long upload_read(struct request *rq, char *buf, size_t size);

/* upload_refuse - replies with why upload_read failed: 400, 408, 413. Returns the status. */
int upload_refuse(struct request *rq);

#endif
