/* What a client's stored parts show on a day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "resource/client_shown.h"

/* A client as a row of the fragment client_stored; NULL: SQL NULL. */
struct stored {
	const char *document, *advertising;
};

static PGresult *
rows_of(const struct stored clients[], int count)
{
	static PGresAttDesc columns[] = { { .name = (char *)"document" },
		{ .name = (char *)"advertising" } };
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	assert_true(PQsetResultAttrs(res, NITEMS(columns), columns));
	for (int row = 0; row < count; row++) {
		const char *values[] = { clients[row].document, clients[row].advertising };

		for (int i = 0; i < (int)NITEMS(values); i++)
			assert_true(PQsetvalue(res, row, i, (char *)values[i],
			    values[i] != NULL ? (int)strlen(values[i]) : -1));
	}
	return res;
}

static void
shows(const char *document, const char *advertising, const char *today, const char *wanted)
{
	PGresult *res = rows_of(&(struct stored){ document, advertising }, 1);
	struct arena arena;
	struct span json;

	arena_init(&arena);
	if (wanted == NULL) {
		assert_false(client_shown(&arena, (struct result *)res, 0, today, &json));
	} else {
		assert_true(client_shown(&arena, (struct result *)res, 0, today, &json));
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

/* Sorts clients who were created at these seconds, with these ids; says whether the ids then stand as wanted. */
static bool
sorted(const char *const seconds[], const char *const ids[], const char *const wanted[], int count)
{
	struct span clients[3];
	char documents[3][96], begin[32];

	for (int i = 0; i < count; i++) {
		snprintf(documents[i], sizeof(documents[i]),
		    "{\"id\":\"%s\",\"created_at\":\"2026-05-17T10:00:%s.000000Z\",\"advertising\":"
		    "null}",
		    ids[i], seconds[i]);
		clients[i] = (struct span){ documents[i], strlen(documents[i]) };
	}
	assert_true(clients_sort(clients, count));
	for (int i = 0; i < count; i++) {
		snprintf(begin, sizeof(begin), "{\"id\":\"%s\"", wanted[i]);
		if (memcmp(clients[i].at, begin, strlen(begin)) != 0)
			return false;
	}
	return true;
}

#define TEXTS(...)		     ((const char *const[]){ __VA_ARGS__ })
#define SORTED(seconds, ids, wanted) sorted(seconds, ids, wanted, NITEMS(ids))

static void
the_newest_is_first(void **state)
{
	static const char nothing[] = "{\"id\":\"1\"}";
	struct span without[] = { { nothing, sizeof(nothing) - 1 },
		{ nothing, sizeof(nothing) - 1 } };

	(void)state;
	assert_true(clients_sort(NULL, 0));
	assert_true(SORTED(TEXTS("10"), TEXTS("7"), TEXTS("7")));
	assert_true(SORTED(TEXTS("10", "09"), TEXTS("7", "8"), TEXTS("7", "8")));
	assert_true(SORTED(TEXTS("09", "10"), TEXTS("8", "7"), TEXTS("7", "8")));
	assert_true(SORTED(TEXTS("10", "10", "09"), TEXTS("9", "10", "8"), TEXTS("10", "9", "8")));
	assert_true(SORTED(TEXTS("10", "08", "09"), TEXTS("9", "8", "7"), TEXTS("9", "7", "8")));
	assert_false(clients_sort(without, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(birthdays),
		cmocka_unit_test(texts_of_people_are_no_members),
		cmocka_unit_test(the_newest_answer_is_the_last_member),
		cmocka_unit_test(what_is_not_rendered_is_not_shown),
		cmocka_unit_test(the_newest_is_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
