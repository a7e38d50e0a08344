#include "resource/report_day.h"

#include <stdlib.h>
#include <string.h>

static int64_t
number_at(const unsigned char *bytes, size_t width)
{
	uint64_t number = 0;

	for (size_t i = 0; i < width; i++)
		number = number << 8 | bytes[i];
	return (int64_t)number;
}

void
report_day_look_up(const struct values *v, const uint32_t *table, uint32_t *to)
{
	const unsigned char *at = v->places;

	if (v->width == 1)
		for (size_t i = 0; i < v->count; i++)
			to[i] += table[at[i]];
	else if (v->width == 2)
		for (size_t i = 0; i < v->count; i++)
			to[i] += table[(uint32_t)at[2 * i] << 8 | at[2 * i + 1]];
	else
		for (size_t i = 0; i < v->count; i++)
			to[i] += table[place_at(v, i)];
}

/* Whether each place is one of a value. */
static bool
places_valid(const struct values *v)
{
	const unsigned char *at = v->places;
	uint32_t most = 0;

	if (v->width == 1) {
		unsigned char byte = 0;

		for (size_t i = 0; i < v->count; i++)
			byte = at[i] > byte ? at[i] : byte;
		most = byte;
	} else if (v->width == 2) {
		uint16_t pair = 0;

		for (size_t i = 0; i < v->count; i++) {
			const uint16_t place = (uint16_t)(at[2 * i] << 8 | at[2 * i + 1]);

			pair = place > pair ? place : pair;
		}
		most = pair;
	} else {
		for (size_t i = 0; i < v->count; i++)
			most = place_at(v, i) > most ? place_at(v, i) : most;
	}
	return v->count == 0 || most < (uint32_t)v->n;
}

/* Makes a column ready. Returns false for one that is cut: the table was changed by hand. */
static bool
open_column(struct day *day, int dimension, struct arena *arena)
{
	const struct column *column = &day->columns[dimension];
	struct values *v = &day->values[dimension];
	const unsigned char *at = column->bytes;
	size_t head;

	v->width = 1;
	if (at == NULL) {
		/* No opportunity of the day has a row of the grid. */
		v->of = arena_alloc(arena, sizeof(*v->of));
		v->of[0] = NO_VALUE;
		return true;
	}
	if (column->length < 4)
		return false;
	v->n = (int)number_at(at, 4);
	head = 4 + 8 * (size_t)v->n;
	v->width = v->n <= 256 ? 1 : v->n <= 65536 ? 2 : 4;
	if (v->n <= 0 || column->length < head)
		return false;
	v->of = arena_alloc(arena, ((size_t)v->n + 1) * sizeof(*v->of));
	for (int i = 0; i < v->n; i++)
		v->of[i] = number_at(at + 4 + 8 * (size_t)i, 8);
	v->of[v->n] = NO_VALUE;
	v->count = (column->length - head) / (size_t)v->width;
	v->places = at + head;
	return places_valid(v);
}

/* Makes the waits ready. Returns false if they are cut, or do not ascend. */
static bool
open_waits(struct day *day, struct arena *arena)
{
	const struct column *column = &day->columns[WAITS];

	if (column->bytes == NULL || column->length % 8 != 0)
		return false;
	day->nwaits = column->length / 8;
	day->waits = arena_alloc(arena, day->nwaits * sizeof(*day->waits));
	for (size_t i = 0; i < day->nwaits; i++)
		day->waits[i] = number_at(column->bytes + 8 * i, 8);
	for (size_t i = 1; i < day->nwaits; i++)
		if (day->waits[i - 1] >= day->waits[i])
			return false;
	return true;
}

/* The sum of all values of a column; -1: it has values that are no numbers of opportunities or rows. */
static int64_t
sum(const struct values *v)
{
	int64_t all = 0;

	for (int i = 0; i < v->n; i++)
		if (v->of[i] < 0 || v->of[i] > INT32_MAX)
			return -1;
	for (size_t i = 0; i < v->count; i++)
		all += v->of[place_at(v, i)];
	return all;
}

/* Whether a day has the columns of the grid that are asked for. Counts its rows. */
static bool
grid_is_whole(struct day *day, unsigned grid)
{
	int64_t rows;

	if (day->values[ACTIONS].of == NULL)
		return grid == 0;
	rows = sum(&day->values[ACTIONS]);
	if (rows < 0)
		return false;
	day->nrows = (size_t)rows;
	for (int d = ACTION; d <= FINAL_STATE; d++)
		if ((grid & 1U << d) != 0 && day->values[d].count != day->nrows)
			return false;
	return true;
}

