/* Validating values by a schema: faults, details and normal forms. */
#include "schema_check.h"

/* The faults as "pointer code; pointer code". */
static void
assert_faults(const struct check *c, const char *expected)
{
	char got[8192] = "";
	const struct fault *f;
	int n = 0;

	for (f = c->faults.first; f != NULL; f = f->next, n++) {
		size_t length = strlen(got);

		snprintf(got + length, sizeof(got) - length, "%s%s %s", n > 0 ? "; " : "",
		    f->pointer, f->code);
		assert_true(strlen(f->detail) > 0);
	}
	assert_int_equal(n, c->faults.count);
	assert_string_equal(got, expected);
}

/* Validates value by schema and expects exactly these faults, and these details in the same order. */
static void
expect_with(const char *schema, const char *components, const char *value, const char *expected,
    const char *detail)
{
	struct check c;

	check_compile(&c, schema, components);
	if (c.schema == NULL)
		fail_msg("%s: %s", schema, c.error);
	c.value = json_of(value);
	validate(c.schema, c.value, "#", NULL, &c.faults);
	assert_faults(&c, expected);
	if (detail != NULL)
		assert_string_equal(c.faults.first->detail, detail);
	check_end(&c);
}

static void
expect(const char *schema, const char *value, const char *expected)
{
	expect_with(schema, NULL, value, expected, NULL);
}

static void
expect_detail(const char *schema, const char *value, const char *expected, const char *detail)
{
	expect_with(schema, NULL, value, expected, detail);
}

static void
expect_text(const char *schema, const char *text, const char *expected, const char *detail)
{
	struct check c;

	check_compile(&c, schema, NULL);
	assert_non_null(c.schema);
	validate_text(c.schema, text, "limit", NULL, &c.faults);
	assert_faults(&c, expected);
	if (detail != NULL)
		assert_string_equal(c.faults.first->detail, detail);
	check_end(&c);
}

static void
type_names_the_expected_and_the_given(void **state)
{
	(void)state;
	expect("{}", "[1, null, 'x', 2.5, true, {}]", "");
	expect("{'type': 'object'}", "{}", "");
	expect("{'type': 'array'}", "[]", "");
	expect("{'type': 'string'}", "''", "");
	expect("{'type': 'integer'}", "1", "");
	expect("{'type': 'number'}", "1", "");
	expect("{'type': 'number'}", "1.5", "");
	expect("{'type': 'boolean'}", "false", "");
	expect("{'type': 'null'}", "null", "");
	expect("{'type': ['string', 'null']}", "null", "");
	expect("{'type': ['string', 'null'], 'minLength': 1, 'pattern': '^a$'}", "null", "");
	expect_detail("{'type': 'string'}", "1", "# type",
	    "Request: the value must be a string, not a number.");
	expect_detail("{'type': ['string', 'null']}", "[]", "# type",
	    "Request: the value must be a string or null, not an array.");
	expect("{'type': 'integer'}", "1.0", "");
	expect_detail("{'type': 'integer'}", "1.5", "# type",
	    "Request: the value must be an integer, not a number with a fraction.");
	expect_detail("{'type': 'object'}", "null", "# type", "Enter the data of the request.");
	expect_detail("{'type': 'array'}", "{}", "# type",
	    "Request: the value must be an array, not an object.");
	expect_detail("{'type': 'null'}", "true", "# type",
	    "Request: the value must be null, not a boolean.");
	expect_detail("{'properties': {'a': {'type': 'number'}}}", "{'a': 'x'}", "#/a type",
	    "a: the value must be a number, not a string.");
}

static void
expect_spanish(const char *schema, const char *value, const char *expected, const char *detail)
{
	struct check c;

	check_compile(&c, schema, NULL);
	assert_non_null(c.schema);
	c.faults.language = LANGUAGE_ES;
	c.value = json_of(value);
	validate(c.schema, c.value, "#", NULL, &c.faults);
	assert_faults(&c, expected);
	assert_string_equal(c.faults.first->detail, detail);
	check_end(&c);
}

