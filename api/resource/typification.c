#include <string.h>

#include "config.h"
#include "http/authenticate.h"
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

/*
 * The caller owns the call, and it is now; unless an integration with the right on_behalf says whose
 * it is (advisor), or when it was (occurred_at).
 */
int
typification_create(struct request *rq)
{
	const char *advisor = request_member(rq, "advisor"),
		   *occurred_at = request_member(rq, "occurred_at"),
		   *a_day = request_number(rq, rq->app->config->contacts_per_day);
	struct call calls[3];
	struct result *results[3];
	int n = 0, status;

	if ((advisor != NULL || occurred_at != NULL) && authorize_also(rq, MAY_ON_BEHALF) != 0)
		return rq->reply.status;
	if (json_object_get(rq->body, "client") != NULL)
		calls[n++] = (struct call){ &sql_call_client_create, { rq->body_text } };
	if (occurred_at != NULL) {
		calls[n++] =
		    (struct call){ &sql_call_occurred, { occurred_at, rq->body_text, a_day } };
		a_day = "0";
	}
	calls[n++] = (struct call){ advisor != NULL ? &sql_typification_create_for
						    : &sql_typification_create,
		{ advisor != NULL ? advisor : rq->advisor_id, rq->body_text, a_day } };
	if (request_run(rq, calls, n, results) != 0)
		return rq->reply.status;
	status = reply_created(rq, &results[n - 1]);
	for (int i = 0; i < n; i++)
		result_free(results[i]);
	return status;
}
