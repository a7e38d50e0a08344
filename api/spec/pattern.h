/*
 * pattern - which regular expressions a schema may contain. Private to api/spec.
 */
#ifndef SPEC_PATTERN_H
#define SPEC_PATTERN_H

#include "base/base.h"

/*
 * pattern_check - checks that the regular expression p means the same as a POSIX extended one
 * and in ECMA-262.
 * returns NULL, or what is wrong with it ("an empty bracket expression")
 */
const char *pattern_check(const char *p) MUSTCHECK;

#endif
