#include <stdint.h>
#include <string.h>

#include "catalog/catalog.h"
#include "resource/form.h"
#include "resource/rules.h"
#include "spec/describe.h"
#include "spec/field_name.h"

/* A place in the body of the write, while its schema is walked. */
struct place {
	const struct schema *schema;
	const char *name; /* the last step of the pointer */
	const char *pointer; /* in the body */
	const char
	    *refused; /* the pointer at which the write refuses the place; NULL: it takes it */
	const json_t *record; /* what is stored at the same place; NULL: nothing */
	const struct description *group; /* of the object that has it as a member */
	int row; /* of the grid; -1: none */
	bool needed; /* the write is refused without the group */
	bool required; /* the group is refused without it */
	bool alone; /* the group has no other member */
};

static void walk(struct form *form, const struct place *place);

static const char *const type_names[] = { "group", "rows", "list", "choice", "boolean", "integer",
	"date", "email", "phone", "id", "text" };

/* Sets a member to a string, or to null. */
static void
set_text(json_t *object, const char *name, const char *text)
{
	json_object_set_new(
	    object, name, text != NULL && text[0] != '\0' ? json_string(text) : json_null());
}

static void
set_size(json_t *object, const char *name, size_t n)
{
	json_object_set_new(
	    object, name, n != SIZE_MAX ? json_integer((json_int_t)n) : json_null());
}

/* The field name of a sibling. */
static const char *
sibling(struct form *form, const char *field, const char *name)
{
	size_t n = (size_t)(strrchr(field, '.') - field);

	return name != NULL ? arena_printf(&form->rq->arena, "%.*s.%s", (int)n, field, name) : NULL;
}

/* What people call the group inside a section that has the field: "client.sales" of "client.sales.plan". */
static const char *
group_label(struct form *form, const char *field)
{
	const char *dot = strchr(field, '.'), *last = strrchr(field, '.');
	const struct label *l;

	if (dot == last)
		return NULL;
	l = message_label(arena_printf(&form->rq->arena, "%.*s", (int)(last - field), field));
	return l != NULL ? l->words[form->rq->language] : NULL;
}

static bool
is_needed(const struct form *form, const char *field)
{
	for (const struct fault *f = form->needed.first; f != NULL; f = f->next) {
		if (strcmp(f->field, field) == 0)
			return true;
	}
	return false;
}

/*
 * now: the write refuses the field empty. A field that is alone in a section that may be left out is
 * not: without a value there is no section.
 */
static const char *
required_of(
    const struct form *form, const struct place *p, const struct description *d, const char *field)
{
	bool empty_refused = p->required || (!d->nullable && d->input != INPUT_LIST);

	if (empty_refused && (p->needed || !p->alone))
		return "now";
	return is_needed(form, field) ? "to_close" : "no";
}

/* The bounds of an integer, of a list's length, of a date. */
static void
set_bounds(json_t *field, const struct place *p, const struct description *d)
{
	char last[CLOCK_DAY_SIZE];

	json_object_set_new(
	    field, "minimum", d->minimum != NULL ? json_copy((json_t *)d->minimum) : json_null());
	if (d->input == INPUT_LIST)
		set_size(field, "maximum", d->max_items);
	else
		json_object_set_new(field, "maximum",
		    d->maximum != NULL ? json_copy((json_t *)d->maximum) : json_null());
	rule_last_day(p->group->rule, p->name, last);
	set_text(field, "first_day", d->first_day);
	set_text(field, "last_day", last[0] != '\0' ? last : d->last_day);
}

/* A choice is stored with its labels, and written as its code. */
static json_t *
value_of(const json_t *stored)
{
	json_t *code = json_object_get(stored, "code");

	if (stored == NULL)
		return json_null();
	return json_deep_copy(code != NULL ? code : stored);
}

/* A change may keep what the record holds: its value, and in the grid the value of any row. */
static json_t *
choices(struct form *form, const struct place *p, const struct description *d)
{
	json_t *held = json_array(), *row, *options;

	if (form->opportunity != NULL && p->row < 0)
		json_array_append(held, (json_t *)p->record);
	for (size_t i = 0;
	     (row = json_array_get(json_object_get(form->opportunity, "actions"), i)) != NULL;
	     i++) {
		if (p->row >= 0)
			json_array_append(held, json_object_get(row, p->name));
	}
	options = catalog_options(form->rq->catalogs, d->catalog, held, form->flat);
	json_decref(held);
	return options;
}

static void
add_field(struct form *form, const struct place *p, const struct description *d, const char *name)
{
	enum language l = form->rq->language;
	bool visible = form->writable && p->refused == NULL;
	json_t *field = json_object(), *options = NULL, *list;
	const char *section = arena_printf(&form->rq->arena, "%.*s", (int)strcspn(name, "."), name);

	if (visible && d->catalog != NULL) {
		options = choices(form, p, d);
		visible = json_array_size(options) > 0;
	}
	set_text(field, "field", name);
	set_text(field, "pointer", p->refused != NULL ? p->refused : p->pointer);
	set_text(field, "label", faults_label(&form->needed, name));
	set_text(field, "group", group_label(form, name));
	set_text(field, "help", message_help(name, l));
	set_text(field, "type", type_names[d->input]);
	set_text(field, "catalog", d->catalog);
	json_object_set_new(field, "levels",
	    d->catalog != NULL ? catalog_titles(form->rq->catalogs, d->catalog) : json_null());
	set_text(field, "depends_on", sibling(form, name, rule_depends(p->group->rule, p->name)));
	set_text(field, "required", required_of(form, p, d, name));
	json_object_set_new(field, "visible", json_boolean(visible));
	set_text(field, "pattern", d->pattern);
	set_size(field, "min_length", d->min_length > 0 ? d->min_length : SIZE_MAX);
	set_size(field, "max_length", d->input != INPUT_CHOICE ? d->max_length : SIZE_MAX);
	set_bounds(field, p, d);
	json_object_set_new(field, "row", p->row >= 0 ? json_integer(p->row) : json_null());
	json_object_set_new(field, "value", value_of(p->record));
	json_object_set_new(field, "options", options != NULL ? options : json_null());

	list = json_object_get(form->fields, section);
	if (list != NULL)
		json_array_append_new(list, field);
	else
		json_decref(field);
}

