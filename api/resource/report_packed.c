/*
 * Counts the days that come as columns.
 */
#include <string.h>

#include "resource/report_day.h"

#define DAYS_MAX 366

/* Groups are found by their places while there are no more combinations of these; else by hashing. */
#define COMBINATIONS_MAX 65536

/* --------------------------------------------------------------------- keys */

/* The keys of a dimension: of each value of its column, and one more for rows that do not exist. */
static void
make_keys(struct work *w, int dimension)
{
	const int number = w->c->r->dimensions[dimension].number;
	const struct values *v = &w->values[number];
	const int64_t day = w->day->number;
	int64_t *keys;

	if (number <= MONTH || number == WEEKDAY) {
		keys = arena_alloc(&w->arena, sizeof(*keys));
		keys[0] = number == 0	    ? REPORT_NONE
			  : number == DAY   ? day
			  : number == WEEK  ? day - (report_weekday(day) - 1)
			  : number == MONTH ? day - (report_calendar(day).tm_mday - 1)
					    : report_weekday(day);
	} else {
		keys = arena_alloc(&w->arena, ((size_t)v->n + 1) * sizeof(*keys));
		for (int i = 0; i <= v->n; i++)
			keys[i] = number >= CHOICES && v->of[i] != NO_VALUE
				      ? report_item_for(w->c, dimension, v->of[i])
				      : v->of[i];
	}
	w->keys[dimension] = keys;
}

/* The place of an opportunity's, or a row's, value among the keys of a dimension. row: of the grid, or SIZE_MAX. */
static uint32_t
place_of(const struct work *w, int dimension, int opportunity, size_t row)
{
	const int number = w->c->r->dimensions[dimension].number;
	const struct values *v = &w->values[number];

	if (number <= MONTH || number == WEEKDAY)
		return 0;
	if (!is_of_grid(number))
		return v->places[opportunity];
	return row != SIZE_MAX ? v->places[row] : (uint32_t)v->n;
}

/* The group of an opportunity and a row of its grid; NULL: there are too many groups. */
static struct group *
find_group(struct work *w, int opportunity, size_t row)
{
	int64_t keys[REPORT_DIMENSIONS_MAX];

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
		keys[i] = w->keys[i][place_of(w, i, opportunity, row)];
	return group_of(w->c, keys);
}

static struct group *
group_at(struct work *w, int opportunity, size_t row)
{
	struct group **found;

	if (w->table == NULL)
		return find_group(w, opportunity, row);
	found = &w->table[w->of_opportunity[opportunity] +
			  (row != SIZE_MAX ? w->of_row[row] : w->of_no_row)];
	if (*found == NULL)
		*found = find_group(w, opportunity, row);
	return *found;
}

/* Adds the places of one dimension, times a factor, to the combinations. */
static void
add_places(const struct values *v, uint32_t *to, uint32_t factor)
{
	for (size_t i = 0; i < v->count; i++)
		to[i] += v->places[i] * factor;
}

static uint32_t *
zeros(struct work *w, size_t n)
{
	uint32_t *all = arena_alloc(&w->arena, (n + 1) * sizeof(*all));

	memset(all, 0, (n + 1) * sizeof(*all));
	return all;
}

static void
make_table(struct work *w)
{
	size_t size = 1;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
		size *= (size_t)w->values[w->c->r->dimensions[i].number].n + 1;
	if (size > COMBINATIONS_MAX)
		return;
	w->table = arena_alloc(&w->arena, size * sizeof(struct group *));
	memset(w->table, 0, size * sizeof(struct group *));
	w->of_opportunity = zeros(w, (size_t)w->day->n);
	w->of_row = zeros(w, w->values[ACTION].count);
	size = 1;
	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const int number = w->c->r->dimensions[i].number;
		const struct values *v = &w->values[number];

		add_places(v, is_of_grid(number) ? w->of_row : w->of_opportunity, (uint32_t)size);
		if (is_of_grid(number))
			w->of_no_row += (uint32_t)v->n * (uint32_t)size;
		size *= (size_t)v->n + 1;
	}
}

/* ----------------------------------------------------------------- counting */

/* What the values of column STATE mean; a report of voided ones shows their stages. */
static void
make_states(struct work *w)
{
	const struct values *v = &w->values[STATE];

	w->states = arena_alloc(&w->arena, (size_t)v->n * sizeof(*w->states));
	for (int i = 0; i < v->n; i++) {
		const bool voided = (v->of[i] & STATE_VOIDED_BIT) != 0;

		w->states[i] = voided && !w->c->only_voided
				   ? STATE_VOIDED
				   : (enum state)(v->of[i] & ~STATE_VOIDED_BIT);
		if (w->c->only_voided && !voided)
			w->states[i] = STATES;
	}
}

static enum state
state_at(const struct work *w, int opportunity)
{
	return w->states[w->values[STATE].places[opportunity]];
}

