/*
 * record - replies that show records, masked if the bearer may not see personal data, with their
 * entity tags.
 */
#ifndef HTTP_RECORD_H
#define HTTP_RECORD_H

#include <stdbool.h>
#include "http/entity_tag.h"
#include "http/reply.h"
#include "http/request.h"

/*
 * record_id - writes the id with which a document begins, for rq->shown; nothing if it does not.
 * out      has room for TEXT_NUMBER_SIZE bytes
 * returns  the end, without a NUL
 */
char *record_id(char *out, struct span document);

/*
 * record_client - writes "/" and the id of an opportunity's client, for rq->shown; nothing if the document does not have it.
 * out      has room for TEXT_NUMBER_SIZE bytes
 * returns  the end, without a NUL
 */
char *record_client(char *out, struct span opportunity);

/* Functions that return int set the reply and return its status. */

/* reply_json - as reply_json_as_is, but masked if the bearer may not see personal data. */
int reply_json(struct request *rq, int status, const char *json, size_t length);

/*
 * reply_row - replies with column col of the first row, a record, and its ETag; 404 if there is no
 * row. For a write of an opportunity's part, the column is the whole opportunity; the reply is the
 * part, with its ETag and Opportunity-ETag.
 *
 * row  the request takes ownership and *row becomes NULL; unchanged if the reply is 404
 */
int reply_row(struct request *rq, int status, struct result **row, int col);

/* reply_tagged - adds the ETag of the reply's body, which reply_json has set; to a whole opportunity also `etags`. 304 as in reply_tag. */
int reply_tagged(struct request *rq);

/* reply_created - 201 from the first row: column 0 is Location, column 1 the record. Else as reply_row. */
int reply_created(struct request *rq, struct result **row);

/*
 * reply_static - 200 with text that does not change while the process runs; 304 as in reply_tag.
 *
 * type  media type
 * text  length bytes that outlive the request
 * tag   entity tag without quotes
 */
int reply_static(
    struct request *rq, const char *type, const char *text, size_t length, const char *tag);

/*
 * reply_tag_items - adds entity tags to each record of an array; to opportunities also `etags`.
 *
 * member   of the reply's body: a JSON array of records of this kind, already masked
 */
void reply_tag_items(struct request *rq, const char *member, enum entity entity);

#endif
