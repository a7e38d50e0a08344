#include "http/route.h"

#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "base/text.h"
#include "field/field.h"
#include "http/body.h"
#include "http/problem.h"
#include "http/reply.h"

#define SEGMENTS_MAX 8

/* An unknown parameter's name is shown in the problem up to this many bytes. */
#define NAME_SHOWN_MAX 64
/* A parameter's name of these characters is shown without quotes. */
#define PLAIN                                                                                      \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()*+,-./:;<=>?@[]^_"  \
	"`{|}~"

static const struct route routes[] = {
#define R(method, path, needs, shows, operation)                                                   \
	{ #method, path, needs, ENTITY_##shows, #operation, operation },
	ROUTES(R)
#undef R
};
static const struct operation *operations[NITEMS(routes)];
_Static_assert(NITEMS(routes) < METRICS_ROUTES_MAX, "each has its counters, and so has none");

int
route_check(char *ret_err, size_t err_size)
{
	size_t documented = 0;

	for (size_t i = 0; i < NITEMS(routes); i++) {
		const struct operation *op = openapi_operation(routes[i].id);

		if (op == NULL || strcmp(op->method, routes[i].method) != 0 ||
		    strcmp(op->path, routes[i].path) != 0 ||
		    op->anyone != (routes[i].needs == ANYONE)) {
			snprintf(ret_err, err_size,
			    "route %s %s (%s) is not in openapi.yaml, or not so", routes[i].method,
			    routes[i].path, routes[i].id);
			return -1;
		}
		operations[i] = op;
	}
	while (openapi_at((int)documented) != NULL)
		documented++;
	for (size_t i = 0; i < documented; i++) {
		const struct operation *op = openapi_at((int)i);
		bool routed = false;

		for (size_t k = 0; k < NITEMS(routes); k++)
			routed |= operations[k] == op;
		if (!routed) {
			snprintf(ret_err, err_size,
			    "openapi.yaml has %s %s (%s), which no route serves", op->method,
			    op->path, op->id);
			return -1;
		}
	}
	return 0;
}

/* Splits a path into decoded segments; returns their number, or -1 if no route can match. */
static int
split(struct request *rq, const char *path, char *ret_segments[static SEGMENTS_MAX])
{
	int n = 0;

	if (*path != '/')
		return -1;
	while (*path == '/') {
		size_t length = strcspn(++path, "/");
		char *segment = arena_copy(&rq->arena, path, length);

		if (n == SEGMENTS_MAX || length == 0 || !text_percent_decode(segment, false) ||
		    strchr(segment, '/') != NULL || strcmp(segment, ".") == 0 ||
		    strcmp(segment, "..") == 0)
			return -1;
		for (const char *p = segment; *p != '\0'; p++) {
			if ((unsigned char)*p < ' ' || *p == 127)
				return -1;
		}
		ret_segments[n++] = segment;
		path += length;
	}
	return n;
}

/* Whether the segments match the pattern; ret_params: the segments that stand for {…}. */
static bool
matches(const char *pattern, char *const segments[], int nsegments, const char *ret_params[])
{
	int nparams = 0;

	for (int i = 0; i < nsegments; i++) {
		size_t length = strlen(segments[i]);

		if (*pattern++ != '/')
			return false;
		if (*pattern == '{') {
			length = strcspn(pattern, "/");
			/* {…_id} matches ids only: another text is 404. */
			if (strncmp(pattern + length - 4, "_id}", 4) == 0 &&
			    !text_is_id(segments[i]))
				return false;
			ret_params[nparams++] = segments[i];
		} else if (strncmp(pattern, segments[i], length) != 0 ||
			   (pattern[length] != '/' && pattern[length] != '\0')) {
			return false;
		}
		pattern += length;
	}
	return *pattern == '\0';
}

static int
not_this_method(struct request *rq, const char *method, const char *allow, bool patch)
{
	if (allow[0] == '\0')
		return reply_problem(rq, "not_found");
	reply_header(rq, "Allow", arena_printf(&rq->arena, "%s, OPTIONS", allow));
	if (strcmp(method, "OPTIONS") == 0) {
		if (patch)
			reply_header(rq, "Accept-Patch", BODY_PATCH_TYPES);
		return reply_empty(rq);
	}
	return reply_problem(rq, "method_not_allowed");
}

int
route_number(const struct route *route)
{
	return route != NULL ? (int)(route - routes) + 1 : 0;
}

const char *
route_name(int number)
{
	if (number == 0)
		return "none";
	return number <= (int)NITEMS(routes) ? routes[number - 1].id : NULL;
}

unsigned
route_needs(const char *operation)
{
	for (size_t i = 0; i < NITEMS(routes); i++) {
		if (strcmp(routes[i].id, operation) == 0)
			return routes[i].needs;
	}
	/* An operation that does not exist: nobody has all permissions. */
	return ~0U;
}

static bool
served_at(enum listener listener, const struct route *route)
{
	return listener == LISTENER_ALL ||
	       (listener == LISTENER_METRICS) == (route->handler == metrics);
}

int
route_find(struct request *rq, const char *method, const char *path)
{
	char *segments[SEGMENTS_MAX];
	const char *params[REQUEST_PARAMS_MAX] = { NULL }, *allow = "";
	int nsegments = split(rq, path, segments);
	bool patch = false;

	/* "OPTIONS *" asks about the server as a whole (RFC 9110, 9.3.7). */
	if (strcmp(path, "*") == 0 && strcmp(method, "OPTIONS") == 0)
		return not_this_method(rq, method, "GET, HEAD, POST, PUT, PATCH, DELETE", false);
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < NITEMS(routes) && nsegments > 0; i++) {
		if (!served_at(rq->listener, &routes[i]) ||
		    !matches(routes[i].path, segments, nsegments, params))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			memcpy(rq->param, params, sizeof(params));
			rq->route = &routes[i];
			rq->shows = rq->route->shows;
			rq->reads = strcmp(rq->route->method, "GET") == 0;
			rq->op = operations[i];
			return 0;
		}
		patch |= operations[i]->body_merge_patch;
		allow = arena_printf(&rq->arena, "%s%s%s%s", allow, *allow != '\0' ? ", " : "",
		    routes[i].method, strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
	}
	return not_this_method(rq, method, allow, patch);
}

