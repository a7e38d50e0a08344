#include "http/form_body.h"

#include <string.h>

#include "base/text.h"
#include "http/problem.h"
#include "spec/describe.h"

/* One name=value. Returns 0, or the status of the reply. */
static int
take_pair(struct request *rq, json_t *seen, char *pair)
{
	char *value = pair + strcspn(pair, "=");

	if (*value == '=')
		*value++ = '\0';
	if (!text_percent_decode(pair, true) || !text_percent_decode(value, true))
		return reply_problem_text(rq, TEXT_form_encoding);
	if (describe_named(rq->op->body, pair) == NULL)
		return 0;
	if (json_object_get(seen, pair) != NULL)
		return reply_problem_text(rq, TEXT_parameter_twice, pair);
	json_object_set_new(seen, pair, json_true());
	if (*value != '\0')
		json_object_set_new(rq->body, pair, json_string(value));
	return 0;
}

int
form_body_parse(struct request *rq)
{
	json_t *seen;
	char *pair, *save = NULL;
	int status = 0;

	if (memchr(rq->body_text, '\0', rq->body_length) != NULL)
		return reply_problem_text(rq, TEXT_form_encoding);
	seen = json_object();
	rq->body = json_object();
	for (pair = strtok_r(rq->body_text, "&", &save); pair != NULL && status == 0;
	     pair = strtok_r(NULL, "&", &save))
		status = take_pair(rq, seen, pair);
	json_decref(seen);
	return status;
}
