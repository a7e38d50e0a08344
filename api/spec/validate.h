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
#include "base/arena.h"
#include "base/messages.h"

struct operation;
struct schema;

/* One fault. Strings live in the arena given to validate(), or are constant. */
struct fault {
	const char
	    *pointer; /* "#/actions/0/action" (RFC 6901 in a URI fragment, percent-encoded) */
	const char *code; /* stable: "required", "type", "choice_unknown", … */
	const char
	    *field; /* the same name whichever request it is in: "actions.action" (field.h) */
	const char *label; /* what people call the field, in the language of the list */
	const char *detail; /* one sentence, in the language of the list */
	const char *const *allowed; /* legal values or codes, NULL-terminated; or NULL */
	int level; /* of a choice: the level that failed, 1 = the first; 0 = no choice */
	struct fault *next;
};

/* The faults found so far, in the order found; at most FAULTS_MAX are kept. */
#define FAULTS_MAX 100
struct faults {
	struct arena *arena;
	enum language language;
	const struct operation *op; /* whose request it is, for the fields; NULL: none */
	struct fault *first;
	struct fault **last;
	int count;
};

void faults_init(
    struct faults *fs, struct arena *arena, enum language language, const struct operation *op);

/* faults_label - what people call a field, in the language of the list: by itself, or inside a sentence. */
const char *faults_label(const struct faults *fs, const char *field);
const char *faults_label_inside(const struct faults *fs, const char *field);

/*
 * faults_add(fs, pointer, TEXT_x, args...) - notes a fault: a FAULT of
 * base/messages.def, with strings for its {1}, {2}, … The pointer must outlive
 * the arena or be in it.
 */
#define faults_add(fs, pointer, ...) faults_note(fs, pointer, MESSAGE(__VA_ARGS__))
struct fault *faults_note(
    struct faults *fs, const char *pointer, enum text text, const char *const args[]);

/*
 * faults_add_field(fs, field, elsewhere, TEXT_x, args...) - the same for who knows the field
 * and not the request: the pointer is where the body holds the field, which may have numbers
 * of rows ("actions.0.final_state"), or `elsewhere` in a body that cannot hold it.
 */
#define faults_add_field(fs, field, elsewhere, ...)                                                \
	faults_note_field(fs, field, elsewhere, MESSAGE(__VA_ARGS__))
struct fault *faults_note_field(struct faults *fs, const char *field, const char *elsewhere,
    enum text text, const char *const args[]);

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

/* Called at start for names met in the document: false = unknown, and the start fails. */
struct schema_names {
	bool (*catalog)(const char *name);
	bool (*rule)(const char *name);
};

/*
 * schema_compile - turns a schema of the document into what validate() walks.
 *
 * root     the whole document, for $ref; both must outlive the schema.
 *          A $ref may lead back into what it is in (a tree); validate() then
 *          goes as deep as the value is nested, which the caller bounds.
 * returns  the schema, kept for the life of the process (schema_free exists
 *          for tests); or NULL with ret_err filled in: where, and which keyword
 */
struct schema *schema_compile(const json_t *root, const json_t *node,
    const struct schema_names *names, char *ret_err, size_t err_size) MUSTCHECK;
void schema_free(struct schema *s);

/* schema_component - the one of root's components/schemas that node's $ref names; NULL: none. */
const json_t *schema_component(const json_t *root, const json_t *node);

/*
 * validate - adds every fault of value to fs, and brings what is in value (an object or an
 * array; itself it stays) into its normal form; pointer is where it stands ("#" for a body).
 * returns  whether something in value was written anew
 */
bool validate(const struct schema *s, json_t *value, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs);

/* schema_personal - whether values of this schema are marked x-personal. */
bool schema_personal(const struct schema *s);

/*
 * validate_text - the same for a parameter that came as text: converted to the
 * schema's type first (integer, boolean, string).
 * returns  its normal form: text itself, or in the arena of fs
 */
const char *validate_text(const struct schema *s, const char *text, const char *pointer,
    const struct validate_hooks *hooks, struct faults *fs);

#endif
