#include "catalog/tree_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "catalog/sheet.h"

/* A text that grows; the arena gets it when it is complete. */
struct growing {
	FILE *f;
	char *bytes;
	size_t length;
};

static void
begin(struct growing *g)
{
	g->f = open_memstream(&g->bytes, &g->length);
	if (g->f == NULL)
		abort();
}

static const char *
finish(struct growing *g, struct arena *arena, size_t *ret_length)
{
	const char *text;

	if (fclose(g->f) != 0)
		abort();
	text = arena_copy(arena, g->bytes, g->length);
	*ret_length = g->length;
	free(g->bytes);
	return text;
}

/* ------------------------------------------------------------------------ JSON */

/* A JSON string as PostgreSQL and jansson write it: labels hold no control characters. */
static void
put_string(FILE *f, const char *s)
{
	if (s == NULL) {
		fputs("null", f);
		return;
	}
	putc_unlocked('"', f);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putc_unlocked('\\', f);
		putc_unlocked(*s, f);
	}
	putc_unlocked('"', f);
}

static void
put_member(FILE *f, const char *name, const char *value)
{
	fputs(name, f);
	put_string(f, value);
}

static bool
has_active(const struct item *first)
{
	for (; first != NULL; first = first->next) {
		if (first->active)
			return true;
	}
	return false;
}

/* How much of each item is written: its label; all members; those of inactive items too. */
enum detail { LABELS, WHOLE, WITH_INACTIVE };

static void
put_details(FILE *f, const struct catalog *c, const struct item *i, bool active)
{
	put_member(f, ",\"parent\":", i->parent != NULL ? i->parent->code : NULL);
	fprintf(f, ",\"position\":%d,\"depth\":%d,\"active\":%s,\"selectable\":%s", i->position,
	    i->depth, active ? "true" : "false",
	    active && !has_active(i->first_child) ? "true" : "false");
	put_member(f, ",\"valid_from\":", i->valid_from);
	put_member(f, ",\"valid_until\":", i->valid_until);
	put_member(f, ",\"replaced_by\":", i->replaced_by);
	put_member(f, ",\"operator_code\":", i->operator_code);
	if (c->has_sunat_codes)
		put_member(f, ",\"sunat_code\":", i->sunat_code);
}

/* above: all items above these are valid. */
static void
put_items(
    FILE *f, const struct catalog *c, const struct item *first, bool above, enum detail detail)
{
	const char *comma = "";

	putc_unlocked('[', f);
	for (const struct item *i = first; i != NULL; i = i->next) {
		if (detail != WITH_INACTIVE && !i->active)
			continue;
		fputs(comma, f);
		put_member(f, "{\"code\":", i->code);
		put_member(f, ",\"label\":", i->label);
		if (detail != LABELS)
			put_details(f, c, i, above && i->active);
		fputs(",\"items\":", f);
		put_items(f, c, i->first_child, above && i->active, detail);
		putc_unlocked('}', f);
		comma = ",";
	}
	putc_unlocked(']', f);
}

static void
put_catalog(FILE *f, const struct catalog *c, enum detail detail)
{
	put_member(f, "{\"code\":", c->code);
	put_member(f, ",\"name\":", c->name);
	fprintf(f, ",\"levels\":%s,\"revision\":%lld,\"items\":", c->levels, c->revision);
	put_items(f, c, c->first, true, detail);
	putc_unlocked('}', f);
}

const char *
tree_json(const struct catalog *c, bool inactive, struct arena *arena, size_t *ret_length)
{
	struct growing g;

	begin(&g);
	put_catalog(g.f, c, inactive ? WITH_INACTIVE : WHOLE);
	return finish(&g, arena, ret_length);
}

void
tree_write_answers(struct catalogs *cs)
{
	struct growing list;

	begin(&list);
	fputs("{\"items\":[", list.f);
	for (int i = 0; i < cs->ncatalogs; i++) {
		struct catalog *c = &cs->catalogs[i];

		if (i > 0)
			putc_unlocked(',', list.f);
		put_catalog(list.f, c, LABELS);
		c->json = tree_json(c, false, &cs->arena, &c->json_length);
	}
	fputs("],\"next\":null}", list.f);
	cs->list_json = finish(&list, &cs->arena, &cs->list_length);
	text_tag(cs->list_json, cs->list_length, cs->list_tag);
}

/* ------------------------------------------------------------------------- CSV */

static void
put_lines(FILE *f, const struct item *first, bool inactive)
{
	for (const struct item *i = first; i != NULL; i = i->next) {
		if (!inactive && !i->active)
			continue;
		csv_put_cell(f, i->code, ",");
		csv_put_cell(f, i->label, ",");
		csv_put_cell(f, i->parent != NULL ? i->parent->code : NULL, ",");
		fprintf(f, "%d,", i->position);
		csv_put_cell(f, i->valid_from, ",");
		csv_put_cell(f, i->valid_until, ",");
		csv_put_cell(f, i->operator_code, "\n");
		put_lines(f, i->first_child, inactive);
	}
}

const char *
tree_csv(const struct catalog *c, bool inactive, struct arena *arena, size_t *ret_length)
{
	static const char *const names[] = { SHEET_COLUMNS };
	struct growing g;

	begin(&g);
	for (size_t i = 0; i < NITEMS(names); i++)
		csv_put_cell(g.f, names[i], i + 1 < NITEMS(names) ? "," : "\n");
	put_lines(g.f, c->first, inactive);
	return finish(&g, arena, ret_length);
}
