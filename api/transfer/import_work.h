/*
 * import_work - a thread that checks and stores the rows of imports.
 *
 * Each step is one transaction of the database (import_step of 0032_imports.sql), on a connection of
 * the thread's own. One process works at a time; the others look every check_ms whether its place is
 * free. A step of a process that was killed is rolled back, and any process does it again.
 */
#ifndef TRANSFER_IMPORT_WORK_H
#define TRANSFER_IMPORT_WORK_H

#include "base/base.h"

struct app;

/* import_work_start - starts the thread. Returns 0; -1 (logged): there is none. */
int import_work_start(struct app *app) MUSTCHECK;

/* import_work_wake - there is something to do. Any thread; returns at once. */
void import_work_wake(void);

/* import_work_stop - ends the thread after its step, and waits for its end. */
void import_work_stop(void);

#endif
