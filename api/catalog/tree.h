/*
 * tree - the layout of a snapshot of the catalogues. Private to api/catalog.
 */
#ifndef CATALOG_TREE_H
#define CATALOG_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/text.h"

struct faults;
struct result;

struct item {
	long long id;
	const char *code, *label;
	int position;
	const char *valid_from, *valid_until; /* as the API shows them; NULL: without a bound */
	int64_t from_us, until_us; /* the same, in microseconds since 1970 */
	const char *replaced_by; /* the successor's code; or NULL */
	const char *operator_code, *sunat_code; /* or NULL */
	bool active; /* valid by its own dates, at the snapshot's instant */
	int depth; /* 1 = the first level */
	const struct item *parent; /* NULL: of the first level */
	struct item *first_child, *last_child, *next; /* in display order */
};

struct catalog {
	const char *code, *name;
	const char *levels; /* the levels' titles as a JSON array, as the database returned it */
	const char **titles; /* the same, parsed */
	int ntitles;
	bool has_sunat_codes; /* it is that of the document types */
	long long revision;
	struct item *first, *last; /* of the first level */
	const char *json; /* the body of catalog_get */
	size_t json_length;
	_Atomic(char *) tag; /* of json, as catalog_tag_keep got it; NULL: none yet */
};

struct catalogs {
	struct arena arena; /* owns everything below */
	int held; /* how many holders; catalog.c's lock protects it */
	long long revision; /* the sum of the catalogues' revisions */
	int64_t at_us; /* the database's clock when it was read: the instant that it shows */
	int64_t
	    next_us; /* the first date of an item after that: from then on it is wrong; or INT64_MAX */
	struct catalog *catalogs;
	int ncatalogs;
	const char *list_json; /* the body of catalog_list */
	size_t list_length;
	char list_tag[TEXT_TAG_SIZE];
};

/*
 * tree_build - makes a snapshot, held once, from the rows of sql_catalog_load or sql_catalog_at. The
 * bodies of answers are not made yet (tree_text.h).
 */
struct catalogs *tree_build(const struct result *rows) __attribute__((returns_nonnull));

/* tree_find - the catalogue whose code these bytes are; NULL: none. */
const struct catalog *tree_find(const struct catalogs *cs, const char *code, size_t length);

/* tree_item - the item of that code; NULL: none. */
const struct item *tree_item(const struct catalog *c, const char *code);

/* tree_free - frees a snapshot that nobody holds. */
void tree_free(struct catalogs *cs);

/* tree_check - see catalog_check. */
void tree_check(const struct catalog *c, const char *code, bool any_level, const char *pointer,
    struct faults *fs);

/* tree_options, tree_offers - see catalog_options, catalog_offers. */
json_t *tree_options(const struct catalog *c, const json_t *held, bool flat)
    __attribute__((returns_nonnull));
bool tree_offers(const struct catalog *c, const char *code);

/* tree_has_active - returns whether one of these siblings is active. */
bool tree_has_active(const struct item *first);

/* tree_ids - see catalog_ids_as. */
const char *tree_ids(const struct catalog *c, const char *codes, bool exact, bool now,
    struct arena *arena) __attribute__((returns_nonnull));

/* What stands in a list of codes for the records that have no choice. */
#define TREE_NONE "none"

/*
 * tree_code - reads the first code of a list ("a,b").
 * next     the list; then what follows the code, or NULL at the end
 * returns  the code, in the arena; NULL: *next was NULL
 */
const char *tree_code(const char **next, struct arena *arena);

#endif
