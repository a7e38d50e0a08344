/*
 * Days as columns. The format is that of report_columns() (db/migrations/0044_report.sql): each value of an opportunity is the place of
 * one of few different values, so filters, keys and states are looked up once for each different value of a day.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "resource/report_count.h"

/* In report_columns(): no value. */
#define NO_VALUE INT64_MIN
_Static_assert(NO_VALUE == REPORT_NONE, "values are keys");

#define DAYS_MAX 366

/* Keys of an opportunity are found by their places while there are no more combinations of these; else by hashing. */
#define COMBINATIONS_MAX 65536

struct column {
	const unsigned char *bytes; /* NULL: the day has none */
	size_t length;
};

struct day {
	int64_t number; /* from 2000-01-01 */
	int n; /* opportunities */
	struct column columns[DIMENSION_NUMBERS];
};

/* A column made ready. */
struct values {
	int64_t *of; /* the different values; one more, of rows that do not exist: NO_VALUE */
	int n; /* without that one */
	uint32_t *places; /* of each opportunity, or row of the grid */
	size_t count;
};

/* What is kept for one day, and freed with it. */
struct work {
	struct report_count *c;
	const struct day *day;
	struct arena arena;
	struct values values[DIMENSION_NUMBERS];
	unsigned char *taken; /* of each opportunity: filters let it pass, and it is not read from its row */
	const bool *actions_taken, *final_states_taken; /* of each value; NULL: all */
	int64_t *keys[REPORT_DIMENSIONS_MAX]; /* of each value of the dimension's column; one where it has none */
	enum state *states; /* of each value of column STATE; STATES: not counted */
	struct group **table; /* by combination; NULL: there are too many */
};

static int64_t
number_at(const unsigned char *bytes, size_t width)
{
	uint64_t number = 0;

	for (size_t i = 0; i < width; i++)
		number = number << 8 | bytes[i];
	return (int64_t)number;
}

/* Makes a column ready. Returns false for one that is cut: the table was changed by hand. */
static bool
open_column(struct work *w, int dimension)
{
	const struct column *column = &w->day->columns[dimension];
	struct values *v = &w->values[dimension];
	const unsigned char *at = column->bytes;
	size_t width, head;

	if (v->of != NULL)
		return true;
	if (at == NULL) {
		/* No opportunity of the day has a row of the grid. */
		v->of = arena_alloc(&w->arena, sizeof(*v->of));
		v->of[0] = NO_VALUE;
		return true;
	}
	if (column->length < 4)
		return false;
	v->n = (int)number_at(at, 4);
	head = 4 + 8 * (size_t)v->n;
	width = v->n <= 256 ? 1 : v->n <= 65536 ? 2 : 4;
	if (v->n <= 0 || column->length < head)
		return false;
	v->of = arena_alloc(&w->arena, ((size_t)v->n + 1) * sizeof(*v->of));
	for (int i = 0; i < v->n; i++)
		v->of[i] = number_at(at + 4 + 8 * i, 8);
	v->of[v->n] = NO_VALUE;
	v->count = (column->length - head) / width;
	v->places = arena_alloc(&w->arena, (v->count + 1) * sizeof(*v->places));
	at += head;
	if (width == 1)
		for (size_t i = 0; i < v->count; i++)
			v->places[i] = at[i];
	else if (width == 2)
		for (size_t i = 0; i < v->count; i++)
			v->places[i] = (uint32_t)at[2 * i] << 8 | at[2 * i + 1];
	else
		for (size_t i = 0; i < v->count; i++)
			v->places[i] = (uint32_t)number_at(at + 4 * i, 4);
	for (size_t i = 0; i < v->count; i++)
		if (v->places[i] >= (uint32_t)v->n)
			return false;
	return true;
}

/* ------------------------------------------------------------------ filters */

/* Whether a list of ids, "{12,13,0}", takes a value; 0 takes those without. */
static bool
ids_take(const char *ids, int64_t value)
{
	for (const char *p = ids; *p != '\0';) {
		char *end;
		int64_t id = strtoll(++p, &end, 10);

		if (end != p && (id != 0 ? id == value : value == NO_VALUE))
			return true;
		p = end + strspn(end, "}");
	}
	return false;
}

