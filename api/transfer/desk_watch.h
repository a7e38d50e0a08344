/*
 * desk_watch - whether the desk works beside an import, which then rests for some of the time: on few cores its work, and the database's for
 * it, would stand in the way of requests.
 */
#ifndef TRANSFER_DESK_WATCH_H
#define TRANSFER_DESK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* Used by one thread. answered_ms 0: nothing was seen yet, and `busy` is what the caller assumes. */
struct desk_watch {
	uint64_t answered; /* requests, at answered_ms */
	int64_t answered_ms;
	bool busy;
};

/* desk_is_busy - whether many requests were answered lately: since the last call, or for some time if that was just before. */
bool desk_is_busy(struct desk_watch *w);

/* desk_rest - sleeps, for half a second at most. */
void desk_rest(int64_t ms);

#endif
