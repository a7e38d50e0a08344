#include "http/run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "catalog/catalog.h"
#include "db/replica.h"
#include "http/audit.h"
#include "http/check.h"
#include "http/late_fault.h"
#include "http/idempotency.h"
#include "http/merged.h"
#include "http/problem.h"
#include "resource/conflict.h"
#include "resource/constraints.h"
#include "resource/missing.h"

#define FAREWELLS_MS 50

static const struct {
	const char *constraint, *problem, *field;
	enum text text;
} constraints[] = {
#define C(constraint, problem, field, text) { #constraint, problem, field, text },
	CONSTRAINTS(C)
#undef C
};

/* A choice that this process's catalogues allow and the database's do not. */
static int
choice_refused(struct request *rq, const char *words)
{
	(void)words;
	if (catalog_refresh(rq->app->pool, request_deadline_ms(rq)) != 0)
		return reply_problem(rq, "database_unavailable");
	/* The locked row no longer holds the choices that held_take() found. */
	rq->held = NULL;
	check_again(rq);
	if (rq->faults.count > 0)
		return reply_faults(rq);
	return reply_problem(rq, "conflict");
}

static int
incomplete(struct request *rq, const char *missing)
{
	char *list = arena_copy(&rq->arena, missing, strlen(missing)), *save = NULL;

	faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
	for (char *m = strtok_r(list, " ", &save); m != NULL; m = strtok_r(NULL, " ", &save))
		missing_add(&rq->faults, m);
	return reply_faults(rq);
}

static int
changed_meanwhile(struct request *rq, const char *words)
{
	(void)words;
	return reply_problem_about(rq, "precondition_failed", "current", conflict_current(rq));
}

static int
key_reused(struct request *rq, const char *words)
{
	(void)words;
	faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
	faults_add(&rq->faults, "#/Idempotency-Key", TEXT_idempotency_key_reused);
	return reply_faults_of(rq, "idempotency_key_reused");
}

static int
replay(struct request *rq, const char *words)
{
	int status = idempotency_replay(rq);

	(void)words;
	/* The write is stored, but its answer cannot be read. "busy" would mean that nothing was stored. */
	if (status == 503) {
		rq->reply.headers = NULL;
		return reply_problem(rq, "outcome_unknown");
	}
	/* The stored answer expired or was purged between the claim and this read. */
	return status != 0 ? status : reply_problem(rq, "conflict");
}

/* words  a blank, and the seconds until the account can store an answer again */
static int
too_many_keys(struct request *rq, const char *words)
{
	return reply_problem_wait(rq, "too_many_keys", atoi(words));
}

static int
client_unknown(struct request *rq, const char *words)
{
	(void)words;
	faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
	faults_add_field(&rq->faults, "opportunity.client_id", "#", TEXT_client_unknown);
	return reply_faults(rq);
}

static int
contact_unknown(struct request *rq, const char *words)
{
	(void)words;
	faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
	faults_add_field(&rq->faults, "opportunity.contact_id", "#", TEXT_contact_unknown);
	return reply_faults(rq);
}

/* words  a blank, and the id of the contact's opportunity */
static int
contact_in_use(struct request *rq, const char *words)
{
	return reply_problem_about(rq, "contact_in_use", "existing",
	    json_pack("{s:s, s:s+}", "id", words + 1, "href", "/v1/opportunities/", words + 1));
}

/* words  a blank, and the code of the sibling that has the label */
static int
label_taken(struct request *rq, const char *words)
{
	return reply_problem_about(rq, "label_taken", "existing",
	    json_pack("{s:s, s:s+++}", "id", words + 1, "href", "/v1/catalogs/", rq->param[0],
		"/items/", words + 1));
}

/* words  a blank before the id of each valid secret, the older one first */
static int
secrets_full(struct request *rq, const char *words)
{
	char *older = arena_copy(&rq->arena, words + 1, strlen(words + 1)),
	     *newer = older + strcspn(older, " ");

	if (*newer == '\0')
		return reply_problem(rq, "secrets_full");
	*newer++ = '\0';
	newer[strcspn(newer, " ")] = '\0';
	rq->reply.about = json_pack("{s:{s:s, s:s+++}}", "existing", "id", older, "href",
	    "/v1/advisors/", rq->param[0], "/secrets/", older);
	return reply_problem_text(rq, TEXT_secrets_valid, older, newer);
}

