/*
 * validate - a JSON value against a schema of the document: every fault, not the first;
 * and its normal form.
 *
 * A closed subset of JSON Schema 2020-12, compiled at start. Keywords:
 *   type (name or list of names), required, properties, additionalProperties
 *   (false or true), items, minLength, maxLength, minimum, maximum, minItems,
 *   maxItems, minProperties, uniqueItems, pattern, format, enum, const,
 *   oneOf (each branch an object with `required` alone), $ref to
 *   #/components/schemas/…; description, title, examples, example, default,
 *   readOnly, writeOnly, deprecated are passed over; and ours:
 *   x-catalog NAME     the string is a choice of that catalogue: hooks->choice
 *   x-field NAME       what people type and paste: the text is brought into the normal form of
 *                      that field type (field/field.h) and must have its own form; "" or
 *                      blanks where null is allowed become null. x-catalog implies x-field code
 *   x-rule NAME        a rule over the whole object: hooks->rule, called after
 *                      its members were looked at
 *   x-words NAME       beside pattern or oneOf: what is said when it does not match, a text of
 *                      base/messages.def with the code pattern or one_of; else the pattern, or
 *                      the names of the members, are shown
 * Any other keyword stops the server at start. Patterns are POSIX extended
 * regular expressions that mean the same in ECMA-262: no \d, no look-ahead (and
 * no bare dot, and [^…] only before *, + or the end: see pattern.c). uniqueItems needs a
 * maxItems; $ref may have description, default and examples beside it.
 * All keywords hold for the normal form. A number without a fraction is an integer, however
 * it is written (3.0, 1e2), and its normal form has digits alone.
 * Lengths are in characters. Formats: date, date-time (in UTC, with a Z), email,
 * digits; int32 and int64, which say nothing here, for the bounds of an integer are
 * its minimum and maximum; any other stops the start.
 * Knows nothing of HTTP, catalogues or the database.
 */
#ifndef SPEC_VALIDATE_H
#define SPEC_VALIDATE_H

#include <jansson.h>
#include <stdbool.h>
#include "spec/faults.h"

struct schema;

/* What the validator asks of others; arg is passed through. */
struct validate_hooks {
	/* a choice: adds a fault at pointer when code is no legal whole choice of the catalogue */
	void (*choice)(const char *catalog, const char *code, const char *pointer,
	    struct faults *fs, void *arg);
	/* a rule over an object that is at pointer: adds what it finds; members may be absent or of a wrong type */
	void (*rule)(const char *rule, const json_t *object, const char *pointer, struct faults *fs,
	    void *arg);
	void *arg;
};

/*
 * validate - adds every fault of value to fs, and brings what is in value (an object or an
 * array; itself it stays) into its normal form; pointer is where it stands ("#" for a body).
 * returns  whether something in value was written anew
 */
bool validate(const struct schema *s, json_t *value, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs);

/*
 * validate_text - the same for a parameter that came as text: converted to the
 * schema's type first (integer, boolean, string).
 * returns  its normal form: text itself, or in the arena of fs
 */
const char *validate_text(const struct schema *s, const char *text, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs);

#endif
