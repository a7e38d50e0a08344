#include "command/plan_print.h"

#include <stdio.h>

#include "base/text.h"

/* "label: X, position: 3", in the order of the file's columns. */
static const char *
members(struct arena *arena, const json_t *object)
{
	static const char *const names[] = { "label", "parent", "position", "valid_from",
		"valid_until", "operator_code", "sunat_code" };
	const char *all = "";

	for (size_t i = 0; i < NITEMS(names); i++) {
		const json_t *value = json_object_get(object, names[i]);
		const char *text =
		    json_is_integer(value)
			? arena_printf(arena, "%lld", (long long)json_integer_value(value))
		    : json_is_string(value) ? json_string_value(value)
					    : "-";

		if (value != NULL && (json_object_size(object) < 5 || !json_is_null(value)))
			all = arena_printf(
			    arena, "%s%s%s: %s", all, *all != '\0' ? ", " : "", names[i], text);
	}
	return *all != '\0' ? all : "-";
}

enum { ACTION, CODE, BEFORE, AFTER, CELLS };

/* Prints a cell and blanks up to its column's width; the last one without. */
static void
print_cell(const char *text, size_t width, bool last)
{
	size_t length = text_length(text);

	printf("%s%*s", text, last ? 0 : (int)(width > length ? width - length : 0) + 2, "");
}

static void
print_changes(struct arena *arena, const json_t *changes)
{
	size_t n = json_array_size(changes), width[CELLS] = { 0 };
	const char *(*rows)[CELLS] = arena_alloc(arena, (n + 1) * sizeof(*rows));

	rows[0][ACTION] = "ACTION";
	rows[0][CODE] = "CODE";
	rows[0][BEFORE] = "BEFORE";
	rows[0][AFTER] = "AFTER";
	for (size_t i = 0; i < n; i++) {
		const json_t *c = json_array_get(changes, i);

		rows[i + 1][ACTION] = json_string_value(json_object_get(c, "action"));
		rows[i + 1][CODE] = json_string_value(json_object_get(c, "code"));
		rows[i + 1][BEFORE] = members(arena, json_object_get(c, "before"));
		rows[i + 1][AFTER] = members(arena, json_object_get(c, "after"));
	}
	for (size_t i = 0; i <= n; i++)
		for (int k = 0; k < CELLS; k++)
			if (text_length(rows[i][k]) > width[k])
				width[k] = text_length(rows[i][k]);
	for (size_t i = 0; i <= n; i++) {
		for (int k = 0; k < CELLS; k++)
			print_cell(rows[i][k], width[k], k == CELLS - 1);
		putchar('\n');
	}
}

void
plan_print(struct arena *arena, const json_t *plan)
{
	const json_t *changes = json_object_get(plan, "changes"), *one;
	size_t i, k;

	if (json_array_size(changes) > 0)
		print_changes(arena, changes);
	json_array_foreach (json_object_get(plan, "warnings"), i, one) {
		const json_t *codes = json_object_get(one, "resembles");

		printf(
		    "warning: \"%s\" resembles", json_string_value(json_object_get(one, "label")));
		for (k = 0; k < json_array_size(codes); k++)
			printf(
			    "%s %s", k > 0 ? "," : "", json_string_value(json_array_get(codes, k)));
		putchar('\n');
	}
	json_array_foreach (json_object_get(plan, "errors"), i, one) {
		const char *column = json_string_value(json_object_get(one, "column"));

		printf("line %lld%s%s: %s\n",
		    (long long)json_integer_value(json_object_get(one, "line")),
		    column != NULL ? ", " : "", column != NULL ? column : "",
		    json_string_value(json_object_get(one, "detail")));
	}
}
