#include "spec/keyword.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "spec/compiler.h"
#include "spec/pattern.h"
#include "spec/schema.h"

static const struct {
	const char *name;
	enum text words;
	unsigned type;
} type_names[] = {
	{ "object", TEXT_an_object, TYPE_OBJECT },
	{ "array", TEXT_an_array, TYPE_ARRAY },
	{ "string", TEXT_a_string, TYPE_STRING },
	{ "integer", TEXT_an_integer, TYPE_INTEGER },
	{ "number", TEXT_a_number, TYPE_NUMBER },
	{ "boolean", TEXT_true_or_false, TYPE_BOOLEAN },
	{ "null", TEXT_null, TYPE_NULL },
};

struct keyword {
	const char *name;
	int (*read)(struct compiler *c, struct schema *s, const json_t *value, size_t offset);
	size_t offset; /* of the member of struct schema, for readers that serve several keywords */
};

static int
read_nothing(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)c;
	(void)s;
	(void)value;
	(void)offset;
	return 0;
}

/* Appends a separator (TEXT_NONE: nothing) and a piece to a text, in each language. */
static void
add_words(struct compiler *c, const char *texts[static LANGUAGES], enum text separator,
    const char *const pieces[static LANGUAGES])
{
	for (enum language l = 0; l < LANGUAGES; l++)
		texts[l] = arena_printf(c->arena, "%s%s%s", texts[l] != NULL ? texts[l] : "",
		    message_words(separator, l), pieces[l]);
}

static int
read_type(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	size_t n = json_is_array(value) ? json_array_size(value) : 1, i, k;
	const char *name;

	(void)offset;
	for (i = 0; i < n; i++) {
		name = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
		for (k = 0; k < NITEMS(type_names); k++)
			if (name != NULL && strcmp(name, type_names[k].name) == 0)
				break;
		if (k == NITEMS(type_names))
			return compiler_fail(c, "unknown type \"%s\"", name != NULL ? name : "");
		s->types |= type_names[k].type;
		add_words(c, s->types_text, i > 0 ? TEXT_or : TEXT_NONE,
		    (const char *const[]){ message_words(type_names[k].words, LANGUAGE_EN),
			message_words(type_names[k].words, LANGUAGE_ES) });
	}
	if (n == 0)
		return compiler_fail(c, "an empty list of types");
	return 0;
}

static int
read_names(struct compiler *c, const json_t *value, const char *const **ret_names)
{
	size_t n = json_array_size(value), i;
	const char **names = compiler_alloc(c, n + 1, sizeof(*names));

	if (!json_is_array(value) || n == 0)
		return compiler_fail(c, "\"required\" must be a list of names");
	for (i = 0; i < n; i++)
		if ((names[i] = json_string_value(json_array_get(value, i))) == NULL)
			return compiler_fail(c, "\"required\" must be a list of names");
	*ret_names = names;
	return 0;
}

static int
read_required(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	return read_names(c, value, &s->required);
}

static int
read_additional(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	if (!json_is_boolean(value))
		return compiler_fail(c, "\"additionalProperties\" must be true or false");
	s->closed = json_is_false(value);
	return 0;
}

static int
read_count(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return compiler_fail(c, "a length or count must be an integer, 0 or more");
	*(size_t *)(void *)((char *)s + offset) = (size_t)json_integer_value(value);
	return 0;
}

static int
read_bound(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	if (!json_is_number(value))
		return compiler_fail(c, "\"minimum\" and \"maximum\" must be numbers");
	*(const json_t **)(void *)((char *)s + offset) = value;
	return 0;
}

static int
read_unique(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	if (!json_is_boolean(value))
		return compiler_fail(c, "\"uniqueItems\" must be true or false");
	s->unique_items = json_is_true(value);
	return 0;
}

static int
read_personal(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	if (!json_is_boolean(value))
		return compiler_fail(c, "\"x-personal\" must be true or false");
	s->personal = json_is_true(value);
	return 0;
}

static int
read_pattern(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	const char *pattern = json_string_value(value), *why;
	char text[128];
	int error;

	(void)offset;
	if (pattern == NULL)
		return compiler_fail(c, "\"pattern\" must be a string");
	if ((why = pattern_check(pattern)) != NULL)
		return compiler_fail(c, "pattern %s has %s", pattern, why);
	if ((error = regcomp(&s->regex, pattern, REG_EXTENDED | REG_NOSUB)) != 0) {
		regerror(error, &s->regex, text, sizeof(text));
		return compiler_fail(c, "pattern %s: %s", pattern, text);
	}
	s->pattern = pattern;
	s->next_regex = c->regexes;
	c->regexes = s;
	return 0;
}

static int
read_format(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	const char *name = json_string_value(value);

	(void)offset;
	if (name != NULL && strcmp(name, "date") == 0)
		s->format = FORMAT_DATE;
	else if (name != NULL && strcmp(name, "email") == 0)
		s->format = FORMAT_EMAIL;
	else if (name != NULL && strcmp(name, "digits") == 0)
		s->format = FORMAT_DIGITS;
	else if (name != NULL && strcmp(name, "date-time") == 0)
		s->format = FORMAT_INSTANT;
	else if (name != NULL && (strcmp(name, "int32") == 0 || strcmp(name, "int64") == 0))
		/* For code generators; the server checks minimum and maximum. */
		s->format = FORMAT_NONE;
	else
		return compiler_fail(c, "unknown format \"%s\"", name != NULL ? name : "");
	return 0;
}

