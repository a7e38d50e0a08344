#include "transfer/import_words.h"

#include <jansson.h>
#include <string.h>

#include "base/json_text.h"
#include "resource/constraints.h"

static const struct {
	const char *name;
	enum text text;
} found[] = {
	{ "import_document_repeated", TEXT_import_document_repeated },
	{ "import_external_id_repeated", TEXT_import_external_id_repeated },
	{ "import_external_id_elsewhere", TEXT_import_external_id_elsewhere },
	{ "import_external_id_stays", TEXT_import_external_id_stays },
	{ "import_choice_unknown", TEXT_import_choice_unknown },
	{ "import_conflict", TEXT_import_conflict },
	{ "import_refused", TEXT_import_refused },
	{ "import_client_merged", TEXT_import_client_merged },
	{ "import_client_erased", TEXT_import_client_erased },
	{ "import_id_repeated", TEXT_import_id_repeated },
	{ "import_client_unknown", TEXT_import_client_unknown },
	{ "import_advisor_unknown", TEXT_import_advisor_unknown },
	{ "import_advisor_ambiguous", TEXT_import_advisor_ambiguous },
	{ "import_future", TEXT_import_future },
	{ "import_not_closed", TEXT_import_not_closed },
	{ "import_closed_before", TEXT_import_closed_before },
	{ "import_opportunity_differs", TEXT_import_opportunity_differs },
};

static const struct {
	const char *constraint, *problem, *field;
	enum text text;
} constraints[] = {
#define C(constraint, problem, field, text) { #constraint, problem, field, text },
	CONSTRAINTS(C)
#undef C
};

/* The text with the field's label in place of {1}. */
static const char *
worded(struct arena *arena, enum language language, enum text text, const char *field)
{
	const struct label *l = message_label(field);
	const char *const args[] = { l != NULL ? l->words[language] : field, NULL };

	return message_write(arena, language, text, args);
}

const char *
import_words(enum language language, struct arena *arena)
{
	json_t *words = json_object();
	size_t length;
	const char *text;

	for (size_t i = 0; i < NITEMS(found); i++)
		json_object_set_new(words, found[i].name,
		    json_pack("{s:s, s:s}", "code", message_code(found[i].text), "detail",
			message_words(found[i].text, language)));
	for (size_t i = 0; i < NITEMS(constraints); i++) {
		const char *dot =
		    constraints[i].field != NULL ? strchr(constraints[i].field, '.') : NULL;

		if (dot != NULL)
			json_object_set_new(words, constraints[i].constraint,
			    json_pack("{s:s, s:s, s:s}", "code", message_code(constraints[i].text),
				"detail",
				worded(arena, language, constraints[i].text, constraints[i].field),
				"field", dot + 1));
	}
	text = json_text_dump(arena, words, &length);
	json_decref(words);
	return arena_copy(arena, text, length);
}
