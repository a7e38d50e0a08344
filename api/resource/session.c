#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "http/run.h"
#include "http/reply.h"
#include "auth/revoked.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "http/route.h"
#include "resource/sign_in.h"
#include "sql.h"

static const char *
member(const struct request *rq, const char *name)
{
	return json_string_value(json_object_get(rq->body, name));
}

static const char *
number(struct request *rq, int n)
{
	return arena_printf(&rq->arena, "%d", n);
}

static const char *
session_hours(struct request *rq)
{
	return number(rq, rq->app->config->session_hours);
}

/*
 * What the tokens of a session are made of, as JSON: the statement gives it back,
 * and keeps it for a repetition. The refresh token goes along encrypted.
 */
static const char *
ingredients(struct request *rq, const char token[static SECRET_TOKEN_SIZE])
{
	char id[SECRET_ID_SIZE], kept[SECRET_KEPT_SIZE];

	secret_id(id);
	secret_keep(token, kept);
	return arena_printf(&rq->arena, "{\"issued\":%lld,\"id\":\"%s\",\"refresh_token\":\"%s\"}",
	    (long long)clock_epoch_s(), id, kept);
}

static const char *
string_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* At most that many seconds; all of them where an answer of an older version was kept without. */
static int
at_most(int seconds, const json_t *left)
{
	if (!json_is_integer(left) || json_integer_value(left) > seconds)
		return seconds;
	return json_integer_value(left) > 0 ? (int)json_integer_value(left) : 0;
}

/* A JSON list of what the role and the account's rights permit. */
static const char *
rights_json(struct request *rq)
{
	char names[RIGHTS_SIZE], *save = NULL;
	const char *list = "";

	rights_text(permissions_of(rq->who.role, rq->who.rights), names);
	for (char *name = strtok_r(names, " ", &save); name != NULL;
	     name = strtok_r(NULL, " ", &save))
		list = arena_printf(&rq->arena, "%s%s\"%s\"", list, *list != '\0' ? "," : "", name);
	return arena_printf(&rq->arena, "[%s]", list);
}

/* The advisor as the statement gives it, a JSON object, with its effective rights. */
static const char *
with_rights(struct request *rq, const char *advisor)
{
	return arena_printf(
	    &rq->arena, "%.*s,\"rights\":%s}", (int)strlen(advisor) - 1, advisor, rights_json(rq));
}

/* The session of a session_made (session.sql). A rehearsal's has no tokens. */
static const char *
session_json(struct request *rq, const json_t *made)
{
	const struct config *c = rq->app->config;
	const json_t *of = json_object_get(made, "made");
	char refresh_token[SECRET_TOKEN_SIZE], *token = NULL, *advisor;
	const char *json = NULL, *quote = rq->validate_only ? "" : "\"";
	int access_s = at_most(c->access_ttl_s, json_object_get(made, "left_s"));
	int refresh_s = at_most(c->refresh_ttl_s, json_object_get(made, "refresh_s"));

	rq->who.session_id = strtoll(string_of(made, "session"), NULL, 10);
	rq->who.advisor_id = strtoll(string_of(made, "advisor_id"), NULL, 10);
	rq->who.must_change = json_is_true(json_object_get(made, "must_change"));
	if (!role_named(string_of(made, "role"), &rq->who.role) ||
	    !rights_named(string_of(made, "rights"), &rq->who.rights) ||
	    !secret_kept(string_of(of, "refresh_token"), refresh_token))
		return NULL;
	token = token_issue(&rq->who, json_integer_value(json_object_get(of, "issued")), access_s,
	    string_of(of, "id"));
	advisor = json_dumps(json_object_get(made, "advisor"), JSON_COMPACT);
	if (token != NULL && advisor != NULL)
		json = arena_printf(&rq->arena,
		    "{\"access_token\":%s%s%s,\"token_type\":\"Bearer\",\"expires_in\":%d,"
		    "\"refresh_token\":%s%s%s,\"refresh_expires_in\":%d,\"advisor\":%s}",
		    quote, rq->validate_only ? "null" : token, quote, access_s, quote,
		    rq->validate_only ? "null" : refresh_token, quote, refresh_s,
		    with_rights(rq, advisor));
	free(token);
	free(advisor);
	return json;
}

