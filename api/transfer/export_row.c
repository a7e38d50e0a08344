#include "transfer/export_row.h"

#include <stdint.h>
#include <string.h>

#include "base/csv.h"

/* The values of a record's columns, as JSON. */
struct values {
	const struct export_column *columns;
	int ncolumns;
	int next; /* the column that the next member probably is */
	struct span of[EXPORT_COLUMNS_MAX]; /* at NULL: not seen */
};

/* The path of a member: the names of those around it. Real ones are shorter. */
#define PATH_SIZE 128

/* ------------------------------------------------------------- finding the values */

static bool
ends_path(const struct values *v, int i, const char *path)
{
	return v->columns[i].path != NULL && strcmp(v->columns[i].path, path) == 0;
}

/* Keeps the value for the columns of this path. Returns whether there are any. */
static bool
keep(struct values *v, const char *path, struct span value)
{
	bool kept = false;

	/* Columns stand in the order of members, mostly. */
	if (ends_path(v, v->next, path) && v->columns[v->next].item == NULL) {
		v->of[v->next] = value;
		v->next = (v->next + 1) % v->ncolumns;
		return true;
	}
	for (int i = 0; i < v->ncolumns; i++) {
		if (!ends_path(v, i, path))
			continue;
		v->of[i] = value;
		v->next = (i + 1) % v->ncolumns;
		kept = true;
	}
	return kept;
}

/* Finds the values in an object. Its members' paths begin with the first `length` bytes of path. Nesting is bounded by PATH_SIZE. */
static void
find(struct values *v, struct span object, char path[static PATH_SIZE], size_t length)
{
	struct span name, value;

	while (json_text_next(&object, &name, &value)) {
		if (length + name.length + 2 > PATH_SIZE)
			continue;
		memcpy(path + length, name.at, name.length);
		path[length + name.length] = '\0';
		if (keep(v, path, value) || value.at[0] != '{')
			continue;
		path[length + name.length] = '.';
		find(v, value, path, length + name.length + 1);
	}
}

/* The value at a path of an object; at NULL: there is none. */
static struct span
value_at(struct span object, const char *path)
{
	struct span value = { NULL, 0 }, none = { NULL, 0 }, name, inner;

	for (;;) {
		size_t n = strcspn(path, ".");

		value = none;
		while (json_text_next(&object, &name, &inner)) {
			if (name.length == n && memcmp(name.at, path, n) == 0)
				value = inner;
		}
		if (value.at == NULL || path[n] == '\0')
			return value;
		object = value;
		path += n + 1;
	}
}

/* ----------------------------------------------------------------- writing a cell */

static unsigned
hex4(const char *at)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];

		code = code * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return code;
}

static char *
put_utf8(char *out, unsigned code)
{
	if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xC0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3F));
	} else if (code < 0x10000) {
		*out++ = (char)(0xE0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3F));
		*out++ = (char)(0x80 | (code & 0x3F));
	} else {
		*out++ = (char)(0xF0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3F));
		*out++ = (char)(0x80 | (code >> 6 & 0x3F));
		*out++ = (char)(0x80 | (code & 0x3F));
	}
	return out;
}

/* Writes a well-formed JSON string, which has its quotes, without escapes. */
static char *
put_string(char *out, struct span string)
{
	static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *at = string.at + 1, *end = string.at + string.length - 1, *backslash;
	unsigned code;

	while ((backslash = memchr(at, '\\', (size_t)(end - at))) != NULL) {
		out = mempcpy(out, at, (size_t)(backslash - at));
		at = backslash + 2;
		if (backslash[1] != 'u') {
			*out++ = meant[strchr(plain, backslash[1]) - plain];
			continue;
		}
		code = hex4(at);
		at += 4;
		/* A surrogate and its other half (RFC 8259, 7). */
		if (code >= 0xD800 && code < 0xDC00 && end - at >= 6) {
			code = 0x10000 + ((code - 0xD800) << 10) + (hex4(at + 2) - 0xDC00);
			at += 6;
		}
		out = put_utf8(out, code);
	}
	return mempcpy(out, at, (size_t)(end - at));
}

