/*
 * Access tokens for machine accounts (RFC 6749, 4.4).
 */
#include <stdlib.h>
#include <string.h>

#include "auth/basic.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "field/field.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "http/share.h"
#include "resource/sign_in.h"
#include "sql.h"

/* The longest name of a client, and more than a secret has: longer values match nothing. */
#define ID_MAX	   64
#define SECRET_MAX 128

struct client {
	struct basic basic; /* holds the two, if they came by HTTP Basic */
	const char *id, *secret;
	const char *throttled; /* the id, as the throttle names it */
	char hash[SECRET_HASH_SIZE]; /* of the secret */
};

/* The columns of oauth_token. */
enum { WAIT_MS, BUCKET, SESSION, ADVISOR, EPOCH, RIGHTS, LEFT_S };

/* Reads the client's credentials. Returns 0, or the status of the reply. */
static int
take_client(struct request *rq, struct client *ret_client)
{
	const char *id = request_member(rq, "client_id"),
		   *secret = request_member(rq, "client_secret");

	if (rq->authorization != NULL) {
		if (!basic_read(rq->authorization, &ret_client->basic))
			return reply_problem(rq, "invalid_client");
		/* Some libraries repeat the id in the body, which authenticates nobody. */
		if (secret != NULL || (id != NULL && strcmp(id, ret_client->basic.id) != 0))
			return reply_problem_text(rq, TEXT_client_twice);
		id = ret_client->basic.id;
		secret = ret_client->basic.secret;
	}
	if (id == NULL || secret == NULL || *id == '\0' || strlen(id) > ID_MAX || *secret == '\0' ||
	    strlen(secret) > SECRET_MAX)
		return reply_problem(rq, "invalid_client");
	ret_client->id = field_normal(field_named("login"), &rq->arena, id);
	ret_client->secret = secret;
	ret_client->throttled = arena_printf(&rq->arena, "client %s", ret_client->id);
	secret_hash(secret, ret_client->hash);
	return 0;
}

static int
reply_wait(struct request *rq, int64_t wait_ms)
{
	return reply_problem_wait(rq, "too_many_attempts", (int)((wait_ms + 999) / 1000));
}

/*
 * Refuses what the database would refuse, without asking it. A secret that the throttle knows is
 * always asked about, so a flood of wrong ones keeps no right one out; unless the database refused
 * this very secret, because it is not valid any more.
 */
static int
check_throttle(struct request *rq, const struct client *c)
{
	int64_t wait_ms = throttle_wait_ms(c->hash, attempt_block(rq));

	if (wait_ms == 0 && !throttle_knows_hash(c->hash)) {
		wait_ms = throttle_wait_ms(c->throttled, attempt_block(rq));
		if (wait_ms == 0)
			wait_ms = throttle_wait_ms("clients", attempt_block(rq));
	}
	return wait_ms > 0 ? reply_wait(rq, wait_ms) : 0;
}

/* The database found no valid secret; it counted the attempt, or refused it for some time. */
static int
refuse(struct request *rq, const struct client *c, const struct result *row)
{
	int64_t wait_ms = strtoll(result_text(row, 0, WAIT_MS), NULL, 10);
	bool of_client = strcmp(result_text(row, 0, BUCKET), "1") == 0;

	if (wait_ms == 0)
		return reply_problem(rq, "invalid_client");
	throttle_refused(THROTTLE_PAIR, of_client ? c->throttled : "clients", attempt_block(rq),
	    rq->began_us / 1000, wait_ms);
	throttle_refused(THROTTLE_PAIR, c->hash, attempt_block(rq), rq->began_us / 1000, wait_ms);
	return reply_wait(rq, wait_ms);
}

/* The bearer of the token. Returns false if the account has a right that this version does not know. */
static bool
take_bearer(struct request *rq, const struct result *row)
{
	rq->who.advisor_id = strtoll(result_text(row, 0, ADVISOR), NULL, 10);
	rq->who.session_id = strtoll(result_text(row, 0, SESSION), NULL, 10);
	rq->who.epoch = strtoll(result_text(row, 0, EPOCH), NULL, 10);
	rq->who.role = ROLE_INTEGRATION;
	return rights_named(result_text(row, 0, RIGHTS), &rq->who.rights);
}

/* Narrows the bearer's rights to those of `scope` (NULL: all). Returns 0, or the status of the reply. */
static int
take_scope(struct request *rq, const char *scope)
{
	char has[RIGHTS_SIZE];
	unsigned may = permissions_of(rq->who.role, rq->who.rights), wanted;

	if (scope == NULL)
		return 0;
	if (!scope_named(scope, &wanted) || (wanted & ~may) != 0)
		return reply_problem_text(rq, TEXT_scope_of, rights_text(may, " ", has));
	rq->who.rights &= wanted;
	return 0;
}

static int
reply_token(struct request *rq, const char *left_s)
{
	int life_s = rq->app->config->access_ttl_s;
	char id[SECRET_ID_SIZE], scope[RIGHTS_SIZE], *token;
	const char *json;

	/* A secret's tokens are not valid longer than the secret. */
	if (left_s != NULL && atoi(left_s) < life_s && strlen(left_s) < 9)
		life_s = atoi(left_s);
	secret_id(id);
	token = token_issue(&rq->who, clock_epoch_s(), life_s, id);
	if (token == NULL) {
		log_msg(LOG_ERROR, "%s: cannot make an access token", rq->id);
		return reply_problem(rq, "internal");
	}
	json = arena_printf(&rq->arena,
	    "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d,"
	    "\"scope\":\"%s\"}",
	    token, life_s, rights_text(permissions_of(rq->who.role, rq->who.rights), " ", scope));
	free(token);
	return reply_json_as_is(rq, 200, json, strlen(json));
}

int
oauth_token(struct request *rq)
{
	struct client *c = arena_alloc(&rq->arena, sizeof(*c));
	auto_result struct result *row = NULL;
	int status;

	if (take_client(rq, c) != 0)
		return rq->reply.status;
	if (strcmp(request_member(rq, "grant_type"), "client_credentials") != 0)
		return reply_problem(rq, "unsupported_grant_type");
	if (check_throttle(rq, c) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_oauth_token, c->id, c->hash, attempt_block(rq));
	if (row == NULL)
		return rq->reply.status;
	if (result_text(row, 0, SESSION) == NULL)
		return refuse(rq, c, row);
	/* Another process made the secret, and this one has not loaded its hash yet. */
	throttle_know_hash(c->hash);
	if (!take_bearer(rq, row)) {
		log_msg(LOG_ERROR, "%s: the account has an unknown right", rq->id);
		return reply_problem(rq, "internal");
	}
	status = share_take(rq);
	if (status == 0)
		status = take_scope(rq, request_member(rq, "scope"));
	return status != 0 ? status : reply_token(rq, result_text(row, 0, LEFT_S));
}
