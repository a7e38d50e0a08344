#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "auth/revoked.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "http/route.h"
#include "sql.h"

/* The columns of session_create and session_refresh. */
enum { SESSION, ADVISOR, ROLE, ADVISOR_JSON };

static const char *
member(const struct request *rq, const char *name)
{
	return json_string_value(json_object_get(rq->body, name));
}

static const char *
seconds(struct request *rq, int n)
{
	return arena_printf(&rq->arena, "%d", n);
}

static int
reply_session(struct request *rq, int status, const struct result *row, const char *refresh_token)
{
	const struct config *c = rq->app->config;
	const char *json;
	char *token;

	rq->who.session_id = strtoll(result_text(row, 0, SESSION), NULL, 10);
	rq->who.advisor_id = strtoll(result_text(row, 0, ADVISOR), NULL, 10);
	if (!role_named(result_text(row, 0, ROLE), &rq->who.role))
		return reply_problem(rq, "internal");
	token = token_issue(&rq->who);
	if (token == NULL) {
		log_msg(LOG_ERROR, "%s: no access token could be made", rq->id);
		return reply_problem(rq, "internal");
	}
	json = arena_printf(&rq->arena,
	    "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d,"
	    "\"refresh_token\":\"%s\",\"refresh_expires_in\":%d,\"advisor\":%s}",
	    token, c->access_ttl_s, refresh_token, c->refresh_ttl_s,
	    result_text(row, 0, ADVISOR_JSON));
	free(token);
	return reply_json(rq, status, json, strlen(json));
}

int
session_create(struct request *rq)
{
	auto_result struct result *advisor =
	    request_query(rq, &sql_session_advisor, member(rq, "username"));
	auto_result struct result *row = NULL;
	char token[SECRET_TOKEN_SIZE], hash[SECRET_HASH_SIZE];
	bool known;

	if (advisor == NULL)
		return rq->reply.status;
	known = result_rows(advisor) == 1 && result_true(advisor, 0, 2);
	/* Nobody, or nobody any more, takes as long as a wrong password. */
	switch (password_check(known ? result_text(advisor, 0, 1) : NULL, member(rq, "password"),
	    rq->app->config->pool_wait_ms)) {
	case PASSWORD_BUSY:
		return reply_problem(rq, "busy");
	case PASSWORD_WRONG:
		return reply_problem(rq, "credentials_wrong");
	case PASSWORD_RIGHT:
		break;
	}
	secret_token(token);
	secret_hash(token, hash);
	row = request_query(rq, &sql_session_create, result_text(advisor, 0, 0), hash,
	    seconds(rq, rq->app->config->refresh_ttl_s));
	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0)
		return reply_problem(rq, "credentials_wrong");
	reply_header(rq, "Location", "/v1/sessions/current");
	return reply_session(rq, 201, row, token);
}

int
session_refresh(struct request *rq)
{
	char token[SECRET_TOKEN_SIZE], shown[SECRET_HASH_SIZE], next[SECRET_HASH_SIZE];
	auto_result struct result *row = NULL;

	secret_hash(member(rq, "refresh_token"), shown);
	secret_token(token);
	secret_hash(token, next);
	row = request_query(
	    rq, &sql_session_refresh, shown, next, seconds(rq, rq->app->config->refresh_ttl_s));
	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0)
		return reply_problem(rq, "refresh_token_invalid");
	return reply_session(rq, 200, row, token);
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
	    request_query(rq, &sql_session_get, session_id(rq), rq->advisor_id);
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
	    result_text(row, 0, 1));
	return reply_json(rq, 200, json, strlen(json));
}

int
session_delete(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_session_delete, session_id(rq), rq->advisor_id);

	if (row == NULL)
		return rq->reply.status;
	revoked_add(rq->who.session_id);
	return reply_empty(rq);
}