static void
details_are_in_the_language_of_the_list(void **state)
{
	(void)state;
	expect_spanish("{'type': ['string', 'null']}", "[]", "# type",
	    "Solicitud: el valor debe ser un texto o null, no una lista.");
	expect_spanish("{'properties': {'a': {'type': 'integer'}}}", "{'a': 1.5}", "#/a type",
	    "a: el valor debe ser un número entero, no un número con decimales.");
	expect_spanish("{'required': ['a']}", "{}", "#/a required", "Ingrese a.");
	expect_spanish(
	    "{'maxLength': 1}", "'ab'", "# too_long", "Solicitud: use como máximo 1 carácter.");
	expect_spanish(
	    "{'minLength': 2}", "'a'", "# too_short", "Solicitud: use como mínimo 2 caracteres.");
	expect_spanish("{'oneOf': [{'required': ['a', 'b']}, {'required': ['c']}]}", "{}",
	    "# one_of", "Indique exactamente uno de estos datos: a y b, c.");
	expect_spanish("{'enum': ['a', 1]}", "2", "# not_listed",
	    "Solicitud: el valor debe ser uno de estos: a, 1.");
	expect_spanish("{'pattern': '^9', 'x-words': 'phone_form'}", "'8'", "# pattern",
	    "Solicitud: ingrese 9 dígitos que empiecen con 9; se aceptan +51, 51, 0051, espacios y "
	    "guiones.");
}

/* Expects this normal form of value, as JSON, and these faults. */
static void
expect_normal(const char *schema, const char *value, const char *normal, const char *faults)
{
	json_t *wanted = json_of(normal), *given = json_of(value);
	struct check c;
	bool changed;

	check_compile(&c, schema, NULL);
	if (c.schema == NULL)
		fail_msg("%s: %s", schema, c.error);
	c.value = json_of(value);
	changed = validate(c.schema, c.value, "#", NULL, &c.faults);
	assert_true(json_equal(c.value, wanted));
	assert_int_equal(changed, !json_equal(c.value, given));
	assert_faults(&c, faults);
	json_decref(given);
	json_decref(wanted);
	check_end(&c);
}

static void
fields_are_normalised(void **state)
{
	const char
	    *phone = "{'properties': {'phone': {'type': ['string', 'null'], 'x-field': 'phone'}}}",
	    *name = "{'properties': {'n': {'type': 'string', 'maxLength': 2, 'x-field': 'name'}}}",
	    *lines = "{'items': {'type': 'string', 'x-field': 'phone'}, 'uniqueItems': true, "
		     "'maxItems': 9}",
	    *choice = "{'properties': {'c': {'type': ['string', 'null'], 'x-catalog': 'stage'}}}",
	    *number = "{'properties': {'n': {'type': 'integer', 'minimum': 0, 'maximum': 300}}}";

	(void)state;
	expect_normal(phone, "{'phone': '944264648'}", "{'phone': '944264648'}", "");
	expect_normal(phone, "{'phone': '+51 944-264-648'}", "{'phone': '944264648'}", "");
	expect_normal(phone, "{'phone': '  '}", "{'phone': null}", "");
	expect_normal(phone, "{'phone': '12'}", "{'phone': '12'}", "#/phone pattern");
	expect_normal(phone, "{'phone': 944264648}", "{'phone': 944264648}", "#/phone type");
	/* The length is that of the normal form. */
	expect_normal(name, "{'n': ' n\u0303n '}", "{'n': 'ñn'}", "");
	expect_normal(name, "{'n': 'abc'}", "{'n': 'abc'}", "#/n too_long");
	expect_normal(name, "{'n': ' '}", "{'n': ''}", "#/n blank");
	expect_normal(name, "{'n': 'a\\nb'}", "{'n': 'a\\nb'}", "#/n too_long");
	expect_normal(name, "{'n': '\u202e'}", "{'n': '\u202e'}", "#/n characters");
	expect_normal(
	    lines, "['944264648', '944 264 648']", "['944264648', '944264648']", "# not_unique");
	expect_normal(choice, "{'c': ' entel'}", "{'c': 'entel'}", "");
	expect_normal(choice, "{'c': ''}", "{'c': null}", "");
	expect_normal(number, "{'n': 3.0}", "{'n': 3}", "");
	expect_normal(number, "{'n': 1e2}", "{'n': 100}", "");
	expect_normal(number, "{'n': -0.0}", "{'n': 0}", "");
	expect_normal(number, "{'n': 1e300}", "{'n': 1e300}", "#/n too_big");
	expect_normal(number, "{'n': -1e19}", "{'n': -1e19}", "#/n too_small");
	expect_normal(number, "{'n': 301.0}", "{'n': 301}", "#/n too_big");
	expect_normal(number, "{'n': 2.5}", "{'n': 2.5}", "#/n type");
}

