/*
 * scalar - checks strings and numbers against their schema.
 */
#include <math.h>
#include <string.h>
#include "base/text.h"
#include "spec/schema.h"
#include "spec/validate.h"
#include "spec/walk.h"

/* The prefix of masked values in answers (http/mask.c); older versions appended the value's end. */
#define MASK "***"

/* RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets. */
#define EMAIL_MAX 254

static bool
is_email(const char *s)
{
	static const char alphanumeric[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t local = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 ".!#$%&'*+/=?^_`{|}~-");
	int labels = 0;
	size_t i;

	if (local == 0 || s[local] != '@' || strlen(s) > EMAIL_MAX)
		return false;
	/* A dot of the local part is never first, last or next to a dot (RFC 5321, 4.1.2). */
	for (i = 0; i < local; i++)
		if (s[i] == '.' && (i == 0 || s[i + 1] == '.' || s[i + 1] == '@'))
			return false;
	s += local;
	/* One label per turn: s is at the '@' or dot before it (RFC 5321, 4.1.2; RFC 1035, 2.3.4). */
	while (*s != '\0') {
		size_t n = strspn(s + 1, alphanumeric);

		if ((labels++ > 0 && *s != '.') || n == 0 || n > 63 || s[1] == '-' || s[n] == '-')
			return false;
		s += n + 1;
	}
	return labels >= 2;
}

static void
check_format(const struct walk *w, const struct schema *s, const char *text, const struct at *at)
{
	if (s->format == FORMAT_DATE && !text_is_date(text))
		walk_fault(w, at, TEXT_format_date, NULL);
	else if (s->format == FORMAT_EMAIL && !is_email(text))
		walk_fault(w, at, TEXT_format_email, NULL);
	else if (s->format == FORMAT_DIGITS &&
		 (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0'))
		walk_fault(w, at, TEXT_format_digits, NULL);
	else if (s->format == FORMAT_INSTANT && !text_is_instant(text))
		walk_fault(w, at, TEXT_format_instant, NULL);
}

static void
check_pattern(const struct walk *w, const struct schema *s, const char *text, const struct at *at)
{
	if (s->pattern == NULL || regexec(&s->regex, text, 0, NULL, 0) == 0)
		return;
	walk_fault(w, at, s->words != TEXT_NONE ? s->words : TEXT_pattern, s->pattern);
}

void
walk_listed(const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	const json_t **legal;
	const char *pointer;
	struct fault *f;

	if (s->listed == NULL)
		return;
	for (legal = s->listed; *legal != NULL; legal++)
		if (json_equal(*legal, value))
			return;
	pointer = walk_pointer(w, at);
	if (json_is_string(value) && json_string_length(value) == 0)
		f = faults_add(w->fs, pointer, TEXT_listed_empty, walk_label_inside(w, pointer));
	else
		f = faults_add(w->fs, pointer,
		    s->listed[1] != NULL ? TEXT_not_listed : TEXT_not_constant,
		    walk_label(w, pointer), s->allowed_text);
	f->allowed = s->allowed;
}

/* 2^63: an int64 is at least -2^63 and below 2^63. */
#define INTEGER_LIMIT 9223372036854775808.0

static bool
is_int64(double number)
{
	return number >= -INTEGER_LIMIT && number < INTEGER_LIMIT && number == trunc(number);
}

json_t *
walk_normal(const struct walk *w, const struct schema *s, const json_t *value)
{
	const char *text = json_string_value(value), *normal;

	if (json_is_real(value) && (s->types & TYPE_INTEGER) != 0 &&
	    is_int64(json_real_value(value)))
		return json_integer((json_int_t)json_real_value(value));
	if (text == NULL || s->field == NULL)
		return NULL;
	normal = field_normal(s->field, w->fs->arena, text);
	if (normal[0] == '\0' && (s->types & TYPE_NULL) != 0)
		return json_null();
	return normal != text ? json_string(normal) : NULL;
}

void
walk_string(const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	const char *text = json_string_value(value);
	size_t n = text_length(text);
	int before = w->fs->count;
	enum text fault;

	if (n > s->max_length) {
		walk_fault(w, at, TEXT_too_long,
		    walk_count(w, s->max_length, TEXT_character, TEXT_characters));
		/* Stop here: matching a pattern takes time that grows with the text. */
		return;
	}
	if (s->personal && strncmp(text, MASK, sizeof(MASK) - 1) == 0) {
		walk_fault(w, at, TEXT_masked, NULL);
		return;
	}
	fault = s->field != NULL ? field_fault(s->field, text) : TEXT_NONE;
	if (fault != TEXT_NONE && n == 0) {
		/* For an empty value, "enter …" helps more than a description of the format. */
		walk_fault_inside(w, at, fault == TEXT_field_blank ? fault : TEXT_form_empty);
		return;
	}
	if (fault != TEXT_NONE) {
		/* The field type's text is more precise than one about length or pattern. */
		walk_fault(w, at, fault, NULL);
		return;
	}
	if (n == 0 && s->min_length == 1) {
		walk_fault_inside(w, at, TEXT_empty);
		return;
	}
	if (n < s->min_length)
		walk_fault(w, at, TEXT_too_short,
		    walk_count(w, s->min_length, TEXT_character, TEXT_characters));
	check_pattern(w, s, text, at);
	check_format(w, s, text, at);
	walk_listed(w, s, value, at);
	if (s->catalog == NULL || w->hooks == NULL || w->hooks->choice == NULL)
		return;
	if (w->fs->count == before && !walk_is_full(w))
		w->hooks->choice(s->catalog, text, walk_pointer(w, at), w->fs, w->hooks->arg);
}

/* Returns -1, 0 or 1 as a is less than, equal to or greater than b. */
static int
compare_numbers(const json_t *a, const json_t *b)
{
	double x, y;

	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t i = json_integer_value(a), j = json_integer_value(b);

		return (i > j) - (i < j);
	}
	x = json_number_value(a);
	y = json_number_value(b);
	return (x > y) - (x < y);
}

static void
bound_fault(const struct walk *w, const struct at *at, enum text text, const json_t *bound)
{
	struct arena *a = w->fs->arena;

	walk_fault(w, at, text,
	    json_is_integer(bound) ? arena_printf(a, "%lld", (long long)json_integer_value(bound))
				   : arena_printf(a, "%.15g", json_real_value(bound)));
}

void
walk_number(const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	if (s->minimum != NULL && compare_numbers(value, s->minimum) < 0)
		bound_fault(w, at, TEXT_too_small, s->minimum);
	if (s->maximum != NULL && compare_numbers(value, s->maximum) > 0)
		bound_fault(w, at, TEXT_too_big, s->maximum);
	walk_listed(w, s, value, at);
}
