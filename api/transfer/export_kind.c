#include "transfer/export_kind.h"

#include <string.h>
#include <strings.h>

#include "auth/permission.h"
#include "sql.h"

/* A column whose name is its path. */
#define SAME(name)                                                                                 \
	{                                                                                          \
		name, name, NULL                                                                   \
	}
/* A column that shows the code of a choice. */
#define CODE(name)                                                                                 \
	{                                                                                          \
		name, name ".code", NULL                                                           \
	}
#define ADVISOR(name)                                                                              \
	{ name, name ".username", NULL }, { name "_id", name ".id", NULL },                        \
	{                                                                                          \
		name "_full_name", name ".full_name", NULL                                         \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}

/* What an import takes, then what follows from it. */
static const struct export_column clients[] = { SAME("name"), CODE("document_type"),
	SAME("document_number"), SAME("external_id"), SAME("phone"), SAME("email"), SAME("gender"),
	SAME("birth_date"), SAME("legal_representative"), SAME("sales.lines"), SAME("sales.plan"),
	SAME("sales.activation_date"), SAME("summary_360.trac_profile"),
	SAME("summary_360.observed"), SAME("summary_360.claro_points"), SAME("summary_360.segment"),
	SAME("summary_360.mi_claro"), SAME("experience.expiring_points"),
	SAME("experience.overdue_payment"), SAME("experience.latam_partner"),
	SAME("experience.birthday_today"), { "advertising", "advertising.acceptance.code", NULL },
	{ "advertising_at", "advertising.at", NULL }, SAME("id"), SAME("created_at"),
	SAME("updated_at"), SAME("erased_at"), END };

static const struct export_column contacts[] = { SAME("id"), SAME("client_id"),
	SAME("origin_phone"), SAME("serial_number"), SAME("ownership_check.asked"),
	SAME("ownership_check.right"), ADVISOR("advisor"), SAME("opportunity_id"),
	SAME("created_at"), END };

/*
 * advisor_name is the username, or the name of one who left, as imports take it. closure.stage is the stage, and is left out.
 */
static const struct export_column opportunities[] = { SAME("id"), { "document_type", NULL, NULL },
	{ "document_number", NULL, NULL }, CODE("campaign"), CODE("stage"), SAME("created_at"),
	{ "advisor_name", "advisor", "username|full_name" }, CODE("sub_campaign"),
	SAME("service.current_plan"), SAME("service.activation_date"),
	SAME("service.prior_consultation"),
	{ "actions", "actions", "action.code=final_state.code" }, CODE("diagnosis.reason"),
	CODE("competitor_offer.plan"), CODE("competitor_offer.offer"),
	CODE("competitor_offer.channel"), CODE("competitor_offer.operator"),
	SAME("competitor_offer.phone_to_manage"), SAME("competitor_offer.additional_line"),
	CODE("closure.advertising_acceptance"), SAME("closure.closed_at"), SAME("client_id"),
	SAME("contact_id"), { "advisor_id", "advisor", "id" },
	{ "advisor_full_name", "advisor", "full_name" }, SAME("missing"), SAME("voided.at"),
	{ "voided.advisor", "voided.advisor.username", NULL }, SAME("voided.reason"),
	SAME("updated_at"), END };

static const struct export_column consents[] = { SAME("client_id"), CODE("advertising_acceptance"),
	SAME("created_at"), ADVISOR("advisor"), SAME("opportunity_id"), SAME("contact_id"), END };

static const struct export_column audit[] = { SAME("id"), SAME("at"), SAME("action"),
	SAME("object_type"), SAME("object_id"), ADVISOR("advisor"), SAME("session_id"),
	SAME("address"), SAME("request_id"), SAME("operation"), SAME("db_role"), SAME("before"),
	SAME("after"), END };

static const char *const no_filters[] = { NULL };
static const char *const advisor_filter[] = { "advisor", NULL };
static const char *const opportunity_filters[] = { "advisor", "stage", "campaign", "sub_campaign",
	"reason", "voided", "ids", NULL };
static const char *const audit_filters[] = { "advisor", "object_type", "object_id", "operation",
	NULL };

static const struct export_kind kinds[] = {
	{ "clients", &sql_export_clients, ENTITY_OTHER, MAY_CLIENT_READ, "created_from",
	    "created_to", no_filters, clients },
	{ "contacts", &sql_export_contacts, ENTITY_OTHER, MAY_CLIENT_READ | MAY_CONTACT_READ,
	    "created_from", "created_to", advisor_filter, contacts },
	{ "opportunities", &sql_export_opportunities, ENTITY_OPPORTUNITY, MAY_OPPORTUNITY_READ,
	    "created_from", "created_to", opportunity_filters, opportunities },
	{ "consents", &sql_export_consents, ENTITY_OTHER, MAY_CLIENT_READ, "created_from",
	    "created_to", advisor_filter, consents },
	{ "audit", &sql_export_audit, ENTITY_OTHER, MAY_AUDIT_READ, "from", "to", audit_filters,
	    audit },
};

const struct export_kind *
export_kind_at(int i)
{
	return i < (int)NITEMS(kinds) ? &kinds[i] : NULL;
}

const struct export_kind *
export_kind_named(const char *name)
{
	for (size_t i = 0; i < NITEMS(kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

bool
export_kind_filter(const struct export_kind *kind, const char *name)
{
	if (strcmp(name, kind->from) == 0 || strcmp(name, kind->to) == 0)
		return true;
	for (const char *const *f = kind->filters; *f != NULL; f++) {
		if (strcmp(*f, name) == 0)
			return true;
	}
	return false;
}

bool
export_kind_column(const char *kind, const char *name)
{
	const struct export_kind *k = export_kind_named(kind);

	for (const struct export_column *c = k != NULL ? k->columns : NULL;
	     c != NULL && c->name != NULL; c++) {
		if (strcasecmp(c->name, name) == 0)
			return true;
	}
	return false;
}
