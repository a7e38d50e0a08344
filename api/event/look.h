/*
 * look - turns events into deliveries, and counts what waits, on a worker. For the sender's thread, but for look_wake.
 */
#ifndef EVENT_LOOK_H
#define EVENT_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

struct app;

/* look_start - starts the worker, which calls done on its thread when it has ended something. Returns -1 if it cannot. */
int look_start(struct app *app, void (*done)(void)) MUSTCHECK;

/* look_wake - look for events soon. Any thread. */
void look_wake(void);

/*
 * look_work - begins what is due, and takes what has ended.
 * ret_found  set to true when there may be new deliveries
 * returns    when something is due, by clock_ms(); INT64_MAX: when the worker has ended what it does
 */
int64_t look_work(int64_t now_ms, bool *ret_found);

/* look_enabled - how many webhooks are enabled. */
int look_enabled(void);

/* look_stop - ends the worker, after what it does. */
void look_stop(void);

#endif
