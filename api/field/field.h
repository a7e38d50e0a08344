/*
 * field - what people type and paste: one table of field types, each with its
 * normal form and its own form.
 *
 * A body's members, query parameters, the command line and whatever else takes
 * text from people ask here. They take the normal form first, and check,
 * count, compare and store that alone. What the document calls
 * `x-field: phone` is the type of that name; passwords and tokens have none, and are never touched.
 *
 * name, label, text   one line of text. NFC; white space at both ends is
 *                     dropped, a run of blanks within is one space; characters
 *                     that are drawn as nothing are dropped, but for those that
 *                     join letters of a script other than Latin. Refused: control characters, line
 *                     breaks, characters that change the direction of writing.
 *                     A type for several lines does not exist, for no member has any.
 * phone, document_number, serial_number, username, login
 *                     blanks, direction and zero-width characters are dropped
 *                     wherever they stand; separators (hyphens, dots, slashes, brackets) too in the
 *                     first three. A phone is its 9 digits, without 0051, +51 or 51. Letters
 *                     of a document, username or login are capitals. A login is any username, or an id.
 * email, code, id, date, birth_date, day, moment
 *                     white space at both ends and zero-width characters are dropped.
 *
 * Well-formed ASCII that is in its normal form already, which is nearly all there is, is looked at
 * once and neither copied nor allocated.
 */
#ifndef FIELD_FIELD_H
#define FIELD_FIELD_H

#include "base/arena.h"
#include "base/messages.h"

struct field;

/* field_named - the type of that name; NULL: there is none. */
const struct field *field_named(const char *name);

/*
 * field_normal - the normal form of text. Bytes that are not UTF-8 stay as they
 * are, and so does what has no normal form: field_fault() then refuses it.
 * The normal form of a normal form is itself.
 * returns text itself where that is its normal form, else a copy in the arena
 */
const char *field_normal(const struct field *f, struct arena *a, const char *text);

/* field_fault - what is wrong with a normal form: a FAULT with {1}, the member's name; TEXT_NONE: nothing. */
enum text field_fault(const struct field *f, const char *normal);

/* field_trim - drops white space at both ends of well-formed UTF-8, in place; returns its new start. */
char *field_trim(char *text);

/*
 * document_fault - whether a normal document number has the form that its type asks for;
 * code is that of catalogue document_type.
 * returns  TEXT_NONE; or a FAULT, of which TEXT_document_dni_zero has {1}, the number with its zero
 */
enum text document_fault(const char *code, const char *number);

#endif
