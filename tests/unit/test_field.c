/*
 * The table of field types: normal forms of what people type and paste.
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "field/field.h"
#include "field/unicode.h"

static struct arena arena;

static int
begin(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* Expects this normal form, which must be its own normal form, or this fault. */
static void
expect(const char *type, const char *text, const char *normal, enum text fault)
{
	const struct field *f = field_named(type);
	const char *got;

	assert_non_null(f);
	got = field_normal(f, &arena, text);
	assert_string_equal(got, normal);
	assert_ptr_equal(field_normal(f, &arena, got), got);
	if (strcmp(text, normal) == 0)
		assert_ptr_equal(got, text);
	assert_int_equal(field_fault(f, got), fault);
}

static void
a_name_is_one_visible_line_in_nfc(void **state)
{
	static const char *const types[] = { "name", "label", "text" };

	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++) {
		const char *t = types[i];

		expect(t, "HERMOZA HILDA", "HERMOZA HILDA", TEXT_NONE);
		expect(t, "\tJUAN\u00a0", "JUAN", TEXT_NONE);
		expect(t, "\r\n JUAN  \u2003 PEREZ \u3000\u2028", "JUAN PEREZ", TEXT_NONE);
		expect(t, "PEN\u0303A", "PE\u00d1A", TEXT_NONE);
		expect(t, "N\u200b\u0303", "\u00d1", TEXT_NONE);
		expect(t, "\ufeffJU\u00adAN\u200b", "JUAN", TEXT_NONE);
		expect(t, "JU\u200dA\u200cN\ufe0f", "JUAN", TEXT_NONE);
		expect(t, "\u2800A\u2800\u2800B\u3164", "A B", TEXT_NONE);
		/* Persian text and a family emoji: joiners that have a meaning stay. */
		expect(t, "\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e", TEXT_NONE);
		expect(t, "\U0001F468\u200d\U0001F469\ufe0f", "\U0001F468\u200d\U0001F469\ufe0f",
		    TEXT_NONE);
		expect(t, "\U0001F468\u200d\u200d \u200d", "\U0001F468", TEXT_NONE);
		expect(t, "", "", TEXT_field_blank);
		expect(t, " \t\u00a0\u2800", "", TEXT_field_blank);
		expect(t, "\u200b\ufeff\u2060\u00ad\u200d\ufe0f\u3164", "", TEXT_field_blank);
		expect(t, "A\nB", "A\nB", TEXT_field_characters);
		expect(t, "A\tB\t", "A\tB", TEXT_field_characters);
		expect(t, "A\u2028B", "A\u2028B", TEXT_field_characters);
		expect(t,
		    "A\xc2\x85"
		    "B",
		    "A\xc2\x85"
		    "B",
		    TEXT_field_characters);
		expect(t, "A\001", "A\001", TEXT_field_characters);
		expect(t, "A\uffff", "A\uffff", TEXT_field_characters);
		expect(t, "\ufdd0", "\ufdd0", TEXT_field_characters);
		expect(t, "\U0010fffe", "\U0010fffe", TEXT_field_characters);
		expect(t, "\177", "\177", TEXT_field_characters);
		expect(t, "\xc2\x81", "\xc2\x81", TEXT_field_characters);
		expect(t, "\u202eJUAN", "\u202eJUAN", TEXT_field_characters);
		expect(t, "JUAN\u200f", "JUAN\u200f", TEXT_field_characters);
		expect(t, "A\u2066B\u2069", "A\u2066B\u2069", TEXT_field_characters);
		expect(t, "\u061c", "\u061c", TEXT_field_characters);
	}
}

static void
invalid_utf8_is_refused(void **state)
{
	static const char *const bad[] = { "\xff", "JUAN\xc3", "\xc0\x80", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "A\x80", "\xe2\x80" };

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		expect("name", bad[i], bad[i], TEXT_field_utf8);
		expect("phone", bad[i], bad[i], TEXT_field_utf8);
		expect("username", bad[i], bad[i], TEXT_field_utf8);
	}
}

