/*
 * pattern - the patterns that a schema may have. Private to api/spec.
 */
#ifndef SPEC_PATTERN_H
#define SPEC_PATTERN_H

#include "base/base.h"

/*
 * pattern_check - is p written in the part of POSIX extended regular
 * expressions that means the same in ECMA-262?
 * returns NULL, or what is wrong with it
 */
const char *pattern_check(const char *p) MUSTCHECK;

#endif