/* Which values of a dimension a list of ids takes, and last, whether it takes those without; NULL: no list, all. */
static const bool *
values_taken(struct work *w, int dimension, const char *ids)
{
	const struct values *v = &w->values[dimension];
	bool *taken;

	if (ids == NULL)
		return NULL;
	taken = arena_alloc(&w->arena, (size_t)v->n + 1);
	for (int i = 0; i <= v->n; i++)
		taken[i] = ids_take(ids, v->of[i]);
	return taken;
}

/* The same for one value. */
static const bool *
value_taken(struct work *w, int dimension, int64_t value)
{
	const struct values *v = &w->values[dimension];
	bool *taken = arena_alloc(&w->arena, (size_t)v->n + 1);

	for (int i = 0; i <= v->n; i++)
		taken[i] = v->of[i] == value;
	return taken;
}

static void
leave_out(struct work *w, int dimension, const bool *taken)
{
	const struct values *v = &w->values[dimension];

	for (int i = 0; taken != NULL && i < w->day->n; i++)
		w->taken[i] &= taken[v->places[i]];
}

/* Opportunities that changed since are counted from their rows. */
static void
leave_out_changed(struct work *w)
{
	const struct result *p = w->c->pieces;
	const unsigned char *ids = w->day->columns[IDS].bytes;

	for (int row = 0; ids != NULL && row < result_rows(p); row++) {
		int64_t id = result_number(p, row, PIECE_B);
		int low = 0, high = w->day->n;

		if (result_number(p, row, PIECE_KIND) != CHANGED || result_number(p, row, PIECE_A) != w->day->number)
			continue;
		while (low < high) {
			int middle = (low + high) / 2;

			if (number_at(ids + 8 * (size_t)middle, 8) < id)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < w->day->n && number_at(ids + 8 * (size_t)low, 8) == id)
			w->taken[low] = 0;
	}
}

/* Monday: 1. 2000-01-01 was a Saturday. */
static int
weekday_of(int64_t day)
{
	return (int)(((day + 5) % 7 + 7) % 7) + 1;
}

static int64_t
advisor_wanted(const struct report_count *c)
{
	for (int row = 0; row < result_rows(c->pieces); row++)
		if (result_number(c->pieces, row, PIECE_KIND) == FILTER_ADVISOR_ID)
			return result_number(c->pieces, row, PIECE_A);
	return 0;
}

/* Applies all filters. */
static void
take(struct work *w)
{
	const struct report *r = w->c->r;
	const char *hour = r->filters[FILTER_HOUR], *weekday = r->filters[FILTER_WEEKDAY];

	w->taken = arena_alloc(&w->arena, (size_t)w->day->n + 1);
	memset(w->taken,
	    weekday == NULL || strtol(weekday, NULL, 10) == weekday_of(w->day->number), (size_t)w->day->n);
	leave_out_changed(w);
	if (hour != NULL)
		leave_out(w, HOUR, value_taken(w, HOUR, strtol(hour, NULL, 10)));
	if (r->filters[FILTER_ADVISOR] != NULL)
		leave_out(w, ADVISOR, value_taken(w, ADVISOR, advisor_wanted(w->c)));
	for (int i = 0; choice_filters[i].name != NULL; i++) {
		const char *ids = r->filters[FILTER_STAGE + i];
		int dimension = report_dimension_number(choice_filters[i].name);

		if (ids == NULL)
			continue;
		if (dimension == ACTION)
			w->actions_taken = values_taken(w, dimension, ids);
		else if (dimension == FINAL_STATE)
			w->final_states_taken = values_taken(w, dimension, ids);
		else
			leave_out(w, dimension, values_taken(w, dimension, ids));
	}
}

/* --------------------------------------------------------------------- keys */

static int64_t
month_of(int64_t day)
{
	const time_t at = (time_t)(day + 10957) * 86400;
	struct tm tm;

	gmtime_r(&at, &tm);
	return day - (tm.tm_mday - 1);
}

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
			  : number == WEEK  ? day - (weekday_of(day) - 1)
			  : number == MONTH ? month_of(day)
					    : weekday_of(day);
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
	if (number != ACTION && number != FINAL_STATE)
		return v->places[opportunity];
	return row != SIZE_MAX ? v->places[row] : (uint32_t)v->n;
}

