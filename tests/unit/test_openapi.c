/* Loading a document: what is compiled, merged and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "spec/openapi.h"
#include "spec/validate.h"

/* Replaces build/openapi.c. */
const char openapi_json_text[] =
    "{\"openapi\": \"3.1.0\", \"paths\": {"
    "\"/v1/clients/{client_id}\": {"
    " \"summary\": \"A client\","
    " \"parameters\": [{\"$ref\": \"#/components/parameters/ClientId\"},"
    "  {\"name\": \"view\", \"in\": \"query\", \"schema\": {\"type\": \"string\"}}],"
    " \"get\": {\"operationId\": \"client_get\","
    "  \"parameters\": [{\"name\": \"If-None-Match\", \"in\": \"header\", \"schema\": {\"type\": "
    "\"string\"}},"
    "   {\"name\": \"view\", \"in\": \"query\", \"required\": true, \"schema\": {\"type\": "
    "\"integer\"}}],"
    "  \"responses\": {\"200\": {\"description\": \"ok\","
    "   \"headers\": {\"ETag\": {\"schema\": {\"type\": \"string\"}}},"
    "   \"content\": {\"application/json\": {\"schema\": {\"$ref\": "
    "\"#/components/schemas/Client\"},"
    "    \"examples\": {\"one\": {\"value\": {\"schema\": 5}}}}}},"
    "   \"404\": {\"$ref\": \"#/components/responses/Problem\"}}},"
    " \"patch\": {\"operationId\": \"client_update\","
    "  \"requestBody\": {\"required\": true, \"content\": {"
    "   \"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/Client\"}},"
    "   \"application/merge-patch+json\": {\"schema\": {\"$ref\": "
    "\"#/components/schemas/Client\"}}}}}},"
    "\"/v1/clients\": {"
    " \"get\": {\"operationId\": \"client_search\", \"parameters\": ["
    "  {\"name\": \"phone\", \"in\": \"query\", \"schema\": {\"type\": \"string\", \"pattern\": "
    "\"^9[0-9]{8}$\"}}]},"
    " \"post\": {\"operationId\": \"client_create\","
    "  \"requestBody\": {\"$ref\": \"#/components/requestBodies/Client\"}}}},"
    "\"components\": {"
    " \"parameters\": {\"ClientId\": {\"name\": \"client_id\", \"in\": \"path\", \"required\": "
    "true,"
    "  \"schema\": {\"type\": \"string\", \"format\": \"digits\"}}},"
    " \"requestBodies\": {\"Client\": {\"content\": {\"application/json\": {"
    "  \"schema\": {\"$ref\": \"#/components/schemas/Client\"}}}}},"
    " \"responses\": {\"Problem\": {\"description\": \"x\", \"content\": "
    "{\"application/problem+json\": {"
    "  \"schema\": {\"type\": \"object\"}}}}},"
    " \"schemas\": {\"Client\": {\"type\": \"object\", \"properties\": {\"name\": {\"type\": "
    "\"string\"}}}}}}";
const size_t openapi_json_length = sizeof(openapi_json_text) - 1;
const char openapi_yaml_text[] = "";
const size_t openapi_yaml_length = 0;

static char error[512];

static void
load(void)
{
	if (openapi_load(NULL, error, sizeof(error)) == -1)
		fail_msg("%s", error);
}

