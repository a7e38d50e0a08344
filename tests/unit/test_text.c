/* base/text: UTF-8, formats, percent-decoding, tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/text.h"

#define UTF8(s) text_is_utf8(s, sizeof(s) - 1)

static void
utf8_accepts_well_formed(void **state)
{
	(void)state;
	assert_true(UTF8(""));
	assert_true(UTF8("abc"));
	assert_true(UTF8("a\0b"));
	assert_true(UTF8("\xC3\xB1")); /* U+00F1 */
	assert_true(UTF8("\xC2\x80")); /* U+0080, the first of two bytes */
	assert_true(UTF8("\xE0\xA0\x80")); /* U+0800, the first of three */
	assert_true(UTF8("\xED\x9F\xBF")); /* U+D7FF, before the surrogates */
	assert_true(UTF8("\xEE\x80\x80")); /* U+E000, behind them */
	assert_true(UTF8("\xEF\xBF\xBF")); /* U+FFFF */
	assert_true(UTF8("\xF0\x90\x80\x80")); /* U+10000 */
	assert_true(UTF8("\xF4\x8F\xBF\xBF")); /* U+10FFFF, the last */
}

static void
utf8_refuses_overlong_forms(void **state)
{
	(void)state;
	assert_false(UTF8("\xC0\x80"));
	assert_false(UTF8("\xC1\xBF"));
	assert_false(UTF8("\xE0\x80\x80"));
	assert_false(UTF8("\xE0\x9F\xBF"));
	assert_false(UTF8("\xF0\x80\x80\x80"));
	assert_false(UTF8("\xF0\x8F\xBF\xBF"));
}

static void
utf8_refuses_surrogates_and_past_the_end(void **state)
{
	(void)state;
	assert_false(UTF8("\xED\xA0\x80")); /* U+D800 */
	assert_false(UTF8("\xED\xBF\xBF")); /* U+DFFF */
	assert_false(UTF8("\xF4\x90\x80\x80")); /* U+110000 */
	assert_false(UTF8("\xF5\x80\x80\x80"));
	assert_false(UTF8("\xFE"));
	assert_false(UTF8("\xFF"));
}

static void
utf8_refuses_truncated_and_stray_bytes(void **state)
{
	(void)state;
	assert_false(UTF8("\x80"));
	assert_false(UTF8("\xC3"));
	assert_false(UTF8("a\xC3"));
	assert_false(UTF8("\xE2\x82"));
	assert_false(UTF8("\xF0\x9F\x98"));
	assert_false(UTF8("\xC3("));
	assert_false(UTF8("\xE2\x82("));
	assert_false(UTF8("\xF0\x9F\x98("));
	/* Only `length` bytes count, whatever follows. */
	assert_false(text_is_utf8("\xC3\xB1", 1));
}

static void
length_is_in_characters(void **state)
{
	(void)state;
	assert_int_equal(text_length(""), 0);
	assert_int_equal(text_length("abc"), 3);
	assert_int_equal(text_length("Acci\xC3\xB3n"), 6);
	assert_int_equal(text_length("\xF0\x9F\x98\x80\xE2\x82\xAC"), 2);
}

static void
id_is_a_positive_int64(void **state)
{
	(void)state;
	assert_true(text_is_id("1"));
	assert_true(text_is_id("905630"));
	assert_true(text_is_id("9223372036854775807"));
	assert_false(text_is_id(""));
	assert_false(text_is_id("0"));
	assert_false(text_is_id("01"));
	assert_false(text_is_id("-1"));
	assert_false(text_is_id("+1"));
	assert_false(text_is_id(" 1"));
	assert_false(text_is_id("1 "));
	assert_false(text_is_id("1a"));
	assert_false(text_is_id("9223372036854775808"));
	assert_false(text_is_id("9999999999999999999"));
	assert_false(text_is_id("10000000000000000000"));
	assert_false(text_is_id("100000000000000000000000000"));
}

static void
date_is_a_day_that_exists(void **state)
{
	(void)state;
	assert_true(text_is_date("2025-05-03"));
	assert_true(text_is_date("0001-01-01"));
	assert_true(text_is_date("9999-12-31"));
	assert_true(text_is_date("2024-02-29"));
	assert_true(text_is_date("2000-02-29"));
	assert_false(text_is_date("2023-02-29"));
	assert_false(text_is_date("1900-02-29"));
	assert_false(text_is_date("2100-02-29"));
	assert_false(text_is_date("2024-02-30"));
	assert_false(text_is_date("2025-04-31"));
	assert_true(text_is_date("2025-07-31"));
	assert_true(text_is_date("2025-08-31"));
	assert_false(text_is_date("0000-01-01"));
	assert_false(text_is_date("2025-00-10"));
	assert_false(text_is_date("2025-13-10"));
	assert_false(text_is_date("2025-01-00"));
	assert_false(text_is_date("2025-01-32"));
	assert_false(text_is_date("2025-1-1"));
	assert_false(text_is_date("03/05/2025"));
	assert_false(text_is_date("2025-05-03Z"));
	assert_false(text_is_date("2025/05/03"));
	assert_false(text_is_date("202a-05-03"));
	assert_false(text_is_date("2025-+5-03"));
	assert_false(text_is_date(""));
}

