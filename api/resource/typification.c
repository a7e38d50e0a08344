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

/* A string of the body, in a section or (NULL) beside the sections; NULL: absent or null. */
static const char *
said(const struct request *rq, const char *section, const char *member)
{
	const json_t *of = section != NULL ? json_object_get(rq->body, section) : rq->body;

	return json_string_value(json_object_get(of, member));
}

/* append - writes a value of a PostgreSQL array, quoted; NULL as NULL. Returns the end. */
static char *
append(char *at, const char *value)
{
	if (value == NULL)
		return stpcpy(at, "NULL,");
	*at++ = '"';
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			*at++ = '\\';
		*at++ = *value;
	}
	return stpcpy(at, "\",");
}

/* The choices of a whole call as call_create() takes them, a PostgreSQL array in the arena. */
static const char *
codes(struct request *rq)
{
	static const struct {
		const char *section, *member;
	} chosen[] = {
		{ "closure", "stage" },
		{ NULL, "sub_campaign" },
		{ "diagnosis", "reason" },
		{ "competitor_offer", "plan" },
		{ "competitor_offer", "offer" },
		{ "competitor_offer", "channel" },
		{ "competitor_offer", "operator" },
		{ "closure", "advertising_acceptance" },
	};
	const json_t *actions = json_object_get(rq->body, "actions"), *action;
	/* In the body each value stands in quotation marks behind its member's name, which is longer than "NULL,". A null takes
	 * 5 bytes there, too; what the body leaves out is counted. */
	size_t room = 2 * rq->body_length +
		      sizeof("NULL,") * (NITEMS(chosen) + 2 * json_array_size(actions) + 2),
	       i;
	char *text = arena_alloc(&rq->arena, room), *at = stpcpy(text, "{NULL,");

	for (i = 0; i < NITEMS(chosen); i++)
		at = append(at, said(rq, chosen[i].section, chosen[i].member));
	json_array_foreach (actions, i, action) {
		at = append(at, json_string_value(json_object_get(action, "action")));
		at = append(at, json_string_value(json_object_get(action, "final_state")));
	}
	at[-1] = '}';
	return text;
}

/* The statement that saves the whole call, of an advisor. a_day: of contacts of a client; "0": no limit. */
static struct call
whole_call(struct request *rq, const struct statement *st, const char *advisor, const char *a_day)
{
	const json_t *checked =
			 json_object_get(json_object_get(rq->body, "contact"), "ownership_check"),
		     *consulted = json_object_get(
			 json_object_get(rq->body, "service"), "prior_consultation");
	bool is_checked = json_is_object(checked);

	return (struct call){ st,
		{ advisor, said(rq, NULL, "client_id"), a_day, codes(rq),
		    said(rq, "contact", "origin_phone"), said(rq, "contact", "serial_number"),
		    is_checked
			? request_number(rq, json_integer_value(json_object_get(checked, "asked")))
			: NULL,
		    is_checked
			? request_number(rq, json_integer_value(json_object_get(checked, "right")))
			: NULL,
		    said(rq, "service", "current_plan"), said(rq, "service", "activation_date"),
		    json_is_boolean(consulted) ? json_is_true(consulted) ? "true" : "false" : NULL,
		    said(rq, "competitor_offer", "phone_to_manage"),
		    said(rq, "competitor_offer", "additional_line") } };
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
	calls[n++] = whole_call(rq,
	    advisor != NULL ? &sql_typification_create_for : &sql_typification_create,
	    advisor != NULL ? advisor : rq->advisor_id, a_day);
	if (request_run(rq, calls, n, results) != 0)
		return rq->reply.status;
	status = reply_created(rq, &results[n - 1]);
	for (int i = 0; i < n; i++)
		result_free(results[i]);
	return status;
}
