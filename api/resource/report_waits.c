/*
 * The percentiles of waits. All waits are walked through in ascending order, and each group counts down to its percentiles: what is
 * touched at a time are some bytes of each group, while a histogram of each group would not fit into the processor's caches.
 */
#include <stdlib.h>

#include "resource/report_count.h"

/* How far the groups are. */
struct walk {
	struct report_count *c;
	int64_t *
	    left; /* how many waits more until the next percentile; behind the last one, more than there are */
	int64_t at; /* the wait that is walked through */
};

/* How many waits it takes that so many tenths of all are not longer. */
static int64_t
tenths(int64_t of, int64_t n)
{
	return (of * n + 9) / 10;
}

/* A group has come to its next percentile, or to both. */
static void
reached(struct walk *w, uint32_t group)
{
	int64_t *found = w->c->percentiles[group], n = group_contacts(w->c, group);

	if (found[0] == REPORT_NONE) {
		found[0] = w->at;
		w->left[group] += tenths(n, 9) - tenths(n, 5);
	}
	if (w->left[group] <= 0) {
		found[1] = w->at;
		w->left[group] = INT64_MAX;
	}
}

static void
step(struct walk *w, uint32_t group, int64_t n)
{
	w->left[group] -= n;
	if (w->left[group] <= 0)
		reached(w, group);
}

static void
walk_lane(struct walk *w, struct lane *lane)
{
	const uint32_t to = lane->to[lane->next], totals = lane->totals[lane->next];
	int64_t *left = w->left;

	for (uint32_t i = lane->from[lane->next]; i < to; i++)
		if (--left[lane->groups[i]] == 0)
			reached(w, lane->groups[i]);
	/* The other days come before the next wait of this one. */
	__builtin_prefetch(&lane->groups[to] + 32);
	if (totals > 0)
		step(w, 0, totals);
	lane->next++;
	lane->at = lane->next < lane->n ? lane->seconds[lane->next] : INT64_MAX;
}

static int
by_seconds(const void *a, const void *b)
{
	const struct wait *x = a, *y = b;

	return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

/* Walks through the waits before so many seconds that are in no lane, from the i-th on. Returns the number of the next one. */
static size_t
walk_others(struct walk *w, size_t i, int64_t before)
{
	for (; i < w->c->nwaits && w->c->waits[i].seconds < before; i++) {
		const struct wait *wait = &w->c->waits[i];

		w->at = wait->seconds;
		step(w, wait->group, wait->n);
		if (!w->c->of_actions)
			step(w, 0, wait->n);
	}
	return i;
}

void
report_waits(struct report_count *c)
{
	struct walk w = { .c = c };
	size_t others = 0;

	w.left = arena_alloc(&c->arena, GROUPS_MAX * sizeof(*w.left));
	w.left[GROUP_LEFT_OUT] = INT64_MAX;
	c->percentiles = arena_alloc(&c->arena, c->ngroups * sizeof(*c->percentiles));
	for (uint32_t group = 0; group < c->ngroups; group++) {
		const int64_t n = group_contacts(c, group);

		c->percentiles[group][0] = c->percentiles[group][1] = REPORT_NONE;
		w.left[group] = n > 0 ? tenths(n, 5) : INT64_MAX;
	}
	if (c->nwaits > 0)
		qsort(c->waits, c->nwaits, sizeof(*c->waits), by_seconds);
	for (int64_t at = 0; at < LANE_WAITS; at++) {
		others = walk_others(&w, others, at);
		w.at = at;
		for (struct lane *lane = c->lanes; lane < c->lanes + c->nlanes; lane++)
			if (lane->at == at)
				walk_lane(&w, lane);
	}
	walk_others(&w, others, INT64_MAX);
}
