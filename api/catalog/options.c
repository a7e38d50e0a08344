/*
 * options - what may be chosen in a tree now; the same items that tree_check accepts.
 */
#include <string.h>

#include "catalog/tree.h"

static json_t *
option(const char *code, const char *label, bool selectable, json_t *items)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "code", code, "label", label, "selectable",
	    selectable, "items", items);
}

static json_t *
options_of(const struct item *first)
{
	json_t *array = json_array();

	for (const struct item *i = first; i != NULL; i = i->next) {
		if (i->active)
			json_array_append_new(
			    array, option(i->code, i->label, !tree_has_active(i->first_child),
				       options_of(i->first_child)));
	}
	return array;
}

static json_t *
find_option(const json_t *options, const char *code)
{
	json_t *one;

	for (size_t i = 0; (one = json_array_get(options, i)) != NULL; i++) {
		if (strcmp(json_string_value(json_object_get(one, "code")), code) == 0)
			return one;
	}
	return NULL;
}

/* A record may keep a choice that was retired since: adds what is missing of its path. */
static void
add_held(json_t *options, const json_t *held)
{
	json_t *level, *one = NULL;

	for (size_t i = 0; (level = json_array_get(json_object_get(held, "levels"), i)) != NULL;
	     i++) {
		const char *code = json_string_value(json_object_get(level, "code"));

		if (code == NULL)
			return;
		one = find_option(options, code);
		if (one == NULL) {
			one = option(code, json_string_value(json_object_get(level, "label")),
			    false, json_array());
			json_array_append_new(options, one);
		}
		options = json_object_get(one, "items");
	}
	if (one != NULL)
		json_object_set_new(one, "selectable", json_true());
}

static void
add_codes(json_t *codes, const json_t *options)
{
	json_t *one;

	for (size_t i = 0; (one = json_array_get(options, i)) != NULL; i++) {
		if (json_is_true(json_object_get(one, "selectable")))
			json_array_append(codes, json_object_get(one, "code"));
		add_codes(codes, json_object_get(one, "items"));
	}
}

json_t *
tree_options(const struct catalog *c, const json_t *held, bool flat)
{
	json_t *options = options_of(c->first), *codes, *one;

	for (size_t i = 0; (one = json_array_get(held, i)) != NULL; i++)
		add_held(options, one);
	if (!flat)
		return options;
	codes = json_array();
	add_codes(codes, options);
	json_decref(options);
	return codes;
}

bool
tree_offers(const struct catalog *c, const char *code)
{
	size_t n;

	/* An active item has active ones below it, or it may be chosen itself. */
	for (const struct item *i = c->first; i != NULL;) {
		n = strlen(i->code);
		if (i->active && strcmp(i->code, code) == 0)
			return true;
		i = i->active && strncmp(i->code, code, n) == 0 && code[n] == '.' ? i->first_child
										  : i->next;
	}
	return false;
}
