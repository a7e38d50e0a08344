/*
 * route - from method and path to a handler; the table is routes.h.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/entity_tag.h"
#include "http/request.h"
#include "http/routes.h"

#define ANYONE 0

struct route {
	const char *method, *path;
	unsigned needs; /* permissions; ANYONE: no token is asked for */
	enum entity shows;
	const char *id; /* operationId */
	int (*handler)(struct request *rq);
};

#define R(method, path, needs, shows, operation) int operation(struct request *rq);
ROUTES(R)
#undef R

/*
 * route_check - holds the table against the document, both ways; binds them.
 * returns 0; or -1 with ret_err filled in: what the one has and the other has not
 */
int route_check(char *ret_err, size_t err_size) MUSTCHECK;

/*
 * route_find - sets rq->route, rq->op and rq->param from method and path.
 *
 * Segments are decoded one at a time; one that holds %00, a slash, "." or
 * "..", or bad UTF-8 is nobody's. HEAD finds what GET finds.
 * returns  0; or the status of the reply: 404, 405 with Allow, 204 for OPTIONS
 */
int route_find(struct request *rq, const char *method, const char *path) MUSTCHECK;

/*
 * route_number - a route's place in the table, from 1; 0 for NULL. For counters.
 * route_name - the other way: its operationId, "none" for 0, NULL past the last.
 */
int route_number(const struct route *route);
const char *route_name(int number);

/*
 * route_query - splits and decodes the query (NULL: none) into rq->query_*.
 * returns  0; or 400: unknown, repeated or malformed parameters
 */
int route_query(struct request *rq, const char *query) MUSTCHECK;

#endif
