/*
 * origin - lists of web origins: https://desk.example, separated by commas or blanks; "": none.
 * Safe from any thread. Source: the HTML standard, 7.1.1 (origins).
 */
#ifndef BASE_ORIGIN_H
#define BASE_ORIGIN_H

#include <stdbool.h>

/* origin_list_valid - returns whether every entry is an origin as a browser writes it. */
bool origin_list_valid(const char *origins);

/* origin_list_empty - returns whether the list has no entry. */
bool origin_list_empty(const char *origins);

/* origin_listed - returns whether the list contains this origin. */
bool origin_listed(const char *origins, const char *origin);

#endif