static void
keywords_apply_only_to_their_type(void **state)
{
	const char *schema =
	    "{'minLength': 5, 'maxLength': 6, 'pattern': '^x$', 'format': 'date', 'minimum': 5, "
	    "'maximum': 6,"
	    " 'minItems': 5, 'maxItems': 6, 'minProperties': 2, 'required': ['a']}";

	(void)state;
	expect(schema, "true", "");
	expect(schema, "null", "");
	expect(schema, "1", "# too_small");
	expect(schema, "[]", "# too_few");
	expect(schema, "{}", "#/a required; # empty_object");
	expect(schema, "'aaaaa'", "# pattern; # format");
}

static void
object_members(void **state)
{
	const char *schema = "{'type': 'object', 'required': ['serial_number', 'phone'],"
			     " 'properties': {'serial_number': {}, 'phone': {}},"
			     " 'additionalProperties': false}";

	(void)state;
	expect(schema, "{'serial_number': 1, 'phone': null}", "");
	expect_detail(schema, "{'phone': 1}", "#/serial_number required", "Enter serial_number.");
	expect(schema, "{}", "#/serial_number required; #/phone required");
	expect_detail(schema, "{'serial_number': 1, 'phone': 1, 'x': 1, 'y': 2}",
	    "#/x unknown_property; #/y unknown_property", "There is no member x here.");
	expect("{'additionalProperties': true}", "{'x': 1}", "");
	expect("{'properties': {}}", "{'x': 1}", "");
	expect("{'properties': {}, 'additionalProperties': false}", "{'x': 1}",
	    "#/x unknown_property");
	expect_detail(
	    "{'minProperties': 1}", "{}", "# empty_object", "Request: give at least 1 member.");
	expect("{'minProperties': 1}", "{'a': null}", "");
}

static void
lengths_are_in_characters(void **state)
{
	(void)state;
	expect("{'minLength': 2, 'maxLength': 3}", "'ñó'", "");
	expect("{'minLength': 2, 'maxLength': 3}", "'ñóá'", "");
	expect_detail("{'minLength': 2, 'maxLength': 3}", "'ñ'", "# too_short",
	    "Request: use at least 2 characters.");
	expect_detail("{'minLength': 2, 'maxLength': 3}", "'ñóáé'", "# too_long",
	    "Request: use at most 3 characters.");
	expect_detail(
	    "{'maxLength': 1}", "'ab'", "# too_long", "Request: use at most 1 character.");
	/* A text that is too long is not also matched. */
	expect("{'maxLength': 1, 'pattern': '^x$'}", "'ab'", "# too_long");
}

static void
numbers_have_bounds(void **state)
{
	(void)state;
	expect("{'minimum': 1, 'maximum': 100}", "1", "");
	expect("{'minimum': 1, 'maximum': 100}", "100", "");
	expect_detail("{'minimum': 1, 'maximum': 100}", "0", "# too_small",
	    "Request: the smallest value is 1.");
	expect_detail("{'minimum': 1, 'maximum': 100}", "101", "# too_big",
	    "Request: the largest value is 100.");
	expect_detail(
	    "{'minimum': 0.1}", "0.05", "# too_small", "Request: the smallest value is 0.1.");
	expect("{'maximum': 2}", "2.5", "# too_big");
	/* As doubles both would round to the same number. */
	expect("{'maximum': 9007199254740992}", "9007199254740993", "# too_big");
}

