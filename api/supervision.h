/*
 * supervision - notifies systemd when the service is ready, alive and stopping (sd_notify(3)).
 * Does nothing without NOTIFY_SOCKET.
 *
 * READY=1      once a connection to a database with a current schema is open, and the catalogues
 *              and sign-outs are loaded
 * STATUS=…     whenever that changes
 * WATCHDOG=1   at half of the watchdog's interval, while the service makes progress: within the
 *              longest time that a request may take, the pool's keeper thread looped, and a request
 *              was answered or none was in flight. The thread also takes the locks that every
 *              request takes, so a deadlock silences it. It sends no request of its own: a service
 *              whose threads are all in use must not be killed.
 * STOPPING=1   when draining begins
 */
#ifndef SUPERVISION_H
#define SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

struct app;

/* supervision_start - starts the thread. returns 0; or -1: it could not be created. */
int supervision_start(struct app *app) MUSTCHECK;

/* supervision_stop - ends the thread and sends STOPPING=1. */
void supervision_stop(void);

/* The counters at the last check, and when each last showed progress. All zero at first. */
struct progress {
	int64_t laps, keeper_ms; /* loops of the keeper thread (pool_counts); when they last grew */
	uint64_t answered;
	int64_t requests_ms; /* when a request was last answered, or none was in flight */
};

/*
 * progress_made - records the counters of now_ms.
 * returns false when the keeper thread or the requests made no progress for longer than limit_ms
 */
bool progress_made(struct progress *p, int64_t now_ms, int64_t laps, uint64_t answered,
    int in_flight, int64_t limit_ms);

#endif
