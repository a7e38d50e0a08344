/* Text that people type: its normal form is UTF-8, normalises to itself, and is not too long; other text is refused. */
#include "field/field.h"
#include "base/text.h"
#include "fuzz.h"

/* UAX #15, 12.2: NFC makes UTF-8 at most three times as long. */
#define GROWTH_MAX 3

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "name", "phone", "document_number", "serial_number",
		"username", "login", "email", "date", "moment" };
	char *text = fuzz_text(data, size), *trimmed = strdup(text);
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < NITEMS(types); i++) {
		const struct field *f = field_named(types[i]);
		const char *normal = field_normal(f, &arena, text);

		if (!text_is_utf8(text, strlen(text))) {
			MUST(normal == text);
			MUST(i == 5 || i == 6 || field_fault(f, normal) != TEXT_NONE);
			continue;
		}
		MUST(text_is_utf8(normal, strlen(normal)));
		MUST(field_normal(f, &arena, normal) == normal);
		MUST(strlen(normal) <= GROWTH_MAX * strlen(text));
		(void)field_fault(f, normal);
	}
	if (text_is_utf8(text, strlen(text)))
		MUST(strlen(field_trim(trimmed)) <= strlen(text));
	arena_free(&arena);
	free(trimmed);
	free(text);
	return 0;
}
