/*
 * compiler - how far the compiling of one schema has come. Private to api/spec: schema.c
 * walks the nodes, keyword.c reads one keyword.
 */
#ifndef SPEC_COMPILER_H
#define SPEC_COMPILER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/base.h"

struct arena;
struct schema;

/* The nodes that are being compiled because of a $ref, innermost first. */
struct reference {
	const json_t *node;
	struct schema *made; /* what it is compiled to, as soon as that is there */
	struct reference *up;
};

struct compiler {
	const json_t *root;
	bool (*catalog_known)(const char *name),
	    (*rule_known)(const char *name); /* NULL: all are */
	struct arena *arena;
	struct schema *regexes;
	struct reference *references;
	int depth;
	char place[512]; /* "properties.phone" */
	char *err;
	size_t err_size;
};

/* compiler_fail - fills in the error with the place before it; returns -1. */
int compiler_fail(const struct compiler *c, const char *fmt, ...) PRINTF(2, 3) MUSTCHECK;

/* compiler_alloc - n things of that size, cleared, for as long as the schema lives. */
void *compiler_alloc(struct compiler *c, size_t n, size_t size);

#endif
