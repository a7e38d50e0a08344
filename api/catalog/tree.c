#include "catalog/tree.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "db/query.h"
#include "spec/field_name.h"
#include "spec/validate.h"

/* The columns of catalog_load. */
enum { CODE, NAME, LEVELS, REVISION, ITEM_ID, PARENT_ID, DEPTH, ITEM_CODE, LABEL, ACTIVE };

static const char *
copy(struct catalogs *cs, const struct result *rows, int row, int col)
{
	return arena_copy(&cs->arena, result_text(rows, row, col), result_length(rows, row, col));
}

static void
add_catalog(struct catalogs *cs, const struct result *rows, int row)
{
	struct catalog *c = &cs->catalogs[cs->ncatalogs++];
	json_t *titles;

	memset(c, 0, sizeof(*c));
	c->code = copy(cs, rows, row, CODE);
	c->name = copy(cs, rows, row, NAME);
	c->levels = copy(cs, rows, row, LEVELS);
	c->revision = strtoll(result_text(rows, row, REVISION), NULL, 10);
	cs->revision += c->revision;
	titles = json_loads(c->levels, 0, NULL);
	c->ntitles = (int)json_array_size(titles);
	c->titles = arena_alloc(&cs->arena, ((size_t)c->ntitles + 1) * sizeof(*c->titles));
	for (int i = 0; i < c->ntitles; i++) {
		const char *title = json_string_value(json_array_get(titles, (size_t)i));

		c->titles[i] = arena_copy(&cs->arena, title, strlen(title));
	}
	json_decref(titles);
}

static void
add_item(struct catalogs *cs, struct item *items, int nitems, const struct result *rows, int row)
{
	struct catalog *c = &cs->catalogs[cs->ncatalogs - 1];
	struct item *new = &items[nitems], **first = &c->first, **last = &c->last;
	long long parent_id = 0;

	memset(new, 0, sizeof(*new));
	new->id = strtoll(result_text(rows, row, ITEM_ID), NULL, 10);
	new->code = copy(cs, rows, row, ITEM_CODE);
	new->label = copy(cs, rows, row, LABEL);
	new->active = result_true(rows, row, ACTIVE);
	new->depth = atoi(result_text(rows, row, DEPTH));
	if (result_text(rows, row, PARENT_ID) != NULL)
		parent_id = strtoll(result_text(rows, row, PARENT_ID), NULL, 10);
	for (int i = 0; i < nitems && parent_id != 0; i++) {
		if (items[i].id == parent_id) {
			first = &items[i].first_child;
			last = &items[i].last_child;
			break;
		}
	}
	if (*first == NULL)
		*first = new;
	else
		(*last)->next = new;
	*last = new;
}

/* Inactive items are left out, with everything below them. */
static json_t *
items_json(const struct item *first)
{
	json_t *array = json_array();

	for (const struct item *i = first; i != NULL; i = i->next) {
		if (i->active)
			json_array_append_new(
			    array, json_pack("{s:s, s:s, s:o}", "code", i->code, "label", i->label,
				       "items", items_json(i->first_child)));
	}
	return array;
}

static char *
dump(struct catalogs *cs, json_t *value, size_t *ret_length, char ret_tag[static TEXT_TAG_SIZE])
{
	char *text = json_dumps(value, JSON_COMPACT), *owned;

	json_decref(value);
	if (text == NULL)
		abort();
	*ret_length = strlen(text);
	owned = arena_copy(&cs->arena, text, *ret_length);
	text_tag(text, *ret_length, ret_tag);
	free(text);
	return owned;
}

static void
write_json(struct catalogs *cs)
{
	json_t *all = json_array();

	for (int i = 0; i < cs->ncatalogs; i++) {
		struct catalog *c = &cs->catalogs[i];
		json_t *one = json_pack("{s:s, s:s, s:o, s:I, s:o}", "code", c->code, "name",
		    c->name, "levels", json_loads(c->levels, 0, NULL), "revision",
		    (json_int_t)c->revision, "items", items_json(c->first));

		json_array_append(all, one);
		c->json = dump(cs, one, &c->json_length, c->tag);
	}
	cs->list_json =
	    dump(cs, json_pack("{s:o, s:n}", "items", all, "next"), &cs->list_length, cs->list_tag);
}

