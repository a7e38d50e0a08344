/*
 * origin - lists of web origins: https://desk.example, with commas or blanks between; "" for none.
 * source   the HTML standard, 7.1.1 (origins)
 */
#ifndef BASE_ORIGIN_H
#define BASE_ORIGIN_H

#include <stdbool.h>

/* origin_list_valid - every one is an origin as a browser writes it. */
bool origin_list_valid(const char *origins);

bool origin_list_empty(const char *origins);

/* origin_listed - the list names this origin. */
bool origin_listed(const char *origins, const char *origin);

#endif
