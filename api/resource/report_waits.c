/*
 * The percentiles of waits. Each group counts down to its percentiles, in ascending order of the waits: by whole spans, and waits
 * are walked through one by one only in those spans where a group comes to a percentile. What is touched at a time are some bytes of
 * each group, while a histogram of each group would not fit into the processor's caches.
 */
#include <stdlib.h>

#include "resource/report_count.h"

/* How far the groups are. */
struct walk {
	struct report_count *c;
	int64_t *
	    left; /* how many waits more until the next percentile; behind the last one, more than there are */
	int64_t *
	    later; /* the same after the span that is walked through, of groups that come to none in it; else 0 */
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
lane_next(struct lane *lane)
{
	lane->next++;
	lane->at = lane->next < lane->n ? lane->seconds[lane->next] : INT64_MAX;
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
	lane_next(lane);
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
	for (; i < w->c->tally.nwaits && w->c->tally.waits[i].seconds < before; i++) {
		const struct wait *wait = &w->c->tally.waits[i];

		w->at = wait->seconds;
		step(w, wait->group, wait->n);
		if (!w->c->of_actions)
			step(w, 0, wait->n);
	}
	return i;
}

/* Adds the waits that are in no lane to their spans. */
static void
add_others_to_spans(struct report_count *c)
{
	for (size_t i = 0; i < c->tally.nwaits; i++) {
		const struct wait *wait = &c->tally.waits[i];
		uint32_t *span;

		if (wait->seconds < 0 || wait->seconds >= LANE_WAITS)
			continue;
		span = tally_span(&c->tally, wait->seconds);
		span[wait->group] += (uint32_t)wait->n;
		if (!c->of_actions)
			span[0] += (uint32_t)wait->n;
	}
}

/*
 * Counts a span down if no group comes to a percentile in it. Returns whether one does: then it is to be walked through, and only such groups
 * count down.
 */
static bool
enter_span(struct walk *w, int span)
{
	const uint32_t *waits = w->c->tally.spans + (size_t)span * GROUPS_MAX;
	bool reached_in_it = false;

	for (uint32_t group = 0; group < w->c->ngroups; group++) {
		w->later[group] = w->left[group] > waits[group] ? w->left[group] - waits[group] : 0;
		reached_in_it |= w->later[group] == 0;
	}
	for (uint32_t group = 0; group < w->c->ngroups; group++)
		if (w->later[group] != 0)
			w->left[group] = reached_in_it ? INT64_MAX : w->later[group];
	return reached_in_it;
}

static void
leave_span(struct walk *w)
{
	for (uint32_t group = 0; group < w->c->ngroups; group++)
		if (w->later[group] != 0)
			w->left[group] = w->later[group];
}

/* Walks through a span. Returns the number of the next wait that is in no lane. */
static size_t
walk_span(struct walk *w, size_t others, int span)
{
	const struct report_count *c = w->c;
	const int64_t end = span_end(span);

	for (int64_t at = span > 0 ? span_end(span - 1) : 0; at < end; at++) {
		others = walk_others(w, others, at + 1);
		w->at = at;
		for (struct lane *lane = c->lanes; lane < c->lanes + c->nlanes; lane++)
			if (lane->at == at)
				walk_lane(w, lane);
	}
	return others;
}

/* Passes by a span. Returns the same. */
static size_t
pass_span(const struct report_count *c, size_t others, int span)
{
	const int64_t end = span_end(span);

	for (struct lane *lane = c->lanes; lane < c->lanes + c->nlanes; lane++)
		while (lane->at < end)
			lane_next(lane);
	while (others < c->tally.nwaits && c->tally.waits[others].seconds < end)
		others++;
	return others;
}

void
report_waits(struct report_count *c)
{
	struct walk w = { .c = c };
	size_t others;

	w.left = arena_alloc(&c->arena, GROUPS_MAX * sizeof(*w.left));
	w.later = arena_alloc(&c->arena, GROUPS_MAX * sizeof(*w.later));
	c->percentiles = arena_alloc(&c->arena, c->ngroups * sizeof(*c->percentiles));
	for (uint32_t group = 0; group < c->ngroups; group++) {
		const int64_t n = group_contacts(c, group);

		c->percentiles[group][0] = c->percentiles[group][1] = REPORT_NONE;
		w.left[group] = n > 0 ? tenths(n, 5) : INT64_MAX;
	}
	add_others_to_spans(c);
	if (c->tally.nwaits > 0)
		qsort(c->tally.waits, c->tally.nwaits, sizeof(*c->tally.waits), by_seconds);
	others = walk_others(&w, 0, 0);
	for (int span = 0; span < SPANS; span++) {
		if (!enter_span(&w, span)) {
			others = pass_span(c, others, span);
			continue;
		}
		others = walk_span(&w, others, span);
		leave_span(&w);
	}
	walk_others(&w, others, INT64_MAX);
}
