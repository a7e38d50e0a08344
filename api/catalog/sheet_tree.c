#include "catalog/sheet.h"

#include <string.h>

#include "catalog/resemble.h"
#include "catalog/tree.h"
#include "field/unicode.h"

/* ------------------------------------------------------------------------ trees */

static void
add_items(struct sheet *sheet, const json_t *items, int up)
{
	static const char *const copied[] = { "code", "label", "position", "valid_from",
		"valid_until", "operator_code", "sunat_code" };
	/* The member `has` of the SQL type catalog_line. */
	static const int gives[] = { 0, 0, 0, 1, 2, 4, 8 };

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		int number = (int)json_array_size(sheet->lines) + 1, has = 0;
		json_t *line = json_pack("{s:i}", "line", number), *value;

		for (size_t k = 0; k < NITEMS(copied); k++) {
			value = json_object_get(item, copied[k]);
			if (value == NULL)
				continue;
			json_object_set(line, copied[k], value);
			has |= gives[k];
		}
		json_object_set_new(line, "has", json_integer(has));
		if (up > 0)
			json_object_set_new(line, "up", json_integer(up));
		json_array_append_new(sheet->lines, line);
		add_items(sheet, json_object_get(item, "items"), number);
	}
}

struct sheet
sheet_read_tree(const json_t *tree)
{
	struct sheet sheet = { json_array(), json_array() };

	add_items(&sheet, json_object_get(tree, "items"), 0);
	return sheet;
}

/* ----------------------------------------------------------------------- labels */

/* What resemble() compares: first the lines of the file, then the catalogue's items. */
struct comparing {
	struct sheet *sheet;
	struct resembling *labels;
	const struct item **items;
	int nlines, count;
};

static const char *
member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* A code without its last word: the parent's; "" at the top. */
static const char *
code_above(const char *code, struct arena *arena)
{
	const char *dot = strrchr(code, '.');

	return dot != NULL ? arena_copy(arena, code, (size_t)(dot - code)) : "";
}

/* The list in which a line stands: its parent's code; of an item below a new one without a code, its number. */
static const char *
list_of(const struct sheet *sheet, const json_t *line, struct arena *arena)
{
	const char *code = member(line, "code"), *parent = member(line, "parent"), *above;
	json_int_t up = json_integer_value(json_object_get(line, "up"));

	if (up > 0) {
		above = member(json_array_get(sheet->lines, (size_t)up - 1), "code");
		return above != NULL ? above : arena_printf(arena, "#%d", (int)up);
	}
	if (parent != NULL)
		return parent;
	return code != NULL ? code_above(code, arena) : "";
}

static void
add_known(struct comparing *c, const struct item *first, struct arena *arena)
{
	for (const struct item *i = first; i != NULL; i = i->next) {
		c->items[c->count] = i;
		c->labels[c->count++] = (struct resembling){
			.list = i->parent != NULL ? i->parent->code : "",
			.folded = unicode_fold(arena, i->label),
		};
		add_known(c, i->first_child, arena);
	}
}

static int
count_items(const struct item *first)
{
	int n = 0;

	for (const struct item *i = first; i != NULL; i = i->next)
		n += 1 + count_items(i->first_child);
	return n;
}

static void
note_candidate(int wanted, int other, void *arg)
{
	struct comparing *c = arg;
	json_t *line = json_array_get(c->sheet->lines, (size_t)wanted),
	       *near = json_object_get(line, "near"), *of;

	if (near == NULL) {
		near = json_array();
		json_object_set_new(line, "near", near);
	}
	of = other < c->nlines ? json_incref(json_object_get(
				     json_array_get(c->sheet->lines, (size_t)other), "line"))
			       : json_string(c->items[other]->code);
	json_array_append_new(near, of);
}

void
sheet_compare(
    struct sheet *sheet, const struct catalogs *cs, const char *catalog, struct arena *arena)
{
	const struct catalog *known = tree_find(cs, catalog, strlen(catalog));
	size_t nlines = json_array_size(sheet->lines),
	       most = nlines + (known != NULL ? (size_t)count_items(known->first) : 0) + 1;
	struct comparing c = { .sheet = sheet,
		.labels = arena_alloc(arena, most * sizeof(*c.labels)),
		.items = arena_alloc(arena, most * sizeof(*c.items)),
		.nlines = (int)nlines };

	for (c.count = 0; c.count < c.nlines; c.count++) {
		const json_t *line = json_array_get(sheet->lines, (size_t)c.count);
		const char *label = member(line, "label"), *code = member(line, "code");
		const struct item *i =
		    known != NULL && code != NULL ? tree_item(known, code) : NULL;
		const char *folded = label != NULL ? unicode_fold(arena, label) : "";

		c.labels[c.count] = (struct resembling){ .list = list_of(sheet, line, arena),
			.folded = folded,
			.wanted =
			    label != NULL &&
			    (i == NULL || strcmp(folded, unicode_fold(arena, i->label)) != 0) };
	}
	if (known != NULL)
		add_known(&c, known->first, arena);
	resemble(c.labels, c.count, arena, note_candidate, &c);
}
