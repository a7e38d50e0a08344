#include "base/csv.h"

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