/* Writes a value as text: nothing for null, and of an object its JSON. */
static char *
put_value(char *out, struct span value)
{
	if (value.at == NULL || json_text_is(value, "null"))
		return out;
	return value.at[0] == '"' ? put_string(out, value) : mempcpy(out, value.at, value.length);
}

/* Writes what an object shows by `item` (export_kind.h). */
static char *
put_item(char *out, struct span object, const char *item)
{
	size_t length = strcspn(item, "=|");
	char first[PATH_SIZE], *from = out;
	struct span second;

	*(char *)mempcpy(first, item, length) = '\0';
	out = put_value(out, value_at(object, first));
	if (item[length] == '\0' || (item[length] == '|' && out > from))
		return out;
	second = value_at(object, item + length + 1);
	if (second.at == NULL || json_text_is(second, "null"))
		return out;
	if (item[length] == '=')
		*out++ = '=';
	return put_value(out, second);
}

/* Writes the values of a list with semicolons between them. item: where the value is in each (export_kind.h); NULL: each is the value. */
static char *
put_list(char *out, struct span list, const char *item)
{
	struct span name, value;

	for (bool first = true; json_text_next(&list, &name, &value); first = false) {
		if (!first)
			*out++ = ';';
		out = item != NULL ? put_item(out, value, item) : put_value(out, value);
	}
	return out;
}

/* Makes a cell of the text from `cell` to `end`, in place. It may grow to twice its bytes and three more. Returns its end. */
static char *
quote(char *cell, char *end)
{
	bool formula, quoted;
	size_t quotes = 0, shift;
	char *to;

	*end = '\0';
	formula = csv_is_formula(cell);
	quoted = (size_t)(end - cell) != strcspn(cell, ",;\"\r\n");
	if (!formula && !quoted)
		return end;
	for (const char *p = cell; p < end; p++)
		quotes += *p == '"';
	shift = quotes + formula + quoted;
	to = end + shift;
	if (quoted)
		*to++ = '"';
	for (char *p = end, *q = end + shift; p > cell;) {
		*--q = *--p;
		if (*p == '"')
			*--q = '"';
	}
	if (quoted)
		*cell++ = '"';
	if (formula)
		*cell = '\'';
	return to;
}

char *
export_head_put(char *out, const struct export_column *columns)
{
	for (const struct export_column *c = columns; c->name != NULL; c++) {
		if (c > columns)
			*out++ = ',';
		out = stpcpy(out, c->name);
	}
	return stpcpy(out, "\n");
}

char *
export_row_put(
    char *out, const struct export_column *columns, struct span json, const struct span beside[])
{
	struct values v = { .columns = columns };
	char path[PATH_SIZE], *cell;

	while (columns[v.ncolumns].name != NULL)
		v.of[v.ncolumns++].at = NULL;
	find(&v, json, path, 0);
	for (int i = 0; i < v.ncolumns; i++) {
		const struct span value = v.of[i];

		if (i > 0)
			*out++ = ',';
		cell = out;
		if (columns[i].path == NULL) {
			out = mempcpy(out, beside->at, beside->length);
			beside++;
		} else if (value.at != NULL && value.at[0] == '[') {
			out = put_list(out, value, columns[i].item);
		} else if (value.at != NULL && value.at[0] == '{' && columns[i].item != NULL) {
			out = put_item(out, value, columns[i].item);
		} else {
			out = put_value(out, value);
		}
		out = quote(cell, out);
	}
	*out++ = '\n';
	return out;
}

size_t
export_row_room(struct span json, const struct span beside[], int nbeside)
{
	/* Two columns may show one list; a text of quotes doubles; each cell has three bytes of its own. */
	size_t room = 4 * json.length + EXPORT_COLUMNS_MAX * 4 + 2;

	for (int i = 0; i < nbeside; i++)
		room += 2 * beside[i].length;
	return room;
}
