/*
 * Takes the days that come as columns, and has them counted by several threads: each takes the next day that none has taken.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resource/report_group.h"

#define DAYS_MAX 366

/* Several threads count reports of so many opportunities. The builds with sanitizers set less. */
#ifndef THREADS_FROM
#define THREADS_FROM 50000
#endif

/* ------------------------------------------------------------------ threads */

/* The next day that has opportunities; NULL: none is left. */
static struct day *
next_day(struct days *days)
{
	for (;;) {
		const int i = __atomic_fetch_add(&days->next, 1, __ATOMIC_RELAXED);

		if (i >= days->n)
			return NULL;
		if (days->of[i].n > 0)
			return &days->of[i];
	}
}

static void *
open_days(void *arg)
{
	struct counting *co = arg;

	for (struct day *day; !co->broken && (day = next_day(co->days)) != NULL;)
		co->broken = !report_day_open(day, co->days->grid, co->arena);
	return NULL;
}

static void *
count_days(void *arg)
{
	struct counting *co = arg;

	for (struct day *day; !co->full && (day = next_day(co->days)) != NULL;)
		co->full = !report_day_count(co, day);
	return NULL;
}

/* Does the work of all days by n threads, of which this is one. Without another thread it does the others' too. */
static void
in_threads(struct counting *cos, int n, void *(*work)(void *))
{
	pthread_t threads[REPORT_THREADS];
	int started = 1;

	cos->days->next = 0;
	while (started < n && pthread_create(&threads[started], NULL, work, &cos[started]) == 0)
		started++;
	work(&cos[0]);
	for (int i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
}

/* Small reports are counted sooner than a thread starts. */
static int
threads_for(const struct days *days)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t opportunities = 0;

	for (int i = 0; i < days->n; i++)
		opportunities += days->of[i].n;
	return opportunities < THREADS_FROM   ? 1
	       : processors >= REPORT_THREADS ? REPORT_THREADS
	       : processors > 1		      ? (int)processors
					      : 1;
}

/* --------------------------------------------------------------------- days */

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
			      a = result_number(p, row, PIECE_A),
			      b = result_number(p, row, PIECE_B);

		if (kind == CHANGED) {
			*changes++ = (struct changed){ a, b };
			if (a >= first && a - first < DAYS_MAX)
				days[a - first].changed = true;
		}
		if ((kind != PACKED_DAY && kind != COLUMN) || a < first || a - first >= DAYS_MAX)
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
	report_changes_sort(changes - w->nchanges, w->nchanges);
	return n;
}

/*
 * Whether only days with opportunities have columns, and those that changed have their ids, without which they would be counted twice. Else the
 * tables were changed by hand.
 */
static bool
heads_valid(const struct days *days)
{
	for (const struct day *day = days->of; day < days->of + days->n; day++) {
		if (day->n < 0 || (day->n > 0 && day->changed && day->columns[IDS].bytes == NULL))
			return false;
		for (int d = 0; day->n == 0 && d < DIMENSION_NUMBERS; d++)
			if (day->columns[d].bytes != NULL)
				return false;
	}
	return true;
}

/* The columns of the grid that are asked for. */
static unsigned
grid_of(const struct report *r)
{
	unsigned grid = 0;

	if (r->filters[FILTER_STAGE + ACTION_FILTER] != NULL)
		grid |= 1U << ACTION;
	if (r->filters[FILTER_STAGE + FINAL_STATE_FILTER] != NULL)
		grid |= 1U << FINAL_STATE;
	for (int i = 0; i < r->ndimensions; i++)
		if (is_of_grid(r->dimensions[i].number))
			grid |= 1U << r->dimensions[i].number;
	return grid;
}

/* Days of other weekdays than the one that is asked for have no opportunities. */
static void
keep_weekday(const struct report_count *c, struct days *days)
{
	const char *weekday = c->r->filters[FILTER_WEEKDAY];

	for (struct day *day = days->of; weekday != NULL && day < days->of + days->n; day++)
		if (strtol(weekday, NULL, 10) != report_weekday(day->number))
			day->n = 0;
}

/* Numbers the keys of all days, and makes the table of groups. Returns false if a day is not whole. */
static bool
place_keys(struct counting *co)
{
	struct days *days = co->days;

	for (struct day *day = days->of; day < days->of + days->n; day++)
		if (day->n > 0 && !report_keys_place(co, day))
			return false;
	report_table_make(co);
	return true;
}

/* Makes room for the day with most opportunities, and for that with most rows. */
static void
make_room(struct counting *co)
{
	size_t most = 0, most_rows = 0;

	for (const struct day *day = co->days->of; day < co->days->of + co->days->n; day++) {
		if (day->n == 0)
			continue;
		most = (size_t)day->n > most ? (size_t)day->n : most;
		most_rows = day->nrows > most_rows ? day->nrows : most_rows;
	}
	co->w.left_out = arena_alloc(co->arena, most * sizeof(*co->w.left_out));
	co->of_opportunity = arena_alloc(co->arena, most * sizeof(*co->of_opportunity));
	co->starts = arena_alloc(co->arena, (most + 1) * sizeof(*co->starts));
	/* Two more: report_packed.c reads the rows behind an opportunity that has none. */
	co->of_row = report_zeros(co->arena, most_rows + 2, sizeof(*co->of_row));
	co->w.rows_left_out = report_zeros(co->arena, most_rows + 2, sizeof(*co->w.rows_left_out));
}

/* Gives each thread what the first one has found, and a tally of its own. */
static void
share(struct counting *cos, int n, struct tally *tallies)
{
	struct report_count *c = cos->w.c;

	for (int i = 0; i < n; i++) {
		if (i > 0) {
			cos[i] = cos[0];
			cos[i].arena = &c->of_threads[i];
			cos[i].tally = &tallies[i];
			tally_make(&tallies[i], cos[i].arena);
		}
		make_room(&cos[i]);
	}
}

bool
report_days(struct report_count *c)
{
	struct days days = { .of = report_zeros(&c->arena, DAYS_MAX, sizeof(*days.of)),
		.grid = grid_of(c->r) };
	struct counting cos[REPORT_THREADS];
	struct tally tallies[REPORT_THREADS];
	bool fits = true;
	int n;

	for (int i = 0; i < REPORT_THREADS; i++)
		cos[i] = (struct counting){ .w = { .c = c },
			.days = &days,
			.tally = &c->tally,
			.arena = &c->of_threads[i] };
	days.n = take_days(&cos[0], days.of);
	c->broken = !heads_valid(&days);
	keep_weekday(c, &days);
	n = threads_for(&days);
	in_threads(cos, n, open_days);
	for (int i = 0; i < n; i++)
		c->broken |= cos[i].broken;
	if (c->broken || !place_keys(&cos[0])) {
		c->broken = true;
		return true;
	}
	/* Without a table each row asks for its group, and would wait for the lock. */
	n = cos[0].table != NULL ? n : 1;
	share(cos, n, tallies);
	c->nlanes = days.n;
	c->lanes = report_zeros(&c->arena, DAYS_MAX, sizeof(*c->lanes));
	for (int i = 0; i < c->nlanes; i++)
		c->lanes[i].at = INT64_MAX;
	in_threads(cos, n, count_days);
	for (int i = 0; i < n; i++) {
		fits &= !cos[i].full;
		c->broken |= cos[i].w.broken;
		tally_fold(cos[i].tally, c->ngroups);
		if (i > 0)
			tally_merge(&c->tally, &tallies[i], c->ngroups);
	}
	return fits;
}
