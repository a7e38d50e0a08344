#include "field/field.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "field/unicode.h"
#include "field/username.h"

/* How a type is normalized. */
enum {
	LINE = 1, /* a line of text; without this bit: a word, to which the bits below apply */
	BLANKS = 2, /* remove white space everywhere, not only at both ends */
	SEPARATORS = 4, /* remove hyphens, dots, slashes and brackets */
	UPPER = 8, /* make letters capitals */
	COUNTRY = 16, /* remove Peru's country code */
	ACCOUNT = 32 /* a username */
};

struct field {
	const char *name;
	unsigned how;
	enum text (*fault)(const char *normal); /* NULL: any text will do */
	struct field_form
	    form; /* its fault function accepts exactly this; no pattern: no fixed form */
	const char *first_day; /* the earliest day; NULL: none */
};

#define FIRST_BIRTH "1900-01-01"
#define FIRST_DATE  "1990-01-01" /* older than any of the operator's lines */
/* Bounds of a filter; clients send distant days to mean "all". */
#define FIRST_DAY   "1900-01-01"
#define LAST_DAY    "2999-12-31"
#define YEARS_AHEAD 10

static bool
consists_of(const char *s, size_t length, const char *characters)
{
	return strlen(s) == length && strspn(s, characters) == length;
}

static enum text
line_fault(const char *normal)
{
	enum unicode_class class;
	unicode_t c;

	if (normal[0] == '\0')
		return TEXT_field_blank;
	for (;;) {
		while (*normal >= ' ' && *normal < 127)
			normal++;
		if ((normal = unicode_next(normal, &c)) == NULL)
			return TEXT_NONE;
		class = unicode_class(c);
		if (class == UNICODE_BREAK || class == UNICODE_CONTROL ||
		    class == UNICODE_DIRECTION)
			return TEXT_field_characters;
	}
}

static enum text
phone_fault(const char *normal)
{
	return normal[0] == '9' && consists_of(normal, 9, "0123456789") ? TEXT_NONE
									: TEXT_phone_form;
}

