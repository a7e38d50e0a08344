/*
 * read - replies with one record, or with a page of records that belong to one.
 */
#ifndef RESOURCE_READ_H
#define RESOURCE_READ_H

#include "http/request.h"

/*
 * reply_read - replies 200 with column 0 of the statement's row, or 404 without a row.
 * st       its arguments are the path's ids, in order
 * returns  the status of the reply
 */
int reply_read(struct request *rq, const struct statement *st);

/*
 * reply_list_of - replies with a page of the records that belong to the path's first id.
 * st       its arguments: that id; the cursor's created_at and id; limit
 * returns  the status of the reply
 */
int reply_list_of(struct request *rq, const struct statement *st);

/*
 * request_days - whether the days of these two query parameters are in order; if not, a fault was added.
 */
bool request_days(struct request *rq, const char *from, const char *to) MUSTCHECK;

/*
 * advisor_known - whether sql_advisor_known, whose result this is, found the account of the query parameter `advisor`; if not, a fault was
 * added.
 */
bool advisor_known(struct request *rq, const struct result *known) MUSTCHECK;

#endif
