#include "catalog/resemble.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A little below pg_trgm's 0.6, because trigrams of other scripts are cut differently here. */
#define SHARED_LEAST 0.55
/* Of the labels that share a rare trigram, the first ones are compared: enough to find some. */
#define COMPARED_MAX 32
/* Beyond that many occurrences a trigram is common, however many there are. */
#define COUNTED_MAX 1000

/* A trigram of a list of labels: its occurrences are the labels that have it, in ascending order. */
struct trigram {
	uint64_t key; /* a hash of the list, and three bytes */
	int label;
};

struct label {
	uint64_t *keys; /* sorted, each once */
	int count;
};

static int
compare_keys(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
compare_trigrams(const void *a, const void *b)
{
	const struct trigram *x = a, *y = b;

	if (x->key != y->key)
		return x->key > y->key ? 1 : -1;
	return x->label - y->label;
}

static uint64_t
hash_of(const char *s)
{
	uint64_t hash = 14695981039346656037U;

	for (; *s != '\0'; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211U;
	return hash << 24;
}

static bool
in_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* As pg_trgm cuts words: two blanks before each, one behind. */
static struct label
cut(const struct resembling *from, struct arena *arena)
{
	size_t length = strlen(from->folded), n = 0, unique = 0;
	uint64_t list = hash_of(from->list),
		 *keys = arena_alloc(arena, (2 * length + 1) * sizeof(*keys));

	for (const char *p = from->folded; *p != '\0';) {
		uint64_t last = ' ' << 8 | ' ';

		if (!in_word(*p)) {
			p++;
			continue;
		}
		for (; in_word(*p); p++) {
			last = (last << 8 | (unsigned char)*p) & 0xFFFFFF;
			keys[n++] = list | last;
		}
		keys[n++] = list | ((last << 8 | ' ') & 0xFFFFFF);
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || keys[i] != keys[i - 1])
			keys[unique++] = keys[i];
	}
	return (struct label){ keys, (int)unique };
}

/* The first occurrence of a trigram; ret_count: how many labels have it. */
static const struct trigram *
occurrences(const struct trigram *all, size_t n, uint64_t key, int *ret_count)
{
	size_t low = 0, high = n, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < n && end - low < COUNTED_MAX && all[end].key == key; end++)
		;
	*ret_count = (int)(end - low);
	return all + low;
}

static double
shared(const struct label *a, const struct label *b)
{
	int i = 0, k = 0, both = 0;

	while (i < a->count && k < b->count) {
		if (a->keys[i] == b->keys[k]) {
			both++;
			i++;
			k++;
		} else if (a->keys[i] < b->keys[k]) {
			i++;
		} else {
			k++;
		}
	}
	return both == 0 ? 0 : (double)both / (a->count + b->count - both);
}

struct candidate {
	int other;
	double shared;
};

/* Keeps the best RESEMBLING_MAX candidates, the most similar first. */
static int
keep(struct candidate best[static RESEMBLING_MAX], int n, struct candidate c)
{
	int at = n;

	for (int i = 0; i < n; i++) {
		if (best[i].other == c.other)
			return n;
	}
	while (at > 0 && best[at - 1].shared < c.shared)
		at--;
	if (at == RESEMBLING_MAX)
		return n;
	if (n < RESEMBLING_MAX)
		n++;
	memmove(best + at + 1, best + at, (size_t)(n - at - 1) * sizeof(*best));
	best[at] = c;
	return n;
}

struct rarity {
	const struct trigram *first;
	int count;
};

static int
compare_rarity(const void *a, const void *b)
{
	return ((const struct rarity *)a)->count - ((const struct rarity *)b)->count;
}

/*
 * Two sets of which SHARED_LEAST is shared have one of their rarest trigrams in common: of n
 * trigrams, one of the n - SHARED_LEAST * n + 1 rarest. So only labels with such a one are compared.
 */
static int
best_of(int wanted, const struct label *labels, const struct trigram *all, size_t n,
    struct rarity *rarest, struct candidate best[static RESEMBLING_MAX])
{
	const struct label *l = &labels[wanted];
	int found = 0, looked_at = l->count - (int)(SHARED_LEAST * l->count) + 1;

	for (int i = 0; i < l->count; i++)
		rarest[i].first = occurrences(all, n, l->keys[i], &rarest[i].count);
	qsort(rarest, (size_t)l->count, sizeof(*rarest), compare_rarity);
	for (int i = 0; i < l->count && i < looked_at; i++) {
		for (int k = 0; k < rarest[i].count && k < COMPARED_MAX; k++) {
			int other = rarest[i].first[k].label;
			double how = other == wanted ? 0 : shared(l, &labels[other]);

			if (how >= SHARED_LEAST)
				found = keep(best, found, (struct candidate){ other, how });
		}
	}
	return found;
}

void
resemble(const struct resembling *labels, int count, struct arena *arena,
    void (*found)(int wanted, int other, void *arg), void *arg)
{
	struct label *cuts = arena_alloc(arena, ((size_t)count + 1) * sizeof(*cuts));
	struct candidate best[RESEMBLING_MAX];
	struct trigram *all;
	struct rarity *rarest;
	size_t n = 0, most = 0;

	for (int i = 0; i < count; i++) {
		cuts[i] = cut(&labels[i], arena);
		n += (size_t)cuts[i].count;
		most = (size_t)cuts[i].count > most ? (size_t)cuts[i].count : most;
	}
	all = arena_alloc(arena, (n + 1) * sizeof(*all));
	rarest = arena_alloc(arena, (most + 1) * sizeof(*rarest));
	n = 0;
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < cuts[i].count; k++)
			all[n++] = (struct trigram){ cuts[i].keys[k], i };
	}
	qsort(all, n, sizeof(*all), compare_trigrams);
	for (int i = 0; i < count; i++) {
		int kept = labels[i].wanted ? best_of(i, cuts, all, n, rarest, best) : 0;

		for (int k = 0; k < kept; k++)
			found(i, best[k].other, arg);
	}
}
