/*
 * supervision - says to systemd when the service is ready, that it is alive,
 * and when it stops. Without NOTIFY_SOCKET nothing is done.
 *
 * READY=1      once there is a database with a current schema, and the catalogues
 * STATUS=…     whenever that changes
 * WATCHDOG=1   at half of the interval asked for, by a thread that looks before
 *              it says so: it takes the locks that every request takes, and so
 *              is silent with them; the pool's keeper must have made a lap, and,
 *              while requests are in flight, one of them have come to its end,
 *              within the longest time that they may take. Not by a request of
 *              its own: a service with all its threads in use is not to be killed for it.
 * STOPPING=1   at the start of draining
 */
#ifndef SUPERVISION_H
#define SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

struct app;

/* supervision_start - starts the thread. returns 0; or -1: there is none to be had. */
int supervision_start(struct app *app) MUSTCHECK;

/* supervision_stop - says STOPPING=1, and ends the thread. */
void supervision_stop(void);

/* How far the service had come at one look, and since when nothing has moved. */
struct progress {
	int64_t laps, keeper_ms; /* of the keeper; when they were seen to grow */
	uint64_t answered;
	int64_t requests_ms; /* when one had come to its end, or none was in flight */
};

/*
 * progress_made - notes what is seen at now_ms, and judges it. Begins with progress all zero.
 * returns false when keeper or requests have stood still for longer than limit_ms
 */
bool progress_made(struct progress *p, int64_t now_ms, int64_t laps, uint64_t answered,
    int in_flight, int64_t limit_ms);

#endif