static void
arrays_have_items(void **state)
{
	const char *schema = "{'type': 'array', 'minItems': 1, 'maxItems': 3, 'uniqueItems': true,"
			     " 'items': {'type': 'integer'}}";

	(void)state;
	expect(schema, "[1, 2, 3]", "");
	expect_detail(schema, "[]", "# too_few", "Request: give at least 1 item.");
	expect_detail(schema, "[1, 2, 3, 3]", "# too_many", "Request: give at most 3 items.");
	expect_detail(schema, "[1, 2, 1]", "# not_unique",
	    "Request: items 1 and 3 are equal; leave one of them.");
	expect_detail(schema, "[1, 'a', null]", "#/1 type; #/2 type",
	    "Request: the value must be an integer, not a string.");
	expect("{'maxItems': 9, 'uniqueItems': true}", "[{'a': 1, 'b': 2}, {'b': 2, 'a': 1}]",
	    "# not_unique");
	expect("{'uniqueItems': false}", "[1, 1]", "");
}

static void
pattern_tells_its_meaning(void **state)
{
	const char *schema =
	    "{'properties': {'serial_number': {'type': 'string', 'pattern': '^[0-9]{16}$',"
	    " 'x-words': 'serial_number_form', 'description': 'It is no ICCID.'}}}";

	(void)state;
	expect(schema, "{'serial_number': '2505050000125674'}", "");
	expect_detail(schema, "{'serial_number': '250505000012567'}", "#/serial_number pattern",
	    "serial_number: enter exactly 16 digits.");
	expect_detail(
	    "{'pattern': '^a|b$'}", "'ca'", "# pattern", "Request: the value must match ^a|b$.");
	expect("{'pattern': 'b'}", "'abc'", "");
	expect("{'pattern': '[^ ]'}", "' ñ '", "");
	expect("{'pattern': '[^ ]'}", "'  '", "# pattern");
	expect("{'pattern': '^\\\\.\\\\/\\\\[(a|b)+[^ ]*-$'}", "'./[abñ-'", "");
}

static void
formats(void **state)
{
	(void)state;
	expect("{'format': 'date'}", "'2024-02-29'", "");
	expect_detail("{'format': 'date'}", "'2023-02-29'", "# format",
	    "Request: enter a date that exists, as YYYY-MM-DD.");
	expect("{'format': 'date-time'}", "'2025-05-03T05:00:00.000000Z'", "");
	expect_detail("{'format': 'date-time'}", "'2025-05-03T00:00:00-05:00'", "# format",
	    "Request: give an instant in UTC, as YYYY-MM-DDTHH:MM:SSZ.");
	expect("{'type': 'integer', 'format': 'int32'}", "1", "");
	expect("{'type': 'integer', 'format': 'int64', 'maximum': 7}", "8", "# too_big");
	expect("{'format': 'digits'}", "'0123456789'", "");
	expect_detail("{'format': 'digits'}", "'12a'", "# format", "Request: use digits only.");
	expect("{'format': 'digits'}", "''", "# format");
	expect("{'format': 'digits'}", "'١'", "# format");
	expect("{'format': 'email'}", "'demostraciones@comerciales.com'", "");
	expect_detail("{'format': 'email'}", "'x'", "# format",
	    "Request: enter an e-mail address, such as name@example.com.");
	expect("{'format': 'email'}", "'@a.b'", "# format");
	expect("{'format': 'email'}", "'a@b'", "# format");
	expect("{'format': 'email'}", "'a@b@c.d'", "# format");
	expect("{'format': 'email'}", "'a b@c.d'", "# format");
	expect("{'format': 'email'}", "'a@b .d'", "# format");
	expect("{'format': 'email'}", "'.a@b.d'", "# format");
	expect("{'format': 'email'}", "'a.@b.d'", "# format");
	expect("{'format': 'email'}", "'a..b@c.d'", "# format");
	expect("{'format': 'email'}", "'a.b.c@d.e'", "");
	expect("{'format': 'email'}", "'a@.d'", "# format");
	expect("{'format': 'email'}", "'a@d.'", "# format");
	expect("{'format': 'email'}", "'a@b..d'", "# format");
	expect("{'format': 'email'}", "'a.b@c\\u007f.d'", "# format");
}

static void
email_has_at_most_254_characters(void **state)
{
	char value[300];

	(void)state;
	snprintf(value, sizeof(value), "'%0248d@ab.pe'", 1);
	expect("{'format': 'email'}", value, "");
	snprintf(value, sizeof(value), "'%0249d@ab.pe'", 1);
	expect("{'format': 'email'}", value, "# format");
}

