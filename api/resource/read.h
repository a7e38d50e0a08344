/*
 * read - replies with one record, or with a page of records.
 */
#ifndef RESOURCE_READ_H
#define RESOURCE_READ_H

#include "db/query.h"
#include "http/page.h"
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

/*
 * reply_listed - replies with a page in one round trip: first whether the account of the query parameter `advisor` exists, then the list, last
 * the count.
 * count    its statement is used if the request asks for a count
 * returns  the status of the reply
 */
int reply_listed(
    struct request *rq, struct page *page, const struct call *list, const struct call *count);

#endif
