/*
 * csv - reads comma-separated values as spreadsheets write them, and writes cells that no
 * spreadsheet runs as a formula.
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
#include <stdio.h>

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

/* csv_begin_row - the same for one row of csv_stream; separator and line are the stream's. */
void csv_begin_row(struct csv *csv, const char *text, size_t length, char separator, int line);

/* csv_next - reads the next row that has a cell with text. Returns false at the end. */
bool csv_next(struct csv *csv, struct arena *arena, struct csv_row *ret_row);

/*
 * A cell that begins like a formula (= + - @, tab, CR) is written with an apostrophe before it, so
 * that no spreadsheet runs it; so is one that has apostrophes before such a beginning already.
 *
 * csv_is_formula - whether a cell needs that apostrophe.
 * csv_put_cell   - writes a cell (NULL: an empty one), defused, in quotes where it needs them, and
 *                  the text `after` behind it.
 * csv_taken_back - returns the cell without the apostrophe that csv_put_cell added: points into cell.
 */
bool csv_is_formula(const char *cell);
void csv_put_cell(FILE *f, const char *cell, const char *after);
const char *csv_taken_back(const char *cell);

/*
 * csv_stream - splits bytes that arrive in pieces into rows, with a bounded buffer.
 *
 *     csv_stream_begin(&s, CSV_STREAM_QUOTED, 65536);
 *     do {
 *             n = read(fd, csv_stream_room(&s, &size), size);
 *             csv_stream_fill(&s, n);      0: the end
 *             while ((found = csv_stream_next(&s, &piece)) == CSV_FOUND_ROW)
 *                     ...
 *     } while (found == CSV_FOUND_NOTHING && n > 0);
 *     csv_stream_end(&s);
 */
enum csv_stream_kind {
	CSV_STREAM_QUOTED, /* rows of CSV: a quoted cell may contain line breaks */
	CSV_STREAM_LINES /* lines, such as NDJSON's */
};

enum csv_found {
	CSV_FOUND_ROW,
	CSV_FOUND_NOTHING, /* more bytes are needed; at the end: nothing is left */
	CSV_FOUND_TOO_LONG, /* the row is longer than max_bytes */
	CSV_FOUND_OPEN_QUOTE /* the end came inside quotes */
};

struct csv_piece {
	const char *text; /* length bytes, without the line break; valid until csv_stream_room */
	size_t length;
	int line; /* on which it begins, from 1 */
};

struct csv_stream {
	char *buffer; /* owned */
	size_t size, max_bytes;
	size_t begin, scan,
	    end; /* of the current row; up to where it was looked at; of what was read */
	enum csv_stream_kind kind;
	char separator; /* of a CSV; 0 until its first row was found */
	bool quoted; /* at `scan`: inside quotes */
	enum {
		CSV_CELL_BEGINS,
		CSV_CELL_PLAIN,
		CSV_CELL_QUOTED
	} cell; /* which kind the cell at `scan` is */
	bool ended;
	int line, lines; /* the number of the current row's line; its line breaks up to `scan` */
};

void csv_stream_begin(struct csv_stream *s, enum csv_stream_kind kind, size_t max_bytes);

/* csv_stream_room - returns where the next bytes go; ret_size: how many, at least 1. */
char *csv_stream_room(struct csv_stream *s, size_t *ret_size);

/* csv_stream_fill - n bytes were written there; 0: the end of the input. */
void csv_stream_fill(struct csv_stream *s, size_t n);

/* csv_stream_next - finds the next row. A byte order mark before the first is dropped. */
enum csv_found csv_stream_next(struct csv_stream *s, struct csv_piece *ret_piece);

void csv_stream_end(struct csv_stream *s);

#endif
