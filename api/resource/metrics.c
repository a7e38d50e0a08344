/*
 * The metrics for Prometheus, in text format 0.0.4. Counters by operation and status are left out
 * while they are 0, because there would be hundreds.
 *
 * source  prometheus.io/docs/instrumenting/exposition_formats, writing_clientlibs
 *         (the names of process_*)
 */
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics_desk.h"
#include "base/process.h"
#include "base/version.h"
#include "catalog/catalog.h"
#include "db/pool.h"
#include "db/replica.h"
#include "http/record.h"
#include "http/route.h"

static void
family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
one(FILE *f, const char *name, const char *type, const char *help, double value)
{
	family(f, name, type, help);
	fprintf(f, "%s %.15g\n", name, value);
}

static double
seconds(uint64_t us)
{
	return (double)us / 1e6;
}

static void
write_counts(FILE *f)
{
	struct metrics_route r;

	family(f, "gestor_http_requests_total", "counter",
	    "Answered requests, by operationId and status.");
	for (int n = 0; route_name(n) != NULL; n++) {
		metrics_route_read(n, &r);
		for (int i = 0; i < metrics_nstatuses; i++) {
			if (r.counts[i] == 0)
				continue;
			fprintf(f,
			    "gestor_http_requests_total{operation=\"%s\",status=\"%d\"} %llu\n",
			    route_name(n), metrics_statuses[i], (unsigned long long)r.counts[i]);
		}
	}
}

/* The count is the sum of the buckets as read here, so they agree while others are counted. */
static void
write_durations(FILE *f)
{
	static const char name[] = "gestor_http_request_duration_seconds";
	struct metrics_route r;
	unsigned long long sum;

	family(f, name, "histogram",
	    "Time from a request's head to its answer, before the answer is sent.");
	for (int n = 0; route_name(n) != NULL; n++) {
		metrics_route_read(n, &r);
		sum = 0;
		for (int i = 0; i <= METRICS_BOUNDS; i++)
			sum += r.buckets[i];
		if (sum == 0)
			continue;
		sum = 0;
		for (int i = 0; i < METRICS_BOUNDS; i++) {
			sum += r.buckets[i];
			fprintf(f, "%s_bucket{operation=\"%s\",le=\"%g\"} %llu\n", name,
			    route_name(n), seconds((uint64_t)metrics_bounds_us[i]), sum);
		}
		sum += r.buckets[METRICS_BOUNDS];
		fprintf(f,
		    "%s_bucket{operation=\"%s\",le=\"+Inf\"} %llu\n"
		    "%s_sum{operation=\"%s\"} %.6f\n%s_count{operation=\"%s\"} %llu\n",
		    name, route_name(n), sum, name, route_name(n), seconds(r.took_us), name,
		    route_name(n), sum);
	}
}

/* The outcomes of sign-ins, from the statuses of session_create. */
static void
write_sign_ins(FILE *f)
{
	static const struct {
		const char *outcome;
		int status;
	} outcomes[] = { { "ok", 201 }, { "rehearsed", 200 }, { "wrong", 401 },
		{ "throttled", 429 }, { "unavailable", 503 }, { "malformed", 400 },
		{ "malformed", 422 } };
	uint64_t n, known = 0, all = 0;
	struct metrics_route r;
	int route = 1;

	while (strcmp(route_name(route), "session_create") != 0)
		route++;
	metrics_route_read(route, &r);
	for (int i = 0; i < metrics_nstatuses; i++)
		all += r.counts[i];
	family(f, "gestor_sign_ins_total", "counter", "Attempts to sign in, by outcome.");
	for (size_t i = 0; i < NITEMS(outcomes); i++) {
		n = metrics_route_count(&r, outcomes[i].status);
		known += n;
		/* 400 and 422 are one outcome, printed at 422. */
		if (outcomes[i].status == 400)
			continue;
		if (outcomes[i].status == 422)
			n += metrics_route_count(&r, 400);
		fprintf(f, "gestor_sign_ins_total{outcome=\"%s\"} %llu\n", outcomes[i].outcome,
		    (unsigned long long)n);
	}
	fprintf(f, "gestor_sign_ins_total{outcome=\"other\"} %llu\n",
	    (unsigned long long)(all - known));
}

