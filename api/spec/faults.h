/*
 * faults - the list of what is wrong with a request, in the order found.
 */
#ifndef SPEC_FAULTS_H
#define SPEC_FAULTS_H

#include "base/arena.h"
#include "base/messages.h"

struct operation;

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

#endif
