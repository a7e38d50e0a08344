#include "resource/rules.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "resource/missing.h"
#include "spec/validate.h"

static bool
is_digits(const char *s, size_t length)
{
	return strlen(s) == length && strspn(s, "0123456789") == length;
}

static const char *
at(struct faults *fs, const char *pointer, const char *member)
{
	return arena_printf(fs->arena, "%s/%s", pointer, member);
}

#define DAY_SIZE 16
/* America/Lima has no daylight saving time. */
#define LIMA_FROM_UTC_S (-5 * 3600)

/* The day it is at the desk, YYYY-MM-DD. */
static const char *
today(char ret_day[static DAY_SIZE])
{
	time_t there = (time_t)clock_epoch_s() + LIMA_FROM_UTC_S;
	struct tm tm;

	gmtime_r(&there, &tm);
	strftime(ret_day, DAY_SIZE, "%Y-%m-%d", &tm);
	return ret_day;
}

/* Nothing is to be seen in it: blanks, tabs, line ends and no-break spaces alone. */
static bool
is_blank(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)s[0] == 0xC2 && (unsigned char)s[1] == 0xA0)
			s++;
		else if ((unsigned char)*s > ' ' && *s != 127)
			return false;
	}
	return true;
}

static void
client(const json_t *object, const char *pointer, struct faults *fs)
{
	const char *type = json_string_value(json_object_get(object, "document_type"));
	const char *number = json_string_value(json_object_get(object, "document_number"));
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *birth_date = json_string_value(json_object_get(object, "birth_date"));
	enum text must = TEXT_NONE;
	char day[DAY_SIZE];

	if (type != NULL && number != NULL) {
		if (strcmp(type, "dni") == 0 && !is_digits(number, 8))
			must = TEXT_document_dni;
		else if (strcmp(type, "ruc") == 0 && !text_is_ruc(number))
			must = TEXT_document_ruc;
		else if ((strcmp(type, "ce") == 0 || strcmp(type, "pasaporte") == 0) &&
			 strlen(number) > 12)
			must = TEXT_document_other;
	}
	if (must != TEXT_NONE)
		faults_add(fs, at(fs, pointer, "document_number"), must);
	/* Spaces alone, and nothing at all, the schema refuses. */
	if (name != NULL && name[strspn(name, " ")] != '\0' && is_blank(name))
		faults_add(
		    fs, at(fs, pointer, "name"), TEXT_name_form, faults_label(fs, "client.name"));
	if (birth_date != NULL && text_is_date(birth_date) && strcmp(birth_date, today(day)) > 0)
		faults_add(fs, at(fs, pointer, "birth_date"), TEXT_birth_date_future);
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

/* As is_final() in the database: RETENIDO and NO RETENIDO, and any detail of theirs. */
static bool
is_final(const char *stage)
{
	size_t n = strcspn(stage, ".");

	return (n == strlen("retenido") && strncmp(stage, "retenido", n) == 0) ||
	       (n == strlen("no-retenido") && strncmp(stage, "no-retenido", n) == 0);
}

static bool
is_there(const json_t *object, const char *member)
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
	if (stage == NULL || !is_final(stage))
		return;
	if (actions == NULL || (json_is_array(actions) && json_array_size(actions) == 0))
		missing_add(fs, "actions");
	for (size_t i = 0; i < json_array_size(actions); i++) {
		const json_t *row = json_array_get(actions, i);

		if (json_is_object(row) && !is_there(row, "final_state"))
			missing_add(fs, arena_printf(fs->arena, "actions/%zu/final_state", i));
	}
	if (!is_there(object, "diagnosis"))
		missing_add(fs, "diagnosis");
	if (!is_there(object, "competitor_offer"))
		missing_add(fs, "competitor_offer");
	if (!is_there(closure, "advertising_acceptance"))
		missing_add(fs, "advertising_acceptance");
}

static const struct {
	const char *name;
	void (*check)(const json_t *object, const char *pointer, struct faults *fs);
} rules[] = {
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
