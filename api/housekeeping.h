/*
 * housekeeping - a thread for the process's background work: it reloads changed catalogues, marks
 * the sessions of accounts that ended all of them, deletes expired rows, makes partitions ahead, continues erasures, and
 * loads the addresses from which accounts signed in lately.
 *
 * It uses the pool as DB_PATIENT and may wait for locks. No request waits for it.
 */
#ifndef HOUSEKEEPING_H
#define HOUSEKEEPING_H

#include "http/request.h"

/* Jobs for housekeeping_wake: what may have changed in the database. */
#define HOUSEKEEPING_CATALOG  1U
#define HOUSEKEEPING_SESSIONS 2U

/*
 * housekeeping_start - starts the thread, which does all jobs at once and then every check_ms.
 * returns 0, or -1 (logged): the thread could not be created
 */
int housekeeping_start(struct app *app) MUSTCHECK;

/* housekeeping_wake - requests jobs (a mask of HOUSEKEEPING_x). Any thread; returns at once. */
void housekeeping_wake(unsigned jobs);

/* housekeeping_stop - ends the thread after its current statement, and waits for its end. */
void housekeeping_stop(void);

#endif
