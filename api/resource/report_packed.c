/*
 * Counts a day that comes as columns: finds the group of each opportunity, and leaves the groups in the order of waits
 * for report_waits().
 */
#include <stdlib.h>
#include <string.h>

#include "resource/report_group.h"

/* Opportunities with the same wait and state. */
struct run {
	uint32_t from, to; /* their groups */
	uint32_t taken; /* how many are not left out */
	enum state state;
	int64_t wait;
};

/* ------------------------------------------------------------------- groups */

static bool
is_left_out(const struct work *w, size_t opportunity)
{
	return w->filtered && w->left_out[opportunity] != 0;
}

/* Finds the groups of a day's opportunities. Returns false if there are too many. */
static bool
find_groups(struct counting *co)
{
	const size_t n = (size_t)co->w.day->n;
	uint32_t at = 0;

	for (size_t i = 0; i < n; i++) {
		co->starts[i] = at;
		if (is_left_out(&co->w, i)) {
			co->all = false;
			continue;
		}
		co->groups[at] = report_group_at(co, i, SIZE_MAX);
		if (co->groups[at++] == 0)
			return false;
	}
	co->starts[n] = at;
	return true;
}

/* Whether a row of the grid is left out, or the one that stands for none: SIZE_MAX. */
static bool
is_row_left_out(const struct work *w, size_t row)
{
	return row == SIZE_MAX ? w->no_row_left_out
			       : w->rows_filtered && w->rows_left_out[row] != 0;
}

/*
 * Finds the groups of an opportunity with n rows of the grid from `row` on: none counts as one without values, and rows of the same group count
 * once. Returns false if there are too many.
 */
static bool
find_groups_of(struct counting *co, size_t opportunity, size_t row, size_t n, uint32_t *at)
{
	const uint32_t first = *at;

	for (size_t i = 0; i < n || i == 0; i++) {
		const size_t one = n > 0 ? row + i : SIZE_MAX;
		uint16_t group;
		uint32_t k;

		if (is_row_left_out(&co->w, one))
			continue;
		group = report_group_at(co, opportunity, one);
		if (group == 0)
			return false;
		for (k = first; k < *at && co->groups[k] != group;)
			k++;
		if (k == *at)
			co->groups[(*at)++] = group;
	}
	co->all &= *at > first;
	return true;
}

/*
 * The same for an opportunity with at most two rows, as nearly all have, without a branch that depends on them, for the processor would
 * predict half of them wrong. Finds nothing, and returns false, if one of the groups is not in the table yet.
 */
static inline bool
find_two_groups(struct counting *co, size_t opportunity, size_t row, size_t n, uint32_t *at)
{
	const struct work *w = &co->w;
	const uint16_t *table = co->table + co->of_opportunity[opportunity];
	const uint32_t one = co->of_row[row], two = co->of_row[row + 1],
		       first = n > 0 ? one : co->of_no_row, second = n > 1 ? two : first;
	const uint16_t group = __atomic_load_n(&table[first], __ATOMIC_RELAXED),
		       other = __atomic_load_n(&table[second], __ATOMIC_RELAXED);
	bool taken = true, other_taken = n > 1;

	if (w->rows_filtered) {
		const bool one_taken = w->rows_left_out[row] == 0;

		taken = n > 0 ? one_taken : !w->no_row_left_out;
		other_taken &= w->rows_left_out[row + 1] == 0;
	}
	if ((taken & (group == 0)) | (other_taken & (other == 0)))
		return false;
	co->groups[*at] = group;
	*at += taken;
	co->groups[*at] = other;
	*at += other_taken & !(taken & (other == group));
	co->all &= taken | other_taken;
	return true;
}

/* The same as find_groups, with a grid. */
static bool
find_groups_of_rows(struct counting *co)
{
	const struct work *w = &co->w;
	const struct values *v = &w->day->values[ACTIONS];
	const bool by_two = co->table != NULL;
	const size_t n = (size_t)w->day->n;
	size_t row = 0, rows;
	uint32_t at = 0;

	for (size_t i = 0; i < n; i++, row += rows) {
		rows = (size_t)v->of[place_at(v, i)];
		co->starts[i] = at;
		if (is_left_out(w, i))
			co->all = false;
		else if (!(by_two && rows <= 2 && find_two_groups(co, i, row, rows, &at)) &&
			 !find_groups_of(co, i, row, rows, &at))
			return false;
	}
	co->starts[n] = at;
	return true;
}

/* ----------------------------------------------------------------- counting */

/* How many of the opportunities from first to before end are not left out. */
static uint32_t
count_taken(const struct counting *co, size_t first, size_t end)
{
	uint32_t taken = 0;

	for (size_t i = first; i < end; i++)
		taken += co->starts[i + 1] > co->starts[i];
	return taken;
}

