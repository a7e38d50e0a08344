/*
 * schema_compile - turns a schema of the document into what validate() walks.
 */
#ifndef SPEC_SCHEMA_COMPILE_H
#define SPEC_SCHEMA_COMPILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/base.h"

struct schema;

/* Called at start for names met in the document: false = unknown, and the start fails. */
struct schema_names {
	bool (*catalog)(const char *name);
	bool (*rule)(const char *name);
};

/*
 * schema_compile - turns a schema of the document into what validate() walks.
 *
 * root     the whole document, for $ref; both must outlive the schema.
 *          A $ref may lead back into what it is in (a tree); validate() then
 *          goes as deep as the value is nested, which the caller bounds.
 * returns  the schema, kept for the life of the process (schema_free exists
 *          for tests); or NULL with ret_err filled in: where, and which keyword
 */
struct schema *schema_compile(const json_t *root, const json_t *node,
    const struct schema_names *names, char *ret_err, size_t err_size) MUSTCHECK;
void schema_free(struct schema *s);

/* schema_component - the one of root's components/schemas that node's $ref names; NULL: none. */
const json_t *schema_component(const json_t *root, const json_t *node);

/* schema_personal - whether values of this schema are marked x-personal. */
bool schema_personal(const struct schema *s);

#endif
