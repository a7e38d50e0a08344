/*
 * outcomes - what came of attempts, gathered as the JSON array that delivery_finish takes. It is written as text at once: as jansson's values it took a fifth of the sender's
 * instructions.
 */
#ifndef EVENT_OUTCOMES_H
#define EVENT_OUTCOMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/base.h"

struct outcome {
	int64_t id;
	const char *lease;
	bool ok;
	int64_t wait_s; /* what the receiver asked for; 0: nothing */
	int64_t at_us; /* Unix time */
	int64_t duration_ms;
	long status; /* 0: no answer */
	const char *error, *detail, *answer; /* UTF-8; NULL: none */
};

/* Its address stays the same, as the stream knows it. */
struct outcomes {
	int n;
	/* For outcomes.c alone. */
	FILE *out;
	char *text;
	size_t length;
};

/* outcomes_begin - with none. */
void outcomes_begin(struct outcomes *o);

/* outcomes_add - adds one. */
void outcomes_add(struct outcomes *o, const struct outcome *one);

/* outcomes_take - the array of all, with their number, which the caller frees; begins anew. */
char *outcomes_take(struct outcomes *o, int *ret_n);

/* outcomes_add_all - adds those of an array that outcomes_take returned. */
void outcomes_add_all(struct outcomes *o, const char *array, int n);

/* outcomes_end - frees all. */
void outcomes_end(struct outcomes *o);

#endif
