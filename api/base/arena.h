/*
 * arena - memory that one request owns and that is freed in one place.
 *
 * The functions never return NULL: a process that cannot get memory for a
 * request of bounded size ends itself (abort) and is started again by its
 * supervisor; nothing acknowledged is lost by that.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"

struct arena_block;
struct arena {
	struct arena_block *head;
	unsigned char *at; /* where there is room, aligned for any type */
	size_t left;
};

/* arena_init - an empty arena; it allocates nothing until it is used. */
void arena_init(struct arena *a);

/* arena_init_with - the same; the first that is asked for comes from these bytes of the caller's. */
void arena_init_with(struct arena *a, void *bytes, size_t size);

/* arena_alloc - size bytes, aligned for any type, not cleared. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));

/* arena_copy - the n bytes at s with a NUL behind them. */
char *arena_copy(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));

/* arena_printf - a formatted string, owned by the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3)
    __attribute__((returns_nonnull));

/* arena_free - gives everything back; the arena is empty and may be used again. */
void arena_free(struct arena *a);

#endif
