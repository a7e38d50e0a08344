/*
 * openapi - the embedded contract: finds what a request must look like by its operationId.
 *
 * build/openapi.c holds openapi.yaml twice: as written, and as JSON. After openapi_load nothing
 * changes; reading is safe from any thread.
 */
#ifndef SPEC_OPENAPI_H
#define SPEC_OPENAPI_H

#include <stddef.h>
#include "base/base.h"
#include "spec/operation.h"

struct schema_names;

extern const char openapi_yaml_text[];
extern const size_t openapi_yaml_length;
extern const char
    openapi_yaml_tag[]; /* a hash of the text, 16 hexadecimal digits: its entity tag */
extern const char openapi_json_text[];
extern const size_t openapi_json_length;
extern const char openapi_json_tag[];

/*
 * openapi_load - reads the embedded document and compiles its request schemas; before any thread
 * starts.
 * returns 0; or -1 with ret_err filled in: the place in the document and what is wrong there
 */
int openapi_load(const struct schema_names *names, char *ret_err, size_t err_size) MUSTCHECK;

/*
 * openapi_load_text - the same for any JSON document of `length` bytes. It replaces the loaded
 * document; on failure no document is loaded.
 */
int openapi_load_text(const char *json, size_t length, const struct schema_names *names,
    char *ret_err, size_t err_size) MUSTCHECK;

/* openapi_unload - frees the document and its schemas: for tests. */
void openapi_unload(void);

/* openapi_operation - returns the operation of that operationId; NULL: none. */
const struct operation *openapi_operation(const char *id);

/* openapi_at - returns the i-th operation, NULL after the last: to compare with the route table. */
const struct operation *openapi_at(int i);

#endif
