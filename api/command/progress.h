/*
 * progress - how far a long command is: a bar on a terminal, a line now and then elsewhere. On standard error.
 */
#ifndef COMMAND_PROGRESS_H
#define COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* "opportunities" */
	uint64_t all; /* 0: unknown */
	bool terminal;
	int64_t began_ms, shown_ms; /* by clock_ms() */
};

/* progress_begin - all: how many there will be; 0: unknown. */
void progress_begin(struct progress *p, const char *what, uint64_t all);

/* progress_at - so many are done. It writes seldom, so it may be called often. */
void progress_at(struct progress *p, uint64_t done);

/* progress_end - the last line. file: where they are, "-": standard output. */
void progress_end(struct progress *p, uint64_t done, const char *file, bool whole);

#endif