static void
enum_and_const_list_the_legal_values(void **state)
{
	struct check c;

	(void)state;
	expect("{'enum': ['a', 1, null, true, {'x': [1]}]}", "{'x': [1]}", "");
	expect("{'enum': ['a', null]}", "null", "");
	expect("{'const': 'a'}", "'a'", "");
	expect("{'const': [1]}", "[2]", "# not_listed");
	expect("{'enum': [{}]}", "{'a': 1}", "# not_listed");
	expect("{'enum': [true]}", "false", "# not_listed");
	expect("{'type': 'integer', 'enum': [1]}", "2", "# not_listed");
	expect("{'type': 'string', 'enum': ['1']}", "2", "# type");
	expect_detail(
	    "{'const': 'merge'}", "'x'", "# not_listed", "Request: the value must be merge.");

	check_compile(&c, "{'enum': ['a', 1, null]}", NULL);
	assert_non_null(c.schema);
	c.value = json_of("'secret'");
	validate(c.schema, c.value, "#/x", NULL, &c.faults);
	assert_faults(&c, "#/x not_listed");
	assert_string_equal(
	    c.faults.first->detail, "x: the value must be one of these: a, 1, null.");
	assert_string_equal(c.faults.first->allowed[0], "a");
	assert_string_equal(c.faults.first->allowed[1], "1");
	assert_null(c.faults.first->allowed[2]);
	check_end(&c);
}

static void
one_of_wants_exactly_one(void **state)
{
	const char *schema = "{'type': 'object', 'oneOf': [{'required': ['client_id']},"
			     " {'required': ['client']}]}";
	const char *pair = "{'oneOf': [{'required': ['a', 'b']}, {'required': ['c']}]}";

	(void)state;
	expect(schema, "{'client_id': '1'}", "");
	expect(schema, "{'client': {}, 'x': 1}", "");
	expect_detail(
	    schema, "{}", "# one_of", "Give exactly one of these members: client_id, client.");
	expect(schema, "{'client_id': '1', 'client': {}}", "# one_of");
	expect_detail(
	    pair, "{'a': 1}", "# one_of", "Give exactly one of these members: a and b, c.");
	expect(pair, "{'a': 1, 'c': 1}", "");
	expect(pair, "{'a': 1, 'b': 1}", "");
	expect(pair, "{'a': 1, 'b': 1, 'c': 1}", "# one_of");
	expect(schema, "[]", "# type");
}

static void
ref_is_followed(void **state)
{
	const char *components =
	    "{'Phone': {'type': 'string', 'pattern': '^9[0-9]{8}$', 'x-words': 'phone_form'},"
	    " 'Line': {'properties': {'phone': {'$ref': '#/components/schemas/Phone',"
	    " 'description': 'The number called. More.', 'examples': ['9'], 'default': '9'},"
	    " 'other': {'$ref': '#/components/schemas/Phone'}}}}";

	(void)state;
	expect_with("{'$ref': '#/components/schemas/Line'}", components, "{'phone': '912345678'}",
	    "", NULL);
	expect_with("{'$ref': '#/components/schemas/Line'}", components, "{'phone': 'x'}",
	    "#/phone pattern",
	    "phone: enter 9 digits that begin with 9; +51, 51, 0051, spaces and hyphens are "
	    "taken.");
	expect_with("{'$ref': '#/components/schemas/Line'}", components, "{'other': 'x'}",
	    "#/other pattern",
	    "other: enter 9 digits that begin with 9; +51, 51, 0051, spaces and hyphens are "
	    "taken.");
}

