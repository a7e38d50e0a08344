/*
 * Accept-Language and Accept. Several lines of a header form one list, so two lines
 * must give what one of them gives; an Accept of any type accepts the service's types.
 */
#include "fuzz.h"
#include "http/language.h"
#include "http/media.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first = fuzz_text(data, size), *second = fuzz_cut(first, '\n'), *both;
	const char *lists[2] = { first, second };
	size_t n = second != NULL ? 2 : 1;
	enum language chosen = language_choose(lists, n);

	MUST(chosen < LANGUAGES);
	if (second != NULL) {
		const char *one[1];

		both = malloc(size + 4);
		MUST(both != NULL);
		sprintf(both, "%s, %s", first, second);
		one[0] = both;
		MUST(language_choose(one, 1) == chosen);
		free(both);
	}
	if (media_accepts(first, "application/json") && first[strspn(first, " \t")] != '\0')
		MUST(strchr(first, '/') != NULL);
	if (media_is(first, "application/json"))
		MUST(strncasecmp(first, "application/json", 16) == 0);
	free(first);
	return 0;
}
