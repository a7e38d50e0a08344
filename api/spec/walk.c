#include "spec/walk.h"

#include <string.h>

#include "spec/faults.h"
#include "spec/field_name.h"

void
walk_fault(const struct walk *w, const struct at *at, enum text text, const char *argument)
{
	const char *pointer = walk_pointer(w, at);

	faults_add(w->fs, pointer, text, walk_label(w, pointer), argument);
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

/* Writes a name as a reference token in a URI fragment (RFC 6901, sections 3 and 6). */
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
walk_label(const struct walk *w, const char *pointer)
{
	return faults_label(w->fs, field_of(w->fs->op, pointer, w->fs->arena));
}

const char *
walk_label_inside(const struct walk *w, const char *pointer)
{
	return faults_label_inside(w->fs, field_of(w->fs->op, pointer, w->fs->arena));
}

void
walk_fault_inside(const struct walk *w, const struct at *at, enum text text)
{
	const char *pointer = walk_pointer(w, at);

	faults_add(w->fs, pointer, text, walk_label_inside(w, pointer));
}
