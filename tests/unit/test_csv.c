/* base/csv: what spreadsheets write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/csv.h"

static struct arena arena;

/* The rows as text: "1:a|b/3:c|", a line break as \n; '!' behind a row with an open quote. */
static const char *
rows(const char *text)
{
	struct csv csv;
	struct csv_row row;
	const char *all = "";

	csv_begin(&csv, text, strlen(text));
	while (csv_next(&csv, &arena, &row)) {
		all = arena_printf(&arena, "%s%s%d:", all, *all != '\0' ? "/" : "", row.line);
		for (int i = 0; i < row.count; i++)
			all = arena_printf(&arena, "%s%s%s", all, i > 0 ? "|" : "", row.cells[i]);
		if (row.open_quote)
			all = arena_printf(&arena, "%s!", all);
		if (row.too_many)
			all = arena_printf(&arena, "%s+", all);
	}
	return all;
}

static void
lines_and_separators(void **state)
{
	(void)state;
	assert_string_equal(rows(""), "");
	assert_string_equal(rows("\n\r\n \t\n,,\n"), "");
	assert_string_equal(rows("a,b\nc,d"), "1:a|b/2:c|d");
	assert_string_equal(rows("a;b\r\nc;d,e\r\n"), "1:a|b/2:c|d,e");
	assert_string_equal(rows("a,b;c\rd\r"), "1:a|b;c/2:d");
	assert_string_equal(rows("\xEF\xBB\xBF"
				 "a\n\n\nb,,"),
	    "1:a/4:b||");
	assert_string_equal(rows("\"a,b\";c"), "1:a,b|c");
	assert_string_equal(rows("a"), "1:a");
	assert_string_equal(rows(" a , b "), "1: a | b ");
}

static void
quotes(void **state)
{
	(void)state;
	assert_string_equal(rows("\"a\"\"b\",\"\",c"), "1:a\"b||c");
	assert_string_equal(rows("\"a\nb\"\nc"), "1:a\nb/3:c");
	assert_string_equal(rows("\"a\r\nb\",x\r\nc"), "1:a\r\nb|x/3:c");
	assert_string_equal(rows("\"a\rb\"\nc"), "1:a\rb/3:c");
	assert_string_equal(rows("\"a\" \t,b"), "1:a|b");
	assert_string_equal(rows("a\"b,c"), "1:a\"b|c");
	assert_string_equal(rows("\"a,b\nc"), "1:a,b\nc!");
	assert_string_equal(rows("\"a\"b,c\nd"), "1:a|c!/2:d");
	assert_string_equal(rows("x\n\""), "1:x/2:!");
	assert_string_equal(rows("\"\"\""), "1:\"!");
}

static void
many_cells(void **state)
{
	char text[3 * CSV_CELLS_MAX + 8] = "";

	(void)state;
	for (int i = 0; i < CSV_CELLS_MAX; i++)
		strcat(text, "a,");
	assert_null(strchr(rows(text), '+'));
	strcat(text, "b");
	assert_non_null(strchr(rows(text), '+'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_separators),
		cmocka_unit_test(quotes),
		cmocka_unit_test(many_cells),
	};
	int failed;

	arena_init(&arena);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
