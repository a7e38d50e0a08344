/*
 * catalog - the dropdown trees, in memory, as they stand in the database.
 *
 * A snapshot is read in one query and never changes; a newer one takes its
 * place, and the old one is freed when the last request that holds it is done.
 * Codes are paths ("precio-y-contenido.contenido-prepago"), so a code's
 * ancestors are its prefixes.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

struct arena;
struct catalogs;
struct faults;
struct pool;

/* catalog_load - reads all from the database, by deadline_ms (db/query.h). returns 0, or -1 (logged): the old snapshot stays. */
int catalog_load(struct pool *pool, int64_t deadline_ms) MUSTCHECK;

/*
 * catalog_refresh - loads again if the database's revision is another than ours.
 * returns 0: they are the database's now; -1: that could not be found out, or be loaded (logged)
 */
int catalog_refresh(struct pool *pool, int64_t deadline_ms);

/* catalog_revision - of the present snapshot; 0 before the first load. */
long long catalog_revision(void);

/* catalog_is_current - cs, which the caller holds, is still the present snapshot. */
bool catalog_is_current(const struct catalogs *cs);

/* catalog_hold - the present snapshot, NULL before the first load; catalog_release when done with it. */
struct catalogs *catalog_hold(void);
void catalog_release(struct catalogs *cs);

/* catalog_json - one catalogue as the API shows it, and its entity tag; NULL when there is none of that code. */
const char *catalog_json(
    const struct catalogs *cs, const char *code, size_t *ret_length, const char **ret_tag);

/* catalog_list_json - {"items":[…],"next":null}, all of them. */
const char *catalog_list_json(const struct catalogs *cs, size_t *ret_length, const char **ret_tag);

/*
 * catalog_check - adds a fault unless code is a whole choice of the catalogue:
 * known and active at every level, and as deep as the tree goes.
 *
 * catalog  the catalogue's code; with a '*' behind it any level will do, and
 *          items that are not active any more too (for filters)
 * faults   choice_unknown    level: the first that is wrong; allowed: the legal codes there
 *          choice_incomplete level: the first that is missing; allowed: the legal codes there
 *          choice_too_deep   level: the first too many; allowed: the code to stop at
 */
void catalog_check(const struct catalogs *cs, const char *catalog, const char *code,
    const char *pointer, struct faults *fs);

/*
 * catalog_ids - of the item with this code and of all below it, active or not, as "{7,12,13}".
 *
 * returns  the arena's; "{}" when there is no such code
 */
const char *catalog_ids(const struct catalogs *cs, const char *catalog, const char *code,
    struct arena *arena) __attribute__((returns_nonnull));

/* catalog_known - whether migrations make a catalogue of this name (with or without '*'). */
bool catalog_known(const char *name);

#endif
