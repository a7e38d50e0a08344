#include "field/unicode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* Text whose code points are all below this one is in NFC (UAX #15, 9.1). */
#define FIRST_COMBINING 0x300

enum unicode_class
unicode_class(unicode_t c)
{
	if (c > 0x20 && c < 0x7F)
		return UNICODE_VISIBLE;
	if ((c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029)
		return UNICODE_BREAK;
	if (uc_is_property_white_space(c) || c == 0x2800)
		return UNICODE_BLANK;
	if (c < 0x20 || (c >= 0x7F && c < 0xA0) || uc_is_property_not_a_character(c))
		return UNICODE_CONTROL;
	if (c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
	    (c >= 0x2066 && c <= 0x2069))
		return UNICODE_DIRECTION;
	if (c == 0x200C || c == 0x200D)
		return UNICODE_JOINER;
	if (uc_is_property_variation_selector(c))
		return UNICODE_VARIATION;
	return uc_is_property_default_ignorable_code_point(c) ? UNICODE_IGNORED : UNICODE_VISIBLE;
}

bool
unicode_is_hyphen(unicode_t c)
{
	return c == '-' || c == 0x2212 ||
	       (c >= 0x80 && uc_is_general_category(c, UC_DASH_PUNCTUATION));
}

const char *
unicode_next(const char *s, unicode_t *ret_c)
{
	return (const char *)u8_next(ret_c, (const uint8_t *)s);
}

static bool
may_change(const char *s)
{
	unicode_t c;

	for (; (s = unicode_next(s, &c)) != NULL;)
		if (c >= FIRST_COMBINING)
			return true;
	return false;
}

const char *
unicode_nfc(struct arena *a, const char *s)
{
	size_t n = strlen(s), length = 0;
	const char *result = s;
	uint8_t *made;

	if (!may_change(s))
		return s;
	/* The library allocates the result, as NFC may be longer than its input. */
	made = u8_normalize(UNINORM_NFC, (const uint8_t *)s, n, NULL, &length);
	if (made == NULL)
		abort(); /* only malloc can fail here; abort as the arena does */
	if (length != n || memcmp(made, s, n) != 0)
		result = arena_copy(a, (const char *)made, length);
	free(made);
	return result;
}

/* The marks that unicode_fold drops; others, such as those of Hebrew, are letters to their readers. */
#define LAST_COMBINING 0x36F

const char *
unicode_fold(struct arena *a, const char *s)
{
	size_t length = 0;
	uint8_t *apart =
	    u8_tolower((const uint8_t *)s, strlen(s), NULL, UNINORM_NFD, NULL, &length);
	char *made, *to;
	const uint8_t *at, *end;

	if (apart == NULL)
		abort();
	made = to = arena_alloc(a, length + 1);
	for (at = apart, end = apart + length; at < end;) {
		ucs4_t c;
		int n = u8_mbtoucr(&c, at, (size_t)(end - at));

		if (n <= 0)
			break;
		if (unicode_class(c) == UNICODE_BLANK)
			to += to > made && to[-1] != ' ' ? (*to = ' ', 1) : 0;
		else if (c < FIRST_COMBINING || c > LAST_COMBINING)
			to = mempcpy(to, at, (size_t)n);
		at += n;
	}
	to -= to > made && to[-1] == ' ';
	*to = '\0';
	free(apart);
	return made;
}
