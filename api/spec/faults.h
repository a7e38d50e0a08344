/*
 * faults - the list of a request's faults. One request owns it: it is not shared between threads.
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
	const char *field; /* the same in every request: "actions.action" (field_name.h) */
	const char *label; /* what users call the field, in the language of the list */
	const char *detail; /* one sentence, in the language of the list */
	const char *const *allowed; /* legal values or codes, NULL-terminated; or NULL */
	int level; /* of a choice: the level that failed, 1 is the first; 0: not a choice */
	struct fault *next;
};

/* The faults of one request, in the order found; after FAULTS_MAX no more are added. */
#define FAULTS_MAX 100
struct faults {
	struct arena *arena;
	enum language language;
	const struct operation *op; /* the request's operation, for field names; NULL: none */
	struct fault *first;
	struct fault **last; /* where the next one is linked */
	int count;
};

/* faults_init - makes the list empty. */
void faults_init(
    struct faults *fs, struct arena *arena, enum language language, const struct operation *op);

/* faults_label - returns a field's label in the list's language: by itself, or inside a sentence. */
const char *faults_label(const struct faults *fs, const char *field);
const char *faults_label_inside(const struct faults *fs, const char *field);

/*
 * faults_add(fs, pointer, TEXT_x, args...) - adds a fault: a FAULT of
 * base/messages.def and strings for its {1}, {2}, … The pointer must outlive
 * the arena or be in it. Returns the fault, never NULL.
 */
#define faults_add(fs, pointer, ...) faults_note(fs, pointer, MESSAGE(__VA_ARGS__))
struct fault *faults_note(
    struct faults *fs, const char *pointer, enum text text, const char *const args[]);

/*
 * faults_add_field(fs, field, elsewhere, TEXT_x, args...) - the same, for a caller that knows the
 * field ("actions.0.final_state"; indices allowed) but not the shape of the request. The pointer
 * is that of the field in the body, or `elsewhere` if the body cannot contain it.
 */
#define faults_add_field(fs, field, elsewhere, ...)                                                \
	faults_note_field(fs, field, elsewhere, MESSAGE(__VA_ARGS__))
struct fault *faults_note_field(struct faults *fs, const char *field, const char *elsewhere,
    enum text text, const char *const args[]);

#endif
