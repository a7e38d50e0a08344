#include "resource/opportunity_shown.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base.h"

/* The columns of the fragment opportunity_stored; the instant and the id between them are the list's. */
enum { DOCUMENT, OTHERS = 3 };

/* As many ids of other open opportunities are shown at most: the newest. */
#define OTHERS_MAX 100

static int
newest_first(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x < y) - (x > y);
}

/* Reads the ids of an array as PostgreSQL writes it, "{7,5}". Returns their number; ret_ids is in the arena. */
static size_t
ids_read(struct arena *arena, const char *array, long long **ret_ids)
{
	size_t n = 0, most = 1;
	char *end;

	for (const char *at = array; *at != '\0'; at++)
		most += *at == ',';
	*ret_ids = arena_alloc(arena, most * sizeof(**ret_ids));
	for (const char *at = array; *at != '}'; at = end) {
		at++; /* a brace or a comma */
		(*ret_ids)[n] = strtoll(at, &end, 10);
		if (end == at)
			break;
		n++;
	}
	return n;
}

/* Appends the member with the ids, and the document's last brace. */
static char *
others_put(struct arena *arena, char *out, const char *array)
{
	long long *ids;
	size_t n = ids_read(arena, array, &ids);

	qsort(ids, n, sizeof(*ids), newest_first);
	out = stpcpy(out, ",\"other_open\":[");
	for (size_t i = 0; i < n && i < OTHERS_MAX; i++)
		out += sprintf(out, "%s\"%lld\"", i > 0 ? "," : "", ids[i]);
	return stpcpy(out, "]}");
}

const struct span *
opportunities_shown(struct arena *arena, const struct result *rows)
{
	int n = result_rows(rows);
	struct span *shown = arena_alloc(arena, (size_t)n * sizeof(*shown));

	for (int i = 0; i < n; i++) {
		const char *document = result_text(rows, i, DOCUMENT);
		size_t length = result_length(rows, i, DOCUMENT),
		       others = result_length(rows, i, OTHERS);
		char *at, *end;

		if (document == NULL)
			return NULL;
		/* n ids of d digits take n (d + 1) + 1 bytes of the array, and n (d + 3) with quotes: at most twice as many. */
		at = arena_alloc(arena, length + 3 * others + sizeof(",\"other_open\":[]}"));
		end = mempcpy(at, document, length - strlen("}"));
		end = others_put(arena, end, result_text(rows, i, OTHERS));
		shown[i] = (struct span){ at, (size_t)(end - at) };
	}
	return n > 0 ? shown : NULL;
}
