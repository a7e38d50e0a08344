#include "spec/operation_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/field_name.h"
#include "spec/loader.h"
#include "spec/operation.h"
#include "spec/schema.h"
#include "spec/schema_compile.h"

static const struct {
	const char *key;
	const char *name;
} methods[] = {
	{ "get", "GET" },
	{ "put", "PUT" },
	{ "post", "POST" },
	{ "delete", "DELETE" },
	{ "options", "OPTIONS" },
	{ "head", "HEAD" },
	{ "patch", "PATCH" },
	{ "trace", "TRACE" },
};

/* Compiles a schema, which the document then owns. */
static int
compile_schema(struct loader *l, const json_t *node, const struct schema **ret_schema)
{
	struct used_schema *u = arena_alloc(&l->doc->arena, sizeof(*u));

	if ((u->schema = loader_compile(l, node)) == NULL)
		return -1;
	u->next = l->doc->used_schemas;
	l->doc->used_schemas = u;
	*ret_schema = u->schema;
	return 0;
}

/* The node itself, or its $ref's target in components/kind; NULL with the error written. */
static const json_t *
resolve(const struct loader *l, const json_t *node, const char *kind)
{
	const char *ref = json_string_value(json_object_get(node, "$ref"));
	const json_t *components = json_object_get(l->doc->root, "components"), *target = NULL;
	char prefix[64];
	size_t n;

	if (ref == NULL)
		return node;
	n = (size_t)snprintf(prefix, sizeof(prefix), "#/components/%s/", kind);
	if (strncmp(ref, prefix, n) == 0)
		target = json_object_get(json_object_get(components, kind), ref + n);
	if (target != NULL && json_object_get(target, "$ref") == NULL)
		return target;
	return loader_fail(l, "$ref %s not found", ref) == -1 ? NULL : node;
}

/* Reads the x-section of an operation or a parameter; NULL where there is none. */
static int
read_section(const struct loader *l, const json_t *node, const char **ret_section)
{
	const json_t *section = json_object_get(node, "x-section");
	const char *name = json_string_value(section);

	if (section != NULL && (name == NULL || !field_section_known(name)))
		return loader_fail(l, "unknown section in \"x-section\"");
	*ret_section = name;
	return 0;
}

/* A parameter of the operation overrides the path's of the same name (OpenAPI 3.1, 4.8.10). */
static struct parameter *
parameter_slot(struct operation *op, struct parameter *params, const char *name, bool in_path)
{
	int i;

	for (i = 0; i < op->nparams; i++)
		if (strcmp(params[i].name, name) == 0 && params[i].in_path == in_path)
			return &params[i];
	return &params[op->nparams++];
}

static int
read_parameter(struct loader *l, struct operation *op, struct parameter *params, const json_t *node)
{
	const json_t *p = resolve(l, node, "parameters");
	const char *name = json_string_value(json_object_get(p, "name"));
	const char *in = json_string_value(json_object_get(p, "in"));
	bool required = json_is_true(json_object_get(p, "required"));
	struct parameter *slot;

	if (p == NULL)
		return -1;
	if (name == NULL || in == NULL)
		return loader_fail(l, "a parameter needs \"name\" and \"in\"");
	loader_enter(l, name);
	if (strcmp(in, "header") == 0) {
		op->takes_if_match |= strcmp(name, "If-Match") == 0;
		op->takes_idempotency_key |= strcmp(name, "Idempotency-Key") == 0;
		return 0;
	}
	if (strcmp(in, "path") != 0 && strcmp(in, "query") != 0)
		return loader_fail(l, "unknown \"in\" \"%s\"", in);
	if (strcmp(in, "path") == 0 && !required)
		return loader_fail(l, "a path parameter must be required");
	if (json_object_get(p, "schema") == NULL)
		return loader_fail(l, "a parameter needs \"schema\"");

	slot = parameter_slot(op, params, name, strcmp(in, "path") == 0);
	slot->name = name;
	slot->in_path = strcmp(in, "path") == 0;
	slot->required = required;
	if (read_section(l, p, &slot->section) == -1)
		return -1;
	return compile_schema(l, json_object_get(p, "schema"), &slot->schema);
}

