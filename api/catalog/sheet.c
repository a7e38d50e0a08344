#include "catalog/sheet.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "field/field.h"

/* Characters of a label, as openapi.yaml has it. */
#define LABEL_MAX	  400
#define SHOWN_MAX	  60
#define POSITION_MAX	  1000000
#define OPERATOR_CODE_MAX 20

enum column { CODE, LABEL_TEXT, PARENT, POSITION, VALID_FROM, VALID_UNTIL, OPERATOR_CODE, COLUMNS };
static const char *const names[COLUMNS] = { SHEET_COLUMNS };
/* What a line gives though it may be blank: bits of the member `has`. */
static const int given[COLUMNS] = { [VALID_FROM] = 1, [VALID_UNTIL] = 2, [OPERATOR_CODE] = 4 };

struct reading {
	struct sheet *sheet;
	struct arena *arena;
	enum language language;
	int at[CSV_CELLS_MAX]; /* by cell: its column; -1: none */
	int has;
};

/* ------------------------------------------------------------------------- CSV */

#define fault(r, line, column, ...) note(r, line, column, MESSAGE(__VA_ARGS__))

static void
note(struct reading *r, int line, const char *column, enum text text, const char *const args[])
{
	json_array_append_new(r->sheet->faults,
	    json_pack("{s:i, s:s?, s:s, s:s}", "line", line, "column", column, "code",
		message_code(text), "detail", message_write(r->arena, r->language, text, args)));
}

/* The column's label in the language of the faults. */
static const char *
label_of(const struct reading *r, const char *column)
{
	const struct label *l = message_label(column);

	return l != NULL ? l->words[r->language] : column;
}

static const char *
all_names(struct arena *arena)
{
	const char *all = names[0];

	for (int i = 1; i < COLUMNS; i++)
		all = arena_printf(arena, "%s, %s", all, names[i]);
	return all;
}

