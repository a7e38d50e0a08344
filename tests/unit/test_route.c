/* What the start checks of the document: it matches the routes, and the record of reads knows whom each operation shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/check.h"
#include "http/reads.h"
#include "http/route.h"
#include "spec/openapi.h"

/* Loads the embedded document, altered by `alter`, and returns what `check` says of it. */
static int
checked_by(int (*check)(char *ret_err, size_t err_size), void (*alter)(json_t *paths),
    char ret_err[static 512])
{
	json_t *document = json_loadb(openapi_json_text, openapi_json_length, 0, NULL);
	char *text;
	int result;

	assert_non_null(document);
	if (alter != NULL)
		alter(json_object_get(document, "paths"));
	text = json_dumps(document, JSON_COMPACT);
	assert_int_equal(openapi_load_text(text, strlen(text), &check_names, ret_err, 512), 0);
	result = check(ret_err, 512);
	openapi_unload();
	free(text);
	json_decref(document);
	return result;
}

static int
checked(void (*alter)(json_t *paths), char ret_err[static 512])
{
	return checked_by(route_check, alter, ret_err);
}

static void
take_one_out(json_t *paths)
{
	json_object_del(json_object_get(paths, "/v1/clients"), "post");
}

static void
add_one(json_t *paths)
{
	json_object_set_new(paths, "/v1/more",
	    json_pack("{s:{s:s, s:{s:{s:s}}}}", "get", "operationId", "more_list", "responses",
		"200", "description", "x"));
}

static void
rename_one(json_t *paths)
{
	json_object_set_new(json_object_get(json_object_get(paths, "/v1/catalogs"), "get"),
	    "operationId", json_string("catalogue_list"));
}

static void
move_one(json_t *paths)
{
	json_t *item = json_incref(json_object_get(paths, "/v1/catalogs"));

	json_object_del(paths, "/v1/catalogs");
	json_object_set_new(paths, "/v1/catalogues", item);
}

static void
open_one_to_all(json_t *paths)
{
	json_object_set_new(json_object_get(json_object_get(paths, "/v1/catalogs"), "get"),
	    "security", json_array());
}

static void
routes_and_document_must_match(void **state)
{
	char err[512];

	(void)state;
	assert_int_equal(checked(NULL, err), 0);
	assert_int_equal(checked(take_one_out, err), -1);
	assert_non_null(strstr(err, "client_create"));
	assert_int_equal(checked(add_one, err), -1);
	assert_non_null(strstr(err, "more_list"));
	assert_int_equal(checked(rename_one, err), -1);
	assert_non_null(strstr(err, "catalog_list"));
	assert_int_equal(checked(move_one, err), -1);
	assert_non_null(strstr(err, "catalog_list"));
	assert_int_equal(checked(open_one_to_all, err), -1);
	assert_non_null(strstr(err, "catalog_list"));
}

static void
move_contacts(json_t *paths)
{
	json_t *item = json_incref(json_object_get(paths, "/v1/contacts/{contact_id}"));

	json_object_del(paths, "/v1/contacts/{contact_id}");
	json_object_set_new(paths, "/v1/contactsheets/{contact_id}", item);
}

static void
record_of_reads_knows_whom_an_operation_shows(void **state)
{
	char err[512];

	(void)state;
	assert_int_equal(checked_by(reads_check, NULL, err), 0);
	assert_int_equal(checked_by(reads_check, move_contacts, err), -1);
	assert_non_null(strstr(err, "contact_get"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(routes_and_document_must_match),
		cmocka_unit_test(record_of_reads_knows_whom_an_operation_shows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