struct catalogs *
tree_build(const struct result *rows)
{
	struct catalogs *cs = calloc(1, sizeof(*cs));
	struct item *items;
	int nitems = 0, n = result_rows(rows);

	if (cs == NULL)
		abort();
	arena_init(&cs->arena);
	cs->held = 1;
	cs->catalogs = arena_alloc(&cs->arena, ((size_t)n + 1) * sizeof(*cs->catalogs));
	items = arena_alloc(&cs->arena, ((size_t)n + 1) * sizeof(*items));
	for (int row = 0; row < n; row++) {
		if (cs->ncatalogs == 0 ||
		    strcmp(cs->catalogs[cs->ncatalogs - 1].code, result_text(rows, row, CODE)) != 0)
			add_catalog(cs, rows, row);
		if (result_text(rows, row, ITEM_ID) != NULL)
			add_item(cs, items, nitems++, rows, row);
	}
	write_json(cs);
	return cs;
}

void
tree_free(struct catalogs *cs)
{
	struct arena arena = cs->arena;

	arena_free(&arena);
	free(cs);
}

/* ------------------------------------------------------------ checking a choice */

bool
tree_has_active(const struct item *first)
{
	for (; first != NULL; first = first->next) {
		if (first->active)
			return true;
	}
	return false;
}

static const char *const *
codes_of(const struct item *first, struct arena *arena)
{
	const char **codes;
	size_t n = 0;

	for (const struct item *i = first; i != NULL; i = i->next)
		n++;
	codes = arena_alloc(arena, (n + 1) * sizeof(*codes));
	n = 0;
	for (const struct item *i = first; i != NULL; i = i->next) {
		/* Copied, because the request may release the snapshot before it writes its answer. */
		if (i->active)
			codes[n++] = arena_copy(arena, i->code, strlen(i->code));
	}
	codes[n] = NULL;
	return codes;
}

static const char *
level_title(const struct catalog *c, int level)
{
	return level <= c->ntitles ? c->titles[level - 1] : c->name;
}

static void
fault(struct faults *fs, const char *pointer, enum text text, const char *argument, int level,
    const char *const *allowed)
{
	struct fault *f = faults_add(fs, pointer, text, argument);

	f->level = level;
	f->allowed = allowed;
}

/*
 * Walks down the tree as far as it matches the code's path. found is the
 * deepest item that matches, choices are its children.
 */
void
tree_check(const struct catalog *c, const char *code, bool any_level, const char *pointer,
    struct faults *fs)
{
	const struct item *found = NULL, *choices = c->first;
	size_t length = 0;
	int level;

	for (const struct item *i = choices; i != NULL;) {
		size_t n = strlen(i->code);

		if ((i->active || any_level) && strncmp(i->code, code, n) == 0 &&
		    (code[n] == '.' || code[n] == '\0')) {
			found = i;
			length = n;
			choices = i->first_child;
			i = choices;
		} else {
			i = i->next;
		}
	}
	level = found != NULL ? found->depth + 1 : 1;
	if (found != NULL && code[length] == '\0') {
		if (!any_level && tree_has_active(choices))
			fault(fs, pointer, TEXT_choice_incomplete, level_title(c, level), level,
			    codes_of(choices, fs->arena));
	} else if (found != NULL && !tree_has_active(choices)) {
		const char **stop = arena_alloc(fs->arena, 2 * sizeof(*stop));

		stop[0] = arena_copy(fs->arena, found->code, length);
		stop[1] = NULL;
		fault(fs, pointer, TEXT_choice_too_deep, level_title(c, level - 1), level, stop);
	} else if (code[0] == '\0') {
		fault(fs, pointer, TEXT_choice_empty,
		    faults_label_inside(fs, field_of(fs->op, pointer, fs->arena)), level,
		    codes_of(choices, fs->arena));
	} else {
		fault(fs, pointer, TEXT_choice_unknown, level_title(c, level), level,
		    codes_of(choices, fs->arena));
	}
}

/* ------------------------------------------------------------ the ids of a choice */

/* An int64 in decimal, its sign and a comma. */
#define ID_WIDTH 21

static size_t
count(const struct item *i)
{
	size_t n = 1;

	for (const struct item *child = i->first_child; child != NULL; child = child->next)
		n += count(child);
	return n;
}

/* Writes "7,12," for an item and all its descendants; returns the end of what it wrote. */
static char *
write_ids(const struct item *i, char *to)
{
	to += sprintf(to, "%lld,", i->id);
	for (const struct item *child = i->first_child; child != NULL; child = child->next)
		to = write_ids(child, to);
	return to;
}

const char *
tree_ids(const struct catalog *c, const char *code, struct arena *arena)
{
	const struct item *i = c->first;
	char *ids, *end;

	while (i != NULL && strcmp(i->code, code) != 0) {
		size_t n = strlen(i->code);

		i = strncmp(i->code, code, n) == 0 && code[n] == '.' ? i->first_child : i->next;
	}
	if (i == NULL)
		return "{}";
	ids = arena_alloc(arena, 2 + count(i) * ID_WIDTH);
	ids[0] = '{';
	end = write_ids(i, ids + 1);
	end[-1] = '}';
	return ids;
}
