#include "resource/conflict.h"
#include "http/record.h"
#include "resource/rules.h"

#include <string.h>

#include "sql.h"

/* Returns the result; or NULL: no row, or the statement failed. */
static struct result *
query(struct request *rq, const struct call *call)
{
	struct result *row = NULL;
	struct db_error error;

	if (db_run_by(rq->app->pool, request_deadline_ms(rq), DB_PATIENT, call, 1, &row, &error) !=
	    DB_OK)
		return NULL;
	if (result_rows(row) > 0)
		return row;
	result_free(row);
	return NULL;
}

/* The statements that return the record, and who changed it last. */
static void
statements_of(const struct request *rq, struct call *ret_show, struct call *ret_changed)
{
	const char *id = rq->param[0];

	switch (rq->shows) {
	case ENTITY_CLIENT:
		*ret_show = (struct call){ &sql_client_get_staying, { id } };
		*ret_changed = (struct call){ &sql_record_changed_last, { "client", id } };
		break;
	case ENTITY_CONTACT:
		*ret_show = (struct call){ &sql_contact_get, { id } };
		*ret_changed = (struct call){ &sql_record_changed_last, { "contact", id } };
		break;
	case ENTITY_ADVISOR:
		*ret_show = (struct call){ &sql_advisor_get, { id } };
		*ret_changed = (struct call){ &sql_record_changed_last, { "advisor", id } };
		break;
	case ENTITY_DRAFT:
		*ret_show = (struct call){ &sql_draft_get, { id, rq->advisor_id } };
		*ret_changed = (struct call){ &sql_draft_changed_last, { id } };
		break;
	case ENTITY_CATALOG:
		*ret_show = (struct call){ &sql_catalog_shown, { id } };
		*ret_changed = (struct call){ &sql_catalog_changed_last, { id } };
		break;
	case ENTITY_CATALOG_ITEM:
		*ret_show = (struct call){ &sql_catalog_item_get, { id, rq->param[1] } };
		*ret_changed = (struct call){ &sql_catalog_changed_last, { id } };
		break;
	default:
		*ret_show = (struct call){ &sql_opportunity_get_rendered, { id } };
		*ret_changed = (struct call){ &sql_opportunity_changed_last, { id } };
	}
}

/* The entity tag of the part that the request would have changed; NULL: it was deleted. */
static const char *
tag_of(struct request *rq, struct span record)
{
	enum entity entity = rq->shows;
	struct span part = record;

	if (entity == ENTITY_ACTION && rq->param[1] == NULL) {
		if (!json_text_member(record, "actions", &part))
			return NULL;
		return entity_tag(&rq->arena, ENTITY_ACTIONS, part);
	}
	if (entity_is_part(entity) && !entity_part(entity, record, rq->param[1], &part))
		return NULL;
	return entity_tag(&rq->arena, entity, part);
}

static json_t *
advisor_of(const struct result *changed)
{
	json_t *advisor = NULL;

	if (changed != NULL && result_text(changed, 0, 1) != NULL)
		advisor =
		    json_loadb(result_text(changed, 0, 1), result_length(changed, 0, 1), 0, NULL);
	return advisor != NULL ? advisor : json_null();
}

json_t *
conflict_current(struct request *rq)
{
	struct call show, changed;
	struct span record, updated;
	const char *tag;

	if (rq->param[0] == NULL)
		return NULL;
	statements_of(rq, &show, &changed);
	auto_result struct result *row = query(rq, &show);
	if (row == NULL || result_text(row, 0, 0) == NULL)
		return NULL;
	/* reply_json masks the record for this caller; a GET's entity tag is of the masked record. */
	reply_json(rq, 200, result_text(row, 0, 0), result_length(row, 0, 0));
	record = (struct span){ rq->reply.body, rq->reply.length };
	tag = tag_of(rq, record);
	if (tag == NULL)
		return NULL;
	auto_result struct result *last = query(rq, &changed);
	/* A contact has no member updated_at; a draft has any members. */
	if (rq->shows != ENTITY_DRAFT && json_text_member(record, "updated_at", &updated))
		updated = (struct span){ updated.at + 1, updated.length - 2 };
	else if (last != NULL)
		updated = (struct span){ result_text(last, 0, 0), result_length(last, 0, 0) };
	else
		return NULL;
	return json_pack("{s:o, s:s%, s:o}", "etag",
	    json_string(arena_printf(&rq->arena, "\"%s\"", tag)), "updated_at", updated.at,
	    updated.length, "advisor", advisor_of(last));
}

/* A member of the client in the body: under `client` if the request saves a whole call. */
static const char *
client_member(const struct request *rq, const char *name)
{
	const json_t *client = json_object_get(rq->body, "client");

	return json_string_value(json_object_get(client != NULL ? client : rq->body, name));
}

bool
conflict_document(struct request *rq)
{
	const char *number = client_member(rq, "document_number");
	const struct call show = { &sql_client_document_type, { rq->param[0] } };

	if (rq->shows != ENTITY_CLIENT || rq->param[0] == NULL || number == NULL ||
	    client_member(rq, "document_type") != NULL)
		return false;
	auto_result struct result *row = query(rq, &show);
	if (row == NULL)
		return false;
	rule_document(result_text(row, 0, 0), number, "#/document_number", &rq->faults);
	return rq->faults.count > 0;
}

json_t *
conflict_existing(struct request *rq, const char *constraint)
{
	const char *of = "clients";
	struct call call;

	if (strcmp(constraint, "client_document_key") == 0) {
		call = (struct call){ &sql_client_of_document,
			{ client_member(rq, "document_type"), client_member(rq, "document_number"),
			    rq->shows == ENTITY_CLIENT ? rq->param[0] : NULL } };
	} else if (strcmp(constraint, "client_external_id_key") == 0) {
		call = (struct call){ &sql_client_of_external_id,
			{ client_member(rq, "external_id") } };
	} else if (strcmp(constraint, "opportunity_contact_key") == 0) {
		of = "opportunities";
		call = (struct call){ &sql_opportunity_of_contact,
			{ request_member(rq, "contact_id") } };
	} else {
		return NULL;
	}
	auto_result struct result *row = query(rq, &call);
	if (row == NULL)
		return NULL;
	return json_pack("{s:s, s:s++}", "id", result_text(row, 0, 0), "href", "/v1/", of,
	    arena_printf(&rq->arena, "/%s", result_text(row, 0, 0)));
}
