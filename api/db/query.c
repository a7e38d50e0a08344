#include "db/query.h"

#include <arpa/inet.h>
#include <assert.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "db/pool_take.h"
#include "db/sqlstate.h"

#define RETRIES_MAX 3

/* One db_run: its arguments, and the state of the current attempt. */
struct run {
	const struct call *calls;
	int ncalls;
	bool patient; /* DB_PATIENT */
	bool repeatable; /* all calls are, or it is rolled back */
	bool rehearsal; /* between BEGIN and ROLLBACK */
	bool custom_plan; /* some call needs it */
	bool once; /* a failure is final: the caller has another server to ask */
	int64_t cancel_ms; /* when to cancel the statement, and begin no other */
	int64_t end_ms; /* when to stop waiting for the cancelled statement's result */
	bool sent; /* including the sync: nothing can be committed before */
	int nsyncs; /* received so far */
	bool synced; /* the server has finished the transaction, committed or not */
	bool failed; /* error holds the first error */
	bool late; /* past cancel_ms */
	int nheads; /* results of the statements before the calls that are still to come */
	int nresults;
	PGresult *results[DB_CALLS_MAX];
	struct db_error error;
};

static void
error_copy(struct db_error *ret_error, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	/* Class 22, "invalid input syntax for type integer: …": these messages quote a value. */
	if (message == NULL || (state != NULL && strncmp(state, "22", 2) == 0))
		message = "";
	snprintf(ret_error->sqlstate, sizeof(ret_error->sqlstate), "%s", state ? state : "");
	snprintf(ret_error->constraint, sizeof(ret_error->constraint), "%s",
	    constraint ? constraint : "");
	snprintf(ret_error->message, sizeof(ret_error->message), "%s", message);
}

static void
run_reset(struct run *run)
{
	while (run->nresults > 0)
		PQclear(run->results[--run->nresults]);
	run->sent = run->synced = run->failed = run->late = false;
	run->nsyncs = 0;
	run->nheads = run->rehearsal + run->custom_plan;
	memset(&run->error, 0, sizeof(run->error));
}

static bool
call_send(const struct call *call, PGconn *pg)
{
	static const int binary[DB_ARGS_MAX] = { [0 ... DB_ARGS_MAX - 1] = 1 };
	const struct statement *st = call->st;
	const char *values[DB_ARGS_MAX];
	int lengths[DB_ARGS_MAX];
	uint32_t length;

	if (!st->binary_arguments)
		return PQsendQueryPrepared(
		    pg, st->name, st->nargs, call->args, NULL, NULL, st->binary);
	for (int i = 0; i < st->nargs; i++) {
		memcpy(&length, call->args[i], sizeof(length));
		lengths[i] = (int)ntohl(length);
		values[i] = call->args[i] + sizeof(length);
	}
	return PQsendQueryPrepared(pg, st->name, st->nargs, values, lengths, binary, st->binary);
}

/*
 * run_send - sends all calls and the sync.
 *
 * A write asks the server to send the statements' results before it commits. So
 * run_drain knows whether a late transaction is still in a statement, which may be
 * cancelled, or in its COMMIT, which must not be: a cancelled COMMIT may be visible
 * here and missing on the standby.
 *
 * After an error the server skips to the next sync. A rehearsal's ROLLBACK comes after
 * a sync of its own, so it always runs.
 */
static bool
run_send(const struct run *run, PGconn *pg)
{
	const struct call *call;

	if (!PQenterPipelineMode(pg))
		return false;
	if (run->rehearsal && !PQsendQueryParams(pg, "begin", 0, NULL, NULL, NULL, NULL, 0))
		return false;
	/* Until the transaction's end. SET LOCAL would have no effect, because a pipeline is no transaction block. */
	if (run->custom_plan &&
	    !PQsendQueryParams(pg,
		"select set_config('plan_cache_mode', 'force_custom_plan', true)", 0, NULL, NULL,
		NULL, NULL, 0))
		return false;
	for (call = run->calls; call < run->calls + run->ncalls; call++)
		if (!call_send(call, pg))
			return false;
	if (run->rehearsal)
		return PQpipelineSync(pg) &&
		       PQsendQueryParams(pg, "rollback", 0, NULL, NULL, NULL, NULL, 0) &&
		       PQpipelineSync(pg);
	if (!run->repeatable && !PQsendFlushRequest(pg))
		return false;
	return PQpipelineSync(pg);
}

