/*
 * The ids that a filter by codes takes.
 */
#include <stdio.h>
#include <string.h>

#include "catalog/tree.h"

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

/* The last item of a chain of successors. */
static const struct item *
last_successor(const struct catalog *c, const struct item *i)
{
	const struct item *next;

	while (i->replaced_by != NULL && (next = tree_item(c, i->replaced_by)) != NULL)
		i = next;
	return i;
}

static bool
is_or_below(const struct item *i, const struct item *top)
{
	while (i != NULL && i != top)
		i = i->parent;
	return i == top;
}

/* Writes the ids of those from `first` on whose last successor is `top`, or is below it unless exact. */
static char *
write_succeeded_ids(
    const struct catalog *c, const struct item *first, const struct item *top, bool exact, char *to)
{
	for (const struct item *i = first; i != NULL; i = i->next) {
		const struct item *last = last_successor(c, i);

		if (exact ? last == top : is_or_below(last, top))
			to += sprintf(to, "%lld,", i->id);
		to = write_succeeded_ids(c, i->first_child, top, exact, to);
	}
	return to;
}

/* No item has this id. */
#define NONE_ID "0,"

const char *
tree_ids(const struct catalog *c, const char *codes, bool exact, bool now, struct arena *arena)
{
	const char *next = codes, *code;
	char *ids, *end;
	size_t n = 0, all = 0;

	for (const struct item *i = c->first; now && i != NULL; i = i->next)
		all += count(i);
	while ((code = tree_code(&next, arena)) != NULL) {
		const struct item *i = tree_item(c, code);

		n += now ? all + 1 : i != NULL ? count(i) : 1;
	}
	ids = end = arena_alloc(arena, sizeof("{}") + n * ID_WIDTH);
	*end++ = '{';
	for (next = codes; (code = tree_code(&next, arena)) != NULL;) {
		const struct item *i = tree_item(c, code);

		if (i != NULL && now)
			end = write_succeeded_ids(c, c->first, i, exact, end);
		else if (i != NULL && exact)
			end += sprintf(end, "%lld,", i->id);
		else if (i != NULL)
			end = write_ids(i, end);
		else if (strcmp(code, TREE_NONE) == 0)
			end = stpcpy(end, NONE_ID);
	}
	end -= end[-1] == ',';
	stpcpy(end, "}");
	return ids;
}
