/*
 * report_count - adds up what the statements report_retention and report_retention_actions return:
 * opportunities counted by PostgreSQL, and days as columns. Private to the report.
 */
#ifndef RESOURCE_REPORT_COUNT_H
#define RESOURCE_REPORT_COUNT_H

#include <pthread.h>
#include <time.h>

#include "resource/report_shape.h"
#include "resource/report_tally.h"

/* The kinds of the statements' rows, and their columns. */
enum piece { LOOSE = 1, MAP, KEY, COLUMN, PACKED_DAY, CHANGED, FILTER_ADVISOR_ID };
enum {
	PIECE_KIND,
	PIECE_A,
	PIECE_B,
	PIECE_C,
	PIECE_D,
	PIECE_N,
	PIECE_T1,
	PIECE_T2,
	PIECE_T3,
	PIECE_DATA
};

/* Groups are opportunities with the same keys. */
struct group {
	int64_t keys[REPORT_DIMENSIONS_MAX]; /* REPORT_NONE: none, or no dimension */
};

/* At most so many threads count a report. */
#define REPORT_THREADS 4

/*
 * The waits of a day, in ascending order. The opportunities that waited seconds[i] are in the groups from
 * groups[from[i]] to before groups[to[i]]; totals[i] of them are not left out.
 */
struct lane {
	const int64_t *seconds;
	const uint32_t *from, *to, *totals;
	const uint16_t *groups;
	uint32_t n;
	uint32_t next; /* report_waits: the next one */
	int64_t at; /* its seconds; INT64_MAX: none is left */
};

struct report_count {
	const struct report *r;
	const struct result *pieces;
	struct {
		struct report_key *of; /* in the order of ids; report_key.id */
		int n;
	} keys[REPORT_DIMENSIONS_MAX];
	struct {
		struct map_entry {
			int64_t id, to;
		} * of; /* in the order of ids */
		int n;
	} maps[REPORT_DIMENSIONS_MAX];
	bool of_actions; /* a dimension is one of the grid */
	bool only_voided;
	bool broken; /* columns do not belong together: the tables were changed by hand */
	struct arena arena; /* freed when all is counted */
	pthread_mutex_t lock; /* of groups, ngroups and slots while several threads count */
	struct group *groups;
	uint32_t ngroups; /* with the totals */
	uint16_t *slots; /* groups by hash */
	struct tally tally;
	struct arena of_threads[REPORT_THREADS]; /* freed like arena; what the threads leave */
	struct lane *lanes; /* of each day */
	int nlanes;
	int64_t (*percentiles)[2]; /* of each group: the 50th and the 90th */
};

/* report_count - fills r->rows and r->nrows. */
enum report_counted { REPORT_COUNTED, REPORT_TOO_MANY_ROWS, REPORT_BROKEN };
enum report_counted report_count(struct report *r, const struct result *pieces) MUSTCHECK;

/* group_of - the number of the group of these keys; 0: there are too many. */
uint16_t group_of(struct report_count *c, const int64_t keys[REPORT_DIMENSIONS_MAX]);

/* group_contacts - how many opportunities of a group, without voided ones, have a contact. */
int64_t group_contacts(const struct report_count *c, uint32_t group);

/* report_waits - finds the percentiles of all groups, whose states are counted. */
void report_waits(struct report_count *c);

/* report_item_for - which item stands for one in a dimension. */
int64_t report_item_for(const struct report_count *c, int dimension, int64_t item);

/* report_calendar - a day that PostgreSQL counts from 2000-01-01. */
struct tm report_calendar(int64_t day);

/*
 * report_days - adds the days that come as columns.
 * returns  false if there are too many groups
 */
bool report_days(struct report_count *c) MUSTCHECK;

#endif
