/*
 * A list of origins and, after a line feed, an Origin: only an origin on a valid list is
 * allowed, and no valid list can end a header's line.
 */
#include "fuzz.h"
#include "base/origin.h"
#include "http/cors.h"

static bool
is_on(char *origins, const char *origin)
{
	char *save = NULL;

	for (char *p = strtok_r(origins, ", \t", &save); p != NULL;
	     p = strtok_r(NULL, ", \t", &save)) {
		if (strcmp(p, origin) == 0)
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *origins = fuzz_text(data, size), *origin = fuzz_cut(origins, '\n');
	struct request rq;

	if (origin_list_valid(origins)) {
		MUST(strpbrk(origins, "\r\n*\"") == NULL);
		memset(&rq, 0, sizeof(rq));
		arena_init(&rq.arena);
		cors_headers(&rq, origins, origin, size % 2 == 0);
		if (origin != NULL) {
			bool let_in = rq.reply.headers != NULL &&
				      strstr(rq.reply.headers, "Allow-Origin") != NULL;

			MUST(let_in == is_on(origins, origin));
		}
		arena_free(&rq.arena);
	}
	free(origins);
	return 0;
}
