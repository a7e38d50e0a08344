/*
 * metrics - counters of requests and database errors; /metrics shows them (resource/metrics.c).
 *
 * Counting takes no lock and allocates nothing: relaxed atomic additions to
 * fixed arrays. Each thread is assigned one of a few shards, so that two
 * threads seldom write to one cache line; a reader sums the shards. Labels are
 * never personal data: a route's index, a status, an error class.
 * All functions are safe from any thread.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>
#include "base/base.h"

/* Upper bound of a route's index; index 0 counts requests that match no route. */
#define METRICS_ROUTES_MAX 128

/* Every status that the server answers; 0 collects all others. */
#define METRICS_STATUSES                                                                           \
	200, 201, 202, 204, 301, 304, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412,  \
	    413, 414, 415, 417, 422, 429, 431, 500, 501, 503, 505, 0
#define METRICS_STATUSES_MAX 32

/* Upper bounds of the histogram of request durations; one more bucket has no bound. */
#define METRICS_BOUNDS_US                                                                          \
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,      \
	    5000000, 10000000
#define METRICS_BOUNDS 14

enum metrics_database {
	METRICS_BUSY, /* no connection was free in time */
	METRICS_DOWN,
	METRICS_TIMEOUT,
	METRICS_UNKNOWN, /* it may have been committed */
	METRICS_CONFLICT, /* serialization failure or deadlock */
	METRICS_CONSTRAINT, /* the client's data violated a constraint */
	METRICS_REFUSED, /* any other SQL error: a fault of the program or its configuration */
	METRICS_DATABASE_MAX
};

/* metrics_request - counts one answered request. 0 <= route < METRICS_ROUTES_MAX. */
void metrics_request(int route, int status, int64_t took_us);

/* metrics_event_lag_set - stores how far readers of events are behind; metrics_event_lag_ms returns it, 0 at first. */
void metrics_event_lag_set(int64_t ms);
int64_t metrics_event_lag_ms(void);

/* Who answered a read that a read replica may answer. */
enum metrics_read { METRICS_READ_REPLICA, METRICS_READ_PRIMARY, METRICS_READ_MAX };

/* metrics_read - counts one such answer; metrics_reads returns their number. */
void metrics_read(enum metrics_read server);
uint64_t metrics_reads(enum metrics_read server);

/* metrics_database_error - counts one database call that failed after all its retries. */
void metrics_database_error(enum metrics_database class);

/* What long requests of this process do. */
enum metrics_long {
	METRICS_EVENT_WAITERS, /* long polls that wait now */
	METRICS_EXPORTS_RUNNING, /* now */
	METRICS_EXPORTS_DONE,
	METRICS_EXPORTS_CUT, /* before their last row */
	METRICS_EXPORT_ROWS,
	METRICS_EXPORT_BYTES, /* of bodies, before HTTP's chunks */
	METRICS_LONG_MAX
};

/* metrics_long_add - adds n, which may be negative; metrics_long returns the sum. */
void metrics_long_add(enum metrics_long what, int64_t n);
int64_t metrics_long(enum metrics_long what);

/* What an attempt to deliver an event to a webhook became. */
enum metrics_webhook {
	METRICS_WEBHOOK_DELIVERED,
	METRICS_WEBHOOK_FAILED, /* and is repeated */
	METRICS_WEBHOOK_DEAD, /* and was the last one */
	METRICS_WEBHOOK_MAX
};

/* metrics_webhook_attempts_add - counts n attempts. */
void metrics_webhook_attempts_add(enum metrics_webhook outcome, uint64_t n);

/* metrics_webhook_attempts - returns the number of attempts of that outcome. */
uint64_t metrics_webhook_attempts(enum metrics_webhook outcome);

/* What the database holds of all processes, as it was last looked at. */
struct metrics_webhook_backlog {
	int64_t pending; /* deliveries of enabled webhooks that are neither delivered nor dead */
	int64_t oldest_s; /* the age of the oldest of these; 0: there is none */
	int64_t disabled; /* webhooks */
};

/* metrics_webhook_backlog_set - stores what was seen. */
void metrics_webhook_backlog_set(int64_t pending, int64_t oldest_s, int64_t disabled);

/* metrics_webhook_backlog - returns what was seen last. */
struct metrics_webhook_backlog metrics_webhook_backlog(void);

/* One route's counters. counts: in the order of METRICS_STATUSES; buckets: not cumulative. */
struct metrics_route {
	uint64_t counts[METRICS_STATUSES_MAX];
	uint64_t buckets[METRICS_BOUNDS + 1];
	uint64_t took_us;
};

/* metrics_route_read - sums one route's counters over all shards. */
void metrics_route_read(int route, struct metrics_route *ret_sums);

/* metrics_route_count - returns the number of answers with that status. */
uint64_t metrics_route_count(const struct metrics_route *sums, int status);

/* metrics_answered - returns the number of answers of all routes. */
uint64_t metrics_answered(void);

/* metrics_database_errors - returns the number of errors of that class. */
uint64_t metrics_database_errors(enum metrics_database class);

extern const int metrics_statuses[]; /* as METRICS_STATUSES; metrics_nstatuses of them */
extern const int metrics_nstatuses;
extern const int64_t metrics_bounds_us[METRICS_BOUNDS];

#endif
