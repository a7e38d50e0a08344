#include "http/late_fault.h"

#include <string.h>

#include "http/problem.h"

/* The faults that only the database finds. */
static const struct {
	const char *code, *field;
	enum text text;
} late_faults[] = {
	{ "parent_unknown", "parent", TEXT_parent_not_found },
	{ "code_misfit", "code", TEXT_code_below },
	{ "sunat_code_elsewhere", "sunat_code", TEXT_sunat_code_elsewhere },
	{ "levels_in_use", "levels", TEXT_levels_in_use },
	{ "successor_unknown", "by", TEXT_successor_unknown },
	{ "successor_retired", "by", TEXT_successor_retired },
	{ "successor_incomplete", "by", TEXT_successor_incomplete },
	{ "expires_past", "expires_at", TEXT_expires_past },
	{ "occurred_range", "opportunity.occurred_at", TEXT_occurred_range },
	{ "advisor_unknown", "opportunity.advisor", TEXT_advisor_unknown },
	{ "advisor_unfit", "opportunity.advisor", TEXT_advisor_unfit },
	{ "target_unknown", "advisor", TEXT_advisor_unknown },
	{ "target_unfit", "advisor", TEXT_advisor_unfit },
	{ "target_same", "advisor", TEXT_advisor_same },
	{ "follow_up_past", "at", TEXT_follow_up_past },
	{ "merge_unknown", "into", TEXT_merge_unknown },
	{ "merge_same", "into", TEXT_merge_same },
};

int
late_fault(struct request *rq, const char *code)
{
	for (size_t i = 0; i < NITEMS(late_faults); i++) {
		if (strcmp(late_faults[i].code, code) != 0)
			continue;
		faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
		/* The field is in the body, or a query parameter. */
		faults_add_field(&rq->faults, late_faults[i].field,
		    request_query_value(rq, late_faults[i].field) != NULL
			? arena_printf(&rq->arena, "#/%s", late_faults[i].field)
			: "#",
		    late_faults[i].text, faults_label(&rq->faults, late_faults[i].field));
		return reply_faults(rq);
	}
	return 0;
}
