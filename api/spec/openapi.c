#include "spec/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/loader.h"
#include "spec/operation_read.h"
#include "spec/schema_compile.h"

/* Written once at start, before any request. */
static struct document loaded;

static int
check_schema(struct loader *l, const json_t *node)
{
	struct schema *s = loader_compile(l, node);

	schema_free(s);
	return s != NULL ? 0 : -1;
}

/* The node only refers to a component, which check_document checks by itself. */
static bool
is_reference(const struct loader *l, const json_t *node)
{
	return json_object_size(node) == 1 && schema_component(l->doc->root, node) != NULL;
}

/* A oneOf that only lists such references: the schema of an answer. */
static bool
is_one_of_references(const struct loader *l, const json_t *node)
{
	const json_t *branches = json_object_get(node, "oneOf");

	for (size_t i = 0; i < json_array_size(branches); i++) {
		if (!is_reference(l, json_array_get(branches, i)))
			return false;
	}
	return json_object_size(node) == 1 && json_array_size(branches) > 0;
}

/*
 * Compiles every "schema" below node, those of answers and headers included, and
 * discards the result: the tests validate answers with these schemas, so an
 * unsupported keyword must stop the start there too.
 */
static int
check_schemas(struct loader *l, const json_t *node)
{
	const char *key;
	size_t i, length;
	char step[24];
	json_t *v;
	bool is_schema;
	int result;

	for (i = 0; i < json_array_size(node); i++) {
		snprintf(step, sizeof(step), "%zu", i);
		length = loader_enter(l, step);
		if (check_schemas(l, json_array_get(node, i)) == -1)
			return -1;
		loader_leave(l, length);
	}
	json_object_foreach ((json_t *)node, key, v) {
		is_schema = strcmp(key, "schema") == 0;
		if (strcmp(key, "example") == 0 || strcmp(key, "examples") == 0 ||
		    (is_schema && (is_reference(l, v) || is_one_of_references(l, v))))
			continue;
		length = loader_enter(l, key);
		result = is_schema ? check_schema(l, v) : check_schemas(l, v);
		if (result == -1)
			return -1;
		loader_leave(l, length);
	}
	return 0;
}

static int
check_document(struct loader *l)
{
	const char *key, *name;
	json_t *part, *node;
	size_t outer, inner;

	json_object_foreach (json_object_get(l->doc->root, "components"), key, part) {
		outer = loader_enter(l, "components");
		inner = loader_enter(l, key);
		if (strcmp(key, "schemas") != 0 && check_schemas(l, part) == -1)
			return -1;
		loader_leave(l, inner);
		loader_leave(l, outer);
	}
	part = json_object_get(json_object_get(l->doc->root, "components"), "schemas");
	json_object_foreach (part, name, node) {
		outer = loader_enter(l, "components.schemas");
		inner = loader_enter(l, name);
		if (check_schema(l, node) == -1)
			return -1;
		loader_leave(l, inner);
		loader_leave(l, outer);
	}
	outer = loader_enter(l, "paths");
	if (check_schemas(l, json_object_get(l->doc->root, "paths")) == -1)
		return -1;
	loader_leave(l, outer);
	return 0;
}

static void
document_free(struct document *doc)
{
	for (struct used_schema *u = doc->used_schemas; u != NULL; u = u->next)
		schema_free(u->schema);
	arena_free(&doc->arena);
	json_decref(doc->root);
	memset(doc, 0, sizeof(*doc));
	arena_init(&doc->arena);
}

int
openapi_load_text(const char *json, size_t length, const struct schema_names *names, char *ret_err,
    size_t err_size)
{
	struct document doc = { .root = NULL };
	struct loader l = { .doc = &doc, .names = names, .err = ret_err, .err_size = err_size };
	json_error_t error;

	openapi_unload();
	arena_init(&doc.arena);
	doc.root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
	if (doc.root == NULL)
		return loader_fail(
		    &l, "the document is not JSON: line %d: %s", error.line, error.text);
	if (check_document(&l) == -1 || operations_read(&l) == -1) {
		document_free(&doc);
		return -1;
	}
	loaded = doc;
	return 0;
}

int
openapi_load(const struct schema_names *names, char *ret_err, size_t err_size)
{
	return openapi_load_text(openapi_json_text, openapi_json_length, names, ret_err, err_size);
}

void
openapi_unload(void)
{
	document_free(&loaded);
}

static int
compare_id(const void *id, const void *operation)
{
	const struct operation *op = operation;

	return strcmp(id, op->id);
}

const struct operation *
openapi_operation(const char *id)
{
	if (loaded.noperations == 0)
		return NULL;
	return bsearch(id, loaded.operations, (size_t)loaded.noperations,
	    sizeof(*loaded.operations), compare_id);
}

const struct operation *
openapi_at(int i)
{
	return i >= 0 && i < loaded.noperations ? &loaded.operations[i] : NULL;
}
