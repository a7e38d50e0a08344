/*
 * sender - turns events into deliveries, and delivers them: a thread in every process, with libcurl's multi interface.
 *
 * Processes share the work by leases (webhook_claim). A lease outlives an attempt, so what a killed process had taken is attempted by
 * another one: a receiver gets each event at least once. No transaction and no lock is open while a receiver is waited for.
 */
#ifndef EVENT_SENDER_H
#define EVENT_SENDER_H

#include "base/base.h"

struct app;

/* sender_start - starts the thread; after target_init. Returns -1 (logged) if it cannot. */
int sender_start(struct app *app) MUSTCHECK;

/* sender_wake - something was changed that may be sent at once. What was claimed before and has not begun is given back first. Any thread. */
void sender_wake(void);

/* sender_end - no new attempts; those under way get up to 5 s, and wait_ms at most. Returns at once. */
void sender_end(int wait_ms);

/* sender_stop - waits for the thread's end, after sender_end. Deliveries whose attempts did not end are given back. */
void sender_stop(void);

#endif
