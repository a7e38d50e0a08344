/*
 * page - lists: their limit and cursor, the envelope of a page, and the link to the next one.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include <stdbool.h>
#include "base/json_text.h"
#include "http/request.h"

/* A record that each item of a list shows inside. */
struct beside {
	const char *member; /* its name in the item; NULL ends the array */
	enum entity entity;
	int column; /* of the row, from 0; null in a row: the member is null */
};

/* The limit of a page of ids. */
#define IDS_LIMIT "100"

struct page {
	const char *limit; /* "15" */
	const char *created_at; /* NULL on the first page */
	const char *id; /* NULL on the first page */
	const char *count; /* how many there are on all pages; NULL: not shown */
	/* Records shown inside each item; NULL: none. */
	const struct beside *beside;
};

/*
 * request_ids - reads the query parameter ids ("1,2,3"). The page then has them all: other filters,
 * limit and cursor are refused.
 * ret_ids  a PostgreSQL array, in the arena; NULL: the parameter was not given
 * returns  false with a fault added
 */
bool request_ids(struct request *rq, const char **ret_ids) MUSTCHECK;

/* request_page - reads limit and cursor of the query. Returns 0, or the reply's status: 400 for a cursor with a wrong MAC. */
int request_page(struct request *rq, struct page *ret_page) MUSTCHECK;

/*
 * reply_page - makes the reply of a list: {"items", "next"}, with "as_of" where rq->as_of is set, and the header Link.
 *
 * rows     up to page->limit + 1 of them: document, instant and id of the cursor, and perhaps the list's entity tag or the
 *          documents of page->beside.
 *          A list of a record (a path with an id): one row without a document when the list is empty, none when
 *          there is no such record, which is 404
 * returns  the reply's status. The ids of a list of several records become rq->shown, for the record of reads
 */
int reply_page(struct request *rq, const struct page *page, struct result **result);

/*
 * reply_page_of - the same, with documents that the caller made of the rows.
 *
 * rows       as above, but column 0 is not looked at, and there is no tag of the list. Of rows that are all on the page the others are not
 *            looked at either, if they have two: the ids stand in the documents, whose order is then the caller's
 * documents  one for each row, not yet masked
 */
int reply_page_of(struct request *rq, const struct page *page, const struct result *rows,
    const struct span documents[]);

#endif