/* How each code of the SQL function refuse(code, words) is answered; NULL: with the problem of that code. */
static const struct {
	const char *code;
	int (*answer)(struct request *rq, const char *words);
} refusals[] = {
	{ "not_found", NULL },
	{ "not_owner", NULL },
	{ "contact_not_owner", NULL },
	{ "client_erased", NULL },
	{ "client_moved", client_moved },
	{ "client_merged", client_merged },
	{ "client_not_merged", NULL },
	{ "merge_changed", merge_changed },
	{ "opportunity_voided", NULL },
	{ "contact_voided", NULL },
	{ "contact_in_use", contact_in_use },
	{ "void_day_over", NULL },
	{ "agenda_not_own", NULL },
	{ "opportunity_finished", NULL },
	{ "opportunity_not_finished", NULL },
	{ "actions_full", NULL },
	{ "too_many_contacts", NULL },
	{ "too_many_keys", too_many_keys },
	{ "last_admin", NULL },
	{ "precondition_failed", changed_meanwhile },
	{ "idempotency_key_in_use", NULL },
	{ "idempotency_key_reused", key_reused },
	{ "idempotency_replay", replay },
	{ "choice", choice_refused },
	{ "incomplete", incomplete },
	{ "client_unknown", client_unknown },
	{ "contact_unknown", contact_unknown },
	{ "label_taken", label_taken },
	{ "plan_faulty", NULL },
	{ "plan_outdated", NULL },
	{ "not_an_integration", NULL },
	{ "password_not_used", NULL },
	{ "secrets_full", secrets_full },
	{ "too_many_webhooks", NULL },
	{ "webhook_disabled", NULL },
	{ "import_finished", NULL },
	{ "import_cancelled", NULL },
};

/* message  a code, then words, each preceded by a blank */
static int
refused_by_statement(struct request *rq, const char *message)
{
	size_t length = strcspn(message, " ");

	for (size_t i = 0; i < NITEMS(refusals); i++) {
		if (strlen(refusals[i].code) != length ||
		    memcmp(refusals[i].code, message, length) != 0)
			continue;
		if (refusals[i].answer == NULL)
			return reply_problem(rq, refusals[i].code);
		return refusals[i].answer(rq, message + length);
	}
	if (late_fault(rq, arena_copy(&rq->arena, message, length)) != 0)
		return rq->reply.status;
	log_msg(LOG_ERROR, "%s: a statement refused with a code that is not in the table", rq->id);
	return reply_problem(rq, "internal");
}

static int
refused(struct request *rq, const struct db_error *error)
{
	if (strcmp(error->sqlstate, "GE001") == 0)
		return refused_by_statement(rq, error->message);
	for (size_t i = 0; i < NITEMS(constraints) && error->constraint[0] != '\0'; i++) {
		if (strcmp(constraints[i].constraint, error->constraint) != 0)
			continue;
		if (constraints[i].problem != NULL && constraints[i].text != TEXT_NONE) {
			rq->reply.about = json_pack(
			    "{s:o*}", "existing", conflict_existing(rq, error->constraint));
			return reply_problem_text(rq, constraints[i].text);
		}
		if (constraints[i].problem != NULL)
			return reply_problem_about(rq, constraints[i].problem, "existing",
			    conflict_existing(rq, error->constraint));
		faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
		if (constraints[i].text == TEXT_document_unfit && conflict_document(rq))
			return reply_faults(rq);
		faults_add_field(&rq->faults, constraints[i].field, "#", constraints[i].text,
		    faults_label(&rq->faults, constraints[i].field));
		return reply_faults(rq);
	}
	/* The database's message is not logged: it may quote what the client sent. */
	log_msg(
	    LOG_ERROR, "%s: SQLSTATE %s constraint %s", rq->id, error->sqlstate, error->constraint);
	return reply_problem(rq, "internal");
}

static bool
is_write(const struct call *calls, int ncalls)
{
	for (int i = 0; i < ncalls; i++) {
		if (!calls[i].st->apart)
			return true;
	}
	return false;
}