/* Stores the n legal values, and their texts for the `allowed` of a fault. */
static int
list_values(struct compiler *c, struct schema *s, const json_t *const *values, size_t n)
{
	const char **allowed = compiler_alloc(c, n + 1, sizeof(*allowed));
	const char *text = "";
	size_t i, nallowed = 0;

	if (s->listed != NULL)
		return compiler_fail(c, "\"enum\" and \"const\" together");
	s->listed = compiler_alloc(c, n + 1, sizeof(json_t *));
	for (i = 0; i < n; i++) {
		char *dumped = json_dumps(values[i], JSON_ENCODE_ANY | JSON_COMPACT);
		const char *shown = json_string_value(values[i]);

		if (dumped == NULL)
			return compiler_fail(c, "a value of \"enum\" or \"const\" cannot be shown");
		if (shown == NULL)
			shown = arena_copy(c->arena, dumped, strlen(dumped));
		free(dumped);
		s->listed[i] = values[i];
		text = arena_printf(c->arena, "%s%s%s", text, i > 0 ? ", " : "", shown);
		if (!json_is_null(values[i]))
			allowed[nallowed++] = shown;
	}
	s->allowed = allowed;
	s->allowed_text = text;
	return 0;
}

static int
read_enum(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	size_t n = json_array_size(value), i;
	const json_t **values = compiler_alloc(c, n + 1, sizeof(*values));

	(void)offset;
	if (!json_is_array(value) || n == 0)
		return compiler_fail(c, "\"enum\" must be a list of values");
	for (i = 0; i < n; i++)
		values[i] = json_array_get(value, i);
	return list_values(c, s, values, n);
}

static int
read_const(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	return list_values(c, s, &value, 1);
}

static int
read_one_of(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	size_t n = json_array_size(value), i, k;
	const json_t *branch;

	(void)offset;
	if (n < 2)
		return compiler_fail(c, "\"oneOf\" must be a list of two branches or more");
	s->one_of = compiler_alloc(c, n + 1, sizeof(*s->one_of));
	for (i = 0; i < n; i++) {
		branch = json_array_get(value, i);
		/* The members of a branch are those of the object; they are there for generated types. */
		if (!json_is_object(branch) ||
		    json_object_size(branch) !=
			1 + (size_t)(json_object_get(branch, "properties") != NULL))
			return compiler_fail(c, "a branch of \"oneOf\" must have \"required\", and "
						"\"properties\" at most");
		if (read_names(c, json_object_get(branch, "required"), &s->one_of[i]) == -1)
			return -1;
		for (k = 0; s->one_of[i][k] != NULL; k++)
			add_words(c, s->one_of_text,
			    k > 0   ? TEXT_and
			    : i > 0 ? TEXT_comma
				    : TEXT_NONE,
			    (const char *const[]){ s->one_of[i][k], s->one_of[i][k] });
	}
	return 0;
}

static int
read_catalog(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	s->catalog = json_string_value(value);
	if (s->catalog == NULL || (c->catalog_known != NULL && !c->catalog_known(s->catalog)))
		return compiler_fail(c, "unknown catalogue in \"x-catalog\"");
	return 0;
}

static int
read_field(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	const char *name = json_string_value(value);

	(void)offset;
	if (name == NULL || (s->field = field_named(name)) == NULL)
		return compiler_fail(c, "unknown type of field in \"x-field\"");
	return 0;
}

static int
read_rule(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	(void)offset;
	s->rule = json_string_value(value);
	if (s->rule == NULL || (c->rule_known != NULL && !c->rule_known(s->rule)))
		return compiler_fail(c, "unknown rule in \"x-rule\"");
	return 0;
}

static int
read_words(struct compiler *c, struct schema *s, const json_t *value, size_t offset)
{
	const char *name = json_string_value(value);

	(void)offset;
	if (name == NULL || !message_pattern(name, &s->words))
		return compiler_fail(c, "unknown text in \"x-words\"");
	return 0;
}

static const struct keyword keywords[] = {
	{ "type", read_type, 0 },
	{ "enum", read_enum, 0 },
	{ "const", read_const, 0 },
	{ "required", read_required, 0 },
	{ "additionalProperties", read_additional, 0 },
	{ "minProperties", read_count, offsetof(struct schema, min_properties) },
	{ "oneOf", read_one_of, 0 },
	{ "x-rule", read_rule, 0 },
	{ "minItems", read_count, offsetof(struct schema, min_items) },
	{ "maxItems", read_count, offsetof(struct schema, max_items) },
	{ "uniqueItems", read_unique, 0 },
	{ "minLength", read_count, offsetof(struct schema, min_length) },
	{ "maxLength", read_count, offsetof(struct schema, max_length) },
	{ "pattern", read_pattern, 0 },
	{ "format", read_format, 0 },
	{ "x-words", read_words, 0 },
	{ "x-catalog", read_catalog, 0 },
	{ "x-field", read_field, 0 },
	{ "minimum", read_bound, offsetof(struct schema, minimum) },
	{ "maximum", read_bound, offsetof(struct schema, maximum) },
	{ "x-personal", read_personal, 0 },
	{ "description", read_nothing, 0 },
	{ "title", read_nothing, 0 },
	{ "examples", read_nothing, 0 },
	{ "example", read_nothing, 0 },
	{ "default", read_nothing, 0 },
	{ "readOnly", read_nothing, 0 },
	{ "writeOnly", read_nothing, 0 },
	{ "deprecated", read_nothing, 0 },
	/* What a text holds: each line of a streamed body. */
	{ "contentMediaType", read_nothing, 0 },
	{ "contentSchema", read_nothing, 0 },
};

int
keyword_read(struct compiler *c, struct schema *s, const char *name, const json_t *value)
{
	size_t i;

	for (i = 0; i < NITEMS(keywords); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return keywords[i].read(c, s, value, keywords[i].offset);
	return compiler_fail(c, "unknown keyword \"%s\"", name);
}