static void
a_phone_is_nine_digits_however_it_is_written(void **state)
{
	static const char *const good[] = { "944264648", "944-264-648", "0051944264648",
		"(+51) 944 264 648", "+51944264648", "51944264648", "51 944 264 648", " 944264648 ",
		"944.264.648", "944/264/648", "+51-944\u2010264\u2011648", "944\u2013264\u2014648",
		"944\u2212264\u2015648", "\u202a944264648\u202c", "9\u200b4\ufeff4\u2060264648",
		"\u00a0944\u2009264\u202f648\t", "+5 1 944264648",
		"\u200e+51\u00a0944 264 648\r\n" };
	static const char *const bad[] = { "", " ", "94426464", "9442646480", "844264648",
		"+52944264648", "+51844264648", "00944264648", "9442646a8", "51+944264648",
		"944264648x", "\uff1944264648", "944\u066264648", "+0051944264648", "nueve",
		"9442646\u00b28", "944*264648" };

	(void)state;
	for (size_t i = 0; i < NITEMS(good); i++)
		expect("phone", good[i], "944264648", TEXT_NONE);
	for (size_t i = 0; i < NITEMS(bad); i++) {
		const char *normal = field_normal(field_named("phone"), &arena, bad[i]);

		assert_int_equal(field_fault(field_named("phone"), normal), TEXT_phone_form);
	}
}

static void
numbers_lose_blanks_and_separators(void **state)
{
	(void)state;
	expect("document_number", "20467534026 ", "20467534026", TEXT_NONE);
	expect("document_number", "\u202d20-46753402.6\u202c", "20467534026", TEXT_NONE);
	expect("document_number", "ab 12\u200b34", "AB1234", TEXT_NONE);
	expect("document_number", "01234567", "01234567", TEXT_NONE);
	expect("document_number", "\u00f1123", "\u00f1123", TEXT_document_number_form);
	expect("document_number", "A_1", "A_1", TEXT_document_number_form);
	expect("document_number", "123456789012345678901", "123456789012345678901",
	    TEXT_document_number_form);
	expect("document_number", "-", "", TEXT_document_number_form);
	expect("serial_number", "2505 0500 0012 5674", "2505050000125674", TEXT_NONE);
	expect(
	    "serial_number", "2505-0500\u200b-0012\u2011567\u00ad4", "2505050000125674", TEXT_NONE);
	expect("serial_number", "250505000012567", "250505000012567", TEXT_serial_number_form);
	expect("serial_number", "250505000012567a", "250505000012567a", TEXT_serial_number_form);
	expect("username", " e8153375\u00a0", "E8153375", TEXT_NONE);
	expect("username", "E 8153\u200b375", "E8153375", TEXT_NONE);
	expect("username", "E8153-375", "e8153-375", TEXT_NONE);
	expect("username", "EB153375", "eb153375", TEXT_NONE);
	expect("username", "E81533755", "e81533755", TEXT_NONE);
	expect("username", " CRM-Nocturno 2", "crm-nocturno2", TEXT_NONE);
	expect("username", "-crm", "-crm", TEXT_username_form);
	expect("username", "crm_1", "crm_1", TEXT_username_form);
	expect("username", "\u00f1and\u00fa", "\u00f1and\u00fa", TEXT_username_form);
	expect("username", "a234567890123456789012345678901234567890",
	    "a234567890123456789012345678901234567890", TEXT_NONE);
	expect("username", "a2345678901234567890123456789012345678901",
	    "a2345678901234567890123456789012345678901", TEXT_username_form);
	expect("login", "e8153375 ", "E8153375", TEXT_NONE);
	expect("login", "Nobody@X", "nobody@x", TEXT_NONE);
	expect("login", " 12", "12", TEXT_NONE);
}

static void
words_are_only_trimmed(void **state)
{
	(void)state;
	expect("email", "\u200b ana@ejemplo.pe\r\n", "ana@ejemplo.pe", TEXT_NONE);
	expect("email", "a b@c.pe", "a b@c.pe", TEXT_NONE);
	expect("code", " no-retenido\t", "no-retenido", TEXT_NONE);
	expect("code", "no retenido", "no retenido", TEXT_NONE);
	expect("id", " 12\ufeff", "12", TEXT_NONE);
	expect("id", "1 2", "1 2", TEXT_NONE);
}