static int64_t
seconds_at(const struct work *w, int opportunity)
{
	const struct values *v = &w->values[SECONDS];

	return v->of[v->places[opportunity]];
}

static bool
count_plain(struct work *w)
{
	const int64_t *seconds = w->values[SECONDS].of;
	const uint32_t *waits = w->values[SECONDS].places;

	for (int i = 0; i < w->day->n; i++) {
		const enum state state = state_at(w, i);
		const int64_t wait = seconds[waits[i]];
		struct group *g;

		if (w->taken[i] == 0 || state == STATES)
			continue;
		g = group_at(w, i, SIZE_MAX);
		if (g == NULL)
			return false;
		/* What nearly all are is counted here: ten million take 0.1 s. */
		if (g->waits != NULL && wait >= 0 && wait < GROUP_WAITS && state != STATE_VOIDED) {
			g->states[state]++;
			g->contacts++;
			g->waits[wait]++;
		} else {
			group_add(w->c, g, state, wait, 1);
		}
	}
	return true;
}

static bool
row_taken(const struct work *w, size_t row)
{
	const struct values *a = &w->values[ACTION], *f = &w->values[FINAL_STATE];
	const size_t action = row != SIZE_MAX ? a->places[row] : (size_t)a->n,
		     final_state = row != SIZE_MAX ? f->places[row] : (size_t)f->n;

	return (w->actions_taken == NULL || w->actions_taken[action]) &&
	       (w->final_states_taken == NULL || w->final_states_taken[final_state]);
}

/* Counts one opportunity, whose rows of the grid are `rows` from `first` on: none counts as one without values. */
static bool
count_grid_of(struct work *w, int opportunity, size_t first, int64_t rows)
{
	const enum state state = state_at(w, opportunity);
	const int64_t seconds = seconds_at(w, opportunity);
	bool any = false;

	for (int64_t i = 0; i < rows || i == 0; i++) {
		const size_t row = rows > 0 ? first + (size_t)i : SIZE_MAX;
		const uint64_t mark = (uint64_t)w->day->number << 32 | (uint32_t)(opportunity + 1);
		struct group *g;

		if (!row_taken(w, row))
			continue;
		any = true;
		g = group_at(w, opportunity, row);
		if (g == NULL)
			return false;
		if (g->last != mark)
			group_add(w->c, g, state, seconds, 1);
		g->last = mark;
	}
	if (any && w->c->of_actions)
		group_add(w->c, &w->c->totals, state, seconds, 1);
	return true;
}

static bool
count_grid(struct work *w)
{
	const struct values *v = &w->values[ACTIONS];
	size_t row = 0;

	for (int i = 0; i < w->day->n; i++) {
		const int64_t rows = v->of[v->places[i]];

		if (w->taken[i] != 0 && state_at(w, i) != STATES && !count_grid_of(w, i, row, rows))
			return false;
		row += (size_t)rows;
	}
	return true;
}

static bool
count_day(struct report_count *c, const struct day *day, bool grid)
{
	struct work w = { .c = c, .day = day };
	bool fits = true;

	if (day->n == 0)
		return true;
	arena_init(&w.arena);
	if (!report_day_open(&w, grid)) {
		c->broken = true;
	} else {
		report_day_take(&w);
		make_states(&w);
		for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
			make_keys(&w, i);
		make_table(&w);
		fits = grid ? count_grid(&w) : count_plain(&w);
	}
	arena_free(&w.arena);
	return fits;
}

bool
report_packed(struct report_count *c)
{
	const struct report *r = c->r;
	const struct result *p = c->pieces;
	const bool grid = c->of_actions || r->filters[FILTER_STAGE + ACTION_FILTER] != NULL ||
			  r->filters[FILTER_STAGE + FINAL_STATE_FILTER] != NULL;
	struct day *days = arena_alloc(&r->rq->arena, DAYS_MAX * sizeof(*days));
	int ndays = 0;
	bool fits = true;

	for (int row = 0; row < result_rows(p); row++)
		if (result_number(p, row, PIECE_KIND) == PACKED_DAY && ndays < DAYS_MAX)
			days[ndays++] = (struct day){ .number = result_number(p, row, PIECE_A),
				.n = (int)result_number(p, row, PIECE_B) };
	for (int row = 0; row < result_rows(p); row++) {
		int64_t dimension = result_number(p, row, PIECE_B);

		if (result_number(p, row, PIECE_KIND) != COLUMN || dimension < 0 ||
		    dimension >= DIMENSION_NUMBERS)
			continue;
		for (int i = 0; i < ndays; i++)
			if (days[i].number == result_number(p, row, PIECE_A))
				days[i].columns[dimension] = (struct column){
					(const unsigned char *)result_text(p, row, PIECE_DATA),
					result_length(p, row, PIECE_DATA)
				};
	}
	for (int i = 0; fits && i < ndays; i++)
		fits = count_day(c, &days[i], grid);
	return fits;
}
