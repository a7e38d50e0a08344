/*
 * version - what this program is. The commit is the build's (Makefile).
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define VERSION "1.0.0"

extern const char version_commit[];

#endif
