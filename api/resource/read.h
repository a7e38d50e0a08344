/*
 * read - what reading records has in common: one, and a page of those that belong to one.
 */
#ifndef RESOURCE_READ_H
#define RESOURCE_READ_H

#include "http/request.h"

/* reply_read - 200 with column 0 of a statement whose arguments are the path's ids, in order; or 404. */
int reply_read(struct request *rq, const struct statement *st);

/* reply_list_of - a page of what belongs to the path's first id; statement: id, created_at, id, limit. */
int reply_list_of(struct request *rq, const struct statement *st);

#endif
