/*
 * report_count - adds up what the statements report_retention and report_retention_actions return:
 * opportunities counted by PostgreSQL, and days as columns. Private to the report.
 */
#ifndef RESOURCE_REPORT_COUNT_H
#define RESOURCE_REPORT_COUNT_H

#include <time.h>

#include "resource/report_shape.h"

/* Answers with more rows help nobody. */
#define REPORT_ROWS_MAX 10000

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

/* As report_columns() has them. Voided ones are those of 0. */
enum state { STATE_VOIDED, STATE_RETAINED, STATE_LOST, STATE_IN_PROCESS, STATES };

/*
 * Groups are opportunities with the same keys. A group's number is its place in the arrays below; 0 is that of the totals.
 * There are so few that 16 bits hold a number.
 */
struct group {
	int64_t keys[REPORT_DIMENSIONS_MAX]; /* REPORT_NONE: none, or no dimension */
};
/* The number of one more, of what filters leave out: it is never shown. */
#define GROUP_LEFT_OUT (REPORT_ROWS_MAX + 1)
#define GROUPS_MAX     (REPORT_ROWS_MAX + 2)
_Static_assert(GROUPS_MAX <= UINT16_MAX, "group numbers");

/* Waits of a group: from the contact to the opportunity, or the other way if negative. */
struct wait {
	int64_t seconds, n;
	uint32_t group;
};

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

/* Lanes hold waits from 0 to before so many seconds, in which nearly all are. */
#define LANE_WAITS 4096

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
	struct group *groups;
	uint32_t ngroups; /* with the totals */
	uint32_t (*states)[STATES]; /* of each group: opportunities by state */
	uint32_t *without; /* of each group: those, not voided, that have no contact */
	uint16_t *slots; /* groups by hash */
	struct wait *waits; /* those that are in no lane */
	size_t nwaits, waits_size;
	struct lane *lanes;
	int nlanes;
	int64_t (*percentiles)[2]; /* of each group: the 50th and the 90th */
};

/* report_count - fills r->rows and r->nrows. */
enum report_counted { REPORT_COUNTED, REPORT_TOO_MANY_ROWS, REPORT_BROKEN };
enum report_counted report_count(struct report *r, const struct result *pieces) MUSTCHECK;

/* report_zeros - so many zeros, freed when all is counted. */
void *report_zeros(struct report_count *c, size_t n, size_t size);

/* group_of - the number of the group of these keys; 0: there are too many. */
uint32_t group_of(struct report_count *c, const int64_t keys[REPORT_DIMENSIONS_MAX]);

/* group_add - counts n opportunities. seconds: from the contact, or REPORT_NONE. */
void group_add(
    struct report_count *c, uint32_t group, enum state state, int64_t seconds, int64_t n);

/* group_wait - the part of group_add for those that are not voided: counts waits that are in no lane. */
void group_wait(struct report_count *c, uint32_t group, int64_t seconds, int64_t n);

/* group_contacts - how many opportunities of a group, without voided ones, have a contact. */
int64_t group_contacts(const struct report_count *c, uint32_t group);

/* report_waits - finds the percentiles of all groups, whose states are counted. */
void report_waits(struct report_count *c);

/* report_item_for - which item stands for one in a dimension. */
int64_t report_item_for(const struct report_count *c, int dimension, int64_t item);

/* report_calendar - a day that PostgreSQL counts from 2000-01-01. */
struct tm report_calendar(int64_t day);

/*
 * report_packed - adds the days that come as columns.
 * returns  false if there are too many groups
 */
bool report_packed(struct report_count *c) MUSTCHECK;

#endif
