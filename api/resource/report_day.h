/*
 * report_day - one day as columns, made ready for counting: values looked up, filters applied. Private to the report.
 *
 * The format is that of report_columns() (db/migrations/0044_report.sql): each value of an opportunity is the place of one of few
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
	unsigned char
	    *taken; /* of each opportunity: filters let it pass, and it is not read from its row */
	const bool *actions_taken, *final_states_taken; /* of each value; NULL: all */
	int64_t *keys
	    [REPORT_DIMENSIONS_MAX]; /* of each value of the dimension's column; one where it has none */
	enum state *states; /* of each value of column STATE; STATES: not counted */
	/* Groups by combination: the sum of what an opportunity's places give and what its row's give. NULL: there are too many. */
	struct group **table;
	uint32_t *of_opportunity, *of_row, of_no_row;
};

/*
 * report_day_open - makes the day's columns ready, those of the grid too if it is asked for.
 * returns  false if they do not belong together: the tables were changed by hand
 */
bool report_day_open(struct work *w, bool grid) MUSTCHECK;

/* report_day_take - fills w->taken, w->actions_taken and w->final_states_taken: applies the filters. */
void report_day_take(struct work *w);

/* is_of_grid - whether a dimension has a value for each row of the grid. */
static inline bool
is_of_grid(int dimension)
{
	return dimension == ACTION || dimension == FINAL_STATE;
}

/* report_weekday - of a day: 1 is Monday. */
int report_weekday(int64_t day);

#endif