/* Loads a document, written with ' for ", and expects a refusal. */
static void
expect_refused(const char *text, const char *expected)
{
	char *copy = strdup(text), *p;

	assert_non_null(copy);
	for (p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	if (openapi_load_text(copy, strlen(copy), NULL, error, sizeof(error)) != -1)
		fail_msg("not refused: %s", text);
	free(copy);
	assert_string_equal(error, expected);
	assert_null(openapi_at(0));
	assert_null(openapi_operation("a"));
}

static void
operations_are_found_by_id(void **state)
{
	const struct operation *op;

	(void)state;
	assert_null(openapi_operation("client_get"));
	load();
	op = openapi_operation("client_get");
	assert_non_null(op);
	assert_string_equal(op->id, "client_get");
	assert_string_equal(op->method, "GET");
	assert_string_equal(op->path, "/v1/clients/{client_id}");
	assert_null(op->body);
	assert_string_equal(openapi_operation("client_update")->method, "PATCH");
	assert_string_equal(openapi_operation("client_search")->path, "/v1/clients");
	assert_null(openapi_operation("client_delete"));
	assert_null(openapi_operation(""));
	openapi_unload();
	assert_null(openapi_operation("client_get"));
}

static void
operations_can_be_counted(void **state)
{
	(void)state;
	load();
	assert_string_equal(openapi_at(0)->id, "client_create");
	assert_string_equal(openapi_at(3)->id, "client_update");
	assert_null(openapi_at(4));
	assert_null(openapi_at(-1));
	openapi_unload();
}

static void
parameters_of_path_and_operation_are_merged(void **state)
{
	const struct operation *op;
	struct arena arena;
	struct faults faults;

	(void)state;
	load();
	op = openapi_operation("client_get");
	assert_int_equal(op->nparams, 2);
	assert_string_equal(op->params[0].name, "client_id");
	assert_true(op->params[0].in_path);
	assert_true(op->params[0].required);
	assert_string_equal(op->params[1].name, "view");
	assert_false(op->params[1].in_path);
	assert_true(op->params[1].required);

	arena_init(&arena);
	faults_init(&faults, &arena, LANGUAGE_EN, NULL);
	validate_text(op->params[0].schema, "12", "client_id", NULL, &faults);
	validate_text(op->params[1].schema, "12", "view", NULL, &faults);
	assert_int_equal(faults.count, 0);
	validate_text(op->params[0].schema, "x", "client_id", NULL, &faults);
	validate_text(op->params[1].schema, "x", "view", NULL, &faults);
	assert_int_equal(faults.count, 2);
	arena_free(&arena);

	op = openapi_operation("client_update");
	assert_int_equal(op->nparams, 2);
	assert_false(op->params[1].required);
	assert_int_equal(openapi_operation("client_create")->nparams, 0);
	openapi_unload();
}

static void
bodies_are_compiled(void **state)
{
	const struct operation *op;
	struct arena arena;
	struct faults faults;
	json_t *value = json_pack("{s:i}", "name", 5);

	(void)state;
	load();
	op = openapi_operation("client_create");
	assert_non_null(op->body);
	assert_false(op->body_required);
	assert_false(op->body_merge_patch);
	op = openapi_operation("client_update");
	assert_non_null(op->body);
	assert_true(op->body_required);
	assert_true(op->body_merge_patch);

	arena_init(&arena);
	faults_init(&faults, &arena, LANGUAGE_EN, NULL);
	validate(op->body, value, "#", NULL, &faults);
	assert_int_equal(faults.count, 1);
	assert_string_equal(faults.first->pointer, "#/name");
	arena_free(&arena);
	json_decref(value);
	openapi_unload();
}

/* A document with one answer and its components, written with ' for ". */
#define ANSWERED_WITH(schema, components)                                                          \
	"{'paths': {'/x': {'get': {'operationId': 'a', 'responses': {'200': {'content':"           \
	" {'application/json': {'schema': {" schema                                                \
	"}}}}}}}}, 'components': {'schemas': {" components "}}}"

static void
unknown_keywords_are_refused_anywhere(void **state)
{
	(void)state;
	expect_refused(
	    "{'paths': {'/v1/clients': {'post': {'operationId': 'a', 'requestBody': {'content':"
	    " {'application/json': {'schema': {'anyOf': []}}}}}}}}",
	    "paths./v1/clients.post.requestBody.content.application/json.schema:"
	    " unknown keyword \"anyOf\"");
	expect_refused(
	    "{'paths': {'/x': {'get': {'operationId': 'a', 'responses': {'200': {'content':"
	    " {'application/json': {'schema': {'properties': {'b': {'not': {}}}}}}}}}}}}",
	    "paths./x.get.responses.200.content.application/json.schema:"
	    " properties.b: unknown keyword \"not\"");
	expect_refused("{'paths': {'/x': {'get': {'operationId': 'a', 'parameters':"
		       " [{'name': 'h', 'in': 'header', 'schema': {'if': 1}}]}}}}",
	    "paths./x.get.parameters.0.schema: unknown keyword \"if\"");
	expect_refused("{'paths': {}, 'components': {'schemas': {'A': {'allOf': []}}}}",
	    "components.schemas.A: unknown keyword \"allOf\"");
	expect_refused("{'paths': {}, 'components': {'headers': {'E': {'schema': {'allOf': []}}}}}",
	    "components.headers.E.schema: unknown keyword \"allOf\"");
	expect_refused(ANSWERED_WITH("'$ref': '#/components/schemas/A'", "'A': {'allOf': []}"),
	    "components.schemas.A: unknown keyword \"allOf\"");
}

static void
dangling_references_are_refused_in_answers_too(void **state)
{
	static const char at[] = "paths./x.get.responses.200.content.application/json.schema: ";
	char expected[256];

	(void)state;
	snprintf(expected, sizeof(expected), "%s$ref #/components/schemas/B not found", at);
	expect_refused(ANSWERED_WITH("'$ref': '#/components/schemas/B'", "'A': {}"), expected);
	snprintf(expected, sizeof(expected), "%s$ref #/components/headers/A not found", at);
	expect_refused(ANSWERED_WITH("'$ref': '#/components/headers/A'", "'A': {}"), expected);
	snprintf(expected, sizeof(expected), "%s\"minimum\" beside \"$ref\"", at);
	expect_refused(
	    ANSWERED_WITH("'$ref': '#/components/schemas/A', 'minimum': 1", "'A': {}"), expected);
	expect_refused(ANSWERED_WITH("'$ref': '#/components/schemas/A'",
			   "'A': {'$ref': '#/components/schemas/A'}"),
	    "components.schemas.A: A: $ref #/components/schemas/A refers to itself");
}

static void
incomplete_documents_are_refused(void **state)
{
	(void)state;
	expect_refused(
	    "{", "the document is not JSON: line 1: string or '}' expected near end of file");
	expect_refused("{'a': 1, 'a': 2}",
	    "the document is not JSON: line 1: duplicate object key near '\"a\"'");
	expect_refused("{}", "no paths");
	expect_refused("{'paths': {'/x': {'get': {}}}}", "paths./x.get: no operationId");
	expect_refused("{'paths': {'/x': {'fetch': {}}}}", "paths./x.fetch: unknown method");
	expect_refused(
	    "{'paths': {'/x': {'get': {'operationId': 'a'}}, '/y': {'get': {'operationId': 'a'}}}}",
	    "duplicate operationId a");
	expect_refused("{'paths': {'/x': {'post': {'operationId': 'a', 'requestBody': {'content':"
		       " {'text/plain': {'schema': {}}}}}}}}",
	    "paths./x.post.requestBody: no schema of application/json,"
	    " application/merge-patch+json or application/x-www-form-urlencoded");
	expect_refused("{'paths': {'/x': {'post': {'operationId': 'a', 'requestBody': {'content':"
		       " {'application/json': {'schema': {}}, 'application/merge-patch+json':"
		       " {'schema': {'type': 'object'}}}}}}}}",
	    "paths./x.post.requestBody: the two media types must have the same schema");
	expect_refused("{'paths': {'/x': {'post': {'operationId': 'a', 'requestBody':"
		       " {'$ref': '#/components/requestBodies/None'}}}}}",
	    "paths./x.post: $ref #/components/requestBodies/None not found");
}

static void
impossible_parameters_are_refused(void **state)
{
	(void)state;
	expect_refused(
	    "{'paths': {'/x': {'get': {'operationId': 'a', 'parameters': [{'in': 'query'}]}}}}",
	    "paths./x.get.parameters: a parameter needs \"name\" and \"in\"");
	expect_refused("{'paths': {'/x': {'get': {'operationId': 'a', 'parameters':"
		       " [{'name': 'n', 'in': 'cookie', 'schema': {}}]}}}}",
	    "paths./x.get.parameters.n: unknown \"in\" \"cookie\"");
	expect_refused("{'paths': {'/x': {'get': {'operationId': 'a', 'parameters':"
		       " [{'name': 'n', 'in': 'query'}]}}}}",
	    "paths./x.get.parameters.n: a parameter needs \"schema\"");
	expect_refused("{'paths': {'/x/{n}': {'get': {'operationId': 'a', 'parameters':"
		       " [{'name': 'n', 'in': 'path', 'schema': {}}]}}}}",
	    "paths./x/{n}.get.parameters.n: a path parameter must be required");
	expect_refused("{'paths': {'/x/{nn}': {'get': {'operationId': 'a', 'parameters':"
		       " [{'name': 'n', 'in': 'path', 'required': true, 'schema': {}}]}}}}",
	    "paths./x/{nn}.get: the path has no {n}");
	expect_refused("{'paths': {'/x': {'get': {'operationId': 'a', 'x-section': 'closures'}}}}",
	    "paths./x.get: unknown section in \"x-section\"");
	expect_refused("{'paths': {'/x': {'get': {'operationId': 'a', 'parameters':"
		       " [{'name': 'n', 'in': 'query', 'x-section': 1, 'schema': {}}]}}}}",
	    "paths./x.get.parameters.n: unknown section in \"x-section\"");
	expect_refused("{'paths': {'/x/{n}': {'get': {'operationId': 'a'}}}}",
	    "paths./x/{n}.get: a {name} of the path has no parameter");
	expect_refused("{'paths': {'/x': {'get': {'operationId': 'a', 'parameters':"
		       " [{'$ref': '#/components/parameters/N'}]}}}}",
	    "paths./x.get.parameters: $ref #/components/parameters/N not found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_are_found_by_id),
		cmocka_unit_test(operations_can_be_counted),
		cmocka_unit_test(parameters_of_path_and_operation_are_merged),
		cmocka_unit_test(bodies_are_compiled),
		cmocka_unit_test(unknown_keywords_are_refused_anywhere),
		cmocka_unit_test(dangling_references_are_refused_in_answers_too),
		cmocka_unit_test(incomplete_documents_are_refused),
		cmocka_unit_test(impossible_parameters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
