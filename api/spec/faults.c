/*
 * faults - the list of what is wrong with a request, and where.
 */
#include <string.h>
#include "spec/field_name.h"
#include "spec/walk.h"

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

/* Of a field that the table does not have, its last member's name. */
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
	/* Past the bound the caller still gets a fault that it may fill in; nobody sees it. */
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

	/* Where it points elsewhere the field is still this one. */
	if (pointer == NULL) {
		f->field = field_of(NULL, field_pointer(NULL, field, fs->arena), fs->arena);
		f->label = faults_label(fs, f->field);
	}
	return f;
}

void
walk_fault(const struct walk *w, const struct at *at, enum text text, const char *argument)
{
	const char *pointer = walk_pointer(w, at);

	faults_add(w->fs, pointer, text, walk_called(w, pointer), argument);
}

const char *
walk_count(const struct walk *w, size_t n, enum text one, enum text many)
{
	return message_count(w->fs->arena, w->fs->language, n, one, many);
}

bool
walk_is_full(const struct walk *w)
{
	return w->fs->count >= FAULTS_MAX;
}

/* A name as a reference token in a URI fragment: RFC 6901, sections 3 and 6. */
static char *
put_name(char *p, const char *name, size_t length)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._!$&'()*+,;=:@?";
	unsigned char c;

	for (; length > 0; name++, length--) {
		c = (unsigned char)*name;
		if (c == '~' || c == '/') {
			*p++ = '~';
			*p++ = c == '~' ? '0' : '1';
		} else if (strchr(plain, c) != NULL) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	return p;
}

const char *
walk_pointer(const struct walk *w, const struct at *at)
{
	const char *up;
	char *pointer, *p;
	size_t n;

	if (at->up == NULL)
		return at->name;
	up = walk_pointer(w, at->up);
	if (at->name == NULL)
		return arena_printf(w->fs->arena, "%s/%zu", up, at->index);
	n = strlen(up);
	pointer = arena_alloc(w->fs->arena, n + 1 + 3 * at->length + 1);
	memcpy(pointer, up, n);
	p = pointer + n;
	*p++ = '/';
	p = put_name(p, at->name, at->length);
	*p = '\0';
	return pointer;
}

const char *
walk_called(const struct walk *w, const char *pointer)
{
	return faults_label(w->fs, field_of(w->fs->op, pointer, w->fs->arena));
}

const char *
walk_called_inside(const struct walk *w, const char *pointer)
{
	return faults_label_inside(w->fs, field_of(w->fs->op, pointer, w->fs->arena));
}

void
walk_fault_inside(const struct walk *w, const struct at *at, enum text text)
{
	const char *pointer = walk_pointer(w, at);

	faults_add(w->fs, pointer, text, walk_called_inside(w, pointer));
}
