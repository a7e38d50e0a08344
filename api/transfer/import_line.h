/*
 * import_line - a row of a file, checked as the API checks a body: what is staged of it.
 */
#ifndef TRANSFER_IMPORT_LINE_H
#define TRANSFER_IMPORT_LINE_H

#include <stdbool.h>

#include "base/csv.h"
#include "base/messages.h"
#include "transfer/import_table.h"

struct catalogs;
struct faults;

struct import_reader {
	const struct import_table *table;
	enum language language; /* of the rows' faults */
	struct catalogs *catalogs;
	/* Of a CSV, after import_head: */
	int ncells; /* in each line */
	int at[CSV_CELLS_MAX]; /* by cell: its column; -1: it is ignored */
	bool given[IMPORT_COLUMNS_MAX]; /* by column: the file has it */
};

/* What is staged of a row; texts in the arena, NULL for SQL NULL. */
struct import_staged {
	const char *body; /* its values by column, as JSON; NULL: it has faults */
	const char *document; /* "dni 12345678" */
	const char *key; /* clients: external_id; opportunities: the id */
	const char *faults; /* as a JSON array of {field, code, detail, allowed} */
};

/* import_head - reads the first row of a CSV. Returns false with faults added to fs. */
bool import_head(struct import_reader *r, const struct csv_row *row, struct faults *fs);

/* import_cells, import_json - a row of a CSV; a line of length bytes of NDJSON. */
void import_cells(const struct import_reader *r, const struct csv_row *row, struct arena *arena,
    struct import_staged *ret_staged);
void import_json(const struct import_reader *r, const char *text, size_t length,
    struct arena *arena, struct import_staged *ret_staged);

#endif
