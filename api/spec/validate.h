/*
 * validate - checks a JSON value against a schema of the document, reports all faults, and
 * brings the value into its normal form.
 *
 * Schemas are a closed subset of JSON Schema 2020-12, compiled at start. Keywords:
 *   type (name or list of names), required, properties, additionalProperties
 *   (false or true), items, minLength, maxLength, minimum, maximum, minItems,
 *   maxItems, minProperties, uniqueItems, pattern, format, enum, const,
 *   oneOf (each branch an object with `required`, and for generated types `properties`), $ref to
 *   #/components/schemas/…; description, title, examples, example, default,
 *   readOnly, writeOnly, deprecated are ignored. Extensions:
 *   x-catalog NAME     the string is a code of that catalogue: calls hooks->choice
 *                      (what may follow the name: catalog_check of catalog/catalog.h)
 *   x-field NAME       the string is normalized and checked as that field type (field/field.h);
 *                      where null is allowed, an empty normal form becomes null. x-catalog
 *                      implies x-field code
 *   x-rule NAME        a rule over the whole object: calls hooks->rule after its members are
 *                      checked
 *   x-words NAME       with pattern or oneOf: the fault's text, a FAULT of base/messages.def with
 *                      the code pattern or one_of. Without x-words a general text shows the
 *                      pattern or the names of the members
 *   x-personal         true: answers may mask the value, so a masked value in a request is a fault
 * Any other keyword stops the server at start. Patterns are POSIX extended regular expressions
 * that mean the same in ECMA-262: no \d, no look-ahead, no unescaped dot, [^…] only before *, +
 * or the end (pattern.c). uniqueItems needs maxItems. A $ref may have description, default and
 * examples next to it.
 * All keywords apply to the normal form. A number without a fraction is an integer, however it is
 * written (3.0, 1e2); its normal form is digits only. Lengths count code points. Formats: date,
 * date-time (in UTC, ending in Z), email, digits; int32 and int64 are ignored, as minimum and
 * maximum bound an integer; any other stops the server at start.
 * This code knows nothing of HTTP, catalogues or the database.
 */
#ifndef SPEC_VALIDATE_H
#define SPEC_VALIDATE_H

#include <jansson.h>
#include <stdbool.h>
#include "spec/faults.h"

struct schema;

/* Checks that other code does; arg is passed through. */
struct validate_hooks {
	/* adds a fault at pointer unless code is a complete choice of the catalogue */
	void (*choice)(const char *catalog, const char *code, const char *pointer,
	    struct faults *fs, void *arg);
	/* adds the faults of the object at pointer; its members may be missing or of a wrong type */
	void (*rule)(const char *rule, const json_t *object, const char *pointer, struct faults *fs,
	    void *arg);
	void *arg;
};

/*
 * validate - adds every fault of value to fs, and replaces the members and items of value, at any
 * depth, by their normal forms. Safe from any thread, as are the functions below.
 *
 * pointer  where value stands in the request ("#": the body)
 * returns  whether something in value was replaced
 */
bool validate(const struct schema *s, json_t *value, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs);

/*
 * validate_text - the same for a parameter, which is text: converts it to the schema's type first
 * (integer, boolean, string).
 * returns  the normal form: text itself, or a string in the arena of fs
 */
const char *validate_text(const struct schema *s, const char *text, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs);

#endif
