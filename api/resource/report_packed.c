/*
 * Counts the days that come as columns: finds the group of each opportunity, and leaves the groups in the order of waits
 * for report_waits.
 */
#include <stdlib.h>
#include <string.h>

#include "resource/report_day.h"

#define DAYS_MAX 366

/* Groups are found by their places while there are no more combinations of these; else by hashing. */
#define COMBINATIONS_MAX (1U << 24)

/* What is looked up for an opportunity: its state, and its wait as a place in the day's lane, or beside it. */
#define CODE_STATE(code) ((enum state)((code) >> 29))
#define CODE_WAIT(code)	 ((code) & ((1U << 29) - 1))
#define CODE_IN_NO_LANE	 (1U << 28) /* the place of a value follows; a column of 1 GB has fewer */
_Static_assert(STATES < 8, "three bits");

/* The different keys of a dimension in all days, in the order in which they were found. */
struct axis {
	int64_t *keys;
	uint32_t *slots; /* by hash: place + 1; 0: free. There are twice as many as keys have room */
	uint32_t n, room;
};

struct counting {
	struct work w; /* of the day that is counted */
	struct axis axes[REPORT_DIMENSIONS_MAX];
	uint32_t factors[REPORT_DIMENSIONS_MAX];
	uint16_t *table; /* groups by combination, 0: not found yet. NULL: there are too many */
	uint32_t *of_opportunity, *of_row, of_no_row; /* parts of the combination */
	uint32_t *codes;
	/* Those found with a wait in the day's lane. */
	uint16_t *groups;
	uint32_t *waits, n;
	uint32_t opportunity, *counted_last; /* with a grid: a number for each, and of each group the last one that it counts */
	struct lane *lane;
	uint32_t *lane_counts, *lane_totals;
};

/* --------------------------------------------------------------------- keys */

static bool
is_of_day(int number)
{
	return number <= MONTH || number == WEEKDAY;
}

static uint32_t axis_place(struct axis *a, int64_t key, struct arena *arena);

static void
axis_grow(struct axis *a, struct arena *arena)
{
	const struct axis old = *a;

	a->room = old.room != 0 ? 4 * old.room : 64;
	a->keys = arena_alloc(arena, a->room * sizeof(*a->keys));
	a->slots = arena_alloc(arena, 2 * a->room * sizeof(*a->slots));
	memset(a->slots, 0, 2 * a->room * sizeof(*a->slots));
	a->n = 0;
	for (uint32_t i = 0; i < old.n; i++)
		(void)axis_place(a, old.keys[i], arena);
}

/* The place of a key, which is added if it is new. */
static uint32_t
axis_place(struct axis *a, int64_t key, struct arena *arena)
{
	const uint64_t hash = (uint64_t)key * UINT64_C(0x9E3779B97F4A7C15);
	uint32_t slot;

	if (a->n == a->room)
		axis_grow(a, arena);
	slot = (uint32_t)(hash >> 32) & (2 * a->room - 1);
	for (; a->slots[slot] != 0; slot = (slot + 1) & (2 * a->room - 1))
		if (a->keys[a->slots[slot] - 1] == key)
			return a->slots[slot] - 1;
	a->keys[a->n++] = key;
	a->slots[slot] = a->n;
	return a->n - 1;
}

/* Places the keys of a day's dimension: of each value of its column, and one more for rows of the grid that do not exist. */
static void
place_keys(struct counting *co, struct day *day, int dimension)
{
	struct report_count *c = co->w.c;
	const int number = c->r->dimensions[dimension].number;
	const struct values *v = &day->values[number];
	struct axis *axis = &co->axes[dimension];
	uint32_t *places;

	if (is_of_day(number)) {
		const int64_t key =
		    number == 0	      ? REPORT_NONE
		    : number == DAY   ? day->number
		    : number == WEEK  ? day->number - (report_weekday(day->number) - 1)
		    : number == MONTH ? day->number - (report_calendar(day->number).tm_mday - 1)
				      : report_weekday(day->number);

		places = arena_alloc(&c->arena, sizeof(*places));
		places[0] = axis_place(axis, key, &c->arena);
	} else {
		const int n = v->n + is_of_grid(number);

		places = arena_alloc(&c->arena, ((size_t)n + 1) * sizeof(*places));
		for (int i = 0; i < n; i++) {
			const int64_t key = number >= CHOICES && v->of[i] != NO_VALUE
						? report_item_for(c, dimension, v->of[i])
						: v->of[i];

			places[i] = axis_place(axis, key, &c->arena);
		}
	}
	day->places[dimension] = places;
}

