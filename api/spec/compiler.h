/*
 * compiler - what the two halves of schema_compile() share: schema.c walks the
 * nodes, keyword.c reads one keyword. Private to api/spec.
 */
#ifndef SPEC_COMPILER_H
#define SPEC_COMPILER_H

#include "spec/schema.h"

/* The nodes that are being compiled because of a $ref, innermost first. */
struct reference {
	const json_t *node;
	struct schema *made; /* what it is compiled to, as soon as that is there */
	struct reference *up;
};

struct compiler {
	const json_t *root;
	const struct schema_names *names;
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

/*
 * compiler_node - compiles the schema at node, which stands at step or
 * step.name below the present place (both may be NULL).
 * returns 0, or -1 with the error filled in
 */
int compiler_node(struct compiler *c, const char *step, const char *name, const json_t *node,
    struct schema **ret_schema) MUSTCHECK;

/* compiler_alloc - n things of that size, cleared, for as long as the schema lives. */
void *compiler_alloc(struct compiler *c, size_t n, size_t size);

/* keyword_read - takes one keyword into s. returns 0, or -1 with the error filled in */
int keyword_read(
    struct compiler *c, struct schema *s, const char *name, const json_t *value) MUSTCHECK;

#endif
