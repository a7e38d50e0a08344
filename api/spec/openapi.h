/*
 * openapi - the embedded contract: operationId -> what a request must look like.
 *
 * build/openapi.c holds openapi.yaml twice: as written, and as JSON.
 */
#ifndef SPEC_OPENAPI_H
#define SPEC_OPENAPI_H

#include <stdbool.h>
#include "spec/validate.h"

extern const char openapi_yaml_text[];
extern const size_t openapi_yaml_length;
extern const char openapi_yaml_tag[]; /* 16 hexadecimal digits: other for another text */
extern const char openapi_json_text[];
extern const size_t openapi_json_length;
extern const char openapi_json_tag[];

struct parameter {
	const char *name;
	bool in_path; /* else in the query */
	bool required;
	const char *section; /* its x-section (field.h); NULL: none */
	const struct schema *schema;
};

struct operation {
	const char *id; /* operationId */
	const char *method; /* "GET" */
	const char *path; /* "/v1/clients/{client_id}" */
	const char *section; /* of the form: its x-section (field.h); NULL: none */
	const struct schema *body; /* NULL: the operation takes no body */
	bool body_required;
	bool body_merge_patch; /* application/merge-patch+json is listed */
	bool takes_if_match, takes_idempotency_key; /* it lists these headers */
	bool anyone; /* "security: []": no token is asked for */
	const char *answers; /* media type of a success; NULL: it has no body */
	bool personal; /* a success has members that are marked x-personal */
	const struct parameter *params;
	int nparams;
};

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