static void
all_faults_at_once_with_nested_pointers(void **state)
{
	const char *schema =
	    "{'type': 'object', 'required': ['phone', 'stage'], 'additionalProperties': false,"
	    " 'properties': {'phone': {'type': 'string'}, 'stage': {'type': 'string'},"
	    " 'actions': {'type': 'array', 'items': {'type': 'object', 'required': ['action'],"
	    " 'properties': {'action': {'type': 'string', 'minLength': 1}}}},"
	    " 'a/b~c d%ñ\\u0022#': {'type': 'object', 'properties': {'': {'type': 'null'}}}}}";

	(void)state;
	expect(schema,
	    "{'actions': [{'action': ''}, 5, {}, {'action': 'x'}, {'action': 1}], 'phone': 1, 'z': "
	    "1,"
	    " 'a/b~c d%ñ\\u0022#': {'': 1}}",
	    "#/stage required; #/phone type; #/actions/0/action too_short; #/actions/1 type;"
	    " #/actions/2/action required; #/actions/4/action type;"
	    " #/a~1b~0c%20d%25%C3%B1%22%23/ type; #/z unknown_property");
	expect_detail("{'properties': {'actions': {'items': {'type': 'object'}}}}",
	    "{'actions': [{}, 1]}", "#/actions/1 type",
	    "Retention actions: the value must be an object, not a number.");
}

static void
unknown_names_are_cut_between_characters(void **state)
{
	const char *schema = "{'additionalProperties': false}";
	char value[128], expected[160];

	(void)state;
	snprintf(value, sizeof(value), "{'%064d': 1}", 0);
	snprintf(expected, sizeof(expected), "#/%064d unknown_property", 0);
	expect(schema, value, expected);
	snprintf(value, sizeof(value), "{'%065d': 1}", 0);
	expect(schema, value, expected);
	snprintf(value, sizeof(value), "{'%063dñx': 1}", 0);
	snprintf(expected, sizeof(expected), "#/%063d unknown_property", 0);
	expect(schema, value, expected);
	snprintf(value, sizeof(value), "{'%062dñx': 1}", 0);
	snprintf(expected, sizeof(expected), "#/%062d%%C3%%B1 unknown_property", 0);
	expect(schema, value, expected);
}

static void
faults_stop_at_the_bound(void **state)
{
	struct check c;
	int i;

	(void)state;
	check_compile(&c, "{'items': {'type': 'string'}}", NULL);
	assert_non_null(c.schema);
	c.value = json_array();
	for (i = 0; i < FAULTS_MAX + 50; i++)
		json_array_append_new(c.value, json_integer(i));
	validate(c.schema, c.value, "#", NULL, &c.faults);
	assert_int_equal(c.faults.count, FAULTS_MAX);
	/* Past the bound faults_add still returns a fault that the caller may fill in. */
	faults_add(&c.faults, "#", TEXT_choice_unknown, "x")->level = 1;
	assert_int_equal(c.faults.count, FAULTS_MAX);
	check_end(&c);
}

static void
unknown_names_stop_at_the_bound(void **state)
{
	struct check c;
	char name[16];
	int i;

	(void)state;
	check_compile(&c, "{'additionalProperties': false}", NULL);
	assert_non_null(c.schema);
	c.value = json_object();
	for (i = 0; i < FAULTS_MAX + 50; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		json_object_set_new(c.value, name, json_null());
	}
	validate(c.schema, c.value, "#", NULL, &c.faults);
	assert_int_equal(c.faults.count, FAULTS_MAX);
	check_end(&c);
}

/* Hooks that record their calls. */
static char calls[512];

static void
note_choice(
    const char *catalog, const char *code, const char *pointer, struct faults *fs, void *arg)
{
	size_t n = strlen(calls);

	assert_ptr_equal(arg, calls);
	snprintf(calls + n, sizeof(calls) - n, "choice %s %s %s; ", catalog, code, pointer);
	if (strcmp(code, "retenido") != 0)
		faults_add(fs, pointer, TEXT_choice_unknown, "it")->level = 1;
}

static void
note_rule(const char *rule, const json_t *object, const char *pointer, struct faults *fs, void *arg)
{
	size_t n = strlen(calls);

	assert_ptr_equal(arg, calls);
	assert_true(json_is_object(object));
	snprintf(calls + n, sizeof(calls) - n, "rule %s %s; ", rule, pointer);
	faults_add(fs, pointer, TEXT_right_range);
}

