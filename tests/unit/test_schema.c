/* Compiling schemas: which keywords are accepted and refused. */
#include "schema_check.h"

static void
expect_refused(const char *schema, const char *components, const char *error)
{
	struct check c;

	check_compile(&c, schema, components);
	if (c.schema != NULL)
		fail_msg("%s was not refused", schema);
	if (strstr(c.error, error) == NULL)
		fail_msg("%s: refused with \"%s\", not \"%s\"", schema, c.error, error);
	check_end(&c);
}

static void
compile_refuses_unknown_words(void **state)
{
	(void)state;
	expect_refused("{'anyOf': []}", NULL, "unknown keyword \"anyOf\"");
	expect_refused("{'properties': {'a': {'items': {'not': {}}}}}", NULL,
	    "properties.a.items: unknown keyword \"not\"");
	expect_refused("{'type': 'text'}", NULL, "unknown type \"text\"");
	expect_refused("{'type': []}", NULL, "an empty list of types");
	expect_refused("{'type': 5}", NULL, "unknown type");
	expect_refused("{'format': 'uuid'}", NULL, "unknown format \"uuid\"");
	expect_refused("{'format': 1}", NULL, "unknown format");
	expect_refused("{'x-catalog': 'stages'}", NULL, "unknown catalogue");
	expect_refused("{'x-rule': 'none'}", NULL, "unknown rule");
	expect_refused("{'type': 'string', 'x-field': 'none'}", NULL, "unknown type of field");
	expect_refused("{'type': 'string', 'x-field': 1}", NULL, "unknown type of field");
	expect_refused("{'type': 'integer', 'x-field': 'phone'}", NULL, "without the type string");
	expect_refused("{'pattern': 'a', 'x-words': 'none'}", NULL, "unknown text");
	expect_refused("{'pattern': 'a', 'x-words': ''}", NULL, "unknown text");
	expect_refused("{'pattern': 'a', 'x-words': 1}", NULL, "unknown text");
	/* A message, but not that of a faulty pattern. */
	expect_refused("{'pattern': 'a', 'x-words': 'required'}", NULL, "unknown text");
	expect_refused(
	    "{'x-words': 'phone_form'}", NULL, "\"x-words\" without \"pattern\" or \"oneOf\"");
	expect_refused("true", NULL, "a schema must be an object");
	expect_refused("{'items': [{}]}", NULL, "items: a schema must be an object");
}

static void
compile_refuses_malformed_keywords(void **state)
{
	(void)state;
	expect_refused("{'required': 'a'}", NULL, "\"required\" must be a list of names");
	expect_refused("{'required': [1]}", NULL, "\"required\" must be a list of names");
	expect_refused("{'properties': []}", NULL, "\"properties\" must be an object");
	expect_refused("{'additionalProperties': {}}", NULL, "must be true or false");
	expect_refused("{'uniqueItems': 1}", NULL, "must be true or false");
	expect_refused("{'minLength': -1}", NULL, "must be an integer, 0 or more");
	expect_refused("{'maxItems': 1.5}", NULL, "must be an integer, 0 or more");
	expect_refused("{'minimum': '1'}", NULL, "must be numbers");
	expect_refused("{'enum': []}", NULL, "must be a list of values");
	expect_refused("{'enum': ['a'], 'const': 'a'}", NULL, "together");
	expect_refused("{'oneOf': [{'required': ['a']}]}", NULL, "two branches or more");
	expect_refused("{'oneOf': [{'required': ['a']}, {'type': 'object', 'required': ['b']}]}",
	    NULL, "must have \"required\"");
	expect_refused(
	    "{'oneOf': [{'required': ['a']}, {'type': 'object'}]}", NULL, "list of names");
	expect_refused("{'minLength': 2, 'maxLength': 1}", NULL, "a minimum above its maximum");
	expect_refused("{'uniqueItems': true}", NULL, "needs \"maxItems\"");
	expect_refused("{'required': ['a'], 'additionalProperties': false}", NULL,
	    "required \"a\" is not in \"properties\"");
}

static void
compile_refuses_refs(void **state)
{
	const char *loop =
	    "{'A': {'$ref': '#/components/schemas/B'}, 'B': {'$ref': '#/components/schemas/A'},"
	    " 'Bad': {'properties': {'x': {'anyOf': []}}}}";
	char deep[2048] = "";
	int i;

	(void)state;
	expect_refused("{'$ref': '#/components/schemas/A'}", loop,
	    "A.B: $ref #/components/schemas/A refers to itself");
	expect_refused("{'$ref': '#/components/schemas/Bad'}", loop,
	    "Bad.properties.x: unknown keyword \"anyOf\"");
	expect_refused("{'$ref': '#/components/schemas/None'}", loop, "not found");
	expect_refused("{'$ref': 'other.yaml#/A'}", loop, "not found");
	expect_refused("{'$ref': 1}", loop, "\"$ref\" must be a string");
	expect_refused("{'$ref': '#/components/schemas/A', 'type': 'object'}", loop,
	    "\"type\" beside \"$ref\"");
	for (i = 0; i < 32; i++)
		strcat(deep, "{'items': ");
	strcat(deep, "{}");
	for (i = 0; i < 32; i++)
		strcat(deep, "}");
	expect_refused(deep, NULL, "nested more than 32 levels deep");
}

static void
compile_refuses_patterns_that_ecma_reads_differently(void **state)
{
	static const char *const bad[] = { "^\\\\d+$", "\\\\w", "\\\\bx", "(a)\\\\1", "\\\\",
		"(?=a)", "(?:a)", "(?!a)", "a*?", "a+?", "a??", "a{1,2}?", "a**", "a+{2}", "*a",
		"(+a)", "a|*", "^*", "a.b", "[[:digit:]]", "[\\\\d]", "[]a]", "[^]a]", "[a",
		"[^ ]{3}", "[^ ]$", "[^ ]|a", "([^ ]+){2}", "a{,3}", "a{x}", "a{1", "a]", "a}", "ñ",
		"[ñ]", "a\\u0001", "(a", "a{2,1}", "[z-a]" };
	char schema[128];
	size_t i;

	(void)state;
	for (i = 0; i < NITEMS(bad); i++) {
		snprintf(schema, sizeof(schema), "{'pattern': '%s'}", bad[i]);
		expect_refused(schema, NULL, "pattern ");
	}
	expect_refused("{'pattern': 5}", NULL, "\"pattern\" must be a string");
	expect_refused("{'pattern': '\\\\d'}", NULL, "no \\d, \\w, \\1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compile_refuses_unknown_words),
		cmocka_unit_test(compile_refuses_malformed_keywords),
		cmocka_unit_test(compile_refuses_refs),
		cmocka_unit_test(compile_refuses_patterns_that_ecma_reads_differently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
