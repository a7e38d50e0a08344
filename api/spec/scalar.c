/*
 * scalar - strings and numbers against their schema.
 */
#include <string.h>
#include "base/text.h"
#include "spec/walk.h"

/* RFC 5321, 4.5.3.1.3: a path of 256 less its two brackets. */
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
	/* Of the local part's dots none is first, last or beside another (RFC 5321, 4.1.2). */
	for (i = 0; i < local; i++)
		if (s[i] == '.' && (i == 0 || s[i + 1] == '.' || s[i + 1] == '@'))
			return false;
	s += local;
	/* Each label begins with its '@' or dot (RFC 5321, 4.1.2; RFC 1035, 2.3.4). */
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
	const char *what = NULL, *pointer;

	if (s->format == FORMAT_DATE && !text_is_date(text))
		what = "a day that exists, as YYYY-MM-DD";
	else if (s->format == FORMAT_EMAIL && !is_email(text))
		what = "an e-mail address";
	else if (s->format == FORMAT_DIGITS &&
		 (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0'))
		what = "digits only";
	if (what == NULL)
		return;
	pointer = walk_pointer(w, at);
	faults_add(w->fs, pointer, "format", "%s must be %s", walk_called(pointer), what);
}

static void
check_pattern(const struct walk *w, const struct schema *s, const char *text, const struct at *at)
{
	const char *pointer;

	if (s->pattern == NULL || regexec(&s->regex, text, 0, NULL, 0) == 0)
		return;
	pointer = walk_pointer(w, at);
	faults_add(w->fs, pointer, "pattern", "%s must match %s%s%s", walk_called(pointer),
	    s->pattern, s->hint != NULL ? ": " : "", s->hint != NULL ? s->hint : "");
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
	f = faults_add(w->fs, pointer, "not_listed", "%s must be %s%s", walk_called(pointer),
	    s->listed[1] != NULL ? "one of " : "", s->allowed_text);
	f->allowed = s->allowed;
}

void
walk_string(const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	const char *text = json_string_value(value), *pointer;
	size_t n = text_length(text);
	int before = w->fs->count;

	if (n > s->max_length) {
		pointer = walk_pointer(w, at);
		faults_add(w->fs, pointer, "too_long", "%s must have at most %zu character%s",
		    walk_called(pointer), s->max_length, s->max_length == 1 ? "" : "s");
		/* It goes no further: a pattern's time grows with the text. */
		return;
	}
	if (n < s->min_length) {
		pointer = walk_pointer(w, at);
		faults_add(w->fs, pointer, "too_short", "%s must have at least %zu character%s",
		    walk_called(pointer), s->min_length, s->min_length == 1 ? "" : "s");
	}
	check_pattern(w, s, text, at);
	check_format(w, s, text, at);
	walk_listed(w, s, value, at);
	if (s->catalog == NULL || w->hooks == NULL || w->hooks->choice == NULL)
		return;
	if (w->fs->count == before && !walk_is_full(w))
		w->hooks->choice(s->catalog, text, walk_pointer(w, at), w->fs, w->hooks->arg);
}

/* Below 0, 0 or above it, as a is less than, equal to or more than b. */
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
bound_fault(const struct walk *w, const char *code, const char *words, const json_t *bound,
    const struct at *at)
{
	const char *pointer = walk_pointer(w, at);

	if (json_is_integer(bound))
		faults_add(w->fs, pointer, code, "%s must be %s %lld", walk_called(pointer), words,
		    (long long)json_integer_value(bound));
	else
		faults_add(w->fs, pointer, code, "%s must be %s %.15g", walk_called(pointer), words,
		    json_real_value(bound));
}

void
walk_number(const struct walk *w, const struct schema *s, const json_t *value, const struct at *at)
{
	if (s->minimum != NULL && compare_numbers(value, s->minimum) < 0)
		bound_fault(w, "too_small", "at least", s->minimum, at);
	if (s->maximum != NULL && compare_numbers(value, s->maximum) > 0)
		bound_fault(w, "too_big", "at most", s->maximum, at);
	walk_listed(w, s, value, at);
}
