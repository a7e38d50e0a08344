/* What the stored parts of opportunities show together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "resource/opportunity_shown.h"

/* A row of the fragment opportunity_stored, with these others, shows the wanted text; NULL: it must be rendered. */
static void
shows(const char *document, const char *others, const char *wanted)
{
	static PGresAttDesc columns[4] = { { .name = (char *)"document" },
		{ .name = (char *)"created_at" }, { .name = (char *)"id" },
		{ .name = (char *)"array" } };
	const char *values[] = { document, "2026-01-01 00:00:00+00", "1", others };
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	const struct span *shown;
	struct arena arena;

	arena_init(&arena);
	assert_true(PQsetResultAttrs(res, 4, columns));
	for (int i = 0; i < 4; i++)
		assert_true(PQsetvalue(
		    res, 0, i, (char *)values[i], values[i] != NULL ? (int)strlen(values[i]) : -1));
	shown = opportunities_shown(&arena, (struct result *)res);
	if (wanted == NULL) {
		assert_null(shown);
	} else {
		assert_non_null(shown);
		assert_int_equal(shown->length, strlen(wanted));
		assert_memory_equal(shown->at, wanted, shown->length);
	}
	arena_free(&arena);
	PQclear(res);
}

static void
others_follow_the_document(void **state)
{
	(void)state;
	shows("{\"id\":\"7\"}", "{}", "{\"id\":\"7\",\"other_open\":[]}");
	shows("{\"id\":\"7\"}", "{5}", "{\"id\":\"7\",\"other_open\":[\"5\"]}");
	shows("{\"a\":{\"b\":1}}", "{9,9223372036854775807,10}",
	    "{\"a\":{\"b\":1},\"other_open\":[\"9223372036854775807\",\"10\",\"9\"]}");
}

static void
the_newest_hundred_are_shown(void **state)
{
	char others[1024] = "{1", wanted[1024] = "{\"id\":1,\"other_open\":[\"101\"";
	size_t n = strlen(others), m = strlen(wanted);

	(void)state;
	for (int i = 2; i <= 101; i++)
		n += (size_t)sprintf(others + n, ",%d", i);
	strcpy(others + n, "}");
	for (int i = 100; i >= 2; i--)
		m += (size_t)sprintf(wanted + m, ",\"%d\"", i);
	strcpy(wanted + m, "]}");
	shows("{\"id\":1}", others, wanted);
}

static void
what_is_not_rendered_is_not_shown(void **state)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	struct arena arena;

	(void)state;
	shows(NULL, "{}", NULL);
	arena_init(&arena);
	assert_null(opportunities_shown(&arena, (struct result *)res));
	arena_free(&arena);
	PQclear(res);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_follow_the_document),
		cmocka_unit_test(the_newest_hundred_are_shown),
		cmocka_unit_test(what_is_not_rendered_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
