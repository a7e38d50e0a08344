/*
 * preview - the answer to a rehearsal (validate_only): the answer of the real request without the
 * ids of records that it would have created.
 */
#ifndef HTTP_PREVIEW_H
#define HTTP_PREVIEW_H

#include "http/request.h"

/*
 * preview_hide - turns the successful reply of a rehearsal into a preview. 201 and 202 become 200.
 * Headers such as Location and ETag are dropped. These ids become "0": that of the record that the
 * request would create, x_id for each object x that it would create with it, and those of the
 * actions that it would add to the grid.
 * returns the reply's status
 */
int preview_hide(struct request *rq);

#endif
