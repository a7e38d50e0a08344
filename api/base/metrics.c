#include "base/metrics.h"

#include <string.h>

#define SHARDS	   8
#define CACHE_LINE 64

/* Counters of different routes never share a cache line. */
struct row {
	struct metrics_route counters;
} __attribute__((aligned(CACHE_LINE)));

const int metrics_statuses[] = { METRICS_STATUSES };
const int metrics_nstatuses = NITEMS(metrics_statuses);
const int64_t metrics_bounds_us[METRICS_BOUNDS] = { METRICS_BOUNDS_US };
_Static_assert(NITEMS(metrics_statuses) <= METRICS_STATUSES_MAX, "too many statuses");

static struct row shards[SHARDS][METRICS_ROUTES_MAX];
static uint64_t database_errors[METRICS_DATABASE_MAX];
static unsigned next_shard;
static _Thread_local struct row *shard; /* this thread's */

static void
add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static uint64_t
value(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int
status_index(int status)
{
	int i = 0;

	while (i < metrics_nstatuses - 1 && metrics_statuses[i] != status)
		i++;
	return i;
}

void
metrics_request(int route, int status, int64_t took_us)
{
	struct metrics_route *r;
	int bucket = 0;

	if (shard == NULL)
		shard = shards[__atomic_fetch_add(&next_shard, 1, __ATOMIC_RELAXED) % SHARDS];
	r = &shard[route].counters;
	while (bucket < METRICS_BOUNDS && took_us > metrics_bounds_us[bucket])
		bucket++;
	add(&r->counts[status_index(status)], 1);
	add(&r->buckets[bucket], 1);
	add(&r->took_us, (uint64_t)took_us);
}

void metrics_database_error(enum metrics_database class)
{
	add(&database_errors[class], 1);
}

void
metrics_route_read(int route, struct metrics_route *ret_sums)
{
	memset(ret_sums, 0, sizeof(*ret_sums));
	for (int s = 0; s < SHARDS; s++) {
		const struct metrics_route *r = &shards[s][route].counters;

		for (int i = 0; i < metrics_nstatuses; i++)
			ret_sums->counts[i] += value(&r->counts[i]);
		for (int i = 0; i <= METRICS_BOUNDS; i++)
			ret_sums->buckets[i] += value(&r->buckets[i]);
		ret_sums->took_us += value(&r->took_us);
	}
}

uint64_t
metrics_route_count(const struct metrics_route *sums, int status)
{
	return sums->counts[status_index(status)];
}

uint64_t
metrics_answered(void)
{
	uint64_t n = 0;

	for (int s = 0; s < SHARDS; s++) {
		for (int route = 0; route < METRICS_ROUTES_MAX; route++) {
			for (int i = 0; i <= METRICS_BOUNDS; i++)
				n += value(&shards[s][route].counters.buckets[i]);
		}
	}
	return n;
}

uint64_t metrics_database_errors(enum metrics_database class)
{
	return value(&database_errors[class]);
}

static int64_t event_lag_ms;

void
metrics_event_lag_set(int64_t ms)
{
	__atomic_store_n(&event_lag_ms, ms, __ATOMIC_RELAXED);
}

int64_t
metrics_event_lag_ms(void)
{
	return __atomic_load_n(&event_lag_ms, __ATOMIC_RELAXED);
}

static uint64_t reads[METRICS_READ_MAX];

void
metrics_read(enum metrics_read server)
{
	add(&reads[server], 1);
}

uint64_t
metrics_reads(enum metrics_read server)
{
	return value(&reads[server]);
}

static int64_t longs[METRICS_LONG_MAX];

void
metrics_long_add(enum metrics_long what, int64_t n)
{
	__atomic_fetch_add(&longs[what], n, __ATOMIC_RELAXED);
}

int64_t
metrics_long(enum metrics_long what)
{
	return __atomic_load_n(&longs[what], __ATOMIC_RELAXED);
}

static uint64_t webhook_attempts[METRICS_WEBHOOK_MAX];
static uint64_t webhook_pending, webhook_oldest_s, webhook_disabled;

void
metrics_webhook_attempts_add(enum metrics_webhook outcome, uint64_t n)
{
	add(&webhook_attempts[outcome], n);
}

uint64_t
metrics_webhook_attempts(enum metrics_webhook outcome)
{
	return value(&webhook_attempts[outcome]);
}

void
metrics_webhook_backlog_set(int64_t pending, int64_t oldest_s, int64_t disabled)
{
	__atomic_store_n(&webhook_pending, (uint64_t)pending, __ATOMIC_RELAXED);
	__atomic_store_n(&webhook_oldest_s, (uint64_t)oldest_s, __ATOMIC_RELAXED);
	__atomic_store_n(&webhook_disabled, (uint64_t)disabled, __ATOMIC_RELAXED);
}

struct metrics_webhook_backlog
metrics_webhook_backlog(void)
{
	return (struct metrics_webhook_backlog){ (int64_t)value(&webhook_pending),
		(int64_t)value(&webhook_oldest_s), (int64_t)value(&webhook_disabled) };
}
