#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most requests fit in one block: a body, its reply and a few small strings. */
#define BLOCK_BYTES 8192

struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) unsigned char bytes[];
};

#define ALIGN alignof(max_align_t)

void
arena_init(struct arena *a)
{
	a->head = NULL;
	a->at = NULL;
	a->left = 0;
}

void
arena_init_with(struct arena *a, void *bytes, size_t size)
{
	size_t skip = (ALIGN - (uintptr_t)bytes % ALIGN) % ALIGN;

	arena_init(a);
	a->at = (unsigned char *)bytes + skip;
	a->left = size - skip;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b;
	size_t need;
	void *p;

	if (size > SIZE_MAX / 2)
		abort();
	/* Rounding every size up keeps every start aligned. */
	need = (size + (size == 0) + ALIGN - 1) / ALIGN * ALIGN;
	if (a->left < need) {
		a->left = need > BLOCK_BYTES ? need : BLOCK_BYTES;
		b = malloc(sizeof(*b) + a->left);
		if (b == NULL)
			abort();
		b->next = a->head;
		a->head = b;
		a->at = b->bytes;
	}
	p = a->at;
	a->at += need;
	a->left -= need;
	return p;
}

char *
arena_copy(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n > 0) /* s may be NULL when n is 0 */
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	/* Format straight into the free bytes; only when they are too few, format again. */
	va_start(ap, fmt);
	n = vsnprintf((char *)a->at, a->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if ((size_t)n < a->left)
		return arena_alloc(a, (size_t)n + 1);
	text = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void
arena_free(struct arena *a)
{
	struct arena_block *b;

	while ((b = a->head) != NULL) {
		a->head = b->next;
		free(b);
	}
	a->left = 0;
}
