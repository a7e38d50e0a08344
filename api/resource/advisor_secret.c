/*
 * The secrets of integrations, which administrators manage.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/revoked.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "base/log.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/read.h"
#include "sql.h"

int
advisor_secret_list(struct request *rq)
{
	return reply_list_of(rq, &sql_advisor_secret_list);
}

/*
 * Replies with the document of advisor_secret_create, which holds the secret encrypted. A retry with
 * the same Idempotency-Key gets the same secret, unless the signing secret was replaced twice since.
 */
static int
reply_secret(struct request *rq, const char *document)
{
	json_t *object = json_loads(document, 0, NULL);
	const char *id = json_string_value(json_object_get(object, "id")),
		   *encrypted = json_string_value(json_object_get(object, "secret"));
	char token[SECRET_TOKEN_SIZE], *text = NULL;
	int status;

	if (id == NULL || encrypted == NULL || !secret_decrypt(encrypted, token)) {
		json_decref(object);
		rq->reply.headers = NULL;
		return reply_problem(rq, "conflict");
	}
	reply_location(
	    rq, arena_printf(&rq->arena, "/v1/advisors/%s/secrets/%s", rq->param[0], id));
	json_object_set_new(object, "secret",
	    rq->validate_only ? json_string("") : json_sprintf("%s%s", SECRET_PREFIX, token));
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	status = text != NULL ? reply_json_as_is(rq, 201,
				    arena_copy(&rq->arena, text, strlen(text)), strlen(text))
			      : reply_problem(rq, "internal");
	free(text);
	return status;
}

int
advisor_secret_create(struct request *rq)
{
	char token[SECRET_TOKEN_SIZE], encrypted[SECRET_ENCRYPTED_SIZE], hash[SECRET_HASH_SIZE];
	const struct call calls[] = {
		{ &sql_integration_lock, { rq->param[0] } },
		{ &sql_advisor_secret_create,
		    { rq->param[0], hash, encrypted, rq->body != NULL ? rq->body_text : NULL } },
	};
	struct result *results[NITEMS(calls)];
	int status;

	secret_token(token);
	secret_encrypt(token, encrypted);
	secret_hash(arena_printf(&rq->arena, "%s%s", SECRET_PREFIX, token), hash);
	rq->idempotency.replay = reply_secret;
	status = request_run(rq, calls, NITEMS(calls), results);
	if (status != 0)
		return status;
	if (!rq->validate_only)
		throttle_know_hash(hash);
	status = reply_secret(rq, result_text(results[1], 0, 1));
	for (size_t i = 0; i < NITEMS(calls); i++)
		result_free(results[i]);
	return status;
}

int
advisor_secret_delete(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_advisor_secret_revoke, { rq->param[0], rq->param[1] } },
		{ &sql_advisor_secret_delete, { rq->param[1] } },
	};
	struct result *results[NITEMS(calls)];

	if (request_run(rq, calls, NITEMS(calls), results) != 0)
		return rq->reply.status;
	/* In this process at once; the others are notified. */
	for (const char *p = result_text(results[1], 0, 1); !rq->validate_only && *p != '\0';
	     p += strspn(p, " ")) {
		char *end;

		revoked_add(strtoll(p, &end, 10));
		p = end;
	}
	for (size_t i = 0; i < NITEMS(calls); i++)
		result_free(results[i]);
	return reply_empty(rq);
}
