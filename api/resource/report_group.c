/*
 * The groups of opportunities that come as columns. Each dimension numbers the keys of all days, and a table has the group of each combination
 * of these numbers.
 */
#include <pthread.h>
#include <string.h>

#include "resource/report_group.h"

/* Groups are found by their places while there are no more combinations of these; else by hashing. */
#define COMBINATIONS_MAX (1U << 24)

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
place_keys_of(struct counting *co, struct day *day, int dimension)
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

bool
report_keys_place(struct counting *co, struct day *day)
{
	const struct report *r = co->w.c->r;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const int number = r->dimensions[i].number;

		if (!is_of_day(number) && day->values[number].of == NULL)
			return false;
		place_keys_of(co, day, i);
	}
	return true;
}

uint16_t
report_group_find(const struct counting *co, size_t opportunity, size_t row)
{
	const struct day *day = co->w.day;
	int64_t keys[REPORT_DIMENSIONS_MAX];
	uint16_t group;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const int number = co->w.c->r->dimensions[i].number;
		const struct values *v = &day->values[number];
		const uint32_t value = is_of_day(number)     ? 0
				       : !is_of_grid(number) ? place_at(v, opportunity)
				       : row != SIZE_MAX     ? place_at(v, row)
							     : (uint32_t)v->n;

		keys[i] = co->axes[i].keys[day->places[i][value]];
	}
	if (co->table == NULL)
		return group_of(co->w.c, keys);
	pthread_mutex_lock(&co->w.c->lock);
	group = group_of(co->w.c, keys);
	pthread_mutex_unlock(&co->w.c->lock);
	return group;
}

void
report_table_make(struct counting *co)
{
	uint64_t size = 1;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		if (size * co->axes[i].n > COMBINATIONS_MAX)
			return;
		co->factors[i] = (uint32_t)size;
		size *= co->axes[i].n;
	}
	co->table = report_zeros(&co->w.c->arena, size, sizeof(*co->table));
}

void
report_combine(struct counting *co)
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
	memset(co->of_row, 0, w->day->nrows * sizeof(*co->of_row));
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