/* A derived member of a record, such as the birthday, which no write takes. */
static void
add_derived(struct form *form, const struct place *p, const char *name, const json_t *value)
{
	const struct description *group = p->group;
	struct description d = { .input = INPUT_TEXT, .nullable = true, .max_length = SIZE_MAX };
	struct place place = *p;
	const char *pointer = arena_printf(&form->rq->arena, "%s/%s", p->pointer, name);
	const char *field = field_of(form->whole, pointer, &form->rq->arena);

	if (json_is_object(value) || message_label(field) == NULL)
		return;
	if (json_is_boolean(value))
		d.input = INPUT_BOOLEAN;
	place.name = name;
	place.pointer = pointer;
	place.record = value;
	place.group = group;
	place.required = place.needed = false;
	add_field(form, &place, &d, field);
}

/* The members of an object: first those that only the record has, then those of the schema. */
static void
walk_group(struct form *form, const struct place *p, const struct description *d)
{
	const struct schema *member;
	const char *name;
	json_t *value;

	if (p->refused != NULL) {
		struct place derived = *p;

		derived.group = d;
		json_object_foreach ((json_t *)p->record, name, value) {
			if (describe_named(p->schema, name) == NULL)
				add_derived(form, &derived, name, value);
		}
	}
	for (size_t i = 0; (member = describe_member(p->schema, i, &name)) != NULL; i++) {
		const struct place place = {
			.schema = member,
			.name = name,
			.pointer = arena_printf(&form->rq->arena, "%s/%s", p->pointer, name),
			.refused = p->refused,
			.record = json_object_get(p->record, name),
			.group = d,
			.row = p->row,
			.needed = p->needed,
			.required = describe_requires(p->schema, name),
			.alone = describe_count(p->schema) == 1,
		};

		walk(form, &place);
	}
}

/* One group of fields for each row that is stored, and one for a new row if there is none. */
static void
walk_rows(struct form *form, const struct place *p, const struct description *d)
{
	size_t n = json_array_size(p->record);

	for (size_t i = 0; i < (n > 0 ? n : 1); i++) {
		struct place place = *p;

		place.schema = d->items;
		place.pointer = arena_printf(&form->rq->arena, "%s/%zu", p->pointer, i);
		place.record = json_array_get(p->record, i);
		place.row = (int)i;
		place.needed = false;
		walk(form, &place);
	}
}

static void
walk(struct form *form, const struct place *p)
{
	struct description d;

	describe(p->schema, &d);
	if (d.input == INPUT_GROUP) {
		struct place place = *p;

		place.needed = p->needed && p->required;
		walk_group(form, &place, &d);
	} else if (d.input == INPUT_ROWS) {
		walk_rows(form, p, &d);
	} else {
		add_field(form, p, &d, field_of(form->whole, p->pointer, &form->rq->arena));
	}
}

/* The record that a member of the body is stored in, at the same path. */
static const json_t *
record_of(const struct form *form, const char *name)
{
	if (strcmp(name, "client") == 0)
		return form->client;
	if (strcmp(name, "contact") == 0)
		return form->contact;
	return json_object_get(form->opportunity, name);
}

/* The member of the body that the form has already decided by its record: the client or the contact found. */
static const char *
given(const struct form *form)
{
	return form->client_id != NULL ? "client_id" : "client";
}

static void
walk_member(struct form *form, const char *name, const struct description *body)
{
	const struct schema *own = describe_named(form->op->body, name),
			    *schema = own != NULL ? own : describe_named(form->whole->body, name);
	bool excluded = own != NULL && describe_excludes(form->op->body, given(form), name);
	json_t *id = NULL;
	struct place p = {
		.schema = schema,
		.name = name,
		.pointer = arena_printf(&form->rq->arena, "#/%s", name),
		.record = record_of(form, name),
		.group = body,
		.row = -1,
		.needed = true,
		.required = own != NULL && (describe_requires(form->op->body, name) ||
					       strcmp(name, given(form)) == 0),
	};

	/* Integrations alone may use these, and no form is drawn for them. */
	if (strcmp(name, "advisor") == 0 || strcmp(name, "occurred_at") == 0)
		return;
	/* The id of a record found is a field only where the write takes it. */
	if (!field_section_known(name) && (own == NULL || excluded))
		return;
	if (own == NULL)
		p.refused = p.pointer;
	else if (excluded)
		p.refused = "#";
	if (strcmp(name, "client_id") == 0)
		p.record = id = json_string(form->client_id);
	else if (strcmp(name, "contact_id") == 0)
		p.record = id = json_string(form->contact_id);
	walk(form, &p);
	json_decref(id);
}

void
form_fields(struct form *form)
{
	struct description body;
	const struct section_words *s;
	const char *name;

	describe(form->op->body, &body);
	form->fields = json_object();
	for (size_t i = 0; (s = message_section(i)) != NULL; i++)
		json_object_set_new(form->fields, s->code, json_array());
	for (size_t i = 0; describe_member(form->op->body, i, &name) != NULL; i++) {
		if (describe_named(form->whole->body, name) == NULL)
			walk_member(form, name, &body);
	}
	for (size_t i = 0; describe_member(form->whole->body, i, &name) != NULL; i++)
		walk_member(form, name, &body);
}
