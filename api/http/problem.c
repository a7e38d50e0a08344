#include "http/problem.h"

#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "http/oauth_problem.h"
#include "http/reply.h"

#define PROBLEM_TYPE "application/problem+json"

static json_t *
faults_json(const struct faults *fs)
{
	json_t *array = json_array();

	for (const struct fault *f = fs->first; f != NULL; f = f->next) {
		json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s}", "pointer", f->pointer, "field",
		    f->field, "label", f->label, "code", f->code, "detail", f->detail);

		if (f->allowed != NULL) {
			json_t *allowed = json_array();

			for (size_t i = 0; f->allowed[i] != NULL; i++)
				json_array_append_new(allowed, json_string(f->allowed[i]));
			json_object_set_new(one, "allowed", allowed);
		}
		if (f->level > 0)
			json_object_set_new(one, "level", json_integer(f->level));
		json_array_append_new(array, one);
	}
	return array;
}

/* A code that is not in messages.def is a bug of this program: the client gets 500. */
static const struct problem *
problem_of(const char *code)
{
	const struct problem *p = message_problem(code);

	if (p != NULL)
		return p;
	log_msg(LOG_ERROR, "no problem is called %s", code);
	return message_problem("internal");
}

/* Seconds for Retry-After, for problems without a wait of their own; 0: no such header. */
static int
usual_wait_s(const struct problem *p)
{
	return p->status == 503 || strcmp(p->code, "idempotency_key_in_use") == 0 ? 1 : 0;
}

static const char *
wait_words(struct request *rq, int wait_s)
{
	return message_count(&rq->arena, rq->language, (size_t)wait_s, TEXT_second, TEXT_seconds);
}

/* detail NULL: the one of messages.def. wait_s: seconds for Retry-After; 0: no such header. */
static int
problem(struct request *rq, const struct problem *p, const char *detail, const struct faults *fs,
    int wait_s)
{
	enum language l = rq->language;
	json_t *object;

	if (detail == NULL)
		detail = message_fill(&rq->arena, p->detail[l],
		    (const char *const[]){ wait_words(rq, wait_s), NULL });

	rq->reply.code = p->code;
	rq->reply.cache = NULL;
	reply_header(rq, "Content-Language", l == LANGUAGE_ES ? "es" : "en");
	reply_header(rq, "Vary", "Accept-Language");
	if (wait_s > 0)
		reply_header(rq, "Retry-After", arena_printf(&rq->arena, "%d", wait_s));
	if (rq->op != NULL && rq->op->body_form)
		return oauth_problem(
		    rq, p, fs != NULL && fs->first != NULL ? fs->first->detail : detail);

	object = json_pack("{s:s+, s:s, s:i, s:s, s:s, s:s}", "type",
	    "urn:gestor:problem:", p->code, "title", p->title[l], "status", p->status, "detail",
	    detail, "code", p->code, "request_id", rq->id);
	if (rq->trace.id[0] != '\0')
		json_object_set_new(object, "trace_id", json_string(rq->trace.id));
	if (fs != NULL)
		json_object_set_new(object, "errors", faults_json(fs));
	if (rq->reply.about != NULL)
		json_object_update(object, rq->reply.about);
	rq->reply.body = json_text_dump(&rq->arena, object, &rq->reply.length);
	json_decref(object);
	rq->reply.status = p->status;
	rq->reply.type = PROBLEM_TYPE;
	/* RFC 6750, 3: no error code if the request had no token. */
	if (p->status == 401)
		reply_header(rq, "WWW-Authenticate",
		    strcmp(p->code, "token_invalid") == 0
			? "Bearer realm=\"gestor\", error=\"invalid_token\""
			: "Bearer realm=\"gestor\"");
	return p->status;
}

int
reply_problem(struct request *rq, const char *code)
{
	const struct problem *p = problem_of(code);

	if (rq->weak_condition && strcmp(code, "precondition_failed") == 0)
		return reply_problem_text(rq, TEXT_condition_weak);
	return problem(rq, p, NULL, NULL, usual_wait_s(p));
}

int
reply_problem_wait(struct request *rq, const char *code, int wait_s)
{
	return problem(rq, problem_of(code), NULL, NULL, wait_s);
}

int
reply_problem_message(struct request *rq, enum text text, const char *const args[])
{
	const struct problem *p = problem_of(message_code(text));
	int wait_s = usual_wait_s(p);
	const char *const wait[] = { wait_words(rq, wait_s), NULL };

	return problem(rq, p,
	    message_write(
		&rq->arena, rq->language, text, wait_s > 0 && args[0] == NULL ? wait : args),
	    NULL, wait_s);
}

int
reply_problem_about(struct request *rq, const char *code, const char *member, json_t *value)
{
	if (value != NULL && rq->reply.about == NULL)
		rq->reply.about = json_object();
	if (value != NULL)
		json_object_set_new(rq->reply.about, member, value);
	return reply_problem(rq, code);
}

int
reply_faults(struct request *rq)
{
	return reply_faults_of(rq, "invalid");
}

int
reply_faults_of(struct request *rq, const char *code)
{
	return problem(rq, problem_of(code), NULL, &rq->faults, 0);
}
