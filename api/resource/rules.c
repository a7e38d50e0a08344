#include "resource/rules.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "field/field.h"
#include "resource/missing.h"
#include "spec/validate.h"

static const char *
at(struct faults *fs, const char *pointer, const char *member)
{
	return arena_printf(fs->arena, "%s/%s", pointer, member);
}

void
rule_document(const char *type, const char *number, const char *pointer, struct faults *fs)
{
	enum text fault = document_fault(type, number);

	/* One of the texts has a parameter {1}: the number with a leading zero. */
	if (fault != TEXT_NONE)
		faults_add(fs, pointer, fault, arena_printf(fs->arena, "0%s", number));
}

static void
client(const json_t *object, const char *pointer, struct faults *fs)
{
	const char *type = json_string_value(json_object_get(object, "document_type"));
	const char *number = json_string_value(json_object_get(object, "document_number"));
	const char *birth_date = json_string_value(json_object_get(object, "birth_date"));
	char day[CLOCK_DAY_SIZE];

	/* A malformed number already has a fault. */
	if (type != NULL && number != NULL &&
	    field_fault(field_named("document_number"), number) == TEXT_NONE)
		rule_document(type, number, at(fs, pointer, "document_number"), fs);
	clock_desk_day(day);
	if (birth_date != NULL && text_is_date(birth_date) && strcmp(birth_date, day) > 0)
		faults_add(fs, at(fs, pointer, "birth_date"), TEXT_birth_date_future);
}

static void
account(const json_t *object, const char *pointer, struct faults *fs)
{
	const char *role = json_string_value(json_object_get(object, "role"));
	const char *username = json_string_value(json_object_get(object, "username"));
	bool has_password = json_object_get(object, "password") != NULL;

	if (role == NULL)
		return;
	if (strcmp(role, "integration") == 0) {
		if (has_password)
			faults_add(fs, at(fs, pointer, "password"), TEXT_password_of_integration);
		return;
	}
	if (!has_password)
		faults_add(fs, at(fs, pointer, "password"), TEXT_required,
		    faults_label_inside(fs, "password"));
	/* A malformed username already has a fault. */
	if (username != NULL && username[0] != 'E' &&
	    field_fault(field_named("username"), username) == TEXT_NONE)
		faults_add(fs, at(fs, pointer, "username"), TEXT_username_of_person,
		    faults_label(fs, "username"));
}

static void
ownership_check(const json_t *object, const char *pointer, struct faults *fs)
{
	const json_t *asked = json_object_get(object, "asked"),
		     *right = json_object_get(object, "right");

	if (json_is_integer(asked) && json_is_integer(right) &&
	    json_integer_value(right) > json_integer_value(asked))
		faults_add(fs, at(fs, pointer, "right"), TEXT_right_range);
}

static const char *const final_stages[] = { "retenido", "no-retenido" };

const char *
rule_final_stage(size_t i)
{
	return i < NITEMS(final_stages) ? final_stages[i] : NULL;
}

bool
rule_is_final(const char *stage)
{
	size_t n = strcspn(stage, ".,");

	for (size_t i = 0; i < NITEMS(final_stages); i++) {
		if (n == strlen(final_stages[i]) && strncmp(stage, final_stages[i], n) == 0)
			return true;
	}
	return false;
}

static bool
has_value(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	return value != NULL && !json_is_null(value);
}

static void
typification_create(const json_t *object, const char *pointer, struct faults *fs)
{
	const json_t *closure = json_object_get(object, "closure"),
		     *actions = json_object_get(object, "actions");
	const char *stage = json_string_value(json_object_get(closure, "stage"));

	(void)pointer;
	if (stage == NULL || !rule_is_final(stage))
		return;
	if (actions == NULL || (json_is_array(actions) && json_array_size(actions) == 0))
		missing_add(fs, "actions");
	for (size_t i = 0; i < json_array_size(actions); i++) {
		const json_t *row = json_array_get(actions, i);

		if (json_is_object(row) && !has_value(row, "final_state"))
			missing_add(fs, arena_printf(fs->arena, "actions/%zu/final_state", i));
	}
	if (!has_value(object, "diagnosis"))
		missing_add(fs, "diagnosis");
	if (!has_value(object, "competitor_offer"))
		missing_add(fs, "competitor_offer");
	if (!has_value(closure, "advertising_acceptance"))
		missing_add(fs, "advertising_acceptance");
}

void
rule_needed(int rows, struct faults *fs)
{
	json_t *grid = json_array(), *form = json_pack("{s:{s:s}, s:o}", "closure", "stage",
					 final_stages[0], "actions", grid);

	for (int i = 0; i < rows; i++)
		json_array_append_new(grid, json_object());
	typification_create(form, "#", fs);
	json_decref(form);
}

/* Which values one member allows another to have, in the rules above. */
static const struct {
	const char *rule, *member, *on;
} dependencies[] = {
	{ "client", "document_number", "document_type" },
	{ "ownership_check", "right", "asked" },
};

const char *
rule_depends(const char *rule, const char *member)
{
	for (size_t i = 0; rule != NULL && i < NITEMS(dependencies); i++) {
		if (strcmp(dependencies[i].rule, rule) == 0 &&
		    strcmp(dependencies[i].member, member) == 0)
			return dependencies[i].on;
	}
	return NULL;
}

void
rule_last_day(const char *rule, const char *member, char ret_day[static CLOCK_DAY_SIZE])
{
	ret_day[0] = '\0';
	if (rule != NULL && strcmp(rule, "client") == 0 && strcmp(member, "birth_date") == 0)
		clock_desk_day(ret_day);
}

static const struct {
	const char *name;
	void (*check)(const json_t *object, const char *pointer, struct faults *fs);
} rules[] = {
	{ "account", account },
	{ "client", client },
	{ "ownership_check", ownership_check },
	{ "typification_create", typification_create },
};

bool
rule_known(const char *name)
{
	for (size_t i = 0; i < NITEMS(rules); i++) {
		if (strcmp(rules[i].name, name) == 0)
			return true;
	}
	return false;
}

void
rule_check(const char *name, const json_t *object, const char *pointer, struct faults *fs)
{
	for (size_t i = 0; i < NITEMS(rules); i++) {
		if (strcmp(rules[i].name, name) == 0)
			rules[i].check(object, pointer, fs);
	}
}