static int
reply_session(struct request *rq, const char *text)
{
	json_t *made = json_loads(text, 0, NULL);
	const char *json = session_json(rq, made);

	json_decref(made);
	if (json == NULL) {
		log_msg(LOG_ERROR, "%s: no session could be made", rq->id);
		return reply_problem(rq, "internal");
	}
	if (strcmp(rq->op->id, "session_create") != 0)
		return reply_json(rq, 200, json, strlen(json));
	reply_header(rq, "Location", "/v1/sessions/current");
	return reply_json(rq, 201, json, strlen(json));
}

/*
 * The repetition of a sign-in: the same session again. What was kept under a
 * signing secret that is not ours any more cannot be read: a new key is needed.
 */
static int
replay_create(struct request *rq, const char *text)
{
	json_t *made = json_loads(text, 0, NULL);
	char token[SECRET_TOKEN_SIZE];
	bool ours = secret_kept(string_of(json_object_get(made, "made"), "refresh_token"), token);

	json_decref(made);
	if (ours)
		return reply_session(rq, text);
	rq->reply.headers = NULL;
	faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
	faults_add(&rq->faults, "#/Idempotency-Key", TEXT_idempotency_key_reused);
	return reply_faults_of(rq, "idempotency_key_reused");
}

/*
 * The repetition of a renewal: the same tokens again, as long as nobody has
 * renewed or ended the session since. Else an old token and a key that can be
 * guessed would lead, repetition by repetition, to the live one.
 */
static int
replay_refresh(struct request *rq, const char *text)
{
	json_t *made = json_loads(text, 0, NULL);
	char token[SECRET_TOKEN_SIZE] = "", hash[SECRET_HASH_SIZE];
	const char *session = arena_printf(&rq->arena, "%s", string_of(made, "session"));
	auto_result struct result *live = NULL;
	bool ours = secret_kept(string_of(json_object_get(made, "made"), "refresh_token"), token);

	json_decref(made);
	if (!ours) {
		rq->reply.headers = NULL;
		return reply_problem(rq, "refresh_token_invalid");
	}
	secret_hash(token, hash);
	live = request_query(rq, &sql_session_live, session, hash);
	if (live == NULL)
		return rq->reply.status;
	if (result_rows(live) == 0) {
		rq->reply.headers = NULL;
		return reply_problem(rq, "refresh_token_invalid");
	}
	return reply_session(rq, text);
}

static int
reply_too_many(struct request *rq, int64_t wait_ms)
{
	return reply_problem_wait(rq, "too_many_attempts", (int)((wait_ms + 999) / 1000));
}

const char *
attempt_block(struct request *rq)
{
	char *block = arena_alloc(&rq->arena, ADDRESS_SIZE);

	address_block(rq->address, block);
	return block;
}

int
attempt_refused(struct request *rq, const char *username)
{
	int64_t wait_ms = throttle_wait_ms(username, attempt_block(rq));

	return wait_ms > 0 ? reply_too_many(rq, wait_ms) : 0;
}

int
attempt_judged(struct request *rq, const char *username, const struct result *row, int col)
{
	int64_t wait_ms = strtoll(result_text(row, 0, col + 1), NULL, 10);

	if (wait_ms == 0)
		return 0;
	throttle_refused((enum throttle_bucket)atoi(result_text(row, 0, col)), username,
	    attempt_block(rq), rq->began_us / 1000, wait_ms);
	return reply_too_many(rq, wait_ms);
}

bool
attempt_was_right(struct request *rq, const char *username)
{
	auto_result struct result *given =
	    request_query(rq, &sql_password_right, username, attempt_block(rq));

	if (given == NULL)
		return false;
	throttle_forget(username, attempt_block(rq));
	return true;
}

/* The columns of session_advisor. */
enum { BUCKET, WAIT_MS, ADVISOR, HASH, ACTIVE };

/* For who has shown the password of this hash, if that is still the account's: the look at it took its time. */
static int
make_session(
    struct request *rq, const char *refresh_hash, const char *made_of, const char *password_hash)
{
	const char *advisor = rq->advisor_id;
	const struct call calls[] = {
		{ &sql_session_advisor_hold, { advisor } },
		{ &sql_session_create,
		    { advisor, refresh_hash, number(rq, rq->app->config->refresh_ttl_s), made_of,
			session_hours(rq), password_hash } },
	};
	struct result *results[NITEMS(calls)];
	int status = request_run(rq, calls, NITEMS(calls), results);

	if (status != 0)
		return status;
	if (result_rows(results[1]) == 1)
		status = reply_session(rq, result_text(results[1], 0, 0));
	else
		status = reply_problem(rq, "credentials_wrong");
	result_free(results[0]);
	result_free(results[1]);
	return status;
}

