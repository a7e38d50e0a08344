/*
 * route - finds the handler for a method and path in the table of routes.h.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/entity_tag.h"
#include "http/request.h"
#include "http/routes.h"

#define ANYONE 0

struct route {
	const char *method, *path;
	unsigned needs; /* permissions (auth/permission.h); ANYONE: no token needed */
	enum entity shows; /* the kind of record in the answer */
	const char *id; /* operationId */
	int (*handler)(struct request *rq);
};

#define R(method, path, needs, shows, operation) int operation(struct request *rq);
ROUTES(R)
#undef R

/*
 * route_check - checks that the table and openapi.yaml have the same operations, and connects each
 * route with its operation. Call it once, before the server starts.
 * returns 0; or -1 with ret_err filled in: the first difference
 */
int route_check(char *ret_err, size_t err_size) MUSTCHECK;

/*
 * route_find - sets rq->route, rq->op and rq->param from method and path.
 *
 * Segments are decoded one by one. A segment that contains %00, a slash or bad UTF-8, or that is "."
 * or "..", matches no route. HEAD finds the route of GET.
 * returns  0; or the status of the reply: 404, 405 with Allow, 204 for OPTIONS
 */
int route_find(struct request *rq, const char *method, const char *path) MUSTCHECK;

/*
 * route_number - a route's index for counters: its place in the table, from 1; 0 for NULL.
 * route_name - the operationId of the route with this number; "none" for 0, NULL past the last.
 */
int route_number(const struct route *route);
const char *route_name(int number);

/* route_needs - the permissions that an operation needs, by its operationId. */
unsigned route_needs(const char *operation);

/*
 * route_query - splits and decodes the query (NULL: none) into rq->query_name and query_value.
 * returns  0; or the status of the reply: 400 for an unknown, repeated or malformed parameter
 */
int route_query(struct request *rq, const char *query) MUSTCHECK;

/*
 * route_query_text - the request's query parameters, encoded again: "&limit=5&phone=987654321".
 * without  a parameter to leave out; NULL: none
 * returns  a text in the arena
 */
const char *route_query_text(struct request *rq, const char *without);

#endif
