/* What a client's stored parts show on a day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "resource/client_shown.h"

/* A row of the fragment client_stored; NULL: SQL NULL. */
static PGresult *
row_of(const char *document, const char *advertising, const char *today)
{
	static PGresAttDesc columns[5] = { { .name = (char *)"document" },
		{ .name = (char *)"created_at" }, { .name = (char *)"id" },
		{ .name = (char *)"document" }, { .name = (char *)"today" } };
	const char *values[] = { document, "2026-01-01 00:00:00+00", "1", advertising, today };
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	assert_true(PQsetResultAttrs(res, 5, columns));
	for (int i = 0; i < 5; i++)
		assert_true(PQsetvalue(
		    res, 0, i, (char *)values[i], values[i] != NULL ? (int)strlen(values[i]) : -1));
	return res;
}

static void
shows(const char *document, const char *advertising, const char *today, const char *wanted)
{
	PGresult *res = row_of(document, advertising, today);
	struct arena arena;
	struct span json;

	arena_init(&arena);
	if (wanted == NULL) {
		assert_false(client_shown(&arena, (struct result *)res, 0, &json));
	} else {
		assert_true(client_shown(&arena, (struct result *)res, 0, &json));
		assert_int_equal(json.length, strlen(wanted));
		assert_memory_equal(json.at, wanted, json.length);
	}
	arena_free(&arena);
	PQclear(res);
}

static void
has_birthday(const char *birth, const char *today, const char *answer)
{
	char document[256], wanted[256];

	snprintf(document, sizeof(document),
	    "{\"birth_date\":\"%s\",\"experience\":{\"birthday_today\":false},\"advertising\":",
	    birth);
	snprintf(wanted, sizeof(wanted),
	    "{\"birth_date\":\"%s\",\"experience\":{\"birthday_today\":%s},\"advertising\":null}",
	    birth, answer);
	shows(document, NULL, today, wanted);
}

static void
birthdays(void **state)
{
	(void)state;
	has_birthday("1990-05-17", "2026-05-17", "true");
	has_birthday("1990-05-17", "2026-05-18", "false");
	has_birthday("2026-05-17", "2026-05-17", "true");
	has_birthday("1992-02-29", "2024-02-29", "true");
	has_birthday("1992-02-29", "2024-02-28", "false");
	has_birthday("1992-02-29", "2026-02-28", "true");
	has_birthday("1992-02-29", "2100-02-28", "true");
	has_birthday("1992-02-29", "2000-02-28", "false");
	has_birthday("1992-02-28", "2026-02-28", "true");
}

static void
texts_of_people_are_no_members(void **state)
{
	(void)state;
	/* The name is "birth_date":"1990-05-17", with its quotes. */
	shows("{\"name\":\"\\\"birth_date\\\":\\\"1990-05-17\\\"\",\"birth_date\":null,\"x\":{"
	      "\"birthday_today\":null},"
	      "\"advertising\":",
	    NULL, "2026-05-17",
	    "{\"name\":\"\\\"birth_date\\\":\\\"1990-05-17\\\"\",\"birth_date\":null,\"x\":{"
	    "\"birthday_today\":null},"
	    "\"advertising\":null}");
}

static void
the_newest_answer_is_the_last_member(void **state)
{
	(void)state;
	shows("{\"advertising\":", "{\"acceptance\":1}", "2026-05-17",
	    "{\"advertising\":{\"acceptance\":1}}");
	shows("{\"advertising\":", "null", "2026-05-17", "{\"advertising\":null}");
}

static void
what_is_not_rendered_is_not_shown(void **state)
{
	(void)state;
	shows(NULL, NULL, "2026-05-17", NULL);
	shows("{\"advertising\":", "", "2026-05-17", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(birthdays),
		cmocka_unit_test(texts_of_people_are_no_members),
		cmocka_unit_test(the_newest_answer_is_the_last_member),
		cmocka_unit_test(what_is_not_rendered_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