static enum text
document_number_fault(const char *normal)
{
	size_t n = strlen(normal);

	return n > 0 && n <= 20 && strspn(normal, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == n
		   ? TEXT_NONE
		   : TEXT_document_number_form;
}

static enum text
serial_number_fault(const char *normal)
{
	return consists_of(normal, 16, "0123456789") ? TEXT_NONE : TEXT_serial_number_form;
}

/* The date types check only the range: the schema's format refuses what is not a date. */
static enum text
birth_date_fault(const char *normal)
{
	return text_is_date(normal) && strcmp(normal, FIRST_BIRTH) < 0 ? TEXT_birth_date_early
								       : TEXT_NONE;
}

/* The last day that the type date accepts. */
static void
last_date(char ret_day[static FIELD_DAY_SIZE])
{
	time_t now = (time_t)clock_epoch_s();
	struct tm tm;

	gmtime_r(&now, &tm);
	tm.tm_year += YEARS_AHEAD;
	strftime(ret_day, FIELD_DAY_SIZE, "%Y-%m-%d", &tm);
}

static enum text
date_fault(const char *normal)
{
	char last[FIELD_DAY_SIZE];

	if (!text_is_date(normal))
		return TEXT_NONE;
	last_date(last);
	return strcmp(normal, FIRST_DATE) < 0 || strcmp(normal, last) > 0 ? TEXT_date_range
									  : TEXT_NONE;
}

static enum text
day_fault(const char *normal)
{
	return text_is_date(normal) &&
		       (strcmp(normal, FIRST_DAY) < 0 || strcmp(normal, LAST_DAY) > 0)
		   ? TEXT_day_range
		   : TEXT_NONE;
}

static enum text
moment_fault(const char *normal)
{
	char day[FIELD_DAY_SIZE] = "";

	if (!text_is_date(normal) && !text_is_instant(normal))
		return TEXT_moment_form;
	memcpy(day, normal, strlen("YYYY-MM-DD"));
	return day_fault(day);
}

static const struct field fields[] = {
	{ "name", LINE, line_fault, { 0 }, NULL },
	{ "label", LINE, line_fault, { 0 }, NULL },
	{ "text", LINE, line_fault, { 0 }, NULL },
	{ "phone", BLANKS | SEPARATORS | COUNTRY, phone_fault, { "^9[0-9]{8}$", 9, 9 }, NULL },
	{ "document_number", BLANKS | SEPARATORS | UPPER, document_number_fault,
	    { "^[0-9A-Z]{1,20}$", 1, 20 }, NULL },
	{ "serial_number", BLANKS | SEPARATORS, serial_number_fault, { "^[0-9]{16}$", 16, 16 },
	    NULL },
	{ "username", BLANKS | ACCOUNT, username_fault,
	    { "^(E[0-9]{7}|[a-z][a-z0-9-]*)$", 1, USERNAME_MAX }, NULL },
	{ "login", BLANKS | ACCOUNT, NULL, { 0 }, NULL },
	{ "email", 0, NULL, { 0 }, NULL },
	{ "code", 0, NULL, { 0 }, NULL },
	{ "id", 0, NULL, { 0 }, NULL },
	{ "date", 0, date_fault, { 0 }, FIRST_DATE },
	{ "birth_date", 0, birth_date_fault, { 0 }, FIRST_BIRTH },
	{ "day", 0, day_fault, { 0 }, FIRST_DAY },
	{ "moment", 0, moment_fault, { 0 }, NULL },
};

const struct field *
field_named(const char *name)
{
	for (const struct field *f = fields; f < fields + NITEMS(fields); f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

struct field_form
field_form(const struct field *f)
{
	return f->form;
}

void
field_days(const struct field *f, char ret_first[static FIELD_DAY_SIZE],
    char ret_last[static FIELD_DAY_SIZE])
{
	strcpy(ret_first, f->first_day != NULL ? f->first_day : "");
	strcpy(ret_last, f->fault == day_fault ? LAST_DAY : "");
	if (f->fault == date_fault)
		last_date(ret_last);
}

/* ASCII characters that group digits: - . / ( ) */
static bool
is_separator(unicode_t c)
{
	return (c >= '-' && c <= '/') || c == '(' || c == ')';
}

/* The text is ASCII and already in normal form, apart from a country code. */
static bool
is_plain(const struct field *f, const char *s)
{
	const char *p = s;

	if ((f->how & LINE) != 0) {
		if (*s == ' ')
			return false;
		for (; *p >= ' ' && *p < 127; p++)
			if (*p == ' ' && (p[1] == ' ' || p[1] == '\0'))
				return false;
		return *p == '\0';
	}
	for (; *p > ' ' && *p < 127; p++) {
		if ((f->how & UPPER) != 0 && *p >= 'a' && *p <= 'z')
			return false;
		if ((f->how & ACCOUNT) != 0 && *p >= 'A' && *p <= 'Z' && !username_is_person(s))
			return false;
		if ((f->how & SEPARATORS) != 0 && is_separator((unicode_t)*p))
			return false;
	}
	return *p == '\0' && ((f->how & ACCOUNT) == 0 || *s != 'e' || !username_is_person(s));
}

/* A line being normalized. `made` has the size of the input: this step makes no text longer. */
struct line {
	char *made;
	size_t length, end; /* end: after the last character that is not white space */
	bool blank; /* a space is due before the next character */
	unicode_t last; /* the last character written; 0: none yet */
};

static void
line_add(struct line *l, const char *from, const char *to, unicode_t c)
{
	if (l->blank && l->length > 0)
		l->made[l->length++] = ' ';
	l->blank = false;
	memcpy(l->made + l->length, from, (size_t)(to - from));
	l->length += (size_t)(to - from);
	l->last = c;
	if (unicode_class(c) != UNICODE_BREAK)
		l->end = l->length;
}

/* Joiners and variation selectors have no effect next to ASCII characters: drop them there. */
static bool
line_keeps(const struct line *l, enum unicode_class class, const char *next)
{
	unicode_t c;

	if (l->blank || l->last < 0x80)
		return false;
	if (class == UNICODE_VARIATION)
		return unicode_class(l->last) == UNICODE_VISIBLE;
	return unicode_class(l->last) != UNICODE_JOINER && unicode_next(next, &c) != NULL &&
	       c >= 0x80 && unicode_class(c) == UNICODE_VISIBLE;
}

static const char *
line_normal(struct arena *a, const char *text)
{
	const char *s = unicode_nfc(a, text), *next;
	struct line l = { .made = arena_alloc(a, strlen(s) + 1) };
	unicode_t c;

	for (; (next = unicode_next(s, &c)) != NULL; s = next) {
		enum unicode_class class = unicode_class(c);

		switch (class) {
		case UNICODE_IGNORED:
			break;
		case UNICODE_BLANK:
			l.blank = true;
			break;
		case UNICODE_JOINER:
		case UNICODE_VARIATION:
			if (line_keeps(&l, class, next))
				line_add(&l, s, next, c);
			break;
		case UNICODE_BREAK:
			if (l.length > 0)
				line_add(&l, s, next, c);
			break;
		default:
			line_add(&l, s, next, c);
			break;
		}
	}
	l.made[l.end] = '\0';
	/* A removed character may have separated a letter from its accent: compose again. */
	return unicode_nfc(a, l.made);
}

static bool
is_dropped(const struct field *f, unicode_t c)
{
	enum unicode_class class = unicode_class(c);

	if (class == UNICODE_BLANK || class == UNICODE_BREAK)
		return (f->how & BLANKS) != 0;
	if (class != UNICODE_VISIBLE)
		return class != UNICODE_CONTROL;
	return (f->how & SEPARATORS) != 0 && (is_separator(c) || unicode_is_hyphen(c));
}

/* Skips the country code if a mobile number follows it. */
static char *
without_country(char *number)
{
	static const char *const codes[] = { "+51", "0051", "51" };

	for (size_t i = 0; i < NITEMS(codes); i++) {
		size_t n = strlen(codes[i]);

		if (strncmp(number, codes[i], n) == 0 && phone_fault(number + n) == TEXT_NONE)
			return number + n;
	}
	return number;
}

static const char *
word_normal(const struct field *f, struct arena *a, const char *text)
{
	char *made = arena_alloc(a, strlen(text) + 1), *p = made;
	const char *s = text, *next;
	unicode_t c;

	for (; (next = unicode_next(s, &c)) != NULL; s = next) {
		if (is_dropped(f, c))
			continue;
		memcpy(p, s, (size_t)(next - s));
		if ((f->how & UPPER) != 0 && *p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
		if ((f->how & ACCOUNT) != 0 && *p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		p += next - s;
	}
	*p = '\0';
	made = field_trim(made);
	if ((f->how & ACCOUNT) != 0 && username_is_person(made))
		made[0] = 'E';
	return (f->how & COUNTRY) != 0 ? without_country(made) : made;
}

const char *
field_normal(const struct field *f, struct arena *a, const char *text)
{
	const char *normal;

	if (is_plain(f, text)) {
		/* Most phones have 9 digits, hence no country code. */
		if ((f->how & COUNTRY) == 0 || strlen(text) <= 9)
			return text;
	} else if (!text_is_utf8(text, strlen(text))) {
		return text;
	}
	normal = (f->how & LINE) != 0 ? line_normal(a, text) : word_normal(f, a, text);
	return strcmp(normal, text) == 0 ? text : normal;
}

enum text
field_fault(const struct field *f, const char *normal)
{
	if (f->fault == NULL)
		return TEXT_NONE;
	return is_plain(f, normal) || text_is_utf8(normal, strlen(normal)) ? f->fault(normal)
									   : TEXT_field_utf8;
}

char *
field_trim(char *text)
{
	const char *s, *next;
	char *end = text;
	unicode_t c;

	/* Fast path: no white space at either end. */
	if ((unsigned char)text[0] > ' ' && (unsigned char)text[0] < 127) {
		size_t n = strlen(text);

		if ((unsigned char)text[n - 1] > ' ' && (unsigned char)text[n - 1] < 127)
			return text;
	}
	for (s = text; (next = unicode_next(s, &c)) != NULL; s = next) {
		enum unicode_class class = unicode_class(c);

		if (class != UNICODE_BLANK && class != UNICODE_BREAK)
			end = text + (next - text);
		else if (end == text)
			end = text = text + (next - text);
	}
	*end = '\0';
	return text;
}

enum text
document_fault(const char *code, const char *number)
{
	if (strcmp(code, "dni") == 0 && !consists_of(number, 8, "0123456789"))
		return consists_of(number, 7, "0123456789") ? TEXT_document_dni_zero
							    : TEXT_document_dni;
	if (strcmp(code, "ruc") == 0 && !text_is_ruc(number))
		return TEXT_document_ruc;
	if ((strcmp(code, "ce") == 0 || strcmp(code, "pasaporte") == 0) && strlen(number) > 12)
		return TEXT_document_other;
	return TEXT_NONE;
}
