/*
 * keyword - the keywords of a schema that hold no other schema: all but properties and items. Private to api/spec.
 */
#ifndef SPEC_KEYWORD_H
#define SPEC_KEYWORD_H

#include <jansson.h>
#include "base/base.h"

struct compiler;
struct schema;

/* keyword_read - takes one keyword into s. returns 0, or -1 with the error filled in */
int keyword_read(
    struct compiler *c, struct schema *s, const char *name, const json_t *value) MUSTCHECK;

#endif
