/*
 * report_shape - the retention report between its statement and its three forms: JSON and CSV
 * (report_text.c), SVG (report_picture.c). report_days.c counts columns of days, report_count.c adds
 * up (report_count.h). Private to the report.
 */
#ifndef RESOURCE_REPORT_SHAPE_H
#define RESOURCE_REPORT_SHAPE_H

#include "db/result.h"
#include "http/request.h"
#include "resource/opportunity_filter.h"

#define REPORT_DIMENSIONS_MAX 3

/* The numbers that fragment report_key and report_columns() (0044_report.sql) know. A choice's is its filter's (opportunity_filter.h). */
enum dimension_number {
	IDS,
	DAY,
	WEEK,
	MONTH,
	HOUR,
	WEEKDAY,
	ADVISOR,
	CHOICES,
	ACTION = 16,
	FINAL_STATE,
	RUNS, /* no dimensions, but columns of a day: opportunities by wait and state, waits, rows of the grid */
	WAITS,
	ACTIONS,
	DIMENSION_NUMBERS
};

struct dimension {
	const char *name; /* as in group_by: "reason:2" */
	int number; /* 0: none */
	int level; /* of a choice, from 1; 0: the whole choice */
	const struct choice_filter *filter; /* of a choice; else NULL */
};

enum figure {
	REPORT_OPENED,
	REPORT_CLOSED,
	REPORT_RETAINED,
	REPORT_LOST,
	REPORT_IN_PROCESS,
	REPORT_VOIDED,
	REPORT_CONTACTS,
	REPORT_P50, /* seconds, or REPORT_NONE */
	REPORT_P90,
	REPORT_FIGURES
};
#define REPORT_NONE INT64_MIN

/* What a key of a dimension shows. */
struct report_key {
	int64_t id; /* of an item or advisor; else the key itself */
	int64_t rank; /* in the order of the rows */
	const char *code; /* a choice's code, an advisor's id, a day or a number */
	const char *label, *username; /* may be NULL */
	bool exact; /* a filter by it must leave out what is below it */
};

struct report_row {
	const struct report_key *keys[REPORT_DIMENSIONS_MAX]; /* NULL: it has none */
	int64_t figures[REPORT_FIGURES];
};

struct report {
	struct request *rq;
	const char *from, *to; /* days at the desk */
	const char *by; /* created, closed */
	bool now; /* choices count as their successors */
	struct dimension dimensions[REPORT_DIMENSIONS_MAX];
	int ndimensions;
	const char *filters[FILTERS];
	const struct report_row *
	    rows; /* the totals first; in the request's arena, their texts in the statement's result */
	int nrows;
	const struct report_key
	    *keys; /* all that the first dimension can have, if it has a catalogue */
	int nkeys;
};

/* report_json, report_csv, report_svg - the report as bytes in the request's arena. */
const char *report_json(const struct report *r, size_t *ret_length);
const char *report_csv(const struct report *r, size_t *ret_length);
const char *report_svg(const struct report *r, size_t *ret_length);

/* report_link - the path of the list of the opportunities that a row takes. */
const char *report_link(const struct report *r, int row);

#endif