static void
days_have_bounds(void **state)
{
	char year[8], day[16];
	time_t now = (time_t)clock_epoch_s();
	struct tm tm;

	(void)state;
	expect("birth_date", " 1900-01-01", "1900-01-01", TEXT_NONE);
	expect("birth_date", "1899-12-31", "1899-12-31", TEXT_birth_date_early);
	expect("birth_date", "0027-03-01", "0027-03-01", TEXT_birth_date_early);
	/* The format's check finds that it is no date; this field type does not. */
	expect("birth_date", "ayer", "ayer", TEXT_NONE);
	expect("date", "2025-13-01", "2025-13-01", TEXT_NONE);
	expect("date", "1990-01-01", "1990-01-01", TEXT_NONE);
	expect("date", "1989-12-31", "1989-12-31", TEXT_date_range);
	expect("date", "9999-12-31", "9999-12-31", TEXT_date_range);
	gmtime_r(&now, &tm);
	snprintf(year, sizeof(year), "%d", tm.tm_year + 1900 + 10);
	snprintf(day, sizeof(day), "%s-01-01", year);
	expect("date", day, day, TEXT_NONE);
	snprintf(year, sizeof(year), "%d", tm.tm_year + 1900 + 11);
	snprintf(day, sizeof(day), "%s-01-01", year);
	expect("date", day, day, TEXT_date_range);
	expect("moment", "2026-11-23T14:21:43Z ", "2026-11-23T14:21:43Z", TEXT_NONE);
	expect("moment", "2026-11-23", "2026-11-23", TEXT_NONE);
	expect("moment", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", TEXT_day_range);
	expect("moment", "3000-01-01", "3000-01-01", TEXT_day_range);
	expect("day", " 2999-12-31", "2999-12-31", TEXT_NONE);
	expect("day", "1899-12-31", "1899-12-31", TEXT_day_range);
	expect("moment", "ayer", "ayer", TEXT_moment_form);
	expect("moment", "", "", TEXT_moment_form);
}

static void
documents_have_the_form_of_their_type(void **state)
{
	(void)state;
	assert_int_equal(document_fault("dni", "01234567"), TEXT_NONE);
	assert_int_equal(document_fault("dni", "1234567"), TEXT_document_dni_zero);
	assert_int_equal(document_fault("dni", "123456"), TEXT_document_dni);
	assert_int_equal(document_fault("dni", "A234567"), TEXT_document_dni);
	assert_int_equal(document_fault("ruc", "20467534026"), TEXT_NONE);
	assert_int_equal(document_fault("ruc", "20467534025"), TEXT_document_ruc);
	assert_int_equal(document_fault("ce", "123456789012"), TEXT_NONE);
	assert_int_equal(document_fault("ce", "1234567890123"), TEXT_document_other);
	assert_int_equal(document_fault("pasaporte", "1234567890123"), TEXT_document_other);
	assert_int_equal(document_fault("otro", "1234567890123"), TEXT_NONE);
}

/* 64 KiB of the longest text that a body can hold, and of text that NFC must reorder. */
static void
long_texts_are_handled(void **state)
{
	static const char *const parts[] = { "a", " ", "\u200b", "n\u0303", "\u0301\u0323",
		"\u1e9b\u0323", "\u0958", "\U0001D160", "\uac00\u11a8" };
	static const char *const types[] = { "name", "phone", "email" };
	char *text = malloc(65536 + 16);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < NITEMS(parts); i++) {
		size_t n = strlen(parts[i]), length = 0;

		while (length + n <= 65536) {
			memcpy(text + length, parts[i], n);
			length += n;
		}
		text[length] = '\0';
		for (size_t t = 0; t < NITEMS(types); t++) {
			const struct field *f = field_named(types[t]);
			const char *normal = field_normal(f, &arena, text);

			assert_true(text_is_utf8(normal, strlen(normal)));
			assert_ptr_equal(field_normal(f, &arena, normal), normal);
			(void)field_fault(f, normal);
		}
	}
	free(text);
}

/* Random input: the normal form is UTF-8 and its own normal form. */
static void
normalising_twice_changes_nothing(void **state)
{
	static const unicode_t some[] = { ' ', 'A', 'n', '9', '-', '\n', 0x85, 0xA0, 0xAD, 0xF1,
		0x300, 0x303, 0x323, 0x345, 0x34F, 0x61C, 0x1161, 0x11A8, 0x180B, 0x200B, 0x200C,
		0x200D, 0x200E, 0x202E, 0x2028, 0x212A, 0x1FEF, 0x2000, 0x2800, 0x3164, 0xAC00,
		0xFE0F, 0xFEFF, 0x1F468, 0xE0100 };
	static const char *const types[] = { "name", "phone", "document_number", "username",
		"email" };
	unsigned seed = 20250503;
	char text[256];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t length = 0;
		int n = rand_r(&seed) % 9;

		for (int i = 0; i < n; i++) {
			unicode_t c = some[(unsigned)rand_r(&seed) % NITEMS(some)];

			if (c < 0x80)
				length += (size_t)snprintf(text + length, 2, "%c", (char)c);
			else if (c < 0x800)
				length += (size_t)snprintf(text + length, 3, "%c%c",
				    (char)(0xC0 | c >> 6), (char)(0x80 | (c & 63)));
			else if (c < 0x10000)
				length += (size_t)snprintf(text + length, 4, "%c%c%c",
				    (char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
				    (char)(0x80 | (c & 63)));
			else
				length += (size_t)snprintf(text + length, 5, "%c%c%c%c",
				    (char)(0xF0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
				    (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63)));
		}
		text[length] = '\0';
		for (size_t t = 0; t < NITEMS(types); t++) {
			const struct field *f = field_named(types[t]);
			const char *normal = field_normal(f, &arena, text);

			assert_true(text_is_utf8(normal, strlen(normal)));
			assert_string_equal(field_normal(f, &arena, normal), normal);
		}
		arena_free(&arena);
		arena_init(&arena);
	}
}

