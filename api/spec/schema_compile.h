/*
 * schema_compile - compiles a schema of the document for validate(): its keywords are in validate.h.
 */
#ifndef SPEC_SCHEMA_COMPILE_H
#define SPEC_SCHEMA_COMPILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/base.h"

struct schema;

/* Called at start for the names in the document; false: unknown, and the start fails. */
struct schema_names {
	bool (*catalog)(const char *name);
	bool (*rule)(const char *name);
};

/*
 * schema_compile - compiles a schema of the document for validate().
 *
 * root     the whole document, for $ref; root and node must outlive the schema.
 *          A $ref may refer to a schema that contains it (a tree); validate() then
 *          recurses as deep as the value is nested, which the caller bounds.
 * names    checks names of catalogues and rules; NULL: any name is accepted
 * returns  the schema, which the caller frees with schema_free; or NULL with
 *          ret_err filled in: the place and the keyword
 */
struct schema *schema_compile(const json_t *root, const json_t *node,
    const struct schema_names *names, char *ret_err, size_t err_size) MUSTCHECK;
void schema_free(struct schema *s);

/* schema_component - returns the target of node's $ref in root's components/schemas; NULL: none. */
const json_t *schema_component(const json_t *root, const json_t *node);

/* schema_personal - returns whether the schema is marked x-personal. */
bool schema_personal(const struct schema *s);

#endif