static void *
cancel_thread(void *arg)
{
	PGcancel *cancel = arg;
	char why[256];

	if (!PQcancel(cancel, why, sizeof(why)))
		log_msg(LOG_WARN, "database: a statement past its deadline could not be cancelled");
	PQfreeCancel(cancel);
	return NULL;
}

/*
 * cancel_start - cancels the statement on a new thread, because PQcancel connects
 * and has no timeout. The cancel may arrive after the statement's end, so the
 * connection must not be used for another one.
 */
static void
cancel_start(PGconn *pg)
{
	PGcancel *cancel = PQgetCancel(pg);
	pthread_attr_t attr;
	pthread_t thread;
	int failed;

	if (cancel == NULL)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attr, cancel_thread, cancel);
	pthread_attr_destroy(&attr);
	if (failed) {
		log_msg(LOG_WARN, "database: no thread to cancel a statement past its deadline");
		PQfreeCancel(cancel);
	}
}

/* run_add_result - records one result, and owns it from here on. */
static void
run_add_result(struct run *run, PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (run->nheads > 0) {
			run->nheads--;
		} else if (run->nresults < run->ncalls) {
			run->results[run->nresults++] = res;
			return;
		}
		break;
	case PGRES_PIPELINE_SYNC:
		run->synced = ++run->nsyncs == (run->rehearsal ? 2 : 1);
		break;
	case PGRES_PIPELINE_ABORTED: /* skipped, because an earlier statement failed */
		break;
	default:
		if (!run->failed)
			error_copy(&run->error, res);
		run->failed = true;
	}
	PQclear(res);
}

/* run_drain - receives results until the sync, the connection's end, or end_ms. */
static void
run_drain(struct run *run, struct pool_conn *c)
{
	PGresult *res;
	int n;

	while (!run->synced) {
		n = connect_next(c->pg, run->late ? run->end_ms : run->cancel_ms, &res);
		if (n == 1) {
			run_add_result(run, res);
			continue;
		}
		if (n == -1 || run->late)
			return;
		run->late = true;
		if (run->repeatable || run->nresults < run->ncalls) {
			cancel_start(c->pg);
			c->broken = true;
		}
	}
}

/* run_status - returns the outcome of the attempt. */
static enum db_status
run_status(const struct run *run, const struct pool_conn *c)
{
	enum db_status status;

	if (run->synced && !run->failed && run->nresults == run->ncalls)
		return c->commit_unsure ? DB_UNKNOWN : DB_OK;
	if (run->failed && run->error.sqlstate[0] != '\0') {
		status = sqlstate_find(run->error.sqlstate)->status;
		/* The session ended after the last statement's result: the COMMIT may be done. */
		if (status == DB_DOWN && !run->synced && !run->repeatable &&
		    run->nresults == run->ncalls)
			return DB_UNKNOWN;
		return status;
	}
	if (run->sent && !run->repeatable)
		return DB_UNKNOWN;
	return run->late ? DB_TIMEOUT : DB_DOWN;
}

static enum db_status
run_attempt(struct run *run, struct pool_conn *c)
{
	enum db_status status;

	run_reset(run);
	c->commit_unsure = false;
	run->sent = run_send(run, c->pg);
	if (run->sent)
		run_drain(run, c);
	if (!run->synced || !PQexitPipelineMode(c->pg))
		c->broken = true;
	status = run_status(run, c);
	if (status == DB_DOWN && sqlstate_find(run->error.sqlstate)->remedy == REMEDY_RECONNECT)
		c->broken = true;
	else if (status == DB_DOWN && run->synced)
		log_msg(LOG_ERROR, "%s: %s %s", c->label, run->error.sqlstate, run->error.message);
	if (c->broken)
		log_msg(LOG_WARN, "%s: gave up a connection in %s%s: %s", c->label,
		    run->calls[0].st->name, run->late ? " past its deadline" : "",
		    run->error.sqlstate[0] != '\0' ? run->error.sqlstate : "no SQLSTATE");
	return status;
}

/* run_on_connection - makes the attempts on one connection. */
static enum db_status
run_on_connection(struct run *run, struct pool_conn *c)
{
	bool prepared_again = false;
	char why[CONNECT_WHY_SIZE];
	enum db_status status;
	enum remedy remedy;
	int reruns = 0;

	for (;;) {
		status = run_attempt(run, c);
		if (status == DB_OK || c->broken || clock_ms() >= run->cancel_ms)
			return status;
		remedy = sqlstate_find(run->error.sqlstate)->remedy;
		if (remedy == REMEDY_RERUN && reruns < RETRIES_MAX && !run->once) {
			reruns++;
			log_msg(
			    LOG_INFO, "%s: running again after %s", c->label, run->error.sqlstate);
		} else if (remedy == REMEDY_PREPARE && !prepared_again) {
			prepared_again = true;
			log_msg(LOG_INFO, "%s: preparing again after %s", c->label,
			    run->error.sqlstate);
			if (connect_prepare(c->pg, run->cancel_ms, why) != 0) {
				log_msg(LOG_ERROR, "%s: %s", c->label, why);
				c->broken = true;
				return DB_DOWN;
			}
		} else {
			return status;
		}
	}
}

