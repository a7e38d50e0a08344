#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* The separator that comes first outside quotes in the first line. */
static char
separator_of(const char *at, const char *end)
{
	bool quoted = false;

	for (; at < end && (quoted || (*at != '\n' && *at != '\r')); at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (!quoted && (*at == ',' || *at == ';'))
			return *at;
	}
	return ',';
}

void
csv_begin(struct csv *csv, const char *text, size_t length)
{
	size_t mark = sizeof(byte_order_mark) - 1;

	csv->at = text;
	csv->end = text + length;
	if (length >= mark && memcmp(text, byte_order_mark, mark) == 0)
		csv->at += mark;
	csv->separator = separator_of(csv->at, csv->end);
	csv->next_line = 1;
}

void
csv_begin_row(struct csv *csv, const char *text, size_t length, char separator, int line)
{
	*csv = (struct csv){ text, text + length, separator, line };
}

static bool
ends_line(const struct csv *csv)
{
	return csv->at == csv->end || *csv->at == '\n' || *csv->at == '\r';
}

/* Skips a line break inside or behind a row. */
static void
skip_break(struct csv *csv)
{
	if (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n')
		csv->at++;
	csv->at++;
	csv->next_line++;
}

static const char *
quoted_cell(struct csv *csv, struct arena *arena, bool *ret_open)
{
	const char *close = csv->at + 1;
	char *cell, *to;

	while (close < csv->end && (*close != '"' || (close + 1 < csv->end && close[1] == '"')))
		close += *close == '"' ? 2 : 1;
	cell = to = arena_alloc(arena, (size_t)(close - csv->at) + 1);
	for (csv->at++; csv->at < close; csv->at++) {
		/* Two quotes stand for one. */
		csv->at += *csv->at == '"';
		csv->next_line += *csv->at == '\n' || (*csv->at == '\r' && csv->at[1] != '\n');
		*to++ = *csv->at;
	}
	*to = '\0';
	*ret_open |= csv->at == csv->end;
	csv->at += csv->at < csv->end;
	return cell;
}

static const char *
read_cell(struct csv *csv, struct arena *arena, bool *ret_open)
{
	const char *from = csv->at, *quoted;

	if (csv->at == csv->end || *csv->at != '"') {
		while (!ends_line(csv) && *csv->at != csv->separator)
			csv->at++;
		return arena_copy(arena, from, (size_t)(csv->at - from));
	}
	quoted = quoted_cell(csv, arena, ret_open);
	/* Blanks may follow the closing quote; anything else means that the quotes are wrong. */
	for (; !ends_line(csv) && *csv->at != csv->separator; csv->at++)
		*ret_open |= *csv->at != ' ' && *csv->at != '\t';
	return quoted;
}

static void
read_row(struct csv *csv, struct arena *arena, struct csv_row *row)
{
	memset(row, 0, sizeof(*row));
	row->line = csv->next_line;
	for (;;) {
		const char *cell = read_cell(csv, arena, &row->open_quote);

		if (row->count < CSV_CELLS_MAX)
			row->cells[row->count++] = cell;
		else
			row->too_many |= *cell != '\0';
		if (ends_line(csv))
			break;
		csv->at++;
	}
	if (csv->at < csv->end)
		skip_break(csv);
}

bool
csv_next(struct csv *csv, struct arena *arena, struct csv_row *ret_row)
{
	while (csv->at < csv->end) {
		read_row(csv, arena, ret_row);
		for (int i = 0; i < ret_row->count; i++) {
			if (ret_row->cells[i][strspn(ret_row->cells[i], " \t")] != '\0')
				return true;
		}
		if (ret_row->open_quote || ret_row->too_many)
			return true;
	}
	return false;
}

/* --------------------------------------------------------------------- formulas */

bool
csv_is_formula(const char *cell)
{
	const char *p = cell + strspn(cell, "'");

	return *p != '\0' && strchr("=+-@\t\r", *p) != NULL;
}

void
csv_put_cell(FILE *f, const char *cell, const char *after)
{
	bool quoted;

	cell = cell != NULL ? cell : "";
	quoted = cell[strcspn(cell, ",;\"\r\n")] != '\0';
	if (quoted)
		putc_unlocked('"', f);
	if (csv_is_formula(cell))
		putc_unlocked('\'', f);
	for (; *cell != '\0'; cell++) {
		if (*cell == '"')
			putc_unlocked('"', f);
		putc_unlocked(*cell, f);
	}
	if (quoted)
		putc_unlocked('"', f);
	fputs(after, f);
}

const char *
csv_taken_back(const char *cell)
{
	return *cell == '\'' && csv_is_formula(cell) ? cell + 1 : cell;
}

/* ---------------------------------------------------------------------- streams */

/* Bytes that are asked for at once. */
#define PIECE_BYTES 65536

void
csv_stream_begin(struct csv_stream *s, enum csv_stream_kind kind, size_t max_bytes)
{
	*s = (struct csv_stream){ .kind = kind, .max_bytes = max_bytes, .line = 1 };
	s->size = max_bytes + PIECE_BYTES;
	s->buffer = malloc(s->size);
	if (s->buffer == NULL)
		abort();
}

char *
csv_stream_room(struct csv_stream *s, size_t *ret_size)
{
	memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
	s->scan -= s->begin;
	s->end -= s->begin;
	s->begin = 0;
	/* A row of max_bytes and its break have been found before the buffer is full. */
	*ret_size = s->size - s->end;
	return s->buffer + s->end;
}

void
csv_stream_fill(struct csv_stream *s, size_t n)
{
	s->end += n;
	s->ended |= n == 0;
}

/* Looks at the next byte, which ends no row. */
static void
pass(struct csv_stream *s, char c)
{
	bool doubled = s->scan > s->begin && s->buffer[s->scan - 1] == '"';

	if (s->kind == CSV_STREAM_LINES)
		return;
	if (s->quoted) {
		s->quoted = c != '"';
	} else if (c == '"') {
		/*
		 * A cell's first character opens quotes, and so does the second of two quotes within them. In the first
		 * row, whose separator is not known yet, each quote does.
		 */
		s->quoted = s->separator == '\0' || s->cell == CSV_CELL_BEGINS ||
			    (s->cell == CSV_CELL_QUOTED && doubled);
		if (s->cell == CSV_CELL_BEGINS)
			s->cell = CSV_CELL_QUOTED;
	} else if (c == s->separator) {
		s->cell = CSV_CELL_BEGINS;
	} else if (s->cell == CSV_CELL_BEGINS) {
		s->cell = CSV_CELL_PLAIN;
	}
}

/* Moves `scan` to the break that ends the row, or to the end of what was read. Returns whether it is a break. */
static bool
scan_row(struct csv_stream *s)
{
	for (; s->scan < s->end; s->scan++) {
		char c = s->buffer[s->scan];

		if (c == '\n' || c == '\r') {
			/* LF may follow. */
			if (c == '\r' && s->scan + 1 == s->end && !s->ended)
				return false;
			if (!s->quoted)
				return true;
			s->lines +=
			    c == '\n' || s->scan + 1 == s->end || s->buffer[s->scan + 1] != '\n';
		}
		pass(s, c);
	}
	return false;
}

enum csv_found
csv_stream_next(struct csv_stream *s, struct csv_piece *ret_piece)
{
	size_t mark = sizeof(byte_order_mark) - 1, length;
	bool ends = scan_row(s);

	if (s->scan - s->begin > s->max_bytes)
		return CSV_FOUND_TOO_LONG;
	if (!ends && !s->ended)
		return CSV_FOUND_NOTHING;
	if (!ends && s->quoted)
		return CSV_FOUND_OPEN_QUOTE;
	if (!ends && s->begin == s->end)
		return CSV_FOUND_NOTHING;
	length = s->scan - s->begin;
	if (s->separator == '\0') {
		if (length >= mark && memcmp(s->buffer + s->begin, byte_order_mark, mark) == 0) {
			s->begin += mark;
			length -= mark;
		}
		s->separator = separator_of(s->buffer + s->begin, s->buffer + s->scan);
	}
	*ret_piece = (struct csv_piece){ s->buffer + s->begin, length, s->line };
	if (ends && s->buffer[s->scan] == '\r' && s->scan + 1 < s->end &&
	    s->buffer[s->scan + 1] == '\n')
		s->scan++;
	s->scan += ends;
	s->begin = s->scan;
	s->line += s->lines + 1;
	s->lines = 0;
	s->cell = CSV_CELL_BEGINS;
	return CSV_FOUND_ROW;
}

void
csv_stream_end(struct csv_stream *s)
{
	free(s->buffer);
	s->buffer = NULL;
}
