#include "resource/client_shown.h"

#include <stdlib.h>
#include <string.h>

/* The columns of the fragment client_stored. */
enum { DOCUMENT, TODAY, ID, ADVERTISING };

/*
 * A text that a document contains, or NULL. Quotes within a JSON string are escaped, so a text with quotes on both sides of a
 * name is found as a member and not in what somebody wrote.
 */
static const char *
find(struct span document, const char *text)
{
	return memmem(document.at, document.length, text, strlen(text));
}

/* Both days are YYYY-MM-DD. Who was born on 29 February has a birthday on the 28th in years without a 29th. */
static bool
is_birthday(const char *birth, const char *today)
{
	int year = atoi(today);
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	birth += strlen("YYYY-");
	today += strlen("YYYY-");
	return memcmp(birth, today, strlen("MM-DD")) == 0 ||
	       (!leap && memcmp(birth, "02-29", 5) == 0 && memcmp(today, "02-28", 5) == 0);
}

bool
client_shown(struct arena *arena, const struct result *rows, int row, struct span *ret_json)
{
	static const char birth_date[] = "\"birth_date\":\"",
			  no_birthday[] = "\"birthday_today\":false";
	struct span document = { result_text(rows, row, DOCUMENT),
		result_length(rows, row, DOCUMENT) };
	const char *advertising = result_text(rows, row, ADVERTISING), *birth, *flag = NULL;
	char *at, *end;

	if (document.at == NULL || (advertising != NULL && *advertising == '\0'))
		return false;
	birth = find(document, birth_date);
	if (birth != NULL &&
	    is_birthday(birth + sizeof(birth_date) - 1, result_text(rows, row, TODAY)))
		flag = find(document, no_birthday);
	if (advertising == NULL)
		advertising = "null";
	/* The document ends with the name of its last member, `advertising`. */
	at = end = arena_alloc(arena, document.length + strlen(advertising) + sizeof("}"));
	if (flag != NULL) {
		end = mempcpy(end, document.at, (size_t)(flag - document.at));
		end = stpcpy(end, "\"birthday_today\":true");
		flag += sizeof(no_birthday) - 1;
		end = mempcpy(end, flag, (size_t)(document.at + document.length - flag));
	} else {
		end = mempcpy(end, document.at, document.length);
	}
	end = stpcpy(stpcpy(end, advertising), "}");
	*ret_json = (struct span){ at, (size_t)(end - at) };
	return true;
}

/* Bytes of an instant in a document, "2026-01-31T12:00:00.000000Z": all have as many, so that they compare as texts. */
#define INSTANT_LENGTH 27

/* The instant at which the client was created; NULL: the document has none. */
static const char *
created_at(const struct result *rows, int row)
{
	static const char member[] = "\"created_at\":\"";
	struct span document = { result_text(rows, row, DOCUMENT),
		result_length(rows, row, DOCUMENT) };
	const char *at = find(document, member);

	return at != NULL ? at + sizeof(member) - 1 : NULL;
}

static bool
is_newer(const struct result *rows, int row, int than)
{
	const char *a = created_at(rows, row), *b = created_at(rows, than);
	int by_instant = a != NULL && b != NULL ? memcmp(a, b, INSTANT_LENGTH) : -1;

	return by_instant > 0 ||
	       (by_instant == 0 && strtoll(result_text(rows, row, ID), NULL, 10) >
				       strtoll(result_text(rows, than, ID), NULL, 10));
}

bool
clients_in_order(const struct result *rows)
{
	for (int i = 1; i < result_rows(rows); i++) {
		if (!is_newer(rows, i - 1, i))
			return false;
	}
	return true;
}
