/*
 * route_find and route_query on any bytes: "METHOD target", in one line. The result is
 * compared with the path that was sent.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "http/check.h"
#include "http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void
load(void)
{
	static bool loaded;
	char why[512] = "";

	if (loaded)
		return;
	if (openapi_load(&check_names, why, sizeof(why)) != 0 ||
	    route_check(why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	loaded = true;
}

/* Each {…_id} of the route's path stands for an id. */
static void
check_ids(const struct request *rq)
{
	int n = 0;

	for (const char *p = strchr(rq->route->path, '{'); p != NULL; p = strchr(p + 1, '{')) {
		MUST(n < REQUEST_PARAMS_MAX && rq->param[n] != NULL);
		if (strncmp(p + strcspn(p, "}") - 3, "_id}", 4) == 0)
			MUST(text_is_id(rq->param[n]));
		n++;
	}
}

static void
check_found(const struct request *rq, const char *method, const char *path)
{
	int slashes = 0, wanted = 0;

	MUST(rq->route != NULL && rq->op != NULL);
	MUST(strcmp(rq->route->method, method) == 0 || strcmp(method, "HEAD") == 0);
	for (const char *p = path; *p != '\0'; p++)
		slashes += *p == '/';
	for (const char *p = rq->route->path; *p != '\0'; p++)
		wanted += *p == '/';
	MUST(slashes == wanted);
	/* Every letter of a fixed path must match, unless it was sent as an escape. */
	if (strchr(rq->route->path, '{') == NULL && strchr(path, '%') == NULL)
		MUST(strcmp(rq->route->path, path) == 0);
	check_ids(rq);
}

static void
check_query(const struct request *rq)
{
	for (int i = 0; i < rq->nquery; i++) {
		MUST(text_is_utf8(rq->query_name[i], strlen(rq->query_name[i])));
		/* An empty parameter counts as absent. */
		MUST(rq->query_value[i] == NULL ||
		     text_is_utf8(rq->query_value[i], strlen(rq->query_value[i])));
		MUST(request_query_value(rq, rq->query_name[i]) == rq->query_value[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request rq;
	char *line, *path, *query;
	int status;

	load();
	memset(&rq, 0, sizeof(rq));
	arena_init(&rq.arena);
	line = malloc(size + 1);
	MUST(line != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	path = line + strcspn(line, " ");
	if (*path == ' ')
		*path++ = '\0';
	query = strchr(path, '?');
	if (query != NULL)
		*query++ = '\0';
	status = route_find(&rq, line, path);
	MUST(status == 0 || status == 204 || status == 404 || status == 405);
	MUST(status == rq.reply.status);
	if (status == 0) {
		check_found(&rq, line, path);
		status = route_query(&rq, query);
		MUST((status == 0 || status == 400) && status == rq.reply.status);
		check_query(&rq);
	}
	arena_free(&rq.arena);
	free(line);
	return 0;
}
