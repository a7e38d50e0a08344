/*
 * base - macros that the whole program uses.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stddef.h>

/* The caller must use the returned value. */
#define MUSTCHECK	   __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

#endif
