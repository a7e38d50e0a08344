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

/* What is wanted of English, of Spanish, and of whatever is not named. */
struct wishes {
	struct {
		int q; /* in thousandths, or NOT_NAMED */
		int place; /* in the list */
	} of[LANGUAGES + 1];
	int places;
};

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Takes a range: ret_which is a language, ANY or OTHER_LANGUAGE. Returns what is behind it; NULL: malformed. */
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

/* Takes ";q=0.5", or nothing, which is 1. Returns what is behind it; NULL: malformed. */
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
		/* At most three digits: the fourth is left, and is no end of an item. */
		for (s++; *s >= '0' && *s <= '9' && worth > 1; s++)
			q += (*s - '0') * (worth /= 10);
	}
	if (q > Q_ONE)
		return NULL;
	*ret_q = q;
	return s;
}

/* Whether one element of the list, up to its comma or the end, is well-formed. */
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

/* Adds one of the header's values to the wishes. A malformed element is passed over. */
static void
hear(struct wishes *w, const char *s)
{
	int which = OTHER_LANGUAGE, q = 0;

	for (; *(s += strspn(s, " \t,")) != '\0'; s += strcspn(s, ",")) {
		w->places++;
		if (!take_element(s, &which, &q))
			continue;
		/* Of es-PE;q=0.8 and es;q=0.5 the better one counts: ours is both. */
		if (which != OTHER_LANGUAGE && q > w->of[which].q) {
			w->of[which].q = q;
			w->of[which].place = w->places;
		}
	}
}

enum language
language_choose(const char *const lists[], size_t n)
{
	struct wishes w = { .of = { { NOT_NAMED, 0 }, { NOT_NAMED, 0 }, { NOT_NAMED, 0 } } };
	int en, es;

	for (size_t i = 0; i < n; i++)
		hear(&w, lists[i]);
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