static bool
is_given(const struct request *rq, const char *name)
{
	for (int i = 0; i < rq->nquery; i++) {
		if (strcmp(rq->query_name[i], name) == 0)
			return true;
	}
	return false;
}

static bool
is_parameter(const struct operation *op, const char *name)
{
	for (int i = 0; i < op->nparams; i++) {
		if (!op->params[i].in_path && strcmp(op->params[i].name, name) == 0)
			return true;
	}
	return false;
}

static int
unknown_parameter(struct request *rq, const char *name)
{
	const char *known = "";
	char part[NAME_SHOWN_MAX + 1];
	const char *shown = part;
	size_t n = strlen(name) < NAME_SHOWN_MAX ? strlen(name) : NAME_SHOWN_MAX;

	while (n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80)
		n--;
	memcpy(part, name, n);
	part[n] = '\0';
	/* Visible, too, when nothing of it can be seen. */
	if (strspn(part, PLAIN) < n || n == 0)
		shown = arena_printf(&rq->arena, "\"%s\"", part);

	for (int i = 0; i < rq->op->nparams; i++) {
		if (!rq->op->params[i].in_path)
			known = arena_printf(&rq->arena, "%s%s%s", known,
			    *known != '\0' ? ", " : "", rq->op->params[i].name);
	}
	if (*known == '\0')
		return reply_problem_text(rq, TEXT_parameters_none, shown);
	return reply_problem_text(rq, TEXT_parameters_known, shown, known);
}

int
route_query(struct request *rq, const char *query)
{
	while (query != NULL && *query != '\0') {
		size_t length = strcspn(query, "&");
		char *name = arena_copy(&rq->arena, query, length),
		     *value = name + strcspn(name, "=");

		query += length + (query[length] == '&');
		if (length == 0)
			continue;
		if (*value == '=')
			*value++ = '\0';
		if (!text_percent_decode(name, true) || !text_percent_decode(value, true))
			return reply_problem_text(rq, TEXT_query_encoding);
		if (!is_parameter(rq->op, name))
			return unknown_parameter(rq, name);
		if (is_given(rq, name))
			return reply_problem_text(rq, TEXT_parameter_twice, name);
		/* Cannot happen: no operation in openapi.yaml has that many parameters. */
		if (rq->nquery == REQUEST_QUERY_MAX)
			return reply_problem(rq, "bad_request");
		value = field_trim(value);
		rq->query_name[rq->nquery] = name;
		rq->query_value[rq->nquery++] = *value != '\0' ? value : NULL;
	}
	return 0;
}

const char *
route_query_text(struct request *rq, const char *without)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *text = "";

	for (int i = 0; i < rq->nquery; i++) {
		const char *name = rq->query_name[i];
		char *encoded, *q;

		if (rq->query_value[i] == NULL || (without != NULL && strcmp(name, without) == 0))
			continue;
		q = encoded = arena_alloc(&rq->arena, 3 * strlen(rq->query_value[i]) + 1);
		for (const char *p = rq->query_value[i]; *p != '\0'; p++) {
			if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
			    (*p >= 'A' && *p <= 'Z') || strchr("-._~", *p) != NULL) {
				*q++ = *p;
			} else {
				*q++ = '%';
				*q++ = hex[(unsigned char)*p >> 4];
				*q++ = hex[(unsigned char)*p & 15];
			}
		}
		*q = '\0';
		text = arena_printf(&rq->arena, "%s&%s=%s", text, name, encoded);
	}
	return text;
}
