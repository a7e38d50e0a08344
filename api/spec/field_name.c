#include "spec/field_name.h"

#include <string.h>

#include "base/messages.h"
#include "spec/operation.h"
#include "spec/schema.h"

#define DIGITS	"0123456789"
#define CAPITAL "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* The section whose bodies may contain the other sections. */
#define WHOLE "opportunity"

static bool
is_section(const char *name, size_t length)
{
	const struct section_words *s;

	for (size_t i = 0; (s = message_section(i)) != NULL; i++) {
		if (strlen(s->code) == length && memcmp(s->code, name, length) == 0)
			return true;
	}
	return false;
}

bool
field_section_known(const char *name)
{
	return is_section(name, strlen(name));
}

static const struct parameter *
query_parameter(const struct operation *op, const char *name, size_t length)
{
	for (int i = 0; i < op->nparams; i++) {
		const struct parameter *p = &op->params[i];

		if (!p->in_path && strlen(p->name) == length && memcmp(p->name, name, length) == 0)
			return p;
	}
	return NULL;
}

/* The section of a path whose first step is name; "": none. Names in capitals are headers. */
static const char *
section_of(const struct operation *op, const char *name, size_t length)
{
	const struct parameter *p = op != NULL ? query_parameter(op, name, length) : NULL;
	const char *section = p != NULL ? p->section : op != NULL ? op->section : NULL;

	if (section == NULL || strchr(CAPITAL, name[0]) != NULL)
		return "";
	if (strcmp(section, WHOLE) == 0 && is_section(name, length))
		return "";
	return section;
}

const char *
field_of(const struct operation *op, const char *pointer, struct arena *arena)
{
	const char *body = op != NULL && op->section != NULL ? op->section : "body", *section;
	const char *p = pointer + strspn(pointer, "#/?"), *last = "";
	size_t last_length = 0;
	char *field, *end;

	if (*p == '\0')
		return body;
	section = section_of(op, p, strcspn(p, "/"));
	field = arena_alloc(arena, strlen(section) + 1 + strlen(p) + 1);
	end = stpcpy(field, section);
	for (size_t n; *p != '\0'; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n > 0 && strspn(p, DIGITS) == n)
			continue;
		/* A tree's field has one name at any depth. */
		if (n == last_length && memcmp(p, last, n) == 0)
			continue;
		last = p;
		last_length = n;
		if (end > field)
			*end++ = '.';
		memcpy(end, p, n);
		end += n;
	}
	*end = '\0';
	return *field != '\0' ? field : body;
}

static bool
body_has(const struct operation *op, const char *name, size_t length)
{
	for (size_t i = 0; op->body != NULL && i < op->body->nproperties; i++) {
		const char *property = op->body->properties[i].name;

		if (strlen(property) == length && memcmp(property, name, length) == 0)
			return true;
	}
	return false;
}

const char *
field_pointer(const struct operation *op, const char *field, struct arena *arena)
{
	size_t n = strcspn(field, ".");
	const char *path = field;
	char *pointer;

	if (op != NULL && op->section != NULL && is_section(field, n)) {
		if (strlen(op->section) == n && memcmp(op->section, field, n) == 0)
			path = field[n] == '.' ? field + n + 1 : "";
		else if (strcmp(op->section, WHOLE) != 0)
			return NULL;
	}
	if (*path == '\0')
		return "#";
	if (op != NULL && !body_has(op, path, strcspn(path, ".")))
		return NULL;
	pointer = arena_printf(arena, "#/%s", path);
	for (char *p = pointer; *p != '\0'; p++)
		*p = *p == '.' ? '/' : *p;
	return pointer;
}