static int
sign_in(struct request *rq)
{
	auto_result struct result *advisor =
	    request_query(rq, &sql_session_advisor, member(rq, "username"), attempt_block(rq));
	char token[SECRET_TOKEN_SIZE], hash[SECRET_HASH_SIZE];
	bool known;

	if (advisor == NULL)
		return rq->reply.status;
	/* For the log alone, which is to say whose sign-in failed. */
	if (result_text(advisor, 0, ADVISOR) != NULL)
		rq->who.advisor_id = strtoll(result_text(advisor, 0, ADVISOR), NULL, 10);
	if (attempt_judged(rq, member(rq, "username"), advisor, BUCKET) != 0)
		return rq->reply.status;
	known = result_true(advisor, 0, ACTIVE);
	/* Nobody, or nobody any more, takes as long as a wrong password. */
	switch (password_check(known ? result_text(advisor, 0, HASH) : NULL, member(rq, "password"),
	    request_patience_ms(rq))) {
	case PASSWORD_BUSY:
		return reply_problem(rq, "busy");
	case PASSWORD_WRONG:
		return reply_problem(rq, "credentials_wrong");
	case PASSWORD_RIGHT:
		break;
	}
	if (!attempt_was_right(rq, member(rq, "username")))
		return rq->reply.status;
	rq->advisor_id = rq->idempotency.scope = result_text(advisor, 0, ADVISOR);
	rq->idempotency.replay = replay_create;
	secret_token(token);
	secret_hash(token, hash);
	return make_session(rq, hash, ingredients(rq, token), result_text(advisor, 0, HASH));
}

/* A flood is refused here, before it has a database connection. */
int
session_create(struct request *rq)
{
	int status = attempt_refused(rq, member(rq, "username"));

	if (status != 0)
		return status;
	if (!password_admit())
		return reply_problem(rq, "busy");
	status = sign_in(rq);
	password_leave();
	return status;
}

/*
 * One answer for what was never a token of ours and for one that was used before;
 * `ended` has the session that the latter ended, if it was not over already.
 */
static int
refuse_refresh(struct request *rq, const struct result *ended)
{
	if (result_rows(ended) == 1 && !rq->validate_only) {
		revoked_add(strtoll(result_text(ended, 0, 0), NULL, 10));
		log_msg(LOG_WARN,
		    "%s: a refresh token was shown that had been used: session %s ended", rq->id,
		    result_text(ended, 0, 0));
	}
	return reply_problem(rq, "refresh_token_invalid");
}

int
session_refresh(struct request *rq)
{
	char token[SECRET_TOKEN_SIZE], shown[SECRET_HASH_SIZE], next[SECRET_HASH_SIZE];
	struct call calls[] = { { .st = &sql_session_refresh }, { .st = &sql_session_reused } };
	struct result *results[NITEMS(calls)];
	int status;

	secret_hash(member(rq, "refresh_token"), shown);
	secret_token(token);
	secret_hash(token, next);
	rq->idempotency.scope = shown;
	rq->idempotency.replay = replay_refresh;
	calls[0].args[0] = calls[1].args[0] = shown;
	calls[0].args[1] = calls[1].args[1] = next;
	calls[0].args[2] = number(rq, rq->app->config->refresh_ttl_s);
	calls[0].args[3] = ingredients(rq, token);
	calls[0].args[4] = session_hours(rq);
	status = request_run(rq, calls, NITEMS(calls), results);
	if (status != 0)
		return status;
	if (result_rows(results[0]) == 1)
		status = reply_session(rq, result_text(results[0], 0, 0));
	else
		status = refuse_refresh(rq, results[1]);
	result_free(results[0]);
	result_free(results[1]);
	return status;
}

static const char *
session_id(struct request *rq)
{
	return arena_printf(&rq->arena, "%lld", (long long)rq->who.session_id);
}

int
session_get(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_session_get, session_id(rq), rq->advisor_id, session_hours(rq));
	const char *json;

	if (row == NULL)
		return rq->reply.status;
	/* Ended elsewhere, and we have not heard of it yet. */
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
	auto_result struct result *row =
	    request_query(rq, &sql_session_delete, session_id(rq), rq->advisor_id);

	if (row == NULL)
		return rq->reply.status;
	if (!rq->validate_only)
		revoked_add(rq->who.session_id);
	return reply_empty(rq);
}
