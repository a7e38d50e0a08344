#include "resource/client_shown.h"

#include <stdlib.h>
#include <string.h>

/* The columns of the fragment client_stored. */
enum { DOCUMENT, ADVERTISING };

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
client_shown(struct arena *arena, const struct result *rows, int row, const char *today,
    struct span *ret_json)
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
	if (birth != NULL && is_birthday(birth + sizeof(birth_date) - 1, today))
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

/* The value of a client's text, from its first byte on; NULL: it has none. */
static const char *
value_of(struct span client, const char *member)
{
	const char *at = find(client, member);

	return at != NULL ? at + strlen(member) : NULL;
}

static const char created_at[] = "\"created_at\":\"", id[] = "{\"id\":\"";

static int
newest_first(const void *a, const void *b)
{
	const struct span *one = a, *other = b;
	int by_instant =
	    memcmp(value_of(*other, created_at), value_of(*one, created_at), INSTANT_LENGTH);
	long long one_id = strtoll(value_of(*one, id), NULL, 10),
		  other_id = strtoll(value_of(*other, id), NULL, 10);

	return by_instant != 0 ? by_instant : (other_id > one_id) - (other_id < one_id);
}

bool
clients_sort(struct span clients[], int count)
{
	if (count < 2)
		return true;
	for (int i = 0; i < count; i++) {
		if (value_of(clients[i], created_at) == NULL || value_of(clients[i], id) == NULL)
			return false;
	}
	qsort(clients, (size_t)count, sizeof(*clients), newest_first);
	return true;
}
