/*
 * GET /v1/exports/{kind}.
 *
 * An export has a connection of its own to the database, so that it takes none from the desk; at most GESTOR_EXPORTS_MAX run at once
 * in a process. It leaves two entries in the record of reads: one before the first row is sent, which a killed process cannot
 * lose, and one at its end with the number of rows.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/permission.h"
#include "auth/revoked.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "config.h"
#include "http/authenticate.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "sql.h"
#include "transfer/export_body.h"
#include "transfer/export_entry.h"

/* An export that finds all places taken may come back after that. */
#define WAIT_S 10

static int running; /* accessed with __atomic builtins */

/* What rq->reply.stream holds. */
struct job {
	struct request *rq;
	struct export_body *body; /* NULL: it ended, and its place is free again */
	struct export_entry entry;
	const char *number; /* the export's, for its last entry */
	int64_t until_ms; /* by clock_ms() */
	const char *error; /* why the body broke off; "": it did not */
};

static bool
take_place(int most)
{
	if (__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST) <= most) {
		metrics_long_add(METRICS_EXPORTS_RUNNING, 1);
		return true;
	}
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	return false;
}

static void
give_place(void)
{
	metrics_long_add(METRICS_EXPORTS_RUNNING, -1);
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
}

/* -------------------------------------------------------------------- the stream */

/* Ends the transaction, and frees the place. */
static void
end_body(struct job *job)
{
	if (job->body == NULL)
		return;
	job->entry.rows = export_rows(job->body);
	job->error = arena_printf(&job->rq->arena, "%s", export_error(job->body));
	export_end(job->body);
	job->body = NULL;
	give_place();
}

static int
next_piece(void *arg, const char **ret_bytes, size_t *ret_length)
{
	struct job *job = arg;
	uint64_t rows = export_rows(job->body);
	int more;

	/* An account whose sessions ended gets no more, as with any other request. */
	if (clock_ms() >= job->until_ms || revoked_token(&job->rq->who))
		return -1;
	more = export_next(job->body, ret_bytes, ret_length);
	metrics_long_add(METRICS_EXPORT_ROWS, (int64_t)(export_rows(job->body) - rows));
	if (more > 0)
		metrics_long_add(METRICS_EXPORT_BYTES, (int64_t)*ret_length);
	/* Before the last chunk: a client that has all may begin the next export. */
	if (more == 0)
		end_body(job);
	return more;
}

static void
end_stream(void *arg, bool whole)
{
	struct job *job = arg;
	struct request *rq = job->rq;
	struct db_error error;
	struct result *row = NULL;

	end_body(job);
	job->entry.state = whole ? "done" : "cut";
	metrics_long_add(whole ? METRICS_EXPORTS_DONE : METRICS_EXPORTS_CUT, 1);
	const struct call note = { &sql_export_note,
		{ job->number, rq->advisor_id, request_number(rq, rq->who.session_id),
		    rq->address[0] != '\0' ? rq->address : NULL, rq->id, rq->op->id,
		    export_entry_json(&job->entry, &rq->arena) } };

	if (!whole)
		log_msg(LOG_WARN, "%s: an export of %s was cut after %" PRIu64 " rows%s%s", rq->id,
		    job->entry.kind, job->entry.rows, *job->error != '\0' ? ": " : "", job->error);
	if (db_run(rq->app->pool, &note, 1, &row, &error) != DB_OK)
		log_msg(LOG_WARN, "%s: the end of an export could not be recorded", rq->id);
	result_free(row);
}

/* ------------------------------------------------------------------- the request */

/* The filters that this kind has, for a refusal. */
static const char *
filters_known(struct request *rq, const struct export_kind *kind)
{
	const char *known = arena_printf(&rq->arena, "%s, %s", kind->from, kind->to);

	for (const char *const *f = kind->filters; *f != NULL; f++)
		known = arena_printf(&rq->arena, "%s, %s", known, *f);
	return known;
}

/* Returns 0; or 400 for a filter that other kinds have. */
static int
check_filters(struct request *rq, const struct export_kind *kind)
{
	for (int i = 0; i < rq->nquery; i++) {
		if (!export_kind_filter(kind, rq->query_name[i]))
			return reply_problem_text(
			    rq, TEXT_parameters_known, rq->query_name[i], filters_known(rq, kind));
	}
	return 0;
}

static const char *
choice_ids(struct request *rq, const char *catalog, const char *name)
{
	const char *code = request_query_value(rq, name);

	return code != NULL ? catalog_ids(rq->catalogs, catalog, code, &rq->arena) : NULL;
}

/* The arguments of the statement of opportunities after the span. Returns false with a fault added. */
static bool
take_opportunity_filters(struct request *rq, struct export_task *task)
{
	unsigned may = permissions_of(rq->who.role, rq->who.rights);
	const char **arg = task->args + 2;

	*arg++ = request_query_value(rq, "advisor");
	*arg++ = choice_ids(rq, "stage", "stage");
	*arg++ = choice_ids(rq, "campaign", "campaign");
	*arg++ = choice_ids(rq, "sub_campaign", "sub_campaign");
	*arg++ = choice_ids(rq, "cancellation_reason", "reason");
	*arg++ = request_query_value(rq, "voided");
	/* The client's document is in the CSV alone, and for those who may read clients. */
	task->args[EXPORT_DOCUMENT_ARG] =
	    task->format == EXPORT_CSV && (may & MAY_CLIENT_READ) != 0 ? "true" : "false";
	return request_ids(rq, arg);
}

