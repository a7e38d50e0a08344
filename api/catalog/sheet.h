/*
 * sheet - reads a catalogue that an administrator edited, as CSV or as the tree that GET shows, for
 * a plan (catalog_plan_make of db/migrations/0026_catalog_life.sql).
 */
#ifndef CATALOG_SHEET_H
#define CATALOG_SHEET_H

#include <jansson.h>

#include "base/arena.h"
#include "base/messages.h"

struct catalogs;

/* The columns of a CSV, in the order in which GET writes them. */
#define SHEET_COLUMNS                                                                              \
	"code", "label", "parent", "position", "valid_from", "valid_until", "operator_code"

/* Lines of a file at most. */
#define SHEET_LINES_MAX 20000

struct sheet {
	json_t *lines; /* what the lines say: the members of the SQL type catalog_line */
	json_t *faults; /* [{line, column, code, detail}]: what could not be read */
};

/*
 * sheet_read_csv - reads a CSV. Its first line names the columns, in any order and any of them; a
 * column that is missing leaves its values as they are. Every faulty line gets its faults.
 *
 * text      length bytes without NUL
 * language  of the faults' details
 * returns   owned by the caller (sheet_free)
 */
struct sheet sheet_read_csv(
    const char *text, size_t length, enum language language, struct arena *arena);

/*
 * sheet_read_tree - reads the tree of catalog_get; derived members are ignored. A line's number is
 * that of the item in the order of the document, from 1.
 *
 * tree  already validated as the body of catalog_plan_create
 */
struct sheet sheet_read_tree(const json_t *tree);

/* sheet_compare - notes for each label that is new below its parent the siblings that may resemble it. */
void sheet_compare(
    struct sheet *sheet, const struct catalogs *cs, const char *catalog, struct arena *arena);

/* sheet_words - the texts of the faults that the database finds, {code: text}; the caller's. */
json_t *sheet_words(enum language language);

void sheet_free(struct sheet *sheet);

#endif
