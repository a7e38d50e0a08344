/*
 * tree_text - writes catalogues as the API answers them, as JSON and as CSV. Private to api/catalog.
 */
#ifndef CATALOG_TREE_TEXT_H
#define CATALOG_TREE_TEXT_H

#include "catalog/tree.h"

/* tree_write_answers - writes the bodies of catalog_list and catalog_get into the snapshot. */
void tree_write_answers(struct catalogs *cs);

/*
 * tree_json - a catalogue with its items; the database's catalog_item_document() writes the same.
 *
 * inactive    with those that are not active
 * ret_length  bytes of the text, which is in the arena and ends with NUL
 */
const char *tree_json(
    const struct catalog *c, bool inactive, struct arena *arena, size_t *ret_length);

/* tree_csv - the same as CSV, a line for each item, which stands behind the one that it is below. */
const char *tree_csv(
    const struct catalog *c, bool inactive, struct arena *arena, size_t *ret_length);

#endif
