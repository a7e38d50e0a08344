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
 * What is asked: the path's ids, and the body as JSON in its normal form with its members
 * in order, so that a client may write the same thing twice in two ways. What must not be
 * guessed from a hash goes in under a key; and not at all where the operation
 * looks at it by itself, before any answer is repeated (session_create,
 * session_refresh: nobody has an advisor_id yet).
 */
void
idempotency_asked(struct request *rq)
{
	static const char *const secrets[] = { "password", "refresh_token" };
	const char *password = request_member(rq, "password");
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
	rq->idempotency.asked = hash_of(rq, text != NULL ? text : "", macs[0]);
	rq->idempotency.asked_previous = hash_of(rq, text != NULL ? text : "", macs[1]);
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
	/* As the draft has it, a string in quotes; as everybody sends it, without. */
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
	/* Whoever signs in or renews a session is not signed in yet, and has bounds of another kind. */
	int limit = rq->who.session_id != 0 ? rq->app->config->keys_max : 0;

	return (struct call){ &sql_idempotency_claim,
		{ rq->idempotency.scope, rq->op->id, rq->idempotency.key, rq->idempotency.asked,
		    rq->idempotency.asked_previous, request_number(rq, limit) } };
}

/* The answer as it was, but for what each message has of its own. */
static int
replay_as_kept(struct request *rq, struct result **row)
{
	int status = atoi(result_text(*row, 0, STATUS));

	/* The client whose data it showed was erased since. */
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
		{ rq->idempotency.scope, rq->op->id, rq->idempotency.key, rq->idempotency.asked,
		    rq->idempotency.asked_previous } };
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
			     : replay_as_kept(rq, &row);
	}
	result_free(row);
	return status;
}
