#include "catalog/tree.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "db/query.h"
#include "spec/field_name.h"
#include "spec/validate.h"

/* The columns of catalog_load and catalog_at. */
enum {
	CODE,
	NAME,
	LEVELS,
	REVISION,
	ITEM_ID,
	PARENT_ID,
	DEPTH,
	ITEM_CODE,
	LABEL,
	POSITION,
	VALID_FROM,
	FROM_US,
	VALID_UNTIL,
	UNTIL_US,
	REPLACED_BY,
	OPERATOR_CODE,
	SUNAT_CODE,
	AT_US
};

static const char *
copy(struct catalogs *cs, const struct result *rows, int row, int col)
{
	if (result_text(rows, row, col) == NULL)
		return NULL;
	return arena_copy(&cs->arena, result_text(rows, row, col), result_length(rows, row, col));
}

static int64_t
number(const struct result *rows, int row, int col, int64_t if_null)
{
	const char *text = result_text(rows, row, col);

	return text != NULL ? strtoll(text, NULL, 10) : if_null;
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
	c->has_sunat_codes = strcmp(c->code, "document_type") == 0;
	c->revision = number(rows, row, REVISION, 0);
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

/* A hash table of the items by id, with open addressing; its size is a power of two. */
struct index {
	struct item **slots;
	size_t mask;
};

static struct item **
slot(const struct index *index, long long id)
{
	size_t at = (size_t)id * 2654435761U & index->mask;

	while (index->slots[at] != NULL && index->slots[at]->id != id)
		at = (at + 1) & index->mask;
	return &index->slots[at];
}

static struct index
make_index(struct catalogs *cs, int nitems)
{
	struct index index = { .mask = 15 };

	while (index.mask < (size_t)nitems * 2)
		index.mask = index.mask * 2 + 1;
	index.slots = arena_alloc(&cs->arena, (index.mask + 1) * sizeof(struct item *));
	memset(index.slots, 0, (index.mask + 1) * sizeof(struct item *));
	return index;
}

static void
note_boundary(struct catalogs *cs, int64_t us)
{
	if (us > cs->at_us && us < cs->next_us)
		cs->next_us = us;
}

static void
add_item(struct catalogs *cs, struct item *new, const struct index *index,
    const struct result *rows, int row)
{
	struct catalog *c = &cs->catalogs[cs->ncatalogs - 1];
	struct item *parent, **first = &c->first, **last = &c->last;

	memset(new, 0, sizeof(*new));
	new->id = number(rows, row, ITEM_ID, 0);
	new->code = copy(cs, rows, row, ITEM_CODE);
	new->label = copy(cs, rows, row, LABEL);
	new->position = (int)number(rows, row, POSITION, 0);
	new->valid_from = copy(cs, rows, row, VALID_FROM);
	new->valid_until = copy(cs, rows, row, VALID_UNTIL);
	new->from_us = number(rows, row, FROM_US, INT64_MIN);
	new->until_us = number(rows, row, UNTIL_US, INT64_MAX);
	new->replaced_by = copy(cs, rows, row, REPLACED_BY);
	new->operator_code = copy(cs, rows, row, OPERATOR_CODE);
	new->sunat_code = copy(cs, rows, row, SUNAT_CODE);
	new->active = new->from_us <= cs->at_us && cs->at_us < new->until_us;
	new->depth = (int)number(rows, row, DEPTH, 1);
	note_boundary(cs, new->from_us);
	note_boundary(cs, new->until_us);
	*slot(index, new->id) = new;
	parent = *slot(index, number(rows, row, PARENT_ID, 0));
	if (parent != NULL) {
		new->parent = parent;
		first = &parent->first_child;
		last = &parent->last_child;
	}
	if (*first == NULL)
		*first = new;
	else
		(*last)->next = new;
	*last = new;
}

struct catalogs *
tree_build(const struct result *rows)
{
	struct catalogs *cs = calloc(1, sizeof(*cs));
	struct item *items;
	struct index index;
	int nitems = 0, n = result_rows(rows);

	if (cs == NULL)
		abort();
	arena_init(&cs->arena);
	cs->held = 1;
	cs->at_us = n > 0 ? number(rows, 0, AT_US, 0) : 0;
	cs->next_us = INT64_MAX;
	cs->catalogs = arena_alloc(&cs->arena, ((size_t)n + 1) * sizeof(*cs->catalogs));
	items = arena_alloc(&cs->arena, ((size_t)n + 1) * sizeof(*items));
	index = make_index(cs, n);
	for (int row = 0; row < n; row++) {
		if (cs->ncatalogs == 0 ||
		    strcmp(cs->catalogs[cs->ncatalogs - 1].code, result_text(rows, row, CODE)) != 0)
			add_catalog(cs, rows, row);
		if (result_text(rows, row, ITEM_ID) != NULL)
			add_item(cs, &items[nitems++], &index, rows, row);
	}
	return cs;
}

void
tree_free(struct catalogs *cs)
{
	struct arena arena = cs->arena;

	for (int i = 0; i < cs->ncatalogs; i++)
		free(cs->catalogs[i].tag);
	arena_free(&arena);
	free(cs);
}

const struct catalog *
tree_find(const struct catalogs *cs, const char *code, size_t length)
{
	for (int i = 0; i < cs->ncatalogs; i++) {
		if (strncmp(cs->catalogs[i].code, code, length) == 0 &&
		    cs->catalogs[i].code[length] == '\0')
			return &cs->catalogs[i];
	}
	return NULL;
}

const struct item *
tree_item(const struct catalog *c, const char *code)
{
	const struct item *i = c->first;

	while (i != NULL && strcmp(i->code, code) != 0) {
		size_t n = strlen(i->code);

		i = strncmp(i->code, code, n) == 0 && code[n] == '.' ? i->first_child : i->next;
	}
	return i;
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

const char *
tree_code(const char **next, struct arena *arena)
{
	const char *code = *next;
	size_t length;

	if (code == NULL)
		return NULL;
	length = strcspn(code, ",");
	*next = code[length] == ',' ? code + length + 1 : NULL;
	return arena_copy(arena, code, length);
}
