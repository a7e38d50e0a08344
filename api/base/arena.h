/*
 * arena - memory that one owner (a request, a snapshot) frees all at once.
 *
 * An arena is not safe to share between threads. The functions never return
 * NULL: when malloc fails they call abort(), and the supervisor starts the
 * process again; PostgreSQL holds everything that was acknowledged.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"

struct arena_block;
struct arena {
	struct arena_block *head;
	unsigned char *at; /* the next free byte, aligned for any type */
	size_t left; /* free bytes from there on */
};

/* arena_init - makes the arena empty; allocates nothing. */
void arena_init(struct arena *a);

/* arena_init_with - the same, but the first allocations use the caller's `size` bytes. */
void arena_init_with(struct arena *a, void *bytes, size_t size);

/* arena_alloc - returns size bytes, aligned for any type, not cleared. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));

/* arena_copy - returns a copy of the n bytes at s, terminated with NUL. */
char *arena_copy(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));

/* arena_printf - returns a formatted string. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3)
    __attribute__((returns_nonnull));

/* arena_free - frees everything; the arena is empty and may be used again. */
void arena_free(struct arena *a);

#endif
