/*
 * record - replies that show records: as this bearer may see them, with their entity tags.
 */
#ifndef HTTP_RECORD_H
#define HTTP_RECORD_H

#include <stdbool.h>
#include "http/entity_tag.h"
#include "http/reply.h"
#include "http/request.h"

/* Each of these sets the reply and returns its status, but for those that say otherwise. */

/* reply_json - reply_json_as_is, but masked where the bearer may not see what is personal. */
int reply_json(struct request *rq, int status, const char *json, size_t length);

/*
 * reply_row - column col of the first row, and its entity tag; takes the result over.
 * No row: 404. Of a write whose route shows a part of an opportunity the column is the whole
 * opportunity: the part is replied, and Opportunity-ETag.
 */
int reply_row(struct request *rq, int status, struct result **row, int col);

/* reply_created - 201; the first row's columns: Location, JSON. */
int reply_created(struct request *rq, struct result **row);

/* reply_static - 200 with what never changes while the process lives; 304 as reply_tag has it. */
int reply_static(
    struct request *rq, const char *type, const char *text, size_t length, const char *tag);

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
