#include "spec/faults.h"

#include <string.h>

#include "spec/field_name.h"

void
faults_init(
    struct faults *fs, struct arena *arena, enum language language, const struct operation *op)
{
	fs->arena = arena;
	fs->language = language;
	fs->op = op;
	fs->first = NULL;
	fs->last = &fs->first;
	fs->count = 0;
}

/* The label of a field that the table does not have: the name of its last member. */
static const char *
last_member(const char *field)
{
	const char *dot = strrchr(field, '.');

	return dot != NULL ? dot + 1 : field;
}

const char *
faults_label(const struct faults *fs, const char *field)
{
	const struct label *l = message_label(field);

	return l != NULL ? l->words[fs->language] : last_member(field);
}

const char *
faults_label_inside(const struct faults *fs, const char *field)
{
	const struct label *l = message_label(field);

	return l != NULL ? l->inside[fs->language] : last_member(field);
}

struct fault *
faults_note(struct faults *fs, const char *pointer, enum text text, const char *const args[])
{
	struct fault *f = arena_alloc(fs->arena, sizeof(*f));

	memset(f, 0, sizeof(*f));
	f->pointer = pointer;
	f->code = message_code(text);
	f->detail = "";
	/* Beyond FAULTS_MAX the caller still gets a fault to fill in; it is not in the list. */
	if (fs->count >= FAULTS_MAX)
		return f;

	f->field = field_of(fs->op, pointer, fs->arena);
	f->label = faults_label(fs, f->field);
	f->detail = message_write(fs->arena, fs->language, text, args);
	*fs->last = f;
	fs->last = &f->next;
	fs->count++;
	return f;
}

struct fault *
faults_note_field(struct faults *fs, const char *field, const char *elsewhere, enum text text,
    const char *const args[])
{
	const char *pointer = field_pointer(fs->op, field, fs->arena);
	struct fault *f = faults_note(fs, pointer != NULL ? pointer : elsewhere, text, args);

	/* The pointer leads elsewhere: do not derive the field from it. */
	if (pointer == NULL) {
		f->field = field_of(NULL, field_pointer(NULL, field, fs->arena), fs->arena);
		f->label = faults_label(fs, f->field);
	}
	return f;
}
