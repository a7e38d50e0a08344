/*
 * pattern - which regular expressions the document may contain.
 *
 * Clients evaluate them as ECMA-262, this server as POSIX extended in the C
 * locale, where a character outside ASCII counts as several. Only expressions
 * that mean the same in both are accepted.
 */
#include "spec/pattern.h"

#include <stdbool.h>
#include <string.h>

/* The element before the present one, which decides what may follow. */
enum before {
	BEFORE_NOTHING, /* the start, or one of ( | ^ $: nothing that could be repeated */
	BEFORE_ATOM,
	BEFORE_NEGATED, /* [^…], which matches a character outside ASCII two to four times */
	BEFORE_QUANTIFIER
};

struct scan {
	enum before before;
	bool negated; /* the pattern has a [^…] so far */
};

/* Checks the bracket expression at p ("[…"): sets its length, or returns what is wrong. */
static const char *
check_brackets(const char *p, struct scan *scan, size_t *ret_length)
{
	bool negated = p[1] == '^';
	size_t n = negated ? 2 : 1;

	if (p[n] == ']')
		return "an empty bracket expression";
	for (; p[n] != ']'; n++) {
		if (p[n] == '\0')
			return "a [ without ]";
		if (p[n] == '[')
			return "a [ inside brackets: no [:class:]";
		if (p[n] == '\\')
			return "a \\ inside brackets";
	}
	scan->before = negated ? BEFORE_NEGATED : BEFORE_ATOM;
	scan->negated = scan->negated || negated;
	*ret_length = n + 1;
	return NULL;
}

/* Checks the quantifier at p (* + ? or {…}), like check_brackets. */
static const char *
check_quantifier(const char *p, struct scan *scan, size_t *ret_length)
{
	const char *end = strchr(p, '}');

	if (scan->before == BEFORE_QUANTIFIER)
		return "a quantifier after a quantifier: no non-greedy matching";
	if (scan->before == BEFORE_NOTHING)
		return "a quantifier with nothing to repeat";
	scan->before = BEFORE_QUANTIFIER;
	if (*p != '{')
		return NULL;
	if (p[1] < '0' || p[1] > '9' || end == NULL)
		return "a { without a number and }";
	if (scan->negated && p[-1] == ')')
		return "a counted group in a pattern with [^...]: it would count bytes";
	*ret_length = (size_t)(end - p) + 1;
	return NULL;
}

/* Checks the element at p: sets its length, or returns what is wrong. */
static const char *
check_one(const char *p, struct scan *scan, size_t *ret_length)
{
	*ret_length = 1;
	if (scan->before == BEFORE_NEGATED && *p != '*' && *p != '+')
		return "a [^...] without * or + after it: it would count bytes";

	switch (*p) {
	case '*':
	case '+':
	case '?':
	case '{':
		return check_quantifier(p, scan, ret_length);
	case '[':
		return check_brackets(p, scan, ret_length);
	case '.':
		return "a . that is not escaped: it means a byte here, a character there";
	case '}':
	case ']':
		return "a closing bracket without its opening one";
	case '\\':
		if (p[1] == '\0' || strchr("^$\\.*+?()[]{}|/", p[1]) == NULL)
			return "a \\ before something other than punctuation: no \\d, \\w, \\1";
		scan->before = BEFORE_ATOM;
		*ret_length = 2;
		return NULL;
	case '(':
		if (p[1] == '?')
			return "a (?: no look-ahead, no named groups";
		/* FALLTHROUGH */
	case '|':
	case '^':
	case '$':
		scan->before = BEFORE_NOTHING;
		return NULL;
	default:
		scan->before = BEFORE_ATOM;
		return NULL;
	}
}

const char *
pattern_check(const char *p)
{
	struct scan scan = { .before = BEFORE_NOTHING };
	const char *why, *q;
	size_t length;

	for (q = p; *q != '\0'; q++)
		if ((unsigned char)*q < 0x20 || (unsigned char)*q > 0x7E)
			return "a character outside printable ASCII";
	for (; *p != '\0'; p += length)
		if ((why = check_one(p, &scan, &length)) != NULL)
			return why;
	/* [^...] may come last: matching one byte of a character is enough there. */
	return NULL;
}
