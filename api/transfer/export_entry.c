#include "transfer/export_entry.h"

#include <jansson.h>
#include <string.h>

#include "base/json_text.h"

static json_t *
names(const char *list)
{
	json_t *array = json_array();

	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		json_array_append_new(array, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	return array;
}

const char *
export_entry_json(const struct export_entry *e, struct arena *arena)
{
	bool begun = strcmp(e->state, "begun") == 0;
	json_t *entry = json_pack("{s:s, s:s, s:o, s:b, s:s, s:o, s:s?}", "kind", e->kind, "format",
	    e->csv ? "csv" : "ndjson", "filters", names(e->filters), "masked", e->masked, "state",
	    e->state, "rows", begun ? json_null() : json_integer((json_int_t)e->rows), "by", e->by);
	size_t length;
	const char *text = json_text_dump(arena, entry, &length);

	json_decref(entry);
	return arena_copy(arena, text, length);
}
