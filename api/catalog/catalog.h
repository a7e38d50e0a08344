/*
 * catalog - the dropdown trees: an in-memory snapshot of the database's tables.
 *
 * A snapshot is read with one query and never changes. A newer one replaces it
 * as the current one; the old one is freed when its last holder releases it.
 * Codes are paths ("precio-y-contenido.contenido-prepago"): the ancestors of a
 * code are its prefixes. All functions are safe from any thread.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

struct arena;
struct catalogs;
struct faults;
struct pool;
struct result;

/*
 * catalog_load - reads a new snapshot from the database and makes it the current one.
 *
 * deadline_ms  clock_ms() until which the database may take
 * returns      0; or -1 (logged): the old snapshot stays
 */
int catalog_load(struct pool *pool, int64_t deadline_ms) MUSTCHECK;

/*
 * catalog_refresh - loads a new snapshot if the database's revision differs from the current one's,
 * or if its clock has reached a date at which an item begins or ends to be valid.
 * returns 0: the snapshot is up to date; -1: the revision or the data could not be read
 */
int catalog_refresh(struct pool *pool, int64_t deadline_ms);

/* catalog_due_ms - when, by clock_ms(), the next item begins or ends to be valid; INT64_MAX: none does. */
int64_t catalog_due_ms(void);

/*
 * catalog_past - makes a snapshot of one catalogue as it was: the rows of sql_catalog_at. It is held
 * (catalog_release), never the current one, and only for catalog_text.
 */
struct catalogs *catalog_past(const struct result *rows) __attribute__((returns_nonnull));

/* catalog_revision - returns the revision of the current snapshot; 0 before the first load. */
long long catalog_revision(void);

/* catalog_is_current - returns whether cs, which the caller holds, is still the current snapshot. */
bool catalog_is_current(const struct catalogs *cs);

/*
 * catalog_hold - returns the current snapshot; NULL before the first load. The caller may use it
 * until it calls catalog_release.
 */
struct catalogs *catalog_hold(void);
void catalog_release(struct catalogs *cs);

enum catalog_form { CATALOG_JSON, CATALOG_CSV };

/*
 * catalog_text - returns one catalogue as the API answers it; NULL: no such code. The text belongs
 * to the snapshot or the arena.
 *
 * inactive  with the items that are not active
 */
const char *catalog_text(const struct catalogs *cs, const char *code, enum catalog_form form,
    bool inactive, struct arena *arena, size_t *ret_length);

/*
 * catalog_tag - the entity tag that catalog_tag_keep got for a catalogue's JSON in this snapshot, without inactive items; it belongs to
 * the snapshot. NULL: none yet. A tag costs four times what the rest of the request does.
 */
const char *catalog_tag(const struct catalogs *cs, const char *code);
void catalog_tag_keep(struct catalogs *cs, const char *code, const char *tag);

/*
 * catalog_list_json - the list of all catalogues, {"items":[…],"next":null}, and its entity tag. The
 * strings belong to the snapshot.
 */
const char *catalog_list_json(const struct catalogs *cs, size_t *ret_length, const char **ret_tag);

/*
 * catalog_check - adds a fault to fs unless code is a complete choice of the catalogue: an active
 * item without active children, whose ancestors are active too.
 *
 * catalog  the catalogue's code; with "*" appended, an item of any level is accepted, active or
 *          not (for filters); with "*," a list of such codes ("a,b"); with "*,none" also `none` in it
 * pointer  where the code stands in the request
 * faults   choice_unknown    level: the first wrong one; allowed: the legal codes there
 *          choice_incomplete level: the first missing one; allowed: the legal codes there
 *          choice_too_deep   level: the first one below the last; allowed: the code to stop at
 */
void catalog_check(const struct catalogs *cs, const char *catalog, const char *code,
    const char *pointer, struct faults *fs);

/*
 * catalog_ids - returns the ids of the items with these codes ("a,b") and of all their descendants,
 * active or not, as a PostgreSQL array ("{7,12,13}") in the arena; 0 stands for `none`; "{}" when there is no such code.
 */
const char *catalog_ids(const struct catalogs *cs, const char *catalog, const char *codes,
    struct arena *arena) __attribute__((returns_nonnull));

/*
 * catalog_ids_as - the same.
 *
 * exact  without the descendants
 * now    each item counts as its last successor: those replaced by one of these items are in, and
 *        an item that was replaced is in where its successor is
 */
const char *catalog_ids_as(const struct catalogs *cs, const char *catalog, const char *codes,
    bool exact, bool now, struct arena *arena) __attribute__((returns_nonnull));

/* catalog_snapshot_revision - the revision of a snapshot. */
long long catalog_snapshot_revision(const struct catalogs *cs);

/* catalog_titles - the titles of a catalogue's levels, a new reference to an array; NULL: none. */
json_t *catalog_titles(const struct catalogs *cs, const char *catalog);

/*
 * catalog_options - what may be chosen in a catalogue now: the codes that catalog_check accepts, and
 * the choices that a record holds already.
 *
 * held     an array of {code, label, levels: [{code, label}]}; anything else in it is passed over
 * flat     true: an array of these codes; false: the tree [{code, label, selectable, items}] of all
 *          active items, in which these codes are selectable
 * returns  a new reference; an empty array if there is no such catalogue
 */
json_t *catalog_options(const struct catalogs *cs, const char *catalog, const json_t *held,
    bool flat) __attribute__((returns_nonnull));

/* catalog_offers - whether code, or an item below it, may be chosen now. */
bool catalog_offers(const struct catalogs *cs, const char *catalog, const char *code);

/* catalog_known - returns whether the migrations create this catalogue; ignores a final '*'. */
bool catalog_known(const char *name);

#endif
