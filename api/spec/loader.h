/*
 * loader - how far the loading of the document has come. Private to api/spec: openapi.c
 * checks the document's schemas, operation.c reads its operations.
 */
#ifndef SPEC_LOADER_H
#define SPEC_LOADER_H

#include <jansson.h>
#include <stddef.h>
#include "base/arena.h"

struct operation;
struct schema;
struct schema_names;

/* A compiled schema that an operation uses. */
struct kept {
	struct schema *schema;
	struct kept *next;
};

struct document {
	json_t *root;
	struct arena arena;
	struct kept *kept;
	struct operation *operations; /* sorted by id */
	int noperations;
};

struct loader {
	struct document *doc;
	const struct schema_names *names;
	char place[512]; /* "paths./v1/clients.post.requestBody" */
	char *err;
	size_t err_size;
};

/* loader_fail - fills in the error with the place before it; returns -1. */
int loader_fail(const struct loader *l, const char *fmt, ...) PRINTF(2, 3) MUSTCHECK;

/* loader_enter - one step down from this place; loader_leave() with what it returns goes back. */
size_t loader_enter(struct loader *l, const char *step);
void loader_leave(struct loader *l, size_t length);

/* loader_compile - the schema at node, which the caller frees; or NULL with the error filled in. */
struct schema *loader_compile(struct loader *l, const json_t *node) MUSTCHECK;

#endif
