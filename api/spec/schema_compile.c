#include "spec/schema_compile.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/compiler.h"
#include "spec/keyword.h"
#include "spec/schema.h"

#define REF_PREFIX "#/components/schemas/"

/* Checks that need several keywords: contradictions and implied values. */
static int
check_together(const struct compiler *c, struct schema *s)
{
	const char *const *name;
	size_t i;

	if (s->min_length > s->max_length || s->min_items > s->max_items)
		return compiler_fail(c, "a minimum above its maximum");
	if (s->catalog != NULL && s->field == NULL)
		s->field = field_named("code");
	if (s->field != NULL && (s->types & TYPE_STRING) == 0)
		return compiler_fail(c, "\"x-field\" without the type string");
	if (s->words != TEXT_NONE && s->pattern == NULL && s->one_of == NULL)
		return compiler_fail(c, "\"x-words\" without \"pattern\" or \"oneOf\"");
	if (s->unique_items && s->max_items > UNIQUE_ITEMS_MAX)
		return compiler_fail(
		    c, "\"uniqueItems\" needs \"maxItems\" of at most %d", UNIQUE_ITEMS_MAX);
	for (name = s->required; s->closed && name != NULL && *name != NULL; name++) {
		for (i = 0; i < s->nproperties; i++)
			if (strcmp(s->properties[i].name, *name) == 0)
				break;
		if (i == s->nproperties)
			return compiler_fail(c, "required \"%s\" is not in \"properties\"", *name);
	}
	return 0;
}

static int compile_node(struct compiler *c, const char *step, const char *name, const json_t *node,
    struct schema **ret_schema);

static int
compile_properties(struct compiler *c, struct schema *s, const json_t *value)
{
	const char *name;
	json_t *node;

	if (!json_is_object(value))
		return compiler_fail(c, "\"properties\" must be an object");
	s->properties = compiler_alloc(c, json_object_size(value) + 1, sizeof(*s->properties));
	json_object_foreach ((json_t *)value, name, node) {
		struct property *p = &s->properties[s->nproperties++];

		p->name = name;
		if (compile_node(c, "properties", name, node, &p->schema) == -1)
			return -1;
	}
	return 0;
}

/* One keyword of a node: those that hold schemas here, all others by themselves. */
static int
compile_keyword(struct compiler *c, struct schema *s, const char *name, const json_t *value)
{
	if (strcmp(name, "properties") == 0)
		return compile_properties(c, s, value);
	if (strcmp(name, "items") == 0)
		return compile_node(c, "items", NULL, value, &s->items);
	return keyword_read(c, s, name, value);
}

static int
compile_plain(struct compiler *c, const json_t *node, struct schema **ret_schema)
{
	struct schema *s = compiler_alloc(c, 1, sizeof(*s));
	const char *name;
	json_t *value;

	if (c->references != NULL && c->references->node == node)
		c->references->made = s;
	s->max_length = s->max_items = SIZE_MAX;
	json_object_foreach ((json_t *)node, name, value)
		if (compile_keyword(c, s, name, value) == -1)
			return -1;
	if (check_together(c, s) == -1)
		return -1;
	*ret_schema = s;
	return 0;
}

bool
schema_personal(const struct schema *s)
{
	return s->personal;
}

const json_t *
schema_component(const json_t *root, const json_t *node)
{
	const char *ref = json_string_value(json_object_get(node, "$ref"));
	const json_t *components = json_object_get(root, "components");

	if (ref == NULL || strncmp(ref, REF_PREFIX, strlen(REF_PREFIX)) != 0)
		return NULL;
	return json_object_get(json_object_get(components, "schemas"), ref + strlen(REF_PREFIX));
}

/* Compiles the target again for every $ref to it: simple, and the memory is little. */
static int
compile_ref(struct compiler *c, const json_t *node, const char *ref, struct schema **ret_schema)
{
	struct reference here = { schema_component(c->root, node), NULL, c->references };
	const struct reference *r;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)node, name, value)
		if (strcmp(name, "$ref") != 0 && strcmp(name, "description") != 0 &&
		    strcmp(name, "default") != 0 && strcmp(name, "examples") != 0)
			return compiler_fail(c, "\"%s\" beside \"$ref\"", name);

	if (here.node == NULL)
		return compiler_fail(c, "$ref %s not found", ref);
	/* A recursive schema (a tree's items): link to it. The value's depth bounds validate(). */
	for (r = c->references; r != NULL; r = r->up) {
		if (r->node == here.node) {
			*ret_schema = r->made;
			return r->made != NULL ? 0
					       : compiler_fail(c, "$ref %s refers to itself", ref);
		}
	}

	/* cppcheck-suppress autoVariables ; reset below */
	c->references = &here;
	if (compile_node(c, ref + strlen(REF_PREFIX), NULL, here.node, ret_schema) == -1)
		return -1;
	c->references = here.up;
	return 0;
}

/* The schema at node, which stands at step or step.name below the present place (both may be NULL). */
static int
compile_node(struct compiler *c, const char *step, const char *name, const json_t *node,
    struct schema **ret_schema)
{
	size_t length = strlen(c->place);
	const json_t *ref = json_object_get(node, "$ref");
	int result;

	if (step != NULL)
		snprintf(c->place + length, sizeof(c->place) - length, "%s%s%s%s",
		    length > 0 ? "." : "", step, name != NULL ? "." : "", name != NULL ? name : "");
	if (!json_is_object(node))
		return compiler_fail(c, "a schema must be an object");
	if (c->depth == SCHEMA_DEPTH_MAX)
		return compiler_fail(c, "nested more than %d levels deep", SCHEMA_DEPTH_MAX);
	if (ref != NULL && !json_is_string(ref))
		return compiler_fail(c, "\"$ref\" must be a string");

	c->depth++;
	result = ref != NULL ? compile_ref(c, node, json_string_value(ref), ret_schema)
			     : compile_plain(c, node, ret_schema);
	if (result == -1)
		return -1;
	c->depth--;
	c->place[length] = '\0';
	return 0;
}

static void
free_all(struct arena *arena, struct schema *regexes)
{
	for (; regexes != NULL; regexes = regexes->next_regex)
		regfree(&regexes->regex);
	arena_free(arena);
	free(arena);
}

struct schema *
schema_compile(const json_t *root, const json_t *node, const struct schema_names *names,
    char *ret_err, size_t err_size)
{
	struct arena *arena = malloc(sizeof(*arena));
	struct schema *s;
	struct compiler c = { .root = root,
		.catalog_known = names != NULL ? names->catalog : NULL,
		.rule_known = names != NULL ? names->rule : NULL,
		.arena = arena,
		.err = ret_err,
		.err_size = err_size };

	if (arena == NULL) {
		snprintf(ret_err, err_size, "out of memory");
		return NULL;
	}
	arena_init(arena);
	if (compile_node(&c, NULL, NULL, node, &s) == -1) {
		free_all(arena, c.regexes);
		return NULL;
	}
	s->arena = arena;
	s->all_regexes = c.regexes;
	return s;
}

void
schema_free(struct schema *s)
{
	if (s != NULL)
		free_all(s->arena, s->all_regexes);
}
