#include "resource/report_tally.h"

#include <stdlib.h>
#include <string.h>

#include "resource/report_shape.h"

/* Like an arena's, allocations do not fail: base/arena.h says why. */
static void *
enough(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void *
report_zeros(struct arena *arena, size_t n, size_t size)
{
	return memset(arena_alloc(arena, n * size), 0, n * size);
}

void
tally_make(struct tally *t, struct arena *arena)
{
	*t = (struct tally){
		.states = report_zeros(arena, GROUPS_MAX, sizeof(*t->states)),
		.without = report_zeros(arena, GROUPS_MAX, sizeof(*t->without)),
		/* Mostly pages that nobody touches, for a report has few groups. */
		.spans = enough(calloc((size_t)SPANS * GROUPS_MAX, sizeof(*t->spans))),
		.cells = enough(calloc(
		    (size_t)SPANS * (STATES - STATE_RETAINED) * GROUPS_MAX, sizeof(*t->cells))),
	};
}

/* Makes room for n more waits. */
static void
make_room(struct tally *t, size_t n)
{
	if (t->nwaits + n <= t->waits_size)
		return;
	t->waits_size = 2 * (t->nwaits + n) + 1024;
	t->waits = enough(realloc(t->waits, t->waits_size * sizeof(*t->waits)));
}

void
tally_wait(struct tally *t, uint32_t group, int64_t seconds, int64_t n)
{
	if (seconds == REPORT_NONE) {
		t->without[group] += (uint32_t)n;
		return;
	}
	make_room(t, 1);
	t->waits[t->nwaits++] = (struct wait){ seconds, n, group };
}

void
tally_free(struct tally *t)
{
	free(t->spans);
	free(t->cells);
	free(t->waits);
	t->spans = NULL;
	t->cells = NULL;
	t->waits = NULL;
}

void
tally_fold(struct tally *t, uint32_t ngroups)
{
	const uint32_t *cell = t->cells;

	for (uint32_t *span = t->spans; span < t->spans + (size_t)SPANS * GROUPS_MAX;
	     span += GROUPS_MAX)
		for (int state = STATE_RETAINED; state < STATES; state++, cell += GROUPS_MAX)
			for (uint32_t group = 1; group < ngroups; group++) {
				t->states[group][state] += cell[group];
				span[group] += cell[group];
			}
	free(t->cells);
	t->cells = NULL;
}

void
tally_merge(struct tally *t, struct tally *other, uint32_t ngroups)
{
	for (uint32_t group = 0; group < ngroups; group++) {
		for (int s = 0; s < STATES; s++)
			t->states[group][s] += other->states[group][s];
		t->without[group] += other->without[group];
	}
	for (size_t at = 0; at < (size_t)SPANS * GROUPS_MAX; at += GROUPS_MAX)
		for (uint32_t group = 0; group < ngroups; group++)
			t->spans[at + group] += other->spans[at + group];
	make_room(t, other->nwaits);
	if (other->nwaits > 0)
		memcpy(t->waits + t->nwaits, other->waits, other->nwaits * sizeof(*t->waits));
	t->nwaits += other->nwaits;
	tally_free(other);
}