static void
instant_is_in_utc(void **state)
{
	(void)state;
	assert_true(text_is_instant("2025-05-03T05:00:00Z"));
	assert_true(text_is_instant("2025-05-03T05:00:00.000000Z"));
	assert_true(text_is_instant("2024-02-29T23:59:59.9Z"));
	assert_false(text_is_instant("2023-02-29T05:00:00Z"));
	assert_false(text_is_instant("2025-05-03T24:00:00Z"));
	assert_false(text_is_instant("2025-05-03T05:60:00Z"));
	assert_false(text_is_instant("2025-05-03T05:00:60Z"));
	assert_false(text_is_instant("2025-05-03T05:00:00.Z"));
	assert_false(text_is_instant("2025-05-03T05:00:00.1xZ"));
	assert_false(text_is_instant("2025-05-03T05:00:00,1Z"));
	assert_false(text_is_instant("2025-05-03T05:00:00"));
	assert_false(text_is_instant("2025-05-03T05:00:00-05:00"));
	assert_false(text_is_instant("2025-05-03 05:00:00Z"));
	assert_false(text_is_instant("2025-05-03T0a:00:00Z"));
	assert_false(text_is_instant("2025-05-03"));
	assert_false(text_is_instant(""));
}

static void
ruc_has_prefix_and_check_digit(void **state)
{
	(void)state;
	assert_true(text_is_ruc("20467534026"));
	assert_false(text_is_ruc("20467534025"));
	assert_true(text_is_ruc("10123456781")); /* sum 143: 11 -> 1 */
	assert_true(text_is_ruc("15123456782"));
	assert_true(text_is_ruc("16123456789"));
	assert_true(text_is_ruc("17123456785"));
	assert_true(text_is_ruc("20123456786"));
	assert_true(text_is_ruc("20000000010")); /* sum 12: 11 - 1 = 10 -> 0 */
	assert_false(text_is_ruc("20000000011"));
	assert_true(text_is_ruc("10000000031")); /* sum 11: 11 - 0 = 11 -> 1 */
	assert_false(text_is_ruc("10000000030"));
	assert_false(text_is_ruc("11123456781")); /* prefix */
	assert_false(text_is_ruc("00000000000"));
	assert_false(text_is_ruc(""));
	assert_false(text_is_ruc("2046753402"));
	assert_false(text_is_ruc("204675340260"));
	assert_false(text_is_ruc("2046753402x"));
	assert_false(text_is_ruc("20 67534026"));
}

/* PostgreSQL's results of select to_hex(hashtextextended(…, 0)), for every length of the last block. */
static void
tag_equals_the_database_s(void **state)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog";
	static const struct {
		size_t n;
		const char *tag;
	} known[] = {
		{ 0, "9fb1b765a7ea466d" },
		{ 1, "3b54fcfd8fdf02d8" },
		{ 2, "fc62963ca9ea9f22" },
		{ 3, "9af8a66223c46a0a" },
		{ 4, "5f112af90078c014" },
		{ 5, "de0438ea44829f0c" },
		{ 6, "de812518652c51d8" },
		{ 7, "7f02d9619ef42f49" },
		{ 8, "d94f8796bebeee9f" },
		{ 9, "f5aadd5798eb8a95" },
		{ 10, "e656c0ca70a525ef" },
		{ 11, "6a9e9da28e392168" },
		{ 12, "b8e68a95709c25d6" },
		{ 13, "7b28746e02c69a32" },
		{ 23, "1b64eaf76c9fee6b" },
		{ 24, "3396766066322fc3" },
		{ 25, "6030432d0505620a" },
		{ 35, "b22f1f9a9bccc708" },
		{ 43, "a5dfa74c08ba7fd1" },
	};
	char tag[TEXT_TAG_SIZE];

	(void)state;
	for (size_t i = 0; i < NITEMS(known); i++) {
		text_tag(text, known[i].n, tag);
		assert_string_equal(tag, known[i].tag);
	}
}

static void
decode_resolves_escapes(void **state)
{
	char plain[] = "a+b%20c%C3%B1", query[] = "a+b%2B", mixed[] = "%2f%2F";

	(void)state;
	assert_true(text_percent_decode(plain, false));
	assert_string_equal(plain, "a+b c\xC3\xB1");
	assert_true(text_percent_decode(query, true));
	assert_string_equal(query, "a b+");
	assert_true(text_percent_decode(mixed, false));
	assert_string_equal(mixed, "//");
}

static void
decode_refuses(void **state)
{
	static const char *const bad[] = { "%", "%4", "a%", "%zz", "%4g", "%g4", "%00", "a%00b",
		"%C3", "%C3%28", "%ED%A0%80", "%C0%80", "%F4%90%80%80", "%80", "\xC3" };
	char copy[32];
	size_t i;

	(void)state;
	for (i = 0; i < NITEMS(bad); i++) {
		strcpy(copy, bad[i]);
		assert_false(text_percent_decode(copy, false));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_accepts_well_formed),
		cmocka_unit_test(utf8_refuses_overlong_forms),
		cmocka_unit_test(utf8_refuses_surrogates_and_past_the_end),
		cmocka_unit_test(utf8_refuses_truncated_and_stray_bytes),
		cmocka_unit_test(length_is_in_characters),
		cmocka_unit_test(id_is_a_positive_int64),
		cmocka_unit_test(date_is_a_day_that_exists),
		cmocka_unit_test(instant_is_in_utc),
		cmocka_unit_test(ruc_has_prefix_and_check_digit),
		cmocka_unit_test(tag_equals_the_database_s),
		cmocka_unit_test(decode_resolves_escapes),
		cmocka_unit_test(decode_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