/* The group of an opportunity and a row of its grid; 0: there are too many groups. row: SIZE_MAX: none */
static uint32_t
find_group(const struct counting *co, size_t opportunity, size_t row)
{
	const struct day *day = co->w.day;
	int64_t keys[REPORT_DIMENSIONS_MAX];

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const int number = co->w.c->r->dimensions[i].number;
		const struct values *v = &day->values[number];
		const uint32_t value = is_of_day(number)     ? 0
				       : !is_of_grid(number) ? place_at(v, opportunity)
				       : row != SIZE_MAX     ? place_at(v, row)
							     : (uint32_t)v->n;

		keys[i] = co->axes[i].keys[day->places[i][value]];
	}
	return group_of(co->w.c, keys);
}

static uint32_t
group_at(struct counting *co, size_t opportunity, size_t row)
{
	uint16_t *found;

	if (co->table == NULL)
		return find_group(co, opportunity, row);
	found = &co->table[co->of_opportunity[opportunity] +
			   (row != SIZE_MAX ? co->of_row[row] : co->of_no_row)];
	if (*found == 0)
		*found = (uint16_t)find_group(co, opportunity, row);
	return *found;
}

static void
make_table(struct counting *co)
{
	uint64_t size = 1;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		if (size * co->axes[i].n > COMBINATIONS_MAX)
			return;
		co->factors[i] = (uint32_t)size;
		size *= co->axes[i].n;
	}
	co->table = report_zeros(co->w.c, size, sizeof(*co->table));
}

/* Fills the combinations of a day's opportunities and rows. */
static void
combine(struct counting *co)
{
	struct work *w = &co->w;
	uint32_t base = 0;

	co->of_no_row = 0;
	if (co->table == NULL)
		return;
	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
		if (is_of_day(w->c->r->dimensions[i].number))
			base += w->day->places[i][0] * co->factors[i];
	for (int i = 0; i < w->day->n; i++)
		co->of_opportunity[i] = base;
	memset(co->of_row, 0, w->day->values[ACTION].count * sizeof(*co->of_row));
	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const int number = w->c->r->dimensions[i].number;
		const struct values *v = &w->day->values[number];
		uint32_t *places;

		if (is_of_day(number))
			continue;
		places = arena_alloc(&w->arena, ((size_t)v->n + 1) * sizeof(*places));
		for (int k = 0; k < v->n + is_of_grid(number); k++)
			places[k] = w->day->places[i][k] * co->factors[i];
		if (is_of_grid(number))
			co->of_no_row += places[v->n];
		if (v->count > 0)
			report_day_look_up(
			    v, places, is_of_grid(number) ? co->of_row : co->of_opportunity);
	}
}

/* ----------------------------------------------------------------- counting */

/* Fills the codes of a day's opportunities; a report of voided ones shows their stages. */
static void
encode(struct counting *co)
{
	struct work *w = &co->w;
	const struct values *state = &w->day->values[STATE], *seconds = &w->day->values[SECONDS];
	uint32_t *states = arena_alloc(&w->arena, (size_t)state->n * sizeof(*states));
	uint32_t *waits = arena_alloc(&w->arena, (size_t)seconds->n * sizeof(*waits));
	uint32_t n = 0;

	for (int i = 0; i < state->n; i++) {
		const bool voided = (state->of[i] & STATE_VOIDED_BIT) != 0;
		const enum state of = voided && !w->c->only_voided ? STATE_VOIDED
				      : w->c->only_voided && !voided
					  ? STATES
					  : (enum state)(state->of[i] & ~STATE_VOIDED_BIT);

		states[i] = (uint32_t)of << 29;
	}
	co->lane = &w->c->lanes[w->c->nlanes++];
	for (int i = 0; i < seconds->n; i++) {
		const bool in_lane = seconds->of[i] >= 0 && seconds->of[i] < LANE_WAITS;

		waits[i] = in_lane ? n++ : CODE_IN_NO_LANE + (uint32_t)i;
		if (in_lane && n == 1)
			co->lane->seconds = &seconds->of[i];
	}
	co->lane->n = n;
	co->lane->at = n > 0 ? co->lane->seconds[0] : INT64_MAX;
	co->lane_counts = report_zeros(w->c, n, sizeof(*co->lane_counts));
	co->lane_totals = w->c->of_actions ? report_zeros(w->c, n, sizeof(*co->lane_totals)) : NULL;
	co->n = 0;
	memset(co->codes, 0, (size_t)w->day->n * sizeof(*co->codes));
	report_day_look_up(state, states, co->codes);
	report_day_look_up(seconds, waits, co->codes);
}

