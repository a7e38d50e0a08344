/*
 * import_work - two threads that check and store the rows of imports.
 *
 * Each step is one transaction of the database (import_step of 0043_import_blocks.sql), on a connection
 * of the thread's own. Two transactions work at a time, whoever's they are; the other threads look every
 * check_ms whether a place is free. A step of a process that was killed is rolled back, and any process
 * does it again.
 */
#ifndef TRANSFER_IMPORT_WORK_H
#define TRANSFER_IMPORT_WORK_H

#include "base/base.h"

struct app;

/* import_work_start - starts the threads. Returns 0; -1 (logged): there are none. */
int import_work_start(struct app *app) MUSTCHECK;

/* import_work_wake - there is something to do. Any thread; returns at once. */
void import_work_wake(void);

/* import_work_stop - ends the threads after their steps, and waits for their end. */
void import_work_stop(void);

#endif
