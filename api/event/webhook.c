/*
 * Webhooks: where an integration wants events sent.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/webhook_signature.h"
#include "base/json_text.h"
#include "base/log.h"
#include "event/own.h"
#include "event/sender.h"
#include "event/target.h"
#include "http/condition.h"
#include "http/idempotency.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/change.h"
#include "sql.h"

/* ------------------------------------------------------------------ the URL */

static const enum text url_faults[] = {
	[TARGET_MALFORMED] = TEXT_url_malformed,
	[TARGET_SCHEME] = TEXT_url_scheme,
	[TARGET_USERINFO] = TEXT_url_userinfo,
	[TARGET_HOST] = TEXT_url_host,
	[TARGET_PORT] = TEXT_url_port,
	[TARGET_FRAGMENT] = TEXT_url_fragment,
	[TARGET_ADDRESS] = TEXT_url_address,
};

/* Before any transaction, because a name is resolved. Returns 0, or the status of the reply. */
static int
check_url(struct request *rq)
{
	const char *url = request_member(rq, "url");
	enum target_fault fault = url != NULL ? target_check(url) : TARGET_FINE;
	int replayed;

	if (fault == TARGET_FINE)
		return 0;
	/* A retry gets its stored answer even if the name resolves to another address now. */
	replayed = rq->idempotency.key != NULL ? idempotency_replay(rq) : 0;
	if (replayed != 0)
		return replayed;
	faults_add_field(
	    &rq->faults, "url", "#", url_faults[fault], faults_label(&rq->faults, "url"));
	return reply_faults(rq);
}

/* --------------------------------------------------------------- the secret */

/* Writes a new secret as it is stored. */
static const char *
new_secret(struct request *rq)
{
	char token[SECRET_TOKEN_SIZE], encrypted[SECRET_ENCRYPTED_SIZE];

	secret_token(token);
	secret_encrypt(token, encrypted);
	return arena_copy(&rq->arena, encrypted, strlen(encrypted));
}

/* Replies with a webhook whose `secret` is still encrypted; a rehearsal has none. */
static int
reply_with_secret(struct request *rq, int status, const char *text)
{
	char token[SECRET_TOKEN_SIZE], shown[WEBHOOK_SECRET_SIZE] = "";
	json_t *webhook = json_loads(text, 0, NULL);
	const char *stored = json_string_value(json_object_get(webhook, "secret")), *json;
	size_t length;

	if (stored == NULL || !secret_decrypt(stored, token)) {
		json_decref(webhook);
		log_msg(LOG_ERROR, "%s: the webhook's secret cannot be decrypted", rq->id);
		return reply_problem(rq, "internal");
	}
	/* The tag is that of the webhook as webhook_get shows it. */
	json_object_del(webhook, "secret");
	json = json_text_dump(&rq->arena, webhook, &length);
	reply_json(rq, status, json, length);
	reply_tagged(rq);
	if (!rq->validate_only)
		webhook_secret_text(token, shown);
	json_object_set_new(webhook, "secret", json_string(shown));
	json = json_text_dump(&rq->arena, webhook, &length);
	json_decref(webhook);
	return reply_json(rq, status, json, length);
}

static int
replay_created(struct request *rq, const char *text)
{
	json_t *webhook = json_loads(text, 0, NULL);
	const char *id = json_string_value(json_object_get(webhook, "id"));

	if (id != NULL)
		reply_location(rq, arena_printf(&rq->arena, "/v1/webhooks/%s", id));
	json_decref(webhook);
	return reply_with_secret(rq, 201, text);
}

static int
replay_rotated(struct request *rq, const char *text)
{
	return reply_with_secret(rq, 200, text);
}

/* ---------------------------------------------------------------- endpoints */

int
webhook_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_webhook_list, rq->advisor_id, sees_all(rq), page.created_at,
	    page.id, page.limit);
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
webhook_get(struct request *rq)
{
	auto_result struct result *row =
	    request_query(rq, &sql_webhook_get, rq->param[0], rq->advisor_id, sees_all(rq));

	return row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;
}

int
webhook_create(struct request *rq)
{
	const struct call calls[] = { { &sql_webhook_account_lock, { rq->advisor_id } },
		{ &sql_webhook_create, { rq->advisor_id, rq->body_text, new_secret(rq) } } };
	struct result *results[NITEMS(calls)];
	int status;

	rq->idempotency.replay = replay_created;
	status = check_url(rq);
	if (status == 0)
		status = request_run(rq, calls, NITEMS(calls), results);
	if (status != 0)
		return status;
	reply_location(rq, result_text(results[1], 0, 0));
	status = reply_with_secret(rq, 201, result_text(results[1], 0, 1));
	result_free(results[0]);
	result_free(results[1]);
	sender_wake();
	return status;
}

/* Locks the webhook in the path: unknown and another account's are both 404. */
static struct call
lock(const struct request *rq, const struct statement *st)
{
	return (struct call){ st, { rq->param[0], rq->advisor_id, sees_all(rq) } };
}

/* Runs a change of the webhook in the path. Returns the change's result; or NULL: the reply is set. */
static struct result *
change_webhook(struct request *rq, const struct statement *locks, const struct call *call)
{
	const struct change change = {
		.lock = lock(rq, locks),
		.match = { &sql_webhook_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = call,
		.ncalls = 1,
	};
	struct result *row = change_run(rq, &change);

	if (row != NULL && !rq->validate_only)
		sender_wake();
	return row;
}

int
webhook_update(struct request *rq)
{
	const struct call update = { &sql_webhook_update, { rq->param[0], rq->body_text } };
	auto_result struct result *row = NULL;

	if (check_url(rq) != 0)
		return rq->reply.status;
	row = change_webhook(rq, &sql_webhook_lock, &update);
	return row != NULL ? reply_row(rq, 200, &row, 0) : rq->reply.status;
}

int
webhook_delete(struct request *rq)
{
	const struct call call = { &sql_webhook_delete, { rq->param[0] } };
	auto_result struct result *row = change_webhook(rq, &sql_webhook_lock, &call);

	return row != NULL ? reply_empty(rq) : rq->reply.status;
}

int
webhook_secret_rotate(struct request *rq)
{
	const struct call call = { &sql_webhook_secret_rotate, { rq->param[0], new_secret(rq) } };
	auto_result struct result *row = NULL;

	rq->idempotency.replay = replay_rotated;
	row = change_webhook(rq, &sql_webhook_lock, &call);
	return row != NULL ? reply_with_secret(rq, 200, result_text(row, 0, 0)) : rq->reply.status;
}

int
webhook_test(struct request *rq)
{
	const struct call call = { &sql_webhook_test, { rq->param[0] } };
	auto_result struct result *row = change_webhook(rq, &sql_webhook_lock_enabled, &call);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}
