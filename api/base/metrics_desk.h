/*
 * metrics_desk - what the desk has open, as the database was last looked at (housekeeping.c). Safe from any thread.
 */
#ifndef BASE_METRICS_DESK_H
#define BASE_METRICS_DESK_H

#include <stdbool.h>
#include <stdint.h>

#define METRICS_STAGES_MAX 16

struct metrics_desk {
	bool seen; /* it was looked at */
	int nstages; /* further stages are left out */
	struct {
		char code[64];
		int64_t open; /* opportunities */
	} stages[METRICS_STAGES_MAX];
	int64_t follow_ups_overdue; /* -1: not counted */
	int64_t contacts_without_opportunity; /* of the last 24 hours */
};

void metrics_desk_set(const struct metrics_desk *desk);
void metrics_desk_read(struct metrics_desk *ret);

#endif