/* The group of an opportunity and a row of its grid; NULL: there are too many groups. */
static struct group *
group_at(struct work *w, int opportunity, size_t row)
{
	int64_t keys[REPORT_DIMENSIONS_MAX];
	size_t at = 0;
	struct group *g;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const int number = w->c->r->dimensions[i].number;
		uint32_t place = place_of(w, i, opportunity, row);

		at = at * ((size_t)w->values[number].n + 1) + place;
		keys[i] = w->keys[i][place];
	}
	if (w->table != NULL && w->table[at] != NULL)
		return w->table[at];
	g = group_of(w->c, keys);
	if (w->table != NULL)
		w->table[at] = g;
	return g;
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

		w->states[i] = voided && !w->c->only_voided ? STATE_VOIDED
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

/* The combination of each opportunity's places, by which the table has its group. */
static uint32_t *
combine(struct work *w)
{
	uint32_t *at = arena_alloc(&w->arena, (size_t)w->day->n * sizeof(*at));

	memset(at, 0, (size_t)w->day->n * sizeof(*at));
	for (int d = 0; d < REPORT_DIMENSIONS_MAX; d++) {
		const struct values *v = &w->values[w->c->r->dimensions[d].number];
		const uint32_t n = (uint32_t)v->n + 1;

		for (int i = 0; v->places != NULL && i < w->day->n; i++)
			at[i] = at[i] * n + v->places[i];
	}
	return at;
}

static bool
count_plain(struct work *w)
{
	const uint32_t *at = w->table != NULL ? combine(w) : NULL;
	const int64_t *seconds = w->values[SECONDS].of;
	const uint32_t *waits = w->values[SECONDS].places;

	for (int i = 0; i < w->day->n; i++) {
		const enum state state = state_at(w, i);
		const int64_t wait = seconds[waits[i]];
		struct group *g;

		if (w->taken[i] == 0 || state == STATES)
			continue;
		g = at != NULL ? w->table[at[i]] : NULL;
		if (g == NULL && (g = group_at(w, i, SIZE_MAX)) == NULL)
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

/* Whether the columns belong together. */
static bool
is_whole(const struct work *w)
{
	const size_t n = (size_t)w->day->n;
	int64_t rows = 0;

	for (int d = HOUR; d < DIMENSION_NUMBERS; d++)
		if (w->values[d].of != NULL && d != ACTION && d != FINAL_STATE && w->values[d].count != n)
			return false;
	if (w->values[ACTIONS].of == NULL)
		return true;
	for (size_t i = 0; i < n; i++)
		rows += w->values[ACTIONS].of[w->values[ACTIONS].places[i]];
	return w->values[ACTION].count == (size_t)rows && w->values[FINAL_STATE].count == (size_t)rows;
}

static bool
count_day(struct report_count *c, const struct day *day, bool grid)
{
	struct work w = { .c = c, .day = day };
	bool fits = true, whole = day->n > 0;

	arena_init(&w.arena);
	for (int d = HOUR; whole && d < DIMENSION_NUMBERS; d++)
		if (day->columns[d].bytes != NULL || (grid && (d == ACTION || d == FINAL_STATE)))
			whole = open_column(&w, d);
	if (!whole || !is_whole(&w)) {
		c->broken = c->broken || day->n > 0;
	} else {
		take(&w);
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

		if (result_number(p, row, PIECE_KIND) != COLUMN || dimension < 0 || dimension >= DIMENSION_NUMBERS)
			continue;
		for (int i = 0; i < ndays; i++)
			if (days[i].number == result_number(p, row, PIECE_A))
				days[i].columns[dimension] = (struct column){
					(const unsigned char *)result_text(p, row, PIECE_DATA), result_length(p, row, PIECE_DATA) };
	}
	for (int i = 0; fits && i < ndays; i++)
		fits = count_day(c, &days[i], grid);
	return fits;
}