/* Each {name} of the path must have its parameter, and each path parameter its {name}. */
static int
check_path(const struct loader *l, const struct operation *op)
{
	const char *p;
	int i, in_template = 0, in_path = 0;
	size_t n;

	for (p = strchr(op->path, '{'); p != NULL; p = strchr(p + 1, '{'))
		in_template++;
	for (i = 0; i < op->nparams; i++) {
		if (!op->params[i].in_path)
			continue;
		in_path++;
		n = strlen(op->params[i].name);
		for (p = strchr(op->path, '{'); p != NULL; p = strchr(p + 1, '{'))
			if (strncmp(p + 1, op->params[i].name, n) == 0 && p[1 + n] == '}')
				break;
		if (p == NULL)
			return loader_fail(l, "the path has no {%s}", op->params[i].name);
	}
	if (in_template != in_path)
		return loader_fail(l, "a {name} of the path has no parameter");
	return 0;
}

static int
read_parameters(
    struct loader *l, struct operation *op, const json_t *of_path, const json_t *of_operation)
{
	size_t n = json_array_size(of_path) + json_array_size(of_operation), i;
	size_t length = loader_enter(l, "parameters"), inner = strlen(l->place);
	struct parameter *params = arena_alloc(&l->doc->arena, (n + 1) * sizeof(*params));

	memset(params, 0, (n + 1) * sizeof(*params));
	for (i = 0; i < json_array_size(of_path); i++) {
		if (read_parameter(l, op, params, json_array_get(of_path, i)) == -1)
			return -1;
		loader_leave(l, inner);
	}
	for (i = 0; i < json_array_size(of_operation); i++) {
		if (read_parameter(l, op, params, json_array_get(of_operation, i)) == -1)
			return -1;
		loader_leave(l, inner);
	}
	op->params = params;
	loader_leave(l, length);
	return check_path(l, op);
}

/* Reads the x-lines of a streamed body: the schemas of its lines, by name. */
static int
read_lines(struct loader *l, struct operation *op, const json_t *lines)
{
	const char *name;
	json_t *node;
	size_t n = 0;

	if (json_object_size(lines) == 0 || json_object_size(lines) >= LINE_SCHEMAS_MAX)
		return loader_fail(l, "a streamed body needs \"x-lines\"");
	json_object_foreach ((json_t *)lines, name, node) {
		op->lines[n].name = name;
		if (compile_schema(l, node, &op->lines[n++].schema) == -1)
			return -1;
	}
	op->body_streams = true;
	return 0;
}

static int
read_body(struct loader *l, struct operation *op, const json_t *node)
{
	const json_t *body = resolve(l, node, "requestBodies"), *content, *json, *patch, *form,
		     *schema;
	size_t length;

	if (node == NULL)
		return 0;
	if (body == NULL)
		return -1;
	length = loader_enter(l, "requestBody");
	content = json_object_get(body, "content");
	if (json_object_get(content, "application/x-ndjson") != NULL) {
		if (read_lines(l, op, json_object_get(body, "x-lines")) == -1)
			return -1;
		loader_leave(l, length);
		return 0;
	}
	json = json_object_get(content, "application/json");
	patch = json_object_get(content, "application/merge-patch+json");
	form = json_object_get(content, "application/x-www-form-urlencoded");
	if (form != NULL && json_object_size(content) > 1)
		return loader_fail(l, "a form and another media type");
	schema = json_object_get(form != NULL ? form : json != NULL ? json : patch, "schema");
	if (schema == NULL)
		return loader_fail(l, "no schema of application/json, application/merge-patch+json "
				      "or application/x-www-form-urlencoded");
	if (json != NULL && patch != NULL && !json_equal(schema, json_object_get(patch, "schema")))
		return loader_fail(l, "the two media types must have the same schema");
	op->body_required = json_is_true(json_object_get(body, "required"));
	op->body_merge_patch = patch != NULL;
	op->body_form = form != NULL;
	op->body_csv = json_object_get(content, "text/csv") != NULL;
	op->body_max = json_integer_value(json_object_get(body, "x-max-bytes"));
	if (compile_schema(l, schema, &op->body) == -1)
		return -1;
	loader_leave(l, length);
	return 0;
}

/* The media type of the first 2xx answer that has a body. */
static const char *
success_type(const json_t *responses)
{
	const char *status, *type;
	json_t *response, *media;

	json_object_foreach ((json_t *)responses, status, response)
		if (status[0] == '2')
			json_object_foreach (json_object_get(response, "content"), type, media)
				return type;
	return NULL;
}

