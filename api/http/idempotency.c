#include "http/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/log.h"
#include "config.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "sql.h"

#define KEY_MAX 255

/* The columns of idempotency_find. */
enum { STATUS, LOCATION, BODY };

static const char *
hash_of(struct request *rq, const char *body, const char *password)
{
	char *hash = arena_alloc(&rq->arena, SECRET_HASH_SIZE);

	secret_hash(arena_printf(&rq->arena, "%s %s %s%s", rq->param[0] != NULL ? rq->param[0] : "",
			rq->param[1] != NULL ? rq->param[1] : "", body, password),
	    hash);
	return hash;
}

/*
 * The hash covers the ids of the path and the body in normal form with sorted members, so that two
 * spellings of the same request have one hash. A password enters as a MAC, because a plain hash of
 * it could be guessed. Without a session (session_create, session_refresh) passwords and refresh
 * tokens are left out: these operations verify them before they replay an answer.
 */
void
idempotency_hash(struct request *rq)
{
	static const char *const secrets[] = { "password", "refresh_token" };
	const char *password = request_member(rq, "password");
	const char *written;
	char *text, macs[2][SECRET_HASH_SIZE] = { "", "" };
	json_t *body;

	if (rq->idempotency.key == NULL)
		return;
	body = json_is_object(rq->body) ? json_copy(rq->body) : json_incref(rq->body);
	if (password != NULL && rq->advisor_id != NULL)
		secret_mac(password, macs);
	for (size_t i = 0; i < NITEMS(secrets); i++)
		json_object_del(body, secrets[i]);
	text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	/* A body that is no JSON counts as it is. */
	written = text != NULL ? text : rq->body_text != NULL ? rq->body_text : "";
	rq->idempotency.request_hash = hash_of(rq, written, macs[0]);
	rq->idempotency.request_hash_previous = hash_of(rq, written, macs[1]);
	free(text);
	json_decref(body);
}

int
idempotency_take(struct request *rq, const char *header)
{
	size_t n, length;

	if (header == NULL || !rq->op->takes_idempotency_key || rq->validate_only)
		return 0;
	length = strlen(header);
	/* The draft has a string in quotes; most clients send it without. */
	if (length >= 2 && header[0] == '"' && header[length - 1] == '"') {
		header++;
		length -= 2;
	}
	for (n = 0; n < length && header[n] > ' ' && header[n] < 127; n++)
		;
	if (length == 0 || length > KEY_MAX || n < length)
		return reply_problem(rq, "idempotency_key_invalid");
	rq->idempotency.key = arena_copy(&rq->arena, header, length);
	rq->idempotency.scope = rq->advisor_id;
	return 0;
}

struct call
idempotency_claim(struct request *rq)
{
	/* Requests without a session (sign-in, renewal) have other limits. */
	int limit = rq->who.session_id != 0 ? rq->app->config->keys_max : 0;

	return (struct call){ &sql_idempotency_claim,
		{ rq->idempotency.scope, rq->op->id, rq->idempotency.key,
		    rq->idempotency.request_hash, rq->idempotency.request_hash_previous,
		    request_number(rq, limit) } };
}

/* Replies with the stored answer; headers such as Date and X-Request-Id are new. */
static int
replay_stored(struct request *rq, struct result **row)
{
	int status = atoi(result_text(*row, 0, STATUS));

	/* The client that the answer shows was erased since. */
	if (status == 409)
		return reply_problem(rq, "client_erased");
	if (result_text(*row, 0, LOCATION) != NULL)
		reply_location(rq, result_text(*row, 0, LOCATION));
	if (result_text(*row, 0, BODY) == NULL)
		return reply_empty(rq);
	return reply_row(rq, status, row, BODY);
}

int
idempotency_replay(struct request *rq)
{
	struct call call = { &sql_idempotency_find,
		{ rq->idempotency.scope, rq->op->id, rq->idempotency.key,
		    rq->idempotency.request_hash, rq->idempotency.request_hash_previous } };
	struct db_error error;
	struct result *row = NULL;
	int status = 0;

	if (rq->idempotency.scope == NULL)
		return 0;
	if (db_run_by(rq->app->pool, request_deadline_ms(rq), DB_PATIENT, &call, 1, &row, &error) !=
	    DB_OK) {
		memset(&rq->reply, 0, sizeof(rq->reply));
		return reply_problem(rq, "busy");
	}
	if (result_rows(row) == 1) {
		memset(&rq->reply, 0, sizeof(rq->reply));
		reply_header(rq, "Idempotent-Replayed", "true");
		status = rq->idempotency.replay != NULL
			     ? rq->idempotency.replay(rq, result_text(row, 0, BODY))
			     : replay_stored(rq, &row);
	}
	result_free(row);
	return status;
}
