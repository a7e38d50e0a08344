/*
 * version - the program's version, and the Git commit that it was built from (Makefile).
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define VERSION "1.0.0"

extern const char version_commit[];

#endif