/* Whether a 2xx answer lists this type. */
static bool
lists_type(const json_t *responses, const char *type)
{
	const char *status;
	json_t *response;

	json_object_foreach ((json_t *)responses, status, response)
		if (status[0] == '2' &&
		    json_object_get(json_object_get(response, "content"), type) != NULL)
			return true;
	return false;
}

/* Bounds the search in recursive schemas, which hold nothing new further down. */
#define PERSONAL_DEPTH 32

static bool
has_personal(const struct loader *l, const json_t *node, int depth)
{
	const json_t *component = schema_component(l->doc->root, node);
	const char *key;
	json_t *child;

	if (depth == PERSONAL_DEPTH)
		return false;
	if (json_is_true(json_object_get(node, "x-personal")))
		return true;
	if (component != NULL && has_personal(l, component, depth + 1))
		return true;
	for (size_t i = 0; i < json_array_size(node); i++)
		if (has_personal(l, json_array_get(node, i), depth + 1))
			return true;
	json_object_foreach ((json_t *)node, key, child)
		if (has_personal(l, child, depth + 1))
			return true;
	return false;
}

static bool
shows_personal(const struct loader *l, const json_t *responses)
{
	const char *status, *type;
	json_t *response, *media;

	json_object_foreach ((json_t *)responses, status, response)
		if (status[0] == '2')
			json_object_foreach (json_object_get(response, "content"), type, media)
				if (has_personal(l, json_object_get(media, "schema"), 0))
					return true;
	return false;
}

static int
read_operation(struct loader *l, struct operation *op, const json_t *item, const json_t *node)
{
	op->id = json_string_value(json_object_get(node, "operationId"));
	if (op->id == NULL || op->id[0] == '\0')
		return loader_fail(l, "no operationId");
	op->anyone = json_is_array(json_object_get(node, "security")) &&
		     json_array_size(json_object_get(node, "security")) == 0;
	op->answers = success_type(json_object_get(node, "responses"));
	op->answers_csv = lists_type(json_object_get(node, "responses"), "text/csv");
	op->answers_svg = lists_type(json_object_get(node, "responses"), "image/svg+xml");
	op->personal = shows_personal(l, json_object_get(node, "responses"));
	if (read_section(l, node, &op->section) == -1)
		return -1;
	if (read_parameters(l, op, json_object_get(item, "parameters"),
		json_object_get(node, "parameters")) == -1)
		return -1;
	return read_body(l, op, json_object_get(node, "requestBody"));
}

static int
read_path(struct loader *l, const char *path, const json_t *item)
{
	struct operation *op;
	const char *key;
	json_t *node;
	size_t i, length;

	json_object_foreach ((json_t *)item, key, node) {
		if (strcmp(key, "parameters") == 0 || strcmp(key, "summary") == 0 ||
		    strcmp(key, "description") == 0)
			continue;
		length = loader_enter(l, key);
		for (i = 0; i < NITEMS(methods); i++)
			if (strcmp(methods[i].key, key) == 0)
				break;
		if (i == NITEMS(methods))
			return loader_fail(l, "unknown method");
		op = &l->doc->operations[l->doc->noperations++];
		op->path = path;
		op->method = methods[i].name;
		if (read_operation(l, op, item, node) == -1)
			return -1;
		loader_leave(l, length);
	}
	return 0;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct operation *x = a, *y = b;

	return strcmp(x->id, y->id);
}

int
operations_read(struct loader *l)
{
	const json_t *paths = json_object_get(l->doc->root, "paths");
	struct document *doc = l->doc;
	size_t n = 1, outer, length;
	const char *path;
	json_t *item;
	int i;

	if (!json_is_object(paths))
		return loader_fail(l, "no paths");
	json_object_foreach ((json_t *)paths, path, item)
		n += json_object_size(item);
	doc->operations = arena_alloc(&doc->arena, n * sizeof(*doc->operations));
	memset(doc->operations, 0, n * sizeof(*doc->operations));

	outer = loader_enter(l, "paths");
	json_object_foreach ((json_t *)paths, path, item) {
		length = loader_enter(l, path);
		if (read_path(l, path, item) == -1)
			return -1;
		loader_leave(l, length);
	}
	loader_leave(l, outer);

	qsort(doc->operations, (size_t)doc->noperations, sizeof(*doc->operations), compare_ids);
	for (i = 1; i < doc->noperations; i++)
		if (compare_ids(&doc->operations[i - 1], &doc->operations[i]) == 0)
			return loader_fail(l, "duplicate operationId %s", doc->operations[i].id);
	return 0;
}
