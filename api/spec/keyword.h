/*
 * keyword - reads the keywords that contain no other schema: all but properties and items.
 * Private to api/spec.
 */
#ifndef SPEC_KEYWORD_H
#define SPEC_KEYWORD_H

#include <jansson.h>
#include "base/base.h"

struct compiler;
struct schema;

/* keyword_read - reads one keyword into s. Returns 0, or -1 with the error written. */
int keyword_read(
    struct compiler *c, struct schema *s, const char *name, const json_t *value) MUSTCHECK;

#endif
