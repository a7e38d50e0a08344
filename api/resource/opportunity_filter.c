#include "resource/opportunity_filter.h"

#include <string.h>

#include "catalog/catalog.h"
#include "http/problem.h"
#include "http/run.h"
#include "resource/read.h"
#include "sql.h"

const struct choice_filter choice_filters[] = { { "stage", "stage", 9 },
	{ "campaign", "campaign", 7 }, { "sub_campaign", "sub_campaign", 8 },
	{ "reason", "cancellation_reason", 10 }, { "operator", "operator", 11 },
	{ "plan", "competitor_plan", 12 }, { "offer", "competitor_offer", 13 },
	{ "channel", "offer_channel", 14 },
	{ "advertising_acceptance", "advertising_acceptance", 15 },
	{ "action", "retention_action", 16 }, { "final_state", "final_state", 17 },
	{ NULL, NULL, 0 } };

bool
name_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* Adds a fault if `exact` has a name that is no filter by a choice. */
static void
check_exact(struct request *rq)
{
	const char *list = request_query_value(rq, "exact"), *known = "";
	size_t length = 0;

	for (const struct choice_filter *f = choice_filters; f->name != NULL; f++) {
		known =
		    arena_printf(&rq->arena, "%s%s%s", known, *known != '\0' ? ", " : "", f->name);
		if (name_listed(list, f->name))
			length += strlen(f->name) + 1;
	}
	/* Each listed name was counted once; anything else makes the list longer. */
	if (list != NULL && length != strlen(list) + 1)
		faults_add(&rq->faults, "#/exact", TEXT_names_of,
		    faults_label(&rq->faults, "exact"), known);
}

bool
opportunity_filter_given(const struct request *rq)
{
	static const char *const names[] = { "hour", "weekday", "by", "exact", "tree" };

	for (size_t i = 0; i < NITEMS(names); i++)
		if (request_query_value(rq, names[i]) != NULL)
			return true;
	return false;
}

const char *
opportunity_filter_ids(
    struct request *rq, const char *catalog, const char *codes, bool exact, bool now)
{
	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	return rq->catalogs != NULL
		   ? catalog_ids_as(rq->catalogs, catalog, codes, exact, now, &rq->arena)
		   : "{}";
}

bool
opportunity_filter_days(struct request *rq)
{
	bool created = request_days(rq, "created_from", "created_to"),
	     closed = request_days(rq, "closed_from", "closed_to"),
	     updated = request_days(rq, "updated_from", "updated_to");

	return created && closed && updated;
}

int
opportunity_filter_take(struct request *rq, const char *ret_args[static FILTERS])
{
	static const char *const plain[] = { "client", "created_from", "created_to", "closed_from",
		"closed_to", "updated_from", "updated_to", "voided", "hour", "weekday", "by" };
	const char *exact = request_query_value(rq, "exact"),
		   *tree = request_query_value(rq, "tree");
	const bool now = tree != NULL && strcmp(tree, "now") == 0;
	const char **arg = ret_args;

	check_exact(rq);
	*arg++ = request_query_value(rq, "advisor");
	for (const struct choice_filter *f = choice_filters; f->name != NULL; f++) {
		const char *codes = request_query_value(rq, f->name);

		*arg++ = codes != NULL ? opportunity_filter_ids(rq, f->catalog, codes,
					     name_listed(exact, f->name), now)
				       : NULL;
	}
	for (size_t i = 0; i < NITEMS(plain); i++)
		*arg++ = request_query_value(rq, plain[i]);
	if (ret_args[FILTER_BY] == NULL)
		ret_args[FILTER_BY] = "created";
	if (!opportunity_filter_days(rq) || rq->faults.count > 0)
		return reply_faults(rq);
	return 0;
}

int
opportunity_filter_advisor(struct request *rq)
{
	const char *advisor = request_query_value(rq, "advisor");
	auto_result struct result *known = NULL;

	if (advisor == NULL)
		return 0;
	known = request_query(rq, &sql_advisor_known, advisor);
	if (known == NULL)
		return rq->reply.status;
	return advisor_known(rq, known) ? 0 : reply_faults(rq);
}