/* Puts those found in the order of their waits. */
static void
fill_lane(struct counting *co)
{
	uint16_t *groups = arena_alloc(&co->w.c->arena, co->n * sizeof(*groups));
	uint32_t *at = co->lane_counts, upto = 0;

	for (uint32_t i = 0; i < co->lane->n; i++) {
		const uint32_t n = at[i];

		at[i] = upto;
		upto += n;
	}
	for (uint32_t i = 0; i < co->n; i++)
		groups[at[co->waits[i]]++] = co->groups[i];
	co->lane->ends = at;
	co->lane->totals = co->lane_totals;
	co->lane->groups = groups;
}

/* Counts an opportunity of a group; 0: of the totals, whose part of the lane is counted apart. */
static inline void
count(struct counting *co, uint32_t group, uint32_t code)
{
	struct report_count *c = co->w.c;
	const uint32_t wait = CODE_WAIT(code);

	c->states[group][CODE_STATE(code)]++;
	if (CODE_STATE(code) == STATE_VOIDED)
		return;
	if ((wait & CODE_IN_NO_LANE) != 0) {
		group_wait(c, group, co->w.day->values[SECONDS].of[wait - CODE_IN_NO_LANE], 1);
	} else if (group == 0) {
		co->lane_totals[wait]++;
	} else {
		co->groups[co->n] = (uint16_t)group;
		co->waits[co->n++] = wait;
		co->lane_counts[wait]++;
	}
}

