/*
 * reply - a reply as bytes: head and body in one buffer, for one write.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>
#include "http/entity_tag.h"
#include "http/request.h"

/*
 * reply_bytes - the whole HTTP/1.1 message.
 *
 * head        the request was HEAD: headers as for GET, no body
 * keep_alive  what Connection says
 * returns     ret_length bytes, in rq->arena
 */
const char *reply_bytes(struct request *rq, bool head, bool keep_alive, size_t *ret_length);

/*
 * reply_tag_items - puts the entity tags of records into the reply's body, which is JSON.
 *
 * member  of the body: an array of records of this kind
 * listed  each gets `etag`; of opportunities each gets `etags`
 */
void reply_tag_items(struct request *rq, const char *member, enum entity entity, bool listed);

#endif
