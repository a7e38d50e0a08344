/* traceparent: an accepted value is the one sent, and the one that the program sends on is valid too. */
#include <sodium.h>
#include "fuzz.h"
#include "http/trace.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), sent[TRACE_PARENT_SIZE];
	struct trace got, again;

	MUST(sodium_init() >= 0);
	trace_take(text, &got);
	if (got.id[0] != '\0') {
		MUST(strlen(text) >= TRACE_PARENT_SIZE - 1);
		MUST(memcmp(text + 3, got.id, TRACE_ID_SIZE - 1) == 0);
		MUST(strspn(got.id, "0123456789abcdef") == TRACE_ID_SIZE - 1);
		MUST(strspn(got.span, "0123456789abcdef") == TRACE_SPAN_SIZE - 1);
		MUST(strspn(got.flags, "0123456789abcdef") == 2);
		trace_parent(&got, sent);
		MUST(strlen(sent) == TRACE_PARENT_SIZE - 1);
		trace_take(sent, &again);
		MUST(strcmp(again.id, got.id) == 0 && strcmp(again.flags, got.flags) == 0);
	}
	free(text);
	return 0;
}
