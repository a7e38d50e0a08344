/*
 * feed - GET /v1/events: what changed, in an order in which none appears before one that was read already (db/migrations/0030_events.sql).
 *
 * A request that waits holds its thread and no database connection. One thread of the process looks for new events while anybody waits.
 */
#ifndef EVENT_FEED_H
#define EVENT_FEED_H

#include "base/base.h"

struct app;

/* feed_start - starts the thread that looks for new events. Returns -1 when there is none. */
int feed_start(struct app *app) MUSTCHECK;

/* feed_stop - ends it; after the last request. */
void feed_stop(void);

#endif
