/*
 * loader - the state of loading the document. openapi.c checks its schemas, operation_read.c
 * reads its operations. Private to api/spec.
 */
#ifndef SPEC_LOADER_H
#define SPEC_LOADER_H

#include <jansson.h>
#include <stddef.h>
#include "base/arena.h"

struct operation;
struct schema;
struct schema_names;

/* A compiled schema that an operation uses, listed so that it can be freed. */
struct used_schema {
	struct schema *schema;
	struct used_schema *next;
};

struct document {
	json_t *root;
	struct arena arena;
	struct used_schema *used_schemas;
	struct operation *operations; /* sorted by id */
	int noperations;
};

struct loader {
	struct document *doc;
	const struct schema_names *names;
	char place[512]; /* the path to the present node: "paths./v1/clients.post.requestBody" */
	char *err;
	size_t err_size;
};

/* loader_fail - writes the place and the message to l->err; returns -1. */
int loader_fail(const struct loader *l, const char *fmt, ...) PRINTF(2, 3) MUSTCHECK;

/* loader_enter - goes one step down; loader_leave() with its result goes back up. */
size_t loader_enter(struct loader *l, const char *step);
void loader_leave(struct loader *l, size_t length);

/* loader_compile - compiles the schema at node; the caller frees it. NULL: failed, error written. */
struct schema *loader_compile(struct loader *l, const json_t *node) MUSTCHECK;

#endif