/* Whether the form accepts exactly what the type does. */
static void
expect_form(const char *name, const char *const texts[])
{
	const struct field *f = field_named(name);
	const struct field_form form = field_form(f);
	regex_t pattern;

	assert_int_equal(regcomp(&pattern, form.pattern, REG_EXTENDED | REG_NOSUB), 0);
	for (size_t i = 0; texts[i] != NULL; i++) {
		size_t n = strlen(texts[i]);
		bool matches = regexec(&pattern, texts[i], 0, NULL, 0) == 0;

		if (matches != (field_fault(f, texts[i]) == TEXT_NONE))
			fail_msg("%s: the pattern and the type differ in %s", name, texts[i]);
		if (matches && (n < form.min_length || n > form.max_length))
			fail_msg("%s: the lengths do not allow %s", name, texts[i]);
	}
	regfree(&pattern);
}

static void
forms_say_what_the_types_accept(void **state)
{
	static const char *const texts[] = { "", "9", "944264648", "844264648", "94426464",
		"9442646480", "94426464A", "2505050000125674", "250505000012567",
		"25050500001256740", "250505000012567X", "E8153375", "e8153375", "E815337",
		"E81533750", "8153375E", "45678912", "AB123456", "ab123456", "A-1",
		"01234567890123456789", "012345678901234567890", "\u00d1ANDU", " 944264648",
		"944264648 ", NULL };
	static const char *const types[] = { "phone", "document_number", "serial_number",
		"username" };
	char first[FIELD_DAY_SIZE], last[FIELD_DAY_SIZE];

	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++)
		expect_form(types[i], texts);
	assert_null(field_form(field_named("name")).pattern);
	field_days(field_named("date"), first, last);
	assert_string_equal(first, "1990-01-01");
	assert_int_equal(field_fault(field_named("date"), last), TEXT_NONE);
	field_days(field_named("birth_date"), first, last);
	assert_string_equal(first, "1900-01-01");
	assert_string_equal(last, "");
	field_days(field_named("phone"), first, last);
	assert_string_equal(first, "");
}

static void
white_space_is_trimmed_in_place(void **state)
{
	static const char *const cases[][2] = { { "15", "15" }, { " 15 ", "15" }, { "", "" },
		{ " \u00a0\t", "" }, { "\u3000a b\u2028", "a b" }, { "\u200b", "\u200b" },
		{ "\u00f1 ", "\u00f1" } };
	char text[32];

	(void)state;
	for (size_t i = 0; i < NITEMS(cases); i++) {
		strcpy(text, cases[i][0]);
		assert_string_equal(field_trim(text), cases[i][1]);
	}
	assert_null(field_named("nope"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_is_one_visible_line_in_nfc, begin, end),
		cmocka_unit_test_setup_teardown(invalid_utf8_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_phone_is_nine_digits_however_it_is_written, begin, end),
		cmocka_unit_test_setup_teardown(numbers_lose_blanks_and_separators, begin, end),
		cmocka_unit_test_setup_teardown(words_are_only_trimmed, begin, end),
		cmocka_unit_test_setup_teardown(days_have_bounds, begin, end),
		cmocka_unit_test_setup_teardown(documents_have_the_form_of_their_type, begin, end),
		cmocka_unit_test_setup_teardown(long_texts_are_handled, begin, end),
		cmocka_unit_test_setup_teardown(normalising_twice_changes_nothing, begin, end),
		cmocka_unit_test(forms_say_what_the_types_accept),
		cmocka_unit_test_setup_teardown(white_space_is_trimmed_in_place, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
