/*
 * report_group - finds the groups of opportunities that come as columns. Private to the report.
 */
#ifndef RESOURCE_REPORT_GROUP_H
#define RESOURCE_REPORT_GROUP_H

#include "resource/report_day.h"

/* The different keys of a dimension in all days, in the order in which they were found. */
struct axis {
	int64_t *keys;
	uint32_t
	    *slots; /* by hash: place + 1; 0: free. There are twice as many as keys have room */
	uint32_t n, room;
};

/* The days, which the threads that count take one after the other. */
struct days {
	struct day *of;
	int n, next; /* next: taken by an atomic addition */
	unsigned grid; /* the columns of the grid that are asked for, as bits: 1 << ACTION */
};

/* What a thread counts with. */
struct counting {
	struct work w; /* of the day that is counted */
	struct days *days; /* all threads' */
	struct tally *tally;
	struct arena *arena; /* of what stays until all is counted */
	bool full; /* there are too many groups */
	bool broken; /* a day is not whole */
	struct axis axes[REPORT_DIMENSIONS_MAX];
	uint32_t factors[REPORT_DIMENSIONS_MAX];
	uint16_t *
	    table; /* groups by combination, 0: not found yet; all threads'. NULL: there are too many */
	uint32_t *of_opportunity, *of_row, of_no_row; /* parts of the combination */
	uint16_t *
	    groups; /* of the day's opportunities, one after the other: those that a filter leaves out have none, and with a grid others have several */
	uint32_t *starts; /* of each opportunity: the first of its groups; one more, of the end */
	bool all; /* of the day: nothing is left out */
};

/* report_keys_place - numbers a day's keys, before any is counted. Returns false if a column is missing: it was deleted by hand. */
bool report_keys_place(struct counting *co, struct day *day) MUSTCHECK;

/* report_table_make - makes co->table, for the keys of all days. */
void report_table_make(struct counting *co);

/* report_combine - fills co->of_opportunity and co->of_row for the day of co->w. */
void report_combine(struct counting *co);

/*
 * report_group_find - the group of an opportunity and a row of its grid, or SIZE_MAX.
 * returns  0 if there are too many groups
 */
uint16_t report_group_find(const struct counting *co, size_t opportunity, size_t row);

/* report_group_at - the same by the table. */
static inline uint16_t
report_group_at(struct counting *co, size_t opportunity, size_t row)
{
	uint16_t *found, group;

	if (co->table == NULL)
		return report_group_find(co, opportunity, row);
	found = &co->table[co->of_opportunity[opportunity] +
			   (row != SIZE_MAX ? co->of_row[row] : co->of_no_row)];
	group = __atomic_load_n(found, __ATOMIC_RELAXED);
	if (group == 0) {
		group = report_group_find(co, opportunity, row);
		__atomic_store_n(found, group, __ATOMIC_RELAXED);
	}
	return group;
}

/*
 * report_day_count - counts a day, whose lane is that of its place in co->days.
 * returns  false if there are too many groups
 */
bool report_day_count(struct counting *co, struct day *day) MUSTCHECK;

/* is_of_day - whether all opportunities of a day have the same key in a dimension. */
static inline bool
is_of_day(int number)
{
	return number <= MONTH || number == WEEKDAY;
}

#endif
