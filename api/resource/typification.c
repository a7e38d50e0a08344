#include <string.h>

#include "config.h"
#include "http/record.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/change.h"
#include "sql.h"

/* The parts of the opportunity that the form contains, a mask of PART_x. */
static unsigned
parts_of(const json_t *form)
{
	static const struct {
		const char *member;
		unsigned part;
	} sections[] = {
		{ "sub_campaign", PART_OPPORTUNITY },
		{ "service", PART_OPPORTUNITY },
		{ "actions", PART_ACTIONS },
		{ "diagnosis", PART_DIAGNOSIS },
		{ "competitor_offer", PART_COMPETITOR_OFFER },
		{ "closure", PART_CLOSURE },
	};
	unsigned parts = 0;

	for (size_t i = 0; i < NITEMS(sections); i++) {
		if (json_object_get(form, sections[i].member) != NULL)
			parts |= sections[i].part;
	}
	return parts;
}

int
typification_put(struct request *rq)
{
	const struct call calls[] = {
		{ &sql_typification_put, { rq->param[0], rq->advisor_id, rq->body_text } },
		opportunity_saved(rq),
	};
	struct change change = opportunity_change(rq, parts_of(rq->body), calls, NITEMS(calls));

	return change_reply(rq, &change);
}

int
typification_create(struct request *rq)
{
	struct call calls[2];
	struct result *results[2];
	int n = 0, status;

	if (json_object_get(rq->body, "client") != NULL)
		calls[n++] = (struct call){ &sql_call_client_create, { rq->body_text } };
	calls[n++] = (struct call){ &sql_typification_create,
		{ rq->advisor_id, rq->body_text,
		    request_number(rq, rq->app->config->contacts_per_day) } };
	if (request_run(rq, calls, n, results) != 0)
		return rq->reply.status;
	status = reply_created(rq, &results[n - 1]);
	for (int i = 0; i < n; i++)
		result_free(results[i]);
	return status;
}
