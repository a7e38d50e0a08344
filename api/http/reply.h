/*
 * reply - the reply to a request, and its bytes: head and body in one buffer, for one write.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>
#include "http/entity_tag.h"
#include "http/request.h"

/* Each of these sets the reply and returns its status, but for those that say otherwise. */

/*
 * reply_json - length bytes of JSON that outlive the request's handler (arena, constant, held), as this bearer may
 * see them; reply_json_as_is: as they are.
 */
int reply_json_as_is(struct request *rq, int status, const char *json, size_t length);
int reply_json(struct request *rq, int status, const char *json, size_t length);

/*
 * reply_row - column col of the first row, and its entity tag; takes the result over.
 * No row: 404. Of a write whose route shows a part of an opportunity the column is the whole
 * opportunity: the part is replied, and Opportunity-ETag.
 */
int reply_row(struct request *rq, int status, struct result **row, int col);

/* reply_location - the header, for what was created. */
void reply_location(struct request *rq, const char *location);

/* reply_created - 201; the first row's columns: Location, JSON. */
int reply_created(struct request *rq, struct result **row);

/*
 * reply_tag - gives the reply, which is set, its ETag. A read whose If-None-Match
 * names it becomes 304.
 */
int reply_tag(struct request *rq, const char *tag);

/* reply_static - 200 with what never changes while the process lives; 304 as reply_tag has it. */
int reply_static(
    struct request *rq, const char *type, const char *text, size_t length, const char *tag);

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

/*
 * reply_items_tagged - an array of records of this kind, in the arena, each with its entity tags in it.
 *
 * items   as the bearer may see them
 * listed  each gets `etag`; of opportunities each gets `etags`
 */
struct span reply_items_tagged(
    struct request *rq, struct span items, enum entity entity, bool listed);

/* reply_tag_items - the same with an array that is a member of the reply's body; without `etag`. */
void reply_tag_items(struct request *rq, const char *member, enum entity entity);

#endif
