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
	size_t size;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

void
arena_init(struct arena *a)
{
	a->head = NULL;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->head;
	size_t need, room;
	void *p;

	if (size > SIZE_MAX / 2)
		abort();
	/* Rounding every size up keeps every start aligned. */
	need = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (b == NULL || b->size - b->used < need) {
		room = need > BLOCK_BYTES ? need : BLOCK_BYTES;
		b = malloc(sizeof(*b) + room);
		if (b == NULL)
			abort();
		b->next = a->head;
		b->size = room;
		b->used = 0;
		a->head = b;
	}
	p = b->bytes + b->used;
	b->used += need;
	return p;
}

char *
arena_copy(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n > 0) /* s may be NULL then */
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text, *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	s = arena_copy(a, text, (size_t)n);
	free(text);
	return s;
}

void
arena_free(struct arena *a)
{
	struct arena_block *b;

	while ((b = a->head) != NULL) {
		a->head = b->next;
		free(b);
	}
}
