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
	auto_result struct result *row = request_query(rq, &sql_typification_create, rq->advisor_id,
	    rq->body_text, request_number(rq, rq->app->config->contacts_per_day));

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}