/* Whether the columns belong together. */
static bool
is_whole(struct day *day, unsigned grid)
{
	const struct values *values = day->values;
	const size_t n = (size_t)day->n;

	if (day->columns[IDS].bytes != NULL && day->columns[IDS].length != 8 * n)
		return false;
	for (int d = HOUR; d < DIMENSION_NUMBERS; d++)
		if (values[d].of != NULL && !is_of_grid(d) && d != RUNS && values[d].count != n)
			return false;
	if (values[RUNS].count != DAY_STATES * day->nwaits || sum(&values[RUNS]) != day->n)
		return false;
	return grid_is_whole(day, grid);
}

bool
report_day_open(struct day *day, unsigned grid, struct arena *arena)
{
	for (int d = HOUR; d < DIMENSION_NUMBERS; d++)
		if (d != WAITS && (day->columns[d].bytes != NULL || (grid & 1U << d) != 0) &&
		    !open_column(day, d, arena))
			return false;
	return open_waits(day, arena) && is_whole(day, grid);
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

/* Which values of a dimension a list of ids takes, and last, whether it takes those without. */
static const bool *
values_taken(struct work *w, int dimension, const char *ids)
{
	const struct values *v = &w->day->values[dimension];
	bool *taken = arena_alloc(&w->arena, (size_t)v->n + 1);

	for (int i = 0; v->of != NULL && i <= v->n; i++)
		taken[i] = ids_take(ids, v->of[i]);
	return taken;
}

/* The same for one value. */
static const bool *
value_taken(struct work *w, int dimension, int64_t value)
{
	const struct values *v = &w->day->values[dimension];
	bool *taken = arena_alloc(&w->arena, (size_t)v->n + 1);

	for (int i = 0; v->of != NULL && i <= v->n; i++)
		taken[i] = v->of[i] == value;
	return taken;
}

static void
leave_out(struct work *w, int dimension, const bool *taken)
{
	const struct values *v = &w->day->values[dimension];
	const bool rows = is_of_grid(dimension);
	uint32_t *table = arena_alloc(&w->arena, ((size_t)v->n + 1) * sizeof(*table));

	/* The column was deleted by hand. */
	if (v->of == NULL)
		w->broken = true;
	for (int i = 0; i < v->n; i++)
		table[i] = !taken[i];
	report_day_look_up(v, table, rows ? w->rows_left_out : w->left_out);
	if (rows) {
		w->rows_filtered = true;
		w->no_row_left_out |= !taken[v->n];
	} else {
		w->filtered = true;
	}
}

static int
by_day_and_id(const void *a, const void *b)
{
	const struct changed *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

void
report_changes_sort(struct changed *changes, size_t n)
{
	if (n > 0)
		qsort(changes, n, sizeof(*changes), by_day_and_id);
}

/* Opportunities that changed since are counted from their rows. Only their days have column IDS. */
static void
leave_out_changed(struct work *w)
{
	const unsigned char *ids = w->day->columns[IDS].bytes;

	for (int i = 0; ids != NULL && w->nchanges > 0 && i < w->day->n; i++) {
		const struct changed one = { w->day->number, number_at(ids + 8 * (size_t)i, 8) };

		if (bsearch(&one, w->changes, w->nchanges, sizeof(one), by_day_and_id) == NULL)
			continue;
		w->left_out[i] = 1;
		w->filtered = true;
	}
}

/* Monday: 1. 2000-01-01 was a Saturday. */
int
report_weekday(int64_t day)
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

void
report_day_take(struct work *w)
{
	const struct report *r = w->c->r;
	const char *hour = r->filters[FILTER_HOUR];

	w->filtered = w->rows_filtered = w->no_row_left_out = false;
	memset(w->left_out, 0, (size_t)w->day->n * sizeof(*w->left_out));
	memset(w->rows_left_out, 0, w->day->nrows * sizeof(*w->rows_left_out));
	leave_out_changed(w);
	if (hour != NULL)
		leave_out(w, HOUR, value_taken(w, HOUR, strtol(hour, NULL, 10)));
	if (r->filters[FILTER_ADVISOR] != NULL)
		leave_out(w, ADVISOR, value_taken(w, ADVISOR, advisor_wanted(w->c)));
	for (int i = 0; choice_filters[i].name != NULL; i++) {
		const char *ids = r->filters[FILTER_STAGE + i];
		const int dimension = choice_filters[i].dimension;

		if (ids != NULL)
			leave_out(w, dimension, values_taken(w, dimension, ids));
	}
}
