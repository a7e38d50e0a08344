/*
 * The validator on any value, with a schema of every keyword: the faults are well formed,
 * and validating a normalised value again changes nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/text.h"
#include "spec/schema_compile.h"
#include "spec/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The server's limit too: jansson recurses once a level. */
#define DEPTH_MAX 32

/* Every keyword of the supported subset, with short names that the fuzzer finds easily. */
static const char document[] =
    "{\"components\": {\"schemas\": {\"S\": {\"type\": \"string\", \"minLength\": 2, "
    "\"maxLength\": 8,"
    "  \"pattern\": \"^[0-9a-f]+(x|y)?[^ ]*$\", \"x-words\": \"word_form\"}}},"
    " \"schema\": {\"type\": [\"object\", \"array\", \"null\"], \"required\": [\"a\"], "
    "\"minProperties\": 1,"
    "  \"additionalProperties\": false, \"x-rule\": \"r\", \"title\": \"t\", \"readOnly\": false,"
    "  \"writeOnly\": false, \"deprecated\": false, \"example\": 1, \"minItems\": 1, \"maxItems\": "
    "5,"
    "  \"uniqueItems\": true, \"items\": {\"$ref\": \"#/components/schemas/S\", \"default\": "
    "\"00\","
    "   \"examples\": []},"
    "  \"oneOf\": [{\"required\": [\"a\", \"b\"]}, {\"required\": [\"c\"]}],"
    "  \"properties\": {\"a\": {\"type\": \"integer\", \"minimum\": -5, \"maximum\": 1e3},"
    "   \"b\": {\"type\": \"string\", \"x-catalog\": \"k\", \"maxLength\": 20},"
    "   \"c\": {\"enum\": [\"x\", 1, null, [1, {\"y\": 2}]]}, \"d\": {\"const\": {\"z\": true}},"
    "   \"e\": {\"type\": \"string\", \"format\": \"email\"}, \"f\": {\"type\": \"string\", "
    "\"format\": \"date\"},"
    "   \"g\": {\"type\": \"string\", \"format\": \"digits\"}, \"h\": {\"type\": \"number\", "
    "\"minimum\": 0.5},"
    "   \"p\": {\"type\": [\"string\", \"null\"], \"x-field\": \"phone\"},"
    "   \"n\": {\"type\": \"string\", \"x-field\": \"name\"}, \"l\": {\"maxItems\": 9,"
    "    \"items\": {\"type\": [\"string\", \"integer\"], \"x-field\": \"date\"}},"
    "   \"i\": {\"type\": \"boolean\"}, \"~/ %\": {\"items\": {\"$ref\": "
    "\"#/components/schemas/S\"}},"
    "   \"k\": {\"type\": \"object\", \"additionalProperties\": true}}}}";

static void
choice(const char *catalog, const char *code, const char *pointer, struct faults *fs, void *arg)
{
	(void)catalog;
	(void)arg;
	if (text_length(code) > 20)
		abort();
	faults_add(fs, pointer, TEXT_choice_unknown, code)->level = 1;
}

static void
rule(const char *name, const json_t *object, const char *pointer, struct faults *fs, void *arg)
{
	(void)name;
	(void)arg;
	if (!json_is_object(object))
		abort();
	faults_add(fs, pointer, TEXT_right_range);
}

static bool
is_deep(const uint8_t *data, size_t size)
{
	bool in_string = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < size && depth <= DEPTH_MAX; i++) {
		if (data[i] == '"')
			in_string = !in_string;
		else if (in_string && data[i] == '\\')
			i++;
		else if (!in_string && (data[i] == '[' || data[i] == '{'))
			depth++;
		else if (!in_string && (data[i] == ']' || data[i] == '}'))
			depth--;
	}
	return depth > DEPTH_MAX;
}

static void
check_faults(const struct faults *fs)
{
	const struct fault *f;
	int n = 0;

	for (f = fs->first; f != NULL; f = f->next, n++)
		if (f->pointer[0] != '#' || f->code[0] == '\0' || f->detail[0] == '\0')
			abort();
	if (n != fs->count || n > FAULTS_MAX)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *schema;
	static json_t *root;
	const struct validate_hooks hooks = { choice, rule, NULL };
	struct arena arena;
	struct faults faults;
	char why[256], *text;
	json_t *value;

	if (schema == NULL) {
		root = json_loads(document, JSON_REJECT_DUPLICATES, NULL);
		schema =
		    schema_compile(root, json_object_get(root, "schema"), NULL, why, sizeof(why));
		if (schema == NULL) {
			fprintf(stderr, "%s\n", why);
			abort();
		}
	}
	arena_init(&arena);
	faults_init(&faults, &arena, size % 2 == 0 ? LANGUAGE_EN : LANGUAGE_ES, NULL);

	/* The same bytes as text, decoded first, as for a parameter. */
	text = arena_copy(&arena, (const char *)data, size);
	if (text_percent_decode(text, true)) {
		validate_text(schema, text, "#", &hooks, &faults);
		if (!text_is_utf8(text, strlen(text)))
			abort();
	}
	if (!is_deep(data, size)) {
		value = json_loadb(
		    (const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		/* A value in its normal form does not change. */
		if (value != NULL) {
			validate(schema, value, "#", &hooks, &faults);
			if (faults.count < FAULTS_MAX &&
			    validate(schema, value, "#", &hooks, &faults))
				abort();
		}
		json_decref(value);
	}
	check_faults(&faults);
	arena_free(&arena);
	return 0;
}
