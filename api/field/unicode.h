/*
 * unicode - classes of characters, and NFC. Only unicode.c uses the Unicode
 * library (GNU libunistring). All functions are safe from any thread.
 */
#ifndef FIELD_UNICODE_H
#define FIELD_UNICODE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"

/* One code point; the same type as the library's ucs4_t. */
typedef uint32_t unicode_t;

enum unicode_class {
	UNICODE_VISIBLE, /* every character outside the other classes */
	UNICODE_BLANK, /* white space within a line; U+2800, an empty Braille cell */
	UNICODE_BREAK, /* white space that moves to another line or column: U+0009 to U+000D, U+0085, U+2028, U+2029 */
	UNICODE_CONTROL, /* the other control characters (Cc), and noncharacters, such as U+FFFE, which XML cannot hold */
	UNICODE_DIRECTION, /* U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069 */
	UNICODE_JOINER, /* U+200C and U+200D: they change how their neighbours are drawn */
	UNICODE_VARIATION, /* a variation selector: it changes how the preceding character is drawn */
	UNICODE_IGNORED /* the other invisible characters, such as U+200B, U+FEFF, U+00AD */
};

/* unicode_class - returns the class of a code point. */
enum unicode_class unicode_class(unicode_t c);

/* unicode_is_hyphen - a dash or hyphen of any script (Pd), or U+2212, the minus sign. */
bool unicode_is_hyphen(unicode_t c);

/*
 * unicode_next - reads the code point at s, NUL-terminated well-formed UTF-8.
 * returns the position after it; NULL at the end, with ret_c untouched
 */
const char *unicode_next(const char *s, unicode_t *ret_c);

/*
 * unicode_nfc - converts well-formed UTF-8 to normalization form C (UAX #15).
 * returns s itself where it is already in NFC, else a copy in the arena
 */
const char *unicode_nfc(struct arena *a, const char *s);

/*
 * unicode_fold - a label without what people overlook: case, accents, and how many blanks. The
 * database's label_folded() makes the same (db/migrations/0026_catalog_life.sql).
 *
 * s        well-formed UTF-8 in one line
 * returns  a copy in the arena
 */
const char *unicode_fold(struct arena *a, const char *s);

#endif
