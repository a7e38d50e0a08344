/*
 * validate - walks a JSON value and a compiled schema side by side.
 *
 * Worker threads have little stack: stack frames here are small, and the
 * schema or the nesting of the body bounds the recursion.
 */
#include "spec/validate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spec/schema.h"
#include "spec/walk.h"

/* A fault shows at most this many bytes of an unknown property's name. */
#define NAME_SHOWN_MAX 64

static void walk_value(
    const struct walk *w, const struct schema *s, json_t *value, const struct at *at);

static struct at
at_member(const struct at *up, const char *name)
{
	return (struct at){ .up = up, .name = name, .length = strlen(name) };
}

static unsigned
type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return TYPE_OBJECT;
	case JSON_ARRAY:
		return TYPE_ARRAY;
	case JSON_STRING:
		return TYPE_STRING;
	case JSON_INTEGER:
		return TYPE_INTEGER;
	case JSON_REAL:
		return TYPE_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return TYPE_BOOLEAN;
	default:
		return TYPE_NULL;
	}
}

static enum text
type_text(const struct schema *s, unsigned type)
{
	switch (type) {
	case TYPE_OBJECT:
		return TEXT_an_object;
	case TYPE_ARRAY:
		return TEXT_an_array;
	case TYPE_STRING:
		return TEXT_a_string;
	case TYPE_BOOLEAN:
		return TEXT_a_boolean;
	case TYPE_NULL:
		return TEXT_null;
	case TYPE_NUMBER:
		if ((s->types & TYPE_INTEGER) != 0)
			return TEXT_a_fraction;
		/* FALLTHROUGH */
	default:
		return TEXT_a_number;
	}
}

static void
check_unique(const struct walk *w, const json_t *value, const struct at *at)
{
	size_t n = json_array_size(value), i, j;
	struct arena *a = w->fs->arena;
	const char *pointer;

	for (i = 1; i < n; i++)
		for (j = 0; j < i; j++)
			if (json_equal(json_array_get(value, i), json_array_get(value, j))) {
				pointer = walk_pointer(w, at);
				/* The message counts from one. */
				faults_add(w->fs, pointer, TEXT_not_unique, walk_label(w, pointer),
				    arena_printf(a, "%zu", j + 1), arena_printf(a, "%zu", i + 1));
				return;
			}
}

static void
walk_array(const struct walk *w, const struct schema *s, json_t *value, const struct at *at)
{
	size_t n = json_array_size(value), i;
	json_t *normal;

	/* Normalize first: uniqueItems compares normal forms. */
	for (i = 0; s->items != NULL && i < n; i++)
		if ((normal = walk_normal(w, s->items, json_array_get(value, i))) != NULL)
			*w->changed |= json_array_set_new(value, i, normal) == 0;

	if (n < s->min_items)
		walk_fault(w, at, TEXT_too_few, walk_count(w, s->min_items, TEXT_item, TEXT_items));
	if (n > s->max_items)
		walk_fault(
		    w, at, TEXT_too_many, walk_count(w, s->max_items, TEXT_item, TEXT_items));
	else if (s->unique_items)
		check_unique(w, value, at);
	walk_listed(w, s, value, at);
	for (i = 0; s->items != NULL && i < n && !walk_is_full(w); i++) {
		struct at item = { .up = at, .index = i };

		walk_value(w, s->items, json_array_get(value, i), &item);
	}
}

/* The user selects the value from a list instead of typing it. */
static bool
is_chosen(const struct schema *s)
{
	return s != NULL && (s->catalog != NULL || s->listed != NULL);
}

static const struct schema *
property_of(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->nproperties; i++) {
		if (strcmp(s->properties[i].name, name) == 0)
			return s->properties[i].schema;
	}
	return NULL;
}

static void
check_required(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	const char *const *name;
	struct at member;

	for (name = s->required; name != NULL && *name != NULL && !walk_is_full(w); name++) {
		if (json_object_get(value, *name) != NULL)
			continue;
		member = at_member(at, *name);
		walk_fault_inside(w, &member,
		    is_chosen(property_of(s, *name)) ? TEXT_required_choice : TEXT_required);
	}
}

/* The required members of all branches, in order. */
static const char *const *
names_of_branches(const struct walk *w, const char *const **branches)
{
	const char **names;
	size_t n = 0;

	for (size_t i = 0; branches[i] != NULL; i++)
		for (size_t k = 0; branches[i][k] != NULL; k++)
			n++;
	names = arena_alloc(w->fs->arena, (n + 1) * sizeof(*names));
	n = 0;
	for (size_t i = 0; branches[i] != NULL; i++)
		for (size_t k = 0; branches[i][k] != NULL; k++)
			names[n++] = branches[i][k];
	names[n] = NULL;
	return names;
}

static void
check_one_of(const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	const char *const **branch;
	const char *const *name;
	int matching = 0;

	if (s->one_of == NULL)
		return;
	for (branch = s->one_of; *branch != NULL; branch++) {
		for (name = *branch; *name != NULL; name++)
			if (json_object_get(value, *name) == NULL)
				break;
		if (*name == NULL)
			matching++;
	}
	if (matching == 1)
		return;
	faults_add(w->fs, walk_pointer(w, at), s->words != TEXT_NONE ? s->words : TEXT_one_of,
	    s->one_of_text[w->fs->language])
	    ->allowed = names_of_branches(w, s->one_of);
}

