#include "resource/form.h"

#include <stdlib.h>
#include <string.h>

#include "auth/permission.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "http/mask.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/route.h"
#include "http/run.h"
#include "resource/rules.h"
#include "spec/describe.h"
#include "sql.h"

/* The columns of form_get. */
enum { CLIENT_ID, CLIENT, CONTACT, OPPORTUNITY, MAY_OPEN, USERNAME };

/* A record's JSON, masked if the account sees masks; the caller owns it. NULL: there is none. */
static json_t *
record(struct request *rq, const struct result *row, int col)
{
	const char *text = result_text(row, 0, col);
	size_t length = text != NULL ? result_length(row, 0, col) : 0;

	if (text != NULL && rq->masked)
		text = mask_json(&rq->arena, text, length, &length);
	return text != NULL ? json_loadb(text, length, 0, NULL) : NULL;
}

static const char *
string_at(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Whether the account may send the write, and the record may be changed. */
static bool
may_write(const struct form *form, bool may_open)
{
	const struct request *rq = form->rq;
	const json_t *o = form->opportunity;
	const char *owner = string_at(json_object_get(o, "advisor"), "id");

	if ((route_needs(form->op->id) & ~permissions_of(rq->who.role, rq->who.rights)) != 0)
		return false;
	if (string_at(form->client, "erased_at") != NULL)
		return false;
	if (o == NULL)
		return form->contact == NULL || may_open;
	return (strcmp(rq->may_change_all, "true") == 0 ||
		   (owner != NULL && strcmp(owner, rq->advisor_id) == 0)) &&
	       json_is_null(json_object_get(o, "voided")) &&
	       json_is_null(json_object_get(json_object_get(o, "closure"), "closed_at"));
}

/* The names of the fields that a final stage still needs. */
static json_t *
missing(struct form *form)
{
	struct faults empty;
	json_t *names = json_array();

	if (form->opportunity != NULL) {
		json_decref(names);
		return json_incref(json_object_get(form->opportunity, "missing"));
	}
	faults_init(&empty, &form->rq->arena, form->rq->language, form->whole);
	rule_needed(0, &empty);
	for (const struct fault *f = empty.first; f != NULL; f = f->next)
		json_array_append_new(names, json_string(f->field));
	return names;
}

static bool
is_of(const char *field, const char *section)
{
	size_t n = strlen(section);

	return strncmp(field, section, n) == 0 && (field[n] == '.' || field[n] == '\0');
}

static bool
is_empty(const json_t *field)
{
	return json_is_null(json_object_get(field, "value"));
}

/* Whether the section has all that a save, and a final stage, need of it. */
static bool
is_complete(const struct form *form, const char *section, const json_t *fields)
{
	json_t *one;

	if (strcmp(section, "client") == 0 && form->client != NULL)
		return true;
	if (strcmp(section, "contact") == 0 && form->contact != NULL)
		return true;
	for (size_t i = 0; (one = json_array_get(form->missing, i)) != NULL; i++) {
		if (is_of(json_string_value(one), section))
			return false;
	}
	for (size_t i = 0; (one = json_array_get(fields, i)) != NULL; i++) {
		if (form->writable && is_empty(one) &&
		    strcmp(string_at(one, "required"), "now") == 0)
			return false;
	}
	return true;
}

/* The words that the advisor says; NULL: none. A client not found yet has the placeholder {client}. */
static const char *
script_of(const struct form *form, const struct section_words *s)
{
	const json_t *advisor = json_object_get(form->contact, "advisor");
	const char *name = string_at(form->client, "name"), *who = string_at(advisor, "username");

	if (s->script[form->rq->language][0] == '\0')
		return NULL;
	if (who == NULL && advisor != NULL)
		who = string_at(advisor, "full_name");
	return message_fill(&form->rq->arena, s->script[form->rq->language],
	    (const char *const[]){
		name != NULL ? name : "{client}", who != NULL ? who : form->username, NULL });
}

static json_t *
sections(const struct form *form)
{
	json_t *list = json_array(), *fields;
	const struct section_words *s;
	struct description rows;

	for (size_t i = 0; (s = message_section(i)) != NULL; i++) {
		const struct schema *schema = describe_named(form->whole->body, s->code);
		json_int_t max = 0;

		if (schema != NULL)
			describe(schema, &rows);
		if (schema != NULL && rows.input == INPUT_ROWS)
			max = (json_int_t)rows.max_items;
		fields = json_object_get(form->fields, s->code);
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s?, s:b, s:o, s:O}", "code", s->code, "title",
			      s->title[form->rq->language], "script", script_of(form, s),
			      "complete", is_complete(form, s->code, fields), "max_rows",
			      max > 0 ? json_integer(max) : json_null(), "fields", fields));
	}
	return list;
}

