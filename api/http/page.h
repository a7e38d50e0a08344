/*
 * page - lists: their limit and cursor, the envelope of a page, and the link to the next one.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include "http/request.h"

struct page {
	const char *limit; /* "15" */
	const char *created_at; /* NULL on the first page */
	const char *id; /* NULL on the first page */
};

/* request_page - limit and cursor. returns 0, or the status of the reply: 400 for a cursor not ours. */
int request_page(struct request *rq, struct page *ret_page) MUSTCHECK;

/*
 * reply_page - {"items", "next"} and Link; columns of the one row: the items,
 * what the next page begins after, and perhaps the list's entity tag (or null)
 * and the ids of the items, where the path does not say whom they are of.
 */
int reply_page(struct request *rq, struct result **row);

#endif
