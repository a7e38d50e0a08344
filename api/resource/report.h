/*
 * report - the retention report between its statement and its three forms: JSON and CSV
 * (report_text.c), SVG (report_picture.c). Private to the report.
 */
#ifndef RESOURCE_REPORT_H
#define RESOURCE_REPORT_H

#include "db/result.h"
#include "http/request.h"
#include "resource/opportunity_filter.h"

#define REPORT_DIMENSIONS_MAX 3

/* The numbers that fragment report_key knows. A choice's is CHOICES and its place in choice_dimensions. */
enum dimension_number { DAY = 1, WEEK, MONTH, HOUR, WEEKDAY, ADVISOR, CHOICES };

struct dimension {
	const char *name; /* as in group_by: "reason:2" */
	int number;
	int level; /* of a choice, from 1; 0: the whole choice */
	const struct choice_filter *filter; /* of a choice; else NULL */
};

struct report {
	struct request *rq;
	const char *from, *to; /* days at the desk */
	const char *by; /* created, closed */
	bool now; /* choices count as their successors */
	struct dimension dimensions[REPORT_DIMENSIONS_MAX];
	int ndimensions;
	const char *filters[FILTERS];
	const struct result *rows; /* the totals first */
};

/* The columns of the statement. */
enum {
	REPORT_TOTAL,
	REPORT_OPENED,
	REPORT_CLOSED,
	REPORT_RETAINED,
	REPORT_LOST,
	REPORT_IN_PROCESS,
	REPORT_VOIDED,
	REPORT_CONTACTS,
	REPORT_P50,
	REPORT_P90,
	REPORT_KEYS
};

/* What a key is made of: four columns for each dimension, from REPORT_KEYS on. */
enum { KEY_CODE, KEY_LABEL, KEY_USERNAME, KEY_EXACT, KEY_COLUMNS };

/* report_key - a column of the key that a row has in a dimension; NULL: it has none. */
const char *report_key(const struct report *r, int row, int dimension, int column);

/* report_json, report_csv, report_svg - the report as bytes in the request's arena. */
const char *report_json(const struct report *r, size_t *ret_length);
const char *report_csv(const struct report *r, size_t *ret_length);
const char *report_svg(const struct report *r, size_t *ret_length);

/* report_link - the path of the list of the opportunities that a row takes. */
const char *report_link(const struct report *r, int row);

#endif
