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
#define STATE_VOIDED_BIT 4

/* The opportunities with the same keys. */
struct group {
	int64_t keys[REPORT_DIMENSIONS_MAX]; /* REPORT_NONE: none, or no dimension */
	int64_t states[STATES];
	int64_t contacts;
	uint32_t *waits; /* how many waited 0, 1, … GROUP_WAITS - 1 seconds; NULL: none did */
	uint64_t
	    last; /* the opportunity that was counted last, for those that count once in several rows */
	uint32_t number;
};

/* Waits of that many seconds and more are kept one by one. */
#define GROUP_WAITS 2048
struct long_wait {
	uint32_t group;
	int64_t seconds, n;
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
	struct group totals; /* number 0 */
	struct group **groups; /* in the order of their numbers, from 1 */
	struct group **slots; /* by hash; a power of two */
	size_t ngroups, nslots;
	struct long_wait *waits;
	size_t nwaits, waits_size;
};

/* report_count - fills r->rows and r->nrows. */
enum report_counted { REPORT_COUNTED, REPORT_TOO_MANY_ROWS, REPORT_BROKEN };
enum report_counted report_count(struct report *r, const struct result *pieces) MUSTCHECK;

/* group_of - the group of these keys; NULL: there are too many. */
struct group *group_of(struct report_count *c, const int64_t keys[REPORT_DIMENSIONS_MAX]);

/* group_add - counts n opportunities. seconds: from the contact, or REPORT_NONE. */
void group_add(
    struct report_count *c, struct group *g, enum state state, int64_t seconds, int64_t n);

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
