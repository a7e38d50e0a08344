/*
 * csv - reads comma-separated values as spreadsheets write them.
 *
 * A byte order mark is skipped. Cells are separated by commas, or by semicolons if the first line
 * has one outside quotes before any comma. Lines end with LF, CRLF or CR. A cell may stand in
 * double quotes and then contain separators, line breaks, and quotes written twice.
 * source  RFC 4180
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define CSV_CELLS_MAX 64

struct csv {
	const char *at, *end; /* the unread rest */
	char separator;
	int next_line; /* number of the line at `at`, from 1 */
};

struct csv_row {
	int line; /* on which the row begins, from 1 */
	const char *cells[CSV_CELLS_MAX]; /* NUL-terminated, in the arena */
	int count;
	bool open_quote; /* the text ended inside quotes, or something follows a closing quote */
	bool too_many; /* there are more than CSV_CELLS_MAX cells; the others are dropped */
};

/* csv_begin - begins to read length bytes, which must not contain NUL and must outlive the reader. */
void csv_begin(struct csv *csv, const char *text, size_t length);

/* csv_next - reads the next row that has a cell with text. Returns false at the end. */
bool csv_next(struct csv *csv, struct arena *arena, struct csv_row *ret_row);

#endif
