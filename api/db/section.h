/*
 * section - the part of a migration's file that is applied.
 */
#ifndef DB_SECTION_H
#define DB_SECTION_H

#include <stddef.h>

/* A migration's text between its `-- migrate:` marks; all of it without marks. */
struct section {
	const char *start;
	size_t length;
	int first_line; /* line number of start in the file, from 1 */
};

/* section_up - what is to be run of a migration's text. */
struct section section_up(const char *text);

#endif
