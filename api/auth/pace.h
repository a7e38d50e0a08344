/*
 * pace - holds what a thread computes to a share of a core, once it has used up what it had saved.
 *
 * A thread that computes for long takes its core from the others, whatever its
 * niceness: who wakes up finds one core less. Held to its pace it computes in slices
 * shorter than anybody notices, and sleeps in between, wherever in a library it may
 * be: a timer of the thread's interrupts it, and the signal's handler sleeps.
 * source   timer_create(2), SIGEV_THREAD_ID; signal-safety(7), nanosleep
 */
#ifndef AUTH_PACE_H
#define AUTH_PACE_H

#include <stdint.h>
#include <time.h>
#include "base/base.h"

/* Of one core, in the long run: a fifth. */
#define PACE_SHARE 5
/* What is saved up at the most, in time of a core; and what must be there to go at full speed. */
#define PACE_SAVED_US 4000000
#define PACE_LEAST_US 250000

/* A thread's own; nobody else uses it. */
struct pace {
	timer_t timer;
	int64_t saved_us, at_us, used_us; /* used_us: the thread's processor time when it began */
};

/* pace_init - for the calling thread. returns -1 when there is no timer for it. */
int pace_init(struct pace *p) MUSTCHECK;

/* pace_begin, pace_end - around what the thread is to be held to. */
void pace_begin(struct pace *p);
void pace_end(struct pace *p);

#endif
