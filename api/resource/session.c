#include "resource/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/revoked.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "sql.h"

const char *
session_hours(struct request *rq)
{
	return request_number(rq, rq->app->config->session_hours);
}

const char *
session_ingredients(struct request *rq, const char token[static SECRET_TOKEN_SIZE])
{
	char id[SECRET_ID_SIZE], encrypted[SECRET_ENCRYPTED_SIZE];

	secret_id(id);
	secret_encrypt(token, encrypted);
	return arena_printf(&rq->arena, "{\"issued\":%lld,\"id\":\"%s\",\"refresh_token\":\"%s\"}",
	    (long long)clock_epoch_s(), id, encrypted);
}

static const char *
string_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* The seconds left, at most `seconds`. What an older version stored has no number: all of them. */
static int
at_most(int seconds, const json_t *left)
{
	if (!json_is_integer(left) || json_integer_value(left) > seconds)
		return seconds;
	return json_integer_value(left) > 0 ? (int)json_integer_value(left) : 0;
}

/* The rights that the role and the account have, as a JSON array. */
static const char *
rights_json(struct request *rq)
{
	char names[RIGHTS_SIZE], *save = NULL;
	const char *list = "";

	rights_text(permissions_of(rq->who.role, rq->who.rights), " ", names);
	for (char *name = strtok_r(names, " ", &save); name != NULL;
	     name = strtok_r(NULL, " ", &save))
		list = arena_printf(&rq->arena, "%s%s\"%s\"", list, *list != '\0' ? "," : "", name);
	return arena_printf(&rq->arena, "[%s]", list);
}

/* Adds the effective rights to the advisor, a JSON object that the statement returned. */
static const char *
with_rights(struct request *rq, const char *advisor)
{
	return arena_printf(
	    &rq->arena, "%.*s,\"rights\":%s}", (int)strlen(advisor) - 1, advisor, rights_json(rq));
}

/* The session of a session_made (session.sql) as JSON; NULL: it cannot be made. */
static const char *
session_json(struct request *rq, const json_t *made)
{
	const struct config *c = rq->app->config;
	const json_t *of = json_object_get(made, "made");
	char refresh_token[SECRET_TOKEN_SIZE], *token = NULL, *advisor;
	const char *json = NULL;
	int access_s = at_most(c->access_ttl_s, json_object_get(made, "left_s"));
	int refresh_s = at_most(c->refresh_ttl_s, json_object_get(made, "refresh_s"));

	rq->who.session_id = strtoll(string_of(made, "session"), NULL, 10);
	rq->who.advisor_id = strtoll(string_of(made, "advisor_id"), NULL, 10);
	/* What an older version stored has no epoch, and its tokens have none either. */
	rq->who.epoch = json_is_integer(json_object_get(made, "epoch"))
			    ? json_integer_value(json_object_get(made, "epoch"))
			    : -1;
	rq->who.must_change = json_is_true(json_object_get(made, "must_change"));
	if (!role_named(string_of(made, "role"), &rq->who.role) ||
	    !rights_named(string_of(made, "rights"), &rq->who.rights) ||
	    !secret_decrypt(string_of(of, "refresh_token"), refresh_token))
		return NULL;
	token = token_issue(&rq->who, json_integer_value(json_object_get(of, "issued")), access_s,
	    string_of(of, "id"));
	advisor = json_dumps(json_object_get(made, "advisor"), JSON_COMPACT);
	if (token != NULL && advisor != NULL)
		json = arena_printf(&rq->arena,
		    "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d,"
		    "\"refresh_token\":\"%s\",\"refresh_expires_in\":%d,\"advisor\":%s}",
		    rq->validate_only ? "" : token, access_s,
		    rq->validate_only ? "" : refresh_token, refresh_s, with_rights(rq, advisor));
	free(token);
	free(advisor);
	return json;
}

int
session_reply(struct request *rq, const char *text)
{
	json_t *made = json_loads(text, 0, NULL);
	const char *json = session_json(rq, made);

	json_decref(made);
	if (json == NULL) {
		log_msg(LOG_ERROR, "%s: cannot make the session's tokens", rq->id);
		return reply_problem(rq, "internal");
	}
	if (strcmp(rq->op->id, "session_create") != 0)
		return reply_json(rq, 200, json, strlen(json));
	reply_header(rq, "Location", "/v1/sessions/current");
	return reply_json(rq, 201, json, strlen(json));
}

