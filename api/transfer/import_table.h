/*
 * import_table - the columns of a kind of import: the members of a line of import_create's body, as
 * openapi.yaml describes them; those of a group are named group.member.
 */
#ifndef TRANSFER_IMPORT_TABLE_H
#define TRANSFER_IMPORT_TABLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "spec/describe.h"
#include "spec/operation.h"

#define IMPORT_COLUMNS_MAX 48

/* A column of this name is ignored: that of a report that is sent again. */
#define IMPORT_FAULTS_COLUMN "faults"

struct import_column {
	const char *name; /* "sales.plan", or "phone" */
	const char *group; /* "sales"; NULL: none */
	const char *member; /* "plan", "phone" */
	bool required; /* the line is refused without it */
	struct description d;
};

struct import_table {
	const char *kind; /* clients, opportunities */
	bool clients;
	const struct operation *op; /* whose names the fields have (spec/field_name.h) */
	const struct schema *line;
	struct import_column columns[IMPORT_COLUMNS_MAX];
	int ncolumns;
};

/* import_table_of - fills in the table of a kind. Returns false for an unknown kind. */
bool import_table_of(const char *kind, struct arena *arena, struct import_table *ret_table);

/* import_column_named - finds a column, in any case. Returns its number; -1: there is none. */
int import_column_named(const struct import_table *table, const char *name);

/* import_columns_text - lists the names: "name, document_type, …". */
const char *import_columns_text(const struct import_table *table, struct arena *arena);

#endif