/*
 * Runs a write. If the connection is lost during COMMIT and the write began with the claim of its key, a
 * second run is safe and tells the outcome: its claim finds the key if the first run was committed.
 */
static enum db_status
run_once(struct request *rq, const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error)
{
	enum db_status status = db_run_by(rq->app->pool, request_deadline_ms(rq), DB_IMPATIENT,
	    calls, ncalls, ret_results, ret_error);

	/* The claim cannot tell whether a committed write reached the standby (committed). */
	if (status == DB_UNKNOWN && rq->idempotency.key != NULL && !ret_error->committed &&
	    db_time_left_ms(rq->app->pool, request_deadline_ms(rq)) > FAREWELLS_MS) {
		/* Usually the pool's other connections are lost too: give it time to notice. */
		usleep(FAREWELLS_MS * 1000);
		status = db_run_by(rq->app->pool, request_deadline_ms(rq), DB_PATIENT, calls,
		    ncalls, ret_results, ret_error);
		/* The second run failed, so the outcome of the first remains unknown. */
		if (status == DB_BUSY || status == DB_DOWN || status == DB_TIMEOUT)
			status = DB_UNKNOWN;
	}
	return status;
}

/* Runs a write's calls, preceded by the claim of its key (if any) and the audit's context. */
static enum db_status
run_write(struct request *rq, const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error)
{
	struct call all[DB_CALLS_MAX];
	struct result *results[DB_CALLS_MAX];
	enum db_status status;
	int before = 0;

	if (rq->idempotency.key != NULL)
		all[before++] = idempotency_claim(rq);
	all[before++] = audit_context(rq);
	memcpy(all + before, calls, (size_t)ncalls * sizeof(*calls));
	if (rq->validate_only)
		status = db_rehearse_by(rq->app->pool, request_deadline_ms(rq), all,
		    before + ncalls, results, ret_error);
	else
		status = run_once(rq, all, before + ncalls, results, ret_error);
	if (status == DB_OK) {
		for (int i = 0; i < before; i++)
			result_free(results[i]);
		memcpy(ret_results, results + before, (size_t)ncalls * sizeof(*results));
	}
	return status;
}

static enum db_status
run(struct request *rq, const struct call *calls, int ncalls, struct result *ret_results[],
    struct db_error *ret_error)
{
	if (is_write(calls, ncalls))
		return run_write(rq, calls, ncalls, ret_results, ret_error);
	if (ncalls == 1 && calls[0].st->replica)
		return replica_run_by(rq->app->replica, request_deadline_ms(rq), &calls[0],
		    rq->param[0] != NULL, &ret_results[0], rq->as_of, ret_error);
	return db_run_by(rq->app->pool, request_deadline_ms(rq), DB_IMPATIENT, calls, ncalls,
	    ret_results, ret_error);
}

int
request_run(struct request *rq, const struct call *calls, int ncalls, struct result *ret_results[])
{
	struct db_error error;

	switch (run(rq, calls, ncalls, ret_results, &error)) {
	case DB_OK:
		return 0;
	case DB_BUSY:
		return reply_problem(rq, "busy");
	case DB_DOWN:
		return reply_problem(rq, "database_unavailable");
	case DB_TIMEOUT:
		return reply_problem(rq, "too_slow");
	case DB_UNKNOWN:
		return reply_problem(rq, "outcome_unknown");
	case DB_CONFLICT:
		return reply_problem(rq, "conflict");
	case DB_REFUSED:
		break;
	}
	return refused(rq, &error);
}

int
request_run_always(
    struct request *rq, const struct call *calls, int ncalls, struct result *ret_results[])
{
	bool rehearsal = rq->validate_only;
	int status;

	rq->validate_only = false;
	status = request_run(rq, calls, ncalls, ret_results);
	rq->validate_only = rehearsal;
	return status;
}

struct result *
request_query(struct request *rq, const struct statement *st, ...)
{
	struct call call = { .st = st };
	struct result *result = NULL;
	va_list ap;

	va_start(ap, st);
	for (int i = 0; i < st->nargs; i++)
		call.args[i] = va_arg(ap, const char *);
	va_end(ap);
	return request_run(rq, &call, 1, &result) == 0 ? result : NULL;
}
