/*
 * Query strings of every operation; the first byte chooses it. What is accepted is
 * compared with another reader of the same text, and then validated.
 */
#include "base/text.h"
#include "field/field.h"
#include "fuzz.h"
#include "http/page.h"

static const struct operation *
operation(uint8_t which)
{
	int n = 0;

	while (openapi_at(n) != NULL)
		n++;
	return openapi_at(which % n);
}

static bool
has_parameter(const struct operation *op, const char *name)
{
	bool has = false;

	for (int i = 0; i < op->nparams; i++)
		has |= !op->params[i].in_path && strcmp(op->params[i].name, name) == 0;
	return has;
}

/* Decodes each piece by itself; none may be lost, and none may come twice. */
static void
check_accepted(const struct request *rq, const char *query)
{
	char *text = strdup(query), *save = NULL;
	int n = 0;

	for (char *p = strtok_r(text, "&", &save); p != NULL; p = strtok_r(NULL, "&", &save)) {
		char *value = strchr(p, '=');

		if (value != NULL)
			*value++ = '\0';
		else
			value = p + strlen(p);
		MUST(text_percent_decode(p, true) && text_percent_decode(value, true));
		value = field_trim(value);
		MUST(n < rq->nquery && strcmp(rq->query_name[n], p) == 0);
		/* An empty parameter counts as absent. */
		MUST(*value == '\0' ? rq->query_value[n] == NULL
				    : strcmp(rq->query_value[n], value) == 0);
		MUST(has_parameter(rq->op, p));
		MUST(request_query_value(rq, p) == rq->query_value[n]);
		n++;
	}
	MUST(n == rq->nquery);
	free(text);
}

/* The record that the request changes holds no choices. */
static int
held_none(struct request *rq)
{
	(void)rq;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request rq;
	struct page page;
	char *query;
	int status;

	fuzz_contract();
	if (size < 1)
		return 0;
	query = fuzz_text(data + 1, size - 1);
	memset(&rq, 0, sizeof(rq));
	arena_init(&rq.arena);
	rq.op = operation(data[0]);
	status = route_query(&rq, query);
	MUST((status == 0 || status == 400) && status == rq.reply.status);
	if (status == 0) {
		check_accepted(&rq, query);
		faults_init(&rq.faults, &rq.arena, LANGUAGE_ES, NULL);
		status = check_request(&rq, held_none);
		MUST(status == 0 || status == 422 || status == 503);
		if (status == 0 && has_parameter(rq.op, "cursor")) {
			status = request_page(&rq, &page);
			MUST(status == 0 || status == 400);
		}
	}
	arena_free(&rq.arena);
	free(query);
	return 0;
}
