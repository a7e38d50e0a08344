#include "spec/compiler.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

int
compiler_fail(const struct compiler *c, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(c->err, c->err_size, "%s%s%s", c->place, c->place[0] != '\0' ? ": " : "", what);
	return -1;
}

void *
compiler_alloc(struct compiler *c, size_t n, size_t size)
{
	/* n counts something of the embedded document: the product cannot overflow. */
	void *p = arena_alloc(c->arena, n * size);

	return memset(p, 0, n * size);
}