static void
hooks_are_called(void **state)
{
	const struct validate_hooks hooks = { note_choice, note_rule, calls };
	const struct validate_hooks none = { NULL, NULL, NULL };
	struct check c;

	(void)state;
	calls[0] = '\0';
	check_compile(&c,
	    "{'type': 'object', 'x-rule': 'closing', 'required': ['d'], 'properties': {"
	    " 'a': {'type': 'string', 'maxLength': 10, 'x-catalog': 'stage'},"
	    " 'b': {'type': ['string', 'null'], 'maxLength': 10, 'x-catalog': 'stage'},"
	    " 'list': {'items': {'type': 'string', 'maxLength': 10, 'x-catalog': 'stage'}},"
	    " 'sub': {'type': 'object', 'x-rule': 'closing'}}}",
	    NULL);
	assert_non_null(c.schema);
	c.value =
	    json_of("{'a': 'retenido', 'b': null, 'list': ['x', 5, 'abcdefghijkl'], 'sub': {}}");
	validate(c.schema, c.value, "#", &hooks, &c.faults);
	assert_string_equal(calls, "choice stage retenido #/a; choice stage x #/list/0;"
				   " rule closing #/sub; rule closing #; ");
	assert_faults(&c, "#/d required; #/list/0 choice_unknown; #/list/1 type; #/list/2 too_long;"
			  " #/sub right_range; # right_range");

	calls[0] = '\0';
	faults_init(&c.faults, &c.arena, LANGUAGE_EN, NULL);
	validate(c.schema, c.value, "#", &none, &c.faults);
	validate(c.schema, c.value, "#", NULL, &c.faults);
	assert_string_equal(calls, "");
	check_end(&c);
}

static void
parameters_are_converted_to_their_type(void **state)
{
	const char *limit = "{'type': 'integer', 'minimum': 1, 'maximum': 100}";

	(void)state;
	expect_text(limit, "1", "", NULL);
	expect_text(limit, "0", "limit too_small", "Rows a page: the smallest value is 1.");
	expect_text(limit, "-5", "limit too_small", NULL);
	expect_text(limit, "101", "limit too_big", NULL);
	expect_text(limit, "", "limit type", "Rows a page: the value must be an integer.");
	expect_text(limit, "-", "limit type", NULL);
	expect_text(limit, "+1", "limit type", NULL);
	expect_text(limit, " 1", "limit type", NULL);
	expect_text(limit, "1.0", "limit type", NULL);
	expect_text(limit, "9223372036854775808", "limit type", NULL);
	expect_text("{'type': 'integer'}", "-9223372036854775808", "", NULL);
	expect_text("{'type': 'boolean'}", "true", "", NULL);
	expect_text("{'type': 'boolean'}", "false", "", NULL);
	expect_text("{'type': 'boolean'}", "1", "limit type",
	    "Rows a page: the value must be true or false.");
	expect_text("{'type': 'string', 'pattern': '^9'}", "912", "", NULL);
	expect_text("{'type': 'string', 'pattern': '^9'}", "812", "limit pattern", NULL);
	expect_text("{'pattern': '^9'}", "812", "limit pattern", NULL);
	expect_text("{}", "\xFF", "limit type", NULL);
}

static void
annotations_are_ignored(void **state)
{
	(void)state;
	expect("{'title': 't', 'description': 'd', 'examples': [1], 'example': 1, 'default': 1,"
	       " 'readOnly': true, 'writeOnly': true, 'deprecated': true}",
	    "'x'", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type_names_the_expected_and_the_given),
		cmocka_unit_test(details_are_in_the_language_of_the_list),
		cmocka_unit_test(fields_are_normalised),
		cmocka_unit_test(keywords_apply_only_to_their_type),
		cmocka_unit_test(object_members),
		cmocka_unit_test(lengths_are_in_characters),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(arrays_have_items),
		cmocka_unit_test(pattern_tells_its_meaning),
		cmocka_unit_test(formats),
		cmocka_unit_test(email_has_at_most_254_characters),
		cmocka_unit_test(enum_and_const_list_the_legal_values),
		cmocka_unit_test(one_of_wants_exactly_one),
		cmocka_unit_test(ref_is_followed),
		cmocka_unit_test(all_faults_at_once_with_nested_pointers),
		cmocka_unit_test(unknown_names_are_cut_between_characters),
		cmocka_unit_test(faults_stop_at_the_bound),
		cmocka_unit_test(unknown_names_stop_at_the_bound),
		cmocka_unit_test(hooks_are_called),
		cmocka_unit_test(parameters_are_converted_to_their_type),
		cmocka_unit_test(annotations_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
