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

/* Whether the columns belong together. */
static bool
is_whole(const struct work *w)
{
	const size_t n = (size_t)w->day->n;
	int64_t rows = 0;

	for (int d = HOUR; d < DIMENSION_NUMBERS; d++)
		if (w->values[d].of != NULL && d != ACTION && d != FINAL_STATE &&
		    w->values[d].count != n)
			return false;
	for (int i = 0; i < w->values[STATE].n; i++) {
		const int64_t state = w->values[STATE].of[i] & ~STATE_VOIDED_BIT;

		if (state <= STATE_VOIDED || state >= STATES)
			return false;
	}
	if (w->values[STATE].of == NULL || w->values[SECONDS].of == NULL)
		return false;
	if (w->values[ACTIONS].of == NULL)
		return true;
	for (int i = 0; i < w->values[ACTIONS].n; i++)
		if (w->values[ACTIONS].of[i] < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		rows += w->values[ACTIONS].of[w->values[ACTIONS].places[i]];
	return w->values[ACTION].count == (size_t)rows &&
	       w->values[FINAL_STATE].count == (size_t)rows;
}

bool
report_day_open(struct work *w, bool grid)
{
	for (int d = HOUR; d < DIMENSION_NUMBERS; d++)
		if ((w->day->columns[d].bytes != NULL || (grid && is_of_grid(d))) &&
		    !open_column(w, d))
			return false;
	return w->day->n > 0 && is_whole(w);
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

		if (result_number(p, row, PIECE_KIND) != CHANGED ||
		    result_number(p, row, PIECE_A) != w->day->number)
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
	const char *hour = r->filters[FILTER_HOUR], *weekday = r->filters[FILTER_WEEKDAY];

	w->taken = arena_alloc(&w->arena, (size_t)w->day->n + 1);
	memset(w->taken,
	    weekday == NULL || strtol(weekday, NULL, 10) == report_weekday(w->day->number),
	    (size_t)w->day->n);
	leave_out_changed(w);
	if (hour != NULL)
		leave_out(w, HOUR, value_taken(w, HOUR, strtol(hour, NULL, 10)));
	if (r->filters[FILTER_ADVISOR] != NULL)
		leave_out(w, ADVISOR, value_taken(w, ADVISOR, advisor_wanted(w->c)));
	for (int i = 0; choice_filters[i].name != NULL; i++) {
		const char *ids = r->filters[FILTER_STAGE + i];
		int dimension = choice_filters[i].dimension;

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
