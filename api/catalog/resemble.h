/*
 * resemble - finds labels that resemble others of their list, by shared trigrams.
 *
 * Which labels resemble each other in the end is decided by PostgreSQL's pg_trgm. This only finds
 * the candidates among thousands of labels, which pg_trgm could not without an index.
 */
#ifndef CATALOG_RESEMBLE_H
#define CATALOG_RESEMBLE_H

#include <stdbool.h>

#include "base/arena.h"

struct resembling {
	const char *list; /* labels are compared with those of the same list only */
	const char *folded; /* unicode_fold of the label */
	bool wanted; /* find the labels that resemble this one */
};

/* Candidates of one label at most. */
#define RESEMBLING_MAX 8

/*
 * resemble - calls found for each pair of a wanted label and another of its list that share most of
 * their trigrams.
 *
 * found  gets the two indices; called up to RESEMBLING_MAX times for each wanted label, the most
 *        similar ones first
 */
void resemble(const struct resembling *labels, int count, struct arena *arena,
    void (*found)(int wanted, int other, void *arg), void *arg);

#endif
