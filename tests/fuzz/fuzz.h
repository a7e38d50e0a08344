/*
 * fuzz - helpers of all targets.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/check.h"
#include "http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* fuzz_text - the bytes and a NUL, in a block of exactly that size; the caller frees it. */
static inline char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* fuzz_cut - ends text at the first such byte; returns the text after it, or NULL. */
static inline char *
fuzz_cut(char *text, char at)
{
	char *p = strchr(text, at);

	if (p != NULL)
		*p++ = '\0';
	return p;
}

/* fuzz_contract - loads the embedded contract, once. */
static inline void
fuzz_contract(void)
{
	static bool loaded;
	char why[512] = "";

	if (loaded)
		return;
	if (openapi_load(&check_names, why, sizeof(why)) != 0 ||
	    route_check(why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	loaded = true;
}

#endif
