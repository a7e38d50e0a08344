/*
 * Sign-in, and the throttling of attempts.
 */
#include "resource/sign_in.h"

#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "auth/revoked.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "config.h"
#include "http/problem.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/session.h"
#include "sql.h"

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
attempt_check_cache(struct request *rq, const char *username)
{
	int64_t wait_ms = throttle_wait_ms(username, attempt_block(rq));

	return wait_ms > 0 ? reply_too_many(rq, wait_ms) : 0;
}

int
attempt_check_row(struct request *rq, const char *username, const struct result *row, int col)
{
	int64_t wait_ms = strtoll(result_text(row, 0, col + 1), NULL, 10);

	if (wait_ms == 0)
		return 0;
	throttle_refused((enum throttle_bucket)atoi(result_text(row, 0, col)), username,
	    attempt_block(rq), rq->began_us / 1000, wait_ms);
	return reply_too_many(rq, wait_ms);
}

static void
uncount_attempt(struct request *rq, const char *username)
{
	throttle_forget(username, attempt_block(rq));
	throttle_know(username, attempt_block(rq));
}

bool
attempt_succeeded(struct request *rq, const char *username)
{
	auto_result struct result *given =
	    request_query(rq, &sql_password_right, username, attempt_block(rq));

	if (given == NULL)
		return false;
	uncount_attempt(rq, username);
	return true;
}

/*
 * The same as attempt_succeeded, for a sign-in; an account may sign in only so often. Returns 0, or
 * the status of the reply.
 */
static int
sign_in_succeeded(struct request *rq, const char *username)
{
	auto_result struct result *allowed =
	    request_query(rq, &sql_session_allowed, username, attempt_block(rq));
	int64_t wait_ms;

	if (allowed == NULL)
		return rq->reply.status;
	uncount_attempt(rq, username);
	wait_ms = strtoll(result_text(allowed, 0, 0), NULL, 10);
	if (wait_ms == 0)
		return 0;
	throttle_refused(
	    THROTTLE_SIGN_INS, username, attempt_block(rq), rq->began_us / 1000, wait_ms);
	return reply_too_many(rq, wait_ms);
}

/* A sign-in whose password was right. The account's password may have changed since the check. */
struct verified_sign_in {
	const char *password_hash; /* that the password matched */
	bool replacement; /* it replaces a stored session that ended */
};

/* Allocated in the arena, because replay_create uses it after the handler returned. */
static const struct verified_sign_in *
verified_sign_in(struct request *rq, const char *password_hash, bool replacement)
{
	struct verified_sign_in *verified = arena_alloc(&rq->arena, sizeof(*verified));

	verified->password_hash = arena_copy(&rq->arena, password_hash, strlen(password_hash));
	verified->replacement = replacement;
	rq->idempotency.arg = verified;
	return verified;
}

static int
make_session(struct request *rq, const struct verified_sign_in *verified)
{
	char token[SECRET_TOKEN_SIZE], hash[SECRET_HASH_SIZE];
	const char *advisor = rq->advisor_id;
	struct call calls[] = {
		{ &sql_session_advisor_hold, { advisor } },
		{ &sql_session_create,
		    { advisor, hash, request_number(rq, rq->app->config->refresh_ttl_s), NULL,
			session_hours(rq), verified->password_hash } },
		{ &sql_session_surplus,
		    { advisor, request_number(rq, rq->app->config->sessions_max) } },
	};
	struct result *results[NITEMS(calls)] = { NULL };
	int ncalls = rq->app->config->sessions_max > 0 ? 3 : 2, status;

	secret_token(token);
	secret_hash(token, hash);
	calls[1].args[3] = session_ingredients(rq, token);
	status = request_run(rq, calls, ncalls, results);
	if (status != 0)
		return status;
	for (int i = 0; ncalls == 3 && !rq->validate_only && i < result_rows(results[2]); i++)
		revoked_add(strtoll(result_text(results[2], i, 0), NULL, 10));
	if (result_rows(results[1]) == 1)
		status = session_reply(rq, result_text(results[1], 0, 0));
	else
		status = reply_problem(rq, "credentials_wrong");
	for (int i = 0; i < ncalls; i++)
		result_free(results[i]);
	return status;
}

