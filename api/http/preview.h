/*
 * preview - the answer to a rehearsal (validate_only): what would be answered,
 * without the names of what is not there.
 */
#ifndef HTTP_PREVIEW_H
#define HTTP_PREVIEW_H

#include "http/request.h"

/*
 * preview_hide - makes the reply of a rehearsed success a preview: 201 becomes
 * 200; Location and ETag go; null are the id of what would be made, x_id for
 * each member x that the request would make along with it, and the ids of the
 * rows that it would put into the grid.
 * returns the reply's status
 */
int preview_hide(struct request *rq);

#endif
