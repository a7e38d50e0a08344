/*
 * tree - how a snapshot of the catalogues is laid out; used by catalog/ alone.
 */
#ifndef CATALOG_TREE_H
#define CATALOG_TREE_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/text.h"

struct faults;
struct result;

struct item {
	long long id;
	const char *code, *label;
	bool active;
	int depth; /* 1 = the first level */
	struct item *first_child, *last_child, *next; /* in their order */
};

struct catalog {
	const char *code, *name;
	const char *levels; /* JSON array of titles, as the database gave it */
	const char **titles;
	int ntitles;
	long long revision;
	struct item *first, *last;
	char *json;
	size_t json_length;
	char tag[TEXT_TAG_SIZE]; /* of json */
};

struct catalogs {
	struct arena arena; /* owns all below */
	int held;
	long long revision; /* the sum of the catalogues' */
	struct catalog *catalogs;
	int ncatalogs;
	char *list_json;
	size_t list_length;
	char list_tag[TEXT_TAG_SIZE];
};

/* tree_build - a snapshot, held once, from the rows of catalog_load. */
struct catalogs *tree_build(const struct result *rows) __attribute__((returns_nonnull));

void tree_free(struct catalogs *cs);

/* tree_check - see catalog_check. */
void tree_check(const struct catalog *c, const char *code, bool any_level, const char *pointer,
    struct faults *fs);

/* tree_ids - see catalog_ids. */
const char *tree_ids(const struct catalog *c, const char *code, struct arena *arena)
    __attribute__((returns_nonnull));

#endif
