#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "http/language.h"

static enum language
chosen(const char *list)
{
	return language_choose(&list, 1);
}

#define SPANISH(list) assert_int_equal(chosen(list), LANGUAGE_ES)
#define ENGLISH(list) assert_int_equal(chosen(list), LANGUAGE_EN)

static void
ranges_name_a_language(void **state)
{
	(void)state;
	SPANISH("es");
	SPANISH("ES");
	SPANISH("es-PE");
	SPANISH("es-419");
	SPANISH("es-Latn-PE-x-claro");
	ENGLISH("en");
	ENGLISH("en-US");
	ENGLISH("est");
	ENGLISH("e");
	ENGLISH("fr");
	ENGLISH("*");
	SPANISH("qu-PE, es");
	SPANISH("es, en");
	ENGLISH("en, es");
	SPANISH("fr-CA,es-PE,en");
}

static void
the_highest_q_wins(void **state)
{
	(void)state;
	SPANISH("en;q=0.8, es");
	SPANISH("en;q=0.8, es;q=0.801");
	ENGLISH("es;q=0.8, en");
	SPANISH("es-PE,es;q=0.9,en;q=0.8");
	ENGLISH("es;q=0.5, en;q=0.5, es;q=0.4, en-GB;q=0.6");
	SPANISH("es;q=0.5, en;q=0.5");
	ENGLISH("en;q=0.5, es;q=0.5");
	SPANISH("en;q=0.7, es;q=0.5, es-PE;q=0.8");
	SPANISH("es;q=0.001");
	SPANISH("es;q=1.000");
	SPANISH("es ; Q=1");
	SPANISH("es;q=0., es-PE;q=1.");
}

static void
q_of_zero_excludes_a_language(void **state)
{
	(void)state;
	ENGLISH("es;q=0");
	ENGLISH("es;q=0.000");
	ENGLISH("es;q=0, fr");
	ENGLISH("en;q=0, fr");
	SPANISH("en;q=0, es;q=0.001");
	SPANISH("es, es-MX;q=0");
}

static void
a_star_matches_languages_not_named(void **state)
{
	(void)state;
	ENGLISH("es;q=0.5, *;q=0.8");
	ENGLISH("es;q=0, *");
	ENGLISH("*, es");
	SPANISH("es, *");
	SPANISH("es, *;q=0.5");
	SPANISH("en;q=0, *");
	ENGLISH("*;q=0");
	SPANISH("*;q=0, es");
}

static void
lines_are_one_list(void **state)
{
	const char *const both[] = { "en;q=0.5", "es" }, *const equal[] = { "en", "es" },
			  *const bad[] = { ";", "es" };

	(void)state;
	assert_int_equal(language_choose(NULL, 0), LANGUAGE_EN);
	assert_int_equal(language_choose(both, 2), LANGUAGE_ES);
	assert_int_equal(language_choose(equal, 2), LANGUAGE_EN);
	assert_int_equal(language_choose(bad, 2), LANGUAGE_ES);
}

static void
empty_items_are_ignored(void **state)
{
	(void)state;
	ENGLISH("");
	ENGLISH(" \t");
	ENGLISH(",,,");
	SPANISH(",es");
	SPANISH("es,");
	SPANISH("fr,, ,\tes");
}

static void
malformed_ranges_are_ignored(void **state)
{
	(void)state;
	SPANISH("es-PE,es_PE;q=0.9,en;q=0.1");
	SPANISH("es_PE, es;q=0.5, en;q=0.1");
	SPANISH(";;;, es");
	SPANISH("es, en;q=much");
	ENGLISH("es;q=much, en;q=0.1");
	ENGLISH("es_PE");
	ENGLISH("es PE");
	ENGLISH("es-");
	ENGLISH("es--PE");
	ENGLISH("es-*");
	ENGLISH("-es");
	ENGLISH("español");
	ENGLISH("es;");
	ENGLISH("es;q");
	ENGLISH("es;q=");
	ENGLISH("es;q=x");
	ENGLISH("es;q= 1");
	ENGLISH("es;q=-1");
	ENGLISH("es;q=2");
	ENGLISH("es;q=1.001");
	ENGLISH("es;q=0.1234");
	ENGLISH("es;q=.5");
	ENGLISH("es;q=0.5;q=1");
	ENGLISH("es;level=1");
	ENGLISH("es;q=1 en");
	SPANISH("es, abcdefghi");
	SPANISH("es, a-abcdefghi");
	SPANISH("es, **");
	SPANISH("es, \"en\"");
}

static void
a_long_list_is_read_to_its_end(void **state)
{
	char list[16384 + 1];

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(list); i += 3)
		memcpy(list + i, "fr,", 3);
	memcpy(list + 16380, "es", 3);
	SPANISH(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_name_a_language),
		cmocka_unit_test(the_highest_q_wins),
		cmocka_unit_test(q_of_zero_excludes_a_language),
		cmocka_unit_test(a_star_matches_languages_not_named),
		cmocka_unit_test(lines_are_one_list),
		cmocka_unit_test(empty_items_are_ignored),
		cmocka_unit_test(malformed_ranges_are_ignored),
		cmocka_unit_test(a_long_list_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