/* The first field without a value that a save or a final stage needs; then the stage itself. */
static json_t *
next_field(const struct form *form)
{
	const struct section_words *s;
	json_t *one;

	if (!form->writable)
		return json_null();
	for (size_t i = 0; (s = message_section(i)) != NULL; i++) {
		for (size_t k = 0;
		     (one = json_array_get(json_object_get(form->fields, s->code), k)) != NULL;
		     k++) {
			if (json_is_true(json_object_get(one, "visible")) && is_empty(one) &&
			    strcmp(string_at(one, "required"), "no") != 0)
				return json_pack("{s:s, s:s}", "section", s->code, "field",
				    string_at(one, "field"));
		}
	}
	return form->opportunity != NULL
		   ? json_pack("{s:s, s:s}", "section", "closure", "field", "closure.stage")
		   : json_null();
}

static json_t *
can_close(const struct form *form)
{
	json_t *stages = json_object();
	const char *stage;

	for (size_t i = 0; (stage = rule_final_stage(i)) != NULL; i++)
		json_object_set_new(stages, stage,
		    json_boolean(form->writable && form->opportunity != NULL &&
				 json_array_size(form->missing) == 0 &&
				 catalog_offers(form->rq->catalogs, "stage", stage)));
	return stages;
}

/* Where the values go: the operation, and the entity tag that guards it; null if it would be refused. */
static json_t *
write_of(const struct form *form, const struct result *row)
{
	struct request *rq = form->rq;
	const char *href = form->op->path, *tag = NULL;

	if (!form->writable)
		return json_null();
	if (form->opportunity_id != NULL) {
		href = arena_printf(
		    &rq->arena, "/v1/opportunities/%s/typification", form->opportunity_id);
		/* An account that sees masks has no tag that would match. */
		if (!rq->masked)
			tag = arena_printf(&rq->arena, "\"%s\"",
			    entity_tag(&rq->arena, ENTITY_OPPORTUNITY,
				(struct span){ result_text(row, 0, OPPORTUNITY),
				    result_length(row, 0, OPPORTUNITY) }));
	}
	return json_pack("{s:s, s:s, s:s, s:s?}", "operation", form->op->id, "method",
	    form->op->method, "href", href, "if_match", tag);
}

static int
reply_form(struct form *form, const struct result *row)
{
	struct request *rq = form->rq;
	char tag[TEXT_TAG_SIZE];
	const char *text;
	size_t length;
	json_t *answer;

	faults_init(&form->needed, &rq->arena, rq->language, form->whole);
	rule_needed(1, &form->needed);
	form->missing = missing(form);
	form_fields(form);
	answer = json_pack("{s:I, s:o, s:o, s:o, s:o, s:O}", "revision",
	    (json_int_t)catalog_snapshot_revision(rq->catalogs), "write", write_of(form, row),
	    "sections", sections(form), "next", next_field(form), "can_close", can_close(form),
	    "missing", form->missing);
	text = json_text_dump(&rq->arena, answer, &length);
	json_decref(answer);
	json_decref(form->missing);
	json_decref(form->fields);
	/* The records in it are masked already. */
	reply_json_as_is(rq, 200, text, length);
	reply_header(rq, "Content-Language", rq->language == LANGUAGE_ES ? "es" : "en");
	reply_header(rq, "Vary", "Accept-Language");
	text_tag(text, length, tag);
	return reply_tag(rq, tag);
}

/* The write that the form belongs to. */
static const struct operation *
write_for(const struct form *form)
{
	if (form->opportunity != NULL)
		return openapi_operation("typification_put");
	return openapi_operation(
	    form->contact != NULL ? "opportunity_create" : "typification_create");
}

int
form_get(struct request *rq)
{
	static const char *const of[] = { "opportunity_id", "contact_id", "client_id", NULL };
	const char *ids[3], *options = request_query_value(rq, "options");
	struct form form = { .rq = rq, .flat = options != NULL && strcmp(options, "codes") == 0 };
	auto_result struct result *row = NULL;
	int given = 0, status;

	for (size_t i = 0; of[i] != NULL; i++)
		given += (ids[i] = request_query_value(rq, of[i])) != NULL;
	if (given > 1) {
		faults_add(&rq->faults, "#", TEXT_form_one_of)->allowed = of;
		return reply_faults(rq);
	}
	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	if (rq->catalogs == NULL)
		return reply_problem(rq, "not_ready");
	row = request_query(rq, &sql_form_get, ids[0], ids[1], ids[2], rq->advisor_id,
	    rq->may_change_all, rq->on_behalf);
	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0 || (given > 0 && result_text(row, 0, CLIENT_ID) == NULL))
		return reply_problem(rq, "not_found");
	form.client = record(rq, row, CLIENT);
	form.contact = record(rq, row, CONTACT);
	form.opportunity = record(rq, row, OPPORTUNITY);
	form.client_id = string_at(form.client, "id");
	form.contact_id = string_at(form.contact, "id");
	form.opportunity_id = string_at(form.opportunity, "id");
	form.username = result_text(row, 0, USERNAME);
	form.op = write_for(&form);
	form.whole = openapi_operation("typification_create");
	form.writable = may_write(&form, result_true(row, 0, MAY_OPEN));
	if (form.client_id != NULL)
		rq->shown = arena_copy(&rq->arena, form.client_id, strlen(form.client_id));
	status = reply_form(&form, row);
	json_decref(form.client);
	json_decref(form.contact);
	json_decref(form.opportunity);
	return status;
}
