/*
 * opportunity_filter - the filters that the retention report and the list behind its rows share, as
 * the arguments $1 to $23 of fragment opportunity_taken (report.sql).
 */
#ifndef RESOURCE_OPPORTUNITY_FILTER_H
#define RESOURCE_OPPORTUNITY_FILTER_H

#include <stdbool.h>

#include "http/request.h"

/* The arguments of the fragment, from $1. */
enum {
	FILTER_ADVISOR,
	FILTER_STAGE,
	FILTER_CLIENT = 12,
	FILTER_CREATED_FROM,
	FILTER_CREATED_TO,
	FILTER_CLOSED_FROM,
	FILTER_CLOSED_TO,
	FILTER_UPDATED_FROM,
	FILTER_UPDATED_TO,
	FILTER_VOIDED,
	FILTER_HOUR,
	FILTER_WEEKDAY,
	FILTER_BY,
	FILTERS
};

/* A filter by a choice: its name, which is also the dimension's, and its catalogue. */
struct choice_filter {
	const char *name, *catalog;
	int dimension; /* its number in fragment report_key (report.sql) */
};

/* Those of the arguments FILTER_STAGE to FILTER_CLIENT - 1; `name` NULL ends the array. */
extern const struct choice_filter choice_filters[];

/* The places of those of the grid in it. */
enum { ACTION_FILTER = 9, FINAL_STATE_FILTER };

/* name_listed - whether a list, "reason,operator", has the name. NULL: an empty list. */
bool name_listed(const char *list, const char *name);

/* opportunity_filter_days - whether no period of the request ends before it begins. Adds a fault for each that does. */
bool opportunity_filter_days(struct request *rq) MUSTCHECK;

/*
 * opportunity_filter_take - the arguments of a request's filters.
 * returns  0, or the reply's status with its faults
 */
int opportunity_filter_take(struct request *rq, const char *ret_args[static FILTERS]) MUSTCHECK;

/*
 * opportunity_filter_advisor - whether the account exists that the request's filter names. It takes a round trip, so an answer that found
 * something need not ask.
 * returns  0, or the reply's status: 422 for an account that does not exist
 */
int opportunity_filter_advisor(struct request *rq) MUSTCHECK;

/* opportunity_filter_given - whether one is given that opportunity_list leaves to opportunity_list_taken. */
bool opportunity_filter_given(const struct request *rq);

/* opportunity_filter_ids - the ids that a filter by these codes takes: see catalog_ids_as. */
const char *opportunity_filter_ids(
    struct request *rq, const char *catalog, const char *codes, bool exact, bool now);

#endif
