/* base/csv: what spreadsheets write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---------------------------------------------------------------------- streams */

/* The rows of a text that arrives in pieces of n bytes: "1:a,b/2:c"; '!' and '+' behind: an open quote, too long. */
static const char *
streamed(enum csv_stream_kind kind, const char *text, size_t length, size_t n)
{
	struct csv_stream s;
	struct csv_piece piece;
	enum csv_found found = CSV_FOUND_NOTHING;
	const char *all = "";
	size_t room, most;

	csv_stream_begin(&s, kind, 20);
	do {
		char *to = csv_stream_room(&s, &room);

		most = length < n ? length : n;
		assert_true(room >= most);
		memcpy(to, text, most);
		text += most;
		length -= most;
		csv_stream_fill(&s, most);
		while ((found = csv_stream_next(&s, &piece)) == CSV_FOUND_ROW)
			all = arena_printf(&arena, "%s%s%d:%.*s", all, *all != '\0' ? "/" : "",
			    piece.line, (int)piece.length, piece.text);
	} while (found == CSV_FOUND_NOTHING && most > 0);
	csv_stream_end(&s);
	return arena_printf(&arena, "%s%s", all,
	    found == CSV_FOUND_OPEN_QUOTE ? "!"
	    : found == CSV_FOUND_TOO_LONG ? "+"
					  : "");
}

static void
streams_find_rows_however_the_bytes_arrive(void **state)
{
	static const struct {
		const char *text, *rows;
	} cases[] = {
		{ "", "" },
		{ "a,b\nc,d", "1:a,b/2:c,d" },
		{ "\xEF\xBB\xBF"
		  "a;b\r\nc;d\r\n",
		    "1:a;b/2:c;d" },
		{ "a,b\rc,d\r", "1:a,b/2:c,d" },
		{ "a\n\n\nb\n", "1:a/2:/3:/4:b" },
		{ "a,b\n\"x\ny\",2\nz,3", "1:a,b/2:\"x\ny\",2/4:z,3" },
		{ "a,b\n\"x\r\ny\",2\nz,3", "1:a,b/2:\"x\r\ny\",2/4:z,3" },
		{ "a,b\n\"x \"\" y\",2\nz,3", "1:a,b/2:\"x \"\" y\",2/3:z,3" },
		{ "a,b\n5\" tube,2\n6\"\" x,3", "1:a,b/2:5\" tube,2/3:6\"\" x,3" },
		{ "a,b\n,\"x\n\"\nz", "1:a,b/2:,\"x\n\"/4:z" },
		{ "a,b\n\"open,2\nz,3", "1:a,b!" },
		{ "a\n12345678901234567890\nb", "1:a/2:12345678901234567890/3:b" },
		{ "a\n123456789012345678901\nb", "1:a+" },
		{ "a\n\"123456789012345678901\nb", "1:a+" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t n = 1; n < 30; n++)
			assert_string_equal(
			    streamed(CSV_STREAM_QUOTED, cases[i].text, strlen(cases[i].text), n),
			    cases[i].rows);
	}
	assert_string_equal(
	    streamed(CSV_STREAM_LINES, "{\"a\":1}\n{\"b\n\"}", 14, 3), "1:{\"a\":1}/2:{\"b/3:\"}");
}

static void
formulas_are_defused_and_taken_back(void **state)
{
	static const char *const cells[] = { "", "a", "=1+1", "+51 944264648", "-1", "@x", "\tx",
		"\rx", "'", "'a", "'=1", "''=1", "a=1", "\"x\";,\n", "-" };

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		char *text;
		size_t length;
		struct csv csv;
		struct csv_row row;
		FILE *f = open_memstream(&text, &length);

		csv_put_cell(f, cells[i], ",end");
		fclose(f);
		csv_begin(&csv, text, length);
		assert_true(csv_next(&csv, &arena, &row));
		assert_null(
		    memchr("=+-@\t\r", row.cells[0][0] | 0, row.cells[0][0] != '\0' ? 6 : 0));
		assert_string_equal(csv_taken_back(row.cells[0]), cells[i]);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_separators),
		cmocka_unit_test(streams_find_rows_however_the_bytes_arrive),
		cmocka_unit_test(formulas_are_defused_and_taken_back),
		cmocka_unit_test(quotes),
		cmocka_unit_test(many_cells),
	};
	int failed;

	arena_init(&arena);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
