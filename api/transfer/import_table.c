#include "transfer/import_table.h"

#include <string.h>
#include <strings.h>

#include "spec/openapi.h"

static void
add(struct import_table *t, struct arena *arena, const char *group, const char *member,
    const struct schema *s, bool required)
{
	struct import_column *c;

	/* Cannot happen: openapi.yaml has fewer. */
	if (t->ncolumns == IMPORT_COLUMNS_MAX)
		return;
	c = &t->columns[t->ncolumns++];
	c->name = group != NULL ? arena_printf(arena, "%s.%s", group, member) : member;
	c->group = group;
	c->member = member;
	c->required = required;
	describe(s, &c->d);
}

bool
import_table_of(const char *kind, struct arena *arena, struct import_table *ret_table)
{
	const struct operation *create = openapi_operation("import_create");
	struct import_table *t = ret_table;
	const struct schema *member, *inner;
	const char *name, *inside;
	struct description d;

	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->clients = strcmp(kind, "clients") == 0;
	t->op = t->clients ? openapi_operation("client_create") : create;
	for (int i = 0; i < LINE_SCHEMAS_MAX && create->lines[i].name != NULL; i++) {
		if (strcmp(create->lines[i].name, kind) == 0)
			t->line = create->lines[i].schema;
	}
	if (t->line == NULL || t->op == NULL)
		return false;
	for (size_t i = 0; (member = describe_member(t->line, i, &name)) != NULL; i++) {
		describe(member, &d);
		if (d.input != INPUT_GROUP)
			add(t, arena, NULL, name, member, describe_requires(t->line, name));
		for (size_t k = 0; d.input == INPUT_GROUP &&
				   (inner = describe_member(member, k, &inside)) != NULL;
		     k++)
			add(t, arena, name, inside, inner, false);
	}
	return true;
}

int
import_column_named(const struct import_table *table, const char *name)
{
	for (int i = 0; i < table->ncolumns; i++) {
		if (strcasecmp(table->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

const char *
import_columns_text(const struct import_table *table, struct arena *arena)
{
	const char *all = table->columns[0].name;

	for (int i = 1; i < table->ncolumns; i++)
		all = arena_printf(arena, "%s, %s", all, table->columns[i].name);
	return all;
}
