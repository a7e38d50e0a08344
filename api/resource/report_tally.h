/*
 * report_tally - adds up opportunities and waits by group. Each thread that counts has a tally of its own. Private to the report.
 */
#ifndef RESOURCE_REPORT_TALLY_H
#define RESOURCE_REPORT_TALLY_H

#include <stdint.h>

#include "base/arena.h"

/* Answers with more rows help nobody. */
#define REPORT_ROWS_MAX 10000

/* A group's number is its place in arrays; 0 is that of the totals. There are so few that 16 bits hold a number. */
#define GROUPS_MAX (REPORT_ROWS_MAX + 1)
_Static_assert(GROUPS_MAX <= UINT16_MAX, "group numbers");

/* As report_columns() has them. Voided ones are those of 0. */
enum state { STATE_VOIDED, STATE_RETAINED, STATE_LOST, STATE_IN_PROCESS, STATES };

/* Waits of a group, in seconds: from the contact to the opportunity, or the other way if negative. */
struct wait {
	int64_t seconds, n;
	uint32_t group;
};

/* Lanes (report_count.h) hold waits from 0 to before so many seconds, in which nearly all are. */
#define LANE_WAITS 4096

/* These waits are divided into spans: of 16 s where most are, of 64 s, and of 256 s. */
#define SPANS 64

struct tally {
	uint32_t (*states)
	    [STATES]; /* of each group: opportunities by state; until tally_fold(), without those of cells */
	uint32_t *
	    cells; /* until tally_fold(), of each span, of each state from STATE_RETAINED on, of each group: opportunities whose waits are in lanes */
	uint32_t *without; /* of each group: those, not voided, that have no contact */
	uint32_t *
	    spans; /* of each span, of each group: waits in lanes; of the totals, the opportunities that waited so long */
	struct wait *waits; /* those that are in no lane */
	size_t nwaits, waits_size;
};

/* report_zeros - an array of n zeros of `size` bytes each. */
void *report_zeros(struct arena *arena, size_t n, size_t size);

/* tally_make - makes a tally of nothing, for tally_free(). */
void tally_make(struct tally *t, struct arena *arena);

/* tally_wait - counts n opportunities whose wait is in no lane. seconds: REPORT_NONE of those without a contact. */
void tally_wait(struct tally *t, uint32_t group, int64_t seconds, int64_t n);

void tally_free(struct tally *t);

/* tally_fold - adds the cells of the groups 1 to before ngroups to their states and spans, and frees them. */
void tally_fold(struct tally *t, uint32_t ngroups);

/* tally_merge - adds the groups 0 to before ngroups of another tally, which it frees. Both are folded. */
void tally_merge(struct tally *t, struct tally *other, uint32_t ngroups);

/* span_of - the span of a wait from 0 to before LANE_WAITS. */
static inline int
span_of(int64_t seconds)
{
	return (int)(seconds < 512    ? seconds / 16
		     : seconds < 2048 ? 24 + seconds / 64
				      : 48 + seconds / 256);
}

/* span_end - the first wait after a span. */
static inline int64_t
span_end(int span)
{
	return span < 32 ? 16 * (span + 1) : span < 56 ? 64 * (span - 23) : 256 * (span - 47);
}

/* tally_cell - of each group: opportunities of a state, which is not voided, whose waits are in the span that a wait is in. */
static inline uint32_t *
tally_cell(const struct tally *t, int64_t seconds, enum state state)
{
	const size_t at =
	    (size_t)span_of(seconds) * (STATES - STATE_RETAINED) + state - STATE_RETAINED;

	return t->cells + at * GROUPS_MAX;
}

/* tally_span - of each group: waits of the span that a wait is in. */
static inline uint32_t *
tally_span(const struct tally *t, int64_t seconds)
{
	return t->spans + (size_t)span_of(seconds) * GROUPS_MAX;
}

#endif
