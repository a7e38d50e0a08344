/*
 * Accounts, which administrators manage, and the change of one's own password.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "auth/revoked.h"
#include "http/page.h"
#include "http/record.h"
#include "http/reply.h"
#include "http/run.h"
#include "config.h"
#include "http/condition.h"
#include "http/problem.h"
#include "http/route.h"
#include "resource/change.h"
#include "resource/read.h"
#include "resource/sign_in.h"
#include "sql.h"

/* Returns 0, or the status of the reply: the password is too weak. */
static int
check_password(struct request *rq, const char *pointer, const char *password, const char *username)
{
	switch (password_weakness(password, username)) {
	case PASSWORD_IS_USERNAME:
		faults_add(&rq->faults, pointer, TEXT_password_username);
		break;
	case PASSWORD_IS_COMMON:
		faults_add(&rq->faults, pointer, TEXT_password_common);
		break;
	case PASSWORD_STRONG:
		break;
	}
	return rq->faults.count > 0 ? reply_faults(rq) : 0;
}

static int
hash(struct request *rq, const char *password, char ret_hash[static PASSWORD_HASH_SIZE])
{
	return password_hash(password, ret_hash) == 0 ? 0 : reply_problem(rq, "busy");
}

int
advisor_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_advisor_list, request_query_value(rq, "role"),
	    request_query_value(rq, "active"),
	    permissions_of(rq->who.role, rq->who.rights) & MAY_ADVISOR_MANAGE ? "true" : "false",
	    page.created_at, page.id, page.limit);
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
advisor_get(struct request *rq)
{
	return reply_read(rq, &sql_advisor_get);
}

/* The database gets the password's hash only, so the password is removed from the body. */
static const char *
body_without_password(struct request *rq)
{
	json_t *body = json_copy(rq->body);
	char *text;
	const char *copy;

	json_object_del(body, "password");
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	copy = text != NULL ? arena_copy(&rq->arena, text, strlen(text)) : "{}";
	free(text);
	return copy;
}

int
advisor_create(struct request *rq)
{
	/* An integration has none (resource/rules.c). */
	const char *password = request_member(rq, "password");
	char hashed[PASSWORD_HASH_SIZE];
	auto_result struct result *row = NULL;

	if (password != NULL &&
	    (check_password(rq, "#/password", password, request_member(rq, "username")) != 0 ||
		hash(rq, password, hashed) != 0))
		return rq->reply.status;
	row = request_query(
	    rq, &sql_advisor_create, body_without_password(rq), password != NULL ? hashed : NULL);
	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

/*
 * Revokes the sessions that the change ended in this process at once; other processes are notified.
 * Columns col to col + 2 are the account, its epoch, and when that began (null: all its sessions
 * never ended at once).
 */
static void
revoke_sessions(const struct request *rq, const struct result *row, int col)
{
	if (!rq->validate_only && result_rows(row) == 1 && result_text(row, 0, col + 2) != NULL)
		revoked_add_account(strtoll(result_text(row, 0, col), NULL, 10),
		    strtoll(result_text(row, 0, col + 1), NULL, 10),
		    strtoll(result_text(row, 0, col + 2), NULL, 10));
}

int
advisor_update(struct request *rq)
{
	const struct call update = { &sql_advisor_update, { rq->param[0], rq->body_text } };
	const struct change change = {
		.lock = { &sql_advisor_lock, { rq->param[0] } },
		.match = { &sql_advisor_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = &update,
		.ncalls = 1,
	};

	auto_result struct result *row = change_run(rq, &change);

	if (row == NULL)
		return rq->reply.status;
	revoke_sessions(rq, row, 1);
	return reply_row(rq, 200, &row, 0);
}

/*
 * Runs a statement that changes a password, after it locked the account. Returns the statement's
 * result, of one row or none; or NULL: the reply is set.
 */
static struct result *
change_password(struct request *rq, const struct statement *lock, struct call change)
{
	const struct call calls[] = { { lock, { change.args[0] } }, change };
	struct result *results[NITEMS(calls)];

	if (request_run(rq, calls, NITEMS(calls), results) != 0)
		return NULL;
	result_free(results[0]);
	return results[1];
}

int
advisor_password_put(struct request *rq)
{
	char hashed[PASSWORD_HASH_SIZE];
	auto_result struct result *row = NULL;

	if (check_password(rq, "#/password", request_member(rq, "password"), "") != 0 ||
	    hash(rq, request_member(rq, "password"), hashed) != 0)
		return rq->reply.status;
	row = change_password(rq, &sql_advisor_password_lock,
	    (struct call){ &sql_advisor_password_put, { rq->param[0], hashed } });
	if (row == NULL)
		return rq->reply.status;
	revoke_sessions(rq, row, 0);
	return result_rows(row) == 1 ? reply_empty(rq) : reply_problem(rq, "not_found");
}

int
advisor_password_delete(struct request *rq)
{
	auto_result struct result *row = change_password(rq, &sql_integration_lock,
	    (struct call){ &sql_advisor_password_delete, { rq->param[0] } });

	if (row == NULL)
		return rq->reply.status;
	revoke_sessions(rq, row, 0);
	return reply_empty(rq);
}

int
password_put(struct request *rq)
{
	const char *old = request_member(rq, "old_password"),
		   *password = request_member(rq, "password");
	auto_result struct result *known =
	    request_query(rq, &sql_password_advisor, rq->advisor_id, attempt_block(rq));
	auto_result struct result *row = NULL;
	char hashed[PASSWORD_HASH_SIZE];

	if (known == NULL)
		return rq->reply.status;
	if (result_rows(known) == 0)
		return reply_problem(rq, "token_invalid");
	if (result_text(known, 0, 1) == NULL)
		return reply_problem(rq, "password_not_used");
	if (attempt_check_row(rq, result_text(known, 0, 0), known, 2) != 0)
		return rq->reply.status;
	switch (password_check(result_text(known, 0, 1), old, request_patience_ms(rq))) {
	case PASSWORD_BUSY:
		return reply_problem(rq, "busy");
	case PASSWORD_WRONG:
		faults_add(&rq->faults, "#/old_password", TEXT_password_wrong);
		return reply_faults(rq);
	case PASSWORD_RIGHT:
		break;
	}
	if (!attempt_succeeded(rq, result_text(known, 0, 0)))
		return rq->reply.status;
	if (password_same(old, password))
		faults_add(&rq->faults, "#/password", TEXT_password_same);
	if (check_password(rq, "#/password", password, result_text(known, 0, 0)) != 0 ||
	    hash(rq, password, hashed) != 0)
		return rq->reply.status;
	row = change_password(rq, &sql_password_lock,
	    (struct call){
		&sql_password_put, { rq->advisor_id, hashed, result_text(known, 0, 1) } });
	if (row == NULL)
		return rq->reply.status;
	revoke_sessions(rq, row, 0);
	/* No row: another request changed the password meanwhile, which ended this session. */
	return result_rows(row) == 1 ? reply_empty(rq) : reply_problem(rq, "token_invalid");
}
