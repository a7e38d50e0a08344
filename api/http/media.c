#include "http/media.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Bytes of the media type at s, without blanks before its parameters. */
static size_t
type_length(const char *s)
{
	return strcspn(s, " \t;,");
}

static bool
range_matches(const char *range, size_t length, const char *type)
{
	size_t main_length = strcspn(type, "/") + 1;

	if (length == 3 && strncmp(range, "*/*", 3) == 0)
		return true;
	if (length == main_length + 1 && range[length - 1] == '*')
		return strncasecmp(range, type, main_length) == 0;
	return length == strlen(type) && strncasecmp(range, type, length) == 0;
}

/* The q of a range's parameters; 1 where there is none. */
static double
quality_of(const char *params)
{
	for (; *params == ';'; params += strcspn(params, ";,")) {
		params = skip_blanks(params + 1);
		if (strncasecmp(params, "q=", 2) == 0)
			return strtod(params + 2, NULL);
	}
	return 1;
}

/* How precisely a range matches: 0 not at all, 1 as any type, 2 as any subtype, 3 exactly. */
static int
precision(const char *range, size_t length, const char *type)
{
	if (!range_matches(range, length, type))
		return 0;
	if (range[length - 1] != '*')
		return 3;
	return range[0] == '*' ? 1 : 2;
}

double
media_quality(const char *accept, const char *type)
{
	int best = 0;
	double quality = 0;

	if (accept == NULL || *skip_blanks(accept) == '\0')
		return 1;
	/* The most precise range decides (RFC 9110, 12.5.1). */
	while (*(accept = skip_blanks(accept)) != '\0') {
		size_t length = type_length(accept);
		const char *params = skip_blanks(accept + length);
		int fit = length > 0 ? precision(accept, length, type) : 0;

		if (fit > best) {
			best = fit;
			quality = quality_of(params);
		}
		accept = params + strcspn(params, ",");
		accept += *accept == ',';
	}
	return quality;
}

bool
media_accepts(const char *accept, const char *type)
{
	return media_quality(accept, type) > 0;
}

/* Finds the value at s, quoted or not; ret_value: its first byte. Returns its length; -1: malformed. */
static long
value_length(const char *s, const char **ret_value)
{
	size_t n;

	if (*s != '"') {
		*ret_value = s;
		return (long)strcspn(s, "; \t");
	}
	*ret_value = s + 1;
	n = strcspn(s + 1, "\"");
	return s[1 + n] == '"' ? (long)n : -1;
}

static bool
is_utf8(const char *charset, long length)
{
	return (length == 5 && strncasecmp(charset, "utf-8", 5) == 0) ||
	       (length == 4 && strncasecmp(charset, "utf8", 4) == 0);
}

/* Whether every charset parameter is UTF-8; JSON has no other parameters (RFC 8259, 11), so those are ignored. */
static bool
charsets_are_utf8(const char *params)
{
	while (*(params = skip_blanks(params)) == ';') {
		const char *name = skip_blanks(params + 1), *value;
		size_t n = strcspn(name, "=; \t");
		long length;

		params = name + n;
		if (*params != '=')
			continue;
		length = value_length(params + 1, &value);
		if (length < 0)
			return false;
		params = value + length + (value[-1] == '"');
		if (n == strlen("charset") && strncasecmp(name, "charset", n) == 0 &&
		    !is_utf8(value, length))
			return false;
	}
	return *params == '\0';
}

bool
media_is(const char *content_type, const char *type)
{
	size_t length;

	if (content_type == NULL)
		return false;
	length = strcspn(content_type, " \t;");
	return length == strlen(type) && strncasecmp(content_type, type, length) == 0 &&
	       charsets_are_utf8(content_type + length);
}