static int
column_named(const char *name)
{
	for (int i = 0; i < COLUMNS; i++) {
		if (strcasecmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* The beginning of a cell, for a fault. */
static const char *
shown(struct arena *arena, const char *cell)
{
	size_t n = strnlen(cell, SHOWN_MAX + 1);

	if (n > SHOWN_MAX)
		for (n = SHOWN_MAX; n > 0 && ((unsigned char)cell[n] & 0xc0) == 0x80;)
			n--;
	return text_is_utf8(cell, n) ? arena_copy(arena, cell, n) : "?";
}

/* Reads the first line. Returns whether the lines below it can be read. */
static bool
read_head(struct reading *r, const struct csv_row *row)
{
	bool seen[COLUMNS] = { false }, ok = true;

	if (row->open_quote || row->too_many) {
		fault(r, row->line, NULL, row->open_quote ? TEXT_quote_open : TEXT_cells_extra);
		return false;
	}
	for (int i = 0; i < row->count; i++) {
		const char *name =
		    field_trim(arena_copy(r->arena, row->cells[i], strlen(row->cells[i])));
		int column = column_named(name);

		r->at[i] = column;
		if (*name == '\0')
			continue;
		if (column < 0 || seen[column]) {
			if (column < 0)
				fault(r, row->line, NULL, TEXT_column_unknown,
				    shown(r->arena, name), all_names(r->arena));
			else
				fault(r, row->line, names[column], TEXT_column_repeated,
				    names[column]);
			ok = false;
			continue;
		}
		seen[column] = true;
		r->has |= given[column];
	}
	if (ok && !seen[CODE] && !seen[LABEL_TEXT]) {
		fault(r, row->line, NULL, TEXT_column_missing);
		ok = false;
	}
	return ok;
}

static json_t *
position_of(struct reading *r, int line, const char *cell)
{
	char *end;
	long position = strtol(cell, &end, 10);

	if (*end != '\0' || strspn(cell, "0123456789") == 0) {
		fault(r, line, names[POSITION], TEXT_type_of_text, label_of(r, names[POSITION]),
		    message_words(TEXT_an_integer, r->language));
		return NULL;
	}
	if (position > POSITION_MAX || end - cell > 9) {
		fault(r, line, names[POSITION], TEXT_too_big, label_of(r, names[POSITION]),
		    "1000000");
		return NULL;
	}
	return json_integer(position);
}

/* As openapi.yaml has it. */
static bool
is_operator_code(const char *s)
{
	const char *p = s;

	while (isalnum((unsigned char)*p))
		p++;
	return *p == '\0' && p - s <= OPERATOR_CODE_MAX;
}

/* The cell's value in normal form; NULL with a fault noted. */
static json_t *
value_of(struct reading *r, int line, enum column column, const char *cell)
{
	static const char *const fields[COLUMNS] = { "code", "label", "code", "code", "moment",
		"moment", "code" };
	const struct field *f = field_named(fields[column]);
	const char *normal = field_normal(f, r->arena, csv_taken_back(cell));
	enum text wrong = field_fault(f, normal);

	if (wrong == TEXT_NONE && !text_is_utf8(normal, strlen(normal)))
		wrong = TEXT_field_utf8;
	else if (wrong == TEXT_NONE && column == OPERATOR_CODE && !is_operator_code(normal))
		wrong = TEXT_operator_code_form;
	if (wrong != TEXT_NONE) {
		fault(r, line, names[column], wrong, label_of(r, names[column]));
		return NULL;
	}
	if (text_length(normal) > LABEL_MAX) {
		const char *most = message_count(
		    r->arena, r->language, LABEL_MAX, TEXT_character, TEXT_characters);

		fault(r, line, names[column], TEXT_too_long, label_of(r, names[column]), most);
		return NULL;
	}
	return column == POSITION ? position_of(r, line, normal) : json_string(normal);
}

static bool
is_blank(const char *cell)
{
	return cell[strspn(cell, " \t")] == '\0';
}

static void
read_line(struct reading *r, const struct csv_row *row)
{
	json_t *line = json_pack("{s:i, s:i}", "line", row->line, "has", r->has);
	bool faulty = row->open_quote || row->too_many;

	if (faulty)
		fault(r, row->line, NULL, row->open_quote ? TEXT_quote_open : TEXT_cells_extra);
	for (int i = 0; i < row->count && !row->open_quote; i++) {
		int column = r->at[i];
		json_t *value;

		if (is_blank(row->cells[i])) {
			if (column == LABEL_TEXT) {
				fault(r, row->line, names[column], TEXT_required,
				    message_label("label")->inside[r->language]);
				faulty = true;
			}
			continue;
		}
		if (column < 0) {
			fault(r, row->line, NULL, TEXT_cells_extra);
			faulty = true;
			continue;
		}
		value = value_of(r, row->line, (enum column)column, row->cells[i]);
		faulty |= value == NULL;
		json_object_set_new(line, names[column], value != NULL ? value : json_null());
	}
	if (faulty)
		json_object_set_new(line, "faulty", json_true());
	json_array_append_new(r->sheet->lines, line);
}

struct sheet
sheet_read_csv(const char *text, size_t length, enum language language, struct arena *arena)
{
	struct sheet sheet = { json_array(), json_array() };
	struct reading r = { .sheet = &sheet, .arena = arena, .language = language };
	struct csv_row row;
	struct csv csv;

	for (int i = 0; i < CSV_CELLS_MAX; i++)
		r.at[i] = -1;
	csv_begin(&csv, text, length);
	if (!csv_next(&csv, arena, &row)) {
		fault(&r, 1, NULL, TEXT_column_missing);
		return sheet;
	}
	if (!read_head(&r, &row))
		return sheet;
	while (csv_next(&csv, arena, &row)) {
		if (json_array_size(sheet.lines) == SHEET_LINES_MAX) {
			fault(&r, row.line, NULL, TEXT_lines_max,
			    arena_printf(arena, "%d", SHEET_LINES_MAX));
			break;
		}
		read_line(&r, &row);
	}
	return sheet;
}

json_t *
sheet_words(enum language language)
{
	static const enum text found[] = { TEXT_row_repeated, TEXT_parent_unknown, TEXT_code_needed,
		TEXT_code_form, TEXT_code_none, TEXT_code_misfit, TEXT_label_missing, TEXT_too_deep,
		TEXT_place_stays, TEXT_validity_reversed, TEXT_sheet_label_taken };
	json_t *words = json_object();

	for (size_t i = 0; i < NITEMS(found); i++)
		json_object_set_new(
		    words, message_code(found[i]), json_string(message_words(found[i], language)));
	return words;
}

void
sheet_free(struct sheet *sheet)
{
	json_decref(sheet->lines);
	json_decref(sheet->faults);
}
