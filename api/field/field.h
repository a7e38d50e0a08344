/*
 * field - one table of field types: how typed or pasted text is normalized and checked.
 *
 * Every source of such text uses this table: members of bodies, query parameters, the command line.
 * The caller first takes the normal form; then it checks, counts, compares and stores only that.
 * openapi.yaml names the type with x-field (`x-field: phone`). Passwords and tokens have no field
 * type and are never changed.
 *
 * name, label, text   One line of text in NFC. White space at both ends is removed, and white space
 *                     within a line becomes one space. Invisible characters are removed, except
 *                     those that join letters of non-Latin scripts. Refused: control characters,
 *                     line breaks, characters that change the direction of writing. There is no
 *                     type for several lines, as no member needs one.
 * phone, document_number, serial_number, username, login
 *                     Blanks, direction marks and zero-width characters are removed everywhere; in
 *                     the first three types also separators (hyphens, dots, slashes, brackets). A
 *                     phone is its 9 digits, without 0051, +51 or 51. Letters of a document number,
 *                     username or login become capitals. A login is a username or an id.
 * email, code, id, date, birth_date, day, moment
 *                     White space at both ends and zero-width characters are removed.
 *
 * ASCII text that is already in normal form, which is nearly all input, is scanned once and
 * neither copied nor allocated. All functions are safe from any thread.
 */
#ifndef FIELD_FIELD_H
#define FIELD_FIELD_H

#include "base/arena.h"
#include "base/messages.h"

struct field;

/* field_named - returns the type of that name; NULL: there is none. */
const struct field *field_named(const char *name);

/*
 * field_normal - normalizes text. Idempotent. Text that is not UTF-8 or cannot be normalized is
 * returned as it is, and field_fault() refuses it.
 * returns text itself where it is already in normal form, else a copy in the arena
 */
const char *field_normal(const struct field *f, struct arena *a, const char *text);

/* field_fault - checks a normal form. Returns a FAULT whose {1} is the field's label, or TEXT_NONE. */
enum text field_fault(const struct field *f, const char *normal);

/*
 * field_form - what the normal forms of a type are, for a client that wants to check before it
 * sends: a text is a normal form without fault if and only if it matches the pattern. A type
 * without a fixed form has the pattern NULL.
 */
struct field_form {
	const char *pattern; /* the same in POSIX and ECMA-262 */
	size_t min_length, max_length;
};
struct field_form field_form(const struct field *f);

/*
 * field_days - writes the first and the last day that a type accepts, YYYY-MM-DD; "" where there is
 * no bound, and for types that are no days.
 */
#define FIELD_DAY_SIZE 16
void field_days(
    const struct field *f, char ret_first[FIELD_DAY_SIZE], char ret_last[FIELD_DAY_SIZE]);

/* field_trim - removes white space at both ends of UTF-8, in place; returns its new start. */
char *field_trim(char *text);

/*
 * document_fault - checks that a normal document number has the form of its document type.
 *
 * code     the type's code in the catalogue document_type
 * returns  TEXT_NONE, or a FAULT; {1} of TEXT_document_dni_zero is the number with its lost zero
 */
enum text document_fault(const char *code, const char *number);

#endif
