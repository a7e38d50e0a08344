/*
 * worker - a thread that runs calls at the database for another thread, its owner, which does something else meanwhile.
 */
#ifndef EVENT_WORKER_H
#define EVENT_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include "db/query.h"

#define WORKER_CALLS 3

struct worker {
	/* For worker.c alone. */
	struct pool *pool;
	void (*done)(void);
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	enum { WORKER_IDLE, WORKER_ASKED, WORKER_DONE } state;
	bool ending;
	struct call calls[WORKER_CALLS];
	int ncalls;
	struct result *results[WORKER_CALLS];
	enum db_status status;
	struct db_error error;
	bool failing; /* the last calls failed */
};

/*
 * worker_start - starts the thread.
 * done     is called on the thread when calls have been run
 * returns  -1 if it cannot
 */
int worker_start(struct worker *w, struct pool *pool, void (*done)(void)) MUSTCHECK;

/* worker_begin - has calls run, as db_run does; all before were taken. Their parameters are borrowed until worker_take. */
void worker_begin(struct worker *w, const struct call *calls, int ncalls);

enum worker_outcome {
	WORKER_WAITS, /* calls have not been run yet, or there are none */
	WORKER_FAILED, /* nothing is known of what they did; the first failure and the recovery are logged */
	WORKER_STORED, /* results were set, owned by the caller */
};

/* worker_take - takes what came of calls. For one thread, the owner of all workers. */
enum worker_outcome worker_take(struct worker *w, struct result *ret_results[]) MUSTCHECK;

/* worker_stop - waits for the calls that run, and ends the thread. worker_take can still be called, so its lock stays. */
void worker_stop(struct worker *w);

#endif
