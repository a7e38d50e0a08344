/*
 * export_kind - what can be exported: which statement reads it, who may read it, its filters, and the columns of its CSV.
 */
#ifndef TRANSFER_EXPORT_KIND_H
#define TRANSFER_EXPORT_KIND_H

#include <stdbool.h>

#include "db/statement.h"
#include "http/entity_tag.h"

/*
 * A column of a CSV. Its name is the member's of the JSON, nested ones with a dot; a choice is its code. Names of columns that an
 * import takes are the import's.
 */
struct export_column {
	const char *name;
	/* Where the value is in the record's JSON: members, joined by dots. NULL: it is no member (export_row.h, `beside`) */
	const char *path;
	/* The path is an object or an array of objects: where the value is in each; "a|b": the first of both that is there; "a=b": the value of a, an equals sign and that of b. NULL: the path leads to the value */
	const char *item;
};
#define EXPORT_COLUMNS_MAX 64

/* The argument of export_opportunities, from 0, that asks for the client's document: "true" or "false". */
#define EXPORT_DOCUMENT_ARG 9

struct export_kind {
	const char *name; /* of the path: "clients" */
	const struct statement *st; /* column 0: the record; arguments 1 and 2: from, to */
	enum entity entity; /* of the records, for the tags that their JSON has */
	unsigned needs; /* permissions (auth/permission.h) besides MAY_EXPORT */
	const char *from, *to; /* the names of the filters that are a span of time */
	const char *const *filters; /* the other ones; NULL ends them */
	const struct export_column *columns; /* a NULL name ends them */
};

/* export_kind_named - returns the kind; NULL: there is none of this name. */
const struct export_kind *export_kind_named(const char *name);

/* export_kind_at - returns the i-th kind, from 0; NULL past the last. */
const struct export_kind *export_kind_at(int i);

/* export_kind_filter - returns whether the kind has a filter of this name. */
bool export_kind_filter(const struct export_kind *kind, const char *name);

/* export_kind_column - returns whether the CSV of a kind has this column, in any case: an import ignores those that follow from others. */
bool export_kind_column(const char *kind, const char *name);

#endif
