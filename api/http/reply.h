/*
 * reply - the reply to a request, and its bytes: head and body in one buffer, for one write.
 *
 * Other files make the bodies: http/problem.h for refusals, http/record.h for records, http/page.h
 * for lists.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>
#include "http/request.h"

/* reply_header - adds a header line to the reply. Copies name and value, which must hold no CR or LF. */
void reply_header(struct request *rq, const char *name, const char *value);

/* reply_location - adds Location, the path of the created record. */
void reply_location(struct request *rq, const char *location);

/* Each function that returns int sets the reply and returns its status. */

/* reply_json_as_is - replies with length bytes of JSON, which must live until the reply is sent. */
int reply_json_as_is(struct request *rq, int status, const char *json, size_t length);

/*
 * reply_tag - adds ETag to a finished reply. If the If-None-Match of a read matches, the reply
 * becomes 304.
 * tag  without quotes
 */
int reply_tag(struct request *rq, const char *tag);

/* reply_empty - 204 without a body. */
int reply_empty(struct request *rq);

/*
 * reply_bytes - the reply as an HTTP/1.1 message.
 *
 * head        the request was HEAD: headers as for GET, no body
 * keep_alive  Connection: keep-alive, else close
 * chunked     of a body that is a stream: it follows in chunks, and not until the connection's end
 * returns     ret_length bytes, in rq->arena
 * source      RFC 9112, sections 4 to 6
 */
const char *reply_bytes(
    struct request *rq, bool head, bool keep_alive, bool chunked, size_t *ret_length);

#endif
