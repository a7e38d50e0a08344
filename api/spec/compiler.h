/*
 * compiler - the state of compiling one schema. schema_compile.c walks the nodes, keyword.c reads
 * single keywords. Private to api/spec.
 */
#ifndef SPEC_COMPILER_H
#define SPEC_COMPILER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/base.h"

struct arena;
struct schema;

/* A $ref whose target is being compiled. */
struct reference {
	const json_t *node; /* the target */
	struct schema *made; /* its compiled schema; NULL: not allocated yet */
	struct reference *up; /* the $ref that led here */
};

struct compiler {
	const json_t *root;
	bool (*catalog_known)(const char *name),
	    (*rule_known)(const char *name); /* NULL: every name is */
	struct arena *arena;
	struct schema *regexes; /* all schemas with a regex, linked by next_regex */
	struct reference *references; /* innermost first */
	int depth;
	char place[512]; /* the path to the present node: "properties.phone" */
	char *err;
	size_t err_size;
};

/* compiler_fail - writes the place and the message to c->err; returns -1. */
int compiler_fail(const struct compiler *c, const char *fmt, ...) PRINTF(2, 3) MUSTCHECK;

/* compiler_alloc - returns n zeroed objects of that size, which the schema owns. */
void *compiler_alloc(struct compiler *c, size_t n, size_t size);

#endif
