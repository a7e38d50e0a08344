/*
 * export_row - one record as a line of CSV.
 *
 * A cell that a spreadsheet would take for a formula gets an apostrophe in front, which imports take away again (base/csv.h).
 * source  RFC 4180
 */
#ifndef TRANSFER_EXPORT_ROW_H
#define TRANSFER_EXPORT_ROW_H

#include "base/json_text.h"
#include "transfer/export_kind.h"

/* export_head_put - writes the names of the columns. out has room for EXPORT_HEAD_ROOM bytes. Returns the end. */
#define EXPORT_HEAD_ROOM 4096
char *export_head_put(char *out, const struct export_column *columns);

/*
 * export_row_put - writes a record's cells.
 *
 * out      has room for export_row_room() bytes
 * json     the record, a well-formed JSON object
 * beside   the cells of the columns without a path, in their order
 * returns  the end
 */
char *export_row_put(
    char *out, const struct export_column *columns, struct span json, const struct span beside[]);

/* export_row_room - returns how many bytes a row of this record can have at most. */
size_t export_row_room(struct span json, const struct span beside[], int nbeside);

#endif
