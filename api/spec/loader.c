#include "spec/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "spec/schema_compile.h"

int
loader_fail(const struct loader *l, const char *fmt, ...)
{
	char what[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(l->err, l->err_size, "%s%s%s", l->place, l->place[0] != '\0' ? ": " : "", what);
	return -1;
}

size_t
loader_enter(struct loader *l, const char *step)
{
	size_t length = strlen(l->place);

	snprintf(l->place + length, sizeof(l->place) - length, "%s%s", length > 0 ? "." : "", step);
	return length;
}

void
loader_leave(struct loader *l, size_t length)
{
	l->place[length] = '\0';
}

struct schema *
loader_compile(struct loader *l, const json_t *node)
{
	char why[512];
	struct schema *s;

	s = schema_compile(l->doc->root, node, l->names, why, sizeof(why));
	if (s == NULL && loader_fail(l, "%s", why) == -1)
		return NULL;
	return s;
}