int
session_stored(struct request *rq, const char *text, struct stored_session *ret_stored)
{
	json_t *made = json_loads(text, 0, NULL);
	char token[SECRET_TOKEN_SIZE] = "", hash[SECRET_HASH_SIZE];
	auto_result struct result *live = NULL;

	*ret_stored = (struct stored_session){
		.id = arena_printf(&rq->arena, "%s", string_of(made, "session")),
		.readable = secret_decrypt(
		    string_of(json_object_get(made, "made"), "refresh_token"), token),
	};
	json_decref(made);
	if (!ret_stored->readable)
		return 0;
	secret_hash(token, hash);
	live = request_query(rq, &sql_session_live, ret_stored->id, hash);
	if (live == NULL)
		return rq->reply.status;
	ret_stored->live = result_rows(live) == 1;
	return 0;
}

/*
 * The retry of a renewal gets the same tokens, unless the session was renewed
 * again or ended since. Otherwise somebody with an old token could guess the keys
 * (README: the token's SHA-256) and reach the live token, retry by retry.
 */
static int
replay_refresh(struct request *rq, const char *text)
{
	struct stored_session stored;
	int status = session_stored(rq, text, &stored);

	if (status != 0)
		return status;
	if (stored.live)
		return session_reply(rq, text);
	rq->reply.headers = NULL;
	return reply_problem(rq, "refresh_token_invalid");
}

/*
 * The same answer for an unknown token and for a used one. `ended` has a row if the
 * second use of a token has just ended its session.
 */
static int
refuse_refresh(struct request *rq, const struct result *ended)
{
	if (result_rows(ended) == 1) {
		revoked_add(strtoll(result_text(ended, 0, 0), NULL, 10));
		log_msg(LOG_WARN, "%s: a used refresh token was presented again: session %s ended",
		    rq->id, result_text(ended, 0, 0));
	}
	return reply_problem(rq, "refresh_token_invalid");
}

/* A rehearsal was rolled back. But the second use of a token must end its session all the same. */
static int
refuse_rehearsal(struct request *rq, const struct call *reused)
{
	auto_result struct result *ended = NULL;
	int status = request_run_always(rq, reused, 1, &ended);

	return status != 0 ? status : refuse_refresh(rq, ended);
}

int
session_refresh(struct request *rq)
{
	char token[SECRET_TOKEN_SIZE], presented[SECRET_HASH_SIZE], next[SECRET_HASH_SIZE];
	struct call calls[] = { { .st = &sql_session_refresh }, { .st = &sql_session_reused } };
	struct result *results[NITEMS(calls)];
	int status;

	secret_hash(request_member(rq, "refresh_token"), presented);
	secret_token(token);
	secret_hash(token, next);
	/* In the arena, because the scope is used after this function returned. */
	rq->idempotency.scope = arena_copy(&rq->arena, presented, strlen(presented));
	rq->idempotency.replay = replay_refresh;
	calls[0].args[0] = calls[1].args[0] = presented;
	calls[0].args[1] = calls[1].args[1] = next;
	calls[0].args[2] = request_number(rq, rq->app->config->refresh_ttl_s);
	calls[0].args[3] = session_ingredients(rq, token);
	calls[0].args[4] = session_hours(rq);
	status = request_run(rq, calls, NITEMS(calls), results);
	if (status != 0)
		return status;
	if (result_rows(results[0]) == 1)
		status = session_reply(rq, result_text(results[0], 0, 0));
	else if (rq->validate_only)
		status = refuse_rehearsal(rq, &calls[1]);
	else
		status = refuse_refresh(rq, results[1]);
	result_free(results[0]);
	result_free(results[1]);
	return status;
}

int
session_get(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_session_get,
	    request_number(rq, rq->who.session_id), rq->advisor_id, session_hours(rq));
	const char *json;

	if (row == NULL)
		return rq->reply.status;
	/* The session ended in another process, whose notification has not arrived yet. */
	if (result_rows(row) == 0) {
		revoked_add(rq->who.session_id);
		return reply_problem(rq, "token_invalid");
	}
	json = arena_printf(&rq->arena,
	    "{\"access_token\":null,\"token_type\":\"Bearer\",\"expires_in\":%lld,"
	    "\"refresh_token\":null,\"refresh_expires_in\":%s,\"advisor\":%s}",
	    (long long)(rq->who.expires - clock_epoch_s()), result_text(row, 0, 0),
	    with_rights(rq, result_text(row, 0, 1)));
	return reply_json(rq, 200, json, strlen(json));
}

int
session_delete(struct request *rq)
{
	auto_result struct result *row = request_query(
	    rq, &sql_session_delete, request_number(rq, rq->who.session_id), rq->advisor_id);

	if (row == NULL)
		return rq->reply.status;
	if (!rq->validate_only)
		revoked_add(rq->who.session_id);
	return reply_empty(rq);
}
