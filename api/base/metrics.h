/*
 * metrics - what the service counts of itself; /metrics shows it (resource/metrics.c).
 *
 * Counting takes no lock and no memory: fixed arrays, in a few shards that
 * threads are dealt out to, so that two of them seldom write to one cache line;
 * relaxed additions, whose sum a reader takes. What is counted is never
 * personal: a route's number, a status, a class.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>
#include "base/base.h"

/* Room for the table of routes, and for 0: none of them. */
#define METRICS_ROUTES_MAX 96

/* Every status that is answered; the last is any other. */
#define METRICS_STATUSES                                                                           \
	200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 411, 412, 413, 414, 415,  \
	    417, 422, 429, 431, 500, 501, 503, 505, 0
#define METRICS_STATUSES_MAX 32

/* Upper bounds of a request's time; one more is without bound. */
#define METRICS_BOUNDS_US                                                                          \
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,      \
	    5000000, 10000000
#define METRICS_BOUNDS 14

enum metrics_database {
	METRICS_BUSY, /* no connection was free in time */
	METRICS_DOWN,
	METRICS_TIMEOUT,
	METRICS_UNKNOWN, /* it may have been committed */
	METRICS_CONFLICT, /* serialization, deadlock */
	METRICS_CONSTRAINT, /* what the schema is there to refuse: a client's doing */
	METRICS_REFUSED, /* anything else: the program's, or an administrator's */
	METRICS_DATABASE_MAX
};

/* metrics_request - one was answered. route < METRICS_ROUTES_MAX. */
void metrics_request(int route, int status, int64_t took_us);

/* metrics_database_error - one call of the database came to nothing, all that was tried included. */
void metrics_database_error(enum metrics_database class);

/* What there is of one route. counts are by METRICS_STATUSES, buckets not cumulative. */
struct metrics_route {
	uint64_t counts[METRICS_STATUSES_MAX];
	uint64_t buckets[METRICS_BOUNDS + 1];
	uint64_t took_us;
};

/* metrics_route_read - sums one route's counters. */
void metrics_route_read(int route, struct metrics_route *ret_sums);

/* metrics_route_count - answers of a route with that status. */
uint64_t metrics_route_count(const struct metrics_route *sums, int status);

/* metrics_answered - of all routes. */
uint64_t metrics_answered(void);

uint64_t metrics_database_errors(enum metrics_database class);

extern const int metrics_statuses[]; /* as METRICS_STATUSES; metrics_nstatuses of them */
extern const int metrics_nstatuses;
extern const int64_t metrics_bounds_us[METRICS_BOUNDS];

#endif
