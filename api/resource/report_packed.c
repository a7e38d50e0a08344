/*
 * Counts a day that comes as columns: finds the group of each opportunity, and leaves the groups in the order of waits
 * for report_waits().
 */
#include <stdlib.h>
#include <string.h>

#include "resource/report_group.h"

/* Opportunities with the same wait and state. */
struct run {
	size_t first, end; /* opportunities */
	uint32_t from, to; /* their groups */
	enum state state; /* STATES: not counted */
	int64_t wait;
	uint32_t taken; /* how many are not left out */
};

/* ----------------------------------------------------------------- counting */

/* Finds the groups of a run. Returns false if there are too many. */
static bool
find_groups(struct counting *co, struct run *run)
{
	const uint16_t *table = co->table;
	const uint32_t *combinations = co->of_opportunity,
		       *left_out = co->w.filtered ? co->w.left_out : NULL;
	uint16_t *groups = co->groups;
	uint32_t left = 0;

	run->from = (uint32_t)run->first;
	run->to = (uint32_t)run->end;
	for (size_t i = run->first; i < run->end; i++) {
		uint32_t group =
		    table != NULL ? __atomic_load_n(&table[combinations[i]], __ATOMIC_RELAXED) : 0;

		if (run->state == STATES || (left_out != NULL && left_out[i] != 0)) {
			group = GROUP_LEFT_OUT;
			left++;
		} else if (group == 0) {
			group = report_group_at(co, i, SIZE_MAX);
			if (group == 0)
				return false;
		}
		groups[i] = (uint16_t)group;
	}
	run->taken = run->to - run->from - left;
	return true;
}

static bool
row_taken(const struct work *w, size_t row)
{
	const struct values *a = &w->day->values[ACTION], *f = &w->day->values[FINAL_STATE];

	return (w->actions_taken == NULL ||
		   w->actions_taken[row != SIZE_MAX ? place_at(a, row) : (uint32_t)a->n]) &&
	       (w->final_states_taken == NULL ||
		   w->final_states_taken[row != SIZE_MAX ? place_at(f, row) : (uint32_t)f->n]);
}

/*
 * Finds the groups of an opportunity with so many rows of the grid: none counts as one without values, and rows of the same group count once.
 * Returns how many it is in, or -1: there are too many groups.
 */
static inline int
find_groups_of(struct counting *co, size_t opportunity, size_t rows)
{
	const size_t first = co->n, n = rows > 0 ? rows : 1;
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		const size_t row = rows > 0 ? co->row + i : SIZE_MAX;
		uint32_t group = GROUP_LEFT_OUT;

		if (row_taken(&co->w, row)) {
			group = report_group_at(co, opportunity, row);
			if (group == 0)
				return -1;
			for (size_t k = first; k < co->n; k++)
				if (co->groups[k] == group)
					group = GROUP_LEFT_OUT;
			found += group != GROUP_LEFT_OUT;
		}
		co->groups[co->n++] = (uint16_t)group;
	}
	return found;
}

/* The same as find_groups, with a grid. */
static bool
find_groups_of_rows(struct counting *co, struct run *run)
{
	const struct work *w = &co->w;
	const struct values *v = &w->day->values[ACTIONS];

	run->from = (uint32_t)co->n;
	run->taken = 0;
	for (size_t i = run->first; i < run->end; i++) {
		const size_t rows = (size_t)v->of[place_at(v, i)];

		if (run->state != STATES && !(w->filtered && w->left_out[i] != 0)) {
			const int found = find_groups_of(co, i, rows);

			if (found < 0)
				return false;
			run->taken += found > 0;
		}
		co->row += rows;
	}
	run->to = (uint32_t)co->n;
	return true;
}

/* Counts the groups of a run; of waits that are in a lane, how many are in their span. */
static void
count_run(struct counting *co, const struct run *run, bool in_lane)
{
	struct tally *t = co->tally;
	const bool of_actions = co->w.c->of_actions;
	uint32_t *of_state = &t->states[0][run->state], *span;

	for (uint32_t i = run->from; i < run->to; i++)
		of_state[(size_t)co->groups[i] * STATES]++;
	if (of_actions)
		t->states[0][run->state] += run->taken;
	if (run->state == STATE_VOIDED)
		return;
	if (in_lane) {
		span = tally_span(t, run->wait);
		for (uint32_t i = run->from; i < run->to; i++)
			span[co->groups[i]]++;
		span[0] += run->taken;
		return;
	}
	for (uint32_t i = run->from; i < run->to; i++)
		if (co->groups[i] != GROUP_LEFT_OUT)
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

/* The lane of a day, and room for it. */
struct lane_room {
	struct lane *lane;
	uint32_t *from, *to, *totals;
};

/* Counts the opportunities of a wait, which stand behind those of the run before, and adds the wait to the lane. */
static bool
count_wait(struct counting *co, const struct lane_room *room, struct run *run, size_t wait)
{
	struct lane *lane = room->lane;
	const struct values *runs = &co->w.day->values[RUNS];
	const bool in_lane = run->wait >= 0 && run->wait < LANE_WAITS;
	uint32_t from = UINT32_MAX, to = 0, totals = 0;

	for (int i = 0; i < DAY_STATES; i++) {
		const int64_t n = runs->of[place_at(runs, DAY_STATES * wait + (size_t)i)];

		if (n == 0)
			continue;
		run->first = run->end;
		run->end += (size_t)n;
		run->state = state_of(co->w.c, i);
		if (!(co->days->grid ? find_groups_of_rows(co, run) : find_groups(co, run)))
			return false;
		if (run->state == STATES)
			continue;
		count_run(co, run, in_lane);
		if (run->state == STATE_VOIDED)
			continue;
		from = run->from < from ? run->from : from;
		to = run->to;
		totals += run->taken;
	}
	if (!in_lane || from == UINT32_MAX)
		return true;
	room->from[wait] = from;
	room->to[wait] = to;
	room->totals[wait] = totals;
	/* Those in the lane stand side by side, for waits ascend; some of them may have nothing to count. */
	if (lane->n == 0) {
		lane->seconds = &co->w.day->waits[wait];
		lane->from = &room->from[wait];
		lane->to = &room->to[wait];
		lane->totals = &room->totals[wait];
	}
	lane->n = (uint32_t)(&co->w.day->waits[wait] - lane->seconds) + 1;
	return true;
}

static bool
count_runs(struct counting *co)
{
	const struct day *day = co->w.day;
	struct lane *lane = &co->w.c->lanes[day - co->days->of];
	const struct lane_room room = { lane,
		report_zeros(co->arena, day->nwaits, sizeof(uint32_t)),
		report_zeros(co->arena, day->nwaits, sizeof(uint32_t)),
		report_zeros(co->arena, day->nwaits, sizeof(uint32_t)) };
	struct run run = { .end = 0 };

	co->groups = arena_alloc(
	    co->arena, ((size_t)day->n + day->values[ACTION].count) * sizeof(*co->groups));
	co->n = co->row = 0;
	lane->groups = co->groups;
	for (size_t i = 0; i < day->nwaits; i++) {
		run.wait = day->waits[i];
		if (!count_wait(co, &room, &run, i))
			return false;
	}
	lane->at = lane->n > 0 ? lane->seconds[0] : INT64_MAX;
	return true;
}

bool
report_day_count(struct counting *co, struct day *day)
{
	bool fits;

	co->w.day = day;
	arena_init(&co->w.arena);
	report_day_take(&co->w);
	report_combine(co);
	fits = count_runs(co);
	arena_free(&co->w.arena);
	return fits;
}
