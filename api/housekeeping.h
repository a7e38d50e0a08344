/*
 * housekeeping - what a process does for itself beside requests, on a thread of its own: it loads changed
 * catalogues, ends the rows of sessions whose account ended them, removes what was kept for long enough,
 * and learns the addresses that accounts are known at.
 *
 * It uses the pool, patiently, and may wait for locks; nobody waits for it.
 */
#ifndef HOUSEKEEPING_H
#define HOUSEKEEPING_H

#include "http/request.h"

/* What may have changed. */
#define HOUSEKEEPING_CATALOG  1U
#define HOUSEKEEPING_SESSIONS 2U

/* housekeeping_start - does all of it at once, and again every check_ms. returns -1: no thread (logged) */
int housekeeping_start(struct app *app) MUSTCHECK;

/* housekeeping_wake - does these (HOUSEKEEPING_x) soon; from any thread, and waits for nothing. */
void housekeeping_wake(unsigned what);

/* housekeeping_stop - after what it does now. */
void housekeeping_stop(void);

#endif
