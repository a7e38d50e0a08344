#include "http/oauth_problem.h"

#include <string.h>

#include "base/json_text.h"
#include "http/reply.h"

/* Problems whose code is not the RFC's. The last one is for all others. */
static const struct {
	const char *code;
	int status; /* of the reply; 0: the problem's */
	const char *error;
} errors[] = {
	{ "invalid_client", 0, "invalid_client" },
	{ "invalid_scope", 0, "invalid_scope" },
	{ "unsupported_grant_type", 0, "unsupported_grant_type" },
	{ "invalid", 400, "invalid_request" },
	{ "length_required", 400, "invalid_request" },
	{ "media_type_unsupported", 400, "invalid_request" },
	/* The RFC has no codes for these two at this endpoint; their status says what to do. */
	{ "too_many_attempts", 0, "temporarily_unavailable" },
	{ "too_many_requests", 0, "temporarily_unavailable" },
};

static const char *
error_of(const struct problem *p, int *ret_status)
{
	*ret_status = p->status;
	for (size_t i = 0; i < NITEMS(errors); i++) {
		if (strcmp(errors[i].code, p->code) != 0)
			continue;
		if (errors[i].status != 0)
			*ret_status = errors[i].status;
		return errors[i].error;
	}
	if (p->status == 503)
		return "temporarily_unavailable";
	return p->status >= 500 ? "server_error" : "invalid_request";
}

int
oauth_problem(struct request *rq, const struct problem *p, const char *detail)
{
	int status;
	const char *error = error_of(p, &status);
	char *plain = arena_copy(&rq->arena, detail, strlen(detail));
	json_t *object;

	for (char *c = plain; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '\'';
	}
	object = json_pack("{s:s, s:s}", "error", error, "error_description", plain);
	rq->reply.body = json_text_dump(&rq->arena, object, &rq->reply.length);
	json_decref(object);
	rq->reply.status = status;
	rq->reply.type = "application/json";
	if (status == 401)
		reply_header(rq, "WWW-Authenticate", "Basic realm=\"gestor\", charset=\"UTF-8\"");
	return status;
}
