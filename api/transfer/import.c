/*
 * Imports: a file in, its rows staged; import_work.c does the work.
 */
#include <string.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "config.h"
#include "http/audit.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/route.h"
#include "http/run.h"
#include "http/upload.h"
#include "sql.h"
#include "transfer/desk_watch.h"
#include "transfer/import_load.h"
#include "transfer/import_report.h"
#include "transfer/import_work.h"

/* After a refusal because other files are being received. */
#define RETRY_S 5

/* What the reader of an upload needs. */
struct receiving {
	struct request *rq;
	struct secret_hashing hashing;
	struct desk_watch desk;
	int64_t work_began_ms; /* on bytes that were read */
	int64_t worked_ms; /* since it rested */
};

/*
 * While the desk is busy the work on a file rests for most of the time, after each small piece: PostgreSQL stages rows faster than it
 * stores them, and what it writes for that stands before what requests commit.
 */
#define BUSY_RESTS 9 /* times as long as it works */

/* A shorter rest takes longer than it says. */
#define REST_FROM_MS 2

static void
rest(struct receiving *r)
{
	r->worked_ms += r->work_began_ms != 0 ? clock_ms() - r->work_began_ms : 0;
	if (r->worked_ms < REST_FROM_MS)
		return;
	if (desk_is_busy(&r->desk))
		desk_rest(BUSY_RESTS * r->worked_ms);
	r->worked_ms = 0;
}

static long
read_upload(void *arg, char *buf, size_t size)
{
	struct receiving *r = arg;
	long n;

	rest(r);
	n = upload_read(r->rq, buf, size);
	r->work_began_ms = clock_ms();
	if (n > 0)
		secret_hash_add(&r->hashing, buf, (size_t)n);
	return n;
}

/* Administrators see all imports, integrations their own. */
static const char *
sees_all(const struct request *rq)
{
	return rq->who.role == ROLE_ADMIN ? "true" : "false";
}

static void
drop(struct request *rq, const char *id, const char *reason)
{
	const struct call call = { &sql_import_drop, { id, reason } };
	struct result *row = NULL;
	struct db_error error;

	/* If this fails, so does the import, when nothing was heard of it for a minute. */
	if (db_run_by(rq->app->pool, request_deadline_ms(rq), DB_PATIENT, &call, 1, &row, &error) ==
	    DB_OK)
		result_free(row);
}

static int
refuse(struct request *rq, enum import_end end)
{
	switch (end) {
	case IMPORT_FAULTY:
		return reply_faults(rq);
	case IMPORT_BROKEN:
		return upload_refuse(rq);
	case IMPORT_CANCELLED:
		return reply_problem(rq, "import_cancelled");
	case IMPORT_BUSY:
		return reply_problem_wait(rq, "too_many_uploads", RETRY_S);
	default:
		return reply_problem(rq, "database_unavailable");
	}
}

/* The whole file is staged: from here on it is an import. */
static int
accept_file(struct request *rq, const struct import_staging *staging)
{
	auto_result struct result *row =
	    request_query(rq, &sql_import_create, staging->id, staging->rows);

	if (row == NULL) {
		drop(rq, staging->id, rq->reply.status < 300 ? "repeated" : "upload_broken");
		return rq->reply.status;
	}
	import_work_wake();
	reply_location(rq, result_text(row, 0, 0));
	return reply_row(rq, 202, &row, 1);
}

int
import_create(struct request *rq)
{
	const char *mode = request_query_value(rq, "mode"), *kind = request_query_value(rq, "kind");
	struct receiving receiving = { .rq = rq, .desk = { .busy = true } };
	const struct import_task task = {
		.url = rq->app->config->database_url,
		.kind = kind,
		.mode = mode != NULL ? mode : "dry_run",
		.csv = rq->upload->csv,
		.language = rq->language,
		.advisor_id = rq->advisor_id,
		.said = audit_context(rq).args[0],
		.read = read_upload,
		.arg = &receiving,
	};
	struct import_staging staging = { .faults = &rq->faults };
	char hash[SECRET_HASH_SIZE];
	enum import_end end;

	/* The same key with another kind or mode is another request. */
	secret_hash_begin(&receiving.hashing);
	secret_hash_add(&receiving.hashing, kind, strlen(kind));
	secret_hash_add(&receiving.hashing, task.mode, strlen(task.mode));
	end = import_load(&task, &rq->arena, &staging);
	if (end != IMPORT_STAGED)
		return refuse(rq, end);
	secret_hash_end(&receiving.hashing, hash);
	if (rq->idempotency.key != NULL)
		rq->idempotency.request_hash = rq->idempotency.request_hash_previous =
		    arena_copy(&rq->arena, hash, strlen(hash));
	/* The client took its time; what is left to do is quick. */
	rq->deadline_ms = 0;
	return accept_file(rq, &staging);
}

int
import_list(struct request *rq)
{
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	auto_result struct result *rows = request_query(rq, &sql_import_list, sees_all(rq),
	    rq->advisor_id, page.created_at, page.id, page.limit);
	return rows != NULL ? reply_page(rq, &page, &rows) : rq->reply.status;
}

int
import_get(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_import_get, rq->param[0], sees_all(rq), rq->advisor_id);

	return row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;
}

int
import_cancel(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_import_cancel, rq->param[0], rq->advisor_id, sees_all(rq));

	return row != NULL ? reply_empty(rq) : rq->reply.status;
}

/* ----------------------------------------------------------------------- report */

/* The columns of import_report. */
enum { FORMAT, HEADER, SEPARATOR, TIDIED };

static struct result *
report_rows(void *arg, const char *after)
{
	struct request *rq = arg;
	const struct call call = { &sql_import_report_rows, { rq->param[0], after } };
	struct result *rows = NULL;
	struct db_error error;

	return db_run(rq->app->pool, &call, 1, &rows, &error) == DB_OK ? rows : NULL;
}

static const char *
copied(struct request *rq, const struct result *row, int column)
{
	const char *text = result_text(row, 0, column);

	return text != NULL ? arena_copy(&rq->arena, text, result_length(row, 0, column)) : NULL;
}

/* The report outlives the handler: its pieces are made while they are sent. */
static int
send_report(struct request *rq, const struct import_report *report)
{
	struct import_report *kept = arena_alloc(&rq->arena, sizeof(*kept));

	*kept = *report;
	reply_json_as_is(rq, 200, "", 0);
	rq->reply.type = report->csv ? "text/csv" : "application/x-ndjson";
	rq->reply.streams = true;
	if (!rq->head)
		rq->reply.stream =
		    (struct reply_stream){ import_report_next, import_report_end, kept };
	return 200;
}

int
import_report(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_import_report, rq->param[0], sees_all(rq), rq->advisor_id);
	const char *outcome = request_query_value(rq, "outcome");
	struct import_report report = { .rows = report_rows, .arg = rq };

	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0)
		return reply_problem(rq, "not_found");
	if (strcmp(result_text(row, 0, TIDIED), "true") == 0)
		return reply_problem(rq, "report_gone");
	report.csv = rq->answers_csv;
	report.outcome = outcome;
	report.as_sent = outcome != NULL && strcmp(outcome, "failed") == 0 &&
			 (strcmp(result_text(row, 0, FORMAT), "csv") == 0) == report.csv;
	report.header = copied(rq, row, HEADER);
	report.separator = *result_text(row, 0, SEPARATOR);
	return send_report(rq, &report);
}
