/*
 * Shared by test_schema.c and test_validate.c: a schema, a value and the faults of one
 * check. JSON is written with ' for ", to be readable in C.
 */
#ifndef TESTS_UNIT_SCHEMA_CHECK_H
#define TESTS_UNIT_SCHEMA_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/arena.h"
#include "spec/schema_compile.h"
#include "spec/validate.h"

/* Everything that one check allocates, to be freed in one place. */
struct check {
	json_t *root;
	json_t *value;
	struct schema *schema;
	struct arena arena;
	struct faults faults;
	char error[512];
};

static inline bool
known_catalog(const char *name)
{
	return strcmp(name, "stage") == 0;
}

static inline bool
known_rule(const char *name)
{
	return strcmp(name, "closing") == 0;
}

static const struct schema_names names = { known_catalog, known_rule };

static inline json_t *
json_of(const char *text)
{
	char *copy = strdup(text), *p;
	json_error_t error;
	json_t *value;

	assert_non_null(copy);
	for (p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	value = json_loads(copy, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	if (value == NULL)
		fail_msg("%s: %s", text, error.text);
	free(copy);
	return value;
}

static inline void
check_compile(struct check *c, const char *schema, const char *components)
{
	json_t *root = json_object();

	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	faults_init(&c->faults, &c->arena, LANGUAGE_EN, NULL);
	assert_int_equal(json_object_set_new(root, "schema", json_of(schema)), 0);
	if (components != NULL)
		json_object_set_new(
		    root, "components", json_pack("{s:o}", "schemas", json_of(components)));
	c->root = root;
	c->schema = schema_compile(
	    root, json_object_get(root, "schema"), &names, c->error, sizeof(c->error));
}

static inline void
check_end(struct check *c)
{
	schema_free(c->schema);
	arena_free(&c->arena);
	json_decref(c->value);
	json_decref(c->root);
}

#endif
