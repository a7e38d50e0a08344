#include <endian.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * The length in bytes of the UTF-8 character at s; 0: malformed. The range of
 * the second byte depends on the first (RFC 3629, section 4): this refuses
 * overlong forms, surrogates and everything above U+10FFFF.
 */
static size_t
utf8_sequence(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t length, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (length > n)
		return 0;

	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xBF)
			return 0;
	return length;
}

bool
text_is_utf8(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t length;

	while (n > 0) {
		if ((length = utf8_sequence(p, n)) == 0)
			return false;
		p += length;
		n -= length;
	}
	return true;
}

size_t
text_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		if (((unsigned char)*s & 0xC0) != 0x80)
			n++;
	return n;
}

bool
text_is_id(const char *s)
{
	static const char largest[] = "9223372036854775807";
	const size_t most = sizeof(largest) - 1;
	size_t n = 0;

	if (s[0] == '0')
		return false;
	while (n < most && is_digit(s[n]))
		n++;
	if (n == 0 || s[n] != '\0')
		return false;
	return n < most || strcmp(s, largest) <= 0;
}

/* The value of the n digits at s; -1: one is not a digit. */
static int
number(const char *s, size_t n)
{
	int value = 0;

	for (; n > 0; s++, n--) {
		if (!is_digit(*s))
			return -1;
		value = value * 10 + (*s - '0');
	}
	return value;
}

bool
text_is_date(const char *s)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, last;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
		return false;
	year = number(s, 4);
	month = number(s + 5, 2);
	day = number(s + 8, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	last = days[month - 1];
	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		last = 29;
	return day <= last;
}

/* Two digits whose value is at most `most`. */
static bool
is_up_to(const char *s, int most)
{
	int value = number(s, 2);

	return value >= 0 && value <= most;
}

bool
text_is_instant(const char *s)
{
	size_t n = strlen(s), fraction;
	char day[11] = "";

	if (n < 20 || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[n - 1] != 'Z')
		return false;
	memcpy(day, s, 10);
	if (!text_is_date(day))
		return false;
	if (!is_up_to(s + 11, 23) || !is_up_to(s + 14, 59) || !is_up_to(s + 17, 59))
		return false;
	if (n == 20)
		return true;
	fraction = strspn(s + 20, "0123456789");
	return s[19] == '.' && fraction > 0 && 20 + fraction == n - 1;
}

bool
text_days_reversed(const char *from, const char *to)
{
	if (from == NULL || to == NULL || text_is_date(from) != text_is_date(to))
		return false;
	return strncmp(from, to, strlen("YYYY-MM-DDTHH:MM:SS")) > 0;
}

bool
text_is_ruc(const char *s)
{
	static const int weights[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
	int prefix, check, sum = 0;
	size_t i;

	if (strlen(s) != 11)
		return false;
	for (i = 0; i < 11; i++)
		if (!is_digit(s[i]))
			return false;
	prefix = number(s, 2);
	if (prefix != 10 && prefix != 20 && (prefix < 15 || prefix > 17))
		return false;

	for (i = 0; i < NITEMS(weights); i++)
		sum += weights[i] * (s[i] - '0');
	/* 11 - sum mod 11 is 1 to 11; its last digit is the check digit: 10 -> 0, 11 -> 1. */
	check = (11 - sum % 11) % 10;
	return s[10] - '0' == check;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
text_percent_decode(char *s, bool plus)
{
	const char *in;
	char *out = s;
	int high, low;

	for (in = s; *in != '\0'; in++) {
		if (*in == '+' && plus) {
			*out++ = ' ';
		} else if (*in != '%') {
			*out++ = *in;
		} else {
			if ((high = hex_value(in[1])) < 0 || (low = hex_value(in[2])) < 0)
				return false;
			if (high == 0 && low == 0)
				return false;
			*out++ = (char)(high * 16 + low);
			in += 2;
		}
	}
	*out = '\0';
	return text_is_utf8(s, (size_t)(out - s));
}

static uint32_t
rotated(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

/* Up to four bytes as a little-endian integer. */
static uint32_t
word(const unsigned char *p, size_t n)
{
	uint32_t w = 0;

	memcpy(&w, p, n < 4 ? n : 4);
	return le32toh(w);
}

static void
mix(uint32_t x[static 3])
{
	static const int by[] = { 4, 6, 8, 16, 19, 4 };

	/* Unrolled, the indices and shifts are constants: three times as fast. */
#pragma GCC unroll 6
	for (size_t i = 0; i < NITEMS(by); i++) {
		uint32_t *a = &x[i % 3], *b = &x[(i + 1) % 3], *c = &x[(i + 2) % 3];

		*a = (*a - *c) ^ rotated(*c, by[i]);
		*c += *b;
	}
}

static void
mix_final(uint32_t x[static 3])
{
	static const int by[] = { 14, 11, 25, 16, 4, 14, 24 };

	for (size_t i = 0; i < NITEMS(by); i++) {
		uint32_t *to = &x[(i + 2) % 3], from = x[(i + 1) % 3];

		*to = (*to ^ from) - rotated(from, by[i]);
	}
}

void
text_tag(const char *s, size_t n, char ret_tag[static TEXT_TAG_SIZE])
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t start = 0x9e3779b9U + (uint32_t)n + 3923095U, x[3] = { start, start, start };

	for (; n >= 12; p += 12, n -= 12) {
		x[0] += word(p, 4);
		x[1] += word(p + 4, 4);
		x[2] += word(p + 8, 4);
		mix(x);
	}
	/* The lowest byte of x[2] is reserved for the length, so its bytes are shifted by 8. */
	x[0] += word(p, n);
	x[1] += n > 4 ? word(p + 4, n - 4) : 0;
	x[2] += n > 8 ? word(p + 8, n - 8) << 8 : 0;
	mix_final(x);
	text_put_hex(ret_tag, (uint64_t)x[1] << 32 | x[2]);
}

char *
text_put_number(char *out, uint64_t n)
{
	char digits[TEXT_NUMBER_SIZE], *at = digits + sizeof(digits);

	*--at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return stpcpy(out, at);
}

char *
text_put_hex(char *out, uint64_t n)
{
	char digits[TEXT_NUMBER_SIZE], *at = digits + sizeof(digits);

	*--at = '\0';
	do
		*--at = "0123456789abcdef"[n % 16];
	while ((n /= 16) > 0);
	return stpcpy(out, at);
}
