#include "spec/describe.h"

#include <stdint.h>
#include <string.h>

#include "spec/schema.h"

static enum input
input_of(const struct schema *s)
{
	if ((s->types & TYPE_OBJECT) != 0)
		return INPUT_GROUP;
	if ((s->types & TYPE_ARRAY) != 0)
		return (s->items->types & TYPE_OBJECT) != 0 ? INPUT_ROWS : INPUT_LIST;
	if (s->catalog != NULL)
		return INPUT_CHOICE;
	if ((s->types & TYPE_BOOLEAN) != 0)
		return INPUT_BOOLEAN;
	if ((s->types & (TYPE_INTEGER | TYPE_NUMBER)) != 0)
		return INPUT_INTEGER;
	if (s->format == FORMAT_DATE)
		return INPUT_DATE;
	if (s->format == FORMAT_EMAIL)
		return INPUT_EMAIL;
	if (s->format == FORMAT_DIGITS)
		return INPUT_ID;
	return s->field != NULL && s->field == field_named("phone") ? INPUT_PHONE : INPUT_TEXT;
}

/* A field type with a fixed form says more than the schema, whose pattern allows what people type. */
static void
describe_text(const struct schema *s, struct description *d)
{
	struct field_form form = { .pattern = NULL };

	if (s->field != NULL) {
		form = field_form(s->field);
		field_days(s->field, d->first_day, d->last_day);
	}
	d->pattern = form.pattern != NULL ? form.pattern : s->pattern;
	d->min_length = form.pattern != NULL ? form.min_length : s->min_length;
	d->max_length = form.pattern != NULL ? form.max_length : s->max_length;
}

void
describe(const struct schema *s, struct description *ret_description)
{
	const struct schema *value = s;

	memset(ret_description, 0, sizeof(*ret_description));
	ret_description->input = input_of(s);
	ret_description->nullable = (s->types & TYPE_NULL) != 0;
	ret_description->max_items = s->max_items;
	ret_description->rule = s->rule;
	if (ret_description->input == INPUT_ROWS)
		ret_description->items = s->items;
	if (ret_description->input == INPUT_LIST)
		value = s->items;
	ret_description->catalog = value->catalog;
	ret_description->max_length = SIZE_MAX;
	if ((value->types & TYPE_STRING) != 0)
		describe_text(value, ret_description);
	ret_description->minimum = value->minimum;
	ret_description->maximum = value->maximum;
}

const struct schema *
describe_member(const struct schema *s, size_t i, const char **ret_name)
{
	if (i >= s->nproperties)
		return NULL;
	*ret_name = s->properties[i].name;
	return s->properties[i].schema;
}

const struct schema *
describe_named(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->nproperties; i++) {
		if (strcmp(s->properties[i].name, name) == 0)
			return s->properties[i].schema;
	}
	return NULL;
}

size_t
describe_count(const struct schema *s)
{
	return s->nproperties;
}

static bool
lists(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

bool
describe_requires(const struct schema *s, const char *name)
{
	return lists(s->required, name);
}

bool
describe_excludes(const struct schema *s, const char *given, const char *name)
{
	bool alone = false;

	for (const char *const **branch = s->one_of; branch != NULL && *branch != NULL; branch++) {
		if (lists(*branch, given))
			alone |= !lists(*branch, name);
	}
	if (!alone)
		return false;
	for (const char *const **branch = s->one_of; *branch != NULL; branch++) {
		if (lists(*branch, name))
			return true;
	}
	return false;
}