/* Left out until the database was looked at. */
static void
write_desk(FILE *f)
{
	struct metrics_desk desk;

	metrics_desk_read(&desk);
	if (!desk.seen)
		return;
	family(f, "gestor_opportunities_open", "gauge",
	    "Opportunities that have not ended and are not voided, by stage; counted once a "
	    "minute.");
	for (int i = 0; i < desk.nstages; i++)
		fprintf(f, "gestor_opportunities_open{stage=\"%s\"} %lld\n", desk.stages[i].code,
		    (long long)desk.stages[i].open);
	if (desk.follow_ups_overdue >= 0)
		one(f, "gestor_follow_ups_overdue", "gauge",
		    "Promised call-backs whose time has passed; counted once a minute.",
		    (double)desk.follow_ups_overdue);
	one(f, "gestor_contacts_without_opportunity", "gauge",
	    "Contacts of the last 24 hours without an opportunity; counted once a minute.",
	    (double)desk.contacts_without_opportunity);
}

static void
write_database(FILE *f, struct pool *pool)
{
	static const char *const classes[] = { [METRICS_BUSY] = "busy",
		[METRICS_DOWN] = "down",
		[METRICS_TIMEOUT] = "timeout",
		[METRICS_UNKNOWN] = "unknown",
		[METRICS_CONFLICT] = "conflict",
		[METRICS_CONSTRAINT] = "constraint",
		[METRICS_REFUSED] = "refused" };
	const struct pool_counts c = pool_counts(pool);

	one(f, "gestor_event_horizon_lag_seconds", "gauge",
	    "Age of the oldest open transaction that changes data, or of the oldest event that "
	    "readers cannot see yet.",
	    (double)metrics_event_lag_ms() / 1000);
	one(f, "gestor_database_pool_size", "gauge", "Configured database connections.", c.size);
	one(f, "gestor_database_pool_open", "gauge", "Open database connections.", c.open);
	one(f, "gestor_database_pool_in_use", "gauge", "Database connections in use.", c.in_use);
	one(f, "gestor_database_pool_waiting", "gauge", "Requests that wait for a connection.",
	    c.waiting);
	family(f, "gestor_database_pool_wait_seconds", "summary",
	    "Waits for a database connection, without requests that got one at once.");
	fprintf(f,
	    "gestor_database_pool_wait_seconds_sum %.6f\n"
	    "gestor_database_pool_wait_seconds_count %lld\n",
	    seconds((uint64_t)c.waited_us), (long long)c.waits);
	family(f, "gestor_database_errors_total", "counter",
	    "Failed transactions, by class; clients cause those of class constraint.");
	for (int i = 0; i < METRICS_DATABASE_MAX; i++)
		fprintf(f, "gestor_database_errors_total{class=\"%s\"} %llu\n", classes[i],
		    (unsigned long long)metrics_database_errors((enum metrics_database)i));
}

static void
write_replica(FILE *f, struct replica *replica)
{
	int64_t lag_ms = replica_lag_ms(replica);

	family(f, "gestor_replica_reads_total", "counter",
	    "Answers that a read replica may give, by the server that gave them.");
	fprintf(f,
	    "gestor_replica_reads_total{server=\"replica\"} %llu\n"
	    "gestor_replica_reads_total{server=\"primary\"} %llu\n",
	    (unsigned long long)metrics_reads(METRICS_READ_REPLICA),
	    (unsigned long long)metrics_reads(METRICS_READ_PRIMARY));
	if (lag_ms < 0)
		return;
	one(f, "gestor_read_replica_lag_seconds", "gauge",
	    "How far the read replica is behind the primary; while it does not answer, how old its "
	    "data are at least.",
	    (double)lag_ms / 1000);
	one(f, "gestor_read_replica_used", "gauge", "1: reads go to the read replica now.",
	    replica_fit(replica));
}

