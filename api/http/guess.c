#include "http/guess.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "http/idempotency.h"
#include "http/problem.h"
#include "spec/schema_compile.h"
#include "sql.h"
#include "spec/describe.h"

/* The personal member that is unique in the database: a write's answer tells whether a client has it. */
#define UNIQUE "document_number"

static bool
holds_unique(const json_t *value)
{
	const char *name;
	json_t *child;

	json_object_foreach ((json_t *)value, name, child) {
		if (strcmp(name, UNIQUE) == 0 || holds_unique(child))
			return true;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (holds_unique(json_array_get(value, i)))
			return true;
	}
	return false;
}

static bool
guesses(const struct request *rq)
{
	for (int i = 0; i < rq->op->nparams; i++) {
		const struct parameter *p = &rq->op->params[i];

		if (!p->in_path && schema_personal(p->schema) &&
		    request_query_value(rq, p->name) != NULL)
			return true;
	}
	/* A body of any members, such as a draft, is looked up nowhere. */
	return rq->op->body != NULL && describe_count(rq->op->body) > 0 && holds_unique(rq->body);
}

static const char *
budget(struct request *rq)
{
	return request_number(rq, rq->app->config->guesses_per_hour);
}

int
guess_take(struct request *rq)
{
	struct call call = { &sql_guess_take, { rq->advisor_id, budget(rq) } };
	struct db_error error;
	struct result *row = NULL;
	int wait_ms, replayed;

	if (!rq->masked || !guesses(rq))
		return 0;
	rq->guess = GUESS_OPEN;
	if (rq->app->config->guesses_per_hour == 0)
		return 0;
	switch (db_run_by(
	    rq->app->pool, request_deadline_ms(rq), DB_IMPATIENT, &call, 1, &row, &error)) {
	case DB_OK:
		break;
	case DB_DOWN:
		return reply_problem(rq, "database_unavailable");
	default:
		return reply_problem(rq, "busy");
	}
	wait_ms = atoi(result_text(row, 0, 0));
	result_free(row);
	if (wait_ms == 0)
		return 0;
	rq->guess = GUESS_NONE;
	/* A retry may get its stored answer: it reveals nothing new. */
	replayed = rq->idempotency.key != NULL ? idempotency_replay(rq) : 0;
	return replayed != 0 ? replayed
			     : reply_problem_wait(rq, "too_many_guesses", (wait_ms + 999) / 1000);
}

static void
give_back(struct request *rq)
{
	struct call call = { &sql_guess_give, { rq->advisor_id, budget(rq) } };
	struct db_error error;
	struct result *row = NULL;

	if (rq->app->config->guesses_per_hour != 0 &&
	    db_run_by(rq->app->pool, request_deadline_ms(rq), DB_PATIENT, &call, 1, &row, &error) ==
		DB_OK)
		result_free(row);
}

/* The id of the client that has the number, from a write's 409; NULL: the reply names none. */
static const char *
confirmed_by_conflict(const struct request *rq)
{
	if (rq->reply.code == NULL || strcmp(rq->reply.code, "client_exists") != 0)
		return NULL;
	return json_string_value(
	    json_object_get(json_object_get(rq->reply.about, "existing"), "id"));
}

/* Whether the reply reveals nothing about the number: a replay, or a refusal before the comparison. */
static bool
tells_nothing(const struct request *rq)
{
	int status = rq->reply.status;

	if (rq->reply.headers != NULL && strstr(rq->reply.headers, "Idempotent-Replayed") != NULL)
		return true;
	/* Not the 422 of a write: typification_create may give it after it found that the client is new. */
	return status >= 400 && status < 500 && (rq->reads || status != 422);
}

void
guess_settle(struct request *rq)
{
	const char *existing = confirmed_by_conflict(rq);

	if (rq->guess != GUESS_OPEN)
		return;
	if (existing != NULL) {
		rq->guess = GUESS_CONFIRMED;
		rq->shown = arena_copy(&rq->arena, existing, strlen(existing));
	} else if (tells_nothing(rq) || (rq->reads && rq->shown != NULL && rq->shown[0] != '\0')) {
		rq->guess = GUESS_NONE;
	} else {
		rq->guess = GUESS_MISSED;
		return;
	}
	give_back(rq);
}
