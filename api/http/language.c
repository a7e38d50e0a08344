#include "http/language.h"

#include <string.h>
#include <strings.h>

#define LETTERS	       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	       "0123456789"
#define SUBTAG_MAX     8
#define Q_ONE	       1000
#define NOT_NAMED      (-1)
#define ANY	       LANGUAGES
#define OTHER_LANGUAGE (LANGUAGES + 1)

/* What the client prefers: q of English, of Spanish, and of "*". */
struct preferences {
	struct {
		int q; /* in thousandths, or NOT_NAMED */
		int place; /* in the list, from 1 */
	} of[LANGUAGES + 1];
	int places;
};

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Parses a language range; ret_which: a language, ANY or OTHER_LANGUAGE. Returns its end; NULL: malformed. */
static const char *
take_range(const char *s, int *ret_which)
{
	size_t n = strspn(s, LETTERS);

	if (*s == '*') {
		*ret_which = ANY;
		return s + 1;
	}
	if (n == 0 || n > SUBTAG_MAX)
		return NULL;
	*ret_which = OTHER_LANGUAGE;
	if (n == 2 && strncasecmp(s, "en", n) == 0)
		*ret_which = LANGUAGE_EN;
	else if (n == 2 && strncasecmp(s, "es", n) == 0)
		*ret_which = LANGUAGE_ES;
	for (s += n; *s == '-'; s += n) {
		n = strspn(++s, LETTERS DIGITS);
		if (n == 0 || n > SUBTAG_MAX)
			return NULL;
	}
	return s;
}

/* Parses ";q=0.5"; if absent, q is 1. Returns its end; NULL: malformed. */
static const char *
take_weight(const char *s, int *ret_q)
{
	int q, worth = Q_ONE;

	*ret_q = Q_ONE;
	if (*s != ';')
		return s;
	s = skip_blanks(s + 1);
	if (strncasecmp(s, "q=", 2) != 0 || (s[2] != '0' && s[2] != '1'))
		return NULL;
	q = s[2] == '1' ? Q_ONE : 0;
	s += 3;
	if (*s == '.') {
		/* At most three digits: a fourth is left over, and then the element does not end here. */
		for (s++; *s >= '0' && *s <= '9' && worth > 1; s++)
			q += (*s - '0') * (worth /= 10);
	}
	if (q > Q_ONE)
		return NULL;
	*ret_q = q;
	return s;
}

/* Parses one element of the list, up to its comma or the end; false: malformed. */
static bool
take_element(const char *s, int *ret_which, int *ret_q)
{
	if ((s = take_range(s, ret_which)) == NULL)
		return false;
	if ((s = take_weight(skip_blanks(s), ret_q)) == NULL)
		return false;
	s = skip_blanks(s);
	return *s == ',' || *s == '\0';
}

/* Adds one header line's value to the preferences, without its malformed elements. */
static void
add_header(struct preferences *w, const char *s)
{
	int which = OTHER_LANGUAGE, q = 0;

	for (; *(s += strspn(s, " \t,")) != '\0'; s += strcspn(s, ",")) {
		w->places++;
		if (!take_element(s, &which, &q))
			continue;
		/* The Spanish texts serve es-PE;q=0.8 and es;q=0.5 alike, so the higher q counts. */
		if (which != OTHER_LANGUAGE && q > w->of[which].q) {
			w->of[which].q = q;
			w->of[which].place = w->places;
		}
	}
}

enum language
language_choose(const char *const lists[], size_t n)
{
	struct preferences w = { .of = { { NOT_NAMED, 0 }, { NOT_NAMED, 0 }, { NOT_NAMED, 0 } } };
	int en, es;

	for (size_t i = 0; i < n; i++)
		add_header(&w, lists[i]);
	for (enum language l = 0; l < LANGUAGES; l++) {
		if (w.of[l].q == NOT_NAMED)
			w.of[l] = w.of[ANY];
	}
	en = w.of[LANGUAGE_EN].q;
	es = w.of[LANGUAGE_ES].q;
	if (es <= 0 || es < en)
		return LANGUAGE_EN;
	return es > en || w.of[LANGUAGE_ES].place < w.of[LANGUAGE_EN].place ? LANGUAGE_ES
									    : LANGUAGE_EN;
}