static void
check_unknown(
    const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	const char *name, *shown;
	struct at member;
	struct fault *f;
	json_t *ignored;

	json_object_foreach ((json_t *)value, name, ignored) {
		if (walk_is_full(w))
			return;
		if (property_of(s, name) != NULL)
			continue;
		member = at_member(at, name);
		if (member.length > NAME_SHOWN_MAX) {
			member.length = NAME_SHOWN_MAX;
			while (((unsigned char)name[member.length] & 0xC0) == 0x80)
				member.length--;
		}
		/* Show the name as sent, unless it is a read-only field with a label. */
		shown = arena_copy(w->fs->arena, name, member.length);
		f = faults_add(w->fs, walk_pointer(w, &member), TEXT_unknown_property, shown);
		if (f->field == NULL || message_label(f->field) == NULL)
			f->label = shown;
	}
}

static void
walk_object(const struct walk *w, const struct schema *s, json_t *value, const struct at *at)
{
	const struct property *p;
	struct at member;
	size_t known = 0, i;
	json_t *v, *normal;

	check_required(w, s, value, at);
	check_one_of(w, s, value, at);
	if (json_object_size(value) < s->min_properties)
		walk_fault(w, at, TEXT_empty_object,
		    walk_count(w, s->min_properties, TEXT_member, TEXT_members));
	for (i = 0; i < s->nproperties; i++) {
		p = &s->properties[i];
		if ((v = json_object_get(value, p->name)) == NULL)
			continue;
		known++;
		member = at_member(at, p->name);
		if ((normal = walk_normal(w, p->schema, v)) != NULL) {
			*w->changed |= json_object_set_new(value, p->name, normal) == 0;
			v = json_object_get(value, p->name);
		}
		walk_value(w, p->schema, v, &member);
	}
	if (s->closed && known < json_object_size(value))
		check_unknown(w, s, value, at);
	walk_listed(w, s, value, at);
	if (s->rule != NULL && w->hooks != NULL && w->hooks->rule != NULL && !walk_is_full(w))
		w->hooks->rule(s->rule, value, walk_pointer(w, at), w->fs, w->hooks->arg);
}

static void
walk_value(const struct walk *w, const struct schema *s, json_t *value, const struct at *at)
{
	enum language language = w->fs->language;
	unsigned type = type_of(value);
	const char *pointer;

	if (walk_is_full(w))
		return;
	/* A whole number beyond int64 stays a real. Treat it as an integer, which is above its maximum. */
	if (type == TYPE_NUMBER && (s->types & TYPE_NUMBER) == 0 &&
	    json_real_value(value) == trunc(json_real_value(value)))
		type = TYPE_INTEGER;
	/* The type number includes integers. */
	if (s->types != 0 && (s->types & type) == 0 &&
	    (type != TYPE_INTEGER || (s->types & TYPE_NUMBER) == 0)) {
		if (type == TYPE_NULL) {
			walk_fault_inside(
			    w, at, is_chosen(s) ? TEXT_type_null_choice : TEXT_type_null);
			return;
		}
		pointer = walk_pointer(w, at);
		faults_add(w->fs, pointer, TEXT_type, walk_label(w, pointer),
		    s->types_text[language], message_words(type_text(s, type), language));
		return;
	}
	switch (type) {
	case TYPE_OBJECT:
		walk_object(w, s, value, at);
		break;
	case TYPE_ARRAY:
		walk_array(w, s, value, at);
		break;
	case TYPE_STRING:
		walk_string(w, s, value, at);
		break;
	case TYPE_INTEGER:
	case TYPE_NUMBER:
		walk_number(w, s, value, at);
		break;
	default:
		walk_listed(w, s, value, at);
		break;
	}
}

bool
validate(const struct schema *s, json_t *value, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs)
{
	bool changed = false;
	struct walk w = { .hooks = hooks, .fs = fs, .changed = &changed };
	struct at at = { .name = pointer };

	walk_value(&w, s, value, &at);
	return changed;
}

static json_t *
integer_of(const char *text)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	long long n;

	if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return NULL;
	errno = 0;
	n = strtoll(text, NULL, 10);
	return errno == 0 ? json_integer(n) : NULL;
}

const char *
validate_text(const struct schema *s, const char *text, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs)
{
	bool changed = false;
	const struct walk w = { .hooks = hooks, .fs = fs, .changed = &changed };
	const struct at at = { .name = pointer };
	json_t *value = NULL;

	if (s->field != NULL)
		text = field_normal(s->field, fs->arena, text);
	if ((s->types & (TYPE_INTEGER | TYPE_NUMBER)) != 0)
		value = integer_of(text);
	if (value == NULL && (s->types & TYPE_BOOLEAN) != 0) {
		if (strcmp(text, "true") == 0)
			value = json_true();
		else if (strcmp(text, "false") == 0)
			value = json_false();
	}
	if (value == NULL && (s->types == 0 || (s->types & TYPE_STRING) != 0))
		value = json_string(text); /* NULL for bytes that are not UTF-8 */
	if (value == NULL) {
		walk_fault(&w, &at, TEXT_type_of_text,
		    s->types != 0 ? s->types_text[fs->language]
				  : message_words(TEXT_utf8_text, fs->language));
		return text;
	}
	walk_value(&w, s, value, &at);
	json_decref(value);
	return text;
}