/* Returns 0 with the arguments of the statement; or the status of the reply. */
static int
take_filters(struct request *rq, struct export_task *task)
{
	const struct export_kind *kind = task->kind;
	const char *from = request_query_value(rq, kind->from),
		   *to = request_query_value(rq, kind->to);
	bool taken = true;

	task->args[0] = from;
	task->args[1] = to;
	if (text_days_reversed(from, to))
		faults_add(
		    &rq->faults, arena_printf(&rq->arena, "#/%s", kind->to), TEXT_days_reversed);
	if (request_query_value(rq, "object_id") != NULL &&
	    request_query_value(rq, "object_type") == NULL)
		faults_add(&rq->faults, "#/object_id", TEXT_goes_with,
		    faults_label(&rq->faults, "object_id"),
		    faults_label(&rq->faults, "object_type"));
	if (kind->entity == ENTITY_OPPORTUNITY)
		taken = take_opportunity_filters(rq, task);
	else
		for (int i = 0; kind->filters[i] != NULL; i++)
			task->args[2 + i] = request_query_value(rq, kind->filters[i]);
	return taken && rq->faults.count == 0 ? 0 : reply_faults(rq);
}

static int
refused(struct request *rq, enum db_status status, const struct db_error *error)
{
	if (status == DB_TIMEOUT)
		return reply_problem(rq, "too_slow");
	if (status == DB_DOWN || status == DB_BUSY)
		return reply_problem(rq, "database_unavailable");
	log_msg(LOG_ERROR, "%s: an export cannot begin: SQLSTATE %s", rq->id, error->sqlstate);
	return reply_problem(rq, "internal");
}

static enum db_status
open_body(
    struct request *rq, const struct export_task *task, struct job *job, struct db_error *ret_error)
{
	const struct config *c = rq->app->config;
	const struct stream_config stream = { .url = c->database_url,
		.fetch_ms = c->query_timeout_ms,
		.idle_ms = c->export_max_s * 1000 };
	struct replica_stream from = { .replica = rq->app->replica };
	enum db_status status = export_open(&stream, task, &from, &job->body, ret_error);

	if (status == DB_OK)
		memcpy(rq->as_of, from.as_of, sizeof(rq->as_of));
	return status;
}

/* Begins the export and its first entry, with a place taken. Returns the status of the reply. */
static int
begin(struct request *rq, const struct export_task *task, const char *filters)
{
	const struct config *c = rq->app->config;
	struct job *job = arena_alloc(&rq->arena, sizeof(*job));
	struct db_error error;
	enum db_status status;

	*job = (struct job){ .rq = rq, .until_ms = clock_ms() + c->export_max_s * 1000LL };
	job->entry = (struct export_entry){ .kind = task->kind->name,
		.csv = task->format == EXPORT_CSV,
		.filters = filters,
		.masked = rq->masked,
		.state = "begun" };
	status = open_body(rq, task, job, &error);
	if (status != DB_OK)
		return refused(rq, status, &error);
	auto_result struct result *row =
	    request_query(rq, &sql_export_note, job->number, rq->advisor_id,
		request_number(rq, rq->who.session_id), rq->address[0] != '\0' ? rq->address : NULL,
		rq->id, rq->op->id, export_entry_json(&job->entry, &rq->arena));
	if (row == NULL) {
		export_end(job->body);
		return rq->reply.status;
	}
	job->number = arena_copy(&rq->arena, result_text(row, 0, 0), result_length(row, 0, 0));
	rq->reply.stream = (struct reply_stream){ next_piece, end_stream, job };
	return 200;
}

static void
reply_as(struct request *rq, const struct export_task *task)
{
	bool csv = task->format == EXPORT_CSV;
	char day[CLOCK_DAY_SIZE];

	rq->reply.status = 200;
	rq->reply.streams = true;
	rq->reply.type = csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
	clock_desk_day(day);
	reply_header(rq, "Content-Disposition",
	    arena_printf(&rq->arena, "attachment; filename=\"%s-%s.%s\"", task->kind->name, day,
		csv ? "csv" : "ndjson"));
	reply_header(rq, "Vary", "Accept");
	if (rq->as_of[0] != '\0')
		reply_header(rq, "As-Of", rq->as_of);
}

int
export_get(struct request *rq)
{
	struct export_task task = { .kind = export_kind_named(rq->param[0]),
		.format = rq->answers_csv ? EXPORT_CSV : EXPORT_NDJSON,
		.masked = rq->masked };
	const char *filters = "";

	if (task.kind == NULL)
		return reply_problem(rq, "not_found");
	if (authorize_also(rq, task.kind->needs) != 0 || check_filters(rq, task.kind) != 0 ||
	    take_filters(rq, &task) != 0)
		return rq->reply.status;
	for (int i = 0; i < rq->nquery; i++) {
		if (rq->query_value[i] != NULL)
			filters = arena_printf(&rq->arena, "%s%s%s", filters,
			    *filters != '\0' ? "," : "", rq->query_name[i]);
	}
	if (!rq->head) {
		if (!take_place(rq->app->config->exports_max))
			return reply_problem_wait(rq, "busy", WAIT_S);
		if (begin(rq, &task, filters) != 200) {
			give_place();
			return rq->reply.status;
		}
	}
	reply_as(rq, &task);
	return 200;
}