static bool
count_plain(struct counting *co)
{
	const struct work *w = &co->w;

	for (int i = 0; i < w->day->n; i++) {
		uint32_t group;

		if ((w->filtered && w->left_out[i] != 0) || CODE_STATE(co->codes[i]) == STATES)
			continue;
		group = group_at(co, (size_t)i, SIZE_MAX);
		if (group == 0)
			return false;
		count(co, group, co->codes[i]);
	}
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

/* Counts one opportunity, whose rows of the grid are `rows` from `first` on: none counts as one without values. */
static bool
count_grid_of(struct counting *co, size_t opportunity, size_t first, int64_t rows)
{
	bool any = false;

	co->opportunity++;
	for (int64_t i = 0; i < rows || i == 0; i++) {
		const size_t row = rows > 0 ? first + (size_t)i : SIZE_MAX;
		uint32_t group;

		if (!row_taken(&co->w, row))
			continue;
		any = true;
		group = group_at(co, opportunity, row);
		if (group == 0)
			return false;
		if (co->counted_last[group] != co->opportunity)
			count(co, group, co->codes[opportunity]);
		co->counted_last[group] = co->opportunity;
	}
	if (any && co->w.c->of_actions)
		count(co, 0, co->codes[opportunity]);
	return true;
}

static bool
count_grid(struct counting *co)
{
	const struct work *w = &co->w;
	const struct values *v = &w->day->values[ACTIONS];
	size_t row = 0;

	for (int i = 0; i < w->day->n; i++) {
		const int64_t rows = v->of[place_at(v, (size_t)i)];

		if (!(w->filtered && w->left_out[i] != 0) &&
		    CODE_STATE(co->codes[i]) != STATES &&
		    !count_grid_of(co, (size_t)i, row, rows))
			return false;
		row += (size_t)rows;
	}
	return true;
}

static bool
count_day(struct counting *co, struct day *day, bool grid)
{
	bool fits;

	co->w.day = day;
	arena_init(&co->w.arena);
	report_day_take(&co->w);
	combine(co);
	encode(co);
	fits = grid ? count_grid(co) : count_plain(co);
	fill_lane(co);
	arena_free(&co->w.arena);
	return fits;
}

static int
by_day_and_id(const void *a, const void *b)
{
	const struct changed *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* Collects the days with their columns, in the order of the days. Returns how many there are. */
static int
take_days(struct counting *co, struct day *days)
{
	struct work *w = &co->w;
	const struct result *p = w->c->pieces;
	const int rows = result_rows(p);
	int64_t first = INT64_MAX;
	struct changed *changes;
	int n = 0;

	for (int row = 0; row < rows; row++) {
		const int64_t kind = result_number(p, row, PIECE_KIND);

		w->nchanges += kind == CHANGED;
		if (kind == PACKED_DAY && result_number(p, row, PIECE_A) < first)
			first = result_number(p, row, PIECE_A);
	}
	w->changes = changes = arena_alloc(&w->c->arena, w->nchanges * sizeof(*changes));
	for (int row = 0; row < rows; row++) {
		const int64_t kind = result_number(p, row, PIECE_KIND),
			      a = result_number(p, row, PIECE_A), b = result_number(p, row, PIECE_B);

		if (kind == CHANGED)
			*changes++ = (struct changed){ a, b };
		if ((kind != PACKED_DAY && kind != COLUMN) || a - first >= DAYS_MAX)
			continue;
		if (a - first >= n)
			n = (int)(a - first) + 1;
		if (kind == PACKED_DAY) {
			days[a - first].number = a;
			days[a - first].n = (int)b;
		} else if (b >= 0 && b < DIMENSION_NUMBERS) {
			days[a - first].columns[b] =
			    (struct column){ (const unsigned char *)result_text(p, row, PIECE_DATA),
				    result_length(p, row, PIECE_DATA) };
		}
	}
	if (w->nchanges > 0)
		qsort(changes - w->nchanges, w->nchanges, sizeof(*changes), by_day_and_id);
	return n;
}

static bool
wants_grid(const struct report_count *c)
{
	return c->of_actions || c->r->filters[FILTER_STAGE + ACTION_FILTER] != NULL ||
	       c->r->filters[FILTER_STAGE + FINAL_STATE_FILTER] != NULL;
}

bool
report_packed(struct report_count *c)
{
	const char *weekday = c->r->filters[FILTER_WEEKDAY];
	const bool grid = wants_grid(c);
	struct counting co = { .w = { .c = c } };
	struct day *days = report_zeros(c, DAYS_MAX, sizeof(*days));
	const int ndays = take_days(&co, days);
	size_t most = 0, most_rows = 0;

	for (struct day *day = days; day < days + ndays; day++) {
		if (weekday != NULL && strtol(weekday, NULL, 10) != report_weekday(day->number))
			day->n = 0;
		if (day->n == 0)
			continue;
		if (!report_day_open(day, grid, &c->arena)) {
			c->broken = true;
			return true;
		}
		most = (size_t)day->n > most ? (size_t)day->n : most;
		if (day->values[ACTION].count > most_rows)
			most_rows = day->values[ACTION].count;
		for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
			place_keys(&co, day, i);
	}
	make_table(&co);
	c->lanes = report_zeros(c, DAYS_MAX, sizeof(*c->lanes));
	co.w.left_out = arena_alloc(&c->arena, most * sizeof(*co.w.left_out));
	co.of_opportunity = arena_alloc(&c->arena, most * sizeof(*co.of_opportunity));
	co.of_row = arena_alloc(&c->arena, most_rows * sizeof(*co.of_row));
	co.codes = arena_alloc(&c->arena, most * sizeof(*co.codes));
	co.groups = arena_alloc(&c->arena, (most + most_rows) * sizeof(*co.groups));
	co.waits = arena_alloc(&c->arena, (most + most_rows) * sizeof(*co.waits));
	co.counted_last = report_zeros(c, REPORT_ROWS_MAX + 1, sizeof(*co.counted_last));
	for (struct day *day = days; day < days + ndays; day++)
		if (day->n > 0 && !count_day(&co, day, grid))
			return false;
	return true;
}
