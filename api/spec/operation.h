/*
 * operation - what the document says about the requests and answers of one operation.
 */
#ifndef SPEC_OPERATION_H
#define SPEC_OPERATION_H

#include <stdbool.h>

struct schema;

struct parameter {
	const char *name;
	bool in_path; /* else in the query */
	bool required;
	const char *section; /* its x-section (field_name.h); NULL: none */
	const struct schema *schema;
};

/* What a line of a streamed body is, when it has this name. */
struct line_schema {
	const char *name;
	const struct schema *schema;
};
#define LINE_SCHEMAS_MAX 4

struct operation {
	const char *id; /* operationId */
	const char *method; /* "GET" */
	const char *path; /* "/v1/clients/{client_id}" */
	const char *section; /* its x-section (field_name.h); NULL: none */
	const struct schema *body; /* NULL: the operation takes no body, or a streamed one */
	bool body_streams; /* application/x-ndjson is listed: the handler reads the body */
	struct line_schema lines[LINE_SCHEMAS_MAX]; /* its x-lines; name NULL after the last */
	bool body_required;
	bool body_merge_patch; /* application/merge-patch+json is listed */
	bool
	    body_form; /* application/x-www-form-urlencoded, and nothing else: an operation of OAuth */
	bool body_csv; /* text/csv is listed; the schema is not for it */
	long long body_max; /* its x-max-bytes: the largest body; 0: as configured */
	bool takes_if_match, takes_idempotency_key; /* it lists these headers */
	bool anyone; /* "security: []": needs no access token */
	const char *answers; /* media type of the successful response; NULL: it has no body */
	bool answers_csv, answers_svg; /* it also lists text/csv, image/svg+xml */
	bool personal; /* the successful response has members marked x-personal */
	const struct parameter *params;
	int nparams;
};

#endif
