/*
 * report_day - one day as columns, made ready for counting, and filters. Private to the report.
 *
 * The format is that of report_columns() (db/migrations/0048_report_order.sql): opportunities are in the order of their waits and states, and each value of an opportunity is the place of one of few
 * different values, so filters, keys and states are looked up once for each different value of a day.
 */
#ifndef RESOURCE_REPORT_DAY_H
#define RESOURCE_REPORT_DAY_H

#include "resource/report_count.h"

/* In report_columns(): no value. */
#define NO_VALUE INT64_MIN
_Static_assert(NO_VALUE == REPORT_NONE, "values are keys");

struct column {
	const unsigned char *bytes; /* NULL: the day has none */
	size_t length;
};

/* A column made ready. */
struct values {
	int64_t *
	    of; /* the different values; one more, of rows that do not exist: NO_VALUE. NULL: not asked for */
	int n; /* without that one */
	const unsigned char *places; /* of each opportunity, or row of the grid */
	int width; /* of a place, in bytes */
	size_t count;
};

struct day {
	int64_t number; /* from 2000-01-01 */
	int n; /* opportunities */
	bool changed; /* some of them, since the columns were made */
	size_t nrows; /* of the grid; 0: it is not asked for */
	struct column columns[DIMENSION_NUMBERS];
	struct values values[DIMENSION_NUMBERS];
	int64_t
	    *waits; /* the different ones, ascending; NO_VALUE, which is the first: no contact */
	size_t nwaits;
	uint32_t *places
	    [REPORT_DIMENSIONS_MAX]; /* of each value of a dimension: the place of its key (report_group.c) */
};

/*
 * Opportunities of a wait are in the order of six states: retained, lost, in process, and the same of voided ones. Column RUNS tells
 * how many each state has, for one wait after the other.
 */
#define DAY_STATES 6

/* What a day's opportunities are looked up in. Reused by the next day. */
struct work {
	struct report_count *c;
	struct day *day;
	struct arena arena; /* of the day */
	bool filtered; /* some may be left out */
	bool broken; /* the day lacks a column: it was deleted by hand */
	uint32_t *
	    left_out; /* of each opportunity: not 0 if a filter leaves it out, or if it is read from its row */
	bool rows_filtered; /* some rows of the grid may be left out */
	uint32_t *rows_left_out; /* of each row of the grid: not 0 if a filter leaves it out */
	bool no_row_left_out; /* the same of the row that stands for none */
	const struct changed *changes; /* all days', by day and id */
	size_t nchanges;
};

/* An opportunity that changed since the columns of its day were made. */
struct changed {
	int64_t day, id;
};

/*
 * report_day_open - makes the day's columns ready.
 * grid     the columns of the grid that are asked for, as bits: 1 << ACTION
 * arena    of the memory that the day keeps
 * returns  false if they do not belong together: the tables were changed by hand
 */
bool report_day_open(struct day *day, unsigned grid, struct arena *arena) MUSTCHECK;

/* report_day_take - applies the filters: fills the members of w that tell what is left out. */
void report_day_take(struct work *w);

/* place_at - the place of an opportunity's, or a row's, value among the different ones. */
static inline uint32_t
place_at(const struct values *v, size_t i)
{
	const unsigned char *at = v->places + i * (size_t)v->width;

	return v->width == 1 ? at[0]
	       : v->width == 2
		   ? (uint32_t)at[0] << 8 | at[1]
		   : (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* report_day_look_up - adds to each opportunity, or row, what a table has for its value. */
void report_day_look_up(const struct values *v, const uint32_t *table, uint32_t *to);

/* report_changes_sort - by day and id, as work.changes. */
void report_changes_sort(struct changed *changes, size_t n);

/* is_of_grid - whether a dimension has a value for each row of the grid. */
static inline bool
is_of_grid(int dimension)
{
	return dimension == ACTION || dimension == FINAL_STATE;
}

/* report_weekday - of a day: 1 is Monday. */
int report_weekday(int64_t day);

#endif
