#include "base/json_text.h"

#include <string.h>

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* p is just after the opening quote; returns the position after the closing one. */
static const char *
skip_string(const char *p, const char *end)
{
	const char *from = p, *quote;

	while ((quote = memchr(p, '"', (size_t)(end - p))) != NULL) {
		size_t backslashes = 0;

		while (quote - backslashes > from && quote[-1 - (ptrdiff_t)backslashes] == '\\')
			backslashes++;
		/* An odd number of backslashes escapes the quote. */
		if (backslashes % 2 == 0)
			return quote + 1;
		p = quote + 1;
	}
	return end;
}

/* The characters at which skip_value must decide; it passes over all others. */
static const bool structural[256] = {
	['"'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true, [','] = true
};

static const char *
skip_value(const char *p, const char *end)
{
	int depth = 0;

	for (;;) {
		while (p < end && !structural[(unsigned char)*p])
			p++;
		if (p == end)
			return end;
		switch (*p) {
		case '"':
			p = skip_string(p + 1, end);
			break;
		case '{':
		case '[':
			depth++;
			p++;
			continue;
		case ',':
			if (depth == 0)
				return p;
			p++;
			continue;
		default:
			/* This closes the container that holds the value. */
			if (depth == 0)
				return p;
			depth--;
			p++;
		}
		/* Strings, objects and arrays end here, without a delimiter. */
		if (depth == 0)
			return p;
	}
}

bool
json_text_next(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	const char *p = rest->at, *end = rest->at + rest->length, *from;

	p = skip_blanks(p, end);
	if (p == end || (*p != '{' && *p != '[' && *p != ','))
		return false;
	p = skip_blanks(p + 1, end);
	if (p == end || *p == '}' || *p == ']')
		return false;
	*ret_name = (struct span){ p, 0 };
	if (*p == '"') {
		const char *after = skip_string(p + 1, end), *colon = skip_blanks(after, end);

		if (colon < end && *colon == ':') {
			*ret_name = (struct span){ p + 1, (size_t)(after - p) - 2 };
			p = skip_blanks(colon + 1, end);
		}
	}
	from = p;
	p = skip_value(p, end);
	*rest = (struct span){ p, (size_t)(end - p) };
	while (p > from && (p[-1] == ' ' || p[-1] == '\n'))
		p--;
	*ret_value = (struct span){ from, (size_t)(p - from) };
	return true;
}

bool
json_text_is(struct span span, const char *text)
{
	return strlen(text) == span.length && memcmp(span.at, text, span.length) == 0;
}

bool
json_text_member(struct span object, const char *name, struct span *ret_value)
{
	struct span member, value;

	while (json_text_next(&object, &member, &value)) {
		if (json_text_is(member, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

const char *
json_text_dump(struct arena *arena, const json_t *value, size_t *ret_length)
{
	size_t length = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
	char *text = arena_alloc(arena, length);

	json_dumpb(value, text, length, JSON_COMPACT | JSON_ENCODE_ANY);
	*ret_length = length;
	return text;
}

int
json_text_depth(const char *text, size_t length, int max)
{
	int depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < length && deepest <= max; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
		} else if (text[i] == '"') {
			in_string = true;
		} else if (text[i] == '[' || text[i] == '{') {
			if (++depth > deepest)
				deepest = depth;
		} else if (text[i] == ']' || text[i] == '}') {
			depth--;
		}
	}
	return deepest;
}