/* Uses db_run_by because request_query would claim the Idempotency-Key again before the write. */
static int
forget_stored(struct request *rq, const char *session)
{
	const struct call call = { &sql_session_kept_forget,
		{ rq->idempotency.scope, rq->idempotency.key, session } };
	struct db_error error;
	struct result *none;

	if (db_run_by(rq->app->pool, request_deadline_ms(rq), DB_IMPATIENT, &call, 1, &none,
		&error) != DB_OK)
		return reply_problem(rq, "busy");
	result_free(none);
	return 0;
}

/*
 * The retry of a sign-in gets the same session while that is live. If it ended, the retry makes a new
 * session, because it has sent the right password. What was stored under a former signing secret
 * cannot be decrypted: the client needs a new Idempotency-Key.
 */
static int
replay_create(struct request *rq, const char *text)
{
	const struct verified_sign_in *verified = rq->idempotency.arg;
	struct stored_session stored;
	int status = session_stored(rq, text, &stored);

	if (status != 0)
		return status;
	if (stored.live)
		return session_reply(rq, text);
	rq->reply.headers = NULL;
	if (!stored.readable) {
		faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
		faults_add(&rq->faults, "#/Idempotency-Key", TEXT_idempotency_key_reused);
		return reply_faults_of(rq, "idempotency_key_reused");
	}
	/* A simultaneous retry has replaced the session, and the new one ended as well. */
	if (verified->replacement)
		return reply_problem(rq, "conflict");
	status = forget_stored(rq, stored.id);
	if (status != 0)
		return status;
	return make_session(rq, verified_sign_in(rq, verified->password_hash, true));
}

/* The columns of session_advisor. */
enum { BUCKET, WAIT_MS, ADVISOR, HASH, ACTIVE };

static int
sign_in(struct request *rq)
{
	const char *username = request_member(rq, "username");
	auto_result struct result *advisor =
	    request_query(rq, &sql_session_advisor, username, attempt_block(rq));
	const char *id;
	bool known;
	int status;

	if (advisor == NULL)
		return rq->reply.status;
	/* For the log: whose sign-in failed. */
	if (result_text(advisor, 0, ADVISOR) != NULL)
		rq->who.advisor_id = strtoll(result_text(advisor, 0, ADVISOR), NULL, 10);
	if (attempt_check_row(rq, username, advisor, BUCKET) != 0)
		return rq->reply.status;
	known = result_true(advisor, 0, ACTIVE);
	/* An unknown or inactive account takes as long as a wrong password. */
	switch (password_check(known ? result_text(advisor, 0, HASH) : NULL,
	    request_member(rq, "password"), request_patience_ms(rq))) {
	case PASSWORD_BUSY:
		return reply_problem(rq, "busy");
	case PASSWORD_WRONG:
		return reply_problem(rq, "credentials_wrong");
	case PASSWORD_RIGHT:
		break;
	}
	status = sign_in_succeeded(rq, username);
	if (status != 0)
		return status;
	id = result_text(advisor, 0, ADVISOR);
	rq->advisor_id = rq->idempotency.scope = arena_copy(&rq->arena, id, strlen(id));
	rq->idempotency.replay = replay_create;
	return make_session(rq, verified_sign_in(rq, result_text(advisor, 0, HASH), false));
}

/* A flood of attempts is refused here, before it uses database connections. */
int
session_create(struct request *rq)
{
	int status = attempt_check_cache(rq, request_member(rq, "username"));

	if (status != 0)
		return status;
	if (!password_admit())
		return reply_problem(rq, "busy");
	status = sign_in(rq);
	password_leave();
	return status;
}