/* Counts the groups of a run. Of nearly all opportunities that is one addition for each group; tally_fold() does the rest. */
static void
count_run(struct counting *co, const struct run *run, bool in_lane)
{
	struct tally *t = co->tally;
	const bool of_actions = co->w.c->of_actions;
	uint32_t *of_state = &t->states[0][run->state], *cell;

	if (of_actions)
		t->states[0][run->state] += run->taken;
	if (in_lane && run->state != STATE_VOIDED) {
		cell = tally_cell(t, run->wait, run->state);
		for (uint32_t i = run->from; i < run->to; i++)
			cell[co->groups[i]]++;
		tally_span(t, run->wait)[0] += run->taken;
		return;
	}
	for (uint32_t i = run->from; i < run->to; i++)
		of_state[(size_t)co->groups[i] * STATES]++;
	if (run->state == STATE_VOIDED)
		return;
	for (uint32_t i = run->from; i < run->to; i++)
		tally_wait(t, co->groups[i], run->wait, 1);
	if (of_actions && run->taken > 0)
		tally_wait(t, 0, run->wait, run->taken);
}

/* The states of a day's runs; a report of voided ones shows their stages, and no others. */
static enum state
state_of(const struct report_count *c, int i)
{
	const bool voided = i >= DAY_STATES / 2;

	if (voided == c->only_voided)
		return (enum state)(STATE_RETAINED + i % (DAY_STATES / 2));
	return voided ? STATE_VOIDED : STATES;
}

/* A report of voided opportunities counts no others. */
static void
leave_out_states(struct work *w)
{
	const struct values *runs = &w->day->values[RUNS];
	size_t at = 0;

	for (size_t i = 0; i < runs->count; i++) {
		const size_t n = (size_t)runs->of[place_at(runs, i)];

		if (n > 0 && state_of(w->c, (int)(i % DAY_STATES)) == STATES) {
			for (size_t k = 0; k < n; k++)
				w->left_out[at + k] = 1;
			w->filtered = true;
		}
		at += n;
	}
}

/* Of each wait of a day, as struct lane has them. */
struct of_waits {
	uint32_t *from, *to, *totals;
};

/* Counts the opportunities of a wait, of which the first is the *at-th of the day. */
static void
count_wait(struct counting *co, const struct of_waits *of, size_t wait, size_t *at)
{
	const struct values *runs = &co->w.day->values[RUNS];
	struct run run = { .wait = co->w.day->waits[wait] };
	const bool in_lane = run.wait >= 0 && run.wait < LANE_WAITS;

	of->from[wait] = of->to[wait] = co->starts[*at];
	for (int i = 0; i < DAY_STATES; i++) {
		const size_t n = (size_t)runs->of[place_at(runs, DAY_STATES * wait + (size_t)i)];
		const size_t first = *at;

		*at += n;
		run.taken = co->all ? (uint32_t)n : count_taken(co, first, *at);
		if (run.taken == 0)
			continue;
		run.from = co->starts[first];
		run.to = co->starts[*at];
		run.state = state_of(co->w.c, i);
		count_run(co, &run, in_lane);
		if (run.state == STATE_VOIDED)
			continue;
		of->to[wait] = run.to;
		of->totals[wait] += run.taken;
	}
}

static void
count_waits(struct counting *co)
{
	const struct day *day = co->w.day;
	struct lane *lane = &co->w.c->lanes[day - co->days->of];
	const struct of_waits of = { report_zeros(co->arena, day->nwaits, sizeof(uint32_t)),
		report_zeros(co->arena, day->nwaits, sizeof(uint32_t)),
		report_zeros(co->arena, day->nwaits, sizeof(uint32_t)) };
	size_t at = 0, first = 0, end;

	for (size_t i = 0; i < day->nwaits; i++)
		count_wait(co, &of, i, &at);
	/* They ascend. */
	while (first < day->nwaits && day->waits[first] < 0)
		first++;
	for (end = first; end < day->nwaits && day->waits[end] < LANE_WAITS;)
		end++;
	*lane = (struct lane){ .seconds = day->waits + first,
		.from = of.from + first,
		.to = of.to + first,
		.totals = of.totals + first,
		.groups = co->groups,
		.n = (uint32_t)(end - first),
		.at = end > first ? day->waits[first] : INT64_MAX };
}

bool
report_day_count(struct counting *co, struct day *day)
{
	bool fits;

	co->w.day = day;
	arena_init(&co->w.arena);
	report_day_take(&co->w);
	if (co->w.c->only_voided)
		leave_out_states(&co->w);
	report_combine(co);
	/* One more than there can be, for find_two_groups(). */
	co->groups =
	    arena_alloc(co->arena, ((size_t)day->n + day->nrows + 1) * sizeof(*co->groups));
	co->all = true;
	fits = co->days->grid != 0 ? find_groups_of_rows(co) : find_groups(co);
	if (fits)
		count_waits(co);
	arena_free(&co->w.arena);
	return fits;
}
