/*
 * reply - the reply to a request, and its bytes: head and body in one buffer, for one write.
 *
 * What the body is made of stands above: http/problem.h for a refusal, http/record.h for records,
 * http/page.h for lists.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>
#include "http/request.h"

/* reply_header - adds a header line to the reply; name and value need no escaping. */
void reply_header(struct request *rq, const char *name, const char *value);

/* reply_location - the header, for what was created. */
void reply_location(struct request *rq, const char *location);

/* Each of these sets the reply and returns its status. */

/* reply_json_as_is - length bytes of JSON that outlive the request's handler (arena, constant, held). */
int reply_json_as_is(struct request *rq, int status, const char *json, size_t length);

/*
 * reply_tag - gives the reply, which is set, its ETag. A read whose If-None-Match
 * names it becomes 304.
 */
int reply_tag(struct request *rq, const char *tag);

/* reply_empty - 204. */
int reply_empty(struct request *rq);

/*
 * reply_bytes - the whole HTTP/1.1 message.
 *
 * head        the request was HEAD: headers as for GET, no body
 * keep_alive  what Connection says
 * returns     ret_length bytes, in rq->arena
 */
const char *reply_bytes(struct request *rq, bool head, bool keep_alive, size_t *ret_length);

#endif
