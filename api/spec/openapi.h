/*
 * openapi - the embedded contract: operationId -> what a request must look like.
 *
 * build/openapi.c holds openapi.yaml twice: as written, and as JSON.
 */
#ifndef SPEC_OPENAPI_H
#define SPEC_OPENAPI_H

#include <stddef.h>
#include "base/base.h"
#include "spec/operation.h"

struct schema_names;

extern const char openapi_yaml_text[];
extern const size_t openapi_yaml_length;
extern const char openapi_yaml_tag[]; /* 16 hexadecimal digits: other for another text */
extern const char openapi_json_text[];
extern const size_t openapi_json_length;
extern const char openapi_json_tag[];

/*
 * openapi_load - reads the embedded document and compiles its request schemas.
 * returns 0; or -1 with ret_err filled in (what, and where in the document).
 */
int openapi_load(const struct schema_names *names, char *ret_err, size_t err_size) MUSTCHECK;

/*
 * openapi_load_text - the same of any document of length bytes, in place of what
 * was loaded: openapi_load() is this with the embedded one. On failure nothing is loaded.
 */
int openapi_load_text(const char *json, size_t length, const struct schema_names *names,
    char *ret_err, size_t err_size) MUSTCHECK;

/* openapi_unload - forgets the document and frees its schemas: for tests. */
void openapi_unload(void);

/* openapi_operation - by operationId; NULL when the document has none such. */
const struct operation *openapi_operation(const char *id);

/* openapi_at - the i-th operation, NULL past the last: to compare with the route table. */
const struct operation *openapi_at(int i);

#endif