/*
 * lost_max - how often a run that ended in DB_DOWN, with nothing stored, is
 * retried on another connection. If the server announced the end, the next
 * connections may be ending, too. If it did not, the statement itself may have
 * crashed the server, so it is retried only once.
 */
static int
lost_max(const struct run *run)
{
	if (run->once)
		return 0;
	return run->error.sqlstate[0] != '\0' ? RETRIES_MAX : 1;
}

static int64_t
cancel_ms(const struct pool *pool, int64_t deadline_ms)
{
	return deadline_ms - pool->query_timeout_ms * 3 / 20;
}

static enum db_status
run_all(struct pool *pool, struct run run, int64_t deadline_ms, struct result *ret_results[],
    struct db_error *ret_error)
{
	int64_t take_ms = clock_ms() + pool->wait_ms;
	struct pool_conn *c;
	bool committed = false, brief = true, broken;
	enum db_status status = DB_BUSY;
	int i, lost = 0;

	assert(run.ncalls >= 1 && run.ncalls <= DB_CALLS_MAX);
	/*
	 * Of query_timeout_ms: statement_timeout at 16/20 (connect_session), the cancel at 17/20,
	 * the end of waiting at 19/20.
	 */
	run.cancel_ms = cancel_ms(pool, deadline_ms);
	run.end_ms = deadline_ms - pool->query_timeout_ms / 20;
	run.repeatable = true;
	run.once = pool->standby;
	for (i = 0; i < run.ncalls; i++) {
		run.repeatable = run.repeatable && run.calls[i].st->repeatable;
		brief = brief && run.calls[i].st->brief;
		run.custom_plan = run.custom_plan || run.calls[i].st->custom_plan;
	}
	/* A rehearsal may be retried, for it stores nothing; but it waits for locks like a write. */
	run.repeatable = run.repeatable || run.rehearsal;
	while (clock_ms() < run.cancel_ms) {
		if (take_ms > run.cancel_ms)
			take_ms = run.cancel_ms;
		status = pool_take(pool, !brief, run.patient, take_ms, &c);
		if (status != DB_OK)
			break;
		status = run_on_connection(&run, c);
		committed = c->commit_unsure;
		broken = c->broken;
		pool_give(pool, c);
		if (status != DB_DOWN || !broken || lost++ == lost_max(&run))
			break;
		take_ms = clock_ms() + pool->wait_ms;
	}
	if (status == DB_OK) {
		for (i = 0; i < run.ncalls; i++)
			ret_results[i] = (struct result *)run.results[i];
		return DB_OK;
	}
	if (!pool->standby)
		metrics_database_error(sqlstate_class(status, run.error.sqlstate));
	*ret_error = run.error;
	ret_error->committed = committed;
	run_reset(&run);
	return status;
}

int64_t
db_time_left_ms(const struct pool *pool, int64_t deadline_ms)
{
	return cancel_ms(pool, deadline_ms) - clock_ms();
}

int64_t
db_deadline_ms(const struct pool *pool)
{
	return clock_ms() + pool->query_timeout_ms;
}

enum db_status
db_run(struct pool *pool, const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error)
{
	return run_all(pool, (struct run){ .calls = calls, .ncalls = ncalls, .patient = true },
	    db_deadline_ms(pool), ret_results, ret_error);
}

enum db_status
db_run_by(struct pool *pool, int64_t deadline_ms, enum db_patience patience,
    const struct call *calls, int ncalls, struct result *ret_results[], struct db_error *ret_error)
{
	return run_all(pool,
	    (struct run){ .calls = calls, .ncalls = ncalls, .patient = patience == DB_PATIENT },
	    deadline_ms, ret_results, ret_error);
}

enum db_status
db_rehearse_by(struct pool *pool, int64_t deadline_ms, const struct call *calls, int ncalls,
    struct result *ret_results[], struct db_error *ret_error)
{
	return run_all(pool, (struct run){ .calls = calls, .ncalls = ncalls, .rehearsal = true },
	    deadline_ms, ret_results, ret_error);
}