static void
write_webhooks(FILE *f)
{
	static const char *const outcomes[] = { [METRICS_WEBHOOK_DELIVERED] = "delivered",
		[METRICS_WEBHOOK_FAILED] = "failed",
		[METRICS_WEBHOOK_DEAD] = "dead" };
	const struct metrics_webhook_backlog b = metrics_webhook_backlog();

	family(f, "gestor_webhook_attempts_total", "counter",
	    "Attempts to deliver an event, by outcome; dead: the last one failed.");
	for (int i = 0; i < METRICS_WEBHOOK_MAX; i++)
		fprintf(f, "gestor_webhook_attempts_total{outcome=\"%s\"} %llu\n", outcomes[i],
		    (unsigned long long)metrics_webhook_attempts((enum metrics_webhook)i));
	one(f, "gestor_webhook_pending", "gauge",
	    "Pending deliveries of enabled webhooks, of all processes.", (double)b.pending);
	one(f, "gestor_webhook_oldest_pending_seconds", "gauge",
	    "Age of the oldest of these; 0: there is none.", (double)b.oldest_s);
	one(f, "gestor_webhook_disabled", "gauge", "Webhooks that are disabled.",
	    (double)b.disabled);
}

static void
write_long(FILE *f)
{
	one(f, "gestor_event_waiters", "gauge", "Long polls of GET /v1/events that wait now.",
	    (double)metrics_long(METRICS_EVENT_WAITERS));
	one(f, "gestor_exports_running", "gauge", "Exports that are sent now.",
	    (double)metrics_long(METRICS_EXPORTS_RUNNING));
	family(f, "gestor_exports_total", "counter",
	    "Exports that ended, by outcome; cut: before the last row.");
	fprintf(f,
	    "gestor_exports_total{outcome=\"done\"} %lld\n"
	    "gestor_exports_total{outcome=\"cut\"} %lld\n",
	    (long long)metrics_long(METRICS_EXPORTS_DONE),
	    (long long)metrics_long(METRICS_EXPORTS_CUT));
	one(f, "gestor_export_rows_total", "counter", "Rows that exports made.",
	    (double)metrics_long(METRICS_EXPORT_ROWS));
	one(f, "gestor_export_bytes_total", "counter",
	    "Bytes of exports, before compression and chunks.",
	    (double)metrics_long(METRICS_EXPORT_BYTES));
}

static void
write_process(FILE *f)
{
	struct process p;

	process_read(&p);
	one(f, "process_cpu_seconds_total", "counter", "User and system CPU time.", p.cpu_s);
	one(f, "process_start_time_seconds", "gauge", "Start time, in Unix time.", p.start_s);
	one(f, "process_resident_memory_bytes", "gauge", "Resident set size.", p.resident_bytes);
	one(f, "process_virtual_memory_bytes", "gauge", "Virtual memory size.", p.virtual_bytes);
	one(f, "process_open_fds", "gauge", "Open file descriptors.", p.open_fds);
	one(f, "process_max_fds", "gauge", "Limit of open file descriptors.", p.max_fds);
	one(f, "process_threads", "gauge", "Threads.", p.threads);
}

int
metrics(struct request *rq)
{
	char *text = NULL;
	size_t length = 0;
	FILE *f = open_memstream(&text, &length);

	if (f == NULL)
		abort();
	family(f, "gestor_build_info", "gauge", "Version and commit; the value is always 1.");
	fprintf(f, "gestor_build_info{version=\"" VERSION "\",commit=\"%s\"} 1\n", version_commit);
	write_counts(f);
	write_durations(f);
	one(f, "gestor_http_requests_in_flight", "gauge",
	    "Requests in progress, including this one.",
	    __atomic_load_n(&rq->app->in_flight, __ATOMIC_RELAXED));
	write_sign_ins(f);
	write_desk(f);
	write_database(f, rq->app->pool);
	write_replica(f, rq->app->replica);
	one(f, "gestor_catalog_revision", "gauge",
	    "Revision of the catalogues in memory; 0: none is loaded.", (double)catalog_revision());
	write_webhooks(f);
	write_long(f);
	one(f, "gestor_log_lines_lost_total", "counter",
	    "Log lines lost because the queue was full or writing failed.", (double)log_lost());
	write_process(f);
	if (fclose(f) != 0)
		abort();
	reply_json(rq, 200, arena_copy(&rq->arena, text, length), length);
	rq->reply.type = "text/plain; version=0.0.4; charset=utf-8";
	free(text);
	return 200;
}
